"""`python tests/github/fake.py --port 0 --state DIR`: a GitHub on the loopback interface.

Prints one JSON line, {"url", "api_url", "git_url", "bare", "pid"}, when it is ready. It ends when
its standard input closes (with `--detached`: not), on SIGTERM, or when nobody has asked it anything
for `--lifetime` seconds. In DIR are the repositories and, in the end, state.json: records, log and
violations.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fakehub.control import world_from
from fakehub.server import Clock, Server
from fakehub.world import World


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A GitHub for tests, on the loopback interface.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path, help="a folder for repositories, or a passing one")
    parser.add_argument("--repo", default="octo/shop")
    parser.add_argument("--token", default="ghs_good")
    parser.add_argument("--private", action="store_true")
    parser.add_argument("--empty", action="store_true", help="without a first commit")
    parser.add_argument(
        "--lifetime", type=float, default=600, help="seconds without a request, at most"
    )
    parser.add_argument("--detached", action="store_true", help="stay when stdin closes")
    return parser.parse_args()


def main() -> int:
    """Serve until told to stop; the exit code is 0."""
    options = _arguments()
    if options.state is not None:
        world = _serve(options, options.state)
        _dump(options.state, world)
        return 0
    with tempfile.TemporaryDirectory(prefix="fakehub-", ignore_cleanup_errors=True) as folder:
        _serve(options, Path(folder))
    return 0


def _serve(options: argparse.Namespace, folder: Path) -> World:
    """Serve until told to stop; the world as it is then."""
    values = {
        "folder": folder,
        "repo": options.repo,
        "token": options.token,
        "private": options.private,
        "files": {} if options.empty else {"README.md": "# Shop\n"},
    }
    world = world_from(values)
    server = Server(world, options.port)
    server.start()
    ready = {
        "url": server.url,
        "api_url": server.url,
        "git_url": f"{server.url}/{options.repo}.git",
        "bare": str(world.repositories[options.repo.lower()].bare.path),
        "pid": os.getpid(),
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    done = threading.Event()
    if not options.detached:
        threading.Thread(target=_until_closed, args=(done,), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    while not done.is_set():
        left = Clock.last + options.lifetime - time.monotonic()
        if left <= 0:
            break
        done.wait(left)
    return world


def _dump(folder: Path, world: World) -> None:
    """What it came to, for those who look at it afterwards."""
    log = [asdict(one) for one in world.log]
    found = {"repositories": world.dump(), "log": log, "violations": world.violations}
    (folder / "state.json").write_text(json.dumps(found, indent=2))


def _until_closed(done: threading.Event) -> None:
    sys.stdin.read()
    done.set()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # threads that still answer are not waited for
