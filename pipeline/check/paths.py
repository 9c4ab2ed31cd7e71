"""Names that some file system, tool or reader takes for another name than git does."""

import re
import unicodedata

from pipeline.check.characters import INVISIBLE, has_mixed_scripts

MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 4096
MAX_DEPTH = 64

# Code points that HFS+ ignores in a name: utf8.c, next_hfs_char(), of git.
_HFS_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_DOT_GIT = re.compile(r"\.git|git~\d+")
_SHORT_NAME = re.compile(r"[^~]{1,6}~\d(\.[^.]{0,3})?", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_RESERVED = re.compile(
    r"con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]", re.IGNORECASE
)


def folded(name: bytes) -> str:
    """What a name is compared by where case and Unicode forms do not count: equal is a collision.

    Caseless, composed and decomposed alike, compatibility forms (full width, ligatures) too,
    without what HFS+ ignores. Bytes that are not UTF-8 keep their value.
    """
    if name.isascii():
        return name.decode("ascii").lower()
    text = _HFS_IGNORED.sub("", name.decode("utf-8", "surrogateescape"))
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", once).casefold()


def folded_path(path: bytes) -> bytes:
    """A path as the file system sees it that makes the least of case and Unicode forms."""
    names = (folded(name).rstrip(" .") or folded(name) for name in path.split(b"/"))
    return "/".join(names).encode("utf-8", "surrogateescape")


def is_dot_git(path: bytes) -> bool:
    """Whether a component is ``.git`` for git, HFS+, NTFS (short names, streams) or APFS.

    A backslash counts as a separator, as on Windows.
    """
    return any(_names_dot_git(name) for name in re.split(rb"[/\\]", path))


def _names_dot_git(name: bytes) -> bool:
    main_stream = folded(name).partition(":")[0]
    return _DOT_GIT.fullmatch(main_stream.rstrip(" .")) is not None


def name_problems(path: bytes) -> tuple[str, ...]:
    """What is wrong with a path that is to come into being, as ends of a sentence on it."""
    found = []
    if len(path) > MAX_PATH_BYTES:
        found.append(f"is longer than {MAX_PATH_BYTES} bytes")
    names = path.split(b"/")
    if len(names) > MAX_DEPTH:
        found.append(f"is nested more than {MAX_DEPTH} directories deep")
    for name in names:
        found += _component_problems(name)
    return tuple(dict.fromkeys(found))


def name_doubts(path: bytes) -> tuple[str, ...]:
    """What a reader may take a path for that it is not; no reason to refuse it."""
    if has_mixed_scripts(path.decode("utf-8", "replace")):
        return ("mixes letters of scripts that look alike",)
    return ()


def _component_problems(name: bytes) -> list[str]:
    if not name:
        return ["has an empty component"]
    if name in (b".", b".."):
        return ["has the component '.' or '..'"]
    found = []
    if len(name) > MAX_NAME_BYTES:
        found.append(f"has a component longer than {MAX_NAME_BYTES} bytes")
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return [*found, "is not UTF-8"]
    return found + [problem for is_bad, problem in _judged(text) if is_bad]


def _judged(text: str) -> tuple[tuple[bool, str], ...]:
    stem = text.partition(".")[0].rstrip(" ")
    return (
        (_CONTROL.search(text) is not None, "holds a control character"),
        (INVISIBLE.search(text) is not None, "holds an invisible or bidirectional character"),
        (not unicodedata.is_normalized("NFC", text), "is not in Unicode's composed form (NFC)"),
        (text.startswith("-"), "has a component that starts with '-' like an option"),
        (text != text.strip(), "has a component with white space at an end"),
        (text.endswith("."), "has a component that ends with '.'"),
        (any(char in text for char in "*?[]"), "holds a character of glob patterns"),
        ("\\" in text, "holds a backslash"),
        (any(char in text for char in ':<>"|'), "holds a character that Windows forbids"),
        (_RESERVED.fullmatch(stem) is not None, "is a device's name on Windows"),
        (_SHORT_NAME.fullmatch(text) is not None, "has the form of a short name on Windows"),
    )
