"""A history that nobody wrote: every kind of change that git knows, drawn from a seed."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from history import git

FILE, PROGRAM, LINK = b"100644", b"100755", b"120000"
Entry = tuple[bytes, bytes]
"""A mode and what is in it."""


@dataclass
class Author:
    """Changes a tree in one way at a time; ``tree`` is by path."""

    chance: random.Random
    tree: dict[bytes, Entry] = field(default_factory=dict)
    number: int = 0

    def write(self) -> None:
        name = self.chance.choice(NAMES).replace(b"%d", b"%d" % self._next())
        self._put(name, FILE, self._lines())

    def edit(self) -> None:
        path = self._pick(FILE)
        lines = self.tree[path][1].split(b"\n")
        at = self.chance.randrange(len(lines))
        lines[at : at + self.chance.randrange(2)] = [b"edited %d" % self._next()]
        self._put(path, FILE, b"\n".join(lines))

    def rename(self) -> None:
        path = self._pick()
        entry = self.tree.pop(path)
        self._put(b"moved/%d-" % self._next() + path.rpartition(b"/")[2], *entry)

    def delete(self) -> None:
        del self.tree[self._pick()]

    def toggle_executable(self) -> None:
        path = self._pick(FILE, PROGRAM)
        mode, content = self.tree[path]
        self._put(path, FILE if mode == PROGRAM else PROGRAM, content)

    def link(self) -> None:
        self._put(b"links/%d" % self._next(), LINK, b"../" + self._pick())

    def point_elsewhere(self) -> None:
        self._put(self._pick(LINK), LINK, b"nowhere/%d" % self._next())

    def turn_link_into_file(self) -> None:
        self._put(self._pick(LINK), FILE, self._lines())

    def turn_file_into_link(self) -> None:
        self._put(self._pick(FILE), LINK, b"somewhere/%d" % self._next())

    def write_binary(self) -> None:
        self._put(b"binary/%d.bin" % self._next(), FILE, b"\0" + self.chance.randbytes(3000))

    def edit_binary(self) -> None:
        paths = [path for path in self.tree if path.endswith(b".bin")]
        path = self.chance.choice(sorted(paths)) if paths else b"binary/0.bin"
        self._put(path, FILE, b"\0" + self.chance.randbytes(self.chance.randrange(5000)))

    def write_crlf(self) -> None:
        self._put(b"dos/%d.txt" % self._next(), FILE, self._lines().replace(b"\n", b"\r\n"))

    def mix_line_ends(self) -> None:
        path = self._pick(FILE)
        self._put(path, FILE, self.tree[path][1].replace(b"\n", b"\r\n", 2))

    def drop_last_line_end(self) -> None:
        path = self._pick(FILE)
        content = self.tree[path][1]
        self._put(path, FILE, content[:-1] if content.endswith(b"\n") else content + b"\n")

    def empty(self) -> None:
        self._put(self._pick(FILE), FILE, b"")

    def fill_empty(self) -> None:
        self._put(b"empty/%d" % self._next(), FILE, b"")

    def write_huge_line(self) -> None:
        self._put(b"huge/%d" % self._next(), FILE, b"x" * 200_000 + b"%d" % self.number)

    def write_latin(self) -> None:
        self._put(b"caf\xe9/na\xefve-%d" % self._next(), FILE, b"d\xe9j\xe0 vu\n")

    def turn_file_into_folder(self) -> None:
        path = self._pick(FILE)
        self.delete_at(path)
        self._put(path + b"/inside", FILE, self._lines())
        self._put(path + b"/deep/down", FILE, self._lines())

    def turn_folder_into_file(self) -> None:
        folders = sorted({path.rpartition(b"/")[0] for path in self.tree if b"/" in path})
        folder = self.chance.choice(folders) if folders else b"folder"
        self.delete_at(folder)
        self._put(folder, FILE, self._lines())

    def change_many(self) -> None:
        for _ in range(6):
            self.chance.choice((self.write, self.edit, self.delete, self.rename))()

    def swap(self) -> None:
        one, other = self._pick(), self._pick()
        self.tree[one], self.tree[other] = self.tree[other], self.tree[one]

    def delete_at(self, path: bytes) -> None:
        for other in [p for p in self.tree if p == path or p.startswith(path + b"/")]:
            del self.tree[other]

    def _put(self, path: bytes, mode: bytes, content: bytes) -> None:
        parts = path.split(b"/")
        for end in range(1, len(parts)):  # what is in the way as a file goes
            self.tree.pop(b"/".join(parts[:end]), None)
        self.delete_at(path)
        self.tree[path] = (mode, content)

    def _pick(self, *modes: bytes) -> bytes:
        paths = sorted(p for p, (mode, _) in self.tree.items() if not modes or mode in modes)
        if paths:
            return self.chance.choice(paths)
        path = b"made/%d" % self._next()
        mode = modes[0] if modes else FILE
        self._put(path, mode, b"target" if mode == LINK else self._lines())
        return path

    def _lines(self) -> bytes:
        count = self.chance.randint(1, 40)
        return b"".join(b"line %d\n" % self.chance.randrange(10) for _ in range(count))

    def _next(self) -> int:
        self.number += 1
        return self.number


NAMES = (
    b"plain-%d.txt",
    b"deep/er/and/deeper/%d",
    b"with space %d",
    b" leading and trailing %d ",
    b"tab\tand\nnewline %d",
    b'quote"and\\backslash-%d',
    b"glob*?[a-z]-%d",
    b"!negated-%d",
    b"#hash-%d",
    b"-dash-%d",
    "\u00fcml\u00e4ut-\u65e5\u672c-%d".encode(),
    b"a/b",  # one that comes again and again
    b"a",
    b"Makefile",
    b".github/workflows/%d.yml",
    b"pyproject.toml",
)

CHANGES: tuple[Callable[[Author], None], ...] = (
    Author.write,
    Author.edit,
    Author.rename,
    Author.delete,
    Author.toggle_executable,
    Author.link,
    Author.point_elsewhere,
    Author.turn_link_into_file,
    Author.turn_file_into_link,
    Author.write_binary,
    Author.edit_binary,
    Author.write_crlf,
    Author.mix_line_ends,
    Author.drop_last_line_end,
    Author.empty,
    Author.fill_empty,
    Author.write_huge_line,
    Author.write_latin,
    Author.turn_file_into_folder,
    Author.turn_folder_into_file,
    Author.change_many,
    Author.swap,
)


def invent(directory: Path, *, seed: int, commits: int) -> None:
    """Write a bare repository with a history on ``main``, with merges and empty commits in it."""
    directory.mkdir(parents=True)
    git(directory, "init", "--quiet", "--bare", "--initial-branch=main")
    author = Author(random.Random(seed))
    for _ in range(20):
        author.write()
    stream = [_commit(author.tree, 1, [])]
    wanted = list(CHANGES)
    for number in range(2, commits + 2):
        if not wanted:
            wanted = list(CHANGES)
            author.chance.shuffle(wanted)
        kind = author.chance.random()
        if kind > 0.05:  # else it is empty
            wanted.pop()(author)
        second = [number - 2] if kind > 0.9 and number > 2 else []
        stream.append(_commit(author.tree, number, [number - 1, *second]))
    git(directory, "fast-import", "--quiet", stdin=b"".join(stream))


def _commit(tree: dict[bytes, Entry], number: int, parents: list[int]) -> bytes:
    message = b"Change %d" % number
    who = b"Invented <invented@localhost> %d +0000" % (1_700_000_000 + number)
    lines = [b"commit refs/heads/main", b"mark :%d" % number, b"committer " + who]
    lines += [b"data %d" % len(message), message]
    words = (b"from", *[b"merge"] * len(parents))
    lines += [b"%s :%d" % pair for pair in zip(words, parents, strict=False)]
    lines.append(b"deleteall")
    for path, (mode, content) in sorted(tree.items()):
        lines += [b"M %s inline %s" % (mode, _quoted(path)), b"data %d" % len(content), content]
    return b"\n".join(lines) + b"\n\n"


def _quoted(path: bytes) -> bytes:
    escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'
