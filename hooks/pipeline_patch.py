"""Hook ``pipeline-patch``: the patch files that are to be committed are sound."""

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.base.console import safe
from pipeline.base.errors import ExitCode
from pipeline.check.soundness import patch_soundness
from pipeline.model.patch import Objection, PatchPolicy, Reason

_ALLOWANCES = (
    "allow_binary",
    "allow_mode_change",
    "allow_symlinks",
    "allow_secrets",
    "allow_unsafe_text",
    "allow_unsafe_names",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the patch files that ``argv`` names; 1 if one is not sound, each reason a line."""
    parser = argparse.ArgumentParser(
        prog="pipeline-patch", description="Check that patch files are sound."
    )
    for name in _ALLOWANCES:
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_true")
    parser.add_argument("files", nargs="*", type=Path)
    options = vars(parser.parse_args(argv))
    policy = dataclasses.replace(PatchPolicy(), **{name: options[name] for name in _ALLOWANCES})
    is_sound = True
    for path in options["files"]:
        for objection in _judged(path, policy):
            is_sound = is_sound and not objection.is_blocking
            kind = "" if objection.is_blocking else "warning: "
            sys.stdout.write(f"{safe(str(path))}: {kind}{objection.message}\n")
    return ExitCode.OK if is_sound else ExitCode.NOT_PASSED


def _judged(path: Path, policy: PatchPolicy) -> Iterator[Objection]:
    try:
        with path.open("rb") as file:
            data = file.read(policy.max_patch_bytes + 1)
    except OSError as error:
        yield Objection(Reason.FORMAT, f"The file cannot be read: {error.strerror}.")
        return
    yield from patch_soundness(data, policy)


if __name__ == "__main__":
    raise SystemExit(main())
