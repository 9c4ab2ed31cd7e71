"""What the choices of one run share: breakers of tools, prices, what earlier runs tell."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock, Semaphore

from pipeline.base.clock import parse_time
from pipeline.model.agent import Usage
from pipeline.model.check import ToolProfile
from pipeline.model.config import Config, RoutingConfig
from pipeline.model.routing import (
    Experience,
    RoutingTask,
    Strategy,
    ToolFacts,
    routed_tools,
    with_fallbacks,
)
from pipeline.store.experience import experience
from pipeline.store.records import Records
from pipeline.work.editors import find_editor
from pipeline.work.routing import ToolBreakers

_PRICED = frozenset({Strategy.CHEAPEST.value, Strategy.METRICS.value})
_SAMPLE = 10_000  # tokens: prices that depend on the size of a request are asked for this one


@dataclass(slots=True)
class Routing:
    """Shared by all workstreams of a run and safe between threads.

    ``read_experience`` and ``created_at`` are of the run, so that what is known of tools stays
    the same for as long as it lasts, also when it is carried on.
    """

    breakers: ToolBreakers = field(default_factory=lambda: ToolBreakers(3, 60.0))
    read_experience: Callable[[], tuple[Experience, ...]] = tuple
    created_at: str = ""
    _experience: tuple[Experience, ...] | None = None
    _facts: dict[str, ToolFacts] = field(default_factory=dict)
    _tasks: dict[tuple[str, str], RoutingTask] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @classmethod
    def of(cls, records: Records, run_id: str, config: Config) -> "Routing":
        """The routing of a run; nothing is read before it is needed."""
        routing = config.routing
        tools = with_fallbacks(routed_tools(routing), routing)
        return cls(
            ToolBreakers(routing.breaker_failures, routing.breaker_rest_s),
            lambda: experience(records, run_id, tools, routing.half_life_days),
            records.run(run_id).created_at,
        )

    def experience_for(self, config: RoutingConfig) -> tuple[Experience, ...]:
        """What earlier runs tell, where a strategy asks for it; read once."""
        if Strategy.METRICS.value not in _strategies(config):
            return ()
        with self._lock:
            if self._experience is None:
                self._experience = self.read_experience()
            return self._experience

    def facts(self, names: Iterable[str], config: Config) -> tuple[ToolFacts, ...]:
        """What choices depend on of tools, with prices where a strategy asks for them."""
        is_priced = not _PRICED.isdisjoint(_strategies(config.routing))
        found = []
        with self._lock:
            for name in names:
                if name in config.tools and name not in self._facts:
                    self._facts[name] = self._fact(config.tools[name], is_priced=is_priced)
                if name in self._facts:
                    found.append(self._facts[name])
        return tuple(found)

    def task(self, ws_id: str, tree: str, make: Callable[[], RoutingTask]) -> RoutingTask:
        """The task of a workstream that starts from a tree, looked at once."""
        with self._lock:
            found = self._tasks.get((ws_id, tree))
        if found is None:
            found = make()
            with self._lock:
                self._tasks[ws_id, tree] = found
        return found

    def _fact(self, profile: ToolProfile, *, is_priced: bool) -> ToolFacts:
        prices = self._prices(profile) if is_priced else (None, None)
        return ToolFacts(
            id=profile.id,
            provider=profile.agent.provider,
            model=profile.agent.model,
            tier=profile.agent.tier,
            takes_feedback=find_editor(profile.driver).takes_feedback(profile),
            input_nusd=prices[0],
            output_nusd=prices[1],
            attempt_nusd=profile.cost.get("per_attempt", 0.0) * 1e9,
        )

    def _prices(self, profile: ToolProfile) -> tuple[float | None, float | None]:
        """Billionths of a dollar for a token that is sent, and for one that is received."""
        if "input" in profile.cost or "output" in profile.cost:
            per_million = profile.cost.get("input", 0.0), profile.cost.get("output", 0.0)
            return per_million[0] * 1000, per_million[1] * 1000
        from pipeline.work.pricing import by_table  # late: runs without routing need no prices

        at = parse_time(self.created_at) if self.created_at else None
        usage = Usage(profile.agent.provider, profile.agent.model, requests=1)
        sent = by_table(replace(usage, input_tokens=_SAMPLE), at)
        received = by_table(replace(usage, output_tokens=_SAMPLE), at)
        return _each(sent), _each(received)


def turns_of(config: Config) -> Mapping[str, tuple[Semaphore, ...]]:
    """What an attempt of each tool waits for: its own limit, then that of its provider's pool.

    Taken in this order by everybody, so that no two attempts wait for each other.
    """
    pools = {name: Semaphore(limit) for name, limit in config.routing.pools.items()}
    found = {}
    for profile in config.tools.values():
        own = (Semaphore(profile.concurrency),) if profile.concurrency else ()
        pool = pools.get(profile.agent.provider)
        if turns := (*own, *((pool,) if pool else ())):
            found[profile.id] = turns
    return found


def _strategies(config: RoutingConfig) -> frozenset[str]:
    return frozenset({config.strategy, *(rule.strategy for rule in config.rules)})


def _each(cost: int | None) -> float | None:
    return None if cost is None else cost / _SAMPLE
