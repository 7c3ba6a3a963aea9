"""Where a link over the network listens and whom it calls, and what protects it."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mycelium.errors.link import EndpointError, InsecureLinkError

__all__ = ["Certificates", "Endpoint", "check_endpoint", "is_open_to_others", "zenoh_settings"]

_ENDPOINT = re.compile(r"(?P<protocol>[a-z]+)/(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(?P<port>\d{1,5})")
_PROTECTED = {"tls", "quic"}
#: How long a node calls its routers before it gives up.
ROUTER_MS = 30_000


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files for TLS, as PEM. They come from the config of a host, never from a topology.

    Attributes:
        authority: Who has signed the certificates of the peers.
        certificate: That of this node, which listeners need, and callers where ``mutual`` is asked for.
        key: Its private key.
        mutual: Whether a listener wants a certificate of who calls.
    """

    authority: Path
    certificate: Path | None = None
    key: Path | None = None
    mutual: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The parts of an endpoint; an address of IPv6 without its brackets."""

    protocol: str
    host: str
    port: int

    @classmethod
    def read(cls, endpoint: str) -> Endpoint:
        """The parts of ``tls/HOST:PORT``. Raises `EndpointError` for what is none."""
        found = _ENDPOINT.fullmatch(endpoint)
        if found is None or int(found["port"]) > 65535:
            raise EndpointError(endpoint=endpoint, reason="it is not PROTOCOL/HOST:PORT")
        if found["protocol"] not in {"tcp", *_PROTECTED}:
            raise EndpointError(endpoint=endpoint, reason=f"{found['protocol']} is none of tcp, tls and quic")
        return cls(found["protocol"], found["host"].strip("[]"), int(found["port"]))

    @property
    def is_protected(self) -> bool:
        """Whether frames travel enciphered."""
        return self.protocol in _PROTECTED

    @property
    def is_wildcard(self) -> bool:
        """Whether it is every address of a host: one can listen there, and nobody can call it."""
        return self.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, and not listened at

    @property
    def is_loopback(self) -> bool:
        """Whether only this host reaches it."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def check_endpoint(endpoint: str, *, insecure: bool, certificates: Certificates | None) -> str:
    """The endpoint, where it is one and is allowed.

    Raises `EndpointError`, and `InsecureLinkError` for plain TCP beyond this host without ``insecure``.
    """
    if Endpoint.read(endpoint).is_protected and certificates is None:
        raise EndpointError(endpoint=endpoint, reason="there are no certificates for it")
    if is_open_to_others(endpoint) and not insecure:
        raise InsecureLinkError(endpoint=endpoint)
    return endpoint


def is_open_to_others(endpoint: str) -> bool:
    """Whether it is plain TCP that leaves this host."""
    read = Endpoint.read(endpoint)
    return not (read.is_protected or read.is_loopback)


def zenoh_settings(
    listen: Sequence[str], connect: Sequence[str], certificates: Certificates | None, lease_ms: int, *, routed: bool
) -> Iterator[tuple[str, str]]:
    """Keys of a Zenoh configuration and their values in JSON: one that looks for nobody whom it was not told of."""
    yield "mode", '"client"' if routed else '"peer"'
    if routed:
        yield "connect/timeout_ms", str(ROUTER_MS)
    yield "scouting/multicast/enabled", "false"
    yield "scouting/gossip/enabled", "false"
    yield "transport/shared_memory/enabled", "false"  # whose files would outlive a process that is killed
    yield "scouting/delay", "0"  # for answers of those whom it does not look for
    yield "listen/endpoints", json.dumps(list(listen))
    yield "connect/endpoints", json.dumps(list(connect))
    yield "transport/link/tx/lease", str(lease_ms)
    # A peer that was away is called again soon: by default it takes one second, then two, then four.
    yield "connect/retry", json.dumps({"period_init_ms": 100, "period_max_ms": 1000, "period_increase_factor": 2.0})
    if certificates is None:
        return
    yield "transport/link/tls/root_ca_certificate", json.dumps(str(certificates.authority))
    yield "transport/link/tls/enable_mtls", json.dumps(certificates.mutual)
    for side in ("listen", "connect"):
        for name, file in (("certificate", certificates.certificate), ("private_key", certificates.key)):
            if file is not None:
                yield f"transport/link/tls/{side}_{name}", json.dumps(str(file))
