"""Process: by what others can tell that the process of a node has died, and not only the link to it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tlv.digests import blake2b

__all__ = ["has_died", "host_of_this", "started_at", "this_process"]

_PROC = Path("/proc")


@cache
def host_of_this() -> int:
    """A number for the host as this process sees it: equal numbers mean that both see the same processes."""
    parts = [socket.gethostname()]
    places: tuple[Callable[[], object], ...] = (
        (_PROC / "sys/kernel/random/boot_id").read_text,
        (_PROC / "self/ns/pid").readlink,
    )
    for read in places:
        try:
            parts.append(str(read()))
        except OSError:
            parts.append("")
    return int.from_bytes(blake2b("\n".join(parts).encode(), digest_size=8).digest(), "little")


def this_process() -> tuple[int, int, int]:
    """The host, the number and the start of this process."""
    pid = os.getpid()
    return host_of_this(), pid, started_at(pid)


def started_at(pid: int) -> int:
    """When a process of this host was started, in ticks of its kernel: what tells it from a later one of its number; 0 for unknown."""
    return _look(pid)[1]


def has_died(pid: int, started: int) -> bool:
    """Whether a process of this host is there no more. One that ended and that nobody has waited for has died."""
    if (_PROC / "self/stat").exists():
        state, since = _look(pid)
        return state in {"", "Z", "X"} or bool(started and since != started)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # not ours to ask; or a number that is none
        return False
    return False


def _look(pid: int) -> tuple[str, int]:
    """State and start of a process; empty where there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return "", 0
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return fields[0], int(fields[19])
