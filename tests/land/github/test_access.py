"""The expected-remote guard: everything that names the repository agrees, or nothing is written."""

import pytest

from pipeline.base.errors import InputError
from pipeline.land.github.access import Target, require_target, token_of
from pipeline.model.config import PublishConfig

GITHUB = "https://github.com/octo/shop.git"
ENTERPRISE = "git@ghe.example:octo/shop.git"


def target(remote: str = GITHUB, asked: str = "", env: dict[str, str] | None = None, **config: str):
    return require_target(PublishConfig(**config), remote, env or {}, asked=asked)


def test_the_remote_alone_says_it() -> None:
    assert target() == Target("https://api.github.com", "octo/shop")


def test_all_that_agree_are_fine_whatever_their_case() -> None:
    env = {"GITHUB_REPOSITORY": "Octo/Shop", "GITHUB_API_URL": "https://api.github.com"}
    found = target(asked="octo/shop", env=env, repository="OCTO/shop")
    assert found.api_url == "https://api.github.com"


@pytest.mark.parametrize(
    ("changed", "who"),
    [
        ({"asked": "octo/other"}, "--repository"),
        ({"repository": "octo/other"}, "publish.repository"),
        ({"env": {"GITHUB_REPOSITORY": "octo/other"}}, "GITHUB_REPOSITORY"),
        ({"remote": "https://github.com/fork/shop"}, "the remote origin"),
    ],
)
def test_one_that_does_not_agree_stops_it(changed: dict[str, object], who: str) -> None:
    env = {"GITHUB_REPOSITORY": "octo/shop"}
    with pytest.raises(InputError, match=who):
        target(**({"env": env, "repository": "octo/shop"} | changed))  # type: ignore[arg-type]


def test_a_server_whose_api_is_not_named_is_refused() -> None:
    with pytest.raises(InputError, match=r"ghe\.example"):
        target(ENTERPRISE)
    found = target(ENTERPRISE, api_url="https://ghe.example/api/v3/")
    assert found == Target("https://ghe.example/api/v3", "octo/shop")


@pytest.mark.parametrize(
    ("remote", "api_url", "env"),
    [
        (GITHUB, "https://evil.example/api", {}),
        (GITHUB, "https://evil.example/api", {"GITHUB_API_URL": "https://api.github.com"}),
        (ENTERPRISE, "https://api.github.com", {}),
        (GITHUB, "http://api.github.com", {}),
        (GITHUB, "https://user:pw@api.github.com", {}),
        ("/srv/shop.git", "https://evil.example", {}),
        ("/srv/shop.git", "https://evil.example", {"GITHUB_API_URL": "https://api.github.com"}),
    ],
)
def test_no_token_goes_to_another_server(remote: str, api_url: str, env: dict[str, str]) -> None:
    with pytest.raises(InputError):
        target(remote, repository="octo/shop", api_url=api_url, env=env)


def test_a_local_remote_has_no_say() -> None:
    assert target("/srv/shop.git", repository="octo/shop").repository == "octo/shop"
    with pytest.raises(InputError, match="Nothing says"):
        target("/srv/shop.git")


def test_tokens_come_from_the_environment_in_this_order() -> None:
    env = {"GH_TOKEN": "c", "GITHUB_TOKEN": " b\n", "PIPELINE_GITHUB_TOKEN": ""}
    assert token_of(env) == "b"
    assert token_of({**env, "PIPELINE_GITHUB_TOKEN": "a"}) == "a"
    assert token_of({}) == ""
