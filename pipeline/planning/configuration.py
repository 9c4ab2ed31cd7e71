"""Finds the effective configuration, and where each of its values comes from."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.schema import fast_check
from pipeline.model.config import Config
from pipeline.planning.config_values import decode_config
from pipeline.planning.documents import Document, DocumentError, EmptyDocumentError, read_document
from pipeline.planning.environment import Setting, from_variables, read_dotenv, sections
from pipeline.planning.lines import with_lines
from pipeline.planning.problem import Problem, in_order, json_path
from pipeline.planning.routing_rules import routing_warnings

SCHEMA = "pipeline_config.v1.json"
FILES = ("pipeline.yaml", "pipeline.yml", "pipeline.json")
_MAPS = ("phases", "tools", "gates")


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The effective configuration.

    ``origins`` tells by dotted key (``run.jobs``, ``gates.static``) where a value comes from:
    ``command line``, ``environment PIPELINE_RUN_JOBS``, ``.env PIPELINE_RUN_JOBS``, a file's name,
    or ``default``. Where there are errors among the ``problems``, what is wrong was left out.
    """

    config: Config
    origins: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


def load_config(
    top: Path,
    *,
    overrides: Mapping[str, Any] = {},
    environ: Mapping[str, str] = {},
) -> LoadedConfig:
    """The configuration of the repository at ``top``; never raises for what files hold.

    ``overrides`` are the command line's, by dotted key (``{"run.jobs": 4}``). The command line
    stands before the environment, that before ``.env``, that before the file, that before the
    defaults.
    """
    document, problems = _read(top)
    dotenv, wrong = read_dotenv(top / ".env")
    problems.extend(wrong)
    settings: list[Setting] = []
    for variables, origin in ((dotenv, ".env"), (environ, "environment")):
        found, wrong = from_variables(variables, origin)
        settings.extend(found)
        problems.extend(wrong)
    for key, value in overrides.items():
        section, _, name = key.partition(".")
        settings.append(Setting(section, name, value, "command line"))
    return _effective(document, settings, problems)


def read_config(path: Path, top: Path) -> tuple[Config, tuple[Problem, ...]]:
    """The configuration that one file describes by itself."""
    document, problems = _read_file(path, top)
    loaded = _effective(document, [], problems)
    return loaded.config, loaded.problems


def _effective(
    document: Document | None, settings: Sequence[Setting], problems: list[Problem]
) -> LoadedConfig:
    data = dict(document.data) if document else {}
    data.pop("$schema", None)
    file = document.file if document else FILES[0]
    origins = _origins(data, file)
    for setting in settings:
        wrong = _wrong_setting(setting)
        problems.extend(wrong)
        if not wrong:
            data[setting.section] = {**data.get(setting.section, {}), setting.key: setting.value}
            origins[f"{setting.section}.{setting.key}"] = setting.origin
    config, complaints = decode_config(data)
    found = [Problem(file, json_path(place), what, right) for place, what, right in complaints]
    found += [
        Problem(file, json_path(place), what, right, is_warning=True)
        for place, what, right in routing_warnings(config)
    ]
    problems.extend(with_lines(found, document.text) if document and found else found)
    return LoadedConfig(config, origins, in_order(problems))


def _read(top: Path) -> tuple[Document | None, list[Problem]]:
    present = [name for name in FILES if os.path.lexists(top / name)]
    if not present:
        return None, []
    document, problems = _read_file(top / present[0], top)
    for other in present[1:]:
        message = f"stands beside {present[0]}; there can be only one configuration."
        problems.append(Problem(other, "$", message, "Remove one of them."))
    return document, problems


def _read_file(path: Path, top: Path) -> tuple[Document | None, list[Problem]]:
    name = Path(os.path.relpath(path, top)).as_posix()
    try:
        document = read_document(str(path), top=os.path.realpath(top), file=name)
    except EmptyDocumentError:
        return None, []
    except DocumentError as error:
        return None, [error.problem]
    if fast_check(SCHEMA)(document.data):
        return document, []
    from pipeline.planning.explain import explain  # late: only for wrong input

    problems = with_lines(explain(SCHEMA, document.data, name), document.text)
    if not problems:
        return document, []
    return _without_wrong_parts(document), problems


def _without_wrong_parts(document: Document) -> Document | None:
    """The document without what breaks its schema, so that the rest can be checked as well.

    An entry of ``tools``, ``gates`` or ``phases`` stays as an empty one: its name is known. A tool
    stays what it is driven by, so that bundles are not blamed for it.
    """
    if not isinstance(document.data, dict):
        return None
    check = fast_check(SCHEMA)
    kept: dict[str, Any] = {}
    for section, value in document.data.items():
        if check({section: value}):
            kept[section] = value
        elif section in _MAPS and isinstance(value, dict):
            entries = {
                k: v if check({section: {k: v}}) else _hollow(section, v) for k, v in value.items()
            }
            kept[section] = {k: v for k, v in entries.items() if check({section: {k: v}})}
    return dataclasses.replace(document, data=kept)


def _hollow(section: str, entry: Any) -> Any:
    """What stands for an entry that breaks its schema, where its name is kept."""
    if section == "gates":
        return []
    driver = entry.get("driver") if isinstance(entry, dict) and section == "tools" else None
    return {"driver": driver} if isinstance(driver, str) and driver else {}


def _wrong_setting(setting: Setting) -> list[Problem]:
    data = {setting.section: {setting.key: setting.value}}
    if fast_check(SCHEMA)(data):
        return []
    from pipeline.planning.explain import explain  # late: only for wrong input

    return list(explain(SCHEMA, data, setting.origin))


def _origins(data: Mapping[str, Any], file: str) -> dict[str, str]:
    origins = {}
    for section, fields in sections().items():
        given = data.get(section, {})
        for key in fields:
            origins[f"{section}.{key}"] = file if key in given else "default"
    for section in _MAPS:
        for name in data.get(section, {}):
            origins[f"{section}.{name}"] = file
    origins["setup"] = file if "setup" in data else "default"
    return origins
