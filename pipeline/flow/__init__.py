"""The life of a run and the life of a workstream; the only place where stages meet."""
