"""Telling others of a deployment: a webhook. That nobody hears it changes nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.flow.deploying_commands import WEBHOOK
from pipeline.model.deployment import Deployment

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Notices:
    """Tells of the beginning and the end of a deployment; ``warn`` is given what went wrong.

    ``environ`` is where the webhook's address comes from, which is a secret.
    """

    environ: Mapping[str, str]
    warn: Callable[[str], None]

    def started(self, deployment: Deployment) -> None:
        """Tell nobody so far."""

    def ended(self, deployment: Deployment, text: str) -> None:
        """Tell the webhook, where there is one."""
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
