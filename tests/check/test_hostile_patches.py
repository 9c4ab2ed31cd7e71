import json
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hostile_bench import Bench, digest, make_bench
from own_cases import OWN_CASES, Case

from pipeline.base.console import safe
from pipeline.check.validate import Validation

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[1] / "data" / "hostile" / "patch"


def _given_case(folder: Path) -> Case:
    setup = folder / "setup.sh"
    return Case(
        folder.name,
        json.loads((folder / "meta.json").read_text())["expect"],
        (folder / "case.patch").read_bytes(),
        setup=(lambda bench: bench.run("sh", setup)) if setup.exists() else None,
    )


GIVEN_CASES = [_given_case(folder) for folder in sorted(FOLDER.iterdir())]
EVERY_CASE = GIVEN_CASES + OWN_CASES


def verdict_of(validation: Validation) -> str:
    if not validation.is_accepted:
        return "refuse"
    return "flag" if validation.objections else "accept"


def prepared(case: Case, root: Path) -> tuple[Bench, bytes]:
    bench = make_bench(root)
    if case.setup:
        case.setup(bench)
        bench.commit()
    patch = case.patch(bench) if callable(case.patch) else case.patch
    return bench, patch.replace(b"/tmp/outside", bytes(bench.outside))


@pytest.mark.parametrize("case", EVERY_CASE, ids=lambda case: case.name)
def test_each_case_gets_its_verdict_and_touches_nothing(case: Case, tmp_path: Path) -> None:
    bench, patch = prepared(case, tmp_path)
    before = digest(tmp_path)
    validation = bench.validate(patch, policy=case.policy, scope=case.scope)
    assert verdict_of(validation) == case.expect, validation.objections
    reasons = {objection.reason for objection in validation.objections}
    assert case.reason is None or case.reason in reasons, validation.objections
    assert digest(tmp_path) == before


@pytest.mark.parametrize("case", EVERY_CASE, ids=lambda case: case.name)
def test_what_is_said_is_one_printable_sentence(case: Case, tmp_path: Path) -> None:
    bench, patch = prepared(case, tmp_path)
    for objection in bench.validate(patch, policy=case.policy, scope=case.scope).objections:
        assert objection.message.endswith("."), objection
        assert objection.message == safe(objection.message), objection


def naive_verdict(bench: Bench, patch: bytes) -> str:
    """A scope check on the paths that unidiff reads, and `git apply --check`."""
    import unidiff

    try:
        paths = [file.path for file in unidiff.PatchSet(patch.decode())]
    except (UnicodeDecodeError, unidiff.UnidiffParseError):
        return "refuse"
    if not all(fnmatch(path, "src/*") for path in paths):
        return "refuse"
    (bench.root / "naive.patch").write_bytes(patch)
    said = bench.run(
        "sh", "-c", "git apply --check ../naive.patch 2>/dev/null && echo applies", is_ok=False
    )
    return "accept" if said else "refuse"


def test_the_cases_catch_a_naive_check(tmp_path: Path) -> None:
    fooled = []
    for number, case in enumerate(EVERY_CASE):
        if case.expect == "accept" or case.is_large:
            continue
        root = tmp_path / str(number)
        root.mkdir()
        bench, patch = prepared(case, root)
        if naive_verdict(bench, patch) == "accept":
            fooled.append(case.name)
    given = {case.name for case in GIVEN_CASES} & set(fooled)
    assert len(given) >= 25, sorted(given)
    assert len(fooled) - len(given) >= 15, sorted(set(fooled) - given)
