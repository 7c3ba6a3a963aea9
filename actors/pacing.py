"""Replays messages at the speed of their own timestamps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from time import monotonic

from actors.errors import BadSpeedError
from tlv import TLV

__all__ = ["PAUSE_MAX_S", "paced", "speed_factor"]

PAUSE_MAX_S = 60
"""A longer pause, as between two recorded files, is left out."""

_SECOND = 1_000_000_000


def speed_factor(speed: str) -> float:
    """``"max"`` is infinite, ``"1x"`` is 1. Raises `BadSpeedError` for anything else."""
    if speed == "max":
        return math.inf
    number = speed.removesuffix("x")
    try:
        factor = float(number)
    except ValueError:
        factor = math.nan
    if number == speed or not 0 < factor < math.inf:
        raise BadSpeedError(speed=speed)
    return factor


def paced(messages: Iterable[TLV], speed: str, wait_until: Callable[[float], bool]) -> Iterator[TLV]:
    """Hold every message back until its time has come; begins at once with the first.

    ``wait_until`` is that of a `Source`: where it returns True, the source is to stop, and this ends.
    Messages without a time, or from before one that was sent, go with the one before them.
    """
    factor = speed_factor(speed)
    return iter(messages) if factor == math.inf else _held_back(messages, factor, wait_until)


def _held_back(messages: Iterable[TLV], factor: float, wait_until: Callable[[float], bool]) -> Iterator[TLV]:
    due, latest = monotonic(), 0
    for message in messages:
        timestamp: int = getattr(message, "timestamp", 0)
        if timestamp > latest:
            step = timestamp - latest
            if latest and step <= PAUSE_MAX_S * _SECOND:
                due += step / _SECOND / factor
                if wait_until(due):
                    return
            latest = timestamp
        yield message
