"""Limits are waited for as long as GitHub says, and never longer than is allowed."""

import pytest

from pipeline.land.github.patience import Patience, is_limit, limit_s


@pytest.mark.parametrize(
    ("status", "headers", "message", "limited"),
    [
        (429, {}, "", True),
        (403, {"retry-after": "5"}, "", True),
        (403, {"x-ratelimit-remaining": "0"}, "", True),
        (403, {}, "You have exceeded a secondary rate limit.", True),
        (403, {"x-ratelimit-remaining": "9"}, "Resource not accessible by integration", False),
        (404, {"retry-after": "5"}, "", False),
    ],
)
def test_not_now_is_told_from_never(status, headers, message, limited) -> None:
    assert is_limit(status, headers, message) is limited


@pytest.mark.parametrize(
    ("headers", "number", "seconds"),
    [
        ({"retry-after": "7"}, 1, 7),
        ({"retry-after": "soon"}, 1, 60),
        ({"retry-after": "-3"}, 1, 60),
        ({}, 1, 60),
        ({}, 2, 120),
        (
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "1767225605",
                "date": "Thu, 01 Jan 2026 00:00:00 GMT",
            },
            1,
            6,
        ),
        (
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "5",
                "date": "Thu, 01 Jan 2026 00:00:00 GMT",
            },
            1,
            1,
        ),
    ],
)
def test_the_time_is_what_github_says(headers, number, seconds) -> None:
    assert limit_s(headers, number) == seconds


def test_patience_is_spent_once() -> None:
    slept: list[float] = []
    patience = Patience(10, sleep=slept.append)
    assert patience.take(6)
    assert not patience.take(6)
    assert patience.take(4)
    assert slept == [6, 4]


def test_faults_are_few_and_their_waits_grow() -> None:
    slept: list[float] = []
    patience = Patience(100, faults=4, sleep=slept.append, uniform=lambda _low, high: high)
    assert [patience.after_fault(n) for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert slept == [0.5, 1.0, 2.0]
