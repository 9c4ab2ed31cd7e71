"""A long-lived child: requests and answers in order, no deadlock, a clear end."""

import os
import signal

import pytest

from pipeline.base.errors import UnfitError
from pipeline.base.process import Conversation, ConversationEnded, engine_git_cpu_s


def test_requests_and_answers(tmp_path, env):
    with Conversation(["cat"], cwd=tmp_path, env=env) as talk:
        talk.write(b"first\nsecond\n\xff\0")
        assert talk.readline() == b"first\n"
        assert talk.readline() == b"second\n"
        assert talk.read_exactly(2) == b"\xff\0"
        assert talk.read_exactly(0) == b""
        talk.write(b"third\n")
        assert talk.readline() == b"third\n"
        assert talk.is_open
    assert not talk.is_open


@pytest.mark.parametrize("cut", range(8, 12))
def test_reading_up_to_a_mark_that_comes_in_pieces(tmp_path, env, cut):
    said = "a lineENENDrest"
    argv = ["sh", "-c", f"printf {said[:cut]!r}; sleep 0.1; printf {said[cut:]!r}; cat"]
    with Conversation(argv, cwd=tmp_path, env=env) as talk:
        assert talk.read_until(b"END") == b"a lineENEND"
        talk.write(b"\nEND")
        assert talk.readline() == b"rest\n"
        assert talk.read_until(b"END") == b"END"


def test_git_batch_command(tmp_path, env):
    with Conversation(["git", "init", "-q"], cwd=tmp_path, env=env) as start:
        assert start.close() == 0
    argv = ["git", "cat-file", "--batch-check"]
    with Conversation(argv, cwd=tmp_path, env=env) as talk:
        talk.write(b"0123456789012345678901234567890123456789\n")
        assert talk.readline() == b"0123456789012345678901234567890123456789 missing\n"


def test_writing_much_before_reading_does_not_block(tmp_path, env):
    lines = [b"%d\n" % number for number in range(300_000)]
    with Conversation(["cat"], cwd=tmp_path, env=env) as talk:
        talk.write(b"".join(lines))
        assert [talk.readline() for _ in lines] == lines


def test_noise_on_standard_error_does_not_block(tmp_path, env):
    argv = ["sh", "-c", "head -c 1000000 /dev/zero >&2; echo ready; cat"]
    with Conversation(argv, cwd=tmp_path, env=env) as talk:
        assert talk.readline() == b"ready\n"


def test_end_of_the_child_is_told_with_its_words(tmp_path, env, are_gone):
    argv = ["sh", "-c", "echo half; echo 'fatal: bad object' >&2; exit 3"]
    talk = Conversation(argv, cwd=tmp_path, env=env)
    assert talk.read_exactly(4) == b"half"
    with pytest.raises(ConversationEnded, match="fatal: bad object") as raised:
        talk.read_exactly(2)
    assert raised.value.stderr_tail == b"fatal: bad object\n"
    assert isinstance(raised.value, UnfitError)
    assert not talk.is_open
    assert talk.close() == 3
    assert are_gone([talk.pid])


def test_killed_child_is_noticed_by_the_next_use(tmp_path, env):
    with Conversation(["cat"], cwd=tmp_path, env=env) as talk:
        os.kill(talk.pid, signal.SIGKILL)
        with pytest.raises(ConversationEnded):
            talk.readline()
        with pytest.raises(ConversationEnded, match="cat has ended"):
            talk.write(b"x")
        with pytest.raises(ConversationEnded, match="cat has ended"):
            talk.read_exactly(1)


def test_child_that_stops_reading(tmp_path, env):
    with (
        Conversation(["sh", "-c", "exec <&-; exec sleep 600"], cwd=tmp_path, env=env) as talk,
        pytest.raises(ConversationEnded, match="before it had read everything"),
    ):
        for _ in range(1000):
            talk.write(b"x" * 1_000_000)


def test_child_that_does_not_answer_is_killed(tmp_path, env, are_gone):
    with Conversation(["sleep", "600"], cwd=tmp_path, env=env, timeout_s=0.2) as talk:
        with pytest.raises(ConversationEnded, match=r"did not answer within 0\.2 s"):
            talk.readline()
        assert are_gone([talk.pid])


def test_child_that_takes_nothing_is_killed(tmp_path, env, are_gone):
    with Conversation(["sleep", "600"], cwd=tmp_path, env=env, timeout_s=0.2) as talk:
        with pytest.raises(ConversationEnded, match="did not answer"):
            talk.write(b"x" * 10_000_000)
        assert are_gone([talk.pid])


def test_missing_program(tmp_path, env):
    with pytest.raises(UnfitError, match="no-such-program was not found"):
        Conversation(["no-such-program"], cwd=tmp_path, env=env)


def test_closing_counts_the_cpu_time_once(tmp_path, env):
    script = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; cat"
    before = engine_git_cpu_s()
    talk = Conversation(["sh", "-c", script], cwd=tmp_path, env=env)
    assert talk.close() == 0
    after = engine_git_cpu_s()
    assert after - before > 0.01
    assert talk.close() == 0
    assert engine_git_cpu_s() == after
