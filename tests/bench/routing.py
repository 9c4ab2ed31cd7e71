"""``routing``: how long a decision takes, with more tools, rules and experience than are usual."""

import itertools
import json
import statistics
import time
from pathlib import Path

from figures import Measured, ms
from rounds import Measures

from pipeline.model.codec import decode, encode
from pipeline.model.config import RoutingConfig, RoutingRule
from pipeline.model.routing import (
    BreakerState,
    Experience,
    RoutingInputs,
    RoutingTask,
    Strategy,
    TaskKind,
    ToolFacts,
)
from pipeline.work.routing import decide

_NAMES = tuple(f"tool-{number:02}" for number in range(20))
_LANGUAGES = ("python", "javascript", "shell", "go", "rust")
_LIMIT_S = 0.005


def measure(_: Path, *, is_quick: bool) -> Measured:
    """Decide for tasks of every kind and strategy; 99 of 100 take at most what the figure says."""
    cases = list(itertools.islice(itertools.cycle(_cases()), 2_000 if is_quick else 20_000))
    alone = [_timed(lambda case=case: decide(case)) for case in cases]
    recorded = [
        _timed(lambda case=case: json.dumps(encode((case, decide(case)))))
        for case in cases[: len(cases) // 10]
    ]
    figures = (
        ms("a decision, the 99th percentile", _percentile(alone, 99), _LIMIT_S * 1000),
        ms("a decision, the median", statistics.median(alone)),
        ms("a decision and its record, the 99th percentile", _percentile(recorded, 99)),
    )
    _is_repeatable(cases[:200])
    return Measured(figures, {"decide": alone[:1000], "record": recorded[:1000]})


MEASURES: Measures = {"routing": measure}


def _timed(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def _is_repeatable(cases: list[RoutingInputs]) -> None:
    for case in cases:
        again = decode(RoutingInputs, json.loads(json.dumps(encode(case))))
        if decide(again) != decide(case):
            raise RuntimeError("a decision cannot be repeated from its record")


def _cases() -> list[RoutingInputs]:
    tools = tuple(
        ToolFacts(name, tier=number % 4, input_nusd=100.0 * number, output_nusd=500.0 * number)
        for number, name in enumerate(_NAMES)
    )
    past = tuple(
        Experience(name, kind, successes=number, failures=20 - number, cost_nusd=1e6 * number,
                   duration_s=10.0 * number, attempts=20)
        for kind in TaskKind
        for number, name in enumerate(_NAMES)
    )  # fmt: skip
    rules = tuple(
        RoutingRule(use=_NAMES, language=(language,), size=(size,), min_tier=1)
        for language in _LANGUAGES
        for size in ("small", "medium", "large")
    )
    fallback = dict(itertools.pairwise((name,) for name in _NAMES))
    return [
        RoutingInputs(
            RoutingTask(f"ws-{turn}", kind, languages=(language,), size="large", bytes=50_000),
            RoutingConfig(
                strategy=strategy.value,
                tools=_NAMES,
                rules=rules,
                fallback={left[0]: right for left, right in fallback.items()},
            ),
            tools,
            past,
            breakers=dict.fromkeys(_NAMES[:turn], BreakerState.OPEN),
            turn=turn,
            failed=_NAMES[turn : 2 * turn],
        )
        for turn, kind in enumerate(TaskKind)
        for strategy in Strategy
        for language in (*_LANGUAGES, "cobol")
    ]
