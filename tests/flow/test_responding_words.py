"""Comment commands are matched whole: what is not one of the forms is none of them."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.flow.responding_words import (
    STARTING,
    Asked,
    MisreadError,
    Verb,
    first_line,
    is_command,
    parse,
)
from pipeline.model.review import Option, Overlay

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("/pipeline run", Asked(Verb.RUN)),
        ("/pipeline run 0123456", Asked(Verb.RUN, sha="0123456")),
        (f"/pipeline  run  {SHA} ", Asked(Verb.RUN, sha=SHA)),
        ("/pipeline retry add-login", Asked(Verb.RETRY, "add-login")),
        (f"/pipeline retry a.b_c-1 {SHA}", Asked(Verb.RETRY, "a.b_c-1", SHA)),
        ("/pipeline approve a", Asked(Verb.APPROVE, "a")),
        ('/pipeline reject a reason="it is \\"odd\\""', Asked(Verb.REJECT, "a", "", 'it is "odd"')),
        ("/pipeline status", Asked(Verb.STATUS)),
        ("/pipeline cancel\r\nplease\r\n", Asked(Verb.CANCEL)),
        (
            '/pipeline adjust a scope=src/*.py create=new.py task="do it" advice="mind \\\\ it"',
            Asked(
                Verb.ADJUST,
                "a",
                overlay=Overlay(("src/*.py",), ("new.py",), ("do it",), (), ("mind \\ it",)),
            ),
        ),
        (
            "/pipeline adjust a scope=x scope=y reason=so",
            Asked(Verb.ADJUST, "a", "", "so", Overlay(("x", "y"))),
        ),
        (
            '/pipeline adjust a keep the "old" name; é = fine',
            Asked(Verb.ADJUST, "a", overlay=Overlay(advice=('keep the "old" name; é = fine',))),
        ),
        ("/pipeline approve a\n/pipeline reject a", Asked(Verb.APPROVE, "a")),
    ],
)
def test_what_is_a_command(line: str, asked: Asked) -> None:
    assert is_command(line)
    assert parse(line) == asked


@pytest.mark.parametrize(
    "line",
    [
        "/pipeline",
        "/pipeline ",
        "/pipeline frobnicate",
        "/pipeline RUN",
        "/pipeline run 012345",  # too short to mean one commit
        "/pipeline run HEAD",
        "/pipeline run 0123456G",
        f"/pipeline run {SHA} extra",
        "/pipeline run; rm -rf /",
        "/pipeline run $(id)",
        "/pipeline run `id`",
        "/pipeline run && id",
        "/pipeline retry",
        "/pipeline retry ../x",
        "/pipeline retry -x",
        "/pipeline retry a.lock",
        "/pipeline retry " + "x" * 65,
        "/pipeline approve",
        "/pipeline approve a b",
        "/pipeline approve a reason=",
        '/pipeline approve a reason="open',
        '/pipeline approve a reason="a" reason="b"',
        '/pipeline approve a advice="x"',
        "/pipeline reject A",
        "/pipeline adjust a",
        "/pipeline adjust a reason=only",
        "/pipeline adjust a scop=x",
        "/pipeline adjust a acceptance=true",
        "/pipeline adjust a scope=x and then some",
        "/pipeline adjust a scope=",
        '/pipeline adjust a task=" "',
        "/pipeline adjust a task=\u201cx y\u201d",
        "/pipeline adjust a " + " ".join(f"scope=f{n}" for n in range(21)),
        "/pipeline adjust a advice=" + "x" * 1001,
        "/pipeline adjust a " + "x" * 5000,
        "/pipeline status now",
        "/pipeline cancel 01jd3v",
        # Look like it and are not.
        "/pipeline \u0430pprove a",  # a Cyrillic a
        "/pipeline approve \u0430",
        "/pipeline approve\u00a0a",
        "/pipeline approve a\u200b",
        "/pipeline approve \u202ea",
        "/pipeline approve a\u2028b",
        "/pipeline approve a\x1b[0m",
        "/pipeline approve a\x00",
        "/pipeline run \uff10\uff11\uff12\uff13\uff14\uff15\uff16",
        "/pipeline approve a\x0bb",
        "/pipeline approve a\rb",
        "/pipeline run\tx",
    ],
)
def test_what_is_none(line: str) -> None:
    assert is_command(line)
    with pytest.raises(MisreadError) as refused:
        parse(line)
    assert "/pipeline" in refused.value.remedy
    assert line[:20] not in refused.value.what  # what is foreign is not repeated


@pytest.mark.parametrize(
    "body",
    [
        "",
        "please /pipeline run",
        " /pipeline run",
        "\n/pipeline run",
        "> /pipeline run",
        "`/pipeline run`",
        "/pipelines run",
        "/Pipeline run",
        "/pipeline\u00a0run",
        "/pipeline\trun",
        "\ufeff/pipeline run",
        "<!-- x -->\n/pipeline run",
    ],
)
def test_what_is_not_for_us(body: str) -> None:
    assert not is_command(body)


def test_a_commit_is_named_whole_or_by_its_beginning() -> None:
    assert parse(f"/pipeline run {SHA}").means(SHA)
    assert not parse(f"/pipeline run {SHA}").means(SHA + "0" * 24)
    assert parse(f"/pipeline run {SHA[:7]}").means(SHA)
    assert not parse("/pipeline run 1234567").means(SHA)
    assert parse("/pipeline run").means(SHA)


def test_an_answer_says_who_gave_it() -> None:
    answer = parse('/pipeline reject a reason="no"').answer("@ann https://example.com")
    assert (answer.option, answer.message, answer.by) == (
        Option.REJECT,
        "no",
        "@ann https://example.com",
    )
    assert not answer.waives_gates


@given(st.text())
@example("approve a\nreject a")
def test_anything_else_is_refused_or_is_exactly_what_it_says(text: str) -> None:
    body = f"/pipeline {text}"
    try:
        asked = parse(body)
    except MisreadError:
        return
    words = [word for word in first_line(body).split(" ") if word]
    assert words[:2] == ["/pipeline", asked.verb]
    if asked.workstream:
        assert words[2] == asked.workstream
    if asked.sha:
        assert asked.verb in STARTING
        assert words[-1] == asked.sha


def test_the_forms_that_are_documented_are_commands() -> None:
    text = (Path(__file__).parents[2] / "docs" / "comments.md").read_text(encoding="utf-8")
    shown = [line for line in text.splitlines() if line.startswith("/pipeline")]
    assert {parse(line).verb for line in shown} == set(Verb)
    for verb in Verb:
        assert f"| `{verb.value}" in text
