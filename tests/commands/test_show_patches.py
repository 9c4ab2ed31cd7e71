"""``show-patches`` tells each patch's life, and prints its bytes as they are."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.model.event import EventType
from pipeline.model.workstream import Workstream

TEXT = b"--- a/app.py\n+++ b/app.py\n@@ -1 +1,2 @@\n print('hello')\n+\x1b[31m\n"


def test_lives_stand_in_a_table(pipeline: Callable[..., Any], mixed: Any, checkout: Path) -> None:
    shown = pipeline("show-patches", "--repo", checkout)
    assert len(shown.lines) == 2
    assert "created > validated > quarantined" in shown.lines[1]
    assert "app.py, caf\\xe9.py" in shown.lines[1]


def test_json_holds_the_ledger(pipeline: Callable[..., Any], mixed: Any, checkout: Path) -> None:
    data = json.loads(pipeline("show-patches", "--format", "json", "--repo", checkout).out)
    (entry,) = data["patches"]
    assert entry["state"] == "quarantined" and entry["ws_id"] == "ui"
    assert entry["patch"]["paths"] == ["app.py", {"b64": "Y2Fm6S5weQ=="}]


def test_the_diff_is_printed_byte_by_byte(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    patch_id = mixed.ledger.patches(mixed.run_id)[0].patch.id
    shown = pipeline("show-patches", "--diff", patch_id[:6], "--repo", checkout)
    assert shown.out.encode() == TEXT


def test_on_a_terminal_the_diff_hides_nothing(mixed: Any, checkout: Path) -> None:
    patch_id = mixed.ledger.patches(mixed.run_id)[0].patch.id
    controller, terminal = pty.openpty()
    program = "import sys; from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["show-patches", "--diff", patch_id, "--repo", str(checkout)]
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "NO_COLOR": "1"}
    subprocess.run(
        [sys.executable, "-c", program, *arguments], stdout=terminal, env=environment, check=True
    )
    os.close(terminal)
    shown = b""
    try:
        while block := os.read(controller, 4096):
            shown += block
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(controller)
    assert b"\x1b" not in shown and b"+\\x1b[31m" in shown


def test_an_unknown_or_ambiguous_patch_is_refused(
    pipeline: Callable[..., Any], mixed: Any, checkout: Path
) -> None:
    for name in ("zzz", ""):
        shown = pipeline("show-patches", "--diff", name, "--repo", checkout)
        assert shown.code == 2 and "There are: " in shown.err
    texts = [f"patch {i}\n".encode() for i in range(17)]
    ids = [mixed.patch("api", text, EventType.PATCH_CREATED) for text in texts]
    twice = next(d for d in "0123456789abcdef" if sum(i.startswith(d) for i in ids) > 1)
    shown = pipeline("show-patches", "--diff", twice, "--repo", checkout)
    assert shown.code == 2 and "More than one patch" in shown.err


def test_one_workstream_or_none(pipeline: Callable[..., Any], mixed: Any, checkout: Path) -> None:
    shown = pipeline("show-patches", "--workstream", "api", "--repo", checkout)
    assert shown.out == "There is no patch.\n"
    assert pipeline("show-patches", "--workstream", "aps", "--repo", checkout).code == 2


def test_a_step_out_of_order_and_many_files_are_marked(
    pipeline: Callable[..., Any], story: Any, checkout: Path
) -> None:
    story.begin(Workstream("a"))
    lives = (EventType.PATCH_CREATED, EventType.PATCH_COMMITTED)
    story.patch("a", b"x", *lives, paths=tuple(b"f%d" % i for i in range(9)))
    shown = pipeline("show-patches", "--repo", checkout).lines[1]
    assert "created > committed (out of order)" in shown and "f0 and 8 more" in shown
