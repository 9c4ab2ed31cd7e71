"""Patterns mean what .gitignore means by them, but match whole paths from the root."""

import subprocess
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from pipeline.model.glob import Glob, PatternError, escape, parse, parse_anywhere, plain_path

NAME = st.text("ab.x[]!-*?", min_size=1, max_size=4)
PART = st.one_of(
    st.sampled_from(
        ["**", "*", "?", "a", "b", "a*", "*b", "?a", "[ab]", "[!a]x", "*.x", "a*b*", "."]
    )
)
PATTERN = st.builds(
    lambda parts, tail: "/".join(parts) + tail,
    st.lists(PART, min_size=1, max_size=4),
    st.sampled_from(["", "", "/"]),
)
PATH = st.lists(st.text("abx.", min_size=1, max_size=3), min_size=1, max_size=4)


def matches(pattern: str, path: str) -> bool:
    return parse(pattern).matches(path.split("/"))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("app.py", ["app.py"], ["src/app.py", "app.py/x", "App.py", "app.pyc"]),
        ("src/app.py", ["src/app.py"], ["x/src/app.py", "src", "src/app.py\n"]),
        ("**/app.py", ["app.py", "a/app.py", "a/b/app.py"], ["xapp.py", "app.py/x"]),
        ("src/", ["src/a", "src/a/b"], ["src", "xsrc/a"]),
        ("src/**", ["src/a", "src/a/b"], ["src", "source/a"]),
        ("src/*", ["src/a", "src/.a"], ["src/a/b", "src"]),
        ("src/**/a", ["src/a", "src/x/a", "src/x/y/a"], ["src/xa", "a"]),
        ("src/*.py", ["src/x.py", "src/.py"], ["src/x.py\n", "src/x/y.py", "src/x.pyc"]),
        ("a?c", ["abc", "a\nc", "aäc", "a\udcffc"], ["ac", "a/c"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[!a-c]x", ["dx", "/x"[1:] + "x"], ["ax", "/x"]),
        ("[^a]", ["b"], ["a"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[[:digit:]]", ["7"], ["a", ":"]),
        ("[[:alpha:]_]*", ["a1", "_"], ["1a"]),
        ("[a\\]b]", ["a", "]", "b"], ["\\"]),
        ("a\\*", ["a*"], ["ab"]),
        ("\\!a", ["!a"], ["a"]),
        ("#a", ["#a"], []),
        ("a b ", ["a b "], ["a b"]),
        ("**", ["a", "a/b"], []),
        ("a**b", ["ab", "axb"], ["a/b"]),
        ("\udcff.py", ["\udcff.py"], ["\udcfe.py"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [path for path in yes if not matches(pattern, path)] == []
    assert [path for path in no if matches(pattern, path)] == []


@pytest.mark.parametrize(
    "pattern",
    ["", "/", "/a", "a//b", "a/../b", "..", ".", "./a", "!a", "a[", "a\\", "[[:nope:]]", "[b-a]"],
)
def test_a_pattern_that_cannot_be_read(pattern: str) -> None:
    with pytest.raises(PatternError):
        parse(pattern)


@given(pattern=PATTERN, path=PATH)
def test_a_path_or_a_folder_above_it_is_matched_where_git_ignores_it(
    pattern: str, path: list[str]
) -> None:
    try:
        glob = parse(pattern)
    except PatternError:
        return
    if any(name in {".", ".."} for name in path) or pattern.endswith("**/"):
        return  # pathspec takes `a/**/` to match the file a/b, git does not

    expected = GitIgnoreSpec.from_lines([f"/{pattern}"]).match_file("/".join(path))
    assert glob.matches_start(path) == expected


def test_git_agrees(tmp_path: Path) -> None:
    names = ["a", "b", "ab", "a.x", "x"]
    paths = [
        "/".join(parts)
        for depth in (1, 2, 3)
        for parts in product(names, repeat=depth)
        if depth < 3 or parts[0] in {"a", "a.x"}
    ]
    patterns = ["a", "a/", "a/*", "a/**", "a/**/", "**/", "**", "*", "*.x", "**/a.x", "a/**/b"]
    patterns += ["?", "[ab]", "[!a]*", "*/b", "**/a/**", "a/**/*.x", "a*b", "a**b", "[[:alpha:]]"]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for pattern in patterns:
        (tmp_path / ".git/info/exclude").write_text(f"/{pattern}\n")
        done = subprocess.run(
            ["git", "check-ignore", "--no-index", "-z", "--stdin"],
            cwd=tmp_path,
            input="\0".join(paths),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in {0, 1}, done.stderr
        glob = parse(pattern)
        ours = {path for path in paths if glob.matches_start(path.split("/"))}
        assert set(done.stdout.split("\0")) - {""} == ours, pattern


@given(pattern=PATTERN, path=PATH)
def test_a_line_of_gitignore_holds_in_any_folder(pattern: str, path: list[str]) -> None:
    try:
        glob = parse_anywhere(pattern)
    except PatternError:
        return
    if any(name in {".", ".."} for name in path) or pattern.endswith("/"):
        return

    expected = GitIgnoreSpec.from_lines([pattern]).match_file("/".join(path))
    assert glob.matches_start(path) == expected


@given(path=st.lists(NAME, min_size=1, max_size=3).map("/".join))
def test_an_escaped_path_matches_itself_alone(path: str) -> None:
    try:
        glob = parse(escape(path))
    except PatternError:
        assert {".", ".."} & set(path.split("/"))
        return
    assert glob.literal == path
    assert glob.matches(path.split("/"))


@given(pattern=st.one_of(PATTERN, st.text("ab./!*[\\\n", max_size=8)))
def test_a_plain_path_is_what_parsing_would_find(pattern: str) -> None:
    path = plain_path(pattern)
    if path is not None:
        assert parse(pattern).literal == path == pattern


def test_plain_paths_are_found_without_parsing() -> None:
    assert plain_path("src/a b.py") == "src/a b.py"
    assert [plain_path(p) for p in ("a/", "*", "../a", ".git/x", "a/.GIT", "a\\b", "!a")] == [
        None
    ] * 7


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "pattern", ["a*" * 200 + "b", "*a" * 500 + "b", "/".join(["**/a"] * 200) + "/b", "*" * 4000]
)
def test_no_pattern_takes_exponential_time(pattern: str) -> None:
    glob: Glob = parse(pattern)
    assert not glob.matches(["a" * 250] * 1) or set(pattern) == {"*"}
    assert not glob.matches(["a"] * 400)
