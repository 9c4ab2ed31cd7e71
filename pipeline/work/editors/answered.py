"""Taking the diff out of an agent's answer and applying it to the start tree."""

from pipeline.base.git import EXECUTABLE, FILE
from pipeline.model.edit import ToolReport
from pipeline.model.patch import Objection, Reason
from pipeline.work.editors.patch import apply_to
from pipeline.work.editors.protocol import EditRequest, EditResult
from pipeline.work.redaction import REDACTED


def apply_answer(request: EditRequest, report: ToolReport, answer: str) -> EditResult:
    """The change that an answer describes, or why it is not taken: told with the next attempt.

    What lies in the slot does not count. An answer that held a secret value is refused whole.
    """
    from pipeline.work.diffs import Refused, parse_answer

    if REDACTED.decode() in answer:
        message = "The answer holds a secret value of the agent's surroundings: print it without."
        return EditResult(report, refusal=Objection(Reason.SECRET, message))

    def read(path: bytes) -> bytes | None:
        entry = request.scratch.trees.lookup(request.start_tree, path)
        if entry is None or entry.mode not in (FILE, EXECUTABLE):
            return None
        return request.scratch.objects.read(entry.oid)[1]

    diff = parse_answer(answer, read)
    if isinstance(diff, Refused):
        return EditResult(report, refusal=diff.objection)
    change = apply_to(request.scratch, request.start_tree, diff.patch)
    if isinstance(change, Objection):
        return EditResult(report, refusal=change)
    return EditResult(report, captured=change, patch=diff.patch)
