"""The git database: references, commits, trees and blobs."""

import base64
from typing import Any

from .. import shapes
from ..bare import ZERO, GitError
from ..routing import Answer, Call, ProblemError, endpoint, listed, missing

READ, WRITE = "contents=read", "contents=write"


def _refs(call: Call) -> dict[str, str]:
    return call.repo.bare.refs()


@endpoint("GET", "./git/ref/{ref}", READ)
def get_ref(call: Call) -> Answer:
    """One reference; `heads/x`, not `refs/heads/x`."""
    name = f"refs/{call.text('ref')}"
    sha = _refs(call).get(name)
    if sha is None:
        raise missing()
    return Answer(200, shapes.git_ref(call, name, sha))


@endpoint("GET", "./git/matching-refs/{ref}", READ)
def matching_refs(call: Call) -> Answer:
    """Those whose names begin so; an empty list where none does."""
    start = f"refs/{call.text('ref')}"
    some = [(name, sha) for name, sha in _refs(call).items() if name.startswith(start)]
    return listed(call, [shapes.git_ref(call, name, sha) for name, sha in some])


@endpoint("POST", "./git/refs", WRITE)
def create_ref(call: Call) -> Answer:
    """A new reference to an object that is there."""
    name, sha = call.body["ref"], call.body["sha"]
    if name in _refs(call):
        raise ProblemError(422, "Reference already exists")
    if not call.repo.bare.kind(sha):
        raise ProblemError(422, "Object does not exist")
    try:
        call.repo.bare.git("update-ref", name, sha, ZERO)
    except GitError as error:
        raise ProblemError(422, f"{name} is not a valid ref name.") from error
    return Answer(201, shapes.git_ref(call, name, sha))


@endpoint("PATCH", "./git/refs/{ref}", WRITE)
def update_ref(call: Call) -> Answer:
    """Move a reference; forwards only, unless forced."""
    name, sha, bare = f"refs/{call.text('ref')}", call.body["sha"], call.repo.bare
    old = _refs(call).get(name)
    if old is None:
        raise ProblemError(422, "Reference does not exist")
    if not bare.kind(sha):
        raise ProblemError(422, "Object does not exist")
    if not call.body.get("force") and bare.merge_base(old, sha) != old:
        raise ProblemError(422, "Update is not a fast forward")
    bare.git("update-ref", name, sha, old)
    return Answer(200, shapes.git_ref(call, name, sha))


@endpoint("DELETE", "./git/refs/{ref}", WRITE)
def delete_ref(call: Call) -> Answer:
    """Delete a reference."""
    name = f"refs/{call.text('ref')}"
    if name not in _refs(call):
        raise ProblemError(422, "Reference does not exist")
    call.repo.bare.git("update-ref", "-d", name)
    return Answer(204)


@endpoint("GET", "./git/commits/{commit_sha}", READ)
def get_commit(call: Call) -> Answer:
    """One commit."""
    sha = call.text("commit_sha")
    if call.repo.bare.kind(sha) != "commit":
        raise missing()
    return Answer(200, shapes.git_commit(call, call.repo.bare.commit(sha)))


def _who(body: dict[str, Any], role: str, fallback: dict[str, str]) -> dict[str, str]:
    who = body.get(role) or fallback
    found = {f"GIT_{role.upper()}_NAME": who["name"], f"GIT_{role.upper()}_EMAIL": who["email"]}
    return found | ({f"GIT_{role.upper()}_DATE": who["date"]} if "date" in who else {})


@endpoint("POST", "./git/commits", WRITE)
def create_commit(call: Call) -> Answer:
    """A commit object, on no branch yet."""
    body, bare = call.body, call.repo.bare
    if bare.kind(body["tree"]) != "tree":
        raise ProblemError(422, "Tree SHA does not exist")
    parents = [word for one in body.get("parents", []) for word in ("-p", one)]
    author = body.get("author") or {"name": call.login, "email": "octocat@example.com"}
    env = _who(body, "author", author) | _who(body, "committer", author)
    message = body["message"].encode()
    try:
        made = bare.git("commit-tree", body["tree"], *parents, stdin=message, env=env)
    except GitError as error:
        raise ProblemError(422, "Parent SHA does not exist or is not a commit object") from error
    return Answer(201, shapes.git_commit(call, bare.commit(made.decode().strip())))


def _tree(call: Call, sha: str, *, is_recursive: bool) -> dict[str, Any]:
    words = ("-r", "-t") if is_recursive else ()
    text = call.repo.bare.git("ls-tree", "-z", "-l", *words, sha).decode().rstrip("\0")
    entries = []
    for line in text.split("\0") if text else []:
        head, _, path = line.partition("\t")
        mode, kind, blob, size = head.split()
        one = {"path": path, "mode": mode, "type": kind, "sha": blob}
        if kind == "blob":
            one["size"] = int(size)
        entries.append({**one, "url": f"{call.root}/git/{kind}s/{blob}"})
    address = f"{call.root}/git/trees/{sha}"
    return {"sha": sha, "url": address, "tree": entries, "truncated": False}


@endpoint("GET", "./git/trees/{tree_sha}", READ)
def get_tree(call: Call) -> Answer:
    """A tree, of a commit or branch too."""
    try:
        sha = call.repo.bare.text(
            "rev-parse", "-q", "--verify", f"{call.text('tree_sha')}^{{tree}}"
        )
    except GitError as error:
        raise missing() from error
    return Answer(200, _tree(call, sha, is_recursive="recursive" in call.query))


@endpoint("POST", "./git/trees", WRITE)
def create_tree(call: Call) -> Answer:
    """A tree from entries with content or ids, on top of another where asked."""
    bare, index = call.repo.bare, str(call.repo.bare.path / "index.api")
    env = {"GIT_INDEX_FILE": index}
    start = call.body.get("base_tree")
    bare.git("read-tree", *([start] if start else ["--empty"]), env=env)
    for one in call.body["tree"]:
        path = one["path"]
        if one.get("sha", "") is None:
            bare.git("update-index", "--force-remove", "--", path, env=env)
            continue
        sha = one.get("sha") or bare.text(
            "hash-object", "-w", "--stdin", stdin=one.get("content", "").encode()
        )
        if bare.kind(sha) == "":
            raise ProblemError(422, f"tree.sha {sha} is not a valid blob")
        if path.startswith(".github/workflows/") and not _may_workflows(call):
            raise ProblemError(403, "Resource not accessible by integration")
        bare.git("update-index", "--add", "--cacheinfo", f"{one['mode']},{sha},{path}", env=env)
    made = bare.git("write-tree", env=env).decode().strip()
    return Answer(201, _tree(call, made, is_recursive=False))


def _may_workflows(call: Call) -> bool:
    return call.token is not None and call.token.may("workflows", "write")


@endpoint("GET", "./git/blobs/{file_sha}", READ)
def get_blob(call: Call) -> Answer:
    """A blob, in Base64."""
    sha = call.text("file_sha")
    if call.repo.bare.kind(sha) != "blob":
        raise missing()
    content = call.repo.bare.git("cat-file", "blob", sha)
    return Answer(
        200,
        {
            "sha": sha,
            "node_id": f"B_{sha}",
            "size": len(content),
            "url": f"{call.root}/git/blobs/{sha}",
            "content": base64.encodebytes(content).decode(),
            "encoding": "base64",
        },
    )


@endpoint("POST", "./git/blobs", WRITE)
def create_blob(call: Call) -> Answer:
    """A blob from text or Base64."""
    content = call.body["content"].encode()
    if call.body.get("encoding") == "base64":
        content = base64.b64decode(content)
    sha = call.repo.bare.text("hash-object", "-w", "--stdin", stdin=content)
    return Answer(201, {"sha": sha, "url": f"{call.root}/git/blobs/{sha}"})
