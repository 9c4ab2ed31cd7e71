"""Which repository may be written to, and with what: everything that names it has to agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipeline.base.console import safe
from pipeline.base.errors import InputError
from pipeline.base.git.address import Address, is_same, parse, repository_of
from pipeline.land.github.client import PUBLIC_API, is_loopback, require_api_url
from pipeline.model.config import PublishConfig

TOKENS = ("PIPELINE_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
_PUBLIC_HOST = "github.com"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to publish to: the API's address and ``owner/name``."""

    api_url: str
    repository: str


def token_of(environ: Mapping[str, str]) -> str:
    """The token from the environment, empty where there is none; it comes from nowhere else."""
    return environ.get(token_name(environ), "").strip()


def token_name(environ: Mapping[str, str]) -> str:
    """The variable that the token is taken from, empty where there is none."""
    return next((name for name in TOKENS if environ.get(name, "").strip()), "")


def is_meant(config: PublishConfig, remote_url: str, environ: Mapping[str, str]) -> bool:
    """Whether anything says that a repository is on a GitHub: elsewhere nobody will publish."""
    address = parse(remote_url) if remote_url else None
    has_api = bool(config.api_url or environ.get("GITHUB_API_URL"))
    return bool(config.repository) or (
        address is not None and (has_api or address.host == _PUBLIC_HOST)
    )


def require_target(
    config: PublishConfig, remote_url: str, environ: Mapping[str, str], *, asked: str = ""
) -> Target:
    """The one repository that everything agrees on; ``asked`` is what was given by option.

    The remote's address, ``publish.repository`` and ``GITHUB_REPOSITORY`` (the one that a token
    of Actions belongs to) have to name the same, and the remote's host has to be the API's: so a
    configuration, a renamed remote or a fork cannot lead a token astray. A remote without an
    address (a local path) has no say. Raises ``InputError`` before anything is written.
    """
    address = parse(remote_url) if remote_url else None
    named = {
        "--repository": asked,
        "publish.repository": config.repository,
        "GITHUB_REPOSITORY": environ.get("GITHUB_REPOSITORY", ""),
        f"the remote {config.remote}": address.repository if address else "",
    }
    repository = _agreed(named)
    api_url = _api_url(config, environ, address)
    around = environ.get("GITHUB_API_URL", "")
    is_vouched = bool(around) or api_url == PUBLIC_API or is_loopback(api_url)
    _require_same_host(api_url, address, config.remote, is_vouched=is_vouched)
    return Target(api_url, repository)


def _agreed(named: Mapping[str, str]) -> str:
    given = {who: text for who, text in named.items() if text}
    for who, text in given.items():
        if repository_of(text) is None:
            raise InputError(
                f"{who} says {safe(text, 80)!r}, which is no repository.",
                remedy="Name it as OWNER/NAME.",
            )
    if not given:
        raise InputError(
            "Nothing says which repository on GitHub to publish to.",
            remedy="Set publish.repository in pipeline.yaml, or add the remote.",
        )
    (first, repository), *others = given.items()
    for who, text in others:
        if not is_same(repository, text):
            raise InputError(
                f"{first} says {repository}, but {who} says {text}; nothing was published.",
                remedy="Publish from a clone of the repository that is meant.",
            )
    return repository


def _api_url(config: PublishConfig, environ: Mapping[str, str], address: Address | None) -> str:
    configured, around = config.api_url, environ.get("GITHUB_API_URL", "")
    urls = {require_api_url(url) for url in (configured, around) if url}
    if len(urls) > 1:
        raise InputError(
            f"publish.api_url says {safe(configured, 80)}, but GITHUB_API_URL says "
            f"{safe(around, 80)}; nothing was published.",
            remedy="Leave publish.api_url out, or set it to the server of this repository.",
        )
    if urls:
        return urls.pop()
    if address is not None and address.host != _PUBLIC_HOST:
        raise InputError(
            f"The remote is at {address.host}, and nothing says where its API is.",
            remedy=f"Set publish.api_url, such as https://{address.host}/api/v3.",
        )
    return PUBLIC_API


def _require_same_host(
    api_url: str, address: Address | None, remote: str, *, is_vouched: bool
) -> None:
    """Raise where the API belongs to another server than the remote.

    Where the remote has no address, the configuration alone does not say where a token goes.
    The API is at ``api.<host>`` (github.com, and ghe.com with data residency), or on the host
    itself (GitHub Enterprise Server).
    """
    host = (urlsplit(api_url).hostname or "").lower()
    if address is None and not is_vouched:
        raise InputError(
            f"publish.api_url leads to {host}, and no remote says that the repository is there; "
            "nothing was published.",
            remedy="Set publish.remote to a remote of that server, or GITHUB_API_URL.",
        )
    if address is not None and host not in (address.host, f"api.{address.host}"):
        raise InputError(
            f"The remote {remote} is at {address.host}, but the API at {host}; "
            "nothing was published.",
            remedy="Set publish.remote and publish.api_url to the same server.",
        )
