"""Decisions: rules, strategies, fallbacks, floors; reproducible from what is recorded of them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.codec import decode, encode
from pipeline.model.config import RoutingConfig, RoutingRule
from pipeline.model.routing import (
    BreakerState,
    Decision,
    Experience,
    RoutingInputs,
    RoutingTask,
    Strategy,
    TaskKind,
    ToolFacts,
)
from pipeline.work.routing import decide
from pipeline.work.routing.scores import expected_nusd, success_rate

EDIT = RoutingTask("ws-1", languages=("python",), size="small", files=1, bytes=4000, risk="low")
A, B, C = (ToolFacts(name, tier=tier) for name, tier in (("a", 1), ("b", 2), ("c", 3)))


def ask(config: RoutingConfig, task: RoutingTask = EDIT, **fields: object) -> Decision:
    tools = fields.pop("tools", (A, B, C))
    return decide(RoutingInputs(task, config, tools, **fields))  # type: ignore[arg-type]  # fields of the value


def why(decision: Decision) -> dict[str, str]:
    return {c.tool: c.passed_over for c in decision.candidates}


def test_the_first_rule_that_holds_decides():
    config = RoutingConfig(
        tools=("a",),
        rules=(
            RoutingRule(use=("c",), task_kind=("fix",)),
            RoutingRule(use=("b",), language=("python",), size=("small", "medium")),
            RoutingRule(use=("c",)),
        ),
    )
    found = ask(config)
    assert (found.selected, found.rule) == ("b", 1)
    assert ask(config, RoutingTask("w", TaskKind.FIX)).rule == 0
    assert ask(config, RoutingTask("w", languages=("go", "python"))).rule == 2


def test_without_a_rule_that_holds_the_general_list_is_asked():
    config = RoutingConfig(tools=("b", "a"), rules=(RoutingRule(use=("c",), risk=("high",)),))
    found = ask(config)
    assert (found.selected, found.rule) == ("b", None)
    assert why(found) == {"b": "", "a": "b is first"}


def test_turns_go_round_and_pass_over_what_is_not_fit():
    config = RoutingConfig(strategy="round_robin", tools=("a", "b", "c"))
    assert [ask(config, turn=turn).selected for turn in range(5)] == ["a", "b", "c", "a", "b"]
    is_open = {"b": BreakerState.OPEN}
    assert [ask(config, turn=turn, breakers=is_open).selected for turn in range(3)] == list("acc")


def test_the_cheapest_by_the_size_of_the_task():
    # Cheap to be asked and dear for each token, and the other way round.
    flat = ToolFacts("flat", attempt_nusd=50_000_000)
    metered = ToolFacts("metered", input_nusd=3000.0, output_nusd=15000.0)
    unknown = ToolFacts("unknown")
    config = RoutingConfig(strategy="cheapest", tools=("unknown", "flat", "metered"))
    tools = (unknown, flat, metered)
    small = ask(config, tools=tools)
    assert small.selected == "metered"
    large = ask(config, RoutingTask("w", bytes=400_000), tools=tools)
    assert large.selected == "flat"
    assert [c.tool for c in large.candidates] == ["flat", "metered", "unknown"]
    assert expected_nusd(EDIT, metered) == 4000 * 3000 + 700 * 15000
    assert expected_nusd(EDIT, unknown) is None


def test_experience_counts_for_its_kind_of_task_only():
    config = RoutingConfig(strategy="metrics", tools=("a", "b"))
    past = (
        Experience("a", TaskKind.EDIT, successes=1, failures=9),
        Experience("b", TaskKind.EDIT, successes=9, failures=1),
        Experience("a", TaskKind.FIX, successes=9, failures=1),
    )
    assert ask(config, experience=past).selected == "b"
    assert ask(config, RoutingTask("w", TaskKind.FIX), experience=past).selected == "a"
    assert ask(config).selected == "a"


def test_cost_and_time_decide_between_tools_that_are_as_good():
    config = RoutingConfig(strategy="metrics", tools=("a", "b", "c"))
    past = (
        Experience("a", TaskKind.EDIT, 5, 1, cost_nusd=900.0, duration_s=10.0),
        Experience("b", TaskKind.EDIT, 5, 1, cost_nusd=100.0, duration_s=60.0),
        Experience("c", TaskKind.EDIT, 5, 1, cost_nusd=100.0, duration_s=30.0),
    )
    assert [c.tool for c in ask(config, experience=past).candidates] == ["c", "b", "a"]


def test_little_experience_weighs_little():
    once = success_rate(Experience("a", TaskKind.EDIT, failures=1))
    often = success_rate(Experience("a", TaskKind.EDIT, failures=20))
    assert often < once < success_rate(None) == 2 / 3


def test_a_floor_of_capability_holds_for_fallbacks_too():
    config = RoutingConfig(
        rules=(RoutingRule(use=("c", "b"), min_tier=2),), fallback={"c": ("a", "b")}
    )
    found = ask(config, failed=("c",))
    assert found.selected == "b"
    assert found.instead_of == "c"
    assert why(found)["a"] == "its tier 1 is below 2"


def test_after_a_failure_its_chain_comes_before_the_rest():
    config = RoutingConfig(tools=("a", "b"), fallback={"a": ("c",)})
    assert ask(config, failed=("a",)).selected == "c"
    assert ask(config, failed=("a", "c")).selected == "b"
    last = ask(config, failed=("a", "c", "b"))
    assert (last.selected, last.is_resting) == ("", False)
    assert set(why(last).values()) == {"it failed at this task already"}


def test_an_open_breaker_leads_to_the_chain_and_a_half_open_one_is_asked():
    config = RoutingConfig(tools=("a", "b"), fallback={"a": ("c",)})
    assert ask(config, breakers={"a": BreakerState.OPEN}).selected == "c"
    assert ask(config, breakers={"a": BreakerState.HALF_OPEN}).selected == "a"


def test_where_all_rest_nobody_is_asked_before_one_has_waited():
    config = RoutingConfig(tools=("a", "b"))
    resting = dict.fromkeys("ab", BreakerState.OPEN)
    found = ask(config, breakers=resting, failed=("a",))
    assert (found.selected, found.is_resting) == ("", True)
    assert ask(config, breakers=resting, failed=("a",), has_waited=True).selected == "b"


def test_a_named_tool_is_replaced_by_its_chain_alone():
    config = RoutingConfig(tools=("b",), strategy="round_robin", fallback={"a": ("c",)})
    assert ask(config, wanted="a", turn=1).selected == "a"
    found = ask(config, wanted="a", failed=("a",))
    assert (found.selected, found.strategy) == ("c", Strategy.FIXED)
    assert ask(config, wanted="a", failed=("a", "c")).selected == ""


def test_fixes_go_to_tools_that_can_be_told_what_was_wrong():
    deaf = ToolFacts("a", takes_feedback=False)
    config = RoutingConfig(tools=("a", "b"))
    assert ask(config, tools=(deaf, B)).selected == "a"
    assert ask(config, RoutingTask("w", TaskKind.FIX), tools=(deaf, B)).selected == "b"


_NAMES = ("a", "b", "c", "d")
_SOME = st.lists(st.sampled_from(_NAMES), unique=True).map(tuple)
_PRICE = st.none() | st.floats(0, 1e6)
_TASKS = st.builds(
    RoutingTask,
    st.just("ws"),
    kind=st.sampled_from(TaskKind),
    languages=st.sampled_from([(), ("python",), ("go", "python")]),
    bytes=st.integers(0, 10**7),
)
_RULES = st.builds(
    RoutingRule,
    use=_SOME.filter(bool),
    task_kind=st.sampled_from([(), ("fix",), ("edit", "review")]),
    strategy=st.sampled_from(["", *Strategy]).map(str),
    min_tier=st.integers(0, 3),
)
_CONFIGS = st.builds(
    RoutingConfig,
    strategy=st.sampled_from(Strategy).map(str),
    tools=_SOME,
    rules=st.lists(_RULES, max_size=3).map(tuple),
    fallback=st.dictionaries(st.sampled_from(_NAMES), _SOME),
)
_TOOLS = st.tuples(
    *(
        st.builds(
            ToolFacts,
            st.just(name),
            tier=st.integers(0, 3),
            takes_feedback=st.booleans(),
            input_nusd=_PRICE,
            output_nusd=_PRICE,
        )
        for name in _NAMES
    )
)
_PAST = st.lists(
    st.builds(
        Experience,
        st.sampled_from(_NAMES),
        st.sampled_from(TaskKind),
        st.floats(0, 1e4),
        st.floats(0, 1e4),
        _PRICE,
        _PRICE,
    ),
    max_size=6,
).map(tuple)
_INPUTS = st.builds(
    RoutingInputs,
    _TASKS,
    _CONFIGS,
    _TOOLS,
    _PAST,
    breakers=st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(BreakerState)),
    turn=st.integers(0, 1000),
    failed=_SOME,
    has_waited=st.booleans(),
)


@given(_INPUTS)
def test_the_record_of_the_inputs_gives_the_same_decision(inputs: RoutingInputs):
    found = decide(inputs)
    recorded = json.loads(json.dumps({"inputs": encode(inputs), "decision": encode(found)}))
    again = decide(decode(RoutingInputs, recorded["inputs"]))
    assert again == found
    assert encode(again) == recorded["decision"]


@given(_INPUTS)
def test_only_what_is_fit_is_ever_selected(inputs: RoutingInputs):
    found = decide(inputs)
    chosen = [c for c in found.candidates if not c.passed_over]
    assert [c.tool for c in chosen] == ([found.selected] if found.selected else [])
    if found.selected:
        assert found.selected not in inputs.failed
        rule = inputs.config.rules[found.rule] if found.rule is not None else None
        tier = next(tool.tier for tool in inputs.tools if tool.id == found.selected)
        assert rule is None or tier >= rule.min_tier
        if inputs.breakers.get(found.selected) is BreakerState.OPEN:
            assert inputs.has_waited
