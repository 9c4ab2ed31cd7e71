"""Commands with templates, looked at before a run: a name that no step offers is found here."""

from collections.abc import Iterator, Sequence

from pipeline.base.errors import InputError
from pipeline.model.config import Config
from pipeline.model.routing import profiles_for
from pipeline.model.workstream import Workstream
from pipeline.planning.problem import Problem, shown
from pipeline.planning.profiles import DRIVERS
from pipeline.planning.suggest import did_you_mean
from pipeline.work.editors import TABLE, drivers, find_editor
from pipeline.work.editors.command import EXAMPLES
from pipeline.work.tools import render


def template_problems(workstreams: Sequence[Workstream], config: Config) -> Iterator[Problem]:
    """What is wrong with the drivers of tools, else with the commands of those that bundles use."""
    unknown = list(_unknown_drivers(config))
    yield from unknown
    if unknown:
        return
    for ws in workstreams:
        for profile in profiles_for(ws.tool, config):
            own = ws.tool_args.get("command", ())
            if profile.driver in DRIVERS or not find_editor(profile.driver).needs_directory:
                continue  # an agent's adapter knows its command
            try:
                render(profile, EXAMPLES, own if isinstance(own, str) else tuple(own))
            except InputError as error:
                yield Problem(ws.source, "$.tool_args.command", error.what, error.remedy)


def _unknown_drivers(config: Config) -> Iterator[Problem]:
    for profile in config.tools.values():
        if profile.driver in TABLE or profile.driver in DRIVERS:
            continue
        if profile.driver not in drivers():
            message = f"names the driver `{shown(profile.driver)}`, which does not exist."
            every = f"It is one of {', '.join(drivers())}."
            remedy = did_you_mean(profile.driver, drivers(), otherwise=every)
            yield Problem("configuration", f"$.tools.{profile.id}.driver", message, remedy)
