"""Taking secret values out of what a tool wrote."""

from collections.abc import Mapping

from pipeline.base import redaction
from pipeline.base.redaction import REDACTED, is_secret_name, redact, redact_file
from pipeline.model.check import ToolProfile

__all__ = ["REDACTED", "is_secret_name", "redact", "redact_file", "secret_values"]


def secret_values(profile: ToolProfile, env: Mapping[str, str]) -> tuple[str, ...]:
    """The values in a tool's environment that nobody may see, longest first.

    Those are what the profile reads by ``env:NAME``, and variables with a telling name.
    """
    return redaction.secret_values(profile.env, env)
