"""Where things live: every path and ref name of ours, spelled here and nowhere else."""

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.files import as_unfit, make_directory, sha256, user_cache_dir

STATE_DIR = ".pipeline"
REF_ROOT = "refs/pipeline"
# Beside the authority and not below it: what lies here is not believed yet.
INCOMING_ROOT = "refs/pipeline-incoming"


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one repository.

    ``top`` is the main checkout's top level, ``common_dir`` the git directory that all its
    worktrees share; ``worktrees`` is where slots live, ``None`` for the user's cache directory.
    """

    top: Path
    common_dir: Path
    ws_prefix: str = "ws"
    run_prefix: str = "pipeline"
    worktrees: Path | None = None

    @classmethod
    def of(
        cls,
        *,
        git_dir: Path,
        common_dir: Path,
        top: Path,
        ws_prefix: str = "ws",
        run_prefix: str = "pipeline",
        worktrees: Path | None = None,
    ) -> "Layout":
        """Return the layout seen from a checkout, which may be a linked worktree.

        Raises ``UnfitError`` where the main checkout cannot be told from there. A relative
        ``worktrees`` counts from the main checkout's top level.
        """
        main = _main_top(git_dir, common_dir, top)
        where = None if worktrees is None else main / worktrees
        return cls(main, common_dir, ws_prefix, run_prefix, where)

    @property
    def digest(self) -> str:
        """What tells this repository from others on this machine: 16 hexadecimal digits."""
        return sha256(os.fsencode(self.top))[:16]

    @property
    def state_dir(self) -> Path:
        """The directory of everything that is ours in the main checkout."""
        return self.top / STATE_DIR

    @property
    def database(self) -> Path:
        """The database that only the lock holder writes."""
        return self.state_dir / "state.db"

    @property
    def lock_file(self) -> Path:
        """What the engine that works on this repository holds locked."""
        return self.state_dir / "run.lock"

    @property
    def inbox(self) -> Path:
        """Where other commands leave requests for the lock holder."""
        return self.state_dir / "inbox"

    @property
    def runs(self) -> Path:
        """The directory of all runs' files."""
        return self.state_dir / "runs"

    def run_dir(self, run_id: str) -> Path:
        """The directory of one run's files."""
        return self.runs / run_id.lower()

    def events_file(self, run_id: str) -> Path:
        """A run's events, one JSON object in each line."""
        return self.run_dir(run_id) / "events.jsonl"

    def tool_outputs(self, run_id: str) -> Path:
        """The directory of a run's tool logs."""
        return self.run_dir(run_id) / "tool_outputs"

    def quarantine(self, run_id: str) -> Path:
        """Where a run's refused patches are kept, with their reasons."""
        return self.run_dir(run_id) / "quarantine"

    def summary_json(self, run_id: str) -> Path:
        """A run's summary for programs."""
        return self.run_dir(run_id) / "summary.json"

    def summary_md(self, run_id: str) -> Path:
        """A run's summary for people."""
        return self.run_dir(run_id) / "summary.md"

    def error_analysis(self, run_id: str, ws_id: str = "") -> Path:
        """What failed in a run, or in one of its workstreams, for programs."""
        return self._of_repair(run_id, ws_id) / "error_analysis.json"

    def fix_patches(self, run_id: str, ws_id: str = "") -> Path:
        """What repairs came to in a run, or in one of its workstreams, for programs."""
        return self._of_repair(run_id, ws_id) / "fix_patches.json"

    def _of_repair(self, run_id: str, ws_id: str) -> Path:
        return self.run_dir(run_id) / "repair" / ws_id if ws_id else self.run_dir(run_id)

    def plan_file(self, run_id: str) -> Path:
        """A copy of the frozen plan for people; the database holds the authority."""
        return self.run_dir(run_id) / "plan.json"

    def deployment_logs(self, environment: str, deployment_id: str) -> Path:
        """Where the output of one deployment's commands is kept."""
        return self.state_dir / "deployments" / environment / deployment_id

    @property
    def slots(self) -> Path:
        """The directory of the slots that tools work in, outside of the checkout."""
        if self.worktrees is not None:
            return self.worktrees
        return user_cache_dir(os.environ) / "git-pipeline" / self.digest

    @property
    def people_worktrees(self) -> Path:
        """Where a person's worktrees of workstream branches are opened."""
        return self.top / ".worktrees"

    @property
    def exclude_file(self) -> Path:
        """The repository's own list of ignored paths, which is never committed."""
        return self.common_dir / "info" / "exclude"

    def process_tag(self, run_id: str = "") -> str:
        """The tag of this repository's tool processes, or the prefix of all of them."""
        return f"{self.digest}:{run_id.lower()}"

    def ws_branch(self, change: str | None, ws_id: str) -> str:
        """The visible branch of a workstream, as a full ref name."""
        return f"refs/heads/{self.ws_prefix}/{change or 'plan'}/{ws_id}"

    def run_branch(self, run_id: str) -> str:
        """The visible integration branch of a run, as a full ref name."""
        return f"refs/heads/{self.run_prefix}/{run_id.lower()}"

    def state_ref(self, run_id: str, ws_id: str) -> str:
        """The ref that holds a workstream's accepted work."""
        return f"{self.state_refs(run_id)}/{ws_id}"

    def state_refs(self, run_id: str) -> str:
        """The directory of the refs that hold a run's accepted work."""
        return f"{REF_ROOT}/state/{run_id.lower()}"

    def run_ref(self, run_id: str) -> str:
        """The ref that holds a run's integration."""
        return f"{REF_ROOT}/run/{run_id.lower()}"

    def deploy_ref(self, environment: str) -> str:
        """The ref that holds what was deployed to an environment."""
        return f"{REF_ROOT}/deploy/{environment}"

    def journal_ref(self, run_id: str) -> str:
        """The ref that holds a run's journal while the run can go on."""
        return f"{REF_ROOT}/journal/{run_id.lower()}"

    def archive_ref(self, run_id: str) -> str:
        """The one ref that holds everything of a run that has ended."""
        return f"{REF_ROOT}/archive/{run_id.lower()}"

    def attic_ref(self, name: str, commit: str) -> str:
        """The ref that saves a commit which nothing else would lead to any more."""
        return f"{REF_ROOT}/attic/{name}/{commit}"


def _main_top(git_dir: Path, common_dir: Path, top: Path) -> Path:
    if git_dir == common_dir:
        return top
    if common_dir.name == ".git":
        return common_dir.parent
    raise UnfitError(
        f"{top} is a linked worktree of {common_dir}, and where the main checkout is cannot be "
        "told from there.",
        remedy="Run it in the main checkout; a bare repository with worktrees is not supported.",
    )


def ensure_excluded(layout: Layout, *names: str) -> None:
    """Keep directories of ours out of git's sight: one line each in ``info/exclude``, once.

    ``names`` are directories at the top level, ``.pipeline`` where none is given. Raises
    ``UnfitError`` where the file cannot be written.
    """
    path = layout.exclude_file
    try:
        present = path.read_bytes()
    except FileNotFoundError:
        present = b""
    except OSError as error:
        raise as_unfit(error, path, "read") from error
    lines = {line.strip().strip(b"/") for line in present.splitlines()}
    missing = [name for name in names or (STATE_DIR,) if name.encode() not in lines]
    if not missing:
        return
    make_directory(path.parent)
    text = "".join(f"/{name}/\n" for name in missing).encode()
    if present and not present.endswith(b"\n"):
        text = b"\n" + text
    try:
        with path.open("ab", buffering=0) as stream:
            stream.write(text)
    except OSError as error:
        raise as_unfit(error, path) from error
