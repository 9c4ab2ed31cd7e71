"""Hooks live in the repository's top-level hooks/; a wheel carries them here."""

from pathlib import Path

_checkout = Path(__file__).resolve().parents[2] / "hooks"
if _checkout.is_dir():
    __path__.append(str(_checkout))
