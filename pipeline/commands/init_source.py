"""Which repository and commit git-pipeline itself comes from, for what is pinned to it."""

import json
import os
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from pipeline import __version__
from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import address, remote_access
from pipeline.base.git.invoke import remote_argv
from pipeline.base.process import capture

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECONDS = 30.0
_PACKAGE = "git-pipeline"


@dataclass(frozen=True, slots=True)
class ToolSource:
    """``owner/name`` of git-pipeline's own repository, its URL and a full commit id there."""

    repository: str
    url: str
    commit: str

    @property
    def requirement(self) -> str:
        """What pip installs to get this very commit."""
        return f"{_PACKAGE} @ git+{self.url}@{self.commit}"


def find_source(repository: str, ref: str) -> ToolSource:
    """The source that was asked for, completed by how this git-pipeline was installed.

    Where no commit is named, it is that of the installation (pip notes it for installations from
    git), else that of this version's tag in the repository. Raises InputError where the repository
    or the commit cannot be known.
    """
    known = installed_source()
    if repository and not address.repository_of(repository):
        raise InputError(f"{repository!r} is not OWNER/NAME.", remedy="As in `octo/git-pipeline`.")
    if ref and not _COMMIT.fullmatch(ref):
        raise InputError(
            f"{ref!r} is not a full commit id: tags and branches can be moved, a commit cannot.",
            remedy="Give the 40 digits that `git rev-parse` or the release's page shows.",
        )
    if not repository and known is None:
        raise InputError(
            "It is not known where git-pipeline's own repository is.",
            remedy="Name it, as in `pipeline init --github --repository OWNER/NAME`.",
        )
    if known and (not repository or address.is_same(known.repository, repository)):
        return ToolSource(known.repository, known.url, ref or known.commit)
    url = f"{os.environ.get(remote_access.SERVER_VARIABLE) or remote_access.PUBLIC_SERVER}"
    url = f"{url.rstrip('/')}/{repository}"
    return ToolSource(repository, url, ref or _commit_of_tag(url, f"v{__version__}"))


def installed_source() -> ToolSource | None:
    """Where this git-pipeline was installed from, if from a git repository (PEP 610)."""
    try:
        text = metadata.distribution(_PACKAGE).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
    return source_of(text or "")


def source_of(text: str) -> ToolSource | None:
    """The source that a ``direct_url.json`` tells; None where it is no git repository's."""
    try:
        said = json.loads(text)
        url, commit = said["url"], said["vcs_info"]["commit_id"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(url, str) or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        return None
    found = address.parse(url)
    if found is None:
        return None
    return ToolSource(found.repository, remote_access.without_credentials(url), commit)


def _commit_of_tag(url: str, tag: str) -> str:
    """The commit that a tag names at a URL."""
    remedy = "Give the commit, as in `--ref SHA` with the 40 digits of a commit id."
    wanted = f"refs/tags/{tag}"
    done = capture(
        remote_argv(("ls-remote", "--quiet", "--", url, wanted, f"{wanted}^{{}}")),
        cwd=Path("/"),
        env=remote_access.network_environment(os.environ),
        timeout_s=_SECONDS,
    )
    shown = remote_access.without_credentials(url)
    if done.code != 0:
        raise UnfitError(f"{shown} could not be asked for its tag {tag}.", remedy=remedy)
    lines = (line.split("\t") for line in done.out.decode("ascii", "replace").splitlines())
    found = {name: commit for commit, name in lines if _COMMIT.fullmatch(commit)}
    commit = found.get(f"{wanted}^{{}}") or found.get(wanted)
    if not commit:
        raise InputError(f"{shown} has no tag {tag}, the one of this version.", remedy=remedy)
    return commit
