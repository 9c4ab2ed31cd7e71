"""Credentials in added lines: known forms, and assignments of values that look random."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_KNOWN: tuple[tuple[str, str], ...] = (
    ("a private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ("a PuTTY private key", r"PuTTY-User-Key-File-\d: "),
    ("an age private key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{40,}"),
    ("an AWS access key", r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    (
        "an AWS secret key",
        r"(?i:aws_?secret_?(?:access_?)?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}"
        r"(?![A-Za-z0-9/+])",
    ),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,255}"),
    ("a GitHub token", r"\bgithub_pat_[A-Za-z0-9_]{22,255}"),
    ("a GitLab token", r"\bgl(?:pat|dt|rt|ptt|soat|cbt|ft|imt|agent|oas)-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abeoprs](?:\.xox[abeoprs])?-[A-Za-z0-9-]{10,}"),
    ("a Slack token", r"\bxapp-\d-[A-Z0-9]{8,}-\d{8,}-[a-f0-9]{20,}"),
    ("a Slack webhook", r"hooks\.slack\.com/(?:services|workflows)/T[A-Za-z0-9_/]{20,}"),
    ("a Discord webhook", r"discord(?:app)?\.com/api/webhooks/\d{15,}/[A-Za-z0-9_-]{40,}"),
    ("a Stripe key", r"\b(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{16,}"),
    ("a Stripe webhook secret", r"\bwhsec_[A-Za-z0-9+/=]{24,}"),
    ("an Anthropic key", r"\bsk-ant-[A-Za-z0-9]+-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", r"\bsk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", r"\bsk-[A-Za-z0-9]{20,}T3BlbkFJ[A-Za-z0-9]{20,}"),
    ("an OpenAI key", r"\bsk-(?=[A-Za-z]*\d)(?=[0-9a-z]*[A-Z])[A-Za-z0-9]{32,}\b"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    ("a Google OAuth secret", r"\bGOCSPX-[0-9A-Za-z_-]{28}"),
    ("a Google OAuth token", r"\bya29\.[0-9A-Za-z_-]{20,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z]{34}\b"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{64}"),
    ("an Azure storage key", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    ("a Databricks token", r"\bdapi[a-f0-9]{32}\b"),
    ("a Telegram bot token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    ("a Shopify token", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("a Vault token", r"\bhvs\.[A-Za-z0-9_-]{24,}"),
    ("a JSON web token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
)
_KNOWN_FORMS = tuple((kind, re.compile(form.encode("ascii"))) for kind, form in _KNOWN)
_SCREEN = re.compile("|".join(f"(?:{form})" for _, form in _KNOWN).encode("ascii"))

# A name that says "secret", an assignment, a value in quotes or a bare one to the end of the line.
_ASSIGNED = re.compile(
    rb"""(?ix) (?P<name> [\w.-]* (?: passw(?:or)?d | passphrase | secret | token | credential
            | api[_-]?key | access[_-]?key | private[_-]?key | auth[_-]?key ) [\w.-]* )
        ["'\]]? \s* (?: [:=] | := | => ) \s*
        (?: (?P<quote>["'`]) (?P<quoted> [^\s"'`]{16,512} ) (?P=quote)
          | (?P<bare> [A-Za-z0-9+/=_.~-]{20,512} ) \s* $ )"""
)
_ADDRESS = re.compile(rb"\b[a-z][a-z0-9+.-]*://[^\s/:@\"']+:(?P<quoted>[^\s/:@\"']{12,256})@")
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
    found = [Secret(kind, _redacted(value)) for kind, value in _known(line)]
    if not found and _LOCK_FILE.search(path) is None:
        found = [Secret("a secret", _redacted(value)) for value in _assigned(line)]
    return tuple(dict.fromkeys(found))


def may_hold_secrets(text: bytes) -> bool:
    """Whether a look at the single lines of a text is worth while; never wrongly false."""
    return (
        _SCREEN.search(text) is not None
        or b"://" in text
        or re.search(rb"(?i)passw|passphrase|secret|token|credential|key", text) is not None
    )


def _known(line: bytes) -> Iterator[tuple[str, bytes]]:
    if _SCREEN.search(line) is None:
        return
    for kind, form in _KNOWN_FORMS:
        for match in form.finditer(line):
            yield kind, match[0]


def _assigned(line: bytes) -> Iterator[bytes]:
    for match in _ASSIGNED.finditer(line):
        if _NAMES_NO_SECRET.search(match["name"]) is None:
            value = match["quoted"] or match["bare"]
            if _looks_random(value):
                yield value
    for match in _ADDRESS.finditer(line):
        if _looks_random(match["quoted"]):
            yield match["quoted"]


def _looks_random(value: bytes) -> bool:
    if _PLACEHOLDER.search(value) or _REFERENCE.fullmatch(value):
        return False
    classes = sum(re.search(form, value) is not None for form in (rb"[a-z]", rb"[A-Z]", rb"\d"))
    return classes >= 2 and _entropy(value) >= _LEAST_BITS


def _entropy(value: bytes) -> float:
    """Shannon's entropy of the bytes, in bits for each."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def _redacted(value: bytes) -> str:
    """The first four characters and the length: enough to find it, nothing to use."""
    start = "".join(chr(byte) if 0x20 < byte < 0x7F else "?" for byte in value[:4])
    return f"{start}… ({len(value)} characters)"
