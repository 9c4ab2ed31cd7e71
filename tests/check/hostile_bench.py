"""The repository that the hostile cases are written for, and proof that nothing around changed."""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.git import Repository
from pipeline.check.validate import Validation, validate_patch
from pipeline.model.patch import PatchPolicy
from pipeline.model.scope import Protected, Scope

TWENTY_LINES = "".join(f"line {number}\n" for number in range(1, 21))
FILES = {
    "src/app.py": TWENTY_LINES,
    "pyproject.toml": TWENTY_LINES,
    "package.json": TWENTY_LINES,
    ".github/workflows/ci.yml": TWENTY_LINES,
    "Makefile": TWENTY_LINES,
    "src/util.py": "u1\nu2\n",
    "tests/test_app.py": "def test_a():\n    assert True\n",
    "tools/deploy.sh": "#!/bin/sh\necho deploy\n",
    "private/key.txt": "do not copy me\n",
    ".gitignore": "build/\n__pycache__/\n*.log\n",
}
SCOPE = Scope(("src/**",), ("src/new.py",))
PROTECTED = Protected(
    (
        ".gitmodules",
        ".gitattributes",
        ".gitignore",
        ".github/",
        "__pycache__/",
        "conftest.py",
        "pytest.ini",
        "pyproject.toml",
        "package.json",
        "Makefile",
        "AGENTS.md",
        "*.pth",
    )
)
_GIT_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A U Thor",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "C O Mitter",
    "GIT_COMMITTER_EMAIL": "committer@example.com",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class Bench:
    """A checkout, a folder outside and a home side by side in ``root``."""

    root: Path

    @property
    def top(self) -> Path:
        return self.root / "repository"

    @property
    def outside(self) -> Path:
        return self.root / "outside"

    def run(self, *argv: str | bytes | Path, stdin: bytes = b"", is_ok: bool = True) -> bytes:
        env = _GIT_ENV | {"HOME": str(self.root / "home")}
        done = subprocess.run(
            argv, cwd=self.top, env=env, input=stdin, capture_output=True, check=False
        )
        assert done.returncode == 0 or not is_ok, (argv, done.stderr)
        return done.stdout

    def git(self, *args: str | bytes | Path, stdin: bytes = b"") -> bytes:
        return self.run("git", *args, stdin=stdin)

    def put(self, name: str | bytes, content: str | bytes, mode: int = 0o644) -> None:
        path = self.top / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)

    def commit(self) -> str:
        """Commit everything; the id of the tree."""
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", "state")
        return self.git("rev-parse", "HEAD^{tree}").decode().strip()

    def difference(self, *flags: str) -> bytes:
        """What the checkout differs in from HEAD, as the user's own git tells it."""
        self.git("add", "-A", "-f")
        text = self.git("diff", "--cached", "--no-renames", *flags)
        self.git("reset", "-q", "--hard")
        return text

    def validate(
        self,
        patch: bytes,
        *,
        policy: PatchPolicy | None = None,
        scope: Scope = SCOPE,
        protected: Protected = PROTECTED,
    ) -> Validation:
        with Repository.discover(self.top) as repository, repository.scratch() as scratch:
            return validate_patch(
                patch,
                start_tree=self.git("rev-parse", "HEAD^{tree}").decode().strip(),
                scratch=scratch,
                scope=scope,
                protected=protected,
                policy=policy or PatchPolicy(),
            )


def make_bench(root: Path) -> Bench:
    """The repository of the hostile cases, committed, in a folder that has to be empty."""
    bench = Bench(root)
    for folder in (bench.top, bench.outside, root / "home"):
        folder.mkdir()
    (bench.outside / "target.txt").write_text("target\n")
    (root / "home" / ".gitconfig").write_text("[user]\n\tname = nobody\n")
    bench.git("init", "-q", "-b", "main")
    for name, content in FILES.items():
        bench.put(name, content)
    bench.put(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n", 0o755)
    bench.commit()
    return bench


def digest(root: Path) -> dict[str, str]:
    """Every path below a folder with its kind, mode and content: refs, configuration, all."""
    found = {}
    for path in root.rglob("*"):
        content = b""
        if path.is_symlink():
            content = os.fsencode(path.readlink())
        elif path.is_file():
            content = path.read_bytes()
        told = f"{path.lstat().st_mode:o} {hashlib.sha256(content).hexdigest()}"
        found[str(path.relative_to(root))] = told
    return found
