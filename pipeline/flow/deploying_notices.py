"""Telling others of a deployment: a webhook, and GitHub. That nobody hears it changes nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.base.console import safe
from pipeline.flow.deploying_commands import WEBHOOK
from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import GitHubError
from pipeline.model.deployment import Deployment, DeploymentState

_TIMEOUT_S = 10.0
_DESCRIPTION = 140
_STATES = {
    DeploymentState.DEPLOYED: "success",
    DeploymentState.ROLLED_BACK: "failure",
    DeploymentState.FAILED: "error",
    DeploymentState.INTERRUPTED: "error",
}


@dataclass(slots=True)
class Notices:
    """Tells of the beginning and the end of a deployment; ``warn`` is given what went wrong.

    ``environ`` is where the webhook's address comes from, which is a secret; ``hub`` is GitHub,
    where there is a token for it.
    """

    environ: Mapping[str, str]
    warn: Callable[[str], None]
    hub: GitHub | None = None
    _number: int = field(default=0, init=False)

    def started(self, deployment: Deployment) -> None:
        """Tell GitHub that it is under way."""
        if self.hub is None:
            return
        body = {
            "ref": deployment.commit,
            "environment": deployment.environment,
            "description": safe(deployment.version, _DESCRIPTION),
            "payload": {"version": deployment.version},
            "auto_merge": False,
            "required_contexts": [],  # what has to be green is not for the deployment to say
        }
        try:
            # Not sent again after a fault: a second one would stand there for ever.
            made = self.hub.request("POST", "deployments", body=body)
            self._number = sent.number(made, "id") if isinstance(made, dict) else 0
            self._status("in_progress", deployment.version)
        except GitHubError as error:
            # What GitHub says of a commit that it lacks: "No ref found for: …".
            is_lacking = "No ref found" in error.what
            hint = ". Push the commit first." if is_lacking else ""
            self.warn(f"GitHub was not told of the deployment: {error.what}{hint}")

    def ended(self, deployment: Deployment, text: str) -> None:
        """Tell GitHub, and the webhook where there is one."""
        if self._number:
            try:
                self._status(_STATES.get(deployment.state, "error"), text)
            except GitHubError as error:
                self.warn(f"GitHub was not told how the deployment ended: {error.what}")
        address = self.environ.get(WEBHOOK, "").strip()
        if not address:
            return
        document = {
            "text": text,
            "environment": deployment.environment,
            "version": deployment.version,
            "state": deployment.state.value,
            "good": deployment.good,
            "reason": deployment.reason,
        }
        problem = post_json(address, document)
        if problem:
            self.warn(f"The webhook of {WEBHOOK} was not told: {problem}.")

    def _status(self, state: str, text: str) -> None:
        if self.hub is not None and self._number:
            body = {"state": state, "description": safe(text, _DESCRIPTION)}
            path = f"deployments/{self._number}/statuses"
            self.hub.request("POST", path, body=body, is_repeatable=True)


def post_json(address: str, document: Mapping[str, Any]) -> str:
    """Post a document; returns why that failed, empty where it did not.

    No redirect is followed, and the address, which may hold a secret, is never in the answer.
    """
    import http.client  # late: most deployments tell nobody
    from urllib.parse import urlsplit

    try:
        url = urlsplit(address)
        if url.scheme not in ("http", "https") or not url.hostname:
            return "its address is no http(s) URL"
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.hostname, url.port, timeout=_TIMEOUT_S)
        try:
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            body = json.dumps(document).encode()
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{type(error).__name__}"
    return "" if 200 <= status < 300 else f"it answered {status}"
