"""The editor for patches that a bundle brings along: applied exactly, without a checkout."""

import time

from pipeline.base.errors import InputError
from pipeline.base.git import PatchRejectedError, Scratch, TreeEditError
from pipeline.model.check import ToolProfile
from pipeline.model.edit import Captured, ToolReport
from pipeline.model.patch import Objection, Reason
from pipeline.work.editors.protocol import EditRequest, EditResult


class PatchEditor:
    """Applies ``tool_args.patch``, frozen with the plan, to the start tree."""

    needs_directory = False

    def takes_feedback(self, profile: ToolProfile) -> bool:
        """Never: a patch is what it is."""
        return False

    def edit(self, request: EditRequest) -> EditResult:
        """The patched tree, or why the patch does not apply."""
        name = request.ws.tool_args.get("patch")
        frozen = request.files.get(name) if isinstance(name, str) else None
        if frozen is None:
            raise InputError(
                f"The workstream {request.ws.id} names no patch file that is in the plan.",
                remedy='Give `tool_args: {"patch": "path/of.patch"}` and plan again.',
            )
        started = time.monotonic()
        result = apply_to(request.scratch, request.start_tree, frozen.content)
        took = time.monotonic() - started
        if isinstance(result, Objection):
            report = ToolReport(
                request.profile.id, exit_code=1, duration_s=took, summary=result.message
            )
            return EditResult(report, refusal=result)
        report = ToolReport(request.profile.id, duration_s=took)
        return EditResult(report, captured=result, patch=frozen.content)


def apply_to(scratch: Scratch, tree: str, patch: bytes) -> Captured | Objection:
    """Apply a patch exactly as it stands: no fuzz, no offset, all of it or nothing."""
    try:
        applied = scratch.apply_patch(tree, patch)
    except PatchRejectedError as refused:
        return Objection(Reason.FORMAT, f"The patch does not apply: {refused.reason}.")
    except TreeEditError as refused:
        return Objection(Reason.UNSAFE_PATH, refused.what, refused.path)
    return Captured(tree, applied.tree, applied.changes)
