"""A repository in which much lands at once, and what is green depends on what lands together."""

import json
import subprocess
import sys
from pathlib import Path

COUNT = 16
# The first and the fifth never fit. The second and the tenth do with the fourteenth: whoever puts
# other things together than an undisturbed engine comes to another end.
CHECK = """
import os, sys
there = set(os.listdir("fruit"))
bad = {"01", "05"} <= there or {"02", "10"} <= there and "14" not in there
sys.exit(bad)
"""


def make_orchard(directory: Path) -> None:
    """Write the repository, with one commit and a workstream for each of ``COUNT`` files."""
    (directory / "fruit").mkdir(parents=True)
    (directory / "fruit/00").write_text("seed\n")
    (directory / "workstreams").mkdir()
    settings = {
        "gates": {"runtime": [{"name": "fit", "command": [sys.executable, "-S", "-c", CHECK]}]},
        "landing": {"mode": "batch", "batch_start": 2},
    }
    (directory / "pipeline.yaml").write_text(json.dumps(settings))
    for number in range(1, COUNT + 1):
        name = f"{number:02}"
        bundle = {
            "id": f"fruit-{name}",
            "tasks": ["grow"],
            "files_create": [f"fruit/{name}"],
            "tool_args": {"command": ["sh", "-c", f"echo {name} > fruit/{name}"]},
        }
        (directory / f"workstreams/{name}.json").write_text(json.dumps(bundle))
    identity = ("-c", "user.name=A Tester", "-c", "user.email=tester@localhost")
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=directory, check=True)
    subprocess.run(["git", "add", "--all"], cwd=directory, check=True)
    commit = ["git", *identity, "commit", "--quiet", "--message=Begin"]
    subprocess.run(commit, cwd=directory, check=True)
