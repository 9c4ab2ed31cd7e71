"""PyGithub in front of a fake, without its waiting."""

from collections.abc import Callable
from typing import Any

import pytest
from fakehub.starting import Fake


@pytest.fixture
def client(github: Fake) -> Callable[..., Any]:
    """PyGithub with a token; a warning about its own age is not ours."""

    def make(token: str = "ghs_good", *, enterprise: bool = False) -> Any:
        from github import Auth, Github

        return Github(
            base_url=github.url + ("/api/v3" if enterprise else ""),
            auth=Auth.Token(token),
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    return make
