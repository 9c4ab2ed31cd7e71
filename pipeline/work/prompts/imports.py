"""Which files of the same repository a file imports, by name alone: Python and JavaScript."""

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

# Every run is bounded: in a file made for it, neighbouring ones would take quadratic time.
_PY_FROM = re.compile(
    r"^[ \t]{0,80}from[ \t]{1,20}(\.{0,30})([\w.]{0,300})[ \t]{1,20}import[ \t]{0,20}\(?([^#\n)]*)",
    re.MULTILINE,
)
_PY_IMPORT = re.compile(r"^[ \t]{0,80}import[ \t]{1,20}([\w., \t]+)", re.MULTILINE)
_JS = re.compile(
    r"""\b(?:from|import|require)[ \t]{0,20}\(?[ \t]{0,20}['"](\.{1,2}/[^'"\n]{1,300})['"]"""
)
_JS_SUFFIXES = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", "/index.ts", "/index.js")
_JS_FILES = frozenset({".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".vue", ".svelte"})
_PY_ROOTS = ("", "src/", "lib/")
_MOST = 100

Exists = Callable[[str], bool]


def imported_files(path: str, text: str, exists: Exists) -> tuple[str, ...]:
    """The paths that the file at ``path`` imports and that ``exists`` knows, in its order."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in (".py", ".pyi"):
        wanted = _python(path, text, exists)
    elif suffix in _JS_FILES:
        wanted = _javascript(path, text, exists)
    else:
        return ()
    found: dict[str, None] = {}
    for one in wanted:
        if one != path:
            found[one] = None
        if len(found) == _MOST:
            break
    return tuple(found)


def _python(path: str, text: str, exists: Exists) -> Iterator[str]:
    for match in _PY_FROM.finditer(text):
        dots, module, names = match[1], match[2], match[3]
        each = [name.split()[0] for name in names.split(",") if name.split()]
        below = [f"{module}.{name}" if module else name for name in each if name.isidentifier()]
        for dotted in (*below, module):
            yield from _module(path, dotted, len(dots), exists)
    for match in _PY_IMPORT.finditer(text):
        for name in match[1].split(","):
            if name.split():
                yield from _module(path, name.split()[0], 0, exists)


def _module(path: str, dotted: str, level: int, exists: Exists) -> Iterator[str]:
    """The file of a module; the nearest root that has one counts."""
    if not dotted:
        return
    name = dotted.replace(".", "/")
    folder = posixpath.dirname(path)
    if level:
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        roots = [f"{folder}/" if folder else ""]
    else:
        roots = [*_PY_ROOTS, f"{folder}/" if folder else ""]
    for root in roots:
        for candidate in (f"{root}{name}.py", f"{root}{name}/__init__.py"):
            if exists(candidate):
                yield candidate
                return


def _javascript(path: str, text: str, exists: Exists) -> Iterator[str]:
    folder = posixpath.dirname(path)
    for match in _JS.finditer(text):
        name = posixpath.normpath(posixpath.join(folder, match[1]))
        # `./x.js` is how TypeScript's modules name x.ts.
        for stem in (name, name.removesuffix(".js")):
            hit = next((stem + end for end in _JS_SUFFIXES if exists(stem + end)), None)
            if hit:
                yield hit
                break
