"""The links of one node: shared memory to those on its host, the network to others; each is opened when it is needed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from mycelium.errors.link import EndpointError, LinkExtraError
from mycelium.link.access import Access
from mycelium.link.endpoints import Endpoint
from mycelium.link.link import Link
from mycelium.topology.hosts import NetworkPart, kind_between, network_part
from mycelium.topology.nodes import part_of
from mycelium.topology.resolved import ResolvedTopology

from .wiring import channel_of

if TYPE_CHECKING:
    from mycelium.link.config import LinkConfig

__all__ = ["NodeLinks", "check_packages"]

_PACKAGES = {"ipc": ("iceoryx2", "iceoryx2"), "net": ("zenoh", "eclipse-zenoh")}


def check_packages(topology: ResolvedTopology, nodes: Iterable[str]) -> None:
    """See that what carries the links of these nodes is installed, before anything starts. Raises `LinkExtraError`."""
    kinds = {kind_between(topology.nodes, node, peer) for node in nodes for peer in part_of(topology, node).peers}
    for kind in sorted(kinds):
        module, package = _PACKAGES[kind]
        if importlib.util.find_spec(module) is None:
            raise LinkExtraError(link=kind, package=package, extra=kind, reason=f"no module named {module!r}")


class NodeLinks:
    """The links of ``node`` to the others of a topology. Use it in a ``with``, or `close` it.

    ``config`` is what this host says of links over the network; by default that of the environment.
    """

    def __init__(self, topology: ResolvedTopology, node: str, *, config: LinkConfig | None = None) -> None:
        self.node = node
        self._topology = topology.name
        self._nodes = topology.nodes
        self._peers = part_of(topology, node).peers
        self._config = config
        self._open: dict[str, Link] = {}

    def to(self, peer: str) -> Link:
        """The link that joins the node to ``peer``. Raises `LinkError` where it cannot be opened."""
        kind = kind_between(self._nodes, self.node, peer)
        link = self._open.get(kind)
        if link is None:
            link = self._open[kind] = self._open_ipc() if kind == "ipc" else self._open_net()
        return link

    @property
    def opened(self) -> tuple[str, ...]:
        """The kinds of those that were needed so far."""
        return tuple(self._open)

    def close(self) -> None:
        """Close those that were opened."""
        while self._open:
            self._open.popitem()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_ipc(self) -> Link:
        from mycelium.link.ipc import IpcLink

        return IpcLink()

    def _open_net(self) -> Link:
        from mycelium.link.config import LinkConfig
        from mycelium.link.net import NetLink

        part = network_part(self._nodes, self.node, self._peers)
        config = self._config or LinkConfig.from_env()
        _check_certificates(part, config)
        return NetLink(
            listen=part.listen,
            connect=part.connect,
            routed=part.routed,
            certificates=config.certificates,
            access=self._access(part, config),
            insecure=part.insecure,
            lease_ms=config.lease_ms,
        )

    def _access(self, part: NetworkPart, config: LinkConfig) -> list[Access] | None:
        """Each peer may use the channels between the two; None where no names are known: that is then for the routers."""
        if part.routed or not config.mutual:
            return None
        places = {peer: part.called.get(peer) or part.listen[0] for peer in part.peers}
        protected = [peer for peer, place in places.items() if Endpoint.read(place).is_protected]
        if not protected:
            return None
        return [
            Access(
                names=tuple(self._names(peer, config)) if peer in protected else (),
                channels=(
                    channel_of(self._topology, self.node, peer),
                    channel_of(self._topology, peer, self.node),
                ),
            )
            for peer in part.peers
        ]

    def _names(self, peer: str, config: LinkConfig) -> list[str]:
        return config.names.get(peer) or [name for name in (peer, self._nodes[peer].host) if name]


def _check_certificates(part: NetworkPart, config: LinkConfig) -> None:
    """Raise `EndpointError` where TLS would fail for want of a file, which its peers would only see as silence."""
    for endpoint in (*part.listen, *part.connect):
        if not Endpoint.read(endpoint).is_protected:
            continue
        if config.authority is None:
            raise EndpointError(endpoint=endpoint, reason="MYCELIUM_LINK_AUTHORITY is not set on this host")
        if config.certificate is None and (endpoint in part.listen or config.mutual):
            raise EndpointError(endpoint=endpoint, reason="MYCELIUM_LINK_CERTIFICATE and _KEY are not set on this host")
