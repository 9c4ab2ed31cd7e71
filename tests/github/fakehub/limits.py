"""GitHub's rate limits: the hourly one always counted, secondary ones where a test turns them on.

Numbers: docs.github.com, "Rate limits for the REST API": 5,000 requests an hour; 900 points a
minute (GET 1, writes 5); 80 content-creating requests a minute.
"""

import time
from dataclasses import dataclass, field

from .routing import ProblemError

_SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)


@dataclass(slots=True)
class Limits:
    """Counts of one world; ``points`` and ``creations`` a minute are None where not enforced."""

    limit: int = 5000
    remaining: int = 5000
    reset_in: int = 3600
    points: int | None = None
    creations: int | None = None
    retry_after: int = 60
    status: int = 403
    window: list[tuple[float, int, int]] = field(default_factory=list)

    def headers(self) -> dict[str, str]:
        """Those that are on every answer."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-used": str(self.limit - self.remaining),
            "x-ratelimit-reset": str(int(time.time()) + self.reset_in),
            "x-ratelimit-resource": "core",
        }

    def count(self, method: str, login: str) -> None:
        """Count a request. ProblemError where it is one too many."""
        if self.remaining <= 0:
            message = f"API rate limit exceeded for user ID {login}."
            raise ProblemError(403, message, headers=self.headers())
        self.remaining -= 1
        start = time.monotonic() - 60
        self.window = [one for one in self.window if one[0] > start]
        cost, creation = (1, 0) if method == "GET" else (5, 1)
        spent = sum(one[1] for one in self.window) + cost
        created = sum(one[2] for one in self.window) + creation
        if (self.points is not None and spent > self.points) or (
            self.creations is not None and created > self.creations
        ):
            raise ProblemError(
                self.status, _SECONDARY, headers={"retry-after": str(self.retry_after)}
            )
        self.window.append((time.monotonic(), cost, creation))
