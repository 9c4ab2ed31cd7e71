import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.errors import UnfitError
from pipeline.base.ids import new_id
from pipeline.model.codec import dumps
from pipeline.store.inbox import Request, discard_claimed, post, take
from pipeline.store.layout import Layout


def test_a_request_is_taken_once(layout: Layout) -> None:
    request = Request("cancel", "01run", {"why": "ü", "path": "\udcff"})
    path = post(layout, request)

    assert path.name == f"{request.id}.json"
    assert take(layout) == (request,)
    assert take(layout) == ()
    assert list(layout.inbox.iterdir()) == []


def test_the_oldest_comes_first(layout: Layout) -> None:
    requests = [Request("cancel", str(number)) for number in range(20)]
    for request in reversed(requests):
        post(layout, request)

    assert take(layout) == tuple(requests)


def test_an_empty_inbox_is_not_created(layout: Layout) -> None:
    assert take(layout) == ()
    assert discard_claimed(layout) == 0
    assert not layout.state_dir.exists()


def test_readers_share_what_is_there(layout: Layout) -> None:
    requests = [Request("cancel") for _ in range(100)]
    for request in requests:
        post(layout, request)
    taken: list[Request] = []
    threads = [threading.Thread(target=lambda: taken.extend(take(layout))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(request.id for request in taken) == [request.id for request in requests]


def bad(**changes: object) -> bytes:
    data = json.loads(dumps(Request("cancel", id="0" * 26)))
    return json.dumps({**data, **changes}).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"kind": "cancel"', "Expecting"),
        (b"[]", "not a request"),
        (b"\xff\xfe\x00", "decode"),
        (b"[" * 10_000, "recursion"),
        (bad(kind=5), "not a request"),
        (bad(kind="rm -rf"), "kind"),
        (bad(kind=""), "kind"),
        (bad(extra=1), "no field extra"),
        (bad(id="../../etc"), "id"),
        (bad(id=new_id()), "id"),
        (bad(arguments={"a": "x" * 70_000}), "larger than"),
    ],
)
def test_what_is_malformed_is_moved_aside_with_the_reason(
    layout: Layout, content: bytes, reason: str
) -> None:
    layout.inbox.mkdir(parents=True)
    name = f"{'0' * 26}.json"
    (layout.inbox / name).write_bytes(content)
    good = Request("cancel")
    post(layout, good)

    assert take(layout) == (good,)
    assert (layout.inbox / "rejected" / name).read_bytes() == content
    assert reason in (layout.inbox / "rejected" / f"{name}.reason").read_text()
    assert [p.name for p in layout.inbox.iterdir()] == ["rejected"]


def test_links_and_pipes_are_not_read(layout: Layout, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_bytes(bad())
    layout.inbox.mkdir(parents=True)
    (layout.inbox / f"{'0' * 26}.json").symlink_to(secret)
    os.mkfifo(layout.inbox / f"{'1' * 26}.json")
    (layout.inbox / f"{'2' * 26}.json").mkdir()

    assert take(layout) == ()
    assert secret.exists()
    assert len(list((layout.inbox / "rejected").glob("*.reason"))) == 3


def test_unfinished_and_foreign_files_are_left_alone(layout: Layout) -> None:
    layout.inbox.mkdir(parents=True)
    (layout.inbox / ".tmp-x").write_bytes(b"{")
    (layout.inbox / "README").write_bytes(b"")

    assert take(layout) == ()
    assert len(list(layout.inbox.iterdir())) == 2


def test_what_a_dead_holder_took_is_not_given_again(layout: Layout) -> None:
    request = Request("cancel")
    path = post(layout, request)
    path.rename(path.with_name(path.name + ".claimed"))

    assert take(layout) == ()
    assert discard_claimed(layout) == 1
    assert discard_claimed(layout) == 0


def test_a_place_that_cannot_be_written_is_named(layout: Layout) -> None:
    layout.state_dir.mkdir()
    layout.inbox.write_bytes(b"")

    with pytest.raises(UnfitError, match=str(layout.inbox)):
        post(layout, Request("cancel"))


def test_each_request_has_an_id_and_a_time_of_its_own() -> None:
    one, two = Request("cancel"), Request("cancel")

    assert one.id < two.id
    assert replace(one, id=two.id, posted_at=two.posted_at) == two
