"""The noxfile works where nox is not installed: it makes an environment with nox for itself.

No network: a package index in a folder holds a small package that is called nox.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

NOXFILE = Path(__file__).parents[1] / "noxfile.py"
PRINTS = "import sys\nprint('nox was called with', sys.argv[1:])\nsys.exit(7)\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the noxfile alone."""
    top = tmp_path / "a clone"
    top.mkdir()
    shutil.copy(NOXFILE, top)
    return top


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder that pip takes packages from, with a nox that prints and exits with 7."""
    folder = tmp_path / "index"
    folder.mkdir()
    info = "nox-2099.1.dist-info"
    with zipfile.ZipFile(folder / "nox-2099.1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("nox/__init__.py", "")
        wheel.writestr("nox/__main__.py", PRINTS)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: nox\nVersion: 2099.1\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"{info}/RECORD,,\n")
    return folder


def call(top: Path, index: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the noxfile as a program, with an interpreter that has no packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        [sys.executable, "-S", str(top / "noxfile.py"), *arguments],
        cwd=top.parent,
        env={
            **kept,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(index),
            "PIP_CONFIG_FILE": os.devnull,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.slow
def test_nox_is_set_up_once_and_gets_arguments_and_exit_code(copy: Path, index: Path) -> None:
    first = call(copy, index, "-s", "tests", "--", "-k", "two words")
    assert first.returncode == 7, first.stderr
    wanted = ["-f", str(copy / "noxfile.py"), "-s", "tests", "--", "-k", "two words"]
    assert f"nox was called with {wanted}" in first.stdout
    assert "Setting up nox" in first.stderr
    again = call(copy, index, "--list")
    assert again.returncode == 7
    assert "Setting up" not in again.stderr


@pytest.mark.slow
def test_what_is_broken_is_set_up_anew(copy: Path, index: Path) -> None:
    call(copy, index, "--list")
    home = copy / ".nox" / "bootstrap"
    for path in (home / "bin").glob("python*"):
        path.unlink()
    assert call(copy, index, "--list").returncode == 7
    (home / "ready").write_text("nox of another day")
    assert "Setting up" in call(copy, index, "--list").stderr


@pytest.mark.slow
def test_without_an_index_it_says_what_is_missing(copy: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = call(copy, empty, "--list")
    assert done.returncode == 3
    assert "pip could not install nox" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (copy / ".nox" / "bootstrap" / "ready").exists()


def test_nothing_but_the_standard_library_is_needed_before() -> None:
    """What stands above the bootstrap's call is imported on a machine that has Python alone."""
    source = NOXFILE.read_text(encoding="utf-8").partition('if __name__ == "__main__":')[0]
    imported = [
        line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))
    ]
    assert set(imported) <= sys.stdlib_module_names
    assert "import nox" not in source
