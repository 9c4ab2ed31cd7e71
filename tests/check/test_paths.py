import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.check.paths import folded, folded_path, is_dot_git, name_doubts, name_problems

DOT_GIT = [
    ".git",
    ".GIT",
    "a/.Git/b",
    ".g\u200cit",
    "\ufeff.git",
    ".git\u206f",
    "git~1",
    "GIT~2",
    ".git ",
    ".git. .",
    ".git::$INDEX_ALLOCATION",
    ".git:stream",
    "a\\.git\\config",
    "\uff0egit",
    ".g\uff49t",
]
NO_DOT_GIT = [".gitignore", ".github", "git", "digit", ".git-x", "a.git", "git~x", ".gi", "it/.g"]


@pytest.mark.parametrize("path", DOT_GIT)
def test_every_form_of_dot_git_is_known(path: str) -> None:
    assert is_dot_git(path.encode())
    assert is_dot_git(b"src/" + path.encode() + b"/x")


@pytest.mark.parametrize("path", NO_DOT_GIT)
def test_what_only_resembles_dot_git_is_none(path: str) -> None:
    assert not is_dot_git(path.encode())


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (b"a//b", "empty"),
        (b"/a", "empty"),
        (b"a/../b", "'..'"),
        (b"./a", "'.'"),
        (b"x" * 256, "255"),
        (b"d/" * 64 + b"x", "64"),
        (b"ab/" * 1366, "4096"),
        (b"a\xff", "UTF-8"),
        (b"a\nb", "control"),
        (b"a\x7f", "control"),
        ("a\u0085b".encode(), "control"),
        ("a\u2028b".encode(), "control"),
        ("a\u200bb".encode(), "invisible"),
        ("a\U000e0041".encode(), "invisible"),
        ("e\u0301".encode(), "NFC"),
        (b"-rf", "option"),
        (b"src/--x", "option"),
        (b" a", "white space"),
        (b"a ", "white space"),
        ("a\u00a0".encode(), "white space"),
        (b"a.", "'.'"),
        (b"a*", "glob"),
        (b"[a]", "glob"),
        (b"a\\b", "backslash"),
        (b"a:b", "Windows"),
        (b'a"b', "Windows"),
        (b"NUL", "device"),
        (b"a/con.txt/b", "device"),
        (b"LPT9", "device"),
        (b"aux .c", "device"),
        (b"PROGRA~1", "short name"),
    ],
)
def test_a_name_that_something_misreads_is_a_problem(path: bytes, word: str) -> None:
    assert any(word in problem for problem in name_problems(path)), name_problems(path)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "src/a file.py",
        ".github/workflows/ci.yml",
        "__init__.py",
        "d\u00e9j\u00e0/\u4f60\u597d.txt",
        "console.py",
        "auxiliary.c",
        "com10",
        "nullable/lpt.txt",
        "$id.tsx",
        "(group)/page.tsx",
        "a~b",
        "x" * 255,
    ],
)
def test_an_honest_name_is_none(path: str) -> None:
    assert name_problems(path.encode()) == ()
    assert name_doubts(path.encode()) == ()


def test_a_name_in_look_alike_letters_is_doubtful() -> None:
    assert name_doubts("src/\u0430pp.py".encode())


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("App", "aPP"),
        ("\u00e9", "e\u0301"),
        ("\ufb01", "FI"),
        ("stra\u00dfe", "STRASSE"),
        ("\uff21", "a"),
        ("a\u200cb", "ab"),
        ("\u212a", "k"),
    ],
)
def test_names_that_are_one_elsewhere_fold_alike(one: str, two: str) -> None:
    assert folded(one.encode()) == folded(two.encode())


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_folding_twice_changes_nothing_more(name: str) -> None:
    once = folded(name.encode())
    assert folded(once.encode()) == once


@given(st.binary(max_size=30))
def test_any_bytes_can_be_judged(path: bytes) -> None:
    is_dot_git(path)
    name_doubts(path)
    folded_path(path)
    assert all(isinstance(problem, str) for problem in name_problems(path))
