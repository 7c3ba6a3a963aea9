"""Waiting until the threads that a test has brought about are gone."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic

DEADLINE = 30.0


def wait_for_ends(before: Iterable[threading.Thread]) -> None:
    """Wait until every thread that was not there ``before`` has ended.

    A thread may just be starting another one, as the first that runs actors does with the one that watches them: that
    one is listed already and cannot be joined yet, so look again.
    """
    known = set(before)
    deadline = monotonic() + DEADLINE
    while left := [one for one in threading.enumerate() if one not in known]:
        for thread in left:
            with suppress(RuntimeError):
                thread.join(max(0.0, deadline - monotonic()))
        assert monotonic() < deadline, [thread.name for thread in left]
