"""docs/reports.md shows what is really said, all of it as it is."""

import pytest
from documented import DOCUMENT, renewed, shown, texts
from rendered import render

TEXTS = texts()


@pytest.mark.parametrize("name", TEXTS)
def test_the_document_shows_the_text_as_it_is(name: str) -> None:
    found = dict(shown(DOCUMENT.read_text(encoding="utf-8")))
    assert found.get(name) == TEXTS[name], "run: python tests/report/github/documented.py"


def test_the_document_is_written_as_it_stands() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert renewed(text) == text
    assert renewed(text.replace("rewrite", "x")) == text


@pytest.mark.parametrize("name", ["pull request", "failed pull request", "comment", "issue"])
def test_what_is_shown_renders(name: str) -> None:
    found = render(TEXTS[name])
    assert "table_open" in found.kinds
    assert not (found.live or found.foreign_elements)
