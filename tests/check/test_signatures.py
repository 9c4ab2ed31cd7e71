from datetime import datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.check.signatures import MAX_LENGTH, signature, signed
from pipeline.model.finding import Finding


def sign(message: str) -> str:
    return signature("tool", "code", message)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("a.py:3:1: no name", "a.py:17:9: no name"),
        ("error in src/a.ts(3,5)", "error in src/a.ts(71,1)"),
        ('File "/home/a/x.py", line 3', 'File "/srv/b/x.py", line 1234'),
        ("line 1 column 5 (char 4)", "line 12 column 1 (char 99)"),
        ("cannot open /tmp/pytest-of-a/pytest-1/t0/f.txt", "cannot open /var/x/y/f.txt"),
        ("cannot open '/tmp/a b/f.txt' now", "cannot open '/home/c d/e/f.txt' now"),
        ("left /tmp/tmpabcdefgh", "left /tmp/tmpzz_9xk2a"),
        ("left tmpab12cd_e/x", "left tmp0zz9xk2a/x"),
        (r"missing C:\Users\a\x.py", r"missing D:\b\x.py"),
        ("took 0.12s", "took 13 s"),
        ("done in 2m30s.", "done in 350 ms."),
        ("failed at 2024-05-06T07:08:09.123Z", "failed at 2031-12-01 23:59:59+02:00"),
        ("[07:08:09] failed", "[23:00:01.5] failed"),
        ("Mon May  6 07:08:09 2024: gone", "Tue Dec 31 23:59:59 2030: gone"),
        ("<Thing object at 0x7f84dfd56f10>", "<Thing object at 0x55d0a1b2c3d4>"),
        ("job 123e4567-e89b-12d3-a456-426614174000", "job 00000000-0000-0000-0000-00000000000a"),
        ("run 01ARZ3NDEKTSV4RRFFQ69G5FAV", "run 01arz3ndektsv4rrffq69g5faw"),
        ("commit a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", "commit " + "0" * 40),
        ("commit a94a8fe is bad", "commit 0beec7b5ea3f0fd is bad"),
        ("pid 17 died", "pid 40001 died"),
        ("[gw0] crashed", "[gw11] crashed"),
        ("http://localhost:8001/x", "http://localhost:45123/x"),
        ("127.0.0.1:80 refused", "127.0.0.1:4242 refused"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("it said `no`", "it said \u2018no\u2019"),
        ("two  words\n here", "two words here"),
        ("stamp 1716900000.25", "stamp 1816900001"),
    ],
)
def test_circumstances_do_not_change_a_signature(one: str, two: str) -> None:
    assert sign(one) == sign(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("expected 3, got 4", "expected 3, got 5"),
        ("expected 0x10, got 0x11", "expected 0x10, got 0x12"),
        ("name 'a' is not defined", "name 'b' is not defined"),
        ("cannot open /srv/x/a.txt", "cannot open /srv/x/b.txt"),
        ("a.py: no name", "b.py: no name"),
        ("GET /users failed", "GET /groups failed"),
        ("needs version 1.2.3", "needs version 1.2.4"),
        ("5 passed", "6 passed"),
        ("deadbeef", "feedface"),
        ("tmpfilename missing", "tmpdirname missing"),
        ("test_a[1] failed", "test_a[2] failed"),
        ("E501", "E502"),
        ("-1", "1"),
        ("x" * 5000, "x" * (MAX_LENGTH + 10)),
    ],
)
def test_different_errors_stay_different(one: str, two: str) -> None:
    assert sign(one) != sign(two)


def test_tool_and_code_are_part() -> None:
    assert signature("ruff", "F401", "x") == "ruff::F401::x"
    assert len({signature(t, c, "x") for t in "ab" for c in "cd"}) == 4
    assert signature("a::b", "c", "x").count("::") == 2


def test_findings_get_their_signature() -> None:
    (finding,) = signed([Finding("ruff", "F401", "`os` unused", b"a.py", 3)])
    assert finding.signature == "ruff::F401::'os' unused"


WORDS = st.lists(st.from_regex(r"[g-z]{2,9}", fullmatch=True), min_size=1, max_size=5)
NUMBER = st.integers(0, 99_999)
HEX = st.text("0123456789abcdef", min_size=12, max_size=12)
VARYING = {
    "address": HEX.map(lambda text: f"0x{text}"),
    "uuid": st.uuids().map(str),
    "time": st.datetimes(datetime(1970, 1, 1)).map(lambda t: f"{t:%Y-%m-%dT%H:%M:%S}"),
    "duration": st.floats(0, 9999).map(lambda s: f"{s:.3f}s"),
    "oid": st.text("0123456789abcdef", min_size=40, max_size=40),
    "path": st.lists(st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True), min_size=1, max_size=4).map(
        lambda parts: "/" + "/".join(("work", *parts, "module.py"))
    ),
    "place": st.tuples(NUMBER, NUMBER).map(lambda p: f"pkg/module.py:{p[0]}:{p[1]}"),
    "line": NUMBER.map(lambda n: f"line {n}"),
    "pid": NUMBER.map(lambda n: f"pid={n}"),
}


@given(st.data(), st.sampled_from(sorted(VARYING)), WORDS, WORDS)
def test_what_varies_can_stand_anywhere(
    data: st.DataObject, kind: str, before: list[str], after: list[str]
) -> None:
    one, two = data.draw(VARYING[kind]), data.draw(VARYING[kind])
    messages = [" ".join((*before, varying, *after)) for varying in (one, two)]
    assert sign(messages[0]) == sign(messages[1])
    quoted = [f"{' '.join(before)} '{varying}': {' '.join(after)}" for varying in (one, two)]
    assert sign(quoted[0]) == sign(quoted[1])


@given(WORDS, WORDS)
def test_words_are_never_taken_out(one: list[str], two: list[str]) -> None:
    assert (sign(" ".join(one)) == sign(" ".join(two))) is (one == two)


@given(WORDS, st.integers(0, 999), st.integers(0, 999))
def test_the_values_of_an_assertion_stay(words: list[str], one: int, two: int) -> None:
    assume(one != two)
    assert sign(f"{' '.join(words)}, expected {one}") != sign(f"{' '.join(words)}, expected {two}")


@given(st.text())
def test_any_text_has_a_short_signature(text: str) -> None:
    made = sign(text)
    assert made.startswith("tool::code::")
    assert len(made) <= MAX_LENGTH + 40
    assert "\n" not in made
    assert made.encode() == sign(text).encode()
