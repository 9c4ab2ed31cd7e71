"""Where remotes' URLs lead: every spelling of one repository, and nothing that is none."""

import pytest

from pipeline.base.git.address import Address, is_same, parse, repository_of

SHOP = Address("github.com", "octo", "shop")


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/octo/shop",
        "https://github.com/octo/shop.git",
        "https://github.com/octo/shop.git/",
        "https://GitHub.com:443/octo/shop",
        "https://x-access-token:ghs_secret@github.com/octo/shop.git",
        "git@github.com:octo/shop.git",
        "github.com:octo/shop",
        "ssh://git@github.com/octo/shop.git",
        "ssh://git@ssh.github.com:443/octo/shop.git",
    ],
)
def test_every_spelling_leads_to_one_repository(url: str) -> None:
    assert parse(url) == SHOP


def test_other_servers_have_addresses_too() -> None:
    assert parse("git@ghe.example:octo/shop") == Address("ghe.example", "octo", "shop")
    assert parse("http://127.0.0.1:8123/octo/shop.git") == Address("127.0.0.1", "octo", "shop")


def test_credentials_are_dropped() -> None:
    assert "secret" not in repr(parse("https://user:secret@github.com/octo/shop"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/git/shop.git",
        "../shop.git",
        "file:///srv/git/octo/shop",
        "https://gitlab.example/group/sub/shop",
        "https://github.com/octo",
        "https://github.com/octo/shop?x=1",
        "https://github.com/octo/..",
        "https://github.com/octo/sh op",
        "https://github.com/octo/shop\n",
        "https://github.com/octo/%2e%2e",
        "https://github.com/octo%2fshop/x/y",
        "https://[github.com/octo/shop",
        "ext::sh -c evil/x",
        "https://github.com/-octo/shop",
        "x" * 3000,
    ],
)
def test_what_is_no_address_has_none(url: str) -> None:
    assert parse(url) is None


def test_repositories_are_the_same_whatever_their_case() -> None:
    assert is_same("Octo/Shop", "octo/shop")
    assert not is_same("octo/shop", "octo/shop2")
    assert repository_of("octo/shop/extra") is None
