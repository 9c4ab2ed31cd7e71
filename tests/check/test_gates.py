import os
import threading
from pathlib import Path

import pytest
from gate_bench import Bench, Cache, make_bench

from pipeline.base.errors import InputError
from pipeline.base.process import CancelToken
from pipeline.check.gates import CheckContext, overall, run_gate
from pipeline.model.check import Check, Gate
from pipeline.model.finding import Finding, Severity
from pipeline.model.verdict import CheckResult, Result


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


def run_check(check: Check, context: CheckContext) -> CheckResult:
    return run_gate(Gate("g", (check,)), context).checks[0]


def said(bench: Bench, command: str, **fields: object) -> CheckResult:
    return run_check(Check("it", command, **fields), bench.context())  # type: ignore[arg-type]  # fields of any kind


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("exit 0", Result.PASSED),
        ("exit 1", Result.FAILED),
        ("exit 255", Result.FAILED),
        ("exit 125", Result.UNKNOWN),
        ("exit 126", Result.FAULT),
        ("exit 127", Result.FAULT),
        ("no-such-program --at-all", Result.FAULT),
        ("exit 137", Result.FAULT),
        ("kill -KILL $$", Result.FAULT),
        ("kill -TERM $$", Result.FAULT),
        ("kill -SEGV $$", Result.FAILED),
        ("kill -ABRT $$", Result.FAILED),
    ],
)
def test_the_end_of_a_check_says_what_it_means(bench: Bench, command: str, result: Result) -> None:
    answer = said(bench, command, output="none")
    assert answer.result is result
    assert bool(answer.findings) is (result is Result.FAILED)
    assert bool(answer.reason) is (result is not Result.PASSED)


@pytest.mark.parametrize("output", ["none", "lines", "ruff"])
def test_125_is_never_a_pass_not_even_declared_one(bench: Bench, output: str) -> None:
    answer = said(bench, "echo []; exit 125", output=output, success_exit_codes=(0, 125))
    assert answer.result is Result.UNKNOWN
    verdict = run_gate(Gate("g", (Check("a", "true"), Check("b", "exit 125"))), bench.context())
    assert verdict.result is Result.UNKNOWN
    assert not verdict.is_green


def test_a_missing_program_is_a_fault_that_names_it(bench: Bench) -> None:
    answer = run_check(Check("it", ("no-such-program", "x")), bench.context())
    assert answer.result is Result.FAULT
    assert "no-such-program" in answer.reason
    assert not answer.findings


def test_a_hanging_check_is_red_and_not_kept(bench: Bench) -> None:
    cache = Cache()
    check = Check("slow", "sleep 60", timeout_s=0.2)
    verdict = run_gate(Gate("g", (check,)), bench.context(), cache)
    assert verdict.result is Result.FAILED
    assert [f.code for f in verdict.findings] == ["timeout"]
    assert verdict.findings[0].signature.startswith("slow::timeout::")
    assert not cache.kept


def test_a_silent_check_is_red(bench: Bench) -> None:
    answer = said(bench, "echo started; sleep 60", idle_timeout_s=0.2)
    assert answer.result is Result.FAILED
    assert [f.code for f in answer.findings] == ["timeout"]


def test_a_check_that_floods_is_red(bench: Bench) -> None:
    answer = said(bench, "head -c 80000000 /dev/zero")
    assert answer.result is Result.FAILED
    assert [f.code for f in answer.findings] == ["flooded"]


def test_cancelling_is_a_fault_and_stops_what_follows(bench: Bench) -> None:
    cancel = CancelToken()
    timer = threading.Timer(0.2, cancel.cancel)
    timer.start()
    gate = Gate("g", (Check("a", "sleep 60"), Check("b", "touch ran-anyway")))
    verdict = run_gate(gate, bench.context(cancel=cancel))
    timer.join()
    assert [check.result for check in verdict.checks] == [Result.FAULT, Result.FAULT]
    assert not (bench.top / "ran-anyway").exists()


def test_all_checks_run_also_after_a_red_one(bench: Bench) -> None:
    bench.write("a.py", "")
    gate = Gate(
        "g",
        (
            Check("first", "echo a.py:3:1: E1 bad; exit 1"),
            Check("second", "echo a.py:4: worse >&2; exit 2"),
        ),
    )
    verdict = run_gate(gate, bench.context())
    assert verdict.result is Result.FAILED
    assert [(f.tool, f.path, f.line, f.code) for f in verdict.findings] == [
        ("first", b"a.py", 3, "E1"),
        ("second", b"a.py", 4, ""),
    ]
    assert [check.exit_code for check in verdict.checks] == [1, 2]


def test_an_empty_gate_passes_and_shows_that_it_is_empty(bench: Bench) -> None:
    verdict = run_gate(Gate("g"), bench.context())
    assert verdict.is_green
    assert verdict.checks == ()
    assert bench.taken == 0


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("passed passed", Result.PASSED),
        ("passed unknown", Result.UNKNOWN),
        ("unknown fault passed", Result.FAULT),
        ("fault failed unknown", Result.FAILED),
        ("", Result.PASSED),
    ],
)
def test_what_checks_say_together(results: str, expected: Result) -> None:
    checks = [CheckResult("c", Result(word), "k") for word in results.split()]
    assert overall(checks) is expected
    assert overall(reversed(checks)) is expected


def test_checks_share_a_checkout_that_is_reset_between_them(bench: Bench) -> None:
    gate = Gate(
        "g",
        (
            Check("litters", "touch litter"),
            Check("looks", "test ! -e litter"),
            Check("looks-again", "test ! -e litter"),
        ),
    )
    verdict = run_gate(gate, bench.context())
    assert verdict.is_green
    assert (bench.taken, bench.given_back, bench.resets) == (1, 1, 2)


def test_a_known_answer_takes_no_checkout_and_starts_nothing(bench: Bench) -> None:
    cache = Cache()
    runs = bench.folder / "runs"
    gate = Gate("g", (Check("a", f"echo x >> {runs}"), Check("b", f"echo x >> {runs}; exit 1")))
    first = run_gate(gate, bench.context(), cache)
    again = run_gate(gate, bench.context(), cache)
    assert bench.taken == 1
    assert len(runs.read_text().split()) == 2
    assert [c.result for c in again.checks] == [c.result for c in first.checks]
    assert again.findings == first.findings
    assert [check.is_reused for check in again.checks] == [True, True]
    assert not any(check.is_reused for check in first.checks)


def test_an_answer_for_another_tree_is_not_used(bench: Bench) -> None:
    cache = Cache()
    gate = Gate("g", (Check("a", "true"),))
    run_gate(gate, bench.context(), cache)
    bench.tree = "3" * 40
    run_gate(gate, bench.context(), cache)
    assert bench.taken == 2


@pytest.mark.parametrize("end", ["exit 125", "exit 127", "kill -KILL $$"])
def test_what_is_no_answer_is_not_kept(bench: Bench, end: str) -> None:
    cache = Cache()
    run_gate(Gate("g", (Check("a", end),)), bench.context(), cache)
    assert cache.lookups == 1
    assert not cache.kept


def test_a_kept_fault_would_not_be_believed(bench: Bench) -> None:
    cache = Cache()
    gate = Gate("g", (Check("a", "true"),))
    run_gate(gate, bench.context(), cache)
    (key, (full, _)), *_ = cache.kept.items()
    cache.kept[key] = (full, CheckResult("a", Result.FAULT, key))
    assert run_gate(gate, bench.context(), cache).is_green


def test_a_check_that_wants_no_cache_gets_none(bench: Bench) -> None:
    cache = Cache()
    run_gate(Gate("g", (Check("a", "true", cache=False),)), bench.context(), cache)
    assert not cache.kept
    assert cache.lookups == 0


def test_a_known_answer_is_given_under_the_name_that_asks(bench: Bench) -> None:
    cache = Cache()
    command = "echo broken >&2; exit 3"
    run_gate(Gate("g", (Check("unit", command),)), bench.context(), cache)
    (check,) = run_gate(Gate("h", (Check("smoke", command),)), bench.context(), cache).checks
    assert check.is_reused
    assert check.check == "smoke"
    assert check.reason == "smoke exited with 3."
    assert [(f.tool, f.signature) for f in check.findings] == [("smoke", "smoke::exit-3::broken")]


def test_a_red_check_without_findings_shows_its_last_words(bench: Bench) -> None:
    answer = said(bench, "echo almost; printf '\\033[31mno such colour\\033[0m\\n\\n'; exit 4")
    assert [(f.code, f.message) for f in answer.findings] == [("exit-4", "no such colour")]


def test_a_silent_red_check_has_a_finding_too(bench: Bench) -> None:
    answer = said(bench, "exit 4")
    assert [(f.code, f.message) for f in answer.findings] == [("exit-4", "it exited with 4.")]


def test_real_ruff_is_read(bench: Bench) -> None:
    bench.write("pkg/a.py", "import os\n")
    bench.write("pkg/b.py", "def f(:\n")
    command = ("ruff", "check", "--isolated", "--no-cache", "--output-format", "json", ".")
    answer = run_check(Check("lint", command, output="ruff"), bench.context())
    assert answer.result is Result.FAILED
    found = {(f.path, f.code, f.is_fixable) for f in answer.findings}
    assert (b"pkg/a.py", "F401", True) in found
    assert any(path == b"pkg/b.py" and code == "invalid-syntax" for path, code, _ in found)


def test_real_pytest_is_read(bench: Bench) -> None:
    bench.write("tests/test_sums.py", "def test_sum():\n    assert 1 + 1 == 3\n")
    bench.write("tests/test_broken.py", "import no_such_module_at_all\n")
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--junitxml=r.xml")
    check = Check(
        "unit",
        ("pytest", *options, "--continue-on-collection-errors"),
        output="junit",
        output_file="r.xml",
    )
    answer = run_check(check, bench.context())
    assert answer.result is Result.FAILED
    found = {f.path: f for f in answer.findings}
    assert set(found) == {b"tests/test_sums.py", b"tests/test_broken.py"}
    assert found[b"tests/test_sums.py"].line == 2
    assert found[b"tests/test_sums.py"].code == "AssertionError"
    assert found[b"tests/test_broken.py"].code == "collection-error"
    assert "no_such_module_at_all" in found[b"tests/test_broken.py"].message


@pytest.mark.parametrize("output", ["ruff", "junit", "sarif"])
def test_a_pass_that_gives_no_account_is_a_fault(bench: Bench, output: str) -> None:
    answer = said(bench, "echo all fine", output=output)
    assert answer.result is Result.FAULT
    assert "exited with 0, but" in answer.reason


@pytest.mark.parametrize("output", ["ruff", "junit", "sarif"])
def test_a_failure_that_gives_no_account_is_red(bench: Bench, output: str) -> None:
    answer = said(bench, "echo config is broken >&2; exit 2", output=output)
    assert answer.result is Result.FAILED
    assert [f.message for f in answer.findings] == ["config is broken"]
    assert "exited with 2, and" in answer.reason


def test_a_report_that_lists_errors_is_red_whatever_the_exit_code_says(bench: Bench) -> None:
    bench.write("r.json", '[{"code": "X1", "message": "bad", "filename": "a.py"}]')
    answer = said(bench, "cat r.json", output="ruff")
    assert answer.result is Result.FAILED
    assert "lists 1 errors" in answer.reason


def test_a_declared_success_is_advice(bench: Bench) -> None:
    bench.write("r.json", '[{"code": "X1", "message": "bad", "filename": "a.py"}]')
    answer = said(bench, "cat r.json; exit 1", output="ruff", success_exit_codes=(0, 1))
    assert answer.result is Result.PASSED
    assert [f.code for f in answer.findings] == ["X1"]


def test_lines_of_a_passing_check_are_not_findings(bench: Bench) -> None:
    answer = said(bench, "echo a.py:1:1: warning: hm")
    assert answer.result is Result.PASSED
    assert answer.findings == ()


GREEN = '<testsuites><testsuite><testcase name="t"/></testsuite></testsuites>'


def test_a_report_is_read_from_its_file(bench: Bench) -> None:
    answer = said(bench, f"echo noise; echo '{GREEN}' > r.xml", output="junit", output_file="r.xml")
    assert answer.result is Result.PASSED


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "mkfifo r.xml",
        "mkdir r.xml",
        "echo '{GREEN}' > other; ln -s other r.xml",
        "echo '{GREEN}' > other; ln other r.xml",
        "head -c 40000000 /dev/zero > r.xml",
    ],
)
def test_a_report_that_is_no_plain_file_is_not_read(bench: Bench, command: str) -> None:
    command = command.replace("{GREEN}", GREEN)
    answer = said(bench, command, output="junit", output_file="r.xml")
    assert answer.result is Result.FAULT


def test_a_report_that_was_there_before_is_not_believed(bench: Bench) -> None:
    bench.write("r.xml", GREEN)
    answer = said(bench, "true", output="junit", output_file="r.xml")
    assert answer.result is Result.FAULT
    assert "was not written" in answer.reason


@pytest.mark.parametrize("name", ["../r.xml", "out/r.xml"])
def test_a_report_outside_the_checkout_is_not_read(bench: Bench, name: str) -> None:
    outside = bench.folder / "outside"
    outside.mkdir()
    (bench.top / "out").symlink_to(outside)
    answer = said(bench, f"echo '{GREEN}' > {name}", output="junit", output_file=name)
    assert answer.result is Result.FAULT
    assert "outside" in answer.reason


def test_an_unknown_output_format_is_the_users_mistake(bench: Bench) -> None:
    with pytest.raises(InputError, match="'xyz'"):
        said(bench, "touch ran", output="xyz")
    assert not (bench.top / "ran").exists()


@pytest.mark.parametrize("where", ["", ">&2", "> report"])
def test_secret_values_are_in_no_log_and_no_finding(bench: Bench, where: str) -> None:
    bench.environ = {**bench.environ, "MINE": "planted-one", "A_TOKEN": "planted-two"}
    check = Check(
        "it", f"echo a.py:1: bad $GIVEN $A_TOKEN here {where}; exit 1", output="lines",
        output_file="report" if "report" in where else "", env={"GIVEN": "env:MINE"},
        env_allow=("A_TOKEN",),
    )  # fmt: skip
    answer = run_check(check, bench.context())
    assert "bad [redacted] [redacted] here" in str(answer.findings)
    logs = Path(answer.stdout_log).read_bytes() + Path(answer.stderr_log).read_bytes()
    assert b"planted" not in logs and "planted" not in str(answer)


def test_the_environment_is_what_is_declared(bench: Bench) -> None:
    bench.environ = {**bench.environ, "SECRET": "s3", "OTHER": "x", "LC_ALL": "C", "HOME": "/h"}
    check = Check(
        "it",
        "echo $OTHER-$TOKEN-$PLAIN-$LC_ALL-$HOME; exit 1",
        env_allow=("OTH*",),
        env={"TOKEN": "env:SECRET", "PLAIN": "p"},
    )
    context = bench.context(own_values=lambda: {"HOME": "/own"})
    assert run_check(check, context).findings[0].message == "x-s3-p-C-/own"


def test_the_persons_own_configuration_is_seen_by_a_check_that_asks_for_it_alone(
    bench: Bench,
) -> None:
    cache = Cache()
    for home in ("/one", "/two"):
        bench.environ = {**bench.environ, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        blind = Check("blind", "echo $XDG_CONFIG_HOME$XDG_CACHE_HOME.; exit 1")
        seeing = Check("seeing", "echo $XDG_CONFIG_HOME.; exit 1", env_allow=("XDG_CONFIG_HOME",))
        answers = run_gate(Gate("g", (blind, seeing)), bench.context(), cache).checks
        assert [a.findings[0].message for a in answers] == [".", f"{home}."]
    assert [a.is_reused for a in answers] == [True, False]


def test_a_variable_that_is_not_set_is_a_fault_before_anything_runs(bench: Bench) -> None:
    answer = said(bench, "true", env={"TOKEN": "env:NOT_SET_ANYWHERE"})
    assert answer.result is Result.FAULT
    assert "NOT_SET_ANYWHERE" in answer.reason
    assert bench.taken == 0


def test_programs_of_the_tree_do_not_stand_in_for_programs_on_the_path(bench: Bench) -> None:
    bench.write("ruff", "#!/bin/sh\nexit 0\n", executable=True)
    bench.environ = {"PATH": os.pathsep.join((".", "", bench.environ["PATH"]))}
    answer = run_check(Check("it", ("ruff", "no-such-subcommand")), bench.context())
    assert answer.result is Result.FAILED


def test_a_program_of_the_tree_is_run_by_its_path(bench: Bench) -> None:
    bench.write("run_tests.sh", "#!/bin/sh\nexit 7\n", executable=True)
    answer = run_check(Check("it", ("./run_tests.sh",)), bench.context())
    assert answer.exit_code == 7


def test_logs_are_kept_and_differ_for_names_that_look_alike(bench: Bench) -> None:
    gate = Gate("g", (Check("a b", "echo one"), Check("a/b", "echo two"), Check("..", "echo 3")))
    checks = run_gate(gate, bench.context()).checks
    assert [Path(c.stdout_log).read_text() for c in checks] == ["one\n", "two\n", "3\n"]
    assert {Path(c.stdout_log).parent for c in checks} == {bench.folder / "logs"}


def test_what_a_check_leaves_running_is_told(bench: Bench) -> None:
    answer = said(bench, "setsid -f sleep 60")
    assert answer.result is Result.PASSED
    assert "left running: sleep" in answer.reason


def test_findings_are_signed(bench: Bench) -> None:
    answer = said(bench, "echo a.py:1: took 0.3s; exit 1")
    (finding,) = answer.findings
    assert finding == Finding(
        "it", "", "took 0.3s", b"a.py", 1, 0, 0, Severity.ERROR, False, "it::::took <duration>"
    )
