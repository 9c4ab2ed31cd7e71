"""What a tool is told: a plain text for a command, a rendered template for an agent.

What agents need (``rendering``, ``budget``) is imported from its module, and only for them.
"""

from pipeline.work.prompts.plain import feedback_json, feedback_values, prompt

__all__ = ["feedback_json", "feedback_values", "prompt"]
