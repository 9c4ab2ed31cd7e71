from dataclasses import replace

import pytest
from own_cases import SECRET_LINES, created, line_five

from pipeline.check.soundness import patch_soundness
from pipeline.model.patch import PERMISSIVE, PatchPolicy, Reason

DEFAULT = PatchPolicy()


def reasons(data: bytes, policy: PatchPolicy = DEFAULT) -> list[tuple[Reason, bool]]:
    return [(o.reason, o.is_blocking) for o in patch_soundness(data, policy)]


def test_a_sound_patch_has_nothing_against_it() -> None:
    assert reasons(line_five("new") + created("src/n.py")) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"prose\n", Reason.FORMAT),
        (created(".Git/x"), Reason.UNSAFE_PATH),
        (created("a*"), Reason.UNSAFE_PATH),
        (created("x", mode="100755"), Reason.MODE),
        (created("x", "y", "120000") + b"\n\\ No newline at end of file\n", Reason.SPECIAL_FILE),
        (line_five("a\u200bb"), Reason.CONTENT),
        (line_five("a\r"), Reason.CONTENT),
        (line_five(b"\xe9"), Reason.BINARY),
        (line_five(SECRET_LINES["github"]), Reason.SECRET),
        (line_five("x", b"old mode 100644\nnew mode 100755\n"), Reason.MODE),
    ],
)
def test_what_is_wrong_is_told(data: bytes, reason: Reason) -> None:
    assert reasons(data) == [(reason, True)]


def test_doubts_are_flags() -> None:
    assert reasons(line_five("::set-output name=a::b")) == [(Reason.CONTENT, False)]


def test_limits_hold() -> None:
    assert reasons(line_five("x"), replace(DEFAULT, max_lines_changed=1)) == [(Reason.SIZE, True)]


def test_a_link_has_to_lead_inside_even_where_allowed() -> None:
    link = created("a/x", "../../y", "120000") + b"\n\\ No newline at end of file\n"
    assert reasons(link, PERMISSIVE) == [(Reason.SPECIAL_FILE, True)]


def test_a_line_that_the_patch_only_moves_is_not_new() -> None:
    data = (
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n-\u200ba\n b\n+\u200ba\n c\n"
    ).encode()
    assert reasons(data) == []
