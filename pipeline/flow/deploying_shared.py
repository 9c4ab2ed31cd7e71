"""The record of deployments on a remote, where the next machine finds it."""

from dataclasses import dataclass

from pipeline.base.errors import UnfitError
from pipeline.base.git import RefUpdate as LocalUpdate
from pipeline.base.git import Repository
from pipeline.base.git.ancestry import is_ancestor
from pipeline.base.git.remotes import RefUpdate
from pipeline.flow.deploying_record import DeploymentHistory
from pipeline.store.layout import INCOMING_ROOT, REF_ROOT


@dataclass(frozen=True, slots=True)
class SharedRecord:
    """A remote; ``prefix`` stands for ``refs/pipeline`` there (``journal.refs_prefix``)."""

    repo: Repository
    remote: str
    prefix: str = REF_ROOT

    def fetch(self, history: DeploymentHistory) -> None:
        """Take over what the remote has, where it leads on from what is here.

        Raises ``UnfitError`` where the two have parted, ``RemoteError`` and ``InputError``.
        """
        repo, there = self.repo, self._name(history)
        tip = repo.remotes.refs(self.remote, there).get(there)
        if tip is None or tip == history.tip:
            return
        aside = f"{INCOMING_ROOT}/{history.ref.removeprefix(f'{REF_ROOT}/')}"
        repo.remotes.fetch(self.remote, [f"+{there}:{aside}"])
        fetched = repo.refs.read(aside) or tip
        try:
            if history.tip is not None and is_ancestor(repo, fetched, history.tip):
                return  # an earlier record could not be pushed; it is with the next one
            if history.tip is not None and not is_ancestor(repo, history.tip, fetched):
                raise self._parted(history)
            repo.refs.update([LocalUpdate(history.ref, fetched, history.tip)])
            history.refresh()
        finally:
            left = repo.refs.read(aside)
            if left is not None:
                repo.refs.update([LocalUpdate(aside, None, left)])

    def push(self, history: DeploymentHistory) -> None:
        """Give the remote the newest record, if what it has leads on to it."""
        there = self._name(history)
        seen = self.repo.remotes.refs(self.remote, there).get(there, "")
        if seen and not is_ancestor(self.repo, seen, history.tip or ""):
            raise self._parted(history)
        update = RefUpdate(there, history.tip or "", seen)
        (outcome,) = self.repo.remotes.push(self.remote, [update])
        if not outcome.is_there:
            raise self._parted(history, outcome.reason)

    def _name(self, history: DeploymentHistory) -> str:
        return history.ref.replace(REF_ROOT, self.prefix, 1)

    def _parted(self, history: DeploymentHistory, why: str = "") -> UnfitError:
        said = f": {why}" if why else ""
        where = history.environment
        return UnfitError(
            f"{self.remote} has another record of what was deployed to {where}{said}.",
            remedy="Another deployment was recorded there meanwhile; look at it, then deploy again "
            f"from a fresh clone, or remove yours: `git update-ref -d {history.ref}`.",
        )
