"""Secret values are in no log and no summary."""

import json
import os
from pathlib import Path

from pipeline.model.check import ToolProfile
from pipeline.work.redaction import redact, redact_file, secret_values
from pipeline.work.tools import run_tool


def test_which_values_are_secret() -> None:
    profile = ToolProfile("t", env={"PLAIN": "env:X", "SHORT_TOKEN": "abc"})
    env = {
        "PLAIN": "from-env-x",
        "SHORT_TOKEN": "abc",
        "MY_API_KEY": "key-key-key",
        "GITHUB_TOKEN": "from-env-x-longer",
        "PATH": "/usr/bin:/bin",
        "MONKEY": "no secret",
    }
    assert secret_values(profile, env) == ("from-env-x-longer", "key-key-key", "from-env-x")


def test_longer_values_go_first() -> None:
    assert redact(b"abcdef-more abcdef", ("abcdef", "abcdef-more")) == b"[redacted] [redacted]"


def test_a_value_is_found_in_json_too() -> None:
    key = '-----BEGIN "ä"-----\nMIIE\\x\n'
    for ascii_only in (True, False):
        line = json.dumps({"text": f"it is {key}!"}, ensure_ascii=ascii_only)
        assert json.loads(redact(line.encode(), (key,))) == {"text": "it is [redacted]!"}


def test_logs_and_summaries_are_clean(tmp_path: Path) -> None:
    profile = ToolProfile("t", env={"API": "env:WHATEVER"})
    script = "echo $API; echo $MY_TOKEN >&2; exit 1"
    env = {"PATH": os.environ["PATH"], "API": "s3cret-one", "MY_TOKEN": "s3cret-two"}
    report = run_tool(profile, script, cwd=tmp_path, env=env, logs=tmp_path / "logs/edit")
    found = b"".join(path.read_bytes() for path in (tmp_path / "logs").iterdir())
    assert found == b"[redacted]\n[redacted]\n" and report.summary == "[redacted]"


def test_a_clean_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("fine\n")
    inode = log.stat().st_ino
    redact_file(log, ("s3cret",))
    redact_file(tmp_path / "none", ("s3cret",))
    assert log.stat().st_ino == inode
