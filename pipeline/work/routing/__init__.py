"""Which tool a task is given to: pure, and reproducible from what is recorded."""

from pipeline.work.routing.breaker import ToolBreakers
from pipeline.work.routing.choice import decide
from pipeline.work.routing.profile import profile_task

__all__ = ["ToolBreakers", "decide", "profile_task"]
