"""Failures on demand: a status, a cut connection, or an answer lost after the write was done."""

import random
import re
from dataclasses import dataclass, field
from typing import Any

_MESSAGES = {
    401: "Bad credentials",
    403: "Resource not accessible by integration",
    404: "Not Found",
    409: "Conflict",
    422: "Validation Failed",
    429: "You have exceeded a secondary rate limit. Please wait a few minutes.",
    500: "Server Error",
    502: "Server Error",
    503: "Service Unavailable",
    504: "We couldn't respond to your request in time.",
}


@dataclass(slots=True)
class Failure:
    """What fails: requests of ``method`` (`*` for all) whose path ``pattern`` is found in.

    ``what`` is a status, "cut" (closed before anything is done) or "cut after" (done, closed).
    The first ``after`` matching requests pass, then ``times`` fail (-1 for all), each with
    ``probability``, drawn from a generator of its own with ``seed``.
    """

    method: str
    pattern: str
    what: int | str
    times: int = 1
    after: int = 0
    probability: float = 1.0
    seed: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    dice: random.Random = field(default_factory=random.Random)

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request fails; counts it."""
        if self.times == 0 or self.method.upper() not in ("*", method.upper()):
            return False
        if not re.search(self.pattern, path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.dice.random() >= self.probability:
            return False
        self.times -= 1
        return True

    def answer(self) -> Any:
        """The body of the error."""
        if self.body is not None:
            return self.body
        message = _MESSAGES.get(int(self.what), "Failed on demand")
        return {"message": message, "documentation_url": "https://docs.github.com/rest"}


def failure(**values: Any) -> Failure:
    """Make a failure from the values of a control request."""
    made = Failure(**values)
    made.dice.seed(made.seed)
    if made.what not in ("cut", "cut after") and not isinstance(made.what, int):
        raise ValueError(f"no such failure: {made.what!r}")
    return made
