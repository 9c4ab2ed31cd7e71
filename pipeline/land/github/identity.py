"""Who a token writes as: the author by which our own comments and issues are known."""

from collections.abc import Mapping

from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import DeniedError

APP = "PIPELINE_GITHUB_APP"
ACTIONS = "github-actions[bot]"


def author_of(hub: GitHub, environ: Mapping[str, str]) -> str:
    """The login that the token writes as; empty where a dry run has no token to ask with.

    Tokens of installations (``GITHUB_TOKEN`` of Actions, an App's) may not ask who they are
    (403): ``PIPELINE_GITHUB_APP`` then names the App's slug, without it the token is taken for
    that of Actions. Raises ``GitHubError``, also where the token is not valid at all.
    """
    slug = environ.get(APP, "").strip()
    if slug:
        return f"{slug}[bot]"
    try:
        answer = hub.request("GET", "/user")
    except DeniedError as denied:
        if denied.status == 401:
            raise
        return ACTIONS
    return sent.text(answer, "login") if isinstance(answer, dict) else ""
