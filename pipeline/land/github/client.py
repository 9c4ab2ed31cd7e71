"""Talks to GitHub through PyGithub: waits for limits, and sends again what may be sent again."""

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from pipeline.base.console import safe
from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git.address import repository_of
from pipeline.base.redaction import REDACTED
from pipeline.land.github import answers
from pipeline.land.github.errors import GitHubError, UnavailableError
from pipeline.land.github.patience import Patience, is_limit, limit_s

if TYPE_CHECKING:
    from github.Requester import Requester

PUBLIC_API = "https://api.github.com"
_TIMEOUT_S = 30
_PER_PAGE = 100
_MOST_PAGES = 1000
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
_NOT_THERE = frozenset({404, 422})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Query = Mapping[str, str | int]
Tell = Callable[[str], object]


class GitHub:
    """One repository on one server, as one token sees it.

    A path that begins with a slash counts from the API's root, any other from the repository
    (``pulls`` is ``/repos/owner/name/pulls``). With ``dry_run`` every request is told to it, and
    what would write is not sent: its answer has number and id 0. An empty token sends nothing
    either, so it is good for a dry run alone. ``answers`` counts those that came, of any kind.
    """

    def __init__(
        self,
        api_url: str,
        repository: str,
        token: str,
        *,
        patience: Patience | None = None,
        pause_s: float = 1.0,
        dry_run: Tell | None = None,
        notice: Tell | None = None,
    ) -> None:
        """``pause_s`` are the seconds between writes: GitHub asks for one (best practices).

        ``notice`` is told before a limit is waited for.

        Raises ``InputError`` for a repository, an address or a token that is none.
        """
        if repository_of(repository) is None:
            raise InputError(
                f"{safe(repository, 80)!r} is not a repository.", remedy="Name it as OWNER/NAME."
            )
        _require_sendable(token)
        self.api_url = require_api_url(api_url)
        self.repository = repository
        self.patience = patience or Patience()
        self.answers = 0
        self._token = token
        self._pause_s = pause_s
        self._dry_run = dry_run
        self._notice = notice
        self._requester: Requester | None = None

    @property
    def is_dry(self) -> bool:
        """Whether writes are only told."""
        return self._dry_run is not None

    @property
    def has_token(self) -> bool:
        """Whether anything can be asked at all."""
        return bool(self._token)

    @property
    def owner(self) -> str:
        """The account that the repository belongs to."""
        return self.repository.partition("/")[0]

    def close(self) -> None:
        """Close the connection."""
        if self._requester is not None:
            self._requester.close()
            self._requester = None

    def __enter__(self) -> "GitHub":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Query | None = None,
        is_repeatable: bool | None = None,
    ) -> Any:
        """The answer's JSON, ``None`` where it has none.

        Limits are waited for, as far as there is patience. After a fault (5xx, a cut connection)
        a request is sent again where that can do no harm: ``is_repeatable``, by default all but
        POST and PATCH. Raises ``GitHubError``.
        """
        answer, _ = self._ask(method, path, body, query, is_repeatable)
        return answer

    def create(
        self, path: str, body: object, *, look: Callable[[], Mapping[str, Any] | None]
    ) -> Mapping[str, Any]:
        """POST what must not be there twice.

        After a fault nobody knows whether it was done: ``look`` finds it (``None`` where it is
        not there), and only then it is sent again.
        """
        return self.once("POST", path, body, look=look)

    def once(
        self,
        method: str,
        path: str,
        body: object,
        *,
        look: Callable[[], Mapping[str, Any] | None],
    ) -> Mapping[str, Any]:
        """As ``create``, for any method; ``look`` gives the answer if the request was done."""
        faults = 0
        while True:
            try:
                return _mapping(self.request(method, path, body=body, is_repeatable=False), path)
            except UnavailableError:
                faults += 1
                if not self.patience.after_fault(faults):
                    raise
                found = look()
                if found is not None:
                    return found

    def pages(
        self, path: str, query: Query | None = None, *, key: str = ""
    ) -> Iterator[Mapping[str, Any]]:
        """The objects of a list, all pages of it; ``key`` names the list within the answer."""
        asked: dict[str, str | int] = {"per_page": _PER_PAGE, **(query or {})}
        for page in range(1, _MOST_PAGES + 1):
            answer, headers = self._ask("GET", path, None, asked, None)
            if answer is None and self._dry_run is not None:
                return
            items = _mapping(answer, path).get(key) if key else answer
            if not isinstance(items, list):
                raise UnavailableError(f"GitHub's answer to GET {path} is no list.")
            yield from (item for item in items if isinstance(item, dict))
            following = answers.next_page(headers.get("link", ""))
            if following:
                asked |= following
            elif "link" not in headers and len(items) >= int(asked["per_page"]):
                asked["page"] = page + 1
            else:
                return
        raise UnavailableError(f"GET {path} has more than {_MOST_PAGES} pages.")

    def download(self, path: str) -> Iterator[bytes]:
        """The bytes that a path of the repository leads to; see ``downloads``."""
        from pipeline.land.github.downloads import download

        if not self._token:
            raise no_token()
        yield from download(f"{self.api_url}{self._url(path)}", self._token, self.patience)

    @property
    def graphql_path(self) -> str:
        """The GraphQL API's address, for the little that has no other (drafts)."""
        prefix = urlsplit(self.api_url).path.rstrip("/")
        root = self.api_url.removesuffix(prefix) if prefix else self.api_url
        return f"{root}{prefix.removesuffix('/v3')}/graphql"

    # How it is sent

    def _ask(
        self,
        method: str,
        path: str,
        body: object,
        query: Query | None,
        is_repeatable: bool | None,
    ) -> tuple[Any, Mapping[str, str]]:
        url = self._url(path)
        if self._dry_run is not None:
            self.tell(_spelled(method, url, query, body))
            if method != "GET":
                return {"number": 0, "id": 0, "html_url": "", "node_id": ""}, {}
            if not self._token:
                return None, {}
        if not self._token:
            raise no_token()
        repeats = method in _REPEATABLE if is_repeatable is None else is_repeatable
        faults = limits = 0
        while True:
            status, headers, text = self._send(method, url, body, query)
            message = answers.message_of(text)
            if is_limit(status, headers, message):
                limits += 1
                seconds = limit_s(headers, limits)
                self._announce(seconds)
                if not self.patience.take(seconds):
                    raise answers.limited(method, url, status, seconds)
            elif status == 0 or status >= 500 or status == 409:
                faults += 1
                # A conflict (409) was certainly not carried out.
                if not (repeats or status == 409) or not self.patience.after_fault(faults):
                    raise self._failed(method, url, status, message)
            elif status in _NOT_THERE and self._dry_run is not None:
                return None, {}  # what it is about would have been written before
            elif status >= 300:
                raise self._failed(method, url, status, message)
            else:
                return answers.json_of(text, method, url), headers

    def _send(
        self, method: str, url: str, body: object, query: Query | None
    ) -> tuple[int, Mapping[str, str], str]:
        """Status, headers and text of one answer; status 0 and a reason where none came."""
        try:
            status, headers, text = self._ready().requestJson(
                method, url, parameters=dict(query or {}), input=body
            )
        except OSError as error:  # requests' own errors are of this kind, too
            return 0, {}, json.dumps({"message": answers.reason_of(error)})
        except (RuntimeError, AssertionError) as error:  # PyGithub's refusals of redirects
            return 300, {}, json.dumps({"message": str(error)})
        self.answers += 1
        return status, headers, text

    def _announce(self, seconds: float) -> None:
        if self._notice is not None and 1.0 <= seconds <= self.patience.left_s:
            self._notice(f"note: GitHub's limit is reached; waiting {seconds:.0f} s.")

    def _ready(self) -> "Requester":
        if self._requester is None:
            from github import Auth
            from github.Requester import Requester

            self._requester = Requester(
                auth=Auth.Token(self._token),
                base_url=self.api_url,
                timeout=_TIMEOUT_S,
                user_agent="git-pipeline",
                per_page=_PER_PAGE,
                verify=True,
                retry=None,
                pool_size=None,
                seconds_between_writes=self._pause_s or None,
            )
        return self._requester

    def _url(self, path: str) -> str:
        if path.startswith(("/", "http://", "https://")):
            return path
        return f"/repos/{self.repository}/{path}".rstrip("/")

    def tell(self, text: str) -> None:
        """In a dry run, tell what would be done, without the token; else nothing."""
        if self._dry_run is not None:
            self._dry_run(self._without_token(text))

    def _failed(self, method: str, url: str, status: int, message: str) -> GitHubError:
        return answers.failed(method, url, status, self._without_token(message))

    def _without_token(self, text: str) -> str:
        return text.replace(self._token, REDACTED.decode()) if self._token else text


def _spelled(method: str, url: str, query: Query | None, body: object) -> str:
    asked = "&".join(f"{name}={value}" for name, value in (query or {}).items())
    line = f"{method} {url}{'?' if asked else ''}{asked}"
    return line if body is None else f"{line}\n{json.dumps(body, indent=2)}"


def require_pygithub() -> None:
    """Raise ``UnfitError`` where PyGithub is not installed; it is not imported, which is slow."""
    if importlib.util.find_spec("github") is None:
        raise UnfitError(
            "PyGithub is not installed, so GitHub cannot be asked.",
            remedy="Install git-pipeline with the extra `github`, or `pip install PyGithub`.",
        )


def require_api_url(url: str) -> str:
    """The address of an API without its last slash.

    Raises ``InputError`` for anything but https (plain http only within this machine): the token
    is sent there.
    """
    try:
        split = urlsplit(url.strip())
        host = split.hostname or ""
    except ValueError:
        host = ""
    is_safe = split.scheme == "https" or (split.scheme == "http" and is_loopback(url))
    is_plain = "@" not in split.netloc and not split.query and not split.fragment
    if not host or not is_safe or not is_plain:
        raise InputError(
            f"{safe(url, 80)!r} is no address of an API that a token may be sent to.",
            remedy=f"Give one as {PUBLIC_API} or https://ghe.example/api/v3.",
        )
    return url.strip().rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine's own."""
    return urlsplit(url.strip()).hostname in _LOOPBACK


def no_token() -> InputError:
    """What is said where there is no token."""
    return InputError(
        "There is no token for GitHub in the environment.",
        remedy="Set PIPELINE_GITHUB_TOKEN, GITHUB_TOKEN or GH_TOKEN.",
    )


def segment(text: str) -> str:
    """Text as one part of a path."""
    return quote(text, safe="")


def _require_sendable(token: str) -> None:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            "The token in the environment holds characters that no token has.",
            remedy="Set it anew, without spaces and line ends.",
        )


def _mapping(answer: object, path: str) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise UnavailableError(f"GitHub's answer at {path} is no object.")
    return answer
