import os
from pathlib import Path

import pytest

from pipeline.check.findings import junit
from pipeline.check.findings.junit import read
from pipeline.check.findings.reading import UnreadableOutputError
from pipeline.model.finding import Finding

BOMB = """<?xml version="1.0"?>
<!DOCTYPE t [<!ENTITY a "boom"><!ENTITY b "&a;&a;&a;">]>
<testsuite><testcase name="x"><failure message="&b;"/></testcase></testsuite>"""


def of(text: str | bytes, root: Path = Path("/top")) -> tuple[Finding, ...]:
    data = text if isinstance(text, bytes) else text.encode()
    return read(b"", b"", data, tool="unit", root=os.fsencode(root))


def suite(inner: str) -> str:
    return f'<?xml version="1.0"?><testsuites><testsuite name="s">{inner}</testsuite></testsuites>'


def test_passing_and_skipped_cases_are_no_findings() -> None:
    inner = '<testcase name="a"/><testcase name="b"><skipped message="no"/></testcase>'
    assert of(suite(inner)) == ()


def test_a_failure_tells_test_exception_and_place() -> None:
    inner = (
        '<testcase classname="C" name="t" file="tests/t.py" line="7">'
        '<failure message="ValueError: bad&#10;more" type="ValueError">…</failure></testcase>'
    )
    assert of(suite(inner)) == (
        Finding("unit", "ValueError", "C.t: ValueError: bad", b"tests/t.py", 7),
    )


@pytest.mark.parametrize("kind", ["failure", "error"])
def test_without_an_exception_the_kind_is_the_code(kind: str) -> None:
    (finding,) = of(suite(f'<testcase name="t"><{kind} message="went wrong"/></testcase>'))
    assert (finding.code, finding.message) == (f"test-{kind}", "t: went wrong")


def test_an_empty_failure_has_words_too() -> None:
    (finding,) = of(suite("<testcase><failure/></testcase>"))
    assert finding.message == "test: the test has a failure"


def test_a_class_name_leads_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").touch()
    inner = (
        '<testcase classname="tests.test_x.TestC" name="t"><failure message="assert 1 == 2">'
        "tests/test_x.py:3: in t\nsrc/a.py:9: KeyError\ntests/test_x.py:4: AssertionError"
        "</failure></testcase>"
    )
    (finding,) = of(suite(inner), tmp_path)
    assert (finding.path, finding.line, finding.code) == (
        b"tests/test_x.py", 4, "AssertionError",
    )  # fmt: skip  # one place, one line


def test_a_single_suite_may_be_the_root() -> None:
    assert len(of('<testsuite><testcase name="t"><error/></testcase></testsuite>')) == 1


def test_every_problem_of_a_case_counts() -> None:
    inner = '<testcase name="t"><failure message="a"/><error message="b"/></testcase>'
    assert [f.message for f in of(suite(inner))] == ["t: a", "t: b"]


def test_entities_are_never_expanded() -> None:
    with pytest.raises(UnreadableOutputError, match="DOCTYPE"):
        of(BOMB)


@pytest.mark.parametrize(
    "prefix",
    [
        "\ufeff",
        "<?xml version='1.0'?>\n<!-- <testsuite> -->\n",
        "<?xml version='1.0'?><?pi <a>?> <!-- --> \n",
        "\n",
    ],
)
def test_no_prolog_hides_a_doctype(prefix: str) -> None:
    bare = BOMB.partition("\n")[2]
    with pytest.raises(UnreadableOutputError, match="DOCTYPE"):
        of(prefix + bare)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be", "utf-16-le"])
def test_no_encoding_hides_a_doctype(encoding: str) -> None:
    text = BOMB.replace('version="1.0"', f'version="1.0" encoding="{encoding}"')
    with pytest.raises(UnreadableOutputError):
        of(text.encode(encoding))


def test_a_declared_encoding_is_not_followed() -> None:
    doctype = '+ADwAIQ-DOCTYPE t [<!ENTITY a "boom">]>'
    text = f'<?xml version="1.0" encoding="utf-7"?>{doctype}<testsuite/>'
    with pytest.raises(UnreadableOutputError):
        of(text)


def test_a_doctype_in_a_message_is_only_text() -> None:
    inner = (
        '<testcase name="t"><failure message="m"><![CDATA[<!DOCTYPE html>]]></failure></testcase>'
    )
    assert len(of(suite(inner))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not xml",
        "<html></html>",
        "<testsuites>",
        '<testsuites><testsuite><testcase name="t"><failure/>',
        "<testsuites></testsuites><testsuites/>",
        "<testsuite>&nbsp;</testsuite>",
        b"<testsuite name='\xff'/>",
    ],
)
def test_what_is_no_report_is_refused(text: str | bytes) -> None:
    with pytest.raises(UnreadableOutputError):
        of(text)


def test_a_huge_report_is_refused() -> None:
    with pytest.raises(UnreadableOutputError, match="bytes"):
        of(b" " * (junit.MAX_BYTES + 1))


def test_a_report_longer_than_a_chunk_is_read_whole() -> None:
    cases = "".join(f'<testcase name="t{n}"><error message="m"/></testcase>' for n in range(3000))
    found = of(suite(cases))
    assert [found[0].message, found[-1].message, len(found)] == ["t0: m", "t2999: m", 3000]


def test_a_file_outside_is_not_pointed_at() -> None:
    inner = '<testcase name="t" file="/etc/passwd" line="3"><error message="m"/></testcase>'
    (finding,) = of(suite(inner))
    assert (finding.path, finding.line) == (None, 0)
