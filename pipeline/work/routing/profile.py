"""What kind of work a workstream is: its languages, size, risk and complexity."""

import re
from collections.abc import Mapping

from pipeline.model.routing import RoutingTask, TaskKind
from pipeline.model.scope import Protected
from pipeline.model.workstream import Workstream
from pipeline.work.routing.languages import languages_of

_SMALL = (3, 16 * 1024)
_MEDIUM = (20, 128 * 1024)
_KIB = 1024
_WILD = re.compile(r"[*?\[]")
_GRAVE_PHASE = re.compile(r"release|deploy|migrat|secur|prod", re.IGNORECASE)
_MANY_FILES = 20


def profile_task(
    ws: Workstream, files: Mapping[bytes, int], protected: Protected, kind: TaskKind
) -> RoutingTask:
    """The task of a workstream; ``files`` are those of its start tree in scope, with their sizes.

    The same bundle and tree give the same task, whoever asks and when.
    """
    created = [path for path in ws.files_create if not _is_glob(path)]
    paths = {*(path.decode("utf-8", "replace") for path in files), *created}
    total = sum(files.values())
    languages = languages_of(paths)
    return RoutingTask(
        task_id=ws.id,
        kind=kind,
        languages=languages,
        size=size_of(len(paths), total),
        files=len(paths),
        bytes=total,
        risk=risk_of(ws, len(files), protected),
        complexity=complexity_of(ws, len(paths), total, len(languages)),
        phase=ws.phase or "",
    )


def size_of(files: int, total: int) -> str:
    """``small`` up to 3 files and 16 KiB, ``medium`` up to 20 and 128 KiB, else ``large``."""
    for size, (most_files, most_bytes) in (("small", _SMALL), ("medium", _MEDIUM)):
        if files <= most_files and total <= most_bytes:
            return size
    return "large"


def risk_of(ws: Workstream, existing: int, protected: Protected) -> str:
    """What a mistake may cost: ``low`` up to 1 point, ``medium`` for 2, ``high`` from 3 on.

    A protected name that is granted counts 3; a pattern that begins with a wildcard (so that it
    reaches any folder) 2, any other pattern 1; more than 20 files that may be deleted 1; a phase
    whose name speaks of releases, deployment, migration, security or production 1. Of the
    patterns only the widest counts.
    """
    patterns = (*ws.files_scope, *ws.files_create)
    points = 3 if any(_is_protected(p, protected) for p in patterns) else 0
    points += max((_width(pattern) for pattern in patterns), default=0)
    points += existing > _MANY_FILES
    points += bool(_GRAVE_PHASE.search(ws.phase or ""))
    return ("low", "low", "medium")[points] if points < 3 else "high"


def complexity_of(ws: Workstream, files: int, total: int, languages: int) -> int:
    """How much there is to hold in mind, from 0 to 100.

    The sum of 4 for each task in words (at most 32), 2 for each file (30), 1 for each 4 KiB (20),
    4 for each language beyond the first (10) and 2 for each dependency (8).
    """
    return (
        min(32, 4 * len(ws.tasks))
        + min(30, 2 * files)
        + min(20, total // (4 * _KIB))
        + min(10, 4 * max(0, languages - 1))
        + min(8, 2 * len(ws.depends_on))
    )


def _is_glob(pattern: str) -> bool:
    return pattern.endswith("/") or bool(_WILD.search(pattern))


def _is_protected(pattern: str, protected: Protected) -> bool:
    return not _is_glob(pattern) and protected.matches(pattern.encode("utf-8", "surrogateescape"))


def _width(pattern: str) -> int:
    if not _is_glob(pattern):
        return 0
    return 2 if _WILD.search(pattern.partition("/")[0]) and "**" in pattern else 1
