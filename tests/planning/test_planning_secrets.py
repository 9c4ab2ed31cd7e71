"""What looks like a secret is refused where only its name belongs."""

import pytest

from pipeline.planning.secrets import looks_like_secret


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", "hunter2hunter2"),
        ("MY_TOKEN", "abcdefgh"),
        ("db_password", "correct horse"),
        ("X", "sk-abcdef"),
        ("X", "ghp_16C7e42F292c6912E7"),
        ("X", "AKIAIOSFODNN7EXAMPLE"),
        ("X", "-----BEGIN RSA PRIVATE KEY-----"),
        ("X", "0123456789abcdef0123456789abcdef"),
    ],
)
def test_secrets(name: str, value: str) -> None:
    assert looks_like_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", "env:API_KEY"),
        ("API_KEY", ""),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/games"),
        ("MODE", "production"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("TOKENS", "100000000"),
        ("PYTHONHASHSEED", "0"),
    ],
)
def test_what_is_none(name: str, value: str) -> None:
    assert not looks_like_secret(name, value)
