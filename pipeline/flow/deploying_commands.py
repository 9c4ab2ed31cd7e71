"""The commands of a deployment: run by the shell, within their time, their output kept clean."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.base import console
from pipeline.base.files import make_directory
from pipeline.base.process import CancelToken, Command, Ending, Outcome, run, shell_argv
from pipeline.base.redaction import redact, redact_file, secret_values
from pipeline.model.deployment import DeploymentStep

WEBHOOK = "PIPELINE_DEPLOY_WEBHOOK"
_OURS = (WEBHOOK, "PIPELINE_GITHUB_TOKEN")
_SHOWN_LINES = 20
_LOG_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DeployCommands:
    """Shell strings of the user's and how long they may take, in seconds.

    ``rollback`` is empty where ``deploy`` with the old version rolls back. ``attempts`` is how
    often ``health`` is asked, ``interval_s`` what lies between.
    """

    deploy: str
    health: str
    rollback: str = ""
    attempts: int = 10
    interval_s: float = 5.0
    timeout_s: float = 1800.0
    health_timeout_s: float = 30.0

    @property
    def longest_s(self) -> float:
        """The most that a deployment with its rollback can take."""
        once = self.timeout_s + self.attempts * (self.health_timeout_s + self.interval_s)
        return 2 * once + 60.0


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs the commands in the checkout's top directory.

    ``environ`` is the caller's environment; commands get it without what is ours alone. ``logs``
    is the directory of output files, ``tell`` is given lines for people.
    """

    top: Path
    logs: Path
    environ: Mapping[str, str]
    cancel: CancelToken
    tell: Callable[[str], None]
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(
        cls,
        top: Path,
        logs: Path,
        environ: Mapping[str, str],
        cancel: CancelToken,
        tell: Callable[[str], None],
    ) -> "Runner":
        """A runner whose secrets are the values of variables with a telling name."""
        kept = {name: value for name, value in environ.items() if name not in _OURS}
        secrets = secret_values({}, environ)
        hook = environ.get(WEBHOOK, "")
        return cls(top, logs, kept, cancel, tell, (*((hook,) if hook else ()), *secrets))

    def once(
        self, name: str, version: str, command: str, values: Mapping[str, str], timeout_s: float
    ) -> DeploymentStep:
        """Run the command that brings ``version``; it is good where it exited with 0."""
        self.tell(f"{name}: {version} to {values['ENVIRONMENT']}")
        outcome, log = self._run(name, command, values, timeout_s)
        is_good = outcome.ending is Ending.EXITED and outcome.exit_code == 0
        if not is_good:
            self._show(log)
        return DeploymentStep(
            name,
            version,
            is_good,
            duration_s=round(outcome.duration_s, 3),
            reason="" if is_good else _why(name, outcome, timeout_s),
            log=str(log.relative_to(self.top)),
        )

    def until_healthy(
        self, name: str, commands: DeployCommands, values: Mapping[str, str]
    ) -> DeploymentStep:
        """Ask for health until it is there or all attempts are used."""
        began, reason, log = time.monotonic(), "", self.logs
        attempt, is_good = 0, False
        while not is_good and attempt < commands.attempts and not self.cancel.is_cancelled:
            if attempt:
                self.cancel.wait(commands.interval_s)
            attempt += 1
            outcome, log = self._run(name, commands.health, values, commands.health_timeout_s)
            is_good = outcome.ending is Ending.EXITED and outcome.exit_code == 0
            reason = "" if is_good else _why(name, outcome, commands.health_timeout_s)
            word = "healthy" if is_good else f"not healthy: {reason}"
            self.tell(f"{name}: attempt {attempt} of {commands.attempts}: {word}")
        if not is_good:
            self._show(log)
        return DeploymentStep(
            name,
            values["VERSION"],
            is_good,
            attempts=attempt,
            duration_s=round(time.monotonic() - began, 3),
            reason=reason,
            log=str(log.relative_to(self.top)),
        )

    def _run(
        self, name: str, command: str, values: Mapping[str, str], timeout_s: float
    ) -> tuple[Outcome, Path]:
        log, errors = self.logs / f"{name}.out", self.logs / f"{name}.err"
        make_directory(self.logs)
        outcome = run(
            Command(
                shell_argv(command),
                cwd=self.top,
                env={**self.environ, **values},
                timeout_s=timeout_s,
                stdout_log=log,
                stderr_log=errors,
                log_limit=_LOG_LIMIT,
            ),
            cancel=self.cancel,
        )
        for path in (log, errors):
            redact_file(path, self.secrets)
        return outcome, log

    def _show(self, log: Path) -> None:
        """The last lines of a command's output, clean."""
        for path in (log, log.with_suffix(".err")):
            try:
                data = redact(path.read_bytes()[-64 * 1024 :], self.secrets)
            except FileNotFoundError:
                continue
            for line in data.splitlines()[-_SHOWN_LINES:]:
                self.tell(f"  | {console.safe(line, 300)}")


def values_of(environment: str, version: str, previous: str) -> dict[str, str]:
    """What a command is told, beside the caller's environment."""
    return {"ENVIRONMENT": environment, "VERSION": version, "PREVIOUS_VERSION": previous}


def _why(name: str, outcome: Outcome, timeout_s: float) -> str:
    word = name.replace("_", " ")
    if outcome.ending is Ending.EXITED:
        return f"the {word} command exited with {outcome.exit_code}"
    if outcome.ending is Ending.TIMEOUT:
        return f"the {word} command did not end within {timeout_s:g} s"
    if outcome.ending is Ending.SIGNALLED:
        return f"the {word} command was ended by signal {outcome.signal}"
    detail = f" ({os.fsdecode(outcome.detail)})" if outcome.detail else ""
    return f"the {word} command was ended: {outcome.ending.value}{detail}"
