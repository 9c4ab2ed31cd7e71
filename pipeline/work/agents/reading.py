"""Reading what agents print: JSON lines, numbers, amounts, texts of a bounded length."""

import json
from collections.abc import Iterator
from typing import Any

MESSAGE_LIMIT = 300
_NANO = 1_000_000_000


def json_lines(data: bytes) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines stream; lines that are none are passed over."""
    for line in data.splitlines():
        if not line.lstrip().startswith(b"{"):
            continue
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def mapping(value: object) -> dict[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def count(value: object) -> int:
    """A number of tokens or requests; 0 for what is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(0, int(value)) if is_number else 0  # type: ignore[call-overload]  # is a number


def nusd(value: object) -> int | None:
    """Dollars as billionths of a dollar; ``None`` for what is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return round(value * _NANO)


def text_of(data: bytes) -> str:
    """Output as text, whatever it holds."""
    return data.decode("utf-8", "replace")


def last_line(text: str) -> str:
    """The last line that says something, cut."""
    lines = text.strip().splitlines()
    return cut(lines[-1].strip(), MESSAGE_LIMIT) if lines else ""


def cut(text: str, limit: int) -> str:
    """The text, or its end where it is longer: an agent's conclusion stands there."""
    return text if len(text) <= limit else "… " + text[-limit:]
