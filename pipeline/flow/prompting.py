"""What the tool of an attempt is told."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.base.files import make_directory, write_atomic
from pipeline.flow.attempts import Attempt
from pipeline.flow.conflicts import held_to, others
from pipeline.flow.context import RunContext
from pipeline.flow.gathering import Ground, excerpts_of, gather_pieces, template_of
from pipeline.model.agent import Mode, Prompt
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.edit import Feedback
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.model.workstream import Workstream
from pipeline.work.editors import find_editor
from pipeline.work.prompts import prompt
from pipeline.work.prompts.material import Kind, Material
from pipeline.work.redaction import redact, secret_values

_PLAIN = ("command", "patch")
_VARIABLE = "env:"
_SECRET = 6  # characters; a shorter value would be found in innocent text
_SECTION = b"diff --git "


@dataclass(frozen=True, slots=True)
class Asked:
    """A task for a tool: ``tree`` is what it starts from, ``patch`` what a review is about.

    ``others`` and ``landed_diff`` are the other side of a conflict; ``advice`` is
    what a person added; ``part`` counts from 1.
    """

    ws: Workstream
    tree: str
    kind: Kind = Kind.EDIT
    feedback: Feedback | None = None
    others: tuple[Workstream, ...] = ()
    landed_diff: bytes = b""
    patch: bytes = b""
    advice: str = ""
    part: int = 1


def is_agent(profile: ToolProfile) -> bool:
    """Whether a profile's tool is given a prompt from templates, with files and conventions."""
    return profile.type is ToolType.AI or profile.driver not in _PLAIN


def tell(
    context: RunContext,
    record: WorkstreamRecord,
    profile: ToolProfile,
    step: Step,
    feedback: Feedback | None,
    *,
    part: int = 1,
) -> Prompt:
    """The prompt for an attempt of a step; only a profile that takes feedback is given it.

    ``part`` is which one to give where the files of the task have to be split (see
    ``Prompt.parts``). Raises InputError for a bad template of the repository.
    """
    # What people added counts, and after a conflict what both sides may do and have to pass.
    bundles = {ws_id: context.workstream(ws_id) for ws_id in context.graph.order}
    bundles[record.ws_id] = held_to(context, record)
    ground = Ground(context.repo, context.config, context.plan.base_commit, bundles)
    given = feedback if find_editor(profile.driver).takes_feedback(profile) else None
    kind = kind_of(step, given)
    asked = Asked(bundles[record.ws_id], record.tree, kind, given, part=part)
    if not is_agent(profile):
        return compose(ground, profile, asked)
    ws, advice = _apart(asked.ws, context.graph.bundles[record.ws_id])
    asked = replace(asked, ws=ws, advice=advice)
    if given and kind is Kind.CONFLICT:
        landed = _landed_diff(ground, record, given)
        asked = replace(asked, others=others(context, record), landed_diff=landed)
    return compose(ground, profile, asked)


def tell_judge(
    context: RunContext, record: WorkstreamRecord, profile: ToolProfile, patch: bytes
) -> Prompt:
    """The prompt for an agent that judges a workstream's whole change."""
    bundles = {ws_id: context.workstream(ws_id) for ws_id in context.graph.order}
    bundles[record.ws_id] = held_to(context, record)
    ground = Ground(context.repo, context.config, context.plan.base_commit, bundles)
    ws, advice = _apart(bundles[record.ws_id], context.graph.bundles[record.ws_id])
    return compose(ground, profile, Asked(ws, record.tree, Kind.REVIEW, patch=patch, advice=advice))


def compose(ground: Ground, profile: ToolProfile, asked: Asked) -> Prompt:
    """Gather and render one prompt within the model's budget; a plain one for what is no agent."""
    if not is_agent(profile):
        return Prompt(prompt(asked.ws, asked.feedback), kind=asked.kind.value)
    from pipeline.work.prompts.budget import fit, limit_of

    settings = ground.config.prompts
    limit = limit_of(settings, profile.agent)
    fitted = fit(
        _material(ground, profile, asked),
        limit=limit,
        model=profile.agent.model,
        strategies=settings.strategies,
        template=template_of(ground, asked.kind),
        part=asked.part,
    )
    return Prompt(
        fitted.text,
        asked.kind.value,
        tokens=fitted.tokens,
        limit=limit,
        left_out=fitted.material.left_out,
        strategies=fitted.strategies,
        part=fitted.part,
        parts=fitted.parts,
    )


def kind_of(step: Step, feedback: Feedback | None) -> Kind:
    """Which template a step asks for: an EDIT after a conflict at landing has its own."""
    if step is Step.FIX:
        return Kind.FIX
    return Kind.CONFLICT if feedback and feedback.conflict else Kind.EDIT


def remember(attempt: Attempt, profile: ToolProfile, told: Prompt) -> None:
    """Keep an agent's prompt beside the attempt's logs, secret values taken out.

    The attempt's details get it under ``prompt``: the file, the estimate, what was left out.
    Other tools' prompts are made of the bundle alone, and not kept.
    """
    if not is_agent(profile):
        return
    context = attempt.context
    prefix = context.log_prefix(attempt.record.ws_id, attempt.id)
    path = prefix.with_name(f"{prefix.name}.prompt.md")
    make_directory(path.parent)
    secrets = _secrets(profile, context.environment)
    text = told.text.encode("utf-8", "backslashreplace")
    write_atomic(path, redact(text, secrets), durable=False)
    values = {"file": str(path), **prompt_values(told)}
    attempt.details = {**attempt.details, "prompt": values}


def _secrets(profile: ToolProfile, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Values that nobody may see: those with a telling name, and all that the profile reads."""
    asked = (*profile.env.values(), profile.agent.api_key, profile.agent.base_url)
    read = (
        environ.get(one.removeprefix(_VARIABLE), "") for one in asked if one.startswith(_VARIABLE)
    )
    return (*secret_values(profile, environ), *(one for one in read if len(one) >= _SECRET))


def prompt_values(told: Prompt) -> Mapping[str, Any]:
    """What is recorded and shown of a prompt beside its text."""
    return {
        "kind": told.kind,
        "tokens": told.tokens,
        "limit": told.limit,
        "left_out": list(told.left_out),
        "strategies": list(told.strategies),
        "part": told.part,
        "parts": told.parts,
    }


def _material(ground: Ground, profile: ToolProfile, asked: Asked) -> Material:
    feedback = asked.feedback or Feedback("")
    pieces, left_out = gather_pieces(ground, asked.ws, asked.tree, feedback.findings)
    return Material(
        asked.ws,
        asked.kind,
        Mode.PATCH_REVIEW.value if asked.kind is Kind.REVIEW else profile.agent.mode,
        pieces=pieces,
        findings=feedback.findings,
        excerpts=excerpts_of(ground, asked.tree, feedback.findings),
        advice=asked.advice,
        earlier=feedback.earlier,
        attempt=feedback.attempt,
        reason=feedback.reason,
        last_diff=feedback.last_diff,
        conflict=feedback.conflict,
        landed_diff=asked.landed_diff,
        others=asked.others,
        patch=asked.patch,
        left_out=left_out,
    )


def _apart(ws: Workstream, frozen: Workstream) -> tuple[Workstream, str]:
    """A bundle with its own description, and what people added to that when they were asked.

    Only the store tells the two apart: in a text from elsewhere anybody can play a reviewer.
    """
    added = ws.description.removeprefix(frozen.description)
    return replace(ws, description=frozen.description), added.strip()


def _landed_diff(ground: Ground, record: WorkstreamRecord, feedback: Feedback) -> bytes:
    """What landed in the files in conflict since the workstream's own work began."""
    began = record.checked_start
    if not began or began == record.start_commit or feedback.sides is None:
        return b""
    paths = [file.path for file in feedback.sides.files]
    tree = ground.repo.commit_tree
    sections = ground.repo.diff_text(tree(began), tree(record.start_commit)).split(_SECTION)[1:]
    heads = tuple(b"a/%s b/%s\n" % (path, path) for path in paths)
    return b"".join(_SECTION + section for section in sections if section.startswith(heads))
