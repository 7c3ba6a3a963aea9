"""Ctrl-C and SIGTERM: the first one drains and stops, the second one stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .node import Node

__all__ = ["stop_on_signals"]


@contextmanager
def stop_on_signals(node: Node) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop ``node`` inside the block.

    The first signal requests a stop, so that `Node.wait` returns; a second one raises
    ``KeyboardInterrupt`` in the main thread, whose handler is expected to `Node.abort`. Does nothing
    outside the main thread, where Python delivers no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        if node.stop_requested:
            raise KeyboardInterrupt
        node.request_stop()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
