"""Reads one JSON or YAML document from a file that nobody vouches for."""

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.planning.problem import Problem, json_path, shown

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
"""Levels of lists and objects inside each other."""
SUFFIXES = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file; ``file`` is how messages call it, ``text`` what it says."""

    file: str
    data: Any
    text: str


class DocumentError(Exception):
    """A file cannot be read as a document; ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class EmptyDocumentError(DocumentError):
    """A file says nothing at all."""

    def __init__(self, file: str) -> None:
        super().__init__(Problem(file, "$", "is empty.", "A file holds one object."))


def read_document(path: str, *, top: str, file: str) -> Document:
    """The document in ``path``, which must lie in the folder ``top``, links resolved.

    ``top`` must be resolved already. Raises ``DocumentError``.
    """
    text = _read_text(path, top, file)
    if path.lower().endswith(".json"):
        data = _parse_json(text, file)
    else:
        from pipeline.planning.yaml_document import parse_yaml  # late: 30 ms

        data = parse_yaml(text, file)
    if "\\" in text:
        _refuse_odd_text(data, file)
    return Document(file, data, text)


def read_regular(path: str, *, top: str, limit: int, size_only: bool = False) -> bytes:
    """The bytes of a regular file inside ``top``; none of them where only the size matters.

    Raises ``OSError`` when it cannot be read, ``ValueError`` with a sentence's rest when it may
    not be: a link that leads out, not a regular file, larger than ``limit``.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        if not Path(path).is_symlink():
            raise
        handle = -1
    if handle < 0:
        target = os.path.realpath(path)
        if not target.startswith(os.path.join(top, "")):  # noqa: PTH118 - 10 times slower as Path
            raise ValueError("is a link that leads out of the repository")
        handle = os.open(target, flags)
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise ValueError("is not a regular file")
        if info.st_size > limit:
            raise ValueError(f"holds {info.st_size} bytes; {limit} are the limit")
        return b"" if size_only else _read_all(handle, limit)
    finally:
        os.close(handle)


def _read_all(handle: int, limit: int) -> bytes:
    data = os.read(handle, limit + 1)
    while data and (more := os.read(handle, limit + 1)):
        data += more
        if len(data) > limit:
            raise ValueError(f"grew over {limit} bytes while it was read")
    return data


def _read_text(path: str, top: str, file: str) -> str:
    try:
        data = read_regular(path, top=top, limit=MAX_BYTES)
    except OSError as error:
        raise _refusal(file, f"cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise _refusal(file, f"{error}.", "Put a plain file of that name there.") from error
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _refusal(
            file, "starts with a byte order mark.", "Save it as UTF-8 without one (no BOM)."
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refusal(
            file, f"is not UTF-8: byte {error.start}.", "Save it as UTF-8.", line
        ) from error


def _parse_json(text: str, file: str) -> Any:
    if not text.strip():
        raise EmptyDocumentError(file)
    try:
        data = json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _refusal(
            file,
            f"is not JSON: {error.msg} (column {error.colno}).",
            "Correct the text there.",
            error.lineno,
        ) from error
    except _DuplicateKeyError as error:
        key = shown(error.key)
        line = _line_of_second(text, error.key)
        raise _refusal(file, f"has the key `{key}` twice.", "Keep one of them.", line) from error
    except RecursionError as error:
        raise _refusal(file, f"is nested too deeply: {MAX_DEPTH} levels are the limit.") from error
    except ValueError as error:
        raise _refusal(file, f"is not JSON: {error}.") from error
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_depth(data, file)
    return data


def _refuse_depth(data: Any, file: str) -> None:
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        inside = (v.values() if isinstance(v, dict) else v for v in level)
        level = [v for values in inside for v in values if isinstance(v, dict | list)]
        if not level:
            return
    raise _refusal(file, f"is nested too deeply: {MAX_DEPTH} levels are the limit.")


class _DuplicateKeyError(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _line_of_second(text: str, key: str) -> int | None:
    """Cheap and nearly always right: where the key's text stands last."""
    at = text.rfind(json.dumps(key, ensure_ascii=False))
    return text.count("\n", 0, at) + 1 if at >= 0 else None


_PATH_FIELDS = frozenset({"files_scope", "files_create", "tool_args"})


def _refuse_odd_text(data: Any, file: str) -> None:
    """Escapes can smuggle in NUL and lone surrogates, which no program can be handed.

    In paths, U+DC80 to U+DCFF stand for the bytes of names that are not UTF-8.
    """
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                _refuse_odd_string(str(key), path, file)
                waiting.append(((*path, str(key)), item))
        elif isinstance(value, list):
            waiting.extend(((*path, i), item) for i, item in enumerate(value))
        elif isinstance(value, str):
            _refuse_odd_string(value, path, file)


def _refuse_odd_string(value: str, path: tuple[str | int, ...], file: str) -> None:
    try:
        value.encode("utf-8", "surrogateescape" if path and path[0] in _PATH_FIELDS else "strict")
    except UnicodeEncodeError as error:
        raise DocumentError(
            Problem(file, json_path(path), "holds half of a surrogate pair.", "Remove it.")
        ) from error
    if "\0" in value:
        raise DocumentError(Problem(file, json_path(path), "holds a NUL character.", "Remove it."))


def _refusal(file: str, message: str, remedy: str = "", line: int | None = None) -> DocumentError:
    return DocumentError(Problem(file, "$", message, remedy, line=line))
