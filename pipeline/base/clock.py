"""Points in time as text: ISO 8601, UTC, microseconds, ``Z``."""

from datetime import UTC, datetime


def now() -> str:
    """Return the present time, such as ``2025-03-01T12:00:00.000001Z``."""
    return format_time(datetime.now(UTC))


def format_time(moment: datetime) -> str:
    """Return an aware ``datetime`` in our form."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def parse_time(text: str) -> datetime:
    """Return the aware ``datetime`` of a time in our form; raises ``ValueError``."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from one time to another."""
    return (parse_time(end) - parse_time(start)).total_seconds()
