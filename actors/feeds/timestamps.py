"""Time as exchanges write it to whole nanoseconds since the epoch (UTC), exactly."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

__all__ = ["iso_ns", "micros_ns", "millis_ns", "seconds_ns", "text_ns"]

_INT64_MAX = 2**63 - 1
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,9}))?"
    r"(Z|z|[+-][0-9]{2}:?[0-9]{2})?"
)
_SECONDS = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,9})0*)?")


def millis_ns(text: str) -> int:
    """Milliseconds since the epoch: ``millis_ns("1667346579146")``."""
    return _unix(text, 1_000_000, "milliseconds")


def micros_ns(text: str) -> int:
    """Microseconds since the epoch: ``micros_ns("1598918403696000")``."""
    return _unix(text, 1_000, "microseconds")


def seconds_ns(text: str) -> int:
    """Seconds since the epoch, with up to 9 decimals: ``seconds_ns("1633998512.0633569")``."""
    found = _SECONDS.fullmatch(text)
    value = -1 if found is None else int(found[1]) * 1_000_000_000 + int((found[2] or "0").ljust(9, "0"))
    if not 0 <= value <= _INT64_MAX:
        msg = "seconds since 1970, with at most 9 decimals"
        raise ValueError(msg)
    return value


def iso_ns(text: str) -> int:
    """A date and a time: ``2021-01-08T00:00:00.278Z``, ``2013-01-01 22:00:00.295000+00:00``.

    Up to 9 decimals. Without a zone it is UTC, as in every file that we read. Raises ``ValueError``
    that says the rule.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        msg = "a date and a time, as in 2021-01-08T00:00:00.278Z"
        raise ValueError(msg)
    day, hour, minute, second, fraction, zone = found.groups()
    if hour > "23" or minute > "59" or second > "59":
        msg = "a time of the day from 00:00:00 to 23:59:59"
        raise ValueError(msg)
    seconds = _day(day) * 86_400 + int(hour) * 3_600 + int(minute) * 60 + int(second) - _zone(zone)
    value = seconds * 1_000_000_000 + (int(fraction.ljust(9, "0")) if fraction else 0)
    if not 0 <= value <= _INT64_MAX:
        msg = "a time between 1970 and 2262"
        raise ValueError(msg)
    return value


def text_ns(text: str) -> int:
    """Any of the forms above: digits count seconds, ms, us or ns by how many there are."""
    if not text.isdigit():
        return iso_ns(text)
    unit = {10: 1_000_000_000, 13: 1_000_000, 16: 1_000, 19: 1}.get(len(text))
    if unit is None:
        msg = "a date and a time, or 10, 13, 16 or 19 digits (s, ms, us, ns since 1970)"
        raise ValueError(msg)
    return _unix(text, unit, "time units")


def _unix(text: str, unit: int, name: str) -> int:
    if not (text.isdigit() and text.isascii() and len(text) <= 19):
        msg = f"{name} since 1970, digits only"
        raise ValueError(msg)
    value = int(text) * unit
    if value > _INT64_MAX:
        msg = f"{name} since 1970, before the year 2262"
        raise ValueError(msg)
    return value


@lru_cache(maxsize=64)
def _day(text: str) -> int:
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH_DAY
    except ValueError:
        msg = f"a day of the calendar, which {text} is not"
        raise ValueError(msg) from None


def _zone(zone: str | None) -> int:
    if zone is None or zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 15 or minutes > 59:
        msg = "a zone within 15 hours of UTC"
        raise ValueError(msg)
    offset = hours * 3_600 + minutes * 60
    return -offset if zone[0] == "-" else offset
