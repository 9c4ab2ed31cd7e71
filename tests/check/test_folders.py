"""Files that become folders and folders that become files, in one patch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_bench import Bench, make_bench
from own_cases import created

from pipeline.model.patch import PatchPolicy, Reason
from pipeline.model.scope import Scope

SCOPE = Scope(("src/**", "tools/**"), ("src/**", "tools", "src/app.py/**"))
POLICY = replace(PatchPolicy(), allow_mode_change=True)


def folder_to_file(bench: Bench) -> None:
    (bench.top / "tools/deploy.sh").unlink()
    (bench.top / "tools").rmdir()
    bench.put("tools", "now a file\n")


def file_to_folder(bench: Bench) -> None:
    (bench.top / "src/app.py").unlink()
    bench.put("src/app.py/inside.py", "x = 1\n")


@pytest.mark.parametrize("change", [folder_to_file, file_to_folder])
def test_one_may_become_the_other_where_both_are_in_scope(
    change: Callable[[Bench], None], tmp_path: Path
) -> None:
    bench = make_bench(tmp_path)
    change(bench)
    validation = bench.validate(bench.difference(), policy=POLICY, scope=SCOPE)
    assert validation.objections == ()
    change(bench)
    assert validation.patch.result_tree == bench.commit()


def test_folder_that_holds_something_is_in_the_way(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    bench.put("tools/second.sh", "exit\n")
    bench.commit()
    gone = bench.git("show", "HEAD:tools/deploy.sh").count(b"\n")
    deletion = (
        b"diff --git a/tools/deploy.sh b/tools/deploy.sh\ndeleted file mode 100644\n"
        b"--- a/tools/deploy.sh\n+++ /dev/null\n@@ -1,%d +0,0 @@\n-#!/bin/sh\n-echo deploy\n" % gone
    )
    for patch in (created("tools", "now a file\n"), deletion + created("tools", "now a file\n")):
        validation = bench.validate(patch, policy=POLICY, scope=SCOPE)
        assert not validation.is_accepted
        assert {o.reason for o in validation.objections} == {Reason.FORMAT}
