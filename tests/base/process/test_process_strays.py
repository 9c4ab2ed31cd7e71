"""What outlived its watchers is found by its tag and ended, and nothing else is."""

import dataclasses
import os
import subprocess
import uuid

import pytest

from pipeline.base.process import TAG_VARIABLE, end_process_tree, find_tagged
from pipeline.base.process.strays import end_tagged


@pytest.fixture
def tag():
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def start(tmp_path, env, content_of, are_gone):
    """Start a tree of three processes; returns its process ids, the root first."""
    started = []

    def begin(tag):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        script = "sh -c 'sleep 600 & echo $$ $! > pids; trap \"\" TERM; wait' & echo $$; wait"
        process = subprocess.Popen(
            ["sh", "-c", script],
            cwd=folder,
            env={**env, TAG_VARIABLE: tag},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        started.append(process)
        return [process.pid, *map(int, content_of(folder / "pids").split())]

    yield begin
    for process in started:
        for identity in find_tagged("test-"):
            if os.getsid(identity.pid) == process.pid:
                os.kill(identity.pid, 9)
        process.wait()


def test_tagged_processes_are_found_by_prefix(start, tag):
    ours = start(f"{tag}:run-1:edit")
    start(f"{tag}:run-2:edit")
    assert sorted(identity.pid for identity in find_tagged(f"{tag}:run-1:")) == sorted(ours)
    assert find_tagged(f"{tag}:run-3") == []


def test_tree_is_ended(start, tag, are_gone, alive):
    ours = start(f"{tag}:1")
    others = start(f"{tag}:2")
    root = next(identity for identity in find_tagged(f"{tag}:1") if identity.pid == ours[0])
    assert end_process_tree(root)
    assert are_gone(ours)
    assert all(map(alive, others))


def test_all_with_a_tag_are_ended(start, tag, are_gone):
    ours = start(tag) + start(tag)
    assert end_tagged(tag)
    assert are_gone(ours)


def test_no_tag_ends_nothing(start, tag, alive):
    ours = start(tag)
    assert end_tagged("")
    assert all(map(alive, ours))


def test_number_taken_over_by_somebody_else_is_left_alone(start, tag, alive):
    ours = start(tag)
    root = next(identity for identity in find_tagged(tag) if identity.pid == ours[0])
    assert end_process_tree(dataclasses.replace(root, start_time=root.start_time - 60))
    assert all(map(alive, ours))


def test_process_that_is_gone_counts_as_ended(start, tag):
    start(tag)
    found = find_tagged(tag)
    end_tagged(tag)
    assert all(map(end_process_tree, found))
