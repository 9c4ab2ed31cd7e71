"""`python publish_killed.py`: publishes again and again, each time killed after a write or two.

Each child is killed (SIGKILL, nothing is tidied up) the moment that GitHub's answer to its n-th
write is there, before anything is known or stored of it. Prints how many children were killed
before one came to its end; its exit code is that one's.
"""

import os
import signal
import sys

import requests

import pipeline.commands.publish
import pipeline.flow.publishing
from pipeline.cli import main

MOST = 60


def kill_after(writes: int) -> None:
    """Have this process killed with the answer to that write; what reads does not count."""
    send = requests.Session.send
    left = writes

    def sending(*arguments: object, **more: object) -> object:
        nonlocal left
        answer = send(*arguments, **more)  # type: ignore[arg-type]
        left -= answer.request.method != "GET"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    requests.Session.send = sending  # type: ignore[assignment, method-assign]


def run() -> int:
    """Fork children until one is not killed; returns its exit code."""
    for number in range(MOST):
        child = os.fork()
        if child == 0:
            kill_after(number % 4 + 1)
            os._exit(main(sys.argv[1:]))
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            print(f"killed {number}", flush=True)
            return os.WEXITSTATUS(status)
    return 99


if __name__ == "__main__":
    assert pipeline.commands.publish and pipeline.flow.publishing, "imported once, for all children"
    sys.exit(run())
