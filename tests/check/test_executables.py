import os
from pathlib import Path

import pytest

from pipeline.check.executables import IN_TREE, ExecutableIdentity, Executables

Command = tuple[str, ...] | str


class Shelf:
    """A folder with programs, and an `Executables` that looks there."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "log"
        self.env = {"PATH": os.pathsep.join((str(self.bin), "/usr/bin", "/bin"))}
        self.executables = Executables()

    def program(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def identify(self, command: Command, *version: str) -> ExecutableIdentity:
        return self.executables.identify(command, env=self.env, version_command=version)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_program_is_known_by_its_content(shelf: Shelf) -> None:
    shelf.program("tool", "one")
    first = shelf.identify(("tool", "--flag"))
    assert first.is_known
    assert first == shelf.identify(("tool", "--other"))
    shelf.program("tool", "two")
    assert shelf.identify(("tool",)) != first
    shelf.program("tool", "one")
    assert shelf.identify(("tool",)) == first


def test_a_replaced_program_of_the_same_size_and_time_is_another(shelf: Shelf) -> None:
    path = shelf.program("tool", "one")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    first = shelf.identify(("tool",))
    path.unlink()
    os.utime(shelf.program("tool", "two"), ns=times)
    assert shelf.identify(("tool",)) != first


def test_a_missing_program_is_not_known(shelf: Shelf) -> None:
    assert not shelf.identify(("no-such-program",)).is_known
    assert not shelf.identify(()).is_known


def test_a_path_without_root_is_part_of_the_tree(shelf: Shelf) -> None:
    identity = shelf.identify(("./run_tests.sh",))
    assert identity.is_known
    assert [program.path for program in identity.programs] == [IN_TREE]


def test_a_script_is_known_by_its_interpreter_too(shelf: Shelf) -> None:
    shelf.program("mysh", "old")
    shelf.program("tool", "#!/usr/bin/env mysh\n")
    first = shelf.identify(("tool",))
    assert [Path(program.path).name for program in first.programs] == ["tool", "mysh"]
    shelf.program("mysh", "new")
    assert shelf.identify(("tool",)) != first


def test_a_shell_string_is_known_by_the_shell_and_every_program_in_it(shelf: Shelf) -> None:
    shelf.program("tool", "one")
    shelf.program("other", "one")
    identity = shelf.identify("MODE=x tool --flag&&cd x; other | tool")
    assert [Path(p.path).name for p in identity.programs] == ["sh", "tool", "other"]
    shelf.program("other", "two")
    assert shelf.identify("MODE=x tool --flag&&cd x; other | tool") != identity
    assert [Path(p.path).name for p in shelf.identify("no-such; tool").programs] == ["sh", "tool"]


def test_a_shell_string_that_cannot_be_split_is_known_by_its_programs(shelf: Shelf) -> None:
    shelf.program("tool", "one")
    identity = shelf.identify("echo isn't && tool")
    assert identity.is_known
    assert "tool" in [Path(p.path).name for p in identity.programs]


def test_two_links_to_one_program_are_two(shelf: Shelf) -> None:
    path = shelf.program("tool", "one")
    (shelf.bin / "also").symlink_to(path)
    assert shelf.identify(("tool",)) != shelf.identify(("also",))


def test_installed_packages_beside_a_program_are_part(shelf: Shelf) -> None:
    site = shelf.bin.parent / "lib" / "python3.11" / "site-packages"
    (site / "pytest-9.0.0.dist-info").mkdir(parents=True)
    shelf.program("tool", "one")
    first = shelf.identify(("tool",))
    (site / "pytest-9.0.0.dist-info").rename(site / "pytest-9.1.0.dist-info")
    assert shelf.identify(("tool",)) != first


def test_a_version_is_asked_for_once(shelf: Shelf) -> None:
    shelf.program("tool", f"#!/bin/sh\necho asked >> {shelf.log}\necho 1.2\n")
    assert shelf.identify(("tool",), "tool", "--version").version == "1.2"
    assert shelf.identify(("tool", "x"), "tool", "--version").version == "1.2"
    assert shelf.log.read_text() == "asked\n"
    shelf.program("tool", f"#!/bin/sh\necho asked >> {shelf.log}\necho 1.3\n")
    assert shelf.identify(("tool",), "tool", "--version").version == "1.3"


@pytest.mark.parametrize("version", [("tool", "fail"), ("no-such-program",)])
def test_without_its_version_a_program_is_not_known(shelf: Shelf, version: tuple[str, ...]) -> None:
    shelf.program("tool", '#!/bin/sh\n[ "$1" != fail ]\n')
    assert not shelf.identify(("tool",), *version).is_known
    assert shelf.identify(("tool",), "tool", "fine").is_known
