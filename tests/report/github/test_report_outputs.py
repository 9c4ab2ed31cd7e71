"""What is handed on arrives as it was, and brings nothing else with it."""

import pytest
from github_hostile import hostile
from github_views import RUN, Told, make_view
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.base.errors import BugError
from pipeline.report.github.outputs import as_outputs, output, run_outputs

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True)


def read(text: str) -> dict[str, str]:
    """Read a file of outputs as actions/runner does (``FileCommandManager.cs``), on Linux."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, here = line.find("="), line.find("<<")
        if equals >= 0 and (here < 0 or equals < here):
            found[line[:equals]] = line[equals + 1 :]
            continue
        assert here > 0, f"invalid format: {line!r}"
        name, delimiter = line[:here], line[here + 2 :]
        assert delimiter
        value = []
        for inner in lines:
            if inner == delimiter:
                break
            value.append(inner)
        else:
            raise AssertionError(f"the delimiter of {name} is missing")
        found[name] = "\n".join(value)
    return found


def test_the_reader_can_be_fooled_by_a_known_delimiter() -> None:
    assert read("a<<EOF\nx\nEOF\nevil=1\nEOF\n".replace("\nEOF\n", "\nEOF\n", 1)[:-5]) == {
        "a": "x",
        "evil": "1",
    }


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, hostile, max_size=5))
@example({"a": "x\nEOF\nevil=1", "b": "", "c": "\n\n"})
def test_outputs_come_back(values: dict[str, str]) -> None:
    wanted = {
        name: value.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
        for name, value in values.items()
    }
    assert read(as_outputs(values).text) == wanted


def test_a_delimiter_that_stands_in_the_value_is_not_used() -> None:
    assert read(output("a", "x\nEOF\nb=1", "EOF")) == {"a": "x\nEOF\nb=1"}


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a<<b", "1a", "a\nb", "ä"])
def test_a_name_that_is_none_is_a_bug(name: str) -> None:
    with pytest.raises(BugError):
        output(name, "x")


def test_what_has_no_room_is_named() -> None:
    made = as_outputs({"a": "1", "big": "😀" * 300_000, "b": "2"})
    assert made.left_out == ("big",)
    assert read(made.text) == {"a": "1", "b": "2"}
    assert len(made.text.encode("utf-16-le")) <= 1024 * 1024


def test_a_run_tells_what_later_steps_ask() -> None:
    values = run_outputs(make_view({"a": Told(), "b": Told()}))
    assert values["run-id"] == RUN
    assert (values["status"], values["done"], values["workstreams"]) == ("completed", "2", "2")
    assert read(as_outputs(values).text) == values
