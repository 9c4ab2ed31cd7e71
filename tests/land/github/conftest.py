"""A client in front of a GitHub in this process, which holds every request to the description."""

from collections.abc import Callable

import pytest
from fakehub.in_process import InProcess

from pipeline.land.github.client import GitHub
from pipeline.land.github.patience import Patience


@pytest.fixture
def make_hub(github_contract: InProcess) -> Callable[..., GitHub]:
    """A client with a token, that waits for nobody."""

    def make(token: str = "", *, wait_s: float = 300.0, **more: object) -> GitHub:
        return GitHub(
            github_contract.api_url,
            github_contract.repo,
            token or github_contract.token,
            patience=Patience(wait_s, sleep=lambda _: None),
            pause_s=0,
            **more,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture
def hub(make_hub: Callable[..., GitHub]) -> GitHub:
    """The client of a token with all rights."""
    return make_hub()


@pytest.fixture
def head(github_contract: InProcess) -> str:
    """A commit that is there."""
    repo = github_contract.world.repositories[github_contract.repo]
    return repo.bare.refs("refs/heads/")["refs/heads/main"]
