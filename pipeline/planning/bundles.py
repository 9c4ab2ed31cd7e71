"""Loads the bundles of a folder: each file by itself first, then all of them together."""

import gc
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.schema import fast_check
from pipeline.model.config import Config
from pipeline.model.workstream import PolicyOverride, Workstream
from pipeline.planning import checks
from pipeline.planning.bundle_rules import check_bundle
from pipeline.planning.documents import (
    SUFFIXES,
    Document,
    DocumentError,
    read_document,
)
from pipeline.planning.plan_rules import check_plan
from pipeline.planning.problem import Problem, in_order, json_path

SCHEMA = "workstream.v1.json"
_FILES_WITH_LINES = 200


@dataclass(frozen=True, slots=True)
class LoadedBundles:
    """The bundles that could be read, by id, and everything that is wrong with the folder."""

    workstreams: tuple[Workstream, ...]
    problems: tuple[Problem, ...]


def load_bundles(folder: Path, top: Path, config: Config) -> LoadedBundles:
    """All bundles in ``folder`` (``*.json``, ``*.yaml``, ``*.yml``), validated together.

    Files that start with ``.`` or ``_`` are left out. Never raises for what files hold.
    """
    try:
        names = _bundle_names(folder)
    except OSError as error:
        return _nothing(folder, top, f"cannot be read: {error.strerror}.")
    if not names:
        return _nothing(folder, top, "holds no bundle (*.json, *.yaml, *.yml).")
    prefix = _shown_path(folder, top)
    reader = _Reader(top, config)
    with _no_collection():
        read = (reader.read(f"{folder}/{n}", _printable(f"{prefix}/{n}")) for n in names)
        found = sorted(filter(None, read), key=lambda ws: (ws.id, ws.source))
        between = _placed(check_plan(found, config, reader.broken), reader.top)
    return LoadedBundles(tuple(found), in_order([*reader.problems, *between]))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pauses the search for garbage: nothing made here is, and it takes half of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _placed(problems: Iterable[Problem], top: str) -> list[Problem]:
    """Problems between bundles with their lines; after the first files, without."""
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    placed: list[Problem] = []
    for number, (file, found) in enumerate(by_file.items()):
        document = None
        if number < _FILES_WITH_LINES:
            with suppress(DocumentError):
                document = read_document(str(Path(top, file)), top=top, file=file)
        placed.extend(_located(found, document) if document else found)
    return placed


def load_bundle(
    path: Path, top: Path, config: Config
) -> tuple[Workstream | None, tuple[Problem, ...]]:
    """One bundle by itself, without what can only be seen in the whole plan."""
    reader = _Reader(top, config)
    workstream = reader.read(str(path), _printable(_shown_path(path, top)))
    return workstream, in_order(reader.problems)


class _Reader:
    """Reads bundles one by one; gathers ``problems``, and ids of bundles that are ``broken``."""

    def __init__(self, top: Path, config: Config) -> None:
        self.top = os.path.realpath(top)
        self.config = config
        self.problems: list[Problem] = []
        self.broken: set[str] = set()

    def read(self, path: str, source: str) -> Workstream | None:
        """The bundle in a file, ``None`` where it cannot be understood."""
        try:
            document = read_document(path, top=self.top, file=source)
        except DocumentError as error:
            self.problems.append(error.problem)
            return None
        if not fast_check(SCHEMA)(document.data) and self._breaks_schema(document):
            return None
        workstream, complaints = decode_bundle(document.data, source, self.config)
        complaints.extend(check_bundle(workstream, self.config, self.top))
        if complaints:
            wrong = [Problem(source, json_path(p), what, right) for p, what, right in complaints]
            self.problems.extend(_located(wrong, document))
        return workstream

    def _breaks_schema(self, document: Document) -> bool:
        from pipeline.planning.explain import explain  # late: only for wrong input

        wrong = list(explain(SCHEMA, document.data, document.file))
        self.problems.extend(_located(wrong, document))
        if wrong and isinstance(document.data, dict) and isinstance(document.data.get("id"), str):
            self.broken.add(document.data["id"])
        return bool(wrong)


def decode_bundle(
    data: Mapping[str, Any], source: str, config: Config
) -> tuple[Workstream, list[checks.Complaint]]:
    """A bundle that its schema accepts as a value, and what is wrong with its checks."""
    values = {k: v for k, v in data.items() if k != "$schema"}
    complaints: list[checks.Complaint] = []
    for name in _TUPLES & values.keys():
        values[name] = tuple(values[name])
    if "acceptance_tests" in values:
        values["acceptance_tests"] = checks.acceptance_tests(values["acceptance_tests"])
    if "static" in values:
        values["static"], wrong = checks.checks(values["static"], config.tools, ("static",))
        complaints.extend(wrong)
    values["breakers"] = checks.breakers(values.pop("circuit_breaker", {}), config.breakers)
    if "policy" in values:
        values["policy"] = PolicyOverride(**values["policy"])
    return Workstream(**values, source=source), complaints


_TUPLES = frozenset(
    {
        "files_scope",
        "files_create",
        "tasks",
        "depends_on",
        "conflicts_with",
        "allow_overlap",
        "fix",
    }
)


def _located(problems: Iterable[Problem], document: Document) -> list[Problem]:
    """The problems with the lines that their places have in the document."""
    from pipeline.planning.lines import with_lines  # late: only for wrong input

    return with_lines(problems, document.text)


def _bundle_names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    return sorted(
        name
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith((".", "_"))
    )


def _shown_path(path: Path, top: Path) -> str:
    relative = os.path.relpath(path, top)
    return str(path) if relative.startswith("..") else Path(relative).as_posix()


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _nothing(folder: Path, top: Path, message: str) -> LoadedBundles:
    name = _printable(_shown_path(folder, top))
    remedy = "Write a bundle there, or name another folder; `pipeline init` makes an example."
    return LoadedBundles((), (Problem(name, "$", message, remedy),))
