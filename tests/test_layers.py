"""Imports run one way; stages meet in flow alone."""

import ast
from pathlib import Path

import pytest

import pipeline

ROOT = Path(pipeline.__file__).parent
STAGES = ("planning", "work", "check", "repair", "land", "report")
LAYERS = ("base", "model", "store", *STAGES, "flow", "commands", "cli")
RANK = {
    "base": 0,
    "model": 1,
    "store": 2,
    **dict.fromkeys(STAGES, 3),
    "flow": 4,
    "commands": 5,
    "cli": 6,
}


def imports_of(path: Path) -> set[str]:
    """The rooms of ours that a module imports, also inside functions and for type checkers."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or "", *(f"{node.module}.{a.name}" for a in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "pipeline" and len(parts) > 1 and parts[1] in RANK:
                found.add(parts[1])
    return found


def upward(edges: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Edges that the layers forbid: upwards, or from one stage to another."""
    return sorted(
        (room, other)
        for room, others in edges.items()
        for other in others
        if other != room and (RANK[other] > RANK[room] or (room in STAGES and other in STAGES))
    )


def all_edges() -> dict[str, set[str]]:
    edges: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if room in RANK:
            edges.setdefault(room, set()).update(imports_of(path))
    return edges


def test_imports_run_one_way():
    assert upward(all_edges()) == []


def test_the_check_can_fail():
    assert upward({"work": {"check"}, "base": {"model"}, "flow": {"work"}}) == [
        ("base", "model"),
        ("work", "check"),
    ]
    reversed_rank = {room: -rank for room, rank in RANK.items()}
    wrong = [
        (room, other)
        for room, others in all_edges().items()
        for other in others
        if reversed_rank[other] > reversed_rank[room]
    ]
    assert len(wrong) > 20


@pytest.mark.parametrize("room", LAYERS[:-1])
def test_every_room_says_what_it_is_for(room):
    doc = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8")))
    assert doc


def test_one_place_starts_processes():
    """Outside of base/process nothing imports subprocess or forks."""
    offenders = []
    for path in ROOT.rglob("*.py"):
        if "process" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                offenders += [path for alias in node.names if alias.name == "subprocess"]
            if isinstance(node, ast.ImportFrom) and node.module == "subprocess":
                offenders.append(path)
            if ast.unparse(node) in {"os.fork", "os.system", "os.popen", "os.spawnv"}:
                offenders.append(path)
    assert offenders == []


def test_nothing_changes_directory_or_environment():
    offenders = []
    for path in ROOT.rglob("*.py"):
        # A supervisor is a process of its own: it goes where its tool is to run.
        if "supervising" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        if "os.chdir(" in text or "os.environ[" in text.replace("os.environ[name]", ""):
            offenders.append(path)
    assert offenders == []


def test_modules_are_small():
    long = {
        str(path.relative_to(ROOT)): count
        for path in ROOT.rglob("*.py")
        if (count := path.read_text(encoding="utf-8").count("\n")) > 400
    }
    assert long == {}
