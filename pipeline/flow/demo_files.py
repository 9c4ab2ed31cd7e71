"""The demo's repository: a small shop, its configuration and its bundles, as text."""

import json
import sys
from collections.abc import Mapping
from typing import Any

SOURCES: Mapping[str, str] = {
    "README.md": "# Shop\n\nA very small shop.\n",
    "shop/__init__.py": '"""A very small shop."""\n',
    "shop/price.py": '''"""Prices in cents."""


def total(prices: list[int]) -> int:
    """Return the sum of all prices."""
    result = 0
    for price in prices:
        result += price
    return result
''',
    "shop/stock.py": '''"""What is there."""

STOCK = {"apple": 3, "pear": 5}


def available(name: str) -> int:
    """Return how many there are."""
    return STOCK.get(name, 0)
''',
    "shop/greeting.py": '''"""What customers read first."""

WELCOME = "Welcome!"
''',
    "tests/check_shop.py": '''"""Checks without a test framework: exit code 0 when all hold."""

import sys

sys.path.insert(0, ".")
from shop.price import total
from shop.stock import available

assert total([1, 2, 3]) == 6
assert available("apple") == 3
assert available("nothing") == 0
''',
    "workstreams/patches/discount.patch": '''diff --git a/shop/price.py b/shop/price.py
--- a/shop/price.py
+++ b/shop/price.py
@@ -7,3 +7,8 @@ def total(prices: list[int]) -> int:
     for price in prices:
         result += price
     return result
+
+
+def discounted(prices: list[int], percent: int) -> int:
+    """Return the sum of all prices, less a percentage."""
+    return total(prices) * (100 - percent) // 100
''',
}

_INVOICE = """
from pathlib import Path
Path("shop/invoice.py").write_text("\\n".join([
    "import sys",
    "import os",
    "from shop.price import discounted",
    "def invoice( prices:list[int] ) -> str:",
    "    'Return an invoice.'",
    "    return f'total {discounted(prices,10)} {sys.byteorder} {os.sep}'",
]))
"""

_REPORT = """
from pathlib import Path
Path("shop/report.py").write_text("\\n".join([
    "from shop.invoice import invoice",
    "",
    "",
    "def report(prices: list[int]) -> str:",
    "    return invoice(prices)",
    "",
]))
"""

_REORDER = """
from pathlib import Path
Path("shop/reorder.py").write_text("LEVEL = 1\\n")
"""

_OUTSIDE = """
from pathlib import Path
Path("shop/stock.py").write_text('STOCK = {}\\n')
Path("README.md").write_text("all yours\\n")
"""

_UNDECIDED = """
from pathlib import Path
path = Path("shop/mood.py")
now = path.read_text() if path.exists() else ""
path.write_text("MOOD = happy\\n" if "sad" in now else "MOOD = sad\\n")
"""

_BREAKS = """
from pathlib import Path
path = Path("shop/stock.py")
path.write_text(path.read_text().replace("STOCK.get(name, 0)", "STOCK[name]"))
"""


def _greets(text: str) -> str:
    return f"""
from pathlib import Path
path = Path("shop/greeting.py")
path.write_text(path.read_text().replace("Welcome!", {text!r}))
"""


def _bundle(ws_id: str, title: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": ws_id,
        "title": title,
        "tasks": [title],
        "acceptance_tests": [[sys.executable, "tests/check_shop.py"]],
        **fields,
    }


def _script(code: str) -> dict[str, Any]:
    return {"command": [sys.executable, "-c", code.strip()]}


def bundles() -> tuple[dict[str, Any], ...]:
    """The demo's workstreams, one for each way to end."""
    return (
        _bundle(
            "discount",
            "Add a discount",
            files_scope=["shop/price.py"],
            tool="patch",
            tool_args={"patch": "workstreams/patches/discount.patch"},
            priority=10,
        ),
        _bundle(
            "invoice",
            "Write invoices (untidily: the static gate is red, ruff repairs it)",
            files_create=["shop/invoice.py"],
            tool_args=_script(_INVOICE),
            depends_on=["discount"],
        ),
        _bundle(
            "report",
            "Report what was sold, on top of the invoices",
            files_create=["shop/report.py"],
            tool_args=_script(_REPORT),
            depends_on=["invoice"],
        ),
        _bundle(
            "restock",
            "Restock, and change the README on the way (out of scope)",
            files_scope=["shop/stock.py"],
            tool_args=_script(_OUTSIDE),
            allow_overlap=["lookup"],
        ),
        _bundle(
            "mood",
            "Cannot decide (every fix goes back to what was red before)",
            files_create=["shop/mood.py"],
            tool="undecided",
            tool_args=_script(_UNDECIDED),
            circuit_breaker={"max_attempts": 9, "max_error_repeats": 9},
        ),
        _bundle(
            "hello",
            "Say hello",
            files_scope=["shop/greeting.py"],
            tool_args=_script(_greets("Hello!")),
            allow_overlap=["good-day"],
            priority=5,
        ),
        _bundle(
            "good-day",
            "Say good day in the same line (conflicts with hello)",
            files_scope=["shop/greeting.py"],
            tool_args=_script(_greets("Good day!")),
        ),
        _bundle(
            "lookup",
            "Look things up strictly (its acceptance test is red)",
            files_scope=["shop/stock.py"],
            tool_args=_script(_BREAKS),
        ),
        _bundle(
            "reorder",
            "Order again what is gone (blocked: lookup does not land)",
            files_create=["shop/reorder.py"],
            tool_args=_script(_REORDER),
            depends_on=["lookup"],
        ),
    )


EXPECTED: Mapping[str, tuple[str, str]] = {
    "discount": ("done", "a patch, clean"),
    "invoice": ("done", "repaired mechanically"),
    "report": ("done", "chained"),
    "restock": ("quarantined", "out of scope"),
    "mood": ("quarantined", "oscillating"),
    "hello": ("done", "a command, clean"),
    "good-day": ("quarantined", "conflicting"),
    "lookup": ("quarantined", "fails its acceptance test"),
    "reorder": ("blocked", "its dependency failed"),
}
"""How each workstream of the demo ends, and why it is there."""


def config() -> dict[str, Any]:
    """The demo's configuration."""
    return {
        "project": {"id": "shop", "base": "main"},
        "gates": {
            "static": ["ruff", "ruff-format"],
            "runtime": [{"name": "shop", "command": [sys.executable, "tests/check_shop.py"]}],
        },
        "tools": {
            "undecided": {"type": "utility", "driver": "command", "takes_feedback": True},
        },
    }


def files() -> Mapping[str, str]:
    """Every file of the demo's repository, by path."""
    written = dict(SOURCES)
    # JSON is YAML too, and needs no dumper with an order of its own.
    written["pipeline.yaml"] = json.dumps(config(), indent=2) + "\n"
    for bundle in bundles():
        written[f"workstreams/{bundle['id']}.json"] = json.dumps(bundle, indent=2) + "\n"
    return written
