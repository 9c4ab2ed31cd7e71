"""The effective configuration, and where each of its values comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.model.check import Check, OutputFormat, ToolType
from pipeline.model.config import Config, PhaseConfig, SetupStep
from pipeline.model.protected import DEFAULT_DISCARD, DEFAULT_PROTECTED
from pipeline.planning.configuration import LoadedConfig, load_config
from pipeline.planning.problem import errors_of
from pipeline.planning.single import check_documents


def complaints(folder: Any, text: str, name: str = "pipeline.yaml") -> str:
    folder.write(name, text)
    return "\n".join(str(p) for p in load_config(folder.top).problems)


def test_without_a_file_the_defaults_hold(folder: Any) -> None:
    loaded = load_config(folder.top)

    assert loaded.problems == ()
    assert loaded.config.run == Config().run
    assert loaded.config.policy.protected == (*DEFAULT_PROTECTED, "/workstreams/")
    assert loaded.config.capture.discard == DEFAULT_DISCARD
    assert sorted(loaded.config.tools) == ["command", "patch", "pytest", "ruff", "ruff-format"]
    assert loaded.config.gates == {}
    assert set(loaded.origins.values()) == {"default"}


def test_a_file_is_read(folder: Any) -> None:
    folder.write(
        "pipeline.yaml",
        """
        project: {base: trunk}
        run: {jobs: 3, timeout_s: 60}
        paths: {workstreams: plans/next}
        phases: {one: {}, two: {enabled: false, timeout_s: 5}}
        setup: [{name: npm, command: [npm, ci], files: [package-lock.json], directories: [x]}]
        tools:
          agent: {type: ai, command: [agent, --go], env: {KEY: "env:KEY"}, takes_feedback: true}
          ruff: {timeout_s: 5}
        gates:
          static: [ruff, {tool: agent, name: again, timeout_s: 7}]
          unit: [{nox: tests}, {command: make, cache: false}]
        policy: {max_files_changed: 3, protected: ["deploy/", "@default"]}
        capture: {mode: full, discard: []}
        breakers: {max_attempts: 5}
        """,
    )
    config = load_config(folder.top).config

    assert load_config(folder.top).problems == ()
    assert (config.project.base, config.run.jobs, config.run.timeout_s) == ("trunk", 3, 60.0)
    assert config.phases == {"one": PhaseConfig(), "two": PhaseConfig(False, 5.0)}
    assert config.setup == (SetupStep("npm", ("npm", "ci"), ("package-lock.json",), ("x",)),)
    assert config.tools["agent"].type is ToolType.AI
    assert config.tools["agent"].command == ("agent", "--go")
    assert config.tools["ruff"].timeout_s == 5.0
    assert config.tools["ruff"].output == OutputFormat.RUFF, "a built-in profile keeps the rest"
    ruff, again = config.gates["static"].checks
    assert (ruff.name, ruff.timeout_s, ruff.output) == ("ruff", 5.0, "ruff")
    assert (again.name, again.command, again.timeout_s) == ("again", ("agent", "--go"), 7.0)
    nox, make = config.gates["unit"].checks
    assert nox.command == ("nox", "--session", "tests")
    assert make == Check("make", "make", cache=False)
    assert config.policy.protected == ("deploy/", *DEFAULT_PROTECTED, "/plans/next/")
    assert config.capture.discard == ()
    assert config.breakers.max_attempts == 5


def origin_of(loaded: LoadedConfig, key: str) -> tuple[Any, str]:
    section, _, name = key.partition(".")
    return getattr(getattr(loaded.config, section), name), loaded.origins[key]


def test_precedence(folder: Any) -> None:
    environ: dict[str, str] = {}
    overrides: dict[str, Any] = {}

    def jobs() -> tuple[Any, str]:
        loaded = load_config(folder.top, overrides=overrides, environ=environ)
        assert loaded.problems == ()
        return origin_of(loaded, "run.jobs")

    assert jobs() == (0, "default")
    folder.write("pipeline.yaml", "run: {jobs: 1}\n")
    assert jobs() == (1, "pipeline.yaml")
    folder.write(".env", "# x\nSECRET=1\nexport PIPELINE_RUN_JOBS='2'\n")
    assert jobs() == (2, ".env PIPELINE_RUN_JOBS")
    environ["PIPELINE_RUN_JOBS"] = "3"
    assert jobs() == (3, "environment PIPELINE_RUN_JOBS")
    overrides["run.jobs"] = 4
    assert jobs() == (4, "command line")


def test_variables_take_the_kind_of_their_field(folder: Any) -> None:
    loaded = load_config(
        folder.top,
        environ={
            "PIPELINE_RUN_REPRODUCIBLE": "yes",
            "PIPELINE_RUN_TIMEOUT_S": "1.5",
            "PIPELINE_PROJECT_BASE": "7",
            "PIPELINE_REPAIR_FIX": "mechanical, tool",
            "PIPELINE_PATHS_WS_PREFIX": "work",
            "PIPELINE_PROCESS_TAG": "not ours",
            "HOME": "/root",
        },
    )

    assert loaded.problems == ()
    assert (loaded.config.run.reproducible, loaded.config.run.timeout_s) == (True, 1.5)
    assert (loaded.config.project.base, loaded.config.paths.ws_prefix) == ("7", "work")
    assert loaded.config.repair.fix == ("mechanical", "tool")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PIPELINE_RUN_JOBS": "many"}, "environment PIPELINE_RUN_JOBS: is `many`; it must be a"),
        ({"PIPELINE_RUN_JOBS": "-1"}, "$.run.jobs is `-1`; it must be at least 0."),
        ({"PIPELINE_RUN_JOBS": "1.5"}, "$.run.jobs must be a whole number"),
        ({"PIPELINE_RUN_TIMEOUT_S": "nan"}, "is `nan`; it must be a number"),
        ({"PIPELINE_RUN_REPRODUCIBLE": "maybe"}, "it must be `true` or `false`"),
        ({"PIPELINE_LANDING_MODE": "bach"}, "Did you mean `batch`?"),
    ],
)
def test_a_variable_that_is_wrong(folder: Any, variables: Mapping[str, str], expected: str) -> None:
    loaded = load_config(folder.top, environ=variables)

    assert expected in "\n".join(map(str, errors_of(loaded.problems)))
    assert loaded.config.run == Config().run


def test_a_variable_that_has_no_effect_is_only_warned_about(folder: Any) -> None:
    (problem,) = load_config(folder.top, environ={"PIPELINE_RUN_JOB": "3"}).problems

    assert problem.is_warning
    assert "Did you mean `PIPELINE_RUN_JOBS`?" in problem.remedy


def test_an_override_that_is_wrong(folder: Any) -> None:
    (problem,) = load_config(folder.top, overrides={"run.jobs": "x"}).problems

    assert str(problem).startswith("command line: $.run.jobs must be a whole number")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "must be an object, not a list"),
        ("runs: {}", "is an unknown field `runs`. Did you mean `run`?"),
        ("notify: {}", "`notify` is not supported by this version."),
        ("run: {jbs: 1}", "Did you mean `jobs`?"),
        ("run:\n  jobs: x", "pipeline.yaml:2: $.run.jobs must be a whole number"),
        ("gates: {static: [ruf]}", "$.gates.static[0] names the tool profile `ruf`"),
        ("gates: {static: ruff}", "$.gates.static must be a list"),
        ("tools: {X: {}}", "`X`, which does not fit"),
        ("tools: {x: {id: y}}", "is `y`, but the profile stands under `x`"),
        ("tools: {x: {command: a b, args: [c]}}", "$.tools.x.args goes with a list only"),
        ("tools: {x: {type: a1}}", "it must be one of `ai`"),
        ("tools: {x: {env: {API_KEY: sk-abc123}}}", "$.tools.x.env.API_KEY looks like a secret"),
        ("gates: {g: [{command: x, env: {T: ghp_0123456789}}]}", "$.gates.g[0].env.T looks like"),
        ("landing: {batch_start: 9, batch_max: 3}", "is more than `batch_max` (3)"),
        ("paths: {ws_prefix: pipeline}", "is the same as `ws_prefix`"),
        ("paths: {ws_prefix: a/b}", "$.paths.ws_prefix is `a/b`, which does not fit"),
        ("repair: {fix: [tol]}", "names the rung `tol`, which does not exist. Did you mean `tool`"),
        ("policy: {protected: ['!x']}", "$.policy.protected[0] starts with `!`"),
        ("run: {author_email: 'a\n<b>'}", "$.run.author_email"),
        ("setup: [{name: a, command: x}, {name: a, command: y}]", "`a` stands there twice"),
        ("setup: [{name: a}]", "$.setup[0] lacks `command`"),
        ("breakers: {edit: {}}", "is an unknown field `edit`"),
        ("a: 1\na: 2", "has the key `a` twice"),
    ],
)
def test_a_configuration_that_is_wrong(folder: Any, text: str, expected: str) -> None:
    assert expected in complaints(folder, text)


def test_a_secret_is_not_repeated_in_its_message(folder: Any) -> None:
    assert "sk-abc123" not in complaints(folder, "tools: {x: {env: {API_KEY: sk-abc123}}}")


def test_what_is_wrong_does_not_hide_the_rest(folder: Any) -> None:
    text = "run: {jobs: x}\ngates: {unit: [7], static: [ruff]}\nlanding: {mode: batch}\n"
    complaints(folder, text)
    config = load_config(folder.top).config

    assert config.landing.mode == "batch"
    assert sorted(config.gates) == ["static", "unit"], "the gate's name is known all the same"


def test_a_tool_that_is_wrong_keeps_its_driver(folder: Any) -> None:
    """Otherwise bundles that use it are told that they lack what only other tools need."""
    folder.write("pipeline.yaml", "tools: {a: {driver: aider, agent: {modle: x}}}")

    assert load_config(folder.top).config.tools["a"].driver == "aider"


def test_an_empty_file_is_a_configuration(folder: Any) -> None:
    assert complaints(folder, "# nothing yet\n") == ""


def test_there_is_one_configuration(folder: Any) -> None:
    folder.write("pipeline.json", "{}")

    assert "stands beside pipeline.yaml" in complaints(folder, "{}")


def test_files_are_checked_one_by_one(folder: Any, make_bundle: Any) -> None:
    folder.add(make_bundle("a", depends_on=["elsewhere"]), make_bundle("b", tool="none"))
    folder.write("pipeline.yaml", "runs: {}\n")
    paths = [folder.top / p for p in ("pipeline.yaml", "workstreams/a.json", "workstreams/b.json")]

    assert [p.file for p in check_documents(paths, folder.top)] == [
        "pipeline.yaml",
        "workstreams/b.json",
    ]
    assert check_documents([Path(folder.top, "gone.json")], folder.top) != ()
