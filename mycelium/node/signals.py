"""Ctrl-C and SIGTERM: the first one drains and stops, the second one stops at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .node import Node

__all__ = ["stop_on_signals"]

#: For so long after a second signal, further ones are taken for impatience: the end is on its way.
_CALM_S = 2.0


@contextmanager
def stop_on_signals(node: Node) -> Iterator[None]:
    """Let SIGINT, SIGTERM and the end of the terminal (SIGHUP) stop ``node`` inside the block.

    The first signal requests a stop, so that `Node.wait` returns; a second one raises
    ``KeyboardInterrupt`` in the main thread, whose handler is expected to `Node.abort`; so does the
    first one while the actors are made, when there is nothing to drain yet. Does nothing outside the
    main thread, where Python delivers no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    cut_at: float | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal cut_at
        del number, frame
        now = time.monotonic()
        if cut_at is not None and now - cut_at < _CALM_S:
            return
        if not node.stop_requested and node.state != "new":
            node.request_stop()
            return
        first_after_the_end = cut_at is None and node.state in {"finished", "interrupted"}
        cut_at = now
        if not first_after_the_end:  # that one came while the report was printed: let it be printed
            raise KeyboardInterrupt

    # What is ignored stays so: `nohup` ignores SIGHUP.
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, handle) for number in dict.fromkeys(numbers)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
