"""Releases."""

from typing import Any

from .. import shapes
from ..routing import Answer, Call, endpoint, invalid, listed, missing
from ..state import now

READ, WRITE = "contents=read", "contents=write"


def _shape(call: Call, one: dict[str, Any]) -> dict[str, Any]:
    own, tag = f"{call.root}/releases/{one['id']}", one["tag_name"]
    return {
        **{k: v for k, v in one.items() if k != "login"},
        "url": own,
        "html_url": f"{call.page}/releases/tag/{tag}",
        "assets_url": f"{own}/assets",
        "upload_url": f"{own}/assets{{?name,label}}",
        "tarball_url": f"{call.root}/tarball/{tag}",
        "zipball_url": f"{call.root}/zipball/{tag}",
        "node_id": shapes.node("RE", one["id"]),
        "author": shapes.user(call, one["login"]),
        "assets": [],
    }


@endpoint("GET", "./releases", READ)
def list_releases(call: Call) -> Answer:
    """Newest first."""
    some = list(call.repo.releases.values())[::-1]
    return listed(call, [_shape(call, one) for one in some])


@endpoint("POST", "./releases", WRITE)
def create_release(call: Call) -> Answer:
    """Create one, with the tag where it is not there yet."""
    body, bare = call.body, call.repo.bare
    tag = body["tag_name"]
    if any(one["tag_name"] == tag for one in call.repo.releases.values()):
        raise invalid("Release", "tag_name", "already_exists")
    target = body.get("target_commitish", call.repo.default_branch)
    if f"refs/tags/{tag}" not in bare.refs("refs/tags/"):
        sha = bare.resolve(target)
        if not sha:
            raise invalid("Release", "target_commitish", "invalid")
        if not body.get("draft"):
            bare.git("update-ref", f"refs/tags/{tag}", sha)
    one = {
        "id": call.world.new_id(),
        "tag_name": tag,
        "target_commitish": target,
        "name": body.get("name"),
        "body": body.get("body"),
        "draft": body.get("draft", False),
        "prerelease": body.get("prerelease", False),
        "created_at": now(),
        "published_at": None if body.get("draft") else now(),
        "login": call.login,
    }
    call.repo.releases[one["id"]] = one
    return Answer(201, _shape(call, one))


def _found(call: Call, **wanted: Any) -> dict[str, Any]:
    for one in reversed(call.repo.releases.values()):
        if all(one[name] == value for name, value in wanted.items()):
            return one
    raise missing()


@endpoint("GET", "./releases/latest", READ)
def latest_release(call: Call) -> Answer:
    """The newest that is neither draft nor prerelease."""
    return Answer(200, _shape(call, _found(call, draft=False, prerelease=False)))


@endpoint("GET", "./releases/tags/{tag}", READ)
def release_of_tag(call: Call) -> Answer:
    """The release of a tag."""
    return Answer(200, _shape(call, _found(call, tag_name=call.text("tag"), draft=False)))


@endpoint("GET", "./releases/{release_id}", READ)
def get_release(call: Call) -> Answer:
    """One release."""
    return Answer(200, _shape(call, _found(call, id=call.number("release_id"))))


@endpoint("PATCH", "./releases/{release_id}", WRITE)
def edit_release(call: Call) -> Answer:
    """Change it."""
    one = _found(call, id=call.number("release_id"))
    known = ("name", "body", "draft", "prerelease", "tag_name", "target_commitish")
    one.update({name: value for name, value in (call.body or {}).items() if name in known})
    if not one["draft"]:
        one["published_at"] = one["published_at"] or now()
    return Answer(200, _shape(call, one))
