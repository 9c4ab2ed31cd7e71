import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_cases import SECRET_LINES

from pipeline.check.secrets import find_secrets, may_hold_secrets


def found(line: str, path: bytes = b"src/a.py") -> tuple[str, ...]:
    return tuple(secret.redacted for secret in find_secrets(path, line.encode()))


@pytest.mark.parametrize("name", SECRET_LINES)
def test_a_secret_is_found_and_not_told(name: str) -> None:
    line = SECRET_LINES[name]
    assert may_hold_secrets(line.encode())
    told = found(line)
    assert told
    for redacted in told:
        start, _, rest = redacted.partition("…")
        assert len(start) == 4
        assert rest.endswith(" characters)")
        assert not any(line[at : at + 6] in redacted for at in range(len(line) - 5))


OTHER_FORMS = {
    "fine-grained": "github_pat_" + "11ABCDEFG0aBcDeFgHiJkL_x",
    "aws-secret": "aws_secret_access_key = " + "wJalrXUtnFEMIK7MDENGbPxRfiCYq9Zs2Lm4Tr8V",
    "slack-hook": "https://hooks.slack.com/" + "services/T0AB12CD3/B0EF45GH6/x7Y8z9A0b1C2",
    "npm": "//registry/:_authToken=npm_" + "a1B2c3D4" * 4 + "e5F6",
    "yaml": "client_secret: " + "'q8Zr3Lm9Tx2Vb7Nw4Kc6Pd1'",
    "json": '"api_key": "' + 'q8Zr3Lm9Tx2Vb7Nw4Kc6Pd1"',
    "hash-key": "secret => '" + "q8Zr3Lm9Tx2Vb7Nw4Kc6Pd1'",
    "pgp": "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----",
    "plain-key": "-----BEGIN " + "PRIVATE KEY-----",
    "azure": "AccountKey=" + "Ab1+" * 21 + "Ab==",
    "hex": 'API_TOKEN = "' + "9f8e7d6c5b4a39281706f5e4d3c2b1a0" + '"',
}


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_other_forms_are_found(name: str) -> None:
    assert found(OTHER_FORMS[name])


@pytest.mark.parametrize(
    "line",
    [
        "sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
        '"integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP=="',
        "index 1dec87cf854cdd12c3b4b64e0a18474dd539a4d1..0000000000000000000000000000000000000000",
        "password = os.environ['DATABASE_PASSWORD_PRODUCTION']",
        "password = get_password_from_the_vault(name)",
        'token = "${{ secrets.GITHUB_TOKEN }}"',
        "api_key: ${STRIPE_API_KEY_FOR_TESTS}",
        'SECRET_KEY = "changeme-changeme-123"',
        'password = "correct horse battery staple"',
        'api_key = "your-api-key-here-12345"',
        'token_url = "https://login.acme.dev/oauth2/v2.0/token"',
        'password_hash = "$2b$12$KIXQ4n0yQ9mXrV8tZb1cUeWq3o5p7r9s"',
        'TOKEN_HEADER_NAME = "X-Gitlab-Token-V4-Header1"',
        'secret_name = "prod/database/Password9"',
        'public_key = "ssh-ed25519AAAAC3NzaC1lZDI1NTE5AAAAIJ"',
        "token_type = 'urn:ietf:params:oauth:token-type:jwt'",
        "sk-learn-contrib-something-else-long",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUA",
        "postgres://user:password@localhost/db",
        "https://user:xxxxxxxxxxxxxxxx@host/",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "token = generate2fa_token_for_user1",
        'token = "utf8_general_ci_with_v2"',
        "secret = compute_the_shared_secret_of_both_sides",
        "api_key: configuration.services.first.api_key_v2",
        "keyboard = 'Abcdefgh1234567890Qwerty'",
    ],
)
def test_what_is_none_is_left_alone(line: str) -> None:
    assert found(line) == ()


def test_lock_files_are_asked_for_known_forms_alone() -> None:
    line = 'token = "q8Zr3Lm9Tx2Vb7Nw4Kc6Pd1"'
    assert found(line)
    for path in (b"uv.lock", b"a/package-lock.json", b"go.sum", b"pnpm-lock.yaml", b"bun.lockb"):
        assert found(line, path) == ()
        assert found(SECRET_LINES["github"], path)


@given(st.sampled_from(sorted({**SECRET_LINES, **OTHER_FORMS}.values())), st.text(max_size=10))
def test_the_screen_lets_every_secret_through(line: str, before: str) -> None:
    text = f"{before} {line}".encode()
    if find_secrets(b"src/a.py", text):
        assert may_hold_secrets(b"first\n" + text + b"\nlast")
