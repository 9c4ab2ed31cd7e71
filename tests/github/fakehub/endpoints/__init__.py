"""What the fake answers, one module for each family of endpoints."""

import importlib
import pkgutil


def load_all() -> None:
    """Import every family, which registers its endpoints."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
