"""Commands with templates, looked at before a run: a name that no step offers is found here."""

from collections.abc import Iterator, Sequence

from pipeline.base.errors import InputError
from pipeline.model.config import Config
from pipeline.model.routing import profiles_for
from pipeline.model.workstream import Workstream
from pipeline.planning.problem import Problem
from pipeline.planning.profiles import DRIVERS
from pipeline.work.editors import find_editor
from pipeline.work.editors.command import EXAMPLES
from pipeline.work.tools import render


def template_problems(workstreams: Sequence[Workstream], config: Config) -> Iterator[Problem]:
    """What is wrong with the commands of EDIT tools that the bundles use."""
    for ws in workstreams:
        for profile in profiles_for(ws.tool, config):
            own = ws.tool_args.get("command", ())
            if profile.driver in DRIVERS or not find_editor(profile.driver).needs_directory:
                continue  # an agent's adapter knows its command
            try:
                render(profile, EXAMPLES, own if isinstance(own, str) else tuple(own))
            except InputError as error:
                yield Problem(ws.source, "$.tool_args.command", error.what, error.remedy)
