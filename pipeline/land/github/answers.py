"""What an answer of GitHub's means: its JSON, its next page, the error that it stands for."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pipeline.base.console import safe
from pipeline.land.github.errors import (
    DeniedError,
    GitHubError,
    InvalidError,
    LimitedError,
    UnavailableError,
)


def limited(method: str, url: str, status: int, seconds: float) -> LimitedError:
    """The error for a limit that holds for longer than may be waited."""
    return LimitedError(
        f"GitHub's rate limit holds for {seconds:.0f} s more, at {method} {url}.",
        remedy="Publish again later, or allow a longer --wait.",
        status=status,
        wait_s=seconds,
    )


def failed(method: str, url: str, status: int, message: str) -> GitHubError:
    """The error for an answer that is none; status 0 where none came."""
    said = safe(message, 300)
    what = f"{method} {url}"
    if status == 0:
        return UnavailableError(f"GitHub cannot be reached at {what}: {said}")
    if status >= 500:
        return UnavailableError(f"GitHub failed at {what} ({status}): {said}", status=status)
    if status == 401:
        remedy = "Give a token that is still valid in GITHUB_TOKEN."
        return DeniedError(f"GitHub refuses the token at {what}.", remedy=remedy, status=status)
    if status in (403, 404):
        remedy = "Give the token the right to it, or use one that has it."
        return DeniedError(
            f"GitHub does not allow {what} ({status}): {said}", remedy=remedy, status=status
        )
    return InvalidError(f"GitHub refuses {what} ({status}): {said}", status=status)


def json_of(text: str, method: str, url: str) -> Any:
    """An answer's JSON, ``None`` where it is empty; raises ``UnavailableError`` for any other."""
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnavailableError(f"GitHub's answer to {method} {url} is no JSON.") from error


def message_of(text: str) -> str:
    """What an answer says went wrong, with what it says of single fields."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return text[:300]
    if not isinstance(answer, dict):
        return ""
    said = [str(answer.get("message", ""))]
    errors = answer.get("errors")
    for error in errors[:5] if isinstance(errors, list) else ():
        if isinstance(error, dict):
            said.append(" ".join(str(error[k]) for k in ("field", "code", "message") if k in error))
        else:
            said.append(str(error))
    return "; ".join(part for part in said if part)


def next_page(link: str) -> dict[str, str | int]:
    """The query of the next page, from a ``link`` header; only its query is believed.

    An address there could lead anywhere, and the token would go along.
    """
    for part in link.split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest.replace(" ", ""):
            return dict(parse_qsl(urlsplit(address.strip(" <>")).query))
    return {}


def reason_of(error: Exception) -> str:
    """The innermost reason of a failed connection; requests wraps it three times."""
    inner: BaseException = error
    while inner.__context__ is not None:
        inner = inner.__context__
    return str(inner) or type(inner).__name__
