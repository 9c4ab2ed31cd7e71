"""YAML as strict as JSON: text keys, no duplicates, no tags, bounded aliases and depth."""

import math
from typing import Any

import yaml

from pipeline.planning.documents import MAX_DEPTH, DocumentError, EmptyDocumentError
from pipeline.planning.problem import Problem, shown

MAX_VALUES = 200_000
"""Values in one document, aliases counted each time; a megabyte of plain JSON holds fewer."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_SCALARS = frozenset(f"{_CORE}{name}" for name in ("int", "float", "bool", "null"))
_PLAIN_TEXT = frozenset(f"{_CORE}{name}" for name in ("str", "timestamp"))

Built = tuple[Any, int]
"""A value, and how many values it stands for."""


def parse_yaml(text: str, file: str) -> Any:
    """The one document in ``text`` as JSON values; raises ``DocumentError``."""
    try:
        loader = _LOADER(text)
        try:
            return _Builder(file, loader).document()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"is not YAML: {error.problem or error.context}."
        line = mark.line + 1 if mark else None
        problem = Problem(file, "$", message, "Correct the text there.", line=line)
        raise DocumentError(problem) from error
    except yaml.YAMLError as error:
        reason = shown(" ".join(str(error).split()))
        raise DocumentError(Problem(file, "$", f"is not YAML: {reason}.")) from error
    except (ValueError, OverflowError) as error:
        raise DocumentError(Problem(file, "$", f"holds a bad number: {error}.")) from error


class _Builder:
    """Makes values from the parser's events.

    Not from nodes: composing them runs through the C stack on a document that is nested deeply.
    What an anchor names is built once, and counted each time that an alias stands for it.
    """

    def __init__(self, file: str, loader: Any) -> None:
        self.file = file
        self.loader = loader
        self.anchors: dict[str, Built | None] = {}

    def document(self) -> Any:
        """The value of the only document."""
        self.loader.get_event()
        if self.loader.check_event(yaml.StreamEndEvent):
            raise EmptyDocumentError(self.file)
        self.loader.get_event()
        value, _ = self.value(0)
        self.loader.get_event()
        if not self.loader.check_event(yaml.StreamEndEvent):
            raise self.refusal(self.loader.peek_event(), "a file holds one document, not several.")
        return value

    def value(self, depth: int) -> Built:
        event = self.loader.get_event()
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if depth > MAX_DEPTH:
            raise self.refusal(event, f"is nested too deeply: {MAX_DEPTH} levels are the limit.")
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.MappingStartEvent):
            built = self.mapping(event, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            built = self.sequence(event, depth)
        else:
            built = self.scalar(event), 1
        if built[1] > MAX_VALUES:
            raise self.refusal(event, f"aliases expand to more than {MAX_VALUES} values.")
        if event.anchor:
            self.anchors[event.anchor] = built
        return built

    def alias(self, event: Any) -> Built:
        if event.anchor not in self.anchors:
            raise self.refusal(event, f"the alias `*{shown(event.anchor)}` names nothing.")
        built = self.anchors[event.anchor]
        if built is None:
            raise self.refusal(event, "an alias stands inside what it stands for.")
        return built

    def mapping(self, event: Any, depth: int) -> Built:
        self.check_tag(event, "map")
        result: dict[str, Any] = {}
        size = 1
        while not self.loader.check_event(yaml.MappingEndEvent):
            key_event = self.loader.peek_event()
            key = self.key(key_event)
            if key in result:
                raise self.refusal(key_event, f"has the key `{shown(key)}` twice.")
            self.loader.get_event()
            result[key], count = self.value(depth + 1)
            size += count
        self.loader.get_event()
        return result, size

    def key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise self.refusal(event, "a key must be text: put it in quotes.")
        tag = self.tag(event)
        if tag == f"{_CORE}merge":
            raise self.refusal(event, "merge keys (`<<`) are not supported: write it out.")
        if tag not in _PLAIN_TEXT or event.anchor:
            written = shown(event.value)
            raise self.refusal(event, f"a key must be text, not {written}: put it in quotes.")
        return str(event.value)

    def sequence(self, event: Any, depth: int) -> Built:
        self.check_tag(event, "seq")
        values = []
        size = 1
        while not self.loader.check_event(yaml.SequenceEndEvent):
            value, count = self.value(depth + 1)
            values.append(value)
            size += count
        self.loader.get_event()
        return values, size

    def scalar(self, event: Any) -> Any:
        tag = self.tag(event)
        if tag in _PLAIN_TEXT:
            return str(event.value)
        if tag not in _SCALARS:
            raise self.refusal(event, f"the tag {shown(tag)} is not supported.")
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        value = self.loader.construct_object(node)
        if isinstance(value, float) and not math.isfinite(value):
            raise self.refusal(event, f"{shown(event.value)} is not a JSON number.")
        return value

    def tag(self, event: Any) -> str:
        """The scalar's tag: its own, or what its text looks like."""
        if event.tag and event.tag != "!":
            return str(event.tag)
        return str(self.loader.resolve(yaml.ScalarNode, event.value, event.implicit))

    def check_tag(self, event: Any, name: str) -> None:
        if event.tag not in {None, "!", f"{_CORE}{name}"}:
            raise self.refusal(event, f"the tag {shown(str(event.tag))} is not supported.")

    def refusal(self, event: Any, message: str) -> DocumentError:
        return DocumentError(Problem(self.file, "$", message, line=event.start_mark.line + 1))
