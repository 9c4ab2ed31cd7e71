"""Draws docs/demo.svg: what `pipeline demo --quiet` really prints on a terminal.

``python docs/pictures.py docs/demo.svg``, where git-pipeline and ruff are installed.
"""

import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 118
COMMAND = ("pipeline", "demo", "--quiet")


def on_terminal(command: tuple[str, ...]) -> str:
    """Run a command on a terminal of its own; return what it prints to standard output."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, WIDTH, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    for name in ("NO_COLOR", "CI"):
        environ.pop(name, None)
    printed = bytearray()
    with subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.DEVNULL, env=environ
    ) as process:
        os.close(theirs)
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the terminal's other end is gone
                break
            if not chunk:
                break
            printed += chunk
    os.close(ours)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return printed.decode().replace("\r\n", "\n")


def svg(output: str) -> str:
    """The output as a picture that needs nothing from elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"$ {' '.join(COMMAND)}\n{output}"), soft_wrap=False)
    drawn = console.export_svg(title="pipeline demo", theme=MONOKAI, unique_id="demo")
    drawn = re.sub(r"\s*@font-face \{.*?\}\n", "\n", drawn, flags=re.DOTALL)
    drawn = drawn.replace("<!-- Generated with Rich https://www.textualize.io -->", "")
    return re.sub(r"[ \t]+$", "", drawn, flags=re.MULTILINE)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(svg(on_terminal(COMMAND)), encoding="utf-8")
