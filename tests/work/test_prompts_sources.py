"""What is read from the files of a repository: tokens, signatures, imports."""

import pytest

from pipeline.work.prompts.imports import imported_files
from pipeline.work.prompts.outline import outline
from pipeline.work.prompts.tokens import estimate, factor

PYTHON = '''"""A module.

With more to say.
"""

import os
from a.b import c

LIMIT = 3
size: int = 4


@decorated
class Thing(Base, metaclass=Meta):
    """A thing."""

    name: str = "x"

    async def act(self, *, x: int = 1) -> str:
        """Act."""
        return "secret body"


def helper(a, /, *b):
    for one in b:
        print("secret body")
'''


def test_a_python_file_is_outlined_by_its_syntax() -> None:
    assert outline("m.py", PYTHON) == (
        '"""A module."""\n'
        "import os\n"
        "from a.b import c\n"
        "LIMIT = …\n"
        "size: int\n"
        "@decorated\n"
        "class Thing(Base, Meta):\n"
        '    """A thing."""\n'
        "    name: str\n"
        "    async def act(self, *, x: int=1) -> str: ...\n"
        '        """Act."""\n'
        "def helper(a, /, *b): ...\n"
    )


def test_a_broken_python_file_is_outlined_by_its_lines() -> None:
    assert outline("m.py", "def good():\n    x = (\n\nclass Bad:\n") == "def good():\nclass Bad:\n"


@pytest.mark.parametrize("text", ["x = " + "(" * 5000, "x = " + "-" * 100_000 + "1", "a\0b"])
def test_hostile_python_is_no_reason_to_fail(text: str) -> None:
    assert isinstance(outline("m.py", text), str)


@pytest.mark.filterwarnings("error")
def test_odd_escapes_warn_nobody() -> None:
    assert outline("m.py", 'def f(x="\\d"): pass\n') == "def f(x='\\\\d'): ...\n"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "a.ts",
            "export async function f(a: b) {\n  body();\n}\n",
            "export async function f(a: b)\n",
        ),
        ("a.go", "func (s *S) F() int {\n\treturn 1\n}\n", "func (s *S) F() int\n"),
        ("a.rs", "pub(crate) fn f() -> u8 {\n    1\n}\n", "pub(crate) fn f() -> u8\n"),
        ("a.sh", "go() {\n  echo\n}\n", "go()\n"),
        ("a.md", "# One\n\ntext\n\n## Two\n", "# One\n## Two\n"),
    ],
)
def test_other_files_are_outlined_by_lines(path: str, text: str, expected: str) -> None:
    assert outline(path, text) == expected


def test_an_outline_is_short() -> None:
    text = "".join(f"const a{n} = '{'x' * 500}'\n" for n in range(1000))

    assert len(outline("a.js", text)) < 100_000
    assert outline("a.js", text).endswith("…\n")


KNOWN = {
    "src/app/main.py", "src/app/__init__.py", "src/app/util.py", "src/app/deep/one.py",
    "src/top.py", "tool.py", "web/a.ts", "web/b.tsx", "web/lib/index.js", "web/c.js", "web/d.ts",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("src/app/main.py", "from app import util\n", ["src/app/util.py", "src/app/__init__.py"]),
        ("src/app/main.py", "from .deep.one import x\n", ["src/app/deep/one.py"]),
        ("src/app/main.py", "from . import util, gone\n", ["src/app/util.py"]),
        ("src/app/deep/one.py", "from ..util import (\n    x,\n)\n", ["src/app/util.py"]),
        ("src/app/main.py", "import tool, top as t, json\n", ["tool.py", "src/top.py"]),
        ("src/app/main.py", "import app.main\n", []),
        ("src/app/main.py", "from ...........x import y\n", []),
        ("web/a.ts", "import x from './b'\n", ["web/b.tsx"]),
        ("web/a.ts", "export * from './lib'\n", ["web/lib/index.js"]),
        ("web/a.ts", "const c = require('./c'); import('./d.js')\n", ["web/c.js", "web/d.ts"]),
        ("web/a.ts", "import r from 'react'; import y from '../../../etc/passwd'\n", []),
        ("web/a.css", "@import './b'\n", []),
    ],
)  # fmt: skip
def test_imports_name_files_of_the_repository(path: str, text: str, expected: list[str]) -> None:
    assert list(imported_files(path, text, KNOWN.__contains__)) == expected


# Counted by cl100k_base.
COUNTED = {
    "def add(a: int, b: int) -> int:\n    return a + b\n": 19,
    "The quick brown fox jumps over the lazy dog.\n": 10,
}


def test_estimates_are_near_what_a_tokenizer_counts() -> None:
    for text, count in COUNTED.items():
        assert estimate(text * 50, "gpt-5") == pytest.approx(count * 50, rel=0.15)


def test_a_model_is_known_by_its_family_however_it_is_spelt() -> None:
    assert factor("openai/gpt-5-codex") == factor("gpt-4o") == 1.0
    assert factor("anthropic/claude-sonnet-4") == factor("sonnet") > 1.0
    assert factor("gpt/gemini-2.5") == factor("") > 1.0
    assert estimate("word " * 100, "claude-x") > estimate("word " * 100, "gpt-5")


def test_other_scripts_count_by_their_bytes() -> None:
    assert 200 < estimate("日本語" * 100, "gpt") < 400
    assert estimate("🎉" * 100, "gpt") > 200
    assert estimate("", "gpt") == 0


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "from " + "." * 120_000),
        ("a.py", "from" + " " * 120_000 + "x"),
        ("a.py", "import" + " " * 120_000 + "!"),
        ("a.js", "import" + " " * 120_000 + "x"),
        ("a.js", "import './" + "a/" * 60_000),
        ("a.js", "export " * 20_000),
        ("a.sh", "a" * 120_000),
        ("a.py", "(" * 120_000),
    ],
)
def test_files_made_to_take_long_do_not(path: str, text: str) -> None:
    imported_files(path, text, KNOWN.__contains__)
    outline(path, text)
    estimate(text)
