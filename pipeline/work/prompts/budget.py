"""Making a prompt fit: what is left out, in which order, and how the model is told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.model.agent import AgentSettings
from pipeline.model.config import PromptsConfig
from pipeline.work.prompts.material import Material, Part, Piece, Relevance, TemplateText
from pipeline.work.prompts.outline import outline
from pipeline.work.prompts.rendering import render
from pipeline.work.prompts.tokens import estimate
from pipeline.work.prompts.view import piece_block

UNKNOWN_LIMIT = 32_000
"""Tokens for a prompt to a model whose window nobody told."""

_ROUNDS = 4  # what was left out is named, which takes room itself
_NAMED = 40
_KEPT_DIFF = 4_000
_KEPT_FINDINGS = 20
_KEPT_EXCERPTS = 5


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits, or comes as near as can be; ``part`` of ``parts`` where it was split."""

    text: str
    material: Material
    tokens: int
    strategies: tuple[str, ...] = ()
    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True)
class _Draft:
    """A prompt on its way: its material, and what the pieces of it cost in tokens."""

    material: Material
    excess: int
    cost: Callable[[Piece], int]
    wanted: int = 1
    part: int = 1
    parts: int = 1


def limit_of(prompts: PromptsConfig, agent: AgentSettings) -> int:
    """The tokens that a prompt may have: as configured, and never more than the window leaves.

    Where the answer's size is not known, a quarter of the window is kept free for it.
    """
    window = agent.context_tokens
    if not window:
        return prompts.max_tokens or UNKNOWN_LIMIT
    left = max(1, window - (agent.max_output_tokens or window // 4))
    return min(prompts.max_tokens, left) if prompts.max_tokens else left


def fit(
    material: Material,
    *,
    limit: int,
    model: str = "",
    strategies: Sequence[str] = (),
    template: TemplateText | None = None,
    part: int = 1,
) -> Fitted:
    """Render within ``limit`` tokens by the strategies in their order, each as far as needed.

    ``part`` counts from 1 and says which one to render where the files have to be split. Where
    no strategy is enough, feedback is cut too. Raises InputError for a bad template.
    """
    costs: dict[tuple[Part, str, bool], int] = {}

    def cost(piece: Piece) -> int:
        key = (piece.part, piece.path, piece.is_outline)
        if key not in costs:
            costs[key] = estimate(piece_block(piece), model)
        return costs[key]

    text = render(material, template)
    tokens = estimate(text, model)
    draft = _Draft(material, tokens - limit, cost, wanted=part)
    used: list[str] = []
    for name in (*strategies, "cut"):
        for _ in range(_ROUNDS):
            if tokens <= limit:
                break
            after = STRATEGIES[name](replace(draft, excess=tokens - limit))
            if after.material == draft.material:
                break
            used += [name] if name not in used else []
            draft = after
            text = render(draft.material, template)
            tokens = estimate(text, model)
    return Fitted(text, draft.material, tokens, tuple(used), draft.part, draft.parts)


def _prune(draft: _Draft) -> _Draft:
    """Leave out what matters least, but neither a file that the bundle names nor one at fault."""
    dropped = _until_enough(
        draft, (p for p in draft.material.pieces if p.relevance < Relevance.LITERAL), draft.cost
    )
    return _dropping(draft, dropped)


def _dropping(draft: _Draft, dropped: Sequence[Piece]) -> _Draft:
    if not dropped:
        return draft
    gone = {id(piece) for piece in dropped}
    kept = tuple(piece for piece in draft.material.pieces if id(piece) not in gone)
    sentence = f"For want of room, these files: {_names(dropped)}."
    return replace(draft, material=replace(draft.material, pieces=kept).without(sentence))


def _summarise(draft: _Draft) -> _Draft:
    """Show signatures in place of bodies, of what matters least first."""
    shorter = {
        piece: replace(piece, text=text, is_outline=True)
        for piece in draft.material.pieces
        if not piece.is_outline
        and len(text := outline(piece.path, piece.text)) < 0.8 * len(piece.text)
    }
    chosen = _until_enough(draft, shorter, lambda p: draft.cost(p) - draft.cost(shorter[p]))
    if not chosen:
        return draft
    taken = set(chosen)
    pieces = tuple(shorter[p] if p in taken else p for p in draft.material.pieces)
    sentence = f"The bodies of what is in these files, only their signatures: {_names(chosen)}."
    return replace(draft, material=replace(draft.material, pieces=pieces).without(sentence))


def _chunk(draft: _Draft) -> _Draft:
    """Split the files into parts that fit, and show the wanted one."""
    files = sorted(draft.material.of_part(Part.FILE), key=lambda p: (-p.relevance, p.path))
    if draft.parts > 1 or len(files) < 2:
        return draft
    total = sum(map(draft.cost, files))
    # Naming the files of the other parts takes room as well.
    room = total - draft.excess - 20 * min(len(files), _NAMED) - 80
    parts = _split(files, room, draft.cost)
    if len(parts) < 2:
        return draft
    part = min(max(draft.wanted, 1), len(parts))
    shown = parts[part - 1]
    others = [piece for piece in files if piece not in shown]
    pieces = tuple(p for p in draft.material.pieces if p not in others)
    sentence = (
        f"The task is split by files; this is part {part} of {len(parts)}. Work now on: "
        f"{_names(shown)}. Leave those of the other parts as they are: {_names(others)}."
    )
    material = replace(draft.material, pieces=pieces).without(sentence)
    return replace(draft, material=material, part=part, parts=len(parts))


def _split(files: Sequence[Piece], room: int, cost: Callable[[Piece], int]) -> list[list[Piece]]:
    parts: list[list[Piece]] = []
    left = 0
    for piece in files:
        if not parts or cost(piece) > left:
            parts.append([])
            left = room
        parts[-1].append(piece)
        left -= cost(piece)
    return parts


def _cut(draft: _Draft) -> _Draft:
    """The last resort: one thing after the other, the least useful first."""
    material = draft.material
    read_only = [p for p in material.pieces if p.part is not Part.FILE]
    if read_only:
        return _dropping(draft, read_only)
    if len(material.last_diff) > _KEPT_DIFF:
        cut = replace(material, last_diff=_head(material.last_diff))
        return replace(draft, material=cut.without("The rest of the last change."))
    if len(material.findings) > _KEPT_FINDINGS or len(material.excerpts) > _KEPT_EXCERPTS:
        more = len(material.findings) - _KEPT_FINDINGS
        cut = replace(
            material,
            findings=material.findings[:_KEPT_FINDINGS],
            excerpts=material.excerpts[:_KEPT_EXCERPTS],
        )
        return replace(draft, material=cut.without(f"{max(more, 0)} more findings."))
    if material.pieces:
        return _dropping(draft, _until_enough(draft, material.pieces, draft.cost))
    if len(material.landed_diff) > _KEPT_DIFF:
        cut = replace(material, landed_diff=_head(material.landed_diff))
        return replace(draft, material=cut.without("The rest of what landed before."))
    return draft


def _head(diff: bytes) -> bytes:
    return diff[:_KEPT_DIFF].rpartition(b"\n")[0] + b"\n"


def _until_enough(
    draft: _Draft, pieces: Iterable[Piece], saved: Callable[[Piece], int]
) -> list[Piece]:
    """The least relevant pieces whose savings cover the excess, the largest first among equals."""
    chosen: list[Piece] = []
    sum_saved = 0
    for piece in sorted(pieces, key=lambda p: (p.relevance, -draft.cost(p), p.path)):
        if sum_saved >= draft.excess:
            break
        chosen.append(piece)
        sum_saved += saved(piece)
    return chosen


def _names(pieces: Sequence[Piece]) -> str:
    names = ", ".join(f"`{piece.path}`" for piece in pieces[:_NAMED])
    return names + (f" and {len(pieces) - _NAMED} more" if len(pieces) > _NAMED else "")


STRATEGIES: Mapping[str, Callable[[_Draft], _Draft]] = {
    "prune": _prune,
    "summarise": _summarise,
    "chunk": _chunk,
    "cut": _cut,
}
"""What can be done where a prompt is too long; ``cut`` is always the last."""
