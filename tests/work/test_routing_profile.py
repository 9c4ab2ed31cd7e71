"""What kind of work a workstream is, by its scope and what lies in it."""

import pytest

from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.routing import RoutingTask, TaskKind
from pipeline.model.scope import Protected
from pipeline.model.workstream import Workstream
from pipeline.work.routing import profile_task
from pipeline.work.routing.languages import language_of

PROTECTED = Protected(DEFAULT_PROTECTED)


def profile(ws: Workstream, files: dict[bytes, int] | None = None) -> RoutingTask:
    return profile_task(ws, files or {}, PROTECTED, TaskKind.EDIT)


def test_the_language_of_most_files_comes_first():
    ws = Workstream("w", files_scope=("src/**",), files_create=("src/new.py",))
    task = profile(ws, {b"src/a.py": 10, b"src/b.sh": 10, b"src/c.bin": 10})
    assert task.languages == ("python", "shell")
    assert (task.files, task.bytes) == (4, 30)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/run.PS1", "powershell"),
        ("web/app.mjs", "javascript"),
        ("Dockerfile", "docker"),
        ("py", ""),
        ("a.unknown", ""),
        ("py/LICENSE", ""),
    ],
)
def test_a_name_tells_the_language(path: str, language: str):
    assert language_of(path) == language


@pytest.mark.parametrize(
    ("files", "each", "size"),
    [
        (3, 1, "small"),
        (4, 1, "medium"),
        (1, 17_000, "medium"),
        (21, 1, "large"),
        (2, 90_000, "large"),
    ],
)
def test_size_is_files_and_bytes(files: int, each: int, size: str):
    found = {f"f{n}.py".encode(): each for n in range(files)}
    assert profile(Workstream("w", files_scope=("*.py",)), found).size == size


@pytest.mark.parametrize(
    ("scope", "phase", "many", "risk"),
    [
        (("src/app.py",), "", False, "low"),
        (("src/*.py",), "", False, "low"),
        (("src/",), "", True, "medium"),
        (("src/*.py",), "db-migration", False, "medium"),
        (("**/*.py",), "", False, "medium"),
        (("**/*.py",), "", True, "high"),
        (("pyproject.toml",), "", False, "high"),
        ((".github/workflows/ci.yml",), "", False, "high"),
    ],
)
def test_risk_is_reach_protected_names_and_phase(
    scope: tuple[str, ...], phase: str, many: bool, risk: str
):
    ws = Workstream("w", files_scope=scope, phase=phase or None)
    files = {f"src/f{n}.py".encode(): 1 for n in range(21 if many else 2)}
    assert profile(ws, files).risk == risk


def test_a_protected_name_counts_only_where_it_is_granted():
    """A glob grants no protected name, so that one below it is no risk."""
    ws = Workstream("w", files_scope=("src/*",))
    assert profile(ws, {b"src/pyproject.toml": 1}).risk == "low"


def test_complexity_grows_with_the_work_and_has_a_bound():
    small = profile(Workstream("w", files_scope=("a.py",), tasks=("one",)), {b"a.py": 100})
    assert small.complexity == 4 + 2
    huge = Workstream("w", files_scope=("**",), tasks=("t",) * 50, depends_on=tuple("abcdefgh"))
    files = {f"{n}.{end}".encode(): 10**6 for n in range(99) for end in ("py", "sh", "go", "rs")}
    assert profile(huge, files).complexity == 100


def test_odd_names_are_no_obstacle():
    assert profile(Workstream("w", files_scope=("*",)), {b"caf\xe9.py": 1}).languages == ("python",)
