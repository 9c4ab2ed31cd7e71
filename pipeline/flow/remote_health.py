"""Whether a remote can carry the record of runs: tried on a scratch ref, which is removed again."""

import time
from collections.abc import Iterator, Sequence

from pipeline.base.console import count
from pipeline.base.errors import PipelineError
from pipeline.base.git import Identity, Repository
from pipeline.base.git.remote_errors import DENIED
from pipeline.base.git.remotes import NOT_ATOMIC, RefOutcome, RefUpdate, RemoteError
from pipeline.base.ids import new_id
from pipeline.flow.sync import require_expected
from pipeline.flow.sync_refs import PREFIXES, SCRATCH
from pipeline.model.config import Config
from pipeline.report.surroundings import Checkup, Fitness, complaint
from pipeline.store.layout import REF_ROOT

_NAME = "remote"
_READ_ONLY = (
    "Give a token or key that may write its contents; without it runs stay here, and "
    "`pipeline handover` passes them on as files."
)


def check_remote(repo: Repository, config: Config, remote: str) -> Iterator[Checkup]:
    """Try create, compare-and-swap, an atomic push and a removal; nothing stays on the remote.

    Every step that fails says how to mend it, and those that need it are left out.
    """
    prefix = config.journal.refs_prefix
    try:
        require_expected(repo, config, remote)
        found = repo.remotes.refs(remote, f"{prefix}/*")
        at = f"{remote}: {repo.remotes.url(remote)}, {count(len(found), 'ref')} below {prefix}"
        yield Checkup(_NAME, Fitness.OK, at)
    except PipelineError as error:
        yield complaint(_NAME, error)
        return
    probe = _Probe(repo, remote, f"{prefix}/{SCRATCH}/{new_id()}")
    try:
        yield from _try_all(probe, prefix)
    except RemoteError as error:
        if error.kind == DENIED:
            yield Checkup("push", Fitness.BAD, error.what, _READ_ONLY)
        else:
            yield complaint("push", error)
    finally:
        left = probe.clean_up()
    if left:
        yield Checkup(
            "delete",
            Fitness.BAD,
            f"{remote} keeps {', '.join(left)}: it does not let refs be removed.",
            "Allow the deletion of refs there: finished runs are folded into one ref, and old "
            "ones are removed.",
        )


def _try_all(probe: "_Probe", prefix: str) -> Iterator[Checkup]:
    made = probe.push(RefUpdate(probe.one, probe.first, ""))[0]
    if not made.is_there:
        yield Checkup(
            "create", Fitness.BAD, f"It takes no refs there: {made.reason}.", _elsewhere(prefix)
        )
        return
    yield Checkup("create", Fitness.OK, f"refs can be made below {prefix}")
    yield _swap(probe)
    yield _atomic(probe)
    gone = probe.push(RefUpdate(probe.one, "", probe.second))[0]
    if gone.is_there:
        yield Checkup("delete", Fitness.OK, "refs can be removed")


def _swap(probe: "_Probe") -> Checkup:
    """A push that expects what is not there has to fail, and one that expects what is has not."""
    lost = probe.push(RefUpdate(probe.one, probe.second, ""))[0]
    won = probe.push(RefUpdate(probe.one, probe.second, probe.first))[0]
    if lost.state == "stale" and won.is_there:
        return Checkup("swap", Fitness.OK, "of two who move a ref at once, one is refused")
    said = lost.reason or won.reason or f"{lost.state} and {won.state}"
    return Checkup(
        "swap",
        Fitness.BAD,
        f"Moving a ref by its expected value does not work there: {said}.",
        "Allow forced updates of these refs, or name another remote as journal.remote.",
    )


def _atomic(probe: "_Probe") -> Checkup:
    """Of two updates, one that cannot land: the other must not land either."""
    outcomes = probe.push(
        RefUpdate(probe.other, probe.first, ""), RefUpdate(probe.one, probe.first, probe.first)
    )
    is_split = probe.other in probe.present()
    if not is_split and not any(NOT_ATOMIC in one.reason for one in outcomes):
        return Checkup("atomic", Fitness.OK, "refs that belong together land together")
    return Checkup(
        "atomic",
        Fitness.NOTE,
        "The server cannot move several refs at once; work is sent before a ref is taken away.",
        "Nothing needs to be done; `git config receive.advertiseAtomic true` there would help.",
    )


def _elsewhere(prefix: str) -> str:
    if prefix == REF_ROOT:
        return (
            f"Set `journal: {{refs_prefix: {PREFIXES[1]}}}` in pipeline.yaml, for servers that "
            "take only branches and tags."
        )
    return "Allow branches below pipeline/ on the server, or name another journal.remote."


class _Probe:
    """Two commits without content, and two refs of nobody's to move between them."""

    def __init__(self, repo: Repository, remote: str, folder: str) -> None:
        self._repo = repo
        self._remote = remote
        self._folder = folder
        self.one, self.other = f"{folder}/one", f"{folder}/other"
        self.first, self.second = (self._commit(f"{number} of {folder}") for number in (1, 2))

    def push(self, *updates: RefUpdate) -> Sequence[RefOutcome]:
        return self._repo.remotes.push(self._remote, updates)

    def present(self) -> dict[str, str]:
        return self._repo.remotes.refs(self._remote, f"{self._folder}/*")

    def clean_up(self) -> tuple[str, ...]:
        """Remove what is left of the refs; the names of those that stay."""
        try:
            updates = [RefUpdate(name, "", oid) for name, oid in self.present().items()]
            outcomes = self._repo.remotes.push(self._remote, updates, is_atomic=False)
        except RemoteError:
            return ()  # it has been told that the remote cannot be reached
        return tuple(one.ref for one in outcomes if not one.is_there)

    def _commit(self, message: str) -> str:
        tree = self._repo.objects.write("tree", b"")
        who = Identity("git-pipeline", "git-pipeline@localhost", int(time.time()))
        return self._repo.commit(
            tree=tree, parents=(), message=f"{message}\n", author=who, committer=who
        )
