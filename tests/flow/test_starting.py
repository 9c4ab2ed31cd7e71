"""Where a workstream starts, and what keeps it from starting."""

import sys


def test_merged_dependencies_without_a_set_up_block_who_needs_them(project, ended):
    """Each of them has one alone."""
    project.commit({"x.txt": "1\n", "y.txt": "1\n"})
    code = "import os; assert open('x.txt').read() + open('y.txt').read() != '2\\n2\\n'"
    step = {"name": "env", "command": [sys.executable, "-S", "-c", f"{code}; os.mkdir('env')"]}
    project.configure(setup=[{**step, "files": ["x.txt", "y.txt"], "directories": ["env"]}])
    project.writes("left", "x.txt", "2\n", priority=1)
    project.writes("right", "y.txt", "2\n")
    project.writes("top", "a.txt", "A\n", depends_on=["left", "right"])
    summary = project.run()
    assert ended(summary) == {"left": "done", "right": "quarantined", "top": "blocked"}
