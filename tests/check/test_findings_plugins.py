import subprocess
import sys
from pathlib import Path

import pluggy
import pytest

from pipeline.base.errors import InputError
from pipeline.check.findings import TABLE, UnreadableOutputError, find_reader, plugin_manager
from pipeline.model.check import OutputFormat
from pipeline.model.finding import Finding

offers = pluggy.HookimplMarker("git_pipeline")


class Plugin:
    @offers
    def finding_readers(self):
        def count(stdout, stderr, report, *, tool, root):
            return [Finding(tool, "count", str(len(stdout)))]

        def crash(stdout, stderr, report, *, tool, root):
            raise RuntimeError("oops")

        return {"count": count, "crash": crash, "ruff": crash}


@pytest.fixture
def manager() -> pluggy.PluginManager:
    manager = plugin_manager()
    manager.register(Plugin())
    return manager


def test_every_format_of_ours_has_a_reader() -> None:
    assert set(TABLE) == set(OutputFormat) - {OutputFormat.NONE}


def test_a_plug_in_adds_a_reader(manager: pluggy.PluginManager) -> None:
    read = find_reader("count", manager=manager)
    assert read(b"four", b"", None, tool="t", root=b"/") == (Finding("t", "count", "4"),)


def test_a_plug_in_cannot_replace_ours(manager: pluggy.PluginManager) -> None:
    assert find_reader("ruff", manager=manager) is TABLE[OutputFormat.RUFF]


def test_a_plug_in_that_fails_makes_the_output_unreadable(manager: pluggy.PluginManager) -> None:
    with pytest.raises(UnreadableOutputError, match="oops"):
        find_reader("crash", manager=manager)(b"", b"", None, tool="t", root=b"/")


def test_an_unknown_name_lists_what_there_is(manager: pluggy.PluginManager) -> None:
    with pytest.raises(InputError, match=r"count.*junit.*none"):
        find_reader("xyz", manager=manager)


INSTALLED = """
import pluggy
@pluggy.HookimplMarker("git_pipeline")
def finding_readers():
    return {"mine": lambda *streams, tool, root: ()}
"""


@pytest.mark.parametrize(
    ("code", "expected"), [(INSTALLED, "()"), ("raise RuntimeError('broken')", "UnfitError")]
)
def test_an_installed_plug_in_is_found(tmp_path: Path, code: str, expected: str) -> None:
    (tmp_path / "my_plugin.py").write_text(code)
    info = tmp_path / "my_plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[git_pipeline]\nmine = my_plugin\n")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from pipeline.base.errors import PipelineError\n"
        "from pipeline.check.findings import find_reader\n"
        "try: print(find_reader('mine')(b'', b'', None, tool='t', root=b'/'))\n"
        "except PipelineError as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(expected)
