"""A prompt fits its budget, keeps what matters most, and says what is missing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.agent import AgentSettings
from pipeline.model.config import PromptsConfig
from pipeline.model.finding import Finding
from pipeline.model.workstream import Workstream
from pipeline.work.prompts.budget import UNKNOWN_LIMIT, Fitted, fit, limit_of
from pipeline.work.prompts.material import Excerpt, Material, Part, Piece, Relevance
from pipeline.work.prompts.tokens import estimate

WS = Workstream("ws", title="Work", tasks=("do it",))


def body(name: str, lines: int = 100) -> str:
    return f"def {name}():\n" + f"    {name} = 1\n" * lines


def piece(name: str, relevance: Relevance, part: Part = Part.FILE, lines: int = 100) -> Piece:
    return Piece(part, f"{name}.py", body(name, lines), relevance)


PIECES = (
    piece("convention", Relevance.CONVENTION, Part.CONVENTION),
    piece("faulty", Relevance.CERTAIN),
    piece("literal", Relevance.LITERAL),
    piece("mentioned", Relevance.MENTIONED),
    piece("pattern", Relevance.PATTERN),
    piece("neighbour", Relevance.NEIGHBOUR, Part.NEIGHBOUR),
)
WHOLE = Material(WS, pieces=PIECES)


def fitted(limit: int, *strategies: str, material: Material = WHOLE, part: int = 1) -> Fitted:
    return fit(material, limit=limit, model="gpt", strategies=strategies, part=part)


def shown(found: Fitted) -> list[str]:
    return [one.path.removesuffix(".py") for one in found.material.pieces]


def test_nothing_is_left_out_where_there_is_room() -> None:
    found = fitted(10_000, "prune", "summarise", "chunk")

    assert shown(found) == [one.path.removesuffix(".py") for one in PIECES]
    assert (found.strategies, found.material.left_out, found.parts) == ((), (), 1)
    assert found.tokens == estimate(found.text, "gpt")


def test_the_least_relevant_goes_first() -> None:
    order = []
    limit = fitted(10_000).tokens
    before = set(shown(fitted(limit, "prune")))
    while limit > 200:
        limit -= 50
        left = set(shown(fitted(limit, "prune")))
        order += sorted(before - left)
        before = left

    assert order[:4] == ["neighbour", "pattern", "convention", "mentioned"]


def test_pruning_stops_before_what_the_bundle_names_and_what_is_at_fault() -> None:
    found = fitted(1_400, "prune")

    assert shown(found) == ["faulty", "literal"]
    assert found.strategies == ("prune",)
    (sentence,) = found.material.left_out
    assert sentence == (
        "For want of room, these files: `neighbour.py`, `pattern.py`, `convention.py`, "
        "`mentioned.py`."
    )
    assert sentence in found.text


def test_bodies_give_way_to_signatures() -> None:
    found = fitted(1_400, "summarise")

    assert found.tokens <= 1_400
    outlines = {one.path: one.text for one in found.material.pieces if one.is_outline}
    assert outlines["neighbour.py"] == "def neighbour(): ...\n"
    assert "faulty.py" not in outlines
    assert "Signatures in `neighbour.py`" in found.text
    assert "only their signatures: `neighbour.py`" in found.material.left_out[0]


def test_the_configured_order_is_kept() -> None:
    assert fitted(1_400, "summarise", "prune").strategies == ("summarise",)
    assert fitted(1_400, "prune", "summarise").strategies == ("prune",)
    assert fitted(500, "prune", "summarise").strategies == ("prune", "summarise")


def test_parts_show_every_file_once() -> None:
    files = tuple(piece(f"f{n}", Relevance.LITERAL) for n in range(7))
    material = Material(WS, pieces=files)
    first = fitted(1_600, "chunk", material=material)
    assert first.parts > 1

    every = [fitted(1_600, "chunk", material=material, part=n + 1) for n in range(first.parts)]
    seen = [path for found in every for path in shown(found)]
    assert sorted(seen) == sorted(one.path.removesuffix(".py") for one in files)
    for number, found in enumerate(every, start=1):
        assert (found.part, found.parts) == (number, first.parts)
        assert found.tokens <= 1_600
        assert f"this is part {number} of {first.parts}. Work now on: `f" in found.text


def test_a_part_that_is_not_there_is_the_last_one() -> None:
    files = tuple(piece(f"f{n}", Relevance.LITERAL) for n in range(4))
    found = fitted(1_000, "chunk", material=Material(WS, pieces=files), part=99)

    assert found.part == found.parts > 1


def test_feedback_is_cut_when_nothing_else_helps() -> None:
    findings = tuple(Finding("t", "c", f"wrong {n}", path=b"a.py", line=n) for n in range(300))
    material = Material(
        WS,
        pieces=PIECES,
        findings=findings,
        excerpts=tuple(Excerpt("a.py", "1 x\n" * 30) for _ in range(30)),
        reason="red",
        last_diff=b"+line of a diff\n" * 5_000,
    )
    found = fitted(2_500, material=material)

    assert found.tokens <= 2_500
    assert found.strategies == ("cut",)
    assert len(found.material.findings) == 20
    assert found.material.last_diff.endswith(b"+line of a diff\n")
    assert "The rest of the last change." in found.material.left_out
    assert "280 more findings." in found.material.left_out
    assert "faulty.py" in found.text


def test_a_task_that_is_too_long_itself_is_told_all_the_same() -> None:
    found = fitted(10, "prune", "summarise", "chunk")

    assert "- do it" in found.text
    assert found.tokens > 10


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(Part), st.sampled_from(Relevance), st.integers(0, 80)),
        max_size=12,
    ),
    st.integers(50, 3_000),
    st.permutations(["prune", "summarise", "chunk"]),
)
def test_it_fits_whenever_the_task_alone_does(
    kinds: list[tuple[Part, Relevance, int]], limit: int, strategies: list[str]
) -> None:
    pieces = tuple(piece(f"p{n}", rel, part, size) for n, (part, rel, size) in enumerate(kinds))
    material = Material(WS, pieces=pieces)
    found = fitted(limit, *strategies, material=material)

    assert found == fitted(limit, *strategies, material=material)
    gone = {one.path for one in pieces} - {one.path for one in found.material.pieces}
    said = "\n".join(found.material.left_out)
    assert all(f"`{path}`" in said for path in gone)
    if limit > 600:
        assert found.tokens <= limit


@pytest.mark.parametrize(
    ("most", "window", "answer", "limit"),
    [
        (0, 0, 0, UNKNOWN_LIMIT),
        (5_000, 0, 0, 5_000),
        (0, 200_000, 30_000, 170_000),
        (0, 100_000, 0, 75_000),
        (5_000, 200_000, 30_000, 5_000),
        (90_000, 16_000, 4_000, 12_000),
        (0, 1_000, 2_000, 1),
    ],
)
def test_the_limit(most: int, window: int, answer: int, limit: int) -> None:
    agent = AgentSettings(context_tokens=window, max_output_tokens=answer)

    assert limit_of(PromptsConfig(max_tokens=most), agent) == limit
