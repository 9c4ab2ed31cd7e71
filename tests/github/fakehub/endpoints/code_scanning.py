"""SARIF uploads."""

import uuid

from ..routing import Answer, Call, ProblemError, endpoint, missing

READ, WRITE = "security_events=read", "security_events=write"


@endpoint("POST", "./code-scanning/sarifs", WRITE)
def upload_sarif(call: Call) -> Answer:
    """Take a file over for a commit that is there; processed at once."""
    body = call.body
    if not call.repo.settings.has_code_scanning:  # private repositories without Advanced Security
        message = "Advanced Security must be enabled for this repository to use code scanning."
        raise ProblemError(403, message)
    if call.repo.bare.kind(body["commit_sha"]) != "commit":
        raise missing("commit not found")
    if body["ref"] not in call.repo.bare.refs() and not body["ref"].startswith("refs/pull/"):
        raise missing("ref not found")
    number = str(uuid.UUID(int=call.world.new_id()))
    call.repo.sarifs[number] = {**body, "login": call.login}
    address = f"{call.root}/code-scanning/sarifs/{number}"
    return Answer(202, {"id": number, "url": address})


@endpoint("GET", "./code-scanning/sarifs/{sarif_id}", READ)
def get_sarif(call: Call) -> Answer:
    """How far its processing is."""
    number = call.text("sarif_id")
    if number not in call.repo.sarifs:
        raise ProblemError(404, "Not Found")
    address = f"{call.root}/code-scanning/analyses?sarif_id={number}"
    return Answer(200, {"processing_status": "complete", "analyses_url": address})
