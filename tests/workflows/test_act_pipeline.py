"""A pushed branch with bundles becomes pull requests and check runs; tools find no token."""

import base64
import re

import pytest
from workflows.acting import Stage
from workflows.bundles import bundle

pytestmark = [pytest.mark.workflows, pytest.mark.slow]

SEARCH = """
import glob, os, pathlib
places = [repr(dict(os.environ))]
names = ["/proc/*/environ", "/proc/*/cmdline", ".git/config"]
names += [str(up / ".git" / "config") for up in pathlib.Path.cwd().parents]
for path in [path for name in names for path in glob.glob(name)]:
    try:
        places.append(pathlib.Path(path).read_text(errors="replace"))
    except OSError:
        pass
found = [place for place in places if "ghs_" "hidden" in place]
said = ("FOUND =", len(found), "LOOKED =", len(places))
pathlib.Path("shop.py").write_text("# " + " ".join(map(str, said)))
"""  # without braces, which are a template's


def test_a_pushed_bundle_is_run_and_published(stage: Stage) -> None:
    """One lands, one is refused: both are told, and the default branch stays where it was."""
    main = stage.git("rev-parse", "refs/heads/main")
    stage.github.commit(
        "workstreams/first",
        {
            "workstreams/tax.json": bundle("tax", "echo 'TAX = 0.2' >> shop.py"),
            "workstreams/typo.json": bundle(
                "typo", "echo '# teh shop' >> shop.py", allow_overlap=["tax"]
            ),
        },
        "Ask for a tax",
    )
    played = stage.run("pipeline.yml", "push", {}, ref="workstreams/first")
    assert played.job_ended("Run the workstreams") == "failed", "a workstream did not land"
    assert played.job_ended("Check and publish") == "succeeded"
    state = stage.github.state()
    (pull,) = (one for one in stage.pulls() if one["head"] == "ws/plan/tax")
    assert pull["base"] == "main"
    assert "TAX = 0.2" in stage.git("show", "refs/heads/ws/plan/tax:shop.py")
    names = {(run["name"], run["conclusion"]) for run in state["check_runs"].values()}
    assert any("spelling" in name or "static" in name for name, _ in names), names
    assert {"success", "failure"} <= {conclusion for _, conclusion in names}
    assert stage.git("rev-parse", "refs/heads/main") == main
    assert re.search(r"refs/pipeline/", stage.git("for-each-ref"))
    assert {path.name for path in played.artifacts.iterdir()} == {
        "pipeline-handover",
        "pipeline-telemetry",
    }

    stage.github.clear_log()
    stage.run("pipeline.yml", "push", {}, ref="workstreams/first")
    assert stage.github.state()["issues"].keys() == state["issues"].keys()


def test_a_tool_that_looks_for_a_token_finds_none(stage: Stage) -> None:
    stage.token = "ghs_" + "hidden"
    stage.github.add_token(stage.token)
    stage.github.commit(
        "workstreams/thief",
        {"workstreams/thief.json": bundle("thief", ["python3", "-c", SEARCH])},
        "Look around",
    )
    played = stage.run("pipeline.yml", "push", {}, ref="workstreams/thief")
    assert played.job_ended("Check and publish") == "succeeded"
    said = stage.git("show", "refs/heads/ws/plan/thief:shop.py")
    found, looked = map(int, re.findall(r"= (\d+)", said))
    assert found == 0 and looked > 5, said
    assert stage.token not in played.log


SPOIL = """
import pathlib, sys
name, folder = sys.argv[1:]
if name == "pipeline-handover":
    bundle = pathlib.Path(folder) / "run.bundle"
    content = bytearray(bundle.read_bytes())
    content[-30] ^= 1
    bundle.write_bytes(content)
"""


def test_a_handover_that_was_changed_is_not_published(stage: Stage) -> None:
    stage.tamper = "; ".join(["import base64", f"exec(base64.b64decode('{encoded(SPOIL)}'))"])
    stage.github.commit(
        "workstreams/first",
        {"workstreams/tax.json": bundle("tax", "echo 'TAX = 0.2' >> shop.py")},
        "Ask for a tax",
    )
    before = stage.git("for-each-ref")
    played = stage.run("pipeline.yml", "push", {}, ref="workstreams/first")
    assert played.job_ended("Run the workstreams") == "succeeded"
    assert played.job_ended("Check and publish") == "failed"
    assert stage.git("for-each-ref") == before
    assert stage.writes() == []


def encoded(text: str) -> str:
    """A program as one line, for a file of variables."""
    return base64.b64encode(text.encode()).decode()


def test_with_an_app_all_is_written_as_the_app(stage: Stage, callers: dict[str, str]) -> None:
    """Its key comes from the caller here, for act knows no environments."""
    stage.github.add_token("ghs_app", name="the app")
    text = callers[".github/workflows/pipeline.yml"] + (
        "      app-client-id: Iv1.client\n"
        "    secrets:\n"
        "      APP_PRIVATE_KEY: ${{ secrets.APP_PRIVATE_KEY }}\n"
    )
    stage.secrets["APP_PRIVATE_KEY"] = "a key"
    files = {".github/workflows/pipeline.yml": text}
    files["workstreams/tax.json"] = bundle("tax", "echo 'TAX = 0.2' >> shop.py")
    stage.github.commit("workstreams/first", files, "Ask for a tax")
    assert stage.run("pipeline.yml", "push", {}, ref="workstreams/first").code == 0
    log = [one for one in stage.github.log(writes=True) if "git-upload-pack" not in one.path]
    assert {one.token for one in log} == {"the app"}
    assert len(stage.pulls()) == 1
