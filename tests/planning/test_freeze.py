"""A frozen plan is the same for the same inputs, and its key differs where they do."""

import dataclasses
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.schema import fast_check, violations
from pipeline.model.check import Check, Gate
from pipeline.model.codec import decode, encode
from pipeline.model.config import BudgetConfig, Config, RetentionConfig
from pipeline.model.plan import FrozenFile, Plan
from pipeline.model.workstream import BreakerLimits, PolicyOverride, Workstream
from pipeline.planning.configuration import load_config
from pipeline.planning.freeze import freeze, plan_key
from pipeline.planning.problem import PlanError

Make = Callable[..., dict[str, Any]]
BASE = "1" * 40


@dataclasses.dataclass
class Top:
    top: Path


def frozen(folder: Any, **arguments: Any) -> Plan:
    config = load_config(folder.top).config
    return freeze(Top(folder.top), folder.load(), config, BASE, **arguments)


@pytest.fixture
def plan_folder(folder: Any, make_bundle: Make) -> Any:
    folder.write("p.diff", b"--- a\n+++ b\n\xff")
    folder.add(
        make_bundle("c", depends_on=["b"]),
        make_bundle("b", depends_on=["a"], tool="patch", tool_args={"patch": "p.diff"}),
        make_bundle("a"),
        make_bundle("z", priority=9),
    )
    return folder


def test_a_plan_holds_what_its_bundles_refer_to(plan_folder: Any) -> None:
    plan = frozen(plan_folder, tool_versions={"git": "2"})

    assert [ws.id for ws in plan.workstreams] == ["z", "a", "b", "c"]
    content = b"--- a\n+++ b\n\xff"
    digest = hashlib.sha256(content).hexdigest()
    assert plan.files == {"p.diff": FrozenFile("p.diff", digest, content)}
    assert plan.tool_versions == {"git": "2"}
    assert plan.key == plan_key(plan)
    assert len(plan.key) == 64


def test_the_key_does_not_depend_on_files_names_or_order(plan_folder: Any) -> None:
    key = frozen(plan_folder).key
    names = sorted(p.name for p in (plan_folder.top / "workstreams").iterdir())
    random.Random(7).shuffle(names)
    for number, name in enumerate(names):
        path = plan_folder.top / "workstreams" / name
        path.rename(path.with_name(f"{number}-{name}"))
    assert frozen(plan_folder).key == key

    data = json.loads((plan_folder.top / "workstreams" / f"0-{names[0]}").read_text())
    (plan_folder.top / "workstreams" / f"0-{names[0]}").write_text(
        json.dumps(dict(reversed(data.items())), indent=7)
    )
    assert frozen(plan_folder).key == key


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("workstreams/a.json", "Do it.", "Do it!"),
        ("workstreams/a.json", '"true"', '"false"'),
        ("workstreams/a.json", "src/a.py", "src/aa.py"),
        ("p.diff", "+++ b", "+++ c"),
        ("pipeline.yaml", "unit", "integration"),
    ],
)
def test_the_key_depends_on_everything_that_matters(
    plan_folder: Any, name: str, old: str, new: str
) -> None:
    plan_folder.write("pipeline.yaml", "gates: {unit: [pytest]}\n")
    before = frozen(plan_folder).key
    path = plan_folder.top / name
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode()))

    assert frozen(plan_folder).key != before


def test_the_key_depends_on_base_and_tools_and_not_on_how_a_run_goes(plan_folder: Any) -> None:
    plan = frozen(plan_folder)
    run = dataclasses.replace(plan.config.run, jobs=7, timeout_s=3.0)
    paths = dataclasses.replace(plan.config.paths, worktrees="/tmp/x")
    calm = dataclasses.replace(
        plan.config,
        run=run,
        paths=paths,
        retention=RetentionConfig(runs_days=1),
        budget=BudgetConfig(max_cost_total=5.0),
    )
    reproducible = dataclasses.replace(run, reproducible=True)

    assert plan_key(dataclasses.replace(plan, config=calm)) == plan.key
    for changed in (
        dataclasses.replace(plan, base_commit="2" * 40),
        dataclasses.replace(plan, tool_versions={"ruff": "1"}),
        dataclasses.replace(plan, config=dataclasses.replace(calm, run=reproducible)),
    ):
        assert plan_key(changed) != plan.key


def test_only_keeps_what_is_named_and_what_it_needs(plan_folder: Any) -> None:
    assert [ws.id for ws in frozen(plan_folder, only=["b"]).workstreams] == ["a", "b"]
    with pytest.raises(PlanError, match=r"names `bb`.*Did you mean `b`\?"):
        frozen(plan_folder, only=["bb"])


def test_phases_that_are_not_enabled_are_left_out(folder: Any, make_bundle: Make) -> None:
    folder.write("pipeline.yaml", "phases: {now: {}, later: {enabled: false}}\n")
    folder.add(make_bundle("a", phase="now"), make_bundle("b", phase="later"), make_bundle("c"))
    assert [ws.id for ws in frozen(folder).workstreams] == ["a", "c"]

    folder.add(make_bundle("c", depends_on=["b"]))
    with pytest.raises(PlanError, match="names `b`, whose phase `later` is not enabled"):
        frozen(folder)


def test_a_plan_with_errors_is_not_frozen(folder: Any, make_bundle: Make) -> None:
    folder.add(make_bundle("a", tool="x"), make_bundle("b", files_scope=[]))
    with pytest.raises(PlanError) as caught:
        frozen(folder)

    assert caught.value.exit_code == 2
    assert [p.file for p in caught.value.problems] == ["workstreams/a.json", "workstreams/b.json"]
    assert "2 problems in the plan" in str(caught.value)


def test_a_file_that_vanished_after_loading(plan_folder: Any) -> None:
    loaded, config = plan_folder.load(), load_config(plan_folder.top).config
    (plan_folder.top / "p.diff").unlink()

    with pytest.raises(PlanError, match=r"names `p\.diff`, which cannot be used"):
        freeze(Top(plan_folder.top), loaded, config, BASE)


TEXT = st.text(max_size=12)
ID = st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True)
CHECKS = st.lists(
    st.builds(
        Check,
        name=TEXT,
        command=st.one_of(TEXT, st.lists(TEXT).map(tuple)),
        timeout_s=st.floats(1, 1000),
        idle_timeout_s=st.none() | st.floats(1, 10),
        history=st.booleans(),
    ),
    max_size=2,
).map(tuple)
WORKSTREAMS = st.builds(
    Workstream,
    id=ID,
    title=TEXT,
    ccpm_issue=st.none() | TEXT,
    priority=st.integers(-9, 9),
    files_scope=st.lists(st.text(min_size=1), max_size=2, unique=True).map(tuple),
    tasks=st.lists(TEXT, min_size=1, max_size=2).map(tuple),
    acceptance_tests=CHECKS,
    gate=st.none() | ID,
    depends_on=st.lists(ID, max_size=2, unique=True).map(tuple),
    tool_args=st.dictionaries(TEXT, st.none() | TEXT | st.lists(st.integers()), max_size=2),
    static=st.none() | CHECKS,
    fix=st.none() | st.lists(ID, max_size=2, unique=True).map(tuple),
    breakers=st.dictionaries(
        st.sampled_from(["*", "edit", "fix"]),
        st.builds(BreakerLimits, st.integers(1, 9), timeout_s=st.none() | st.floats(1, 9)),
    ),
    policy=st.builds(PolicyOverride, max_files_changed=st.none() | st.integers(1, 9)),
)
PLANS = st.builds(
    Plan,
    base_commit=st.just(BASE),
    workstreams=st.lists(WORKSTREAMS, max_size=3).map(tuple),
    config=st.builds(Config, gates=st.dictionaries(ID, st.builds(Gate, ID, CHECKS), max_size=2)),
    files=st.dictionaries(
        ID, st.builds(FrozenFile, ID, st.just("0" * 64), st.binary(max_size=20)), max_size=2
    ),
)


@pytest.mark.slow
@settings(deadline=None)
@given(plan=PLANS)
def test_a_plan_comes_back_from_json_as_it_was(plan: Plan) -> None:
    plan = dataclasses.replace(plan, key=plan_key(plan))
    data = json.loads(json.dumps(encode(plan)))

    assert decode(Plan, data) == plan
    assert list(violations("plan.v1.json", data)) == []
    assert fast_check("plan.v1.json")(data)


def test_a_plan_from_disk_fits_its_schema(plan_folder: Any) -> None:
    plan_folder.write(
        "pipeline.yaml",
        "setup: [{name: s, command: make}]\ngates: {static: [ruff], runtime: [pytest]}\n"
        "tools: {agent: {type: ai, command: x, concurrency: 2, cost: {usd: 1}}}\n"
        "phases: {one: {}}\n",
    )
    plan = frozen(plan_folder)
    data = json.loads(json.dumps(encode(plan)))

    assert decode(Plan, data) == plan
    assert list(violations("plan.v1.json", data)) == []
    data["workstreams"][0]["extra"] = 1
    assert [v.rule for v in violations("plan.v1.json", data)] == ["additionalProperties"]


@pytest.mark.parametrize(
    "name",
    [
        "workstream.v1.json",
        "pipeline_config.v1.json",
        "tool_profile.v1.json",
        "patch_policy.v1.json",
        "plan.v1.json",
    ],
)
def test_schemas_are_schemas_and_their_examples_fit(name: str) -> None:
    from pipeline.base.schema import load

    schema = load(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == name
    assert schema["additionalProperties"] is False
    for example in schema.get("examples", []):
        assert list(violations(name, example)) == []
        assert fast_check(name)(example)
