"""Waiting for what nobody tells: that a thread has fallen asleep, that a clock has been asked to ring, that a file has grown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

import pykka

DEADLINE_S = 60.0


def wait_for(condition: Callable[[], object]) -> bool:
    """Look until ``condition`` holds; False where it does not in time. Where there is an event, wait for that."""
    deadline = monotonic() + DEADLINE_S
    look = threading.Event()
    while not condition():
        if monotonic() >= deadline:
            return False
        look.wait(0.001)
    return True


def check_nothing_runs() -> None:
    """No actor is left of a test; one whose node was aborted ends a moment later, when its handler does."""
    have_ended = wait_for(lambda: not pykka.ActorRegistry.get_all())
    left = pykka.ActorRegistry.get_all()
    pykka.ActorRegistry.stop_all()
    assert have_ended, left
