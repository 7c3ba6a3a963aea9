"""Faults of connections: one node is joined to the others by TCP through relays, which break them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

from benches.relay import Relay

from .apart import ALONE, ApartCluster
from .cluster import NODES, Found, place

__all__ = ["CONNECTION_FAULTS"]

#: How long nobody can connect; in seconds.
_CUT_S = 10.0


class RelayedCluster(ApartCluster):
    """The nodes meet over TCP within this host, and the one that stands alone calls the others through relays."""

    def __init__(self, folder: Path, ports: Mapping[str, int], relays: Mapping[str, Relay]) -> None:
        super().__init__(folder, lambda text: _listening(text, ports))
        self._alone = folder / "alone.toml"
        self._alone.write_text(_listening(self.file.read_text(), {name: relay.port for name, relay in relays.items()}))

    def file_of(self, node: str) -> Path:
        return self._alone if node == ALONE else self.file


def _listening(text: str, ports: Mapping[str, int]) -> str:
    """The file with ports at which its nodes listen; who has one had none, or another one."""
    for node, port in ports.items():
        text = re.sub(
            rf"(?m)^\[nodes\.{node}\]\n(link.*\nlisten.*\n)?",
            f'[nodes.{node}]\nlink = "net"\nlisten = "tcp/127.0.0.1:{port}"\n',
            text,
        )
    return re.sub(rf"(?m)^\[nodes\.{ALONE}\]\n(link.*\n)?", f'[nodes.{ALONE}]\nlink = "net"\n', text)


@contextmanager
def _relayed() -> Iterator[tuple[RelayedCluster, list[Relay]]]:
    others = [node for node in NODES if node != ALONE]
    with place() as folder, ExitStack() as stack:
        with ExitStack() as probes:  # held until the relays have ports of their own
            held = {node: probes.enter_context(socket.create_server(("127.0.0.1", 0))) for node in others}
            ports = {node: probe.getsockname()[1] for node, probe in held.items()}
            relays = {node: stack.enter_context(Relay(port)) for node, port in ports.items()}
        yield RelayedCluster(folder, ports, relays), list(relays.values())


def cut() -> Found:
    """The connections break, and nobody can connect for ten seconds."""
    return _broken(1, _CUT_S)


def breaks() -> Found:
    """The connections break ten times, for 0.3 seconds in each."""
    return _broken(10, 0.3, 0.7)


def _broken(times: int, down_s: float, up_s: float = 0.0) -> Found:
    nap = Event()
    with _relayed() as (cluster, relays):
        cluster.start()
        for turn in range(times):
            if turn:
                nap.wait(up_s)
            for relay in relays:
                relay.cut()
            nap.wait(down_s)
            for relay in relays:
                relay.mend()
        return cluster.recovered()


CONNECTION_FAULTS: Mapping[str, Callable[[], Found]] = {"cut": cut, "breaks": breaks}
