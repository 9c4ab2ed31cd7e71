"""Downloads what GitHub keeps elsewhere (logs, artifacts): the token stays with GitHub."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pipeline.base.console import safe
from pipeline.land.github import answers
from pipeline.land.github.errors import UnavailableError
from pipeline.land.github.patience import Patience

if TYPE_CHECKING:
    import requests

_TIMEOUTS_S = (10.0, 30.0)
_LONGEST_S = 300.0
_CHUNK = 256 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def download(url: str, token: str, patience: Patience) -> Iterator[bytes]:
    """The bytes at an address of the API, which may lead elsewhere once; the caller bounds them.

    The token is sent to the API alone, nothing is unpacked on the way, and the whole may take
    five minutes. Raises ``GitHubError``; a fault before the first byte is tried again.
    """
    import requests

    until = time.monotonic() + _LONGEST_S
    faults = 0
    while True:
        try:
            with _open(url, token) as response:
                if response.status_code < 500:
                    yield from _content(response, url, until)
                    return
                problem = str(response.status_code)
        except requests.RequestException as error:
            problem = answers.reason_of(error)
        faults += 1
        if not patience.after_fault(faults):
            raise UnavailableError(f"GitHub failed at GET {url}: {safe(problem, 200)}")


def _content(response: "requests.Response", url: str, until: float) -> Iterator[bytes]:
    if response.status_code != 200:
        raise answers.failed("GET", url, response.status_code, "")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnavailableError(f"GitHub's answer to GET {url} is packed, which was not asked for.")
    for chunk in response.iter_content(_CHUNK):
        if time.monotonic() > until:
            raise UnavailableError(f"GET {url} did not end within {_LONGEST_S:g} s.")
        yield chunk


def _open(url: str, token: str) -> "requests.Response":
    """The answer at an address, or at the one that it leads to."""
    response = _get(url, {"Authorization": f"Bearer {token}"})
    if response.status_code not in _REDIRECTS:
        return response
    response.close()
    target = urljoin(url, response.headers.get("Location", ""))
    split = urlsplit(target)
    is_local = split.hostname in _LOOPBACK and urlsplit(url).hostname in _LOOPBACK
    if split.scheme != "https" and not (split.scheme == "http" and is_local):
        raise UnavailableError(f"GET {url} leads to {safe(target, 100)!r}, which is not safe.")
    second = _get(target, {})
    if second.status_code in _REDIRECTS:
        second.close()
        raise UnavailableError(f"GET {url} leads from one place to the next.")
    return second


def _get(url: str, headers: dict[str, str]) -> "requests.Response":
    import requests

    return requests.get(
        url,
        headers={"User-Agent": "git-pipeline", "Accept-Encoding": "identity", **headers},
        allow_redirects=False,
        stream=True,
        timeout=_TIMEOUTS_S,
        auth=_as_it_is,
    )


def _as_it_is(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """No credentials but ours: without this a person's ``.netrc`` would be asked."""
    return request
