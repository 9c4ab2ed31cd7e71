"""Journals as somebody might forge them: files of batches changed, hashes made to fit."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from places import Place

from pipeline.base.files import sha256
from pipeline.base.git import EXECUTABLE, FILE, SYMLINK, Identity, TreeEntry
from pipeline.model.codec import canonical

MODES = {"link": SYMLINK, "program": EXECUTABLE}
WHO = Identity("Test", "test@localhost", 0)


@dataclass
class Batch:
    """The files of one batch; ``modes`` are those that are no plain files."""

    files: dict[str, bytes]
    parents: tuple[str, ...]
    modes: dict[str, int] = field(default_factory=dict)

    def replace(self, path: str, old: bytes, new: bytes) -> None:
        assert old in self.files[path], self.files[path][:2000]
        self.files[path] = self.files[path].replace(old, new, 1)

    def only(self, folder: str) -> str:
        """The path of the first file in a directory."""
        return min(path for path in self.files if path.startswith(f"{folder}/"))

    def manifest(self) -> dict[str, object]:
        return dict(json.loads(self.files["manifest.json"]))

    def set(self, **values: object) -> None:
        self.files["manifest.json"] = canonical({**self.manifest(), **values}) + b"\n"


def batches(place: Place, head: str) -> list[Batch]:
    """The batches of a journal, the oldest first."""
    found: list[Batch] = []
    at = head
    while not found or found[-1].manifest()["batch"] != 1:
        commit = place.repo.read_commit(at)
        flat = place.repo.trees.flatten(commit.tree)
        files = {p.decode(): place.repo.objects.read(entry.oid)[1] for p, entry in flat.items()}
        found.append(Batch(files, commit.parents))
        at = commit.parents[0]
    return found[::-1]


def fit(chain: list[Batch]) -> None:
    """Make every manifest say what is there, as one who knows the format would."""
    before: dict[str, bytes] = {}
    previous = ""
    for number, batch in enumerate(chain, start=1):
        changed = {
            path: sha256(data)
            for path, data in batch.files.items()
            if path != "manifest.json" and before.get(path) != data
        }
        ends = [int(path[-14:-6]) for path in batch.files if path.startswith("events/")]
        batch.set(batch=number, previous=previous, files=changed, last_event=max(ends))
        before, previous = batch.files, sha256(batch.files["manifest.json"])


def commit(place: Place, chain: list[Batch]) -> str:
    """Write a chain; returns its newest commit."""
    head = ""
    for batch in chain:
        entries = [
            (
                path.encode(),
                TreeEntry(batch.modes.get(path, FILE), place.repo.objects.write("blob", data)),
            )
            for path, data in batch.files.items()
        ]
        tree = place.repo.trees.edit(place.repo.objects.empty_tree, entries)
        parents = (head,) if head else batch.parents
        head = place.repo.commit(tree=tree, parents=parents, message="x", author=WHO, committer=WHO)
    place.repo.objects.flush()
    return head


Edit = Callable[[list[Batch]], None]
