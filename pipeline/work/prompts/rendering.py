"""Rendering a template: a small part of Jinja that cannot loop, grow or reach out without bound.

Templates come from the repository and are given text that nobody vouches for. Beside the sandbox
the constructs are a short list: text, variables, ``if``, ``for`` over what is given (two deep) and
some filters. Nothing can be assigned or called, so a rendering's length is bounded by the
template's times that of the material.
"""

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pipeline.base.errors import InputError
from pipeline.work.prompts.material import SOURCE_LIMIT, Kind, Material, TemplateText
from pipeline.work.prompts.view import view

if TYPE_CHECKING:
    from jinja2 import Environment, Template, nodes

_OUTPUT_LIMIT = 8 * 1024 * 1024
_DEEPEST = 2
_ALLOWED = frozenset(
    {
        "Template", "Output", "TemplateData", "Name", "Getattr", "Getitem", "Slice", "Const",
        "If", "For", "CondExpr", "Not", "And", "Or", "Compare", "Operand", "Filter", "Test",
        "Add", "Sub", "Neg", "Tuple", "List",
    }
)  # fmt: skip
_FILTERS = ("count", "d", "default", "first", "join", "last", "length", "lower", "trim", "upper")
_TESTS = ("defined", "undefined", "none", "eq", "ne", "gt", "ge", "lt", "le", "in", "even", "odd")


@lru_cache
def built_in(kind: Kind) -> TemplateText:
    """The template that is used where the repository has none."""
    source = files("pipeline.work.prompts") / "templates" / kind.template
    return TemplateText(f"built-in {kind.template}", source.read_text(encoding="utf-8"))


def render(material: Material, template: TemplateText | None = None) -> str:
    """The prompt's text. Raises InputError, which names template and line, for a bad template."""
    chosen = template or built_in(material.kind)
    compiled = _compiled(chosen)
    pieces: list[str] = []
    length = 0
    try:
        for piece in compiled.generate(view(material)):
            pieces.append(piece)
            length += len(piece)
            if length > _OUTPUT_LIMIT:
                raise _wrong(chosen, 0, f"it gives more than {_OUTPUT_LIMIT} characters")
    except InputError:
        raise
    except Exception as error:
        # Any error of a template is its author's, whatever type Jinja or Python raises for it.
        raise _wrong(chosen, _line_of(error.__traceback__, chosen.name), str(error)) from error
    return "".join(pieces).strip("\n") + "\n"


@lru_cache(maxsize=64)
def _compiled(template: TemplateText) -> "Template":
    from jinja2 import Template, TemplateSyntaxError

    if len(template.source) > SOURCE_LIMIT:
        raise _wrong(template, 0, f"it is longer than {SOURCE_LIMIT} characters")
    environment = _environment()
    try:
        tree = environment.parse(template.source, template.name, template.name)
        for line, problem in _problems(tree):
            raise _wrong(template, line, problem)
        code = environment.compile(tree, template.name, template.name)
    except TemplateSyntaxError as error:
        raise _wrong(template, error.lineno, error.message or "it cannot be read") from error
    except RecursionError as error:
        raise _wrong(template, 0, "it is nested too deeply") from error
    return Template.from_code(environment, code, {})


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    """A sandbox with no loader, no globals and few filters; undefined names are errors."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        loader=None,
        autoescape=False,  # Markdown for a model, fenced by us: there is no browser
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in _FILTERS}
    made.tests = {name: made.tests[name] for name in _TESTS}
    return made


def _problems(tree: "nodes.Node", depth: int = 0) -> Iterator[tuple[int, str]]:
    """Lines with constructs that templates may not have."""
    for node in tree.iter_child_nodes():
        kind = type(node).__name__
        below = depth
        if kind not in _ALLOWED:
            yield node.lineno, f"`{kind}` is not for templates of prompts"
        if kind == "For":
            below += 1
            yield from _loop_problems(node, below)
        yield from _problems(node, below)


def _loop_problems(loop: Any, depth: int) -> Iterator[tuple[int, str]]:
    if depth > _DEEPEST:
        yield loop.lineno, f"loops are nested more than {_DEEPEST} deep"
    if loop.recursive:
        yield loop.lineno, "a loop is recursive"
    if type(loop.iter).__name__ not in ("Name", "Getattr", "Getitem"):
        yield loop.lineno, "a loop goes over something else than a variable"


def _line_of(trace: TracebackType | None, name: str) -> int:
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _wrong(template: TemplateText, line: int, problem: str) -> InputError:
    where = f"{template.name}, line {line}" if line else template.name
    return InputError(
        f"The template {where}: {problem.rstrip('.')}.",
        remedy="Correct and commit it; docs/prompts.md tells what templates may say.",
    )
