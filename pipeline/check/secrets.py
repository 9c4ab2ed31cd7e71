"""Credentials in added lines: known forms, and assignments of values that look random."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

# What it is, what a text in lower case holds wherever the form matches, and the form.
_KNOWN: tuple[tuple[str, tuple[bytes, ...], str], ...] = (
    ("a private key", (b"private key",), r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ("a PuTTY private key", (b"putty-user",), r"PuTTY-User-Key-File-\d: "),
    ("an age private key", (b"age-secret",), r"\bAGE-SECRET-KEY-1[0-9A-Z]{40,}"),
    (
        "an AWS access key",
        (b"akia", b"asia", b"abia", b"acca"),
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    ),
    (
        "an AWS secret key",
        (b"aws",),
        r"(?i:aws_?secret_?(?:access_?)?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}"
        r"(?![A-Za-z0-9/+])",
    ),
    (
        "a GitHub token",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"),
        r"\bgh[pousr]_[A-Za-z0-9]{36,255}",
    ),
    ("a GitHub token", (b"github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{22,255}"),
    (
        "a GitLab token",
        (b"gl",),
        r"\bgl(?:pat|dt|rt|ptt|soat|cbt|ft|imt|agent|oas)-[A-Za-z0-9_-]{20,}",
    ),
    ("a Slack token", (b"xox",), r"\bxox[abeoprs](?:\.xox[abeoprs])?-[A-Za-z0-9-]{10,}"),
    ("a Slack token", (b"xapp-",), r"\bxapp-\d-[A-Z0-9]{8,}-\d{8,}-[a-f0-9]{20,}"),
    (
        "a Slack webhook",
        (b"hooks.slack",),
        r"hooks\.slack\.com/(?:services|workflows)/T[A-Za-z0-9_/]{20,}",
    ),
    (
        "a Discord webhook",
        (b"api/webhooks",),
        r"discord(?:app)?\.com/api/webhooks/\d{15,}/[A-Za-z0-9_-]{40,}",
    ),
    (
        "a Stripe key",
        (b"_live_", b"_test_", b"_prod_"),
        r"\b(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{16,}",
    ),
    ("a Stripe webhook secret", (b"whsec_",), r"\bwhsec_[A-Za-z0-9+/=]{24,}"),
    ("an Anthropic key", (b"sk-ant-",), r"\bsk-ant-[A-Za-z0-9]+-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", (b"sk-",), r"\bsk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", (b"t3blbkfj",), r"\bsk-[A-Za-z0-9]{20,}T3BlbkFJ[A-Za-z0-9]{20,}"),
    (
        "an OpenAI key",
        (b"sk-",),
        r"\bsk-(?=[A-Za-z]*\d)(?=[0-9a-z]*[A-Z])[A-Za-z0-9]{32,}\b",
    ),
    ("a Google API key", (b"aiza",), r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    ("a Google OAuth secret", (b"gocspx-",), r"\bGOCSPX-[0-9A-Za-z_-]{28}"),
    ("a Google OAuth token", (b"ya29.",), r"\bya29\.[0-9A-Za-z_-]{20,}"),
    ("an npm token", (b"npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", (b"pypi-age",), r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("a Hugging Face token", (b"hf_",), r"\bhf_[A-Za-z]{34}\b"),
    ("a SendGrid key", (b"sg.",), r"\bSG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"),
    ("a DigitalOcean token", (b"_v1_",), r"\bdo[opr]_v1_[a-f0-9]{64}"),
    ("an Azure storage key", (b"accountkey=",), r"AccountKey=[A-Za-z0-9+/]{86}=="),
    ("a Databricks token", (b"dapi",), r"\bdapi[a-f0-9]{32}\b"),
    ("a Telegram bot token", (b":aa",), r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    ("a Shopify token", (b"shp",), r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("a Vault token", (b"hvs.",), r"\bhvs\.[A-Za-z0-9_-]{24,}"),
    (
        "a JSON web token",
        (b"eyj",),
        r"\beyJ[\w-]{8,2000}+\.eyJ[\w-]{8,2000}+\.[\w-]{8,2000}+",
    ),
)
_FORMS = tuple((kind, hints, re.compile(form.encode("ascii"))) for kind, hints, form in _KNOWN)
_ASSIGNED_HINTS = (b"passw", b"passphrase", b"secret", b"token", b"credential", b"key", b"://")
_HINTS = tuple({hint for _, hints, _ in _KNOWN for hint in hints}.union(_ASSIGNED_HINTS))

# From the word in a name that says "secret": the rest of the name, an assignment, a value in quotes
# or a bare one to the end of the line. Every repetition is bounded, so that no line takes long.
_ASSIGNED = re.compile(
    rb"""(?ix) (?P<name> (?: passw(?:or)?d | passphrase | secret | token | credential
            | (?: api | access | private | auth )[_-]?key ) [\w.-]{0,60}+ )
        ["'\]]? \s{0,20}+ (?: [:=] | := | => ) \s{0,20}+
        (?: (?P<quote>["'`]) (?P<quoted> [^\s"'`]{16,512} ) (?P=quote)
          | (?P<bare> [A-Za-z0-9+/=_.~-]{20,512} ) \s{0,20}+ $ )"""
)
_NAME_START = re.compile(rb"[\w.-]{0,60}\Z")
_ADDRESS = re.compile(rb"://[^\s/:@\"']{1,64}:(?P<quoted>[^\s/:@\"']{12,256})@")
_NAMES_NO_SECRET = re.compile(
    rb"(?i)hash|digest|checksum|fingerprint|public|(?:_|-|\b)(?:id|name|url|uri|path|file|type|"
    rb"endpoint|regex|pattern|env|header|field|prefix|format|version|length|count)$"
)
_PLACEHOLDER = re.compile(
    rb"(?i)example|sample|dummy|fake|placeholder|change[_-]?me|redacted|your[_-]|my[_-]|insert|"
    rb"x{4}|\*{3}|\.{3}|0{6}|1234567|abcdef|test[_-]|[_-]test|<|>|\$[{(]|\{\{|%\(|\$[A-Z_]+$"
)
_REFERENCE = re.compile(rb"[A-Za-z_][A-Za-z_-]*(?:[./:][A-Za-z_][\w-]*)*|https?://.*|/.*|\./.*")
_LOCK_FILE = re.compile(
    rb"(?:^|/)(?:[^/]*\.lock|[^/]*-lock\.(?:json|ya?ml)|[^/]*\.lockb?|go\.sum|npm-shrinkwrap\.json)$"
)
_LEAST_BITS = 3.3  # per character; words and identifiers lie lower at these lengths


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential: what it looks like and a form of it that gives nothing away."""

    kind: str
    redacted: str


def find_secrets(path: bytes, line: bytes) -> tuple[Secret, ...]:
    """The credentials in one line of a file; in lock files only those of a known form."""
    lower = line.lower()
    found = [Secret(kind, _redacted(value)) for kind, value in _known(line, lower)]
    is_asked = not found and any(hint in lower for hint in _ASSIGNED_HINTS)
    if is_asked and _LOCK_FILE.search(path) is None:
        found = [Secret("a secret", _redacted(value)) for value in _assigned(line)]
    return tuple(dict.fromkeys(found))


def may_hold_secrets(text: bytes) -> bool:
    """Whether a look at the single lines of a text is worth while; never wrongly false."""
    lower = text.lower()
    return any(hint in lower for hint in _HINTS)


def _known(line: bytes, lower: bytes) -> Iterator[tuple[str, bytes]]:
    for kind, hints, form in _FORMS:
        if any(hint in lower for hint in hints):
            for match in form.finditer(line):
                yield kind, match[0]


def _assigned(line: bytes) -> Iterator[bytes]:
    for match in _ASSIGNED.finditer(line):
        start = _NAME_START.search(line[max(0, match.start() - 60) : match.start()])
        name = (start[0] if start else b"") + match["name"]
        if _NAMES_NO_SECRET.search(name) is None:
            value, is_quoted = match["quoted"] or match["bare"], match["bare"] is None
            if _looks_random(value, is_quoted=is_quoted):
                yield value
    for match in _ADDRESS.finditer(line):
        if _looks_random(match["quoted"], is_quoted=True):
            yield match["quoted"]


def _looks_random(value: bytes, *, is_quoted: bool) -> bool:
    """Words with a number in them do not; a value without quotes could also be an identifier."""
    if _PLACEHOLDER.search(value) or _REFERENCE.fullmatch(value):
        return False
    digits = len(re.findall(rb"\d", value))
    has_lower, has_upper = (re.search(form, value) is not None for form in (rb"[a-z]", rb"[A-Z]"))
    is_mixed = is_quoted and has_lower and has_upper and digits > 0
    if not is_mixed and not (digits >= 4 and (has_lower or has_upper)):
        return False
    return _entropy(value) >= _LEAST_BITS


def _entropy(value: bytes) -> float:
    """Shannon's entropy of the bytes, in bits for each."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def _redacted(value: bytes) -> str:
    """The first four characters and the length: enough to find it, nothing to use."""
    start = "".join(chr(byte) if 0x20 < byte < 0x7F else "?" for byte in value[:4])
    return f"{start}… ({len(value)} characters)"
