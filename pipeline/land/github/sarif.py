"""SARIF for code scanning: packed as GitHub wants it, within its size."""

import base64
import gzip

from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import InvalidError
from pipeline.land.github.sent import Sent
from pipeline.model.publishing import Outcome


def packed(document: bytes) -> str:
    """A SARIF document as gzip in base64; the same document gives the same text.

    Raises ``InvalidError`` where it is larger than GitHub takes.
    """
    # The time within a gzip header would make each upload another one.
    data = gzip.compress(document, mtime=0)
    if len(data) > sent.SARIF:
        raise InvalidError(
            f"The SARIF file has {len(data):,} bytes after gzip, and GitHub takes {sent.SARIF:,}."
        )
    return base64.b64encode(data).decode("ascii")


def upload_sarif(hub: GitHub, document: bytes, *, commit: str, ref: str) -> Sent:
    """Upload the findings about a commit; ``ref`` is a full name.

    Code scanning replaces an analysis of the same commit, ref and category, so sending it again
    after a fault does no harm. Raises ``GitHubError``.
    """
    body = {"commit_sha": commit, "ref": ref, "sarif": packed(document)}
    hub.request("POST", "code-scanning/sarifs", body=body, is_repeatable=True)
    return Sent(Outcome.CREATED, state="uploaded")
