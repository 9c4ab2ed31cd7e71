"""Files that nobody vouches for are refused with a sentence, never a traceback."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.planning.documents import MAX_BYTES, DocumentError, read_document


def refusal(folder: Any, name: str, content: bytes) -> str:
    path = folder.write(name, content)
    with pytest.raises(DocumentError) as caught:
        read_document(str(path), top=os.path.realpath(folder.top), file=name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", b"", "is empty"),
        ("a.yaml", b"", "is empty"),
        ("a.json", b"\xef\xbb\xbf{}", "byte order mark"),
        ("a.json", "{}".encode("utf-16"), "byte order mark"),
        ("a.json", b'{"title": "caf\xe9"}', "is not UTF-8"),
        ("a.json", b'{\n "id": "a",\n}', "a.json:3: is not JSON"),
        ("a.json", b'{"id": "a", "priority": 1, "id": "b"}', "has the key `id` twice"),
        ("a.json", b'{"a": NaN}', "NaN is not a JSON number"),
        ("a.json", b'{"a": ' + b"9" * 5000 + b"}", "is not JSON"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.json", b'{"title": "a\\u0000b"}', "$.title holds a NUL"),
        ("a.json", b'{"tasks": ["\\ud800"]}', "$.tasks[0] holds half of a surrogate pair"),
        ("a.yaml", b"id: a\nid: b\n", "a.yaml:2: has the key `id` twice"),
        ("a.yaml", b"id: [a\n", "is not YAML"),
        ("a.yaml", b"1: a\n", "a key must be text"),
        ("a.yaml", b"? [a]\n: b\n", "a key must be text"),
        ("a.yaml", b"a: &x {b: 1}\nc:\n  <<: *x\n", "merge keys"),
        ("a.yaml", b"a: &x [*x]\n", "an alias stands inside what it stands for"),
        ("a.yaml", b"a: !!python/object:os.system {}\n", "is not supported"),
        ("a.yaml", b"a: !!binary aGk=\n", "is not supported"),
        ("a.yaml", b"a: .inf\n", "is not a JSON number"),
        ("a.yaml", b"a: 1\n---\nb: 2\n", "a.yaml:2: a file holds one document"),
        ("a.yaml", b"a: \x07\n", "is not YAML"),
        ("a.yaml", b"[" * 200_000 + b"]" * 200_000, "nested too deeply"),
        ("a.json", b"[" * 66 + b"]" * 66, "nested too deeply"),
        ("a.yaml", b"a: *b\n", "names nothing"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused(
    folder: Any, name: str, content: bytes, expected: str
) -> None:
    assert expected in refusal(folder, name, content)


def test_aliases_do_not_blow_up(folder: Any) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]

    assert "aliases expand to more than" in refusal(folder, "a.yaml", "\n".join(lines).encode())


def test_a_modest_alias_is_fine(folder: Any) -> None:
    path = folder.write("a.yaml", "a: &x [1]\nb: *x\nwhen: 2024-01-01\n")

    data = read_document(str(path), top=str(folder.top), file="a.yaml").data
    assert data == {"a": [1], "b": [1], "when": "2024-01-01"}


def test_a_document_has_a_limit(folder: Any) -> None:
    assert f"{MAX_BYTES} are the limit" in refusal(folder, "a.json", b" " * (MAX_BYTES + 1))
    path = folder.write("b.json", b"{}" + b" " * (MAX_BYTES - 2))
    assert read_document(str(path), top=str(folder.top), file="b.json").data == {}


@pytest.mark.timeout(20)
def test_a_pipe_is_refused_and_does_not_block(folder: Any) -> None:
    os.mkfifo(folder.top / "workstreams" / "a.json")
    (folder.top / "workstreams" / "b.json").mkdir()

    complaints = folder.complaints()
    assert [c.split(":")[0] for c in complaints] == ["workstreams/a.json", "workstreams/b.json"]
    assert all("is not a regular file" in c for c in complaints)


def test_a_link_may_not_lead_out_of_the_repository(
    folder: Any, make_bundle: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.json"
    outside.write_text('{"id": "secret"}')
    (folder.top / "workstreams" / "a.json").symlink_to(outside)
    (folder.top / "workstreams" / "b.json").symlink_to("nowhere")

    assert [c.partition(": ")[2][:30] for c in folder.complaints()] == [
        "is a link that leads out of th",
        "cannot be read: No such file o",
    ]


def test_a_link_inside_of_the_repository_is_followed(
    folder: Any, make_bundle: Callable[..., Any]
) -> None:
    folder.add(make_bundle("a"))
    (folder.top / "workstreams" / "a.json").rename(folder.top / "real.json")
    (folder.top / "workstreams" / "a.json").symlink_to("../real.json")

    assert [ws.id for ws in folder.load().workstreams] == ["a"]
    assert folder.complaints() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200), suffix=st.sampled_from(["json", "yaml"]))
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path: Path, content: bytes, suffix: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    try:
        read_document(str(path), top=os.path.realpath(tmp_path), file="a")
    except DocumentError as error:
        assert str(error).startswith("a:")
