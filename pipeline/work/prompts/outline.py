"""A file as its signatures: what it offers, without how."""

import ast
import re
import warnings
from collections.abc import Iterator
from pathlib import PurePosixPath
from threading import Lock

_DEFINITION = re.compile(
    r"^[ \t]{0,8}(?:@[\w.]+|#\s*(?:include|define)\b|(?:(?:export|default|public|private|protected|"
    r"internal|static|abstract|final|async|extern|pub(?:\([^)]*\))?|unsafe|virtual|override|"
    r"declare|inline|open|sealed|data)\s+)*"
    r"(?:def|class|func|fn|fun|function\*?|interface|type|struct|enum|trait|impl|mod|module|"
    r"namespace|const|let|var|val|import|use|using|package|require|sub|proc|procedure|record|"
    r"object|protocol|extension|macro_rules!|create\s+\w+)\b"
    r"|[\w.-]+\s*\(\)\s*\{)",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^(?:#{1,6}\s|[-=]{3,}\s*$)")
_MARKDOWN = frozenset({".md", ".markdown", ".mdx", ".rst"})
_LINES = 400
_WIDE = 200
# Filters of warnings belong to the whole process.
_WARNINGS = Lock()


def outline(path: str, text: str) -> str:
    """The signatures in a file: by its syntax for Python, elsewhere by lines that look like one."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in (".py", ".pyi"):
        found = _python(text)
        if found is not None:
            return _bounded(found)
    pattern = _HEADING if suffix in _MARKDOWN else _DEFINITION
    return _bounded(line.rstrip(" {\t") for line in text.split("\n") if pattern.match(line))


def _bounded(lines: Iterator[str]) -> str:
    kept: list[str] = []
    for line in lines:
        if len(kept) == _LINES:
            kept.append("…")
            break
        kept.append(line if len(line) <= _WIDE else line[: _WIDE - 1] + "…")
    return "".join(f"{line}\n" for line in kept)


def _python(text: str) -> Iterator[str] | None:
    """The signatures of a module, ``None`` where it cannot be parsed."""
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the user's code, which is not ours to judge
            module = ast.parse(text)
        return iter(list(_body(module, "")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _body(node: ast.Module | ast.ClassDef, indent: str) -> Iterator[str]:
    yield from _doc(node, indent)
    for one in node.body:
        if isinstance(one, ast.Import | ast.ImportFrom):
            yield indent + ast.unparse(one)
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function(one, indent)
        elif isinstance(one, ast.ClassDef):
            yield from (f"{indent}@{ast.unparse(each)}" for each in one.decorator_list)
            bases = ", ".join(map(ast.unparse, [*one.bases, *(k.value for k in one.keywords)]))
            yield f"{indent}class {one.name}" + (f"({bases}):" if bases else ":")
            yield from _body(one, indent + "    ")
        elif isinstance(one, ast.AnnAssign):
            yield f"{indent}{ast.unparse(one.target)}: {ast.unparse(one.annotation)}"
        elif isinstance(one, ast.Assign):
            yield indent + " = ".join(map(ast.unparse, one.targets)) + " = …"


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, indent: str) -> Iterator[str]:
    yield from (f"{indent}@{ast.unparse(each)}" for each in node.decorator_list)
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    yield f"{indent}{word} {node.name}({ast.unparse(node.args)}){result}: ..."
    yield from _doc(node, indent + "    ")


def _doc(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, indent: str
) -> Iterator[str]:
    doc = ast.get_docstring(node)
    if doc:
        yield f'{indent}"""{doc.splitlines()[0]}"""'
