import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipeline.base.clock import format_time, now, parse_time, seconds_between


def test_now_is_utc_with_microseconds() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", now())
    assert abs((parse_time(now()) - datetime.now(UTC)).total_seconds()) < 60


def test_whole_seconds_keep_their_microseconds() -> None:
    assert format_time(datetime(2025, 3, 1, 12, tzinfo=UTC)) == "2025-03-01T12:00:00.000000Z"


def test_other_zones_become_utc() -> None:
    moment = datetime(2025, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    assert format_time(moment) == "2025-03-01T10:00:00.000000Z"


def test_a_time_comes_back_as_it_was() -> None:
    text = "2025-03-01T12:00:00.000001Z"

    assert format_time(parse_time(text)) == text


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        parse_time("2025-03-01T12:00:00")


def test_seconds_between_two_times() -> None:
    start, end = "2025-03-01T12:00:00.000000Z", "2025-03-01T12:00:01.500000Z"

    assert seconds_between(start, end) == 1.5
