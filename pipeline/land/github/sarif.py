"""SARIF for code scanning, within its size."""

from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import InvalidError
from pipeline.land.github.sent import Sent
from pipeline.model.publishing import Outcome


def upload_sarif(hub: GitHub, packed: str, *, commit: str, ref: str) -> Sent:
    """Upload findings about a commit; ``packed`` is gzip in base64, ``ref`` a full name.

    Code scanning replaces an analysis of the same commit, ref and category, so sending it again
    after a fault does no harm. Raises ``GitHubError``.
    """
    size = len(packed) // 4 * 3
    if size > sent.SARIF + 2:  # the padding
        raise InvalidError(
            f"The SARIF file has {size:,} bytes after gzip, and GitHub takes {sent.SARIF:,}."
        )
    body = {"commit_sha": commit, "ref": ref, "sarif": packed}
    hub.request("POST", "code-scanning/sarifs", body=body, is_repeatable=True)
    return Sent(Outcome.CREATED, state="uploaded")
