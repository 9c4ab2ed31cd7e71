"""``git http-backend`` behind a loopback server that can ask for a token, fail, and cut answers."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_BACKEND_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_HTTP_EXPORT_ALL": "1",
    "REMOTE_USER": "somebody",
    "HOME": "/nonexistent",
}


@dataclass
class Server:
    """What the server is to do: a header that it wants, statuses to give first, answers to lose."""

    url: str = ""
    wanted: str = ""
    failures: list[int] = field(default_factory=list)
    lose_pushes: int = 0
    seen: list[tuple[str, str, str]] = field(default_factory=list)


@contextlib.contextmanager
def serve(root: Path) -> Iterator[Server]:
    """Serve the repositories below ``root``."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self._body()
            given = self.headers.get_all("Authorization") or []
            server.seen.append((self.command, self.path, ",".join(given)))
            if len(given) > 1:
                return self._plain(400)
            if server.wanted and given != [server.wanted]:
                return self._plain(401)
            if server.failures:
                return self._plain(server.failures.pop(0))
            head, _, content = self._backend(body).partition(b"\r\n\r\n")
            if server.lose_pushes and "git-receive-pack" in self.path and self.command == "POST":
                server.lose_pushes -= 1
                return self.connection.close()
            headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
            status = next((v for k, v in headers if k == "Status"), "200 OK")
            self.send_response(int(status.split()[0]))
            for name, value in headers:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return None

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))

        def _plain(self, status: int) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _backend(self, body: bytes) -> bytes:
            path, _, query = self.path.partition("?")
            env = _BACKEND_ENV | {
                "GIT_PROJECT_ROOT": str(root),
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=env, capture_output=True, check=False
            )
            return done.stdout

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server.url = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
