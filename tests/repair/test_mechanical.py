import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.model.config import RepairConfig
from pipeline.repair.mechanical import (
    FIXERS,
    MAX_BYTES,
    MAX_FILES,
    Fixer,
    Mechanical,
    find_program,
    mechanical_commands,
)

BIN = Path(sys.executable).parent


def plan(*files: bytes, repair: RepairConfig | None = None) -> Mechanical:
    return mechanical_commands(files, repair or RepairConfig(), find=lambda name: f"/bin/{name}")


def mend(top: Path, *files: bytes, repair: RepairConfig | None = None) -> None:
    done = mechanical_commands(
        files, repair or RepairConfig(), find=lambda name: find_program(name, path=str(BIN))
    )
    assert done.commands
    for command in done.commands:
        subprocess.run(command.argv, cwd=top, check=True, capture_output=True)


def test_ruff_checks_and_then_formats() -> None:
    check, form = plan(b"a.py", b"b/c.pyi").commands
    assert [check.fixer, form.fixer] == ["ruff check", "ruff format"]
    assert check.argv[:2] == ("/bin/ruff", "check")
    assert check.argv[-5:] == ("--unfixable", "F401", "--", b"./a.py", b"./b/c.pyi")
    assert form.argv[:2] == ("/bin/ruff", "format")
    assert form.argv[-3:] == ("--", b"./a.py", b"./b/c.pyi")


def test_files_that_no_fixer_knows_are_left_alone() -> None:
    assert plan(b"a.txt", b"Makefile", b"py", b"a.py.orig") == Mechanical(())


def test_no_file_is_no_command_and_nothing_skipped() -> None:
    found = mechanical_commands((), RepairConfig(), find=lambda name: None)
    assert found == Mechanical(())


def test_a_missing_program_is_told() -> None:
    found = mechanical_commands((b"a.py",), RepairConfig(), find=lambda name: None)
    assert found.commands == ()
    assert len(found.skipped) == len(FIXERS)
    assert "ruff check was skipped: the program ruff was not found" in found.skipped[0]


def test_long_lists_become_several_commands() -> None:
    names = [b"f%04d.py" % n for n in range(MAX_FILES + 1)]
    checks = [c for c in plan(*names).commands if c.fixer == "ruff check"]
    assert [len(c.argv[c.argv.index("--") + 1 :]) for c in checks] == [MAX_FILES, 1]
    long = [b"%s%d.py" % (b"x" * (MAX_BYTES // 3), n) for n in range(4)]
    checks = [c for c in plan(*long).commands if c.fixer == "ruff check"]
    assert [len(c.argv[c.argv.index("--") + 1 :]) for c in checks] == [2, 2]


def test_one_more_fixer_is_one_more_line() -> None:
    fixer = Fixer("sort", "sorter", ("-i",), (b".txt",))
    found = mechanical_commands((b"a.txt",), RepairConfig(), find=str, fixers=(*FIXERS, fixer))
    assert [command.argv for command in found.commands] == [("sorter", "-i", "--", b"./a.txt")]


def test_nothing_unfixable_is_no_option() -> None:
    (check, _) = plan(b"a.py", repair=RepairConfig(unfixable=())).commands
    assert "--unfixable" not in check.argv


def test_a_program_is_found_on_the_path_or_beside_the_engine(tmp_path: Path) -> None:
    mine = tmp_path / "ruff"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    assert find_program("ruff", path=str(tmp_path)) == str(mine)
    assert find_program("ruff", path="/nonexistent") == str(BIN / "ruff")
    assert find_program("no-such-program", path=os.defpath) is None


UNTIDY = "import sys\nimport os\nx = {  'a':1 }\nprint( x,f'' )\n"


def test_real_ruff_mends_and_keeps_imports(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text('lint.select = ["F", "I"]\n')
    (tmp_path / "a.py").write_text(UNTIDY)
    (tmp_path / "other.py").write_text(UNTIDY)
    mend(tmp_path, b"a.py")
    assert (tmp_path / "a.py").read_text() == (
        'import os\nimport sys\n\nx = {"a": 1}\nprint(x, "")\n'
    )
    assert (tmp_path / "other.py").read_text() == UNTIDY
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "other.py", "ruff.toml"]


def test_the_trees_own_exceptions_hold_and_its_unsafe_fixes_do_not(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text(
        'unsafe-fixes = true\nexclude = ["out.py"]\n'
        'lint.select = ["F", "I", "E"]\nlint.unfixable = ["I001"]\n'
    )
    kept = "import sys\nimport os\n\nif sys == None:\n    pass\n"
    (tmp_path / "a.py").write_text(kept)
    (tmp_path / "out.py").write_text(UNTIDY)
    mend(tmp_path, b"a.py", b"out.py")
    assert (tmp_path / "a.py").read_text() == kept
    assert (tmp_path / "out.py").read_text() == UNTIDY


def test_unused_imports_go_where_the_configuration_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\nx = 1\n")
    mend(tmp_path, b"a.py", repair=RepairConfig(unfixable=()))
    assert (tmp_path / "a.py").read_text() == "x = 1\n"


@pytest.mark.parametrize(
    "name", [b"--unsafe-fixes.py", b"@args.py", b"a b.py", b"new\nline.py", b"*.py", b"[a].py"]
)
def test_names_are_never_taken_for_anything_else(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_text("x = {  }\n")
    (tmp_path / "victim.py").write_text("x = {  }\n")
    mend(tmp_path, name)
    assert (tmp_path / os.fsdecode(name)).read_text() == "x = {}\n"
    assert (tmp_path / "victim.py").read_text() == "x = {  }\n"
