from pathlib import Path

import pytest
from pipeline.hooks.pipeline_patch import main

GOOD = b"diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+word\n"


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    path = tmp_path / "a.patch"
    path.write_bytes(GOOD)
    return path


def test_sound_files_pass_in_silence(patch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(patch)]) == 0
    assert main([]) == 0
    assert capsys.readouterr() == ("", "")


def test_each_reason_is_a_sentence_that_names_the_file(
    patch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = patch.with_name("b.patch")
    other.write_bytes(b"Sure! Here is the patch:\n" + GOOD)
    missing = patch.with_name("c.patch")
    assert main([str(patch), str(other), str(missing)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [str(other), str(missing)]
    assert all(line.endswith(".") for line in lines)


def test_a_warning_does_not_fail(patch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    patch.write_bytes(GOOD.replace(b"word", b"::error::x"))
    assert main([str(patch)]) == 0
    assert "warning: " in capsys.readouterr().out


def test_allowances_come_as_options(patch: Path) -> None:
    patch.write_bytes(GOOD.replace(b"100644", b"100755"))
    assert main([str(patch)]) == 1
    assert main(["--allow-mode-change", str(patch)]) == 0
    patch.write_bytes(GOOD.replace(b"word", b"\x1b"))
    assert main([str(patch)]) == 1
    assert main(["--allow-unsafe-text", str(patch)]) == 0


def test_a_huge_file_is_refused_without_reading_it(
    patch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with patch.open("r+b") as file:
        file.truncate(1 << 40)
    assert main([str(patch)]) == 1
    assert "larger than" in capsys.readouterr().out
