"""The repository itself, its branches, commits, files and people; users; the rate limit."""

import base64
from typing import Any

from .. import shapes
from ..bare import GitError
from ..routing import Answer, Call, ProblemError, endpoint, listed, missing
from ..state import now
from .checks import commit_of

READ = "contents=read"


@endpoint("GET", ".", "metadata=read")
def get_repository(call: Call) -> Answer:
    """The repository in full."""
    return Answer(200, shapes.repository(call, call.repo, is_full=True))


@endpoint("GET", "/rate_limit")
def get_rate_limit(call: Call) -> Answer:
    """What is left of the hour's requests."""
    limits = call.world.limits
    one = {
        "limit": limits.limit,
        "used": limits.limit - limits.remaining,
        "remaining": limits.remaining,
        "reset": int(limits.headers()["x-ratelimit-reset"]),
    }
    return Answer(200, {"resources": {"core": one, "search": one, "graphql": one}, "rate": one})


_PERSONAL: dict[str, Any] = {
    **dict.fromkeys(("bio", "company", "email", "hireable", "location", "twitter_username")),
    **dict.fromkeys(("followers", "following", "public_gists", "public_repos"), 0),
    "blog": "",
    "created_at": "2011-01-25T18:44:36Z",
    "updated_at": "2011-01-25T18:44:36Z",
}


@endpoint("GET", "/user")
def get_user(call: Call) -> Answer:
    """Who the token is; an installation's token is nobody."""
    if call.token is None:
        raise ProblemError(401, "Requires authentication")
    if call.app:
        raise ProblemError(403, "Resource not accessible by integration")
    return Answer(200, {**shapes.user(call, call.login), "name": call.login, **_PERSONAL})


@endpoint("GET", "/users/{username}")
def get_user_named(call: Call) -> Answer:
    """Anybody; there is nobody whose name begins with `nobody`."""
    login = call.text("username")
    if login.startswith("nobody"):
        raise missing()
    return Answer(200, {**shapes.user(call, login), "name": login, **_PERSONAL})


@endpoint("GET", "./collaborators", "metadata=read")
def list_collaborators(call: Call) -> Answer:
    """Who has a role."""
    some = []
    for login, role in call.repo.collaborators.items():
        level = shapes.ROLES.index(role)
        names = ("pull", "triage", "push", "maintain", "admin")
        held = {name: level > place for place, name in enumerate(names)}
        some.append({**shapes.user(call, login), "permissions": held, "role_name": role})
    return listed(call, some)


@endpoint("GET", "./collaborators/{username}", "metadata=read")
def is_collaborator(call: Call) -> Answer:
    """204 or 404."""
    if call.text("username") not in call.repo.collaborators:
        raise missing()
    return Answer(204)


@endpoint("GET", "./collaborators/{username}/permission", "metadata=read")
def get_permission(call: Call) -> Answer:
    """docs.github.com: `maintain` shows as write and `triage` as read; the role keeps its name."""
    login = call.text("username")
    if login.startswith("nobody"):
        raise missing(f"{login} is not a user")
    fallback = "none" if call.repo.private else "read"
    role = call.repo.collaborators.get(login, fallback)
    level = shapes.ROLES.index(role)
    shown = {"maintain": "write", "triage": "read"}.get(role, role)
    names = ("pull", "triage", "push", "maintain", "admin")
    held = {name: level > place for place, name in enumerate(names)}
    who = {**shapes.user(call, login), "permissions": held, "role_name": role}
    return Answer(200, {"permission": shown, "role_name": role, "user": who})


@endpoint("POST", "./dispatches", "contents=write")
def repository_dispatch(call: Call) -> Answer:
    """Recorded in the state."""
    call.repo.dispatches.append(
        {"kind": "repository", "login": call.login, "at": now(), **call.body}
    )
    return Answer(204)


@endpoint("GET", "./branches", READ)
def list_branches(call: Call) -> Answer:
    """Names and heads."""
    heads = call.repo.bare.refs("refs/heads/")
    some = [
        {
            "name": ref.removeprefix("refs/heads/"),
            "commit": {"sha": sha, "url": f"{call.root}/commits/{sha}"},
            "protected": False,
        }
        for ref, sha in sorted(heads.items())
    ]
    return listed(call, some)


@endpoint("GET", "./branches/{branch}", READ)
def get_branch(call: Call) -> Answer:
    """One branch."""
    name = call.text("branch")
    ref = f"refs/heads/{name}"
    sha = call.repo.bare.refs(ref).get(ref)
    if sha is None:
        raise missing("Branch not found")
    own = f"{call.root}/branches/{name}"
    return Answer(
        200,
        {
            "name": name,
            "commit": shapes.commit(call, call.repo.bare.commit(sha)),
            "_links": {"self": own, "html": f"{call.page}/tree/{name}"},
            "protected": False,
            "protection": {
                "enabled": False,
                "required_status_checks": {
                    "enforcement_level": "off",
                    "contexts": [],
                    "checks": [],
                },
            },
            "protection_url": f"{own}/protection",
        },
    )


@endpoint("GET", "./commits", READ)
def list_commits(call: Call) -> Answer:
    """From a branch or commit backwards."""
    bare = call.repo.bare
    start = bare.resolve(call.query.get("sha") or call.repo.default_branch)
    if not start:
        raise (
            missing() if bare.refs("refs/heads/") else ProblemError(409, "Git Repository is empty.")
        )
    ids = bare.log(start, path=call.query.get("path", ""))
    return listed(call, [shapes.commit(call, bare.commit(sha)) for sha in ids])


@endpoint("GET", "./commits/{ref}", READ)
def get_commit(call: Call) -> Answer:
    """One commit with its files."""
    bare, sha = call.repo.bare, commit_of(call, "ref")
    one = bare.commit(sha)
    empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    files = bare.changed(one.parents[0] if one.parents else empty, sha)
    return Answer(200, shapes.commit(call, one, files))


@endpoint("GET", "./compare/{basehead}", READ)
def compare(call: Call) -> Answer:
    """What the head has since it left the base."""
    bare, (base, _, head) = call.repo.bare, call.text("basehead").partition("...")
    old, new = bare.resolve(base), bare.resolve(head)
    if not old or not new:
        raise missing()
    start = bare.merge_base(old, new)
    if not start:
        raise missing(f"No common ancestor between {base} and {head}.")
    ahead, behind = bare.log(new, old)[::-1], bare.log(old, new)
    named = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}
    address, page = f"{call.root}/compare/{base}...{head}", f"{call.page}/compare/{base}...{head}"
    return Answer(
        200,
        {
            "url": address,
            "html_url": page,
            "permalink_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": shapes.commit(call, bare.commit(old)),
            "merge_base_commit": shapes.commit(call, bare.commit(start)),
            "status": named.get((bool(ahead), bool(behind)), "identical"),
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "commits": [shapes.commit(call, bare.commit(sha)) for sha in ahead],
            "files": [shapes.diff_entry(call, one, new) for one in bare.changed(start, new)],
        },
    )


@endpoint("GET", "./contents/{path}", READ)
def get_contents(call: Call) -> Answer:
    """A file's content, or a folder's list."""
    bare, path = call.repo.bare, call.text("path").strip("/")
    ref = call.query.get("ref") or call.repo.default_branch
    sha = bare.resolve(ref)
    lines = bare.git("ls-tree", "-z", "-l", sha, "--", path).decode() if sha else ""
    if not lines:
        raise missing()
    mode_kind_blob_size = lines.rstrip("\0").partition("\t")[0].split()
    kind, blob = mode_kind_blob_size[1], mode_kind_blob_size[2]
    if kind == "tree":
        inside = bare.git("ls-tree", "-z", "-l", f"{sha}:{path}").decode().rstrip("\0")
        lines_by_name = {one.partition("\t")[2]: one for one in inside.split("\0")}
        some = [_entry(call, f"{path}/{k}", one, ref) for k, one in lines_by_name.items()]
        return Answer(200, some)
    try:
        content = bare.git("cat-file", "blob", blob)
    except GitError as error:
        raise missing() from error
    entry = _entry(call, path, lines.rstrip("\0"), ref)
    encoded = base64.encodebytes(content).decode()
    return Answer(200, {**entry, "content": encoded, "encoding": "base64"})


def _entry(call: Call, path: str, line: str, ref: str) -> dict[str, Any]:
    _, kind, blob, size = line.partition("\t")[0].split()
    own, page = f"{call.root}/contents/{path}?ref={ref}", f"{call.page}/blob/{ref}/{path}"
    of_git = f"{call.root}/git/{kind}s/{blob}"
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": blob,
        "size": 0 if size == "-" else int(size),
        "url": own,
        "html_url": page,
        "git_url": of_git,
        "download_url": f"{call.page}/raw/{ref}/{path}" if kind == "blob" else None,
        "type": "file" if kind == "blob" else "dir",
        "_links": {"self": own, "git": of_git, "html": page},
    }
