"""What an agent's adapter is asked in an attempt, as it is recorded: everything but the words."""

from hashlib import sha256
from typing import Any

from pipeline.flow.attempts import Attempt
from pipeline.model.check import ToolType
from pipeline.model.codec import encode
from pipeline.model.routing import ExecutionRequest, RequestLimits
from pipeline.work.editors import EditRequest
from pipeline.work.editors.command import literal_files


def asked(attempt: Attempt, request: EditRequest) -> dict[str, Any]:
    """The request of an agent as JSON under ``request``; nothing for other tools."""
    profile = request.profile
    if profile.type is not ToolType.AI:
        return {}
    return {
        "request": encode(
            ExecutionRequest(
                task_id=request.ws.id,
                step=attempt.step.value,
                attempt_id=attempt.id,
                tool=profile.id,
                adapter=profile.driver,
                mode=profile.agent.mode,
                model=profile.agent.model,
                prompt_sha256=sha256(request.told.text.encode("utf-8", "replace")).hexdigest(),
                prompt_tokens=request.told.tokens,
                files=tuple(literal_files(request, request.slot)) if request.slot else (),
                limits=RequestLimits(
                    timeout_s=request.timeout_s,
                    idle_timeout_s=profile.idle_timeout_s,
                    context_tokens=profile.agent.context_tokens,
                    max_output_tokens=profile.agent.max_output_tokens,
                ),
            )
        )
    }
