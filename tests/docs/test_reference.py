"""The reference is generated from the schemas; here its defaults are held against the code's."""

import dataclasses
import json
import re
from typing import Any
from xml.etree import ElementTree

from doc_blocks import ROOT, text_of

from pipeline.flow.demo_files import EXPECTED
from pipeline.model.check import ToolProfile
from pipeline.model.codec import encode
from pipeline.model.config import Config
from pipeline.model.workstream import BreakerLimits

REFERENCE = "docs/reference.md"


def fields(section: str) -> dict[str, str]:
    """The rows of one section: field and default as JSON, empty where none is given."""
    part = text_of(REFERENCE).partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| .*? \| (?:`(.*?)`)? \| ", part, re.MULTILINE)
    return dict(rows)


def plain_sections() -> dict[str, Any]:
    config = Config()
    return {
        f.name: getattr(config, f.name)
        for f in dataclasses.fields(config)
        if dataclasses.is_dataclass(getattr(config, f.name))
    }


def test_every_setting_of_the_code_is_in_the_reference_and_the_other_way_round() -> None:
    documented = {key for key in fields("pipeline.yaml") if "[" not in key and ".ID" not in key}
    wanted = {f.name for f in dataclasses.fields(Config)}
    for name, section in plain_sections().items():
        wanted |= {f"{name}.{f.name}" for f in dataclasses.fields(section)}
    assert documented == wanted


def test_defaults_of_the_reference_are_those_of_the_code() -> None:
    documented = fields("pipeline.yaml")
    for name, section in plain_sections().items():
        for field in dataclasses.fields(section):
            shown = documented[f"{name}.{field.name}"]
            value = encode(getattr(section, field.name))
            if shown and shown != '["@default"]':
                assert json.loads(shown) == value, f"{name}.{field.name}"


def test_defaults_of_tools_and_limits_are_those_of_the_code() -> None:
    for section, prefix, value in (
        ("A tool profile", "", ToolProfile("x")),
        ("A bundle", "circuit_breaker.", BreakerLimits()),
    ):
        for field in dataclasses.fields(value):
            shown = fields(section)[f"{prefix}{field.name}"]
            if shown:
                actual = encode(getattr(value, field.name))
                assert json.loads(shown) == actual, f"{section}: {field.name}"


def test_the_picture_is_one_and_shows_every_ending() -> None:
    """It is drawn by hand (docs/pictures.py), so that only what cannot change is compared."""
    root = ElementTree.parse(ROOT / "docs/demo.svg").getroot()
    shown = " ".join("".join(root.itertext()).replace("\xa0", " ").split())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    for ws_id, (state, because) in EXPECTED.items():
        assert re.search(rf"{ws_id}\s+{state}\s+{re.escape(because)}", shown), ws_id
    source = (ROOT / "docs/demo.svg").read_text(encoding="utf-8")
    assert re.findall(r"https?://(?!www\.w3\.org)", source) == []
