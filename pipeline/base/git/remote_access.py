"""How a remote is reached: whose credentials git may use, and how they stay out of every text.

A token reaches git by its environment configuration (``GIT_CONFIG_*``, git-config) and never by an
argument, which other users of the machine can see; it is sent to the one server it is for.
"""

import base64
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from pipeline.base.git.invoke import person_environment, settings_in_environment
from pipeline.base.redaction import redact, secret_values

TOKEN_VARIABLES = ("PIPELINE_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
SERVER_VARIABLE = "GITHUB_SERVER_URL"
PUBLIC_SERVER = "https://github.com"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"https": 443, "http": 80}
_KEPT_FOR_NETWORK = frozenset(
    {
        "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT",
        "GIT_ASKPASS", "USER", "LOGNAME", "USERNAME", "LANG",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
        "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "GNUPGHOME", "GH_CONFIG_DIR",
        "APPDATA", "LOCALAPPDATA", "PROGRAMDATA",
    }
)  # fmt: skip  # a list of words reads better in rows
_PROXIES = frozenset({"http_proxy", "https_proxy", "no_proxy", "all_proxy"})
_USERINFO = re.compile(r"(?<=://)[^\s/@]*@(?=[^\s/])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LONGEST = 1500


def token_from(environ: Mapping[str, str]) -> str:
    """The token for GitHub in an environment; empty where there is none."""
    return next((environ[name].strip() for name in TOKEN_VARIABLES if environ.get(name)), "")


def without_credentials(url: str) -> str:
    """A URL without the user and password in it; the user of an ssh address stays."""
    parts = url.partition("://")
    return _USERINFO.sub("", url) if parts[1] and parts[0].lower() != "ssh" else url


def is_for(url: str, server: str) -> bool:
    """Whether a URL lies on a server that a token is for, and the way there is private."""
    try:
        wanted, found = _origin(server), _origin(url)
    except ValueError:
        return False
    is_private = wanted[0] == "https" or wanted[1] in _LOOPBACK
    return wanted == found and wanted[0] in _PORTS and is_private


def network_environment(source: Mapping[str, str]) -> dict[str, str]:
    """The environment of a git that talks to a remote as the person would."""
    kept = {
        name: value
        for name, value in source.items()
        if name in _KEPT_FOR_NETWORK or name.lower() in _PROXIES
    }
    return {**kept, **person_environment()}


def authorisation(url: str, token: str) -> dict[str, str]:
    """Variables that give a token to git for one URL, in place of what is configured for it."""
    clean = without_credentials(url)
    given = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
    # An empty header takes back those before it: two of a kind are answered with 400.
    key = f"http.{clean}.extraheader"
    values = [(key, ""), (key, f"AUTHORIZATION: basic {given}")]
    env = {"GIT_CONFIG_COUNT": str(len(values))}
    for number, (name, value) in enumerate(values):
        env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def add_settings(env: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """An environment with more settings behind those that it may hold already."""
    more = settings_in_environment(settings)
    first, count = int(env.get("GIT_CONFIG_COUNT", "0")), len(settings)
    moved = {"GIT_CONFIG_COUNT": str(first + count)}
    for number in range(count):
        for word in ("KEY", "VALUE"):
            moved[f"GIT_CONFIG_{word}_{first + number}"] = more[f"GIT_CONFIG_{word}_{number}"]
    return {**env, **moved}


def clean_words(said: bytes, source: Mapping[str, str], *urls: str) -> str:
    """What git or a server wrote, for people: no credential, no control character, not too long."""
    secrets = {*secret_values({}, source), *filter(None, (token_from(source),))}
    for token in tuple(secrets):
        secrets.add(base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii"))
    for url in urls:
        userinfo = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
        secrets.update(part for part in userinfo.split(":", 1)[1:] if part)
    text = redact(said, secrets).decode("utf-8", "backslashreplace")
    text = _UNSEEN.sub("", _USERINFO.sub("", text.replace("\r", "\n")))
    return "\n".join(line for line in text.splitlines() if line.strip())[-_LONGEST:].strip()


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(scheme, 0)
