"""Playing recorded messages as fast as they were recorded, or by a factor of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TypeVar

from actors.errors import BadSpeedError
from tlv import TLV

__all__ = ["PAUSE_MAX_S", "paced", "speed_of"]

PAUSE_MAX_S = 60
"""A longer pause in a recording, as between two files, is left out."""

_NS = 1_000_000_000
_FACTOR = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)x")

Message = TypeVar("Message", bound=TLV)


def speed_of(text: str) -> float | None:
    """The factor that ``"1x"`` tells; None for ``"max"``. Raises `BadSpeedError`."""
    if text == "max":
        return None
    found = _FACTOR.fullmatch(text)
    factor = float(found[1]) if found is not None else 0.0
    if factor <= 0:
        raise BadSpeedError(speed=text)
    return factor


def paced(
    messages: Iterable[Message],
    factor: float | None,
    wait_until: Callable[[float], bool],
    *,
    clock: Callable[[], float] = monotonic,
) -> Iterator[Message]:
    """The messages, each when its ``timestamp`` is due; without a factor at once.

    ``wait_until`` (of a source) takes a moment of ``clock`` and tells whether to stop. Messages
    without a time, or that are earlier than one before, do not wait.
    """
    if factor is None:
        yield from messages
        return
    latest, due = 0, clock()
    for message in messages:
        time: int = getattr(message, "timestamp", 0)
        if time > latest:
            step = time - latest
            if latest and step <= PAUSE_MAX_S * _NS:
                due += step / _NS / factor
                if wait_until(due):
                    return
            else:
                due = clock()
            latest = time
        yield message
