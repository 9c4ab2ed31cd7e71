"""YAML as strict as JSON: text keys, no duplicates, no tags, bounded aliases."""

import math
from typing import Any

import yaml

from pipeline.planning.documents import DocumentError
from pipeline.planning.problem import Problem, shown

MAX_NODES = 200_000
"""Values in one document, aliases counted each time; a megabyte of plain JSON holds fewer."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_SCALARS = frozenset(f"{_CORE}{name}" for name in ("int", "float", "bool", "null"))
_PLAIN_TEXT = frozenset(f"{_CORE}{name}" for name in ("str", "timestamp"))


def parse_yaml(text: str, file: str) -> Any:
    """The one document in ``text`` as JSON values; raises ``DocumentError``."""
    loader = _LOADER(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise DocumentError(Problem(file, "$", "is empty.", "A file holds one mapping."))
        return _Builder(file, loader).build(root)[0]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError(
            Problem(
                file,
                "$",
                f"is not YAML: {error.problem or error.context}.",
                "Correct the text there.",
                line=mark.line + 1 if mark else None,
            )
        ) from error
    except yaml.YAMLError as error:
        reason = shown(" ".join(str(error).split()))
        raise DocumentError(Problem(file, "$", f"is not YAML: {reason}.")) from error
    except RecursionError as error:
        raise DocumentError(Problem(file, "$", "is nested too deeply.")) from error
    except (ValueError, OverflowError) as error:
        raise DocumentError(Problem(file, "$", f"holds a bad number: {error}.")) from error
    finally:
        loader.dispose()


class _Builder:
    """Makes values from nodes; a node that aliases share is built once and counted each time."""

    def __init__(self, file: str, loader: Any) -> None:
        self.file = file
        self.loader = loader
        self.built: dict[int, tuple[Any, int] | None] = {}

    def build(self, node: Any) -> tuple[Any, int]:
        """The node's value, and how many values it stands for."""
        known = self.built.get(id(node), self)
        if known is None:
            raise self.refusal(node, "an alias stands inside what it stands for.")
        if isinstance(known, tuple):
            return known
        self.built[id(node)] = None
        result: tuple[Any, int]
        if isinstance(node, yaml.MappingNode):
            result = self.mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            result = self.sequence(node)
        else:
            result = self.scalar(node), 1
        if result[1] > MAX_NODES:
            raise self.refusal(node, f"aliases expand to more than {MAX_NODES} values.")
        self.built[id(node)] = result
        return result

    def mapping(self, node: Any) -> tuple[dict[str, Any], int]:
        self.check_tag(node, "map")
        result: dict[str, Any] = {}
        size = 1
        for key_node, value_node in node.value:
            key = self.key(key_node)
            if key in result:
                raise self.refusal(key_node, f"has the key `{shown(key)}` twice.")
            result[key], count = self.build(value_node)
            size += count
        return result, size

    def key(self, node: Any) -> str:
        if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN_TEXT:
            return str(node.value)
        if node.tag == f"{_CORE}merge":
            raise self.refusal(node, "merge keys (`<<`) are not supported: write it out.")
        written = shown(str(node.value)) if isinstance(node, yaml.ScalarNode) else "a collection"
        raise self.refusal(node, f"a key must be text, not {written}: put it in quotes.")

    def sequence(self, node: Any) -> tuple[list[Any], int]:
        self.check_tag(node, "seq")
        built = [self.build(item) for item in node.value]
        return [value for value, _ in built], 1 + sum(count for _, count in built)

    def scalar(self, node: Any) -> Any:
        if node.tag in _PLAIN_TEXT:
            return str(node.value)
        if node.tag in _SCALARS:
            value = self.loader.construct_object(node)
            if isinstance(value, float) and not math.isfinite(value):
                raise self.refusal(node, f"{shown(str(node.value))} is not a JSON number.")
            return value
        raise self.refusal(node, f"the tag {shown(str(node.tag))} is not supported.")

    def check_tag(self, node: Any, name: str) -> None:
        if node.tag != f"{_CORE}{name}":
            raise self.refusal(node, f"the tag {shown(str(node.tag))} is not supported.")

    def refusal(self, node: Any, message: str) -> DocumentError:
        return DocumentError(Problem(self.file, "$", message, line=node.start_mark.line + 1))
