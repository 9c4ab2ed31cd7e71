"""What a tool is told: a plain text for a command, a rendered template for an agent."""

from pipeline.work.prompts.material import Excerpt, Kind, Material, Part, Piece, Relevance
from pipeline.work.prompts.plain import feedback_json, feedback_values, prompt
from pipeline.work.prompts.rendering import SOURCE_LIMIT, TemplateText, render, template_name
from pipeline.work.prompts.view import NOTHING_TO_DO

__all__ = [
    "NOTHING_TO_DO",
    "SOURCE_LIMIT",
    "Excerpt",
    "Kind",
    "Material",
    "Part",
    "Piece",
    "Relevance",
    "TemplateText",
    "feedback_json",
    "feedback_values",
    "prompt",
    "render",
    "template_name",
]
