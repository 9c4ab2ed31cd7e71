"""JSON of people, apps, repositories, commits and labels, as GitHub's description has them."""

import base64
import zlib
from typing import Any

from .bare import Commit
from .routing import Call
from .state import Label, Repository

_USER = (
    "followers:followers",
    "following:following{/other_user}",
    "gists:gists{/gist_id}",
    "starred:starred{/owner}{/repo}",
    "subscriptions:subscriptions",
    "organizations:orgs",
    "repos:repos",
    "events:events{/privacy}",
    "received_events:received_events",
)
_REPOSITORY = (
    "archive:{archive_format}{/ref}|assignees:assignees{/user}|blobs:git/blobs{/sha}|"
    "branches:branches{/branch}|collaborators:collaborators{/collaborator}|"
    "comments:comments{/number}|commits:commits{/sha}|compare:compare/{base}...{head}|"
    "contents:contents/{+path}|contributors:contributors|deployments:deployments|"
    "downloads:downloads|events:events|forks:forks|git_commits:git/commits{/sha}|"
    "git_refs:git/refs{/sha}|git_tags:git/tags{/sha}|hooks:hooks|"
    "issue_comment:issues/comments{/number}|issue_events:issues/events{/number}|"
    "issues:issues{/number}|keys:keys{/key_id}|labels:labels{/name}|languages:languages|"
    "merges:merges|milestones:milestones{/number}|"
    "notifications:notifications{?since,all,participating}|pulls:pulls{/number}|"
    "releases:releases{/id}|stargazers:stargazers|statuses:statuses/{sha}|"
    "subscribers:subscribers|subscription:subscription|tags:tags|teams:teams|trees:git/trees{/sha}"
)
_COUNTS = ("forks", "forks_count", "open_issues", "open_issues_count", "size", "stargazers_count")
ROLES = ("none", "read", "triage", "write", "maintain", "admin")


def node(kind: str, number: int) -> str:
    """An opaque id, as GraphQL's."""
    return f"{kind}_" + base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def user_id(login: str) -> int:
    """The same number for the same login, always; 41898282 for GITHUB_TOKEN's, as on GitHub."""
    return (
        41898282 if login == "github-actions[bot]" else 10_000 + zlib.crc32(login.encode()) % 10**6
    )


def user(at: Call, login: str | None) -> Any:
    """A simple user; None for a deleted one."""
    if login is None:
        return None
    number = user_id(login)
    own = f"{at.api}/users/{login.replace('[', '%5B').replace(']', '%5D')}"
    is_bot = login.endswith("[bot]")
    return {
        "login": login,
        "id": number,
        "node_id": node("BOT" if is_bot else "U", number),
        "avatar_url": f"{at.web}/avatars/u/{number}?v=4",
        "gravatar_id": "",
        "url": own,
        "html_url": f"{at.web}/apps/{login[:-5]}" if is_bot else f"{at.web}/{login}",
        **{f"{one.split(':')[0]}_url": f"{own}/{one.split(':')[1]}" for one in _USER},
        "type": "Bot" if is_bot else "User",
        "user_view_type": "public",
        "site_admin": False,
    }


def app(at: Call, slug: str) -> Any:
    """The integration that a check run or comment was made by; None for people's."""
    if not slug:
        return None
    number = 15368 if slug == "github-actions" else user_id(slug)
    return {
        "id": number,
        "client_id": f"Iv1.{number:016x}",
        "slug": slug,
        "node_id": node("A", number),
        "owner": user(at, "github" if slug == "github-actions" else at.repo.owner),
        "name": "GitHub Actions" if slug == "github-actions" else slug,
        "description": "",
        "external_url": "https://help.github.com/en/actions",
        "html_url": f"{at.web}/apps/{slug}",
        "created_at": "2018-07-30T09:30:17Z",
        "updated_at": "2019-12-10T19:04:12Z",
        "permissions": {"checks": "write", "contents": "write", "metadata": "read"},
        "events": ["check_run", "push"],
    }


def repository(at: Call, repo: Repository, *, is_full: bool = False) -> dict[str, Any]:
    """A repository; the full form is that of `GET /repos/{owner}/{repo}`."""
    api, web = f"{at.api}/repos/{repo.full_name}", f"{at.web}/{repo.full_name}"
    role = ROLES.index(repo.collaborators.get(at.login, "write"))
    found: dict[str, Any] = {
        "id": repo.id,
        "node_id": node("R", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(at, repo.owner),
        "html_url": web,
        "description": None,
        "fork": bool(repo.fork_of),
        "url": api,
        **{
            f"{one.split(':')[0]}_url": f"{api}/{one.split(':', 1)[1]}"
            for one in _REPOSITORY.split("|")
        },
        "git_url": f"git:{web.partition(':')[2]}.git",
        "ssh_url": f"git@example.com:{repo.full_name}.git",
        "clone_url": f"{web}.git",
        "svn_url": web,
        "homepage": None,
        "mirror_url": None,
        "language": None,
        "license": None,
        "default_branch": repo.default_branch,
        "created_at": repo.created_at,
        "updated_at": repo.created_at,
        "pushed_at": repo.created_at,
        **dict.fromkeys((*_COUNTS, "watchers", "watchers_count"), 0),
        **dict.fromkeys(("archived", "disabled", "has_discussions", "has_pages"), False),
        **dict.fromkeys(("has_downloads", "has_issues", "has_projects", "has_wiki"), True),
        "is_template": False,
        "topics": [],
        "visibility": "private" if repo.private else "public",
        "allow_forking": True,
        "web_commit_signoff_required": False,
        "permissions": {
            "admin": role >= 5,
            "maintain": role >= 4,
            "push": role >= 3,
            "triage": role >= 2,
            "pull": role >= 1,
        },
    }
    if is_full:
        found |= {"network_count": 0, "subscribers_count": 0}
    return found


def label(at: Call, one: Label) -> dict[str, Any]:
    """A label."""
    return {
        "id": one.id,
        "node_id": node("LA", one.id),
        "url": f"{at.root}/labels/{one.name.replace(' ', '%20')}",
        "name": one.name,
        "color": one.color,
        "default": False,
        # The description of pull requests' labels has no null, that of issues' has.
        "description": one.description or "",
    }


def _person(who: tuple[str, str, str]) -> dict[str, str]:
    return {"name": who[0], "email": who[1], "date": who[2]}


_UNSIGNED = {
    "verified": False,
    "reason": "unsigned",
    "signature": None,
    "payload": None,
    "verified_at": None,
}


def commit(at: Call, one: Commit, files: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A commit of the repository API; with ``files`` as `GET /commits/{ref}` gives it."""
    own = f"{at.root}/commits/{one.sha}"
    found: dict[str, Any] = {
        "sha": one.sha,
        "node_id": f"C_{one.sha}",
        "url": own,
        "html_url": f"{at.page}/commit/{one.sha}",
        "comments_url": f"{own}/comments",
        "commit": {
            "url": f"{at.root}/git/commits/{one.sha}",
            "author": _person(one.author),
            "committer": _person(one.committer),
            "message": one.message,
            "comment_count": 0,
            "tree": {"sha": one.tree, "url": f"{at.root}/git/trees/{one.tree}"},
            "verification": _UNSIGNED,
        },
        "author": None,
        "committer": None,
        "parents": [
            {"sha": p, "url": f"{at.root}/commits/{p}", "html_url": f"{at.page}/commit/{p}"}
            for p in one.parents
        ],
    }
    if files is not None:
        added = sum(entry["additions"] for entry in files)
        gone = sum(entry["deletions"] for entry in files)
        found["stats"] = {"additions": added, "deletions": gone, "total": added + gone}
        found["files"] = [diff_entry(at, entry, one.sha) for entry in files]
    return found


def git_commit(at: Call, one: Commit) -> dict[str, Any]:
    """A commit of the git database API."""
    return {
        "sha": one.sha,
        "node_id": f"C_{one.sha}",
        "url": f"{at.root}/git/commits/{one.sha}",
        "html_url": f"{at.page}/commit/{one.sha}",
        "author": _person(one.author),
        "committer": _person(one.committer),
        "tree": {"sha": one.tree, "url": f"{at.root}/git/trees/{one.tree}"},
        "message": one.message,
        "parents": [
            {
                "sha": p,
                "url": f"{at.root}/git/commits/{p}",
                "html_url": f"{at.page}/commit/{p}",
            }
            for p in one.parents
        ],
        "verification": _UNSIGNED,
    }


def simple_commit(one: Commit) -> dict[str, Any]:
    """A commit as in check suites, workflow runs and push events."""
    return {
        "id": one.sha,
        "tree_id": one.tree,
        "message": one.message,
        "timestamp": one.committer[2],
        "author": {"name": one.author[0], "email": one.author[1]},
        "committer": {"name": one.committer[0], "email": one.committer[1]},
    }


def diff_entry(at: Call, entry: dict[str, Any], sha: str) -> dict[str, Any]:
    """A changed file."""
    path = entry["filename"]
    return {
        **entry,
        "blob_url": f"{at.page}/blob/{sha}/{path}",
        "raw_url": f"{at.page}/raw/{sha}/{path}",
        "contents_url": f"{at.root}/contents/{path}?ref={sha}",
    }


def git_ref(at: Call, name: str, sha: str) -> dict[str, Any]:
    """A reference of the git database API."""
    kind = at.repo.bare.kind(sha) or "commit"
    return {
        "ref": name,
        "node_id": node("REF", zlib.crc32(name.encode())),
        "url": f"{at.root}/git/{name}",
        "object": {"type": kind, "sha": sha, "url": f"{at.root}/git/{kind}s/{sha}"},
    }
