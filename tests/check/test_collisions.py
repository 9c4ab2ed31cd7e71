from pipeline.base.git import TreeChange, TreeEntry
from pipeline.check.collisions import collisions

ENTRY = TreeEntry(0o100644, "0" * 40)


def new(path: str) -> TreeChange:
    return TreeChange(path.encode(), None, ENTRY)


def gone(path: str) -> TreeChange:
    return TreeChange(path.encode(), ENTRY, None)


class Tree:
    """Directories with their names, and which were asked for."""

    def __init__(self, *paths: str) -> None:
        self.asked: list[bytes] = []
        self.names: dict[bytes, list[bytes]] = {}
        for path in paths:
            parts = path.encode().split(b"/")
            for depth in range(len(parts)):
                names = self.names.setdefault(b"/".join(parts[:depth]), [])
                if parts[depth] not in names:
                    names.append(parts[depth])

    def __call__(self, folder: bytes) -> list[bytes]:
        self.asked.append(folder)
        return self.names.get(folder, [])


def test_names_that_differ_in_case_or_form_collide() -> None:
    tree = Tree("src/app.py", "src/\u00e9.py")
    found = collisions([new("src/APP.py"), new("src/e\u0301.py"), new("src/other.py")], tree)
    assert found == {
        b"src/APP.py": b"src/app.py",
        "src/e\u0301.py".encode(): "src/\u00e9.py".encode(),
    }


def test_a_folder_collides_wherever_it_stands() -> None:
    tree = Tree("src/pkg/a.py")
    assert collisions([new("SRC/pkg/b.py")], tree) == {b"SRC/pkg/b.py": b"src"}
    assert collisions([new("src/Pkg/b.py")], tree) == {b"src/Pkg/b.py": b"src/pkg"}


def test_new_names_collide_with_each_other() -> None:
    assert collisions([new("x/A"), new("x/a")], Tree()) == {b"x/a": b"x/A"}


def test_what_the_change_takes_away_is_in_nobodys_way() -> None:
    tree = Tree("src/util.py", "src/pkg/a.py", "src/pkg/b/c.py")
    assert collisions([gone("src/util.py"), new("src/Util.py")], tree) == {}
    moved = [gone("src/pkg/a.py"), gone("src/pkg/b/c.py"), new("src/Pkg/a.py")]
    assert collisions(moved, tree) == {}
    assert collisions([moved[0], moved[2]], tree) == {b"src/Pkg/a.py": b"src/pkg"}


def test_the_same_name_again_is_no_collision() -> None:
    assert collisions([new("src/a/b"), new("src/a/c")], Tree("src/a/d")) == {}


def test_only_folders_that_get_something_new_are_looked_at() -> None:
    tree = Tree("src/a/b", "docs/x", "lib/y")
    edit = TreeChange(b"docs/x", ENTRY, ENTRY)
    assert collisions([edit, gone("lib/y"), new("src/a/c"), new("src/a/d")], tree) == {}
    assert tree.asked == [b"", b"src", b"src/a"]
