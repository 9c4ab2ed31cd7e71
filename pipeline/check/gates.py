"""Runs the checks of a gate on a fresh checkout of a tree, or finds their answers in the cache."""

import contextlib
import dataclasses
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipeline.base.process import (
    DEFAULT_ALLOW,
    CancelToken,
    Command,
    build_environment,
    run,
    shell_argv,
)
from pipeline.base.redaction import redact_file, secret_values
from pipeline.check.endings import rule
from pipeline.check.executables import Executables
from pipeline.check.keys import Key, verdict_key
from pipeline.check.results import Logs, Output
from pipeline.check.signatures import signed
from pipeline.model.check import Check, Gate
from pipeline.model.verdict import CheckResult, Result, Verdict

_VARIABLE = "env:"  # a value ``env:NAME`` reads the variable NAME
_ORDER = (Result.FAILED, Result.FAULT, Result.UNKNOWN)


class VerdictStore(Protocol):
    """Answers of earlier checks; the run, and what may be reused when, is its own matter."""

    def lookup(self, key: str, full_key: bytes) -> CheckResult | None:
        """Return the answer stored for exactly this key."""

    def save(self, key: str, full_key: bytes, result: CheckResult) -> None:
        """Store an answer; only passed and failed ones are offered."""


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The tree that is judged and what checks of it need.

    ``checkout`` gives a fresh checkout of ``tree``; it is entered once for a gate, and not at
    all where every answer is known. ``reset`` is called before the second and each further check
    that runs there: it must bring the checkout back to ``tree``, so that no check sees what
    another left behind (free of cost where nothing was left). ``environ`` is where variables
    come from; ``own_values`` is called once the checkout is there and gives those that belong to
    it (``HOME``, ``TMPDIR``): they are set over the others and are no part of a key. ``logs`` is
    the beginning of log file names. ``executables`` should be one for a whole run.
    """

    tree: str
    commit: str
    checkout: Callable[[], AbstractContextManager[Path]]
    environ: Mapping[str, str]
    logs: Path
    reset: Callable[[], None] = lambda: None
    own_values: Callable[[], Mapping[str, str]] = dict
    cancel: CancelToken | None = None
    setup_digest: str = ""
    tag: str = ""
    executables: Executables = field(default_factory=Executables)


def run_gate(gate: Gate, context: CheckContext, cache: VerdictStore | None = None) -> Verdict:
    """Run all checks of a gate, also after a red one, and return what they say together.

    Failed outweighs fault (there is something to repair), fault outweighs unknown, unknown
    outweighs passed. A gate without checks passes, and its verdict shows that it had none.
    Raises InputError for an unknown output format; errors of the checkout and of the cache pass.
    """
    with ExitStack() as stack:
        checkout = _SharedCheckout(context, stack)
        results = tuple(_answer(check, context, checkout, cache) for check in gate.checks)
    return Verdict(gate.name, context.tree, overall(results), results)


def overall(results: Iterable[CheckResult]) -> Result:
    """Return what several checks say together."""
    said = {result.result for result in results}
    return next((result for result in _ORDER if result in said), Result.PASSED)


class _SharedCheckout:
    """One checkout for the checks of a gate, taken when the first one really runs."""

    def __init__(self, context: CheckContext, stack: ExitStack) -> None:
        self._context = context
        self._stack = stack
        self._top: Path | None = None

    def fresh(self) -> Path:
        """Return the directory, equal to the tree."""
        if self._top is None:
            self._top = self._stack.enter_context(self._context.checkout())
        else:
            self._context.reset()
        return self._top


def _answer(
    check: Check, context: CheckContext, checkout: _SharedCheckout, cache: VerdictStore | None
) -> CheckResult:
    missing = _missing_variables(check, context.environ)
    if missing:
        reason = f"{check.name} needs {', '.join(missing)}, which is not set."
        return CheckResult(check.name, Result.FAULT, "", reason=reason)
    environment = _environment(check, context.environ)
    executable = context.executables.identify(
        check.command, env=environment, version_command=check.version_command
    )
    key = verdict_key(
        check,
        tree=context.tree,
        commit=context.commit,
        executable=executable,
        environment=environment,
        setup_digest=context.setup_digest,
    )
    store = cache if check.cache and executable.is_known else None
    known = store.lookup(key.digest, key.full) if store else None
    if known is not None and known.result in (Result.PASSED, Result.FAILED):
        return _reused(known, check)
    result, is_lasting = _run(check, context, checkout, environment, key)
    if store and is_lasting:
        store.save(key.digest, key.full, result)
    return result


def _run(
    check: Check,
    context: CheckContext,
    checkout: _SharedCheckout,
    environment: Mapping[str, str],
    key: Key,
) -> tuple[CheckResult, bool]:
    """Run a check's command; return its result and whether the same again would say the same."""
    if context.cancel is not None and context.cancel.is_cancelled:
        reason = f"{check.name} was not run: cancelled."
        return CheckResult(check.name, Result.FAULT, key.digest, reason=reason), False
    top = checkout.fresh()
    logs = _logs(check, context.logs)
    secrets = secret_values(check.env, environment)
    output = Output(check, logs, top, secrets)
    command = check.command
    outcome = run(
        Command(
            shell_argv(command) if isinstance(command, str) else command,
            cwd=top,
            env={**environment, **context.own_values()},
            timeout_s=check.timeout_s,
            idle_timeout_s=check.idle_timeout_s,
            stdout_log=logs.stdout,
            stderr_log=logs.stderr,
            tag=context.tag,
        ),
        cancel=context.cancel,
    )
    # What is read from the logs goes into prompts, events and the store, and is kept for good.
    for log in (logs.stdout, logs.stderr):
        redact_file(log, secrets)
    ruling, findings = output.conclude(rule(check, outcome), outcome.exit_code)
    left = ", ".join(stray.name for stray in outcome.left_behind)
    reason = f"{ruling.reason} It left running: {left}.".strip() if left else ruling.reason
    result = CheckResult(
        check=check.name,
        result=ruling.result,
        key=key.digest,
        exit_code=outcome.exit_code,
        duration_s=outcome.duration_s,
        findings=signed(findings),
        reason=reason,
        stdout_log=str(logs.stdout),
        stderr_log=str(logs.stderr),
    )
    return result, ruling.is_lasting


def _reused(known: CheckResult, check: Check) -> CheckResult:
    """Return a stored answer under the name of the check that asks; names are not in the key."""
    if known.check == check.name:
        return dataclasses.replace(known, is_reused=True)
    findings = signed(
        dataclasses.replace(f, tool=check.name) if f.tool == known.check else f
        for f in known.findings
    )
    reason = known.reason.replace(known.check, check.name, 1)
    return dataclasses.replace(
        known, check=check.name, findings=findings, reason=reason, is_reused=True
    )


def _environment(check: Check, environ: Mapping[str, str]) -> dict[str, str]:
    """Return a check's variables; PATH without relative folders, which would lie in the tree.

    The person's own configuration and caches (``XDG_``) would decide answers and are part of no
    key: a check that wants them says so.
    """
    values = {
        name: environ[value.removeprefix(_VARIABLE)] if value.startswith(_VARIABLE) else value
        for name, value in check.env.items()
    }
    general = (name for name in DEFAULT_ALLOW if not name.startswith("XDG_"))
    built = build_environment((*general, *check.env_allow), values, source=environ)
    if "PATH" in built:
        folders = built["PATH"].split(os.pathsep)
        built["PATH"] = os.pathsep.join(f for f in folders if Path(f).is_absolute())
    return built


def _missing_variables(check: Check, environ: Mapping[str, str]) -> list[str]:
    asked = (v.removeprefix(_VARIABLE) for v in check.env.values() if v.startswith(_VARIABLE))
    return sorted({name for name in asked if name not in environ})


def _logs(check: Check, prefix: Path) -> Logs:
    """Return log files whose names tell the check and differ for different names."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", check.name).strip("-.")[:40]
    mark = hashlib.sha256(check.name.encode("utf-8", "replace")).hexdigest()[:8]
    with contextlib.suppress(FileExistsError):
        prefix.parent.mkdir(parents=True)
    stem = f"{prefix.name}-{slug or 'check'}-{mark}"
    return Logs(prefix.with_name(f"{stem}.stdout"), prefix.with_name(f"{stem}.stderr"))
