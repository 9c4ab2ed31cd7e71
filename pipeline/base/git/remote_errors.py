"""What can go wrong with a remote, told from git's words."""

import re

from pipeline.base.errors import UnfitError

_DENIED = re.compile(
    r"authentication failed|could not read (?:username|password)|permission (?:to \S+ )?denied|"
    r"returned error: (?:401|403)|access denied|invalid credentials|host key verification",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"repository .*not found|returned error: 404|does not appear to be a git repository|"
    r"does not exist|no such file",
    re.IGNORECASE,
)
_GONE = re.compile(r"couldn't find remote ref|not our ref|remote ref does not exist", re.IGNORECASE)
# Git's prompt for a password is switched off; that it could not be shown is no reason.
_NOISE = re.compile(r"unable to read askpass response", re.IGNORECASE)
_OWNER = re.compile(r"dubious ownership", re.IGNORECASE)
TRANSIENT = re.compile(
    r"could not resolve host|temporary failure in name resolution|connection (?:refused|reset|"
    r"timed out|closed)|operation timed out|timed out|early eof|hung up unexpectedly|"
    r"unexpected disconnect|RPC failed|returned error: (?:408|429|5\d\d)|TLS connection|"
    r"gnutls|SSL_ERROR|recv error|transfer closed|empty reply|kex_exchange|broken pipe",
    re.IGNORECASE,
)

UNREACHABLE, DENIED, ABSENT, GONE, FAILED = "unreachable", "denied", "absent", "gone", "failed"
_REMEDIES = {
    UNREACHABLE: "Nothing is lost: look at the network and run it again.",
    DENIED: "Give git access to it: a credential helper, an ssh key, or PIPELINE_GITHUB_TOKEN.",
    ABSENT: "Look at the URL with `git remote -v`, and whether you may see that repository.",
    GONE: "Somebody changed it meanwhile; run it again.",
    FAILED: "",
}


class RemoteError(UnfitError):
    """A remote could not be talked to.

    ``kind`` is ``unreachable``, ``denied`` (who asks may not), ``absent`` (no repository is
    there), ``gone`` (a ref that was asked for is not there any more) or ``failed``.
    """

    def __init__(self, remote: str, url: str, kind: str, said: str, *, remedy: str = "") -> None:
        self.remote, self.url, self.kind, self.said = remote, url, kind, said
        what = f"The remote {remote} ({url}) {_WORDS[kind]}"
        said = "; ".join(line for line in said.splitlines() if line and not _NOISE.search(line))
        super().__init__(
            f"{what}: {said}" if said else f"{what}.", remedy=remedy or _REMEDIES[kind]
        )


_WORDS = {
    UNREACHABLE: "cannot be reached",
    DENIED: "denies access",
    ABSENT: "is not there",
    GONE: "has a ref no longer that was just there",
    FAILED: "did not do what was asked",
}


def is_lasting(said: str) -> bool:
    """Whether trying again would not help."""
    return not TRANSIENT.search(said) or bool(_DENIED.search(said))


def explain(remote: str, url: str, said: str) -> RemoteError:
    """The error that git's words stand for; ``url`` and ``said`` hold no credential."""
    kinds = ((_DENIED, DENIED), (_GONE, GONE), (_MISSING, ABSENT), (TRANSIENT, UNREACHABLE))
    kind = next((kind for words, kind in kinds if words.search(said)), FAILED)
    if _OWNER.search(said):
        advice = "Run the `git config` command that git names, if you trust it."
        return RemoteError(remote, url, DENIED, said, remedy=advice)
    return RemoteError(remote, url, kind, said)
