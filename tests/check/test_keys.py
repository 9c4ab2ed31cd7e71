import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.check.executables import ExecutableIdentity, Program
from pipeline.check.keys import Key, verdict_key
from pipeline.model.check import Check

TOOL = ExecutableIdentity((Program("/bin/pytest", "ab" * 32),), "pytest 9.2.0")
CHECK = Check("unit", ("pytest", "tests", "unit"), env_allow=("CI",), env={"MODE": "fast"})


def key(check: Check = CHECK, **changes: Any) -> Key:
    values: dict[str, Any] = {
        "tree": "1" * 40,
        "commit": "2" * 40,
        "executable": TOOL,
        "environment": {"PATH": "/bin", "CI": "1", "MODE": "fast", "HOME": "/home/a"},
        "setup_digest": "",
        "system": ("Linux", "x86_64"),
    }
    return verdict_key(check, **{**values, **changes})


def test_the_digest_is_that_of_the_full_key() -> None:
    assert key().digest == hashlib.sha256(key().full).hexdigest()
    assert key() == key()


@pytest.mark.parametrize(
    "command",
    [
        ("pytest", "tests unit"),
        ("pytest tests unit",),
        ("pytest", "tests", "unit", ""),
        ("pytest", "", "tests", "unit"),
        ("pytest", "tests/unit"),
        ("pytest", "tests__unit"),
        ("pytest", '"tests"', "unit"),
        "pytest tests unit",
        ("sh", "-c", "pytest tests unit"),
    ],
)
def test_commands_that_look_alike_have_keys_of_their_own(command: tuple[str, ...] | str) -> None:
    assert key(replace(CHECK, command=command)).digest != key().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"tree": "3" * 40},
        {"executable": replace(TOOL, version="pytest 9.2.1")},
        {"executable": replace(TOOL, programs=(Program("/bin/pytest", "cd" * 32),))},
        {"executable": replace(TOOL, programs=(Program("/venv/bin/pytest", "ab" * 32),))},
        {"executable": replace(TOOL, programs=(replace(TOOL.programs[0], packages="e"),))},
        {"setup_digest": "a"},
        {"system": ("Darwin", "x86_64")},
        {"system": ("Linux", "arm64")},
        {"environment": {"PATH": "/bin", "CI": "2", "MODE": "fast"}},
        {"environment": {"PATH": "/bin", "MODE": "fast"}},
        {"environment": {"PATH": "/bin", "CI": "", "MODE": "fast"}},
        {"environment": {"PATH": "/sbin", "CI": "1", "MODE": "fast"}},
        {"environment": {"PATH": "/bin", "CI": "1", "MODE": "fast", "LC_ALL": "C"}},
        {"environment": {"PATH": "/bin", "CI": "1", "MODE": "fast", "TZ": "UTC"}},
    ],
)
def test_everything_that_an_answer_depends_on_is_part(changes: dict[str, Any]) -> None:
    assert key(**changes).digest != key().digest


@pytest.mark.parametrize(
    "fields",
    [
        {"output": "junit"},
        {"output_file": "r.xml"},
        {"success_exit_codes": (0, 1)},
        {"history": True},
    ],
)
def test_how_an_answer_is_read_is_part(fields: dict[str, Any]) -> None:
    assert key(replace(CHECK, **fields)).digest != key().digest


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "other"},
        {"timeout_s": 1.0},
        {"idle_timeout_s": 1.0},
        {"cache": False},
        {"success_exit_codes": (0, 0)},
    ],
)
def test_how_a_check_is_run_is_no_part(fields: dict[str, Any]) -> None:
    assert key(replace(CHECK, **fields)) == key()


def test_what_belongs_to_the_checkout_or_the_user_is_no_part() -> None:
    other = {"PATH": "/bin", "CI": "1", "MODE": "fast", "HOME": "/home/b", "TERM": "vt100"}
    assert key(environment=other) == key()


def test_the_commit_is_part_for_checks_of_the_history_alone() -> None:
    assert key(commit="5" * 40) == key()
    history = replace(CHECK, history=True)
    assert key(history, commit="5" * 40).digest != key(history).digest


def test_no_value_of_a_variable_is_stored() -> None:
    check = replace(CHECK, env={"TOKEN": "env:SECRET"})
    made = key(check, environment={"TOKEN": "correct horse battery staple"})
    assert b"TOKEN" in made.full
    assert b"horse" not in made.full


WORD = st.text(max_size=6)
SCENE = st.tuples(
    st.one_of(WORD, st.lists(WORD, min_size=1, max_size=4).map(tuple)),
    st.dictionaries(st.sampled_from(["PATH", "CI", "MODE", "LC_ALL"]), WORD),
    st.sampled_from(["1" * 40, "2" * 40]),
    WORD,
    WORD,
)


@given(SCENE, SCENE)
def test_two_scenes_share_a_key_only_when_they_are_one(one: Any, two: Any) -> None:
    def of(scene: Any) -> Key:
        command, environment, tree, version, setup = scene
        return key(
            replace(CHECK, command=command),
            environment=environment,
            tree=tree,
            executable=replace(TOOL, version=version),
            setup_digest=setup,
        )

    assert (of(one).digest == of(two).digest) is (one == two)


@given(st.lists(WORD, min_size=1, max_size=5), st.integers(0, 4))
def test_joining_two_words_of_a_command_makes_another_key(words: list[str], at: int) -> None:
    at %= len(words)
    joined = [*words[:at], " ".join(words[at : at + 2]), *words[at + 2 :]]
    pair = [key(replace(CHECK, command=tuple(argv))).digest for argv in (words, joined)]
    assert (pair[0] == pair[1]) is (words == joined)
