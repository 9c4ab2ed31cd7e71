"""Taking secret values out of what a program wrote."""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.base.files import write_atomic

REDACTED = b"[redacted]"
_SECRET_NAME = re.compile(
    r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH)S?($|_)", re.I
)
_MINIMUM = 6  # a shorter value would be found in innocent text
_VARIABLE = "env:"


def secret_values(declared: Mapping[str, str], env: Mapping[str, str]) -> tuple[str, ...]:
    """The values in a program's environment that nobody may see, longest first.

    Those are what is ``declared`` to be read by ``env:NAME``, and variables with a telling name.
    """
    named = {name for name, value in declared.items() if value.startswith(_VARIABLE)}
    found = {
        value
        for name, value in env.items()
        if len(value) >= _MINIMUM and (name in named or is_secret_name(name))
    }
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def is_secret_name(name: str) -> bool:
    """Whether a variable or parameter of this name is taken to hold a secret."""
    return _SECRET_NAME.search(name.replace("-", "_")) is not None


def redact(data: bytes, secrets: Iterable[str]) -> bytes:
    """The bytes with every secret value replaced, longer ones first, also as JSON writes them."""
    spelled = {form for secret in secrets if secret for form in _spellings(secret)}
    for form in sorted(spelled, key=lambda form: (-len(form), form)):
        data = data.replace(form, REDACTED)
    return data


def _spellings(secret: str) -> Iterator[bytes]:
    """A value as it is, and within a string of JSON: agents print lines of it."""
    for text in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield text.encode("utf-8", "surrogateescape")


def redact_file(path: Path, secrets: Iterable[str]) -> None:
    """Replace a log that holds a secret value by one that does not."""
    known = tuple(secrets)
    if not known:
        return
    with contextlib.suppress(FileNotFoundError):
        data = path.read_bytes()
        clean = redact(data, known)
        if clean != data:
            write_atomic(path, clean, durable=False)
