"""Gate: what one thread waits at until another one opens it; the twin of the compiled one."""

from __future__ import annotations

import os
from threading import Lock, main_thread

from mycelium.core import compiled, native

__all__ = ["LOOKING_US", "Gate"]

#: How long a thread whose waits are short looks at a gate before it sleeps, where there is a core for it: about what a wake-up takes.
LOOKING_US = 40


@compiled
class Gate:
    """A lock, shut at first: ``acquire(blocking=True, timeout=-1)``, ``release()`` and ``locked()``.

    Whoever waits at the compiled one looks for a while before he sleeps, see ``native/gate.h``.
    """

    __slots__ = ("acquire", "locked", "release")

    def __init__(self) -> None:
        lock = Lock()
        lock.acquire()
        # Not methods around them: each would cost as much as the lock.
        self.acquire = lock.acquire
        self.release = lock.release
        self.locked = lock.locked


def _cores() -> int:
    own = getattr(os, "sched_getaffinity", None)
    return len(own(0)) if own is not None else os.cpu_count() or 1


if native is not None:
    native.set_gates(LOOKING_US, _cores() - 1, main_thread().ident)
