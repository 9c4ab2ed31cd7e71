"""Code scanning gets every finding that has a place, and knows it again when lines move."""

import base64
import gzip
import json
from dataclasses import replace
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.check.findings.sarif import read
from pipeline.model.finding import Finding, Severity
from pipeline.report.sarif import dump_sarif, fingerprint, pack_sarif, sarif_log

ONE = Finding("ruff", "F401", "unused", b"src/a b.py", 3, 5, signature="ruff::F401::unused")

findings = st.lists(
    st.builds(
        Finding, st.text(max_size=8), st.text(max_size=8), st.text(max_size=30),
        st.one_of(st.none(), st.binary(max_size=12), st.sampled_from([b"a.py", b"x/y z.py"])),
        st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**40),
        st.sampled_from(Severity),
    ),
    max_size=12,
)  # fmt: skip  # the fields in their order


def test_another_reader_finds_the_same() -> None:
    others = (replace(ONE, severity=Severity.WARNING, line=9), replace(ONE, code="E9", line=1))
    found = read(dump_sarif(sarif_log([ONE, *others])), b"", None, tool="x", root=b"/repo")
    assert sorted((f.code, f.path, f.line, f.column, f.severity) for f in found) == sorted(
        (f"ruff/{f.code}", f.path, f.line, f.column, f.severity) for f in (ONE, *others)
    )


@settings(max_examples=60, deadline=None)
@given(findings)
def test_a_log_has_the_form_that_github_asks_for(found: list[Finding]) -> None:
    log = json.loads(dump_sarif(sarif_log(found)))
    (run,) = log["runs"]
    assert (log["version"], run["tool"]["driver"]["name"]) == ("2.1.0", "git-pipeline")
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        uri = unquote(place["artifactLocation"]["uri"])
        assert uri and not uri.startswith("/") and ".." not in uri.split("/")
        region = place["region"]
        assert 1 <= region["startLine"] <= region["endLine"] < 2**31
        assert 1 <= region.get("startColumn", 1) < 2**31
    told = sum(
        int(note["message"]["text"].split()[0])
        for note in run["invocations"][0]["toolExecutionNotifications"]
    )
    assert told + len(run["results"]) == len(set(found))
    prints = [result["partialFingerprints"]["gitPipeline/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_a_fingerprint_stays_when_lines_move_and_tells_equal_ones_apart() -> None:
    assert fingerprint(ONE, 0) == fingerprint(replace(ONE, line=70, column=1), 0)
    others = (
        replace(ONE, code="F402"), replace(ONE, path=b"b.py"), replace(ONE, signature="x"),
    )  # fmt: skip  # each differs in one
    assert len({fingerprint(one, 0) for one in (ONE, *others)} | {fingerprint(ONE, 1)}) == 5


def test_equal_findings_on_several_lines_are_several() -> None:
    log = sarif_log([ONE, replace(ONE, line=9), replace(ONE, line=40)])
    prints = [r["partialFingerprints"]["gitPipeline/v1"] for r in log["runs"][0]["results"]]
    assert prints == [fingerprint(ONE, n) for n in range(3)]


def test_limits_hold_and_the_worst_stay() -> None:
    found = [replace(ONE, line=n + 1, severity=Severity.INFO) for n in range(6000)]
    log = sarif_log([*found, replace(ONE, line=7000)])
    results = log["runs"][0]["results"]
    assert len(results) == 5000
    assert results[0]["level"] == "error"
    notes = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert [note["message"]["text"] for note in notes] == [
        "1001 findings have no room in this file."
    ]


def test_one_finding_is_one() -> None:
    log = sarif_log([replace(ONE, path=None)])
    (note,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"] == "1 finding has no place in the repository."


def test_a_packed_log_is_the_same_each_time_and_fits() -> None:
    packed = pack_sarif([ONE])
    assert packed == pack_sarif([ONE])
    assert json.loads(gzip.decompress(base64.b64decode(packed))) == sarif_log([ONE])
