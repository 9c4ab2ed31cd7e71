"""A run as files: taken over whole where it is sound, refused and forgotten where it is not."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from journal_dumps import dump
from machines import Shared, join, make_hub
from small_run import Output, git, go, make_repository

from pipeline.base.errors import InputError
from pipeline.base.files import sha256
from pipeline.base.git import DIRECTORY, Repository, TreeEntry
from pipeline.base.schema import fast_check
from pipeline.flow.handover import bundle_bytes
from pipeline.flow.handover_accept import Accepted, accept, require_few
from pipeline.flow.handover_base import guarded
from pipeline.flow.handover_files import HandoverError
from pipeline.store.journal import unfold
from pipeline.store.records import Records

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A machine with a run that it packed, and a fresh clone of the repository."""
    folder = tmp_path_factory.mktemp("handover")
    make_repository(folder / "one")
    shared = Shared(folder, go(folder / "one"))
    make_hub(shared.machine("one"), shared.hub.top)
    join(shared.hub, folder / "two")
    return shared


class Case:
    """Two jobs and the files between them."""

    def __init__(self, shared: Shared, capfd: pytest.CaptureFixture[str]) -> None:
        self.one, self.two = shared.machine("one"), shared.machine("two")
        self.files = shared.folder / "files"
        self.base = self.one.git("rev-parse", "main")
        self._capfd = capfd

    def pack(self) -> None:
        done = self.one.cli(self._capfd, "handover", "pack", self.one.run_id, self.files)
        assert done.code == 0, done.err

    def accept(self, *, is_json: bool = True) -> Output:
        form = ("--format", "json") if is_json else ()
        base = ("--base", self.base)
        return self.two.cli(self._capfd, "handover", "accept", self.files, *base, *form)

    def accepted(self) -> Accepted:
        with Repository.discover(self.two.top) as repo:
            return accept(repo, self.two.layout, self.files, self.base)

    def refuses(self, words: str) -> None:
        """It is refused for this reason, and nothing has changed by it."""
        before = self.two.refs("refs"), self.two.layout.database.exists()
        with pytest.raises(HandoverError, match=words):
            self.accepted()
        assert (self.two.refs("refs"), self.two.layout.database.exists()) == before

    def change(self, how: Change) -> None:
        """Change the document."""
        document = json.loads((self.files / "handover.json").read_text())
        how(document)
        (self.files / "handover.json").write_text(json.dumps(document))

    def put(self, data: bytes) -> None:
        """Put another bundle there, with a document that fits it."""
        (self.files / "run.bundle").write_bytes(data)
        told = {"name": "run.bundle", "size": len(data), "sha256": sha256(data)}
        self.change(lambda document: document.update(bundle=told))

    def bundle(self, refs: dict[str, str], base: str = "") -> None:
        """Put a bundle of these refs there."""
        with Repository.discover(self.one.top) as repo:
            self.put(bundle_bytes(repo, refs, base or self.base))
        self.change(lambda document: document.update(refs=refs))


@pytest.fixture
def case(made: Shared, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Case:
    found = Case(made.copy_to(tmp_path), capfd)
    found.pack()
    return found


def test_a_run_is_handed_over_as_it_was(case: Case, made: Shared) -> None:
    document = json.loads((case.files / "handover.json").read_text())
    assert fast_check("handover.v1.json")(document)
    git(case.one.top, "bundle", "verify", "--quiet", str(case.files / "run.bundle"))
    done = case.accept()
    found = json.loads(done.out)
    assert fast_check("handover_accepted.v1.json")(found)
    assert (done.code, found["is_sound"], found["disagreements"]) == (0, True, [])
    assert (found["needs_human"], found["other_bundles"], found["answered"]) == ([], [], [])
    assert (found["run_id"], found["status"]) == (case.one.run_id, "partial")
    assert case.two.refs() == case.one.refs()
    assert dump(case.two.top) == dump(made.machine("one").top)
    assert case.accepted().is_sound  # again
    assert "Everything agrees" in case.accept(is_json=False).out
    assert git(case.two.top, "fsck", "--connectivity-only", "--no-dangling") == ""


def test_packing_again_replaces_and_other_files_are_never_packed(case: Case) -> None:
    case.pack()
    (case.files / "secret.txt").write_text("x")
    done = case.one.cli(case._capfd, "handover", "pack", case.one.run_id, case.files)
    assert done.code == 2


def test_another_base_than_expected_is_refused(case: Case) -> None:
    git(case.two.top, "commit", "--quiet", "--allow-empty", "-m", "Other")
    base, case.base = case.base, git(case.two.top, "rev-parse", "HEAD")
    case.refuses("is expected")
    other = case.base
    case.change(lambda document: document.update(base_commit=other))
    case.refuses("is not based on")
    case.base = base
    case.refuses("is not based on")


SHAPES: tuple[Change, ...] = (
    lambda d: d.update(format=2),
    lambda d: d.update(more=1),
    lambda d: d["bundle"].update(name="../../etc/passwd"),
    lambda d: d["bundle"].update(name="/etc/passwd"),
    lambda d: d["bundle"].update(size=1 << 40),
    lambda d: d.update(refs={}),
    lambda d: d.update(run_id="../../x"),
    lambda d: d["refs"].update({"refs/heads/main": d["base_commit"]}),
    lambda d: d["refs"].update({"refs/pipeline/../heads/main": d["base_commit"]}),
    lambda d: d["refs"].update({"refs/pipeline/attic/x/y": d["base_commit"]}),
    lambda d: d["refs"].update({"refs/pipeline/run/01aaaaaaaaaaaaaaaaaaaaaaaa": "0" * 40}),
    lambda d: d.update(refs={f"refs/pipeline/run/{d['run_id']}": d["base_commit"]}),
    lambda d: d.update(refs=[]),
    lambda d: d.update(refs=dict.fromkeys(d["refs"], "HEAD")),
)


def test_a_document_of_another_shape_is_refused(case: Case) -> None:
    whole = (case.files / "handover.json").read_text()
    for how in SHAPES:
        case.change(how)
        case.refuses("refused")
        (case.files / "handover.json").write_text(whole)
    for text in ("", "[]", "{", "[" * 100_000, '{"format": 1}', "nul\0"):
        (case.files / "handover.json").write_text(text)
        case.refuses("handover.json")


def test_bytes_that_were_changed_or_cut_are_refused(case: Case) -> None:
    path = case.files / "run.bundle"
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[-100] ^= 1
    for other in (bytes(flipped), data[:-1], data + b"x", b""):
        path.write_bytes(other)
        case.refuses("size and hash|larger")
    # Whoever changes the hash as well still meets git, which computes every id.
    for other in (bytes(flipped), data[: len(data) // 2], data[:40], b"PACK", data + b"x"):
        case.put(other)
        case.refuses("git does not take|no bundle|refs")


def test_files_are_only_taken_for_what_they_are(case: Case, tmp_path: Path) -> None:
    (case.files / "extra").mkdir()
    case.refuses("no part of one")
    (case.files / "extra").rmdir()
    for name in ("run.bundle", "handover.json"):
        path = case.files / name
        data = path.read_bytes()
        (tmp_path / "elsewhere").write_bytes(data)
        path.unlink()
        case.refuses(name)
        path.symlink_to(tmp_path / "elsewhere")
        case.refuses(name)
        path.unlink()
        os.mkfifo(path)
        case.refuses("ordinary file")
        path.unlink()
        path.write_bytes(data)
    link = tmp_path / "link"
    link.symlink_to(case.files)
    case.files = link
    case.refuses("not a directory")


def test_a_bundle_with_other_refs_or_of_other_history_is_refused(case: Case) -> None:
    refs = case.one.refs()
    (archive,) = refs
    main = {"refs/heads/main": case.base}
    case.bundle({**refs, **main})
    case.change(lambda document: document.update(refs=refs))
    case.refuses("other refs")
    alien = git(case.one.top, "commit-tree", "main^{tree}", "-m", "from nowhere")
    case.bundle({archive: alien})
    case.refuses("not based on")
    merged = git(
        case.one.top, "commit-tree", f"{refs[archive]}^{{tree}}", "-p", refs[archive],
        "-p", alien, "-m", "two",
    )  # fmt: skip  # the call in rows
    case.bundle({archive: merged})
    case.refuses("not based on")
    case.bundle({archive: git(case.one.top, "rev-parse", "main^{tree}")})
    case.refuses("commits are not all there")


def test_a_journal_that_was_tampered_with_is_refused(case: Case) -> None:
    (archive,) = case.one.refs()
    head = case.one.refs()[archive]
    blob = case.one.git("hash-object", "-w", "--stdin", stdin=b'{"table":"runs"}\n')
    lines = case.one.git("ls-tree", head).splitlines()
    tree = "\n".join(
        line.split(" ")[0] + f" blob {blob}\trun.jsonl" if line.endswith("run.jsonl") else line
        for line in lines
    )
    made = case.one.git("mktree", stdin=tree.encode() + b"\n")
    case.bundle({archive: git(case.one.top, "commit-tree", made, "-p", head, "-m", "x")})
    case.refuses("journal")


def forge(case: Case, path: str, *, ws_id: str = "note") -> str:
    """Have the run say that it is done with a file that the bundle does not grant.

    Every row, ref and hash is as an engine would have written it; the commit holds one file more.
    """
    one = case.one
    ws = one.ws(ws_id)
    blob = one.git("hash-object", "-w", "--stdin", stdin=b"evil\n")
    one.git("read-tree", ws.commit)
    one.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    tree = one.git("write-tree")
    commit = git(one.top, "commit-tree", tree, "-p", ws.start_commit, "-m", f"Do {ws_id}")
    for table, column in (("workstreams", "commit"), ("workstreams", "checked_commit")):
        one.sql(f'UPDATE {table} SET "{column}" = ? WHERE ws_id = ?', commit, ws_id)
    one.sql("UPDATE workstreams SET tree = ? WHERE ws_id = ?", tree, ws_id)
    one.sql("UPDATE step_attempts SET result_tree = ?, details = json_set(details, '$.commit', ?) "
            "WHERE ws_id = ? AND step = 'edit'", tree, commit, ws_id)  # fmt: skip  # one statement
    with Repository.discover(one.top) as repo:
        unfold(repo, one.layout, one.run_id)
    one.git("update-ref", f"refs/pipeline/state/{one.run_id}/{ws_id}", commit)
    case.pack()
    return commit


def test_a_run_that_says_done_while_its_tree_is_out_of_scope_is_not_taken(case: Case) -> None:
    forge(case, "elsewhere.txt")
    before = case.two.refs("refs")
    done = case.accept()
    found = json.loads(done.out)
    assert (done.code, found["is_sound"]) == (1, False)
    assert any("note" in what for what in found["disagreements"])
    assert case.two.refs("refs") == before
    assert not case.two.layout.database.exists()
    assert "not sound" in case.accept(is_json=False).out


def test_a_tree_that_a_few_objects_make_endless_is_not_taken(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, ws = case.one, case.one.ws("note")
    with Repository.discover(one.top) as repo:
        tree = repo.commit_tree(ws.commit)
        for _ in range(30):
            entries = {b"%d" % n: TreeEntry(DIRECTORY, tree) for n in range(10)}
            tree = repo.trees.write(entries)
        repo.objects.flush()
    commit = git(one.top, "commit-tree", tree, "-p", ws.start_commit, "-m", "Do note")
    for column in ("commit", "checked_commit"):
        one.sql(f'UPDATE workstreams SET "{column}" = ? WHERE ws_id = ?', commit, ws.ws_id)
    with Repository.discover(one.top) as repo:
        unfold(repo, one.layout, one.run_id)
    one.git("update-ref", f"refs/pipeline/state/{one.run_id}/{ws.ws_id}", commit)
    case.pack()
    monkeypatch.setattr("pipeline.base.git.trees.MOST_ENTRIES", 10_000)
    before = case.two.refs("refs")
    with pytest.raises(InputError, match="more than 10000 entries"):
        case.accepted()
    assert case.two.refs("refs") == before


def test_protected_names_need_a_human_even_where_nothing_else_would_tell(case: Case) -> None:
    forge(case, ".github/workflows/own.yml")
    assert case.accepted().needs_human == (".github/workflows/own.yml",)
    protected = (".github/",)
    assert guarded([b".github/x", b"a/.GitHub/y", b"b"], protected) == (".github/x", "a/.GitHub/y")


def test_bundles_and_configuration_are_those_of_the_base_commit_or_shown(case: Case) -> None:
    for path, old, new in (
        ("workstreams/note.json", "note.txt", "note.md"),
        ("pipeline.yaml", "app.txt", "note.txt"),
    ):
        text = (case.one.top / path).read_text()
        (case.one.top / path).write_text(text.replace(old, new))
    case.one.run_id = go(case.one.top)  # a run of what lies in its checkout, not in the base
    for path in ("handover.json", "run.bundle"):
        (case.files / path).unlink()
    case.pack()
    found = case.accepted()
    assert found.is_sound
    assert found.other_bundles == ("note",)
    assert found.is_config_other
    assert found.needs_human == ("pipeline.yaml", "workstreams/note.json")


def test_a_job_cannot_take_the_protection_off_a_name(case: Case) -> None:
    path = case.one.top / "pipeline.yaml"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "policy": {"protected": ["nothing.txt"]}}))
    case.one.run_id = go(case.one.top)
    for name in ("handover.json", "run.bundle"):
        (case.files / name).unlink()
    case.pack()
    case.refuses("does not protect '.github/'")


def test_a_run_that_went_on_here_is_not_overwritten(case: Case) -> None:
    assert case.accepted().is_sound
    case.two.happen("here")
    case.two.sync(sends=False)
    case.one.happen("there")
    case.pack()
    mine = dump(case.two.top)
    case.refuses("carried on elsewhere")
    assert dump(case.two.top) == mine


def test_a_job_cannot_name_its_branches_as_those_of_others(case: Case) -> None:
    """They are pushed to; what rows say beside the plan is no journal at all."""
    path = case.one.top / "pipeline.yaml"
    config = json.loads(path.read_text())
    config.setdefault("paths", {})["ws_prefix"] = "feature"
    path.write_text(json.dumps(config))
    case.one.run_id = go(case.one.top)
    for name in ("handover.json", "run.bundle"):
        (case.files / name).unlink()
    case.pack()
    case.refuses("branches do not begin")


def test_work_of_an_older_run_counts_where_that_run_is_known(
    case: Case, capfd: pytest.CaptureFixture[str]
) -> None:
    case.one.sync()
    (case.one.top / "workstreams" / "stray.json").unlink()
    newest = go(case.one.top)
    with Records(case.one.layout) as records:
        assert records.run(newest).taken_from == case.one.run_id
    assert case.one.cli(capfd, "handover", "pack", newest, case.files).code == 0
    assert not case.accepted().is_sound  # nobody there knows what was green before
    case.two.sync()
    found = case.accepted()
    assert found.is_sound, found.disagreements


def test_bundles_that_only_the_other_job_knows_are_limited() -> None:
    require_few([f"ws-{number}" for number in range(100)])
    with pytest.raises(HandoverError, match="101 bundles"):
        require_few([f"ws-{number}" for number in range(101)])
