"""The fake's HTTP server: the API, git, what redirects lead to, and the tests' own controls."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from . import control, smart_http
from .contract import Request
from .routing import Answer, ProblemError
from .world import CutError, Entry, World

_ENTERPRISE = "/api/v3"
_BODY = 100 * 1024 * 1024


class Clock:
    """When any server of this process was last asked something, in monotonic seconds."""

    last = time.monotonic()


class Server(ThreadingHTTPServer):
    """One world on one port of the loopback interface."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, world: World, port: int = 0) -> None:
        """Listen; `serve_forever` answers."""
        super().__init__(("127.0.0.1", port), Handler)
        self.world = world

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Answer in a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def shutdown_soon(self) -> None:
        """Stop after the answer that is being given."""
        threading.Timer(0.05, self._stop).start()

    def _stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is not worth a traceback on the test's terminal."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 60
    # Headers and body are two writes: the second would wait 40 ms for the first to be confirmed.
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Nothing is printed: the log is in the world."""

    def _body(self) -> bytes:
        """The request's body, also where git sends it in chunks."""
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self.rfile.read(min(int(self.headers.get("content-length") or 0), _BODY))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _respond(self) -> None:
        Clock.last = time.monotonic()
        body = self._body()
        url = urlsplit(self.path)
        try:
            if url.path.startswith("/_fake/"):
                self._send(*control.answer(self.server, url.path[len("/_fake/") :], body))
            elif url.path.startswith("/_blobs/"):
                self._blob(url.path)
            elif found := smart_http.repository_of(unquote(url.path)):
                self._git(found, url.query, body)
            else:
                self._api(url.path, url.query, body)
        except CutError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _api(self, path: str, query: str, body: bytes) -> None:
        prefix = _ENTERPRISE if path.startswith(f"{_ENTERPRISE}/") else ""
        path = "/graphql" if path == "/api/graphql" else path
        web = f"http://{self.headers.get('host') or urlsplit(self.server.url).netloc}"
        request = Request(
            self.command, path.removeprefix(prefix), query, dict(self.headers.items()), body
        )
        try:
            answer = self.server.world.handle(request, web + prefix, web)
        except CutError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of the fake's own: the test has to hear of it
            self.server.world.violations.append(f"{self.command} {path}: {error!r}")
            answer = Answer(500, {"message": repr(error)})
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        kind = "application/json; charset=utf-8"
        self._send(answer.status, content, kind, answer.headers)

    def _blob(self, path: str) -> None:
        """What a redirect leads to: signed by its address, so a token sent along is refused.

        Azure's blob storage, where GitHub keeps logs and artifacts, answers 401 to requests with
        an Authorization header: actions/toolkit sends none for that reason.
        """
        if self.headers.get("authorization"):
            return self._send(401, b"<Error>InvalidAuthenticationInfo</Error>", "application/xml")
        found = self.server.world.blobs.get(path.removeprefix("/_blobs/"))
        kind, content = found or ("application/xml", b"<Error>BlobNotFound</Error>")
        return self._send(200 if found else 404, content, kind)

    def _git(self, found: tuple[str, str], query: str, body: bytes) -> None:
        world, (name, service) = self.server.world, found
        path = f"/{name}.git{service}"
        failure = world.struck(self.command, path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        status, content, kind, more = 0, b"", "text/plain", {}
        if failure is None or failure.what == "cut after":
            try:
                done = smart_http.serve(
                    world,
                    name=name,
                    service=service,
                    method=self.command,
                    query=query,
                    headers=headers,
                    body=body,
                )
                status, content, more = done.status, done.body, dict(done.headers)
                kind = more.pop("Content-Type", kind)
            except ProblemError as problem:
                answer = problem.answer
                status, content, more = (
                    answer.status,
                    f"remote: {problem}\n".encode(),
                    answer.headers,
                )
        elif isinstance(failure.what, int):
            status, content, more = failure.what, b"failed on demand\n", failure.headers
        failed = str(failure.what) if failure else ""
        entry = Entry(self.command, path, query, None, self._token_name(headers), status, failed)
        world.log.append(entry)
        if failed in ("cut", "cut after"):
            # A few bytes first: curl repeats a request by itself where none came at all.
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n00")
            raise CutError
        self._send(status, content, kind, more)

    def _token_name(self, headers: dict[str, str]) -> str:
        try:
            token = smart_http.token_of(self.server.world, headers.get("authorization", ""))
        except ProblemError:
            return "?"
        return token.name if token else ""

    def _send(
        self, status: int, content: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status not in (204, 304) and self.command != "HEAD":
            self.wfile.write(content)


for _method in ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"):
    setattr(Handler, f"do_{_method}", Handler._respond)
