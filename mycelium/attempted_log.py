"""A log line of the framework itself that must not become somebody's failure.

Where stdout is a full disk or a closed pipe, a logger raises; what is logged is mostly a failure
already, in a thread that serves many.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["try_to_log"]


def try_to_log(log: Callable[..., Any], event: str, **values: Any) -> None:
    """Call a method of a logger; where the line cannot be written, nobody is told."""
    with suppress(Exception):
        log(event, **values)
