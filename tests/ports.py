"""Ports for links over the network: each is given to one test alone, of all processes that test at the same time."""

from __future__ import annotations

import socket
from contextlib import suppress
from random import SystemRandom

__all__ = ["free_port"]

#: Below those that the system gives to whoever connects, or asks for any port.
PORTS = range(16_000, 32_000)

#: What says, as long as this process lives, that these ports are its own.
_marks: list[socket.socket] = []


def free_port() -> int:
    """A port of this host at which nobody listens, also a while later."""
    while True:
        port = SystemRandom().choice(PORTS)
        mark = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            mark.bind(f"\0mycelium-tests-{port}")  # has no file, and goes with this process
            _marks.append(mark)
            return port
        mark.close()
