"""Ctrl-C before there is anything to end in order: while the program is still importing itself.

A `KeyboardInterrupt` in the middle of an import is a traceback through modules that the user has never heard of, and
some of them catch it. So until a command runs, Ctrl-C ends the process right there. What comes before this is the start
of Python itself; so this module, and what is imported ahead of it, imports next to nothing.
"""

from __future__ import annotations

import os
import signal

__all__ = ["stop_as_usual", "stop_at_once"]


def stop_at_once() -> None:
    """From now on Ctrl-C ends the process with 130, in one line; where somebody else handles it, nothing changes."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _handle_by(_end)


def stop_as_usual() -> None:
    """From now on Ctrl-C is a `KeyboardInterrupt` again."""
    if signal.getsignal(signal.SIGINT) is _end:
        _handle_by(signal.default_int_handler)


def _handle_by(handler: object) -> None:
    try:
        signal.signal(signal.SIGINT, handler)  # type: ignore[arg-type]
    except ValueError:
        return  # not the main thread: it is not ours to set


def _end(number: int, frame: object) -> None:
    os.write(2, b"mycelium: stopped at once\n")
    os._exit(130)
