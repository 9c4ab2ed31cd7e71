"""GitHub's runner obeys us, and nobody whose output we print."""

import re
from collections.abc import Iterator

from github_hostile import hostile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.model.finding import Finding, Severity
from pipeline.report.github.workflow_commands import (
    add_mask,
    annotation_commands,
    command,
    fenced,
    group,
)

some = settings(max_examples=60, deadline=None)
KNOWN = {"error", "warning", "notice", "group", "endgroup", "add-mask", "set-output", "debug",
         "stop-commands", "save-state", "set-env", "add-path", "echo", "add-matcher"}  # fmt: skip
UNESCAPE = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))


class Runner:
    """Reads a log as actions/runner does (``ActionCommand.cs``, ``ActionCommandManager.cs``)."""

    def __init__(self) -> None:
        self.token = ""

    def obeyed(self, log: str) -> Iterator[tuple[str, dict[str, str], str]]:
        """The orders in a log: name, properties, message."""
        for line in re.split(r"\r\n|\r|\n", log):  # .NET's ReadLine
            found = self._second_form(line) or self._first_form(line)
            if found is None:
                continue
            name, properties, data = found
            if self.token:
                if name.lower() == self.token.lower():
                    self.token = ""
                continue
            if name == "stop-commands":
                self.token = data
            else:
                yield name, properties, data

    def _known(self, name: str) -> bool:
        return name.lower() in KNOWN or (bool(self.token) and name.lower() == self.token.lower())

    def _second_form(self, line: str) -> tuple[str, dict[str, str], str] | None:
        line = line.lstrip()
        if not line.startswith("::") or (end := line.find("::", 2)) < 0:
            return None
        name, _, rest = line[2:end].partition(" ")
        if not self._known(name):
            return None
        pairs = (pair.partition("=") for pair in rest.split(",") if pair.strip())
        properties = {key.strip(): _unescaped(value, is_property=True) for key, _, value in pairs}
        return name, properties, _unescaped(line[end + 2 :])

    def _first_form(self, line: str) -> tuple[str, dict[str, str], str] | None:
        begin = line.find("##[")
        end = line.find("]", begin)
        if begin < 0 or end < 0:
            return None
        name = line[begin + 3 : end].partition(" ")[0]
        return (name, {}, line[end + 1 :]) if self._known(name) else None


def _unescaped(text: str, *, is_property: bool = False) -> str:
    pairs = (("%3A", ":"), ("%2C", ",")) if is_property else ()
    for escaped, plain in (*pairs, *UNESCAPE):
        text = text.replace(escaped, plain)
    return text


def test_the_reader_can_be_fooled_where_nothing_is_fenced() -> None:
    log = "  ::error file=a.py,line=1::boom%0Aagain\n##[warning]x\n::stop-commands::t\n::error::y\n"
    assert list(Runner().obeyed(log)) == [
        ("error", {"file": "a.py", "line": "1"}, "boom\nagain"),
        ("warning", {}, "x"),
    ]


@some
@given(hostile)
@example("::error::x")
@example("\r::add-mask::x\u2028  ::error::x")
@example("##[error]x")
def test_foreign_text_is_not_obeyed(text: str) -> None:
    runner = Runner()
    assert list(runner.obeyed(fenced(text) + "::notice::after\n")) == [("notice", {}, "after")]
    assert not runner.token


def test_the_token_cannot_be_foreseen() -> None:
    assert fenced("x") != fenced("x")


@some
@given(hostile, hostile)
def test_an_order_says_just_what_it_was_given(message: str, value: str) -> None:
    line = command("error", message, title=value, line=3)
    assert "\n" not in line and "\r" not in line
    ((name, properties, said),) = Runner().obeyed(line)
    wanted = [one.encode("utf-8", "backslashreplace").decode() for one in (message, value)]
    # The runner undoes the escapes in an order in which `%250A` comes back as `%0A`: its own rule.
    assert (name, properties["line"]) == ("error", "3")
    assert said == wanted[0]
    assert properties.get("title", "") == wanted[1]


@some
@given(st.lists(st.builds(
    Finding, hostile, hostile, hostile, st.sampled_from([b"a.py", b"\xff", b"../x", None]),
    st.integers(0, 10**12), st.integers(-3, 10**12), st.integers(0, 10**12),
    st.sampled_from(Severity),
), max_size=60))  # fmt: skip  # the fields in their order
def test_no_finding_gives_another_order(findings: list[Finding]) -> None:
    found = list(Runner().obeyed("\n".join(annotation_commands(findings))))
    assert {name for name, _, _ in found} <= {"error", "warning", "notice"}
    for level in ("error", "warning", "notice"):
        assert sum(name == level for name, _, _ in found) <= 10
    told = len(found)
    if found and " not shown here" in found[-1][2]:
        told += int(found[-1][2].split(" ", 1)[0].replace(",", "")) - 1
    assert told == len(set(findings))


def test_the_worst_are_shown_and_the_rest_is_counted() -> None:
    findings = [
        Finding("t", f"C{n}", "m", b"a.py", n + 1, severity=severity)
        for severity in Severity
        for n in range(100)
    ]
    lines = annotation_commands(findings)
    assert [line.split(" ")[0] for line in lines[:-1]] == (
        ["::error"] * 10 + ["::warning"] * 10 + ["::notice"] * 9
    )
    assert lines[-1].startswith("::notice::271 more findings not shown here.")


@some
@given(hostile)
def test_a_mask_hides_all_of_a_value(value: str) -> None:
    line = add_mask(value)
    if not value.strip():
        assert line == ""
        return
    ((name, _, said),) = Runner().obeyed(line)
    assert (name, said) == ("add-mask", value.encode("utf-8", "backslashreplace").decode())


def test_a_group_is_closed_again() -> None:
    found = list(Runner().obeyed(group("a\n::error::b", "::endgroup::\n::error::x")))
    assert [name for name, _, _ in found] == ["group", "endgroup"]
