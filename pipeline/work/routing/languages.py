"""The language of a file, by how its name ends."""

from collections import Counter
from collections.abc import Iterable

_BY_SUFFIX = {
    "bash": "shell",
    "c": "c",
    "cc": "c++",
    "cpp": "c++",
    "cs": "c#",
    "css": "css",
    "go": "go",
    "h": "c",
    "hpp": "c++",
    "html": "html",
    "java": "java",
    "js": "javascript",
    "json": "json",
    "jsx": "javascript",
    "kt": "kotlin",
    "lua": "lua",
    "md": "markdown",
    "mjs": "javascript",
    "php": "php",
    "pl": "perl",
    "ps1": "powershell",
    "psm1": "powershell",
    "py": "python",
    "pyi": "python",
    "r": "r",
    "rb": "ruby",
    "rs": "rust",
    "rst": "markdown",
    "scala": "scala",
    "sh": "shell",
    "sql": "sql",
    "swift": "swift",
    "tf": "terraform",
    "toml": "toml",
    "ts": "typescript",
    "tsx": "typescript",
    "vue": "vue",
    "yaml": "yaml",
    "yml": "yaml",
}
_BY_NAME = {"dockerfile": "docker", "makefile": "make", "rakefile": "ruby", "gemfile": "ruby"}


def language_of(path: str) -> str:
    """A file's language in lower case, empty where its name does not tell."""
    name = path.rpartition("/")[2].lower()
    _, dot, suffix = name.rpartition(".")
    return _BY_NAME.get(name) or (_BY_SUFFIX.get(suffix, "") if dot else "")


def languages_of(paths: Iterable[str]) -> tuple[str, ...]:
    """The languages of files, the one of most files first, equal ones by name."""
    counts = Counter(filter(None, map(language_of, paths)))
    return tuple(sorted(counts, key=lambda language: (-counts[language], language)))
