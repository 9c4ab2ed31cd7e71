"""From a workstream to a patch: worktrees, tools, editors, capture."""
