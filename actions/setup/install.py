"""Installs git-pipeline from this checkout into an environment of its own, for a GitHub runner.

The environment lies in ``RUNNER_TEMP``. Only a folder with the two commands goes on the path, so
that the ``python`` and ``pip`` of the project's own steps stay what they were.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
COMMANDS = ("pipeline", "git-pipeline")


def main() -> int:
    """Install, and tell the runner where the commands are and which version it is."""
    home = Path(os.environ["RUNNER_TEMP"]).resolve() / "git-pipeline"
    python = _install(home / "environment")
    commands = _commands(python.parent, home / "commands")
    told = [str(commands / COMMANDS[0]), "--version"]
    said = subprocess.run(told, check=True, capture_output=True, text=True)
    version = said.stdout.split()[-1]
    _append("GITHUB_PATH", str(commands))
    _append("GITHUB_OUTPUT", f"version={version}")
    sys.stdout.write(f"git-pipeline {version} is on the path: {commands}\n")
    return 0


def _install(environment: Path) -> Path:
    """Make the environment anew, without a pip of its own, and install into it; its Python."""
    venv = ["-m", "venv", "--clear", "--without-pip", str(environment)]
    subprocess.run([sys.executable, "-I", *venv], check=True)
    folder = "Scripts" if os.name == "nt" else "bin"
    python = environment / folder / ("python.exe" if os.name == "nt" else "python")
    pip = [sys.executable, "-I", "-m", "pip", "--python", str(python)]
    pip += ["--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    pip += ["--constraint", str(HERE / "constraints.txt")]
    # An isolated build would fetch the newest of what builds it; here that is pinned too.
    subprocess.run([*pip, "hatchling"], check=True)
    subprocess.run([*pip, "--no-build-isolation", f"{SOURCE}[github]"], check=True)
    return python


def _commands(scripts: Path, folder: Path) -> Path:
    """A folder with nothing but the commands; they name their Python in full."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COMMANDS:
        for script in (scripts / name, scripts / f"{name}.exe"):
            if script.exists():
                shutil.copy2(script, folder)
    return folder


def _append(variable: str, line: str) -> None:
    """Add a line to one of the runner's files; one with a line break would be two orders."""
    if "\n" in line or "\r" in line:
        raise SystemExit(f"{variable}: a line break in {line!r}")
    with Path(os.environ[variable]).open("a", encoding="utf-8", newline="\n") as file:
        file.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
