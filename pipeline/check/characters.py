"""Characters that a reader does not see, or takes for others."""

import re
import unicodedata

# Bidirectional controls (CVE-2021-42574), zero-width and filler characters, tags, language and
# annotation controls. Joiners and variation selectors have honest uses: `has_stray_joiner`.
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ZERO_WIDTH = "\u00ad\u034f\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"
_FILLERS = "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"
_BEYOND_16_BITS = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
INVISIBLE = re.compile(f"[{_BIDI}{_ZERO_WIDTH}{_FILLERS}{_BEYOND_16_BITS}]")

# Everything of C0 and C1 but tab and line feed, and Unicode's two line separators.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")

_JOINERS = "\u200c\u200d\ufe00-\ufe0f"
_JOINER = re.compile(f"[{_JOINERS}]")
# A joiner stands behind a character of its own script or emoji; `#`, `*` and digits make keycaps;
# an emoji's selector may be followed by the joiner of a sequence.
_HONEST_JOINER = re.compile(
    f"[^\x00-\x7f{_JOINERS}][\ufe00-\ufe0f]?[\u200c\u200d]?|[0-9#*]\ufe0f(?=\u20e3)"
)

_WORD = re.compile(r"\w+")
_FOREIGN = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
# Letters of these scripts that are drawn like a Latin one (Unicode's confusables.txt, in part).
_LOOKALIKES = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u0501\u051b\u051d\u04bb\u04cf"
    "\u0410\u0412\u0415\u0417\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u03b9\u03bd\u03bf\u03c1\u03c5\u03f2\u03f3\u0578\u057d\u0585\u0570\u0566\u0581"
)


def has_stray_joiner(text: str) -> bool:
    """Whether a zero-width joiner or variation selector stands where nothing is to be joined."""
    if _JOINER.search(text) is None:
        return False
    return _JOINER.search(_HONEST_JOINER.sub("", text)) is not None


def has_mixed_scripts(text: str) -> bool:
    """Whether a word mixes Latin letters with ones of another script that look like them.

    Between underscores a word of another script may stand whole, as in the name of a test, unless
    every letter of it looks Latin (CVE-2021-42694).
    """
    if text.isascii():
        return False
    return any(_is_mixed(word) for word in _WORD.findall(text) if not word.isascii())


def _is_mixed(word: str) -> bool:
    if not any(_script(char) == "LATIN" for char in word):
        return False
    return any(_is_disguised(part) for part in word.split("_"))


def _is_disguised(part: str) -> bool:
    scripts = [_script(char) for char in part if char.isalpha()]
    foreign = [char for char in part if _script(char) in _FOREIGN]
    if not foreign:
        return False
    looks_latin = [char for char in foreign if char in _LOOKALIKES]
    if "LATIN" in scripts:
        return bool(looks_latin) or "CYRILLIC" in scripts or "CHEROKEE" in scripts
    return len(looks_latin) == len(part)


def _script(char: str) -> str:
    if char.isascii():
        return "LATIN" if char.isalpha() else ""
    name = unicodedata.name(char, "")
    return "LATIN" if name.startswith("FULLWIDTH LATIN") else name.partition(" ")[0]
