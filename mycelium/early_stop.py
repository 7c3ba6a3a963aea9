"""Ctrl-C before there is anything to end in order: while the program is still importing itself.

A `KeyboardInterrupt` in the middle of an import is a traceback through modules that the user has never heard of, and
some of them catch it. So until a command runs, Ctrl-C ends the process right there.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

__all__ = ["stop_as_usual", "stop_at_once"]


def stop_at_once() -> None:
    """From now on Ctrl-C ends the process with 130, in one line; where somebody else handles it, nothing changes."""
    if _is_ours_to_set() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def stop_as_usual() -> None:
    """From now on Ctrl-C is a `KeyboardInterrupt` again."""
    if _is_ours_to_set() and signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_ours_to_set() -> bool:
    return threading.current_thread() is threading.main_thread()


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"mycelium: stopped at once\n")
    os._exit(130)
