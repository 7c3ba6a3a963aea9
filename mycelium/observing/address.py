"""Where the metrics are served: ``:9100``, ``127.0.0.1:9100``, ``[::1]:9100``."""

from __future__ import annotations

from typing import NamedTuple

from mycelium.errors.observing import MetricsAddressError

__all__ = ["Address", "read_address"]

_PORT_MAX = 65_535


class Address(NamedTuple):
    """A host, "" for every interface of this machine, and a port, 0 for any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(given: str) -> Address:
    """Understand ``host:port``, where the host may be missing. Raises `MetricsAddressError`."""
    host, colon, port = given.strip().rpartition(":")
    if not colon:
        raise MetricsAddressError(address=given, reason="there is no colon before the port")
    if not (port.isascii() and port.isdecimal()):
        raise MetricsAddressError(address=given, reason=f"the port is {port!r} and no number")
    if len(port) > len(str(_PORT_MAX)) or int(port) > _PORT_MAX:
        raise MetricsAddressError(address=given, reason=f"a port is at most {_PORT_MAX}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise MetricsAddressError(address=given, reason="an IPv6 address stands in brackets")
    return Address(host, int(port))
