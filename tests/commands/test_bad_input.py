"""Bad bundles, configurations, repositories and arguments: a clear refusal, and nothing changed."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from projects import Project
from refusals import Said, assert_helps, everything, script

from pipeline.cli import main
from pipeline.work.editors.command import EXAMPLES

BUNDLE = {"id": "one", "tasks": ["t"], "files_scope": ["a.txt"], "acceptance_tests": ["true"]}


def bundle(**fields: object) -> str:
    return json.dumps({**BUNDLE, "tool_args": {"command": "echo A > a.txt"}, **fields})


@pytest.fixture
def refused(project: Project, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Said]]:
    """Runs a command that has to leave everything as it was."""

    def run(*arguments: str | Path, top: Path | None = None) -> Said:
        top = top or project.top
        before = everything(top)
        capfd.readouterr()
        code = main([*map(str, arguments), "--repo", str(top)])
        said = Said(int(code), *capfd.readouterr())
        assert everything(top) == before
        return said

    yield run
    assert not (project.top / ".pipeline").exists()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"w.json": '{"id": "one",'}, ["w.json:1"]),
        ({"w.json": ""}, ["w.json"]),
        ({"w.json": "[]"}, ["w.json"]),
        ({"w.json": "\ufeff" + "{"}, ["w.json"]),
        ({"w.json": '{"id": "one", "id": "two"}'}, ["w.json", "id"]),
        ({"w.json": "[" * 100_000}, ["w.json"]),
        ({"w.json": '{"priority": 1e999}'}, ["w.json", "priority"]),
        ({"w.json": b"\xff\xfe{"}, ["w.json"]),
        ({"w.yaml": "id: one\n  tasks: [t]\n"}, ["w.yaml:2"]),
        ({"w.yaml": "id: one\nid: two\n"}, ["w.yaml", "id"]),
        ({"w.yaml": "a: &a [*a]\n"}, ["w.yaml"]),
        ({"w.yaml": "!!python/object/apply:os.system [ls]\n"}, ["w.yaml"]),
        ({"w.json": bundle(tasks="t")}, ["w.json", "$.tasks"]),
        ({"w.json": bundle(priority="high")}, ["w.json", "$.priority"]),
        ({"w.json": bundle(taks=["t"])}, ["w.json", "taks", "tasks"]),
        ({"w.json": bundle(id="Not An Id")}, ["w.json", "$.id"]),
        ({"w.json": bundle(id="x.lock")}, ["w.json", "$.id"]),
        ({"w.json": bundle(depends_on=["nobody"])}, ["w.json", "$.depends_on[0]", "nobody"]),
        ({"w.json": bundle(depends_on=["one"])}, ["w.json", "itself"]),
        ({"w.json": bundle(tool="no-such")}, ["w.json", "$.tool", "no-such"]),
        ({"w.json": bundle(gate="no-such")}, ["w.json", "$.gate", "no-such"]),
        ({"w.json": bundle(files_scope=["../out"])}, ["w.json", "$.files_scope[0]"]),
        ({"w.json": bundle(files_scope=["/etc/\0"])}, ["w.json", "$.files_scope[0]"]),
        ({"w.json": bundle(tool="patch", tool_args={"patch": "no.patch"})}, ["w.json", "no.patch"]),
        ({"w.json": bundle(tool_args={"command": "x {nothing}"})}, ["w.json", "nothing"]),
        ({"w.json": bundle(), "v.json": bundle()}, ["v.json", "w.json", "one"]),
        (
            {
                "a.json": bundle(id="a", depends_on=["b"]),
                "b.json": bundle(id="b", depends_on=["a"]),
            },
            ["a → b → a"],
        ),
        ({"a.json": bundle(id="a"), "b.json": bundle(id="b")}, ["b.json", "`a`", "a.txt"]),
        ({"w.json": bundle(title="x" * 2_000_000)}, ["w.json"]),
    ],
)
def test_wrong_bundles_are_refused(project, refused, files, words):
    for name, content in files.items():
        project.write(f"workstreams/{name}", content)
    for verb in ("run", "plan"):
        assert_helps(refused(verb), 2, *words)
    assert refused("validate").code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run: [", ["pipeline.yaml:2"]),
        ("run: {jobs: many}", ["pipeline.yaml", "$.run.jobs"]),
        ("run: {jbos: 2}", ["pipeline.yaml", "jbos"]),
        ("landing: {mode: all}", ["pipeline.yaml", "$.landing.mode"]),
        ("gates: {static: [no-such]}", ["pipeline.yaml", "no-such"]),
        ("tools: {t: {command: 3}}", ["pipeline.yaml", "$.tools.t.command"]),
        ("paths: {ws_prefix: 'a b'}", ["pipeline.yaml", "ws_prefix"]),
        ("paths: {ws_prefix: same, run_prefix: same}", ["pipeline.yaml", "prefix"]),
        ("run: {}\nrun: {}", ["pipeline.yaml", "run"]),
    ],
)
def test_wrong_configuration_is_refused(project, refused, text, words):
    project.write("pipeline.yaml", text)
    project.write("workstreams/w.json", bundle())
    for verb in ("run", "plan"):
        assert_helps(refused(verb), 2, *words)
    assert refused("validate").code == 2


def test_every_problem_is_told_at_once(project, refused):
    project.write("workstreams/a.json", bundle(id="a", priority="x"))
    project.write("workstreams/b.json", "{")
    project.write("workstreams/c.json", bundle(id="c", depends_on=["nobody"]))
    assert_helps(refused("run"), 2, "a.json", "b.json", "c.json")


def test_folder_of_bundles_that_is_not_there_or_empty_or_a_file(project, refused):
    assert_helps(refused("run"), 2, "workstreams")
    (project.top / "workstreams").mkdir()
    assert_helps(refused("run"), 2, "workstreams")
    (project.top / "workstreams").rmdir()
    project.write("workstreams", "a file\n")
    assert_helps(refused("run"), 2, "workstreams")
    assert_helps(refused("run", "--workstreams", project.top / "nowhere"), 2, "nowhere")


def test_folder_of_bundles_may_be_a_link(project, tmp_path, capfd):
    real = tmp_path / "elsewhere"
    real.mkdir()
    (real / "w.json").write_text(bundle())
    (project.top / "workstreams").symlink_to(real)
    assert main(["run", "--quiet", "--repo", str(project.top)]) == 0, capfd.readouterr().err


def test_bundles_with_windows_line_ends_and_odd_names(project, capfd):
    project.write("workstreams/one two\n\"three\" 'x'.json", bundle().replace("{", "{\r\n"))
    project.write(
        "workstreams/w.yaml",
        "id: two\r\ntasks: [t]\r\nfiles_scope: [b.txt]\r\nacceptance_tests: ['true']\r\n"
        "tool_args: {command: 'printf \"B\\n\" > b.txt'}\r\n",
    )
    odd = os.path.join(os.fsencode(project.top), b"workstreams", b"odd-\xff.json")  # noqa: PTH118
    with open(odd, "w") as file:  # noqa: PTH123 - bytes
        file.write(bundle(id="three", files_scope=["c.txt"], tool_args={"command": "echo>c.txt"}))
    assert main(["run", "--quiet", "--repo", str(project.top)]) == 0, capfd.readouterr().err


@pytest.mark.parametrize("name", ["with space", "line\nend", "quote'\"$(x)", "ünï", "-dash", "%s"])
def test_repository_whose_path_has_odd_characters(new_project, name, capfd):
    project = new_project(name)
    project.writes("one", "a.txt", "A\n")
    assert main(["run", "--quiet", "--repo", str(project.top)]) == 0, capfd.readouterr().err


def test_repository_whose_path_is_not_utf8(new_project, tmp_path, capfd):
    plain = new_project("plain")
    plain.writes("one", "a.txt", "A\n")
    odd = tmp_path / os.fsdecode(b"odd-\xff\xfe")
    plain.top.rename(odd)
    assert main(["run", "--quiet", "--repo", str(odd)]) == 0, capfd.readouterr().err
    assert main(["plan", "--repo", str(odd)]) == 0
    assert main(["show-run", "--repo", str(odd)]) == 0


def test_repositories_that_cannot_be_used(tmp_path, capfd, new_project):
    def refusal(top: Path) -> Said:
        before = everything(top)
        capfd.readouterr()
        code = main(["run", "--repo", str(top)])
        assert everything(top) == before
        return Said(code, *capfd.readouterr())

    folder = tmp_path / "folder"
    folder.mkdir()
    assert_helps(refusal(folder), 3, "not in a git repository", "git init")
    unborn = tmp_path / "unborn"
    subprocess.run(["git", "init", "--quiet", unborn], check=True)
    (unborn / "workstreams").mkdir()
    (unborn / "workstreams" / "w.json").write_text(bundle(files_create=["n"], files_scope=[]))
    assert_helps(refusal(unborn), 3, "no commit yet", "Commit something")
    bare = tmp_path / "bare"
    subprocess.run(["git", "init", "--quiet", "--bare", bare], check=True)
    assert_helps(refusal(bare), 3, "bare", "clone")
    project = new_project()
    assert_helps(refusal(project.top / ".git"), 3, "checkout")
    said = Said(main(["run", "--repo", str(tmp_path / "gone")]), *capfd.readouterr())
    assert said.code in (2, 3)
    assert "gone" in said.err


def test_damaged_repository(project, refused):
    project.writes("one", "a.txt", "A\n")
    (project.top / ".git" / "HEAD").write_text("nonsense\n")
    assert_helps(refused("run"), 3, "next:")


@pytest.mark.parametrize("name", ["no-such", "HEAD~9", "a..b", "--help", "", "x\ny", "@{-9}"])
def test_base_that_does_not_exist(project, refused, name):
    project.writes("one", "a.txt", "A\n")
    for verb in ("run", "plan"):
        assert_helps(refused(verb, f"--base={name}"), 2, "next:")


@pytest.mark.parametrize(
    "branch", ["ws", "ws/plan", "pipeline", "ws/plan/one/more", "ws/add-things"]
)
def test_branch_in_the_way(project, refused, branch):
    project.writes("one", "a.txt", "A\n")
    project.writes("two", "b.txt", "B\n", openspec_change="add-things")
    project.git("branch", branch)
    assert_helps(refused("run"), 2, f"`{branch}`", "git branch -m")


def test_unknown_ids_for_only(project, refused):
    project.writes("one", "a.txt", "A\n")
    assert_helps(refused("run", "--only", "oen"), 2, "--only", "oen", "one")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--jobs", "0"],
        ["--jobs", "x"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--landing", "all"],
        ["--no-such"],
        ["surplus"],
        ["--format", "xml"],
        ["--plan", "nowhere.json"],
    ],
)
def test_wrong_arguments(project, refused, arguments):
    project.writes("one", "a.txt", "A\n")
    said = refused("run", *arguments)
    assert_helps(said, 2)
    assert said.err


def test_plan_files_that_are_no_plans(project, refused, tmp_path, capfd, new_project):
    project.writes("one", "a.txt", "A\n")
    assert main(["plan", "--format", "json", "--repo", str(project.top)]) == 0
    good = json.loads(capfd.readouterr().out)
    file = tmp_path / "plan.json"
    for content, words in (
        (b"", ["not a plan"]),
        (b"{}", ["not a plan"]),
        (b"\xff\x00", ["not a plan", "next:"]),
        (b"[" * 100_000, ["not a plan"]),
        (json.dumps({**good, "base_commit": "0" * 40}).encode(), ["changed after"]),
        (json.dumps({**good, "surplus": 1}).encode(), ["not a plan"]),
    ):
        file.write_bytes(content)
        assert_helps(refused("run", "--plan", file), 2, "plan.json", *words)
    other = new_project("other")
    other.writes("one", "a.txt", "A\n")
    other.commit({"more": "x"})
    main(["plan", "--format", "json", "--repo", str(other.top)])
    file.write_text(capfd.readouterr().out)
    assert_helps(refused("run", "--plan", file), 2, "commit")


def test_plan_file_excludes_what_it_already_says(project, refused, tmp_path, capfd):
    project.writes("one", "a.txt", "A\n")
    file = tmp_path / "plan.json"
    main(["plan", "--format", "json", "--repo", str(project.top)])
    file.write_text(capfd.readouterr().out)
    for option in (["--only", "one"], ["--base", "main"], ["--workstreams", "workstreams"]):
        assert_helps(refused("run", "--plan", file, *option), 2, option[0], "--plan")


def test_missing_programs_are_all_told_before_anything_runs(project, refused, tmp_path):
    ran = tmp_path / "ran"
    project.configure(
        tools={
            "agent": {"command": ["no-such-agent"]},
            "unused": {"command": ["no-such-unused"]},
        },
        gates={
            "static": [{"name": "lint", "command": ["no-such-linter", "x"]}],
            "unit": [{"name": "u", "command": ["no-such-unit"]}],
            "security": [{"name": "s", "command": ["no-such-scanner"]}],
        },
    )
    project.script("one", f"open({str(ran)!r}, 'w')", files_scope=["a.txt"], gate="unit")
    project.bundle("two", tool="agent", files_scope=["b.txt"])
    project.bundle(
        "three",
        tool_args={"command": ["no-such-codemod"]},
        files_scope=["c.txt"],
        acceptance_tests=[["no-such-test"], ["./in-tree"], "no-such-in-shell"],
    )
    said = refused("run")
    assert_helps(said, 3, "next:", "no-such-linter", "static")
    assert_helps(said, 3, "no-such-agent", "tool `agent` of the workstream `two`", "no-such-unit")
    assert_helps(said, 3, "no-such-codemod", "three", "no-such-test")
    for absent in ("no-such-unused", "no-such-scanner", "in-tree", "no-such-in-shell"):
        assert absent not in said.err
    assert not ran.exists()
    assert refused("plan").code == 0  # a plan may be made where it cannot run
    assert_helps(refused("run", "--only", "two"), 3, "no-such-agent")
    assert "no-such-codemod" not in refused("run", "--only", "two").err


def test_update_base_wants_a_clean_branch(project, refused):
    project.writes("one", "a.txt", "A\n")
    project.write("a.txt", "uncommitted\n")
    assert_helps(refused("run", "--update-base"), 3, "uncommitted", "Commit or stash")
    tag = project.git("rev-parse", "HEAD")
    assert_helps(refused("run", "--update-base", "--base", tag), 2, "--update-base")


def test_unknown_verb_helps(capfd):
    said = Said(main(["rnu"]), *capfd.readouterr())
    assert_helps(said, 2, "rnu", "run")


def test_help_is_shown_by_the_console_script(tmp_path):
    assert script("--help", cwd=tmp_path).code == 0


def test_missing_variables_are_told_before_anything_runs(project, refused):
    project.configure(
        tools={"agent": {"command": ["true"], "env": {"KEY": "env:NO_SUCH_SECRET"}}},
        gates={"static": [{"name": "s", "command": ["true"], "env": {"T": "env:NO_SUCH_TOKEN"}}]},
    )
    project.bundle("one", tool="agent", files_scope=["a.txt"])
    assert_helps(refused("run"), 3, "NO_SUCH_SECRET", "NO_SUCH_TOKEN", "the gate `static`")


def test_every_name_for_templates_is_offered(project, capfd):
    """The names that are accepted early are those that the tool is given."""
    names = " ".join(f"{{{name}}}" for name in EXAMPLES)
    project.bundle("one", tool_args={"command": f"echo {names} > a.txt"}, files_scope=["a.txt"])
    assert main(["run", "--quiet", "--repo", str(project.top)]) == 0, capfd.readouterr().out


def test_files_with_windows_line_ends_keep_them(project, capfd):
    project.commit({"dos.txt": "one\r\ntwo\r\n"})
    code = "b = open('dos.txt', 'rb').read(); open('dos.txt', 'wb').write(b + b'three\\r\\n')"
    project.script("one", code, files_scope=["dos.txt"])
    assert main(["run", "--quiet", "--format", "json", "--repo", str(project.top)]) == 0
    branch = json.loads(capfd.readouterr().out)["integration_branch"]
    assert project.git("cat-file", "-s", f"{branch}:dos.txt") == str(len("one\r\ntwo\r\nthree\r\n"))
