"""The contract in process: what the `requests` library would send is answered by a world here."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .contract import Request, response_violations
from .failures import Failure, failure
from .starting import FILES
from .world import CutError, Entry, World

API, WEB = "https://api.github.com", "https://github.com"


@dataclass(slots=True)
class InProcess:
    """GitHub without a server. ``world`` may be looked at and changed at will."""

    world: World
    repo: str
    token: str
    api_url: str = API
    answers: list[Failure] = field(default_factory=list)

    def answer(
        self,
        method: str,
        pattern: str,
        body: Any,
        *,
        status: int = 200,
        times: int = 1,
        is_described: bool = True,
    ) -> None:
        """Answer with this instead; it has to fit the description unless told otherwise."""
        made = failure(method=method, pattern=pattern, what=status, times=times, body=body)
        made.headers["described"] = "yes" if is_described else ""
        self.answers.append(made)

    def fail(self, method: str, pattern: str, what: int | str, **values: Any) -> None:
        """As `Fake.fail`."""
        self.world.failures.append(failure(method=method, pattern=pattern, what=what, **values))

    def log(self, *, writes: bool = False) -> list[Entry]:
        """Every request so far."""
        return [one for one in self.world.log if not writes or one.method != "GET"]

    def violations(self) -> list[str]:
        """What broke the contract."""
        return self.world.violations

    def respond(self, asked: Any) -> tuple[int, dict[str, str], bytes]:
        """Answer a prepared request of `requests`."""
        url = urlsplit(asked.url)
        body = asked.body or b""
        request = Request(
            asked.method,
            url.path,
            url.query,
            dict(asked.headers),
            body.encode() if isinstance(body, str) else body,
        )
        if url.path.startswith("/_blobs/"):
            kind, content = self.world.blobs[url.path.removeprefix("/_blobs/")]
            return 200, {"Content-Type": kind}, content
        for one in self.answers:
            if one.strikes(request.method, request.path):
                return self._canned(request, one)
        try:
            done = self.world.handle(request, API, WEB)
        except CutError:
            raise ConnectionError("cut on demand") from None
        content = b"" if done.body is None else json.dumps(done.body).encode()
        return done.status, done.headers, content

    def _canned(self, request: Request, one: Failure) -> tuple[int, dict[str, str], bytes]:
        """A given answer; the request itself is held against the contract all the same."""
        content = json.dumps(one.body).encode()
        self.world.note(request, int(one.what))
        if one.headers["described"]:
            wrong = response_violations(request, int(one.what), content)
            where = f"given answer to {request.method} {request.path}"
            self.world.violations += [f"{where}: {reason}" for reason in wrong]
        return int(one.what), {"Content-Type": "application/json"}, content


@contextmanager
def in_process(
    folder: Path,
    repo: str = "octo/shop",
    token: str = "ghs_good",
    rights: dict[str, str] | None = None,
) -> Iterator[InProcess]:
    """Answer all that `requests` sends to api.github.com while in the block, and nothing else."""
    import re

    import responses

    world = World(folder)
    world.add_repository(repo, files=FILES)
    world.add_token(token, rights=rights)
    made = InProcess(world, repo, token)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
            pattern = re.compile(r"https://(api\.)?github\.com(:443)?/.*")
            mock.add_callback(method, pattern, made.respond, content_type=None)
        yield made
