"""A plan that was written to a file: read, and held against its key."""

import json
from dataclasses import replace
from pathlib import Path

from pipeline.base.errors import InputError
from pipeline.base.files import sha256
from pipeline.model.codec import DecodeError, decode
from pipeline.model.config import Config
from pipeline.model.plan import Plan
from pipeline.planning.freeze import plan_key


def read_plan(path: Path, config: Config) -> Plan:
    """The plan in a file, with what is not part of a plan (jobs, folders) from ``config``.

    Raises ``InputError`` for what is no plan and for one that was changed after it was frozen.
    """
    try:
        plan = decode(Plan, json.loads(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except RecursionError as error:
        raise _no_plan(path, "it is nested too deeply") from error
    except (ValueError, DecodeError) as error:
        raise _no_plan(path, str(error)) from error
    if plan.key != plan_key(plan) or not _is_whole(plan):
        raise InputError(
            f"{path} was changed after it was frozen: its key does not fit its content.",
            remedy="Write it anew with `pipeline plan --format json > FILE`.",
        )
    return replace(plan, config=_as_here(plan.config, config))


def _no_plan(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} is not a plan: {why}.",
        remedy="Write one with `pipeline plan --format json > FILE`.",
    )


def _is_whole(plan: Plan) -> bool:
    """Whether what the key covers by name alone is there: files' content, known ids, an order."""
    seen: set[str] = set()
    for ws in plan.workstreams:
        if ws.id in seen or not seen.issuperset(ws.depends_on) or ws.tool not in plan.config.tools:
            return False
        seen.add(ws.id)
    return all(
        path == file.path and sha256(file.content) == file.digest
        for path, file in plan.files.items()
    )


def _as_here(planned: Config, here: Config) -> Config:
    """The frozen configuration, with the settings that no key covers as they are here."""
    return replace(
        planned,
        run=replace(planned.run, jobs=here.run.jobs, timeout_s=here.run.timeout_s),
        paths=replace(
            planned.paths, workstreams=here.paths.workstreams, worktrees=here.paths.worktrees
        ),
        retention=here.retention,
    )
