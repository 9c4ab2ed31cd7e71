"""Where a remote's URL leads on a server that names repositories ``owner/name``."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_LONGEST = 2048
_SCHEMES = frozenset({"https", "http", "ssh", "git+ssh"})
# What GitHub gives to accounts and repositories (its sign-up and rename pages say so).
_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:]+")
_SCP = re.compile(r"(?:[^@/:\s]+@)?(?P<host>[^@/:\s]+|\[[0-9a-f:]+\]):(?!//)(?P<path>.+)")
_SSH_OVER_HTTPS = {"ssh.github.com": "github.com", "www.github.com": "github.com"}


@dataclass(frozen=True, slots=True)
class Address:
    """A repository on a server; ``host`` is in lower case and without a port."""

    host: str
    owner: str
    name: str

    @property
    def repository(self) -> str:
        """The repository as ``owner/name``."""
        return f"{self.owner}/{self.name}"


def parse(url: str) -> Address | None:
    """The address that an https, ssh or scp-like URL leads to; ``None`` for anything else.

    Credentials, ports, a trailing slash and ``.git`` are dropped. A path of other than two parts
    (a local path, a GitLab subgroup) has no address, nor has one with odd characters.
    """
    if len(url) > _LONGEST or not url.isprintable() or " " in url:
        return None
    found = _split(url)
    if found is None:
        return None
    host, path = found
    host = _SSH_OVER_HTTPS.get(host.lower(), host.lower())
    parts = unquote(path).strip("/").split("/")
    if len(parts) != 2 or not _HOST.fullmatch(host):
        return None
    repository = repository_of("/".join((parts[0], parts[1].removesuffix(".git"))))
    return Address(host, *repository) if repository else None


def repository_of(text: str) -> tuple[str, str] | None:
    """Owner and name of ``owner/name``; ``None`` where it is not spelled like a repository."""
    owner, slash, name = text.partition("/")
    is_one = _OWNER.fullmatch(owner) and _NAME.fullmatch(name) and name not in (".", "..")
    return (owner, name) if slash and is_one else None


def is_same(one: str, other: str) -> bool:
    """Whether two ``owner/name`` name one repository: GitHub does not tell cases apart."""
    return one.lower() == other.lower()


def _split(url: str) -> tuple[str, str] | None:
    if "://" not in url:
        scp = _SCP.fullmatch(url)
        return (scp["host"].strip("[]"), scp["path"]) if scp else None
    try:
        split = urlsplit(url)
        host = split.hostname
    except ValueError:
        return None
    if split.scheme.lower() not in _SCHEMES or not host or split.query or split.fragment:
        return None
    return host, split.path
