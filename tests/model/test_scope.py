"""A scope grants what it names and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.glob import PatternError, parse_anywhere
from pipeline.model.protected import DEFAULT_DISCARD, DEFAULT_PROTECTED
from pipeline.model.scope import Protected, Scope


def test_modifying_and_creating_are_granted_apart() -> None:
    scope = Scope(["src/**"], ["src/new.py", "docs/*.md"])

    assert scope.may_modify(b"src/a/b.py")
    assert not scope.may_create(b"src/a/b.py")
    assert scope.may_create(b"src/new.py")
    assert scope.may_create(b"docs/x.md")
    assert not scope.may_create(b"docs/x/y.md")
    assert not scope.may_modify(b"docs/x.md")


@pytest.mark.parametrize(
    "path",
    [
        b"src/app.py\n",
        b"src/app.py ",
        b"SRC/app.py",
        b"src/app.py/x",
        b"x/src/app.py",
        b"src/app.pyc",
        b"src/./app.py",
        b"src/x/../app.py",
        b"src\\app.py",
    ],
)
def test_what_only_looks_like_a_granted_path_is_not(path: bytes) -> None:
    scope = Scope(["src/app.py", "src/a*.py"], [])

    assert scope.may_modify(b"src/app.py")
    assert not scope.may_modify(b"src/App.py")
    assert not scope.may_modify(path)


def test_names_that_are_not_utf8() -> None:
    scope = Scope(["src/\udcff.py", "lib/?.py"], [])

    assert scope.may_modify(b"src/\xff.py")
    assert not scope.may_modify(b"src/\xfe.py")
    assert scope.may_modify(b"lib/\xff.py")
    assert scope.may_modify("lib/ä.py".encode())
    assert scope.grants_literally(b"src/\xff.py")


def test_only_a_literal_path_grants_literally() -> None:
    scope = Scope(["**/conftest.py", ".github/", "a\\*b"], ["tests/conftest.py", "setup"])

    assert scope.grants_literally(b"tests/conftest.py")
    assert scope.grants_literally(b"a*b")
    assert not scope.grants_literally(b"conftest.py")
    assert not scope.grants_literally(b".github/workflows/ci.yml")
    assert not scope.grants_literally(b"setup/x")


@pytest.mark.parametrize("pattern", ["../x", "/x", ".git/config", "a/.Git", ".g\\it", "!x", "a//b"])
def test_a_scope_that_cannot_be(pattern: str) -> None:
    with pytest.raises(PatternError):
        Scope([pattern], [])
    with pytest.raises(PatternError):
        Scope([], [pattern])


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        "sub/.github/x",
        ".github",
        ".gitlab-ci.yml",
        "src/conftest.py",
        "src/.gitattributes",
        "src/deep/x.pth",
        "src/AGENTS.md",
        "CLAUDE.md",
        ".cursorrules",
        "pyproject.toml",
        "lib/package.json",
        "Makefile",
        "a/__pycache__/x.cpython-311.pyc",
        "sitecustomize.py",
        ".pre-commit-config.yaml",
        ".husky/pre-commit",
        ".gitmodules",
        "pipeline.yaml",
        "noxfile.py",
    ],
)
def test_names_that_run_code_are_protected_in_any_folder(path: str) -> None:
    assert Protected(DEFAULT_PROTECTED).matches(path.encode())


@pytest.mark.parametrize(
    "path",
    [
        "src/app.py",
        "tests/test_app.py",
        "docs/makefiles.md",
        "github/x",
        "src/pipeline.yaml",
        "a/b",
    ],
)
def test_other_names_are_not(path: str) -> None:
    assert not Protected(DEFAULT_PROTECTED).matches(path.encode())


def test_the_built_in_lists_can_be_read() -> None:
    Protected(DEFAULT_PROTECTED)
    Protected(DEFAULT_DISCARD)
    assert not Protected(()).matches(b".github/x")


@pytest.mark.parametrize(
    "path", ["agents.md", "AGENTS.MD", "docs/Agents.md", ".GitHub/x", "MAKEFILE"]
)
def test_protected_names_do_not_depend_on_case(path):
    assert Protected(DEFAULT_PROTECTED).matches(path.encode())


_NAMES = st.sampled_from([*"ab", "x.lock", "lock", ".env", ".env.local", "env", "Setup.py", "\n"])


@given(
    st.lists(st.sampled_from(["*.lock", ".env", ".env.*", "a/", "/a", "/a/b*", "a/**/b", "**/?"])),
    st.lists(_NAMES, min_size=1, max_size=4),
)
def test_patterns_protect_together_what_each_one_does(
    patterns: list[str], names: list[str]
) -> None:
    by_itself = [parse_anywhere(pattern).matches_start(names) for pattern in patterns]

    assert Protected(patterns).matches("/".join(names).encode()) == any(by_itself)
