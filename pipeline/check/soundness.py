"""What can be said of a patch by itself, without the tree that it is for."""

from collections.abc import Iterator

from pipeline.base.console import safe
from pipeline.base.git import FILE, SYMLINK
from pipeline.check.content import LineCount, added_lines, is_binary, line_objections, numbered
from pipeline.check.modes import leads_inside, mode_objections
from pipeline.check.patch_format import PatchText, Section, read_patch
from pipeline.check.paths import is_dot_git
from pipeline.check.policy import name_objections, volume_objections
from pipeline.check.text import AddedLine
from pipeline.model.patch import Objection, PatchPolicy, Reason


def patch_soundness(data: bytes, policy: PatchPolicy) -> tuple[Objection, ...]:
    """Everything that is wrong with a patch, whatever it is applied to, in the order of its paths.

    Whether it applies, and is in anyone's scope, is not asked.
    """
    text = read_patch(data, policy)
    if not isinstance(text, PatchText):
        return text
    lines = sum(text.statistics.values(), LineCount())
    objections = list(volume_objections(len(text.paths), lines, policy))
    for section in sorted(text.sections, key=lambda section: section.path):
        objections += _section(section, policy)
    return tuple(objections)


def _section(section: Section, policy: PatchPolicy) -> Iterator[Objection]:
    path = section.path
    if is_dot_git(path):
        message = f"{safe(path)} is .git itself on some file system: never."
        yield Objection(Reason.UNSAFE_PATH, message, path)
    if section.before is None:
        yield from name_objections(path, policy)
    # A mode that the patch does not say is the same before and after.
    before = FILE if section.before == 0 else section.before
    after = FILE if section.after == 0 else section.after
    yield from mode_objections(path, before, after, policy)
    if after == SYMLINK:
        yield from _target(section, policy)
    elif after is not None:
        yield from _lines(section, policy)


def _target(section: Section, policy: PatchPolicy) -> Iterator[Objection]:
    target = b"".join(line for hunk in section.hunks for line in hunk.new)
    if policy.allow_symlinks and not leads_inside(section.path, target):
        message = f"The link {safe(section.path)} does not lead to a place in the repository."
        yield Objection(Reason.SPECIAL_FILE, message, section.path)


def _lines(section: Section, policy: PatchPolicy) -> Iterator[Objection]:
    old = [line.removesuffix(b"\n") for hunk in section.hunks for line in hunk.old]
    added = added_lines(old, _new_lines(section))
    if is_binary(b"\n".join(line.data for line in added)):
        if not policy.allow_binary:
            message = f"{safe(section.path)} gets lines that are no text (a NUL, or no UTF-8)."
            yield Objection(Reason.BINARY, message, section.path)
        return
    takes_crlf = section.before is None or any(line.endswith(b"\r") for line in old)
    yield from line_objections(section.path, added, takes_crlf=takes_crlf, policy=policy)


def _new_lines(section: Section) -> Iterator[AddedLine]:
    for hunk in section.hunks:
        yield from numbered((line.removesuffix(b"\n") for line in hunk.new), hunk.new_at + 1)
