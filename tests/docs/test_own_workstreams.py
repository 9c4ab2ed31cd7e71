"""The project is its own first user: its bundles and configuration are sound, and can be run."""

import json
import shutil
import subprocess
from pathlib import Path

from doc_blocks import ROOT
from doc_runner import environment
from projects import Project

from pipeline.planning.bundles import load_bundles
from pipeline.planning.configuration import load_config


def test_our_bundles_and_configuration_are_sound() -> None:
    loaded = load_config(ROOT)
    bundles = load_bundles(ROOT / loaded.config.paths.workstreams, ROOT, loaded.config)
    assert [str(p) for p in (*loaded.problems, *bundles.problems)] == []
    assert {"static", "runtime"} <= set(loaded.config.gates)
    assert len(bundles.workstreams) >= 1


def test_our_bundles_run_in_a_copy(project: Project) -> None:
    """With gates of no weight: the real ones take minutes, and are what `nox` runs."""
    for name in ("workstreams", "docs"):
        shutil.copytree(ROOT / name, project.top / name)
    for bundle in json_bundles():
        for path in (*bundle.get("files_create", ()),):
            (project.top / path).unlink(missing_ok=True)
    project.write("pipeline/model/event.py", (ROOT / "pipeline/model/event.py").read_bytes())
    project.git("add", "--all", ":!pipeline.yaml")
    project.git("commit", "--quiet", "--message", "Copy")
    done = subprocess.run(
        ["pipeline", "run", "--quiet", "--format", "json"],
        cwd=project.top,
        env=environment(project.top),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def json_bundles() -> list[dict[str, list[str]]]:
    folder = Path(ROOT / "workstreams")
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))]
