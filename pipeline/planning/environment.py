"""Reads configuration from environment variables and from a ``.env`` file."""

import dataclasses
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.model.config import Config
from pipeline.planning.documents import read_regular
from pipeline.planning.problem import Problem, shown
from pipeline.planning.suggest import did_you_mean

PREFIX = "PIPELINE_"
_MAX_BYTES = 256 * 1024
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """One value from outside of the configuration file; ``origin`` names where it was given."""

    section: str
    key: str
    value: Any
    origin: str


def sections() -> dict[str, dict[str, Any]]:
    """The sections that hold plain values, with the defaults of their fields."""
    config = Config()
    return {
        field.name: {f.name: getattr(section, f.name) for f in dataclasses.fields(section)}
        for field in dataclasses.fields(Config)
        if dataclasses.is_dataclass(section := getattr(config, field.name))
        and not isinstance(section, type)
    }


def from_variables(
    variables: Mapping[str, str], origin: str
) -> tuple[list[Setting], list[Problem]]:
    """Settings from ``PIPELINE_<SECTION>_<KEY>``; ``origin`` stands before the variable's name.

    A name that belongs to a section but to none of its fields is only warned about: programs of
    the surroundings may have variables of their own.
    """
    known = sections()
    settings: list[Setting] = []
    problems: list[Problem] = []
    for name in sorted(variables):
        section, _, key = name.removeprefix(PREFIX).lower().partition("_")
        if not name.startswith(PREFIX) or section not in known:
            continue
        place = f"{origin} {name}"
        if key not in known[section]:
            names = [f"{PREFIX}{section}_{field}".upper() for field in known[section]]
            remedy = did_you_mean(name, names, otherwise=f"Known are {', '.join(names)}.")
            problems.append(Problem(place, "$", "has no effect.", remedy, is_warning=True))
            continue
        try:
            value = _converted(variables[name], known[section][key])
        except ValueError as error:
            problems.append(Problem(place, "$", f"{error}."))
            continue
        settings.append(Setting(section, key, value, place))
    return settings, problems


def _converted(text: str, default: Any) -> Any:
    """A variable's text as a value of the same kind as the default; raises ``ValueError``."""
    if isinstance(default, bool):
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ValueError(f"is `{shown(text)}`; it must be `true` or `false`")
    if isinstance(default, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(default, str):
        return text
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"is `{shown(text)}`; it must be a number")
    return number


def read_dotenv(path: Path) -> tuple[dict[str, str], list[Problem]]:
    """The ``PIPELINE_`` variables of a ``.env`` file; other lines are not looked at."""
    try:
        data = read_regular(str(path), top=os.path.realpath(path.parent), limit=_MAX_BYTES)
        text = data.decode("utf-8")
    except FileNotFoundError:
        return {}, []
    except UnicodeDecodeError:
        return {}, [Problem(path.name, "$", "is not UTF-8.", "Save it as UTF-8.")]
    except OSError as error:
        return {}, [Problem(path.name, "$", f"cannot be read: {error.strerror}.")]
    except ValueError as error:
        return {}, [Problem(path.name, "$", f"{error}.")]
    return dict(_assignments(text)), []


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.startswith(PREFIX):
            continue
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        else:
            value = value.partition(" #")[0].rstrip()
        yield name, value
