"""What a run's failures were and what repairs came to, as values for other programs."""

from dataclasses import dataclass

from pipeline.model.finding import Finding


@dataclass(frozen=True, slots=True)
class TaskAnalysis:
    """The newest failure of one workstream.

    ``error_type`` is the gate with its result (``static_failed``) or the code of a refused change;
    ``plugins_run`` names the checks, fixers and tools that ran, in their order. ``fix_agent`` is
    the tool that was asked last for a repair, ``ladder_state`` how far that came.
    """

    run_id: str
    task_id: str
    status: str
    error_type: str
    classification: str
    plugins_run: tuple[str, ...]
    issues: tuple[Finding, ...]
    recommended_action: str
    fix_agent: str | None
    ladder_state: str
    reason: str


@dataclass(frozen=True, slots=True)
class FixPatch:
    """One file of what a repair came to.

    ``diff`` is the file's whole change since the workstream's start, so that it stands alone;
    empty where a secret was found in the patch. ``applied``: the engine committed it;
    ``validated``: all gates were green on its tree.
    """

    task_id: str
    attempt_id: str
    patch_id: str
    file: bytes
    diff: bytes
    applied: bool
    validated: bool
