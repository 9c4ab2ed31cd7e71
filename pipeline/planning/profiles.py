"""The tool profiles that exist without configuration."""

from pipeline.model.check import OutputFormat, ToolProfile, ToolType

DRIVERS = ("aider", "claude", "codex", "copilot", "gemini", "opencode")
"""Drivers that know an agent: their profiles are of type ``ai`` and take feedback by default."""

BUILT_IN: dict[str, ToolProfile] = {
    profile.id: profile
    for profile in (
        ToolProfile("patch", driver="patch"),
        ToolProfile("command", driver="command"),
        ToolProfile(
            "ruff",
            type=ToolType.STATIC_CHECK,
            command=("ruff", "check", "--no-cache", "--output-format", "json"),
            version_command=("ruff", "--version"),
            output=OutputFormat.RUFF,
        ),
        ToolProfile(
            "ruff-format",
            type=ToolType.STATIC_CHECK,
            command=("ruff", "format", "--no-cache", "--check"),
            version_command=("ruff", "--version"),
            output=OutputFormat.LINES,
        ),
        ToolProfile(
            "pytest",
            type=ToolType.TEST,
            command=("pytest", "-q", "-p", "no:cacheprovider", "--junit-xml=.pytest-report.xml"),
            version_command=("pytest", "--version"),
            output=OutputFormat.JUNIT,
            output_file=".pytest-report.xml",
        ),
    )
}
