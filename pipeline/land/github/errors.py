"""What GitHub answers when it does not do what it is asked to."""

from pipeline.base.errors import UnfitError


class GitHubError(UnfitError):
    """A request that was not carried out; ``status`` is the answer's, 0 where none came."""

    def __init__(self, what: str, *, remedy: str = "", status: int = 0) -> None:
        super().__init__(what, remedy=remedy)
        self.status = status


class DeniedError(GitHubError):
    """The token may not do this: 401, 403, or 404, by which GitHub hides what one may not see."""


class InvalidError(GitHubError):
    """GitHub does not take what was sent (400, 409, 410, 422); asking again changes nothing."""


class LimitedError(GitHubError):
    """A rate limit holds for longer than may be waited; ``wait_s`` is how long."""

    def __init__(self, what: str, *, remedy: str = "", status: int = 0, wait_s: float = 0) -> None:
        super().__init__(what, remedy=remedy, status=status)
        self.wait_s = wait_s


class UnavailableError(GitHubError):
    """GitHub cannot be reached, or failed itself; whether a write was done is not known."""
