"""How long somebody is ready to wait: any number of seconds, also infinitely many."""

from __future__ import annotations

from math import inf
from threading import TIMEOUT_MAX
from typing import Any

from mycelium.errors.actor import DeadlineInvalidError

__all__ = ["LONGEST_S", "seconds_of"]

#: A longer wait is as good as one without end, and no system call takes it. A second less, as sums of such numbers are rounded.
LONGEST_S = TIMEOUT_MAX - 1


def seconds_of(timeout: Any) -> float:
    """A timeout as seconds that every wait takes. Raises `DeadlineInvalidError` for what is no number."""
    if type(timeout) is float and timeout <= LONGEST_S:
        return timeout
    try:
        seconds = float(timeout) if not isinstance(timeout, str | bytes | bytearray) else None
    except OverflowError:
        seconds = inf if timeout > 0 else -inf
    except (TypeError, ValueError):
        seconds = None
    if seconds is None or seconds != seconds:  # noqa: PLR0124 - not a number
        raise DeadlineInvalidError(value=repr(timeout))
    return min(seconds, LONGEST_S)
