"""Every relative link leads somewhere, and nothing in the documents is left over from a plan."""

import posixpath
import re

import pytest
from doc_blocks import DOCUMENTS, ROOT, anchors, code_spans, links, text_of


def broken(document: str, text: str) -> list[str]:
    """The relative links of a document that lead nowhere."""
    folder = posixpath.dirname(document)
    found = []
    for link in links(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(folder, path)) if path else document
        if not (ROOT / target).exists():
            found.append(link)
        elif anchor:
            known = anchors(text if target == document else text_of(target))
            found += [] if anchor in known else [link]
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    assert broken(document, text_of(document)) == []


def test_the_check_can_fail() -> None:
    assert broken("docs/x.md", "[a](nowhere.md) [b](#none) [c](../LICENSE)") == [
        "nowhere.md",
        "#none",
    ]
    assert broken("README.md", "# A title, `with` code\n[a](#a-title-with-code)") == []


def test_every_document_is_reachable_from_the_readme() -> None:
    seen, waiting = set(), ["README.md"]
    while waiting:
        document = waiting.pop()
        if document in seen:
            continue
        seen.add(document)
        for link in links(text_of(document)):
            path = link.partition("#")[0]
            if path.endswith(".md") and "://" not in path:
                waiting.append(
                    posixpath.normpath(posixpath.join(posixpath.dirname(document), path))
                )
    assert set(DOCUMENTS) - seen == set()


PATH = re.compile(r"(?:tests|pipeline|schema|docs|hooks|examples)/[\w./-]*\w(?:/|\b)$")


def missing_paths(text: str) -> list[str]:
    """Paths of this repository that are named in a document and not there."""
    named = {span for span in code_spans(text) if PATH.match(span)}
    return sorted(path for path in named if not (ROOT / path).exists())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_named_exist(document: str) -> None:
    assert missing_paths(text_of(document)) == []


def test_the_check_of_paths_can_fail() -> None:
    text = "`tests/nowhere.py` `pipeline/work/slots.py` `pipeline/<run>` `tests/base/process`"
    assert missing_paths(text) == ["tests/nowhere.py"]
