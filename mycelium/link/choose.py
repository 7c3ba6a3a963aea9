"""Which kind of link joins two nodes: shared memory on one host, the network between hosts."""

from __future__ import annotations

import ipaddress
import socket
from typing import Literal

from mycelium.errors.link import LinkKindError

__all__ = ["LinkKind", "is_this_host", "link_kind"]

#: How a topology says it; ``auto`` looks where the two nodes are.
LinkKind = Literal["auto", "ipc", "net"]


def link_kind(here: str, there: str, *, wanted: str = "auto") -> Literal["ipc", "net"]:
    """The kind of link between two hosts, by their names or addresses; one that is wanted is taken as it is.

    Names are compared and not looked up: two names of one host are two hosts, but for those by which
    every host calls itself. Raises `LinkKindError` for another kind, and for shared memory between hosts.

    Example: ``link_kind("alpha", "alpha") == "ipc"``.
    """
    if wanted not in {"auto", "ipc", "net"}:
        raise LinkKindError(wanted=wanted, here=here, there=there, reason="it is none of auto, ipc and net")
    same = _same_host(here, there)
    if wanted == "ipc" and not same:
        raise LinkKindError(wanted=wanted, here=here, there=there, reason="memory is not shared between hosts")
    if wanted == "net":
        return "net"
    return "ipc" if same else "net"


def is_this_host(name: str) -> bool:
    """Whether a name or an address is of the host on which this runs: a name that it calls itself, or an address of its own.

    Names are not looked up.
    """
    if _is_this_host(name) or name == socket.gethostname().partition(".")[0]:
        return True
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(name).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((name, 0))  # which only an address of this host allows
    except (OSError, ValueError):
        return False
    return True


def _same_host(here: str, there: str) -> bool:
    return here == there or (_is_this_host(here) and _is_this_host(there))


def _is_this_host(name: str) -> bool:
    if name in {"", "localhost", socket.gethostname()}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
