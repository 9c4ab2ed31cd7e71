"""Writing a run's journal: always by catching up with the database, which is the authority.

Whatever was not written, for whatever reason, is written the next time; there is nothing to
recover. Objects are on disk for good before the ref names them, and the ref moves by
compare-and-swap, so that an interrupted writing leaves no trace that counts.
"""

from collections.abc import Mapping

from pipeline.base.clock import parse_time
from pipeline.base.files import sha256
from pipeline.base.git import Identity, RefMovedError, RefUpdate, Repository
from pipeline.base.git.history import commit_bytes
from pipeline.base.git.loose import object_id
from pipeline.base.git.packs import ObjectBatch
from pipeline.store.journal.chain import Tip, read_tip, refuse, up_to
from pipeline.store.journal.format import (
    FORMAT,
    MANIFEST,
    Manifest,
    digest_of,
)
from pipeline.store.journal.gathering import Gathered
from pipeline.store.journal.logs import logs_below
from pipeline.store.layout import Layout
from pipeline.store.records import Records

REF_MESSAGE = "git-pipeline"
NAME, EMAIL = "git-pipeline", "git-pipeline@localhost"


class JournalWriter:
    """Writes the journal of one run, batch by batch; used by one thread at a time.

    ``log_bytes`` is how much of each log is kept, 0 for nothing. What it writes waits in an
    object store of its own, so that nobody else pays for making it durable.
    """

    def __init__(
        self,
        repo: Repository,
        layout: Layout,
        records: Records,
        run_id: str,
        *,
        log_bytes: int,
    ) -> None:
        self._repo = repo
        self._layout = layout
        self._records = records
        self._run_id = run_id.lower()
        self._log_bytes = log_bytes
        self._objects = ObjectBatch(repo.objects.loose.path, repo.object_format)
        self._tip: Tip | None = None

    def catch_up(self, *, is_whole: bool = True) -> str:
        """Write what the journal lacks; returns its newest commit, empty where there is none.

        Without ``is_whole`` only what events tell of is looked at, and no logs. Raises
        ``UnfitError`` where the disk refuses and ``JournalError`` where what is there is not what
        this database led to; nothing is changed then.
        """
        try:
            return self._catch_up(is_whole)
        except RefMovedError:  # somebody fetched a newer one, or folded it
            self._tip = None
            return self._catch_up(is_whole)
        except BaseException:
            self._tip = None  # how much of it is true is not known any more
            raise

    def _catch_up(self, is_whole: bool) -> str:
        tip = self._tip
        if tip is None:
            tip = read_tip(self._repo, self._layout, self._run_id)
            is_whole = True
        with self._records.snapshot():
            _require_same_past(self._records, self._run_id, tip)
            gathered = Gathered(self._records, self._run_id, tip, is_whole=is_whole)
        files = dict(gathered.files)
        if is_whole:
            logs = self._layout.tool_outputs(self._run_id)
            files |= dict(logs_below(logs, _Known(tip), self._log_bytes))
        new = {path: data for path, data in files.items() if tip.tree.get(path) != self._id(data)}
        self._tip = self._write(tip, gathered, new) if new else tip
        return self._tip.commit

    def _id(self, data: bytes) -> str:
        return object_id(self._repo.object_format, "blob", data)

    def _write(self, tip: Tip, gathered: Gathered, new: Mapping[bytes, bytes]) -> Tip:
        manifest = Manifest(
            FORMAT,
            self._run_id,
            tip.batch + 1,
            tip.digest,
            gathered.last_event,
            {path.decode("ascii"): sha256(data) for path, data in sorted(new.items())},
        )
        for path, data in (*new.items(), (MANIFEST, manifest.data())):
            tip.tree.put(path, self._objects.write("blob", data))
        tree = tip.tree.write(self._objects.write)
        seconds = _seconds(gathered.last_time) if gathered.last_time else tip.seconds
        commit = self._commit(tip, tree, manifest, seconds)
        self._objects.flush()
        update = RefUpdate(tip.ref, commit, tip.commit or tip.lost or None)
        self._repo.refs.update([update], message=REF_MESSAGE)
        return Tip(
            tip.ref,
            commit,
            batch=manifest.batch,
            digest=digest_of(manifest),
            last_event=gathered.last_event,
            last_event_id=gathered.last_event_id,
            seconds=seconds,
            verdicts=tip.verdicts | set(gathered.verdicts),
            verdict_lines=tip.verdict_lines + len(gathered.verdicts),
            verdict_number=gathered.verdict_number,
            tree=tip.tree,
        )

    def _commit(self, tip: Tip, tree: str, manifest: Manifest, seconds: int) -> str:
        who = Identity(NAME, EMAIL, seconds)
        data = commit_bytes(
            tree=tree,
            parents=(tip.commit,) if tip.commit else self._base(),
            message=f"Journal of run {self._run_id}, batch {manifest.batch}\n\n"
            f"{up_to(manifest.last_event)}\n",
            author=who,
            committer=who,
        )
        return self._objects.write("commit", data)

    def _base(self) -> tuple[str, ...]:
        """The commit that the run starts from, which its journal keeps from being forgotten."""
        base = self._records.run(self._run_id).base_commit
        return (base,) if base and self._repo.objects.has(base) else ()


class _Known:
    """The paths of a batch, to be asked with ``in``."""

    def __init__(self, tip: Tip) -> None:
        self._tree = tip.tree

    def __contains__(self, path: object) -> bool:
        return isinstance(path, bytes) and self._tree.get(path) is not None


def write(
    repo: Repository, layout: Layout, records: Records, run_id: str, *, log_bytes: int
) -> str:
    """Bring a run's journal up to its database; returns its newest commit, empty for none.

    Raises as ``JournalWriter.catch_up``.
    """
    return JournalWriter(repo, layout, records, run_id, log_bytes=log_bytes).catch_up()


def _require_same_past(records: Records, run_id: str, tip: Tip) -> None:
    """Raise ``JournalError`` where the journal holds what this database does not lead to."""
    if not tip.last_event:
        return
    found = records.query(
        "SELECT id FROM events WHERE run_id = ? AND seq = ?", (run_id, tip.last_event)
    )
    if found and found[0][0] == tip.last_event_id:
        return
    why = "its events go on differently from those in the database"
    if not found:
        why = f"it goes up to event {tip.last_event}, and the database does not"
    remedy = "`pipeline rebuild` brings the database up to it." if not found else ""
    raise refuse(run_id, tip.commit, why, remedy)


def _seconds(time: str) -> int:
    return int(parse_time(time).timestamp())
