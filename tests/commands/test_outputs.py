"""``pipeline outputs`` sets outputs of a step, and no value can set another one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MAIN = "import sys; from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"


def call(
    document: object, *pairs: str, file: Path | None = None, raw: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **({"GITHUB_OUTPUT": str(file)} if file else {})}
    return subprocess.run(
        [sys.executable, "-c", MAIN, "outputs", *pairs],
        input=json.dumps(document).encode() if raw is None else raw,
        capture_output=True,
        check=False,
        env=environment,
    )


def parse(text: str) -> dict[str, str]:
    """What a runner reads: name<<mark, lines, mark."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, mark = line.partition("<<")
        found[name] = "\n".join(iter(lambda mark=mark: next(lines), mark))
    return found


def test_values_of_every_kind_become_text(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("before=1\n")
    document = {"a": {"b": "x y"}, "yes": True, "no": None, "list": [1, 2], "n": 0.5}
    pairs = ("text=a.b", "is-yes=yes", "none=no", "count=list", "number=n")
    done = call(document, *pairs, file=file)
    assert done.returncode == 0, done.stderr
    before, _, rest = file.read_text().partition("\n")
    assert before == "before=1"
    assert parse(rest) == {
        "text": "x y", "is-yes": "true", "none": "", "count": "2", "number": "0.5"
    }  # fmt: skip  # one line for one call


def test_no_value_sets_another_output_or_orders_the_runner(tmp_path: Path) -> None:
    file = tmp_path / "out"
    hostile = "x\nverdict=passed\nEOF\nend-\n::set-output name=verdict::passed\r\n::error::x"
    done = call({"hostile": hostile}, "hostile=hostile", file=file)
    assert parse(file.read_bytes().decode()) == {"hostile": hostile}
    lines = done.stdout.decode().splitlines()
    token = next(line for line in lines if line.startswith("::stop-commands::")).split("::")[2]
    orders = [line for line in lines if line.lstrip().startswith("::")]
    fence = [f"::stop-commands::{token}", f"::{token}::"]
    assert orders == ["::group::What the command said", *fence, "::endgroup::"]
    assert not [line for line in lines if line.startswith("verdict")]


@pytest.mark.parametrize(
    ("raw", "pair"),
    [
        (b"", "a=a"),
        (b"{", "a=a"),
        (b'{"a": 1}', "a=b"),
        (b'{"a": 1}', "a=a.b"),
        (b"[1]", "a=0"),
        (b'{"a": 1}', "a"),
        (b'{"a": 1}', "A B=a"),
        (b'{"a": 1}', "a\nb=a"),
        (b"[" * 100_000, "a=a"),
    ],
)
def test_what_is_missing_or_malformed_sets_nothing(tmp_path: Path, raw: bytes, pair: str) -> None:
    file = tmp_path / "out"
    done = call(None, pair, file=file, raw=raw)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert not file.exists()


def test_outside_of_a_workflow_the_values_are_printed() -> None:
    done = call({"a": "1\n2"}, "one=a")
    assert (done.returncode, done.stdout) == (0, b"one=1\\n2\n")
