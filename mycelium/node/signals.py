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

    The first signal requests a stop, so that `Node.wait` returns; a second one lets `Node.stop` abort. It does
    not raise ``KeyboardInterrupt`` in the main thread, because that arrives anywhere, also between a lock's
    acquisition and the block that releases it, and an abort would wait for that lock for ever. What raises is a
    signal while the actors are made (there is nothing to drain, and constructors take as long as they like), and
    a further one when the abort has not begun after two seconds: the caller is expected to `Node.abort`. Does
    nothing outside the main thread, where Python delivers no signals.
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
        first = cut_at is None
        cut_at = now
        if first and node.state in {"running", "draining"}:
            node.request_abort()
        elif not (first and node.state in {"finished", "interrupted"}):  # the report is printed: let it be printed
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
