"""Every command that the documents show is run, in order, in a repository of its own."""

from collections import Counter
from pathlib import Path

import pytest
from doc_blocks import DOCUMENTS, Block, Command, blocks, repository_of
from doc_runner import LANGUAGES, PUSHED, DocumentError, begin, missing, run_block, write
from fakehub.starting import start

WHY_NOT = {
    "sets up environments from a package registry": 8,
    "waits for a person": 2,
    "needs git-pipeline's own repository on GitHub": 1,
}
"""The reasons for not running a block, and how many blocks may have each."""


def shown() -> list[Block]:
    return [block for name in DOCUMENTS for block in blocks(name) if block.language in LANGUAGES]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_run(document: str, tmp_path: Path) -> None:
    todo = [b for b in blocks(document) if b.language in LANGUAGES or "file" in b.notes]
    if not any(b.language in LANGUAGES for b in todo):
        return
    top = tmp_path / "repository"
    kind = repository_of(document)
    begin(top, kind)
    hub = None
    if kind in ("github", "hub"):
        hub = start(tmp_path / "hub", token="ghp_reader", login="reader", files={})
    for block in [PUSHED, *todo] if kind == "hub" else todo:
        if "file" in block.notes:
            write(top, block.notes["file"], block.text)
        elif "not run" not in block.notes:
            run_block(block, top, hub)
    if hub is not None:
        assert hub.violations() == []


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    left = Counter(b.notes["not run"] for b in shown() if "not run" in b.notes)
    assert set(left) <= set(WHY_NOT)
    assert {why: count for why, count in left.items() if count > WHY_NOT[why]} == {}
    assert len(shown()) > 4 * sum(left.values())


def test_blocks_that_look_like_commands_say_so() -> None:
    """A block without a language is output or a drawing; a command in it would not be run."""
    for name in DOCUMENTS:
        for block in blocks(name):
            if block.language in ("", "text"):
                starts = ("$ ", "pipeline ", "git ", "python3 ", "nox ")
                assert not any(ln.startswith(starts) for ln in block.text.splitlines()), block.place


def test_the_check_can_fail(tmp_path: Path) -> None:
    top = tmp_path / "repository"
    begin(top)

    def fails(language: str, text: str, **notes: str) -> bool:
        try:
            run_block(Block("x.md", 1, language, text, notes), top)
        except DocumentError:
            return True
        return False

    assert not fails("console", "$ echo yes\nyes\n$ git status --short\n")
    assert fails("console", "$ echo yes\nno\n")
    assert fails("console", "$ false\n$ true\n")
    assert not fails("console", "$ true\n$ false\n", exits="1")
    assert fails("console", "$ pipeline frobnicate\n")
    assert not fails("sh", "cd src\ntest -f app.py\n")
    assert fails("sh", "cd src\nfalse\ntrue\n")


def test_output_is_compared_without_what_varies() -> None:
    said = "Run 01m7yr56pe82k6s1dbqw570kek  completed: 4 of 4 done"
    again = "Run 01m7yqxm5h8yj21jmmyaeeacgs   completed: 4 of 4 done"
    assert missing(Command("", (said, "...")), [again]) == []
    assert missing(Command("", (said,)), [again.replace("4 of 4", "3 of 4")]) == [said]
