"""What reading commands print as JSON holds to the schemas, and to ASCII."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.schema import violations


@pytest.mark.parametrize(
    ("arguments", "key", "schema"),
    [
        (["show-run"], None, "run_summary.v1.json"),
        (["runs"], "runs", "run_record.v1.json"),
        (["show-events"], "events", "event.v1.json"),
        (["show-patches"], "patches", "patch_ledger_entry.v1.json"),
        (["verify"], None, "verification.v1.json"),
        (["replay"], None, "verification.v1.json"),
    ],
)
def test_json_is_valid_by_its_schema(
    *,
    pipeline: Callable[..., Any],
    mixed: Any,
    checkout: Path,
    arguments: list[str],
    key: str | None,
    schema: str,
) -> None:
    shown = pipeline(*arguments, "--format", "json", "--repo", checkout)
    data = json.loads(shown.out)
    values = data[key] if key else [data]
    assert shown.out.isascii() and values
    for value in values:
        assert list(violations(schema, value)) == []
