"""Faults of the network: one node is joined to the others by TCP through relays, which delay, hold back and cut."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from benches.relay import Relay
from mycelium import Topology, resolve
from mycelium.cluster.merging import merge_reports, report_from_dict

from .cluster import DEADLINE_S, NODES, Cluster, FaultyError, Found, check_ledger, place, wait_for

__all__ = ["NETWORK_FAULTS"]

#: The node that is behind the relays: the last by name, which calls all others.
_BEHIND = "strategy"
#: How long the network is cut; in seconds.
_CUT_S = 10.0


class NetCluster(Cluster):
    """Four nodes that were started one by one, and meet over TCP within this host."""

    def __init__(self, folder: Path, ports: Mapping[str, int], relays: Mapping[str, Relay]) -> None:
        super().__init__(folder, changed=lambda text: _listening(_patient(text), ports))
        self._behind = folder / "behind.toml"
        self._behind.write_text(_listening(self.file.read_text(), {name: relay.port for name, relay in relays.items()}))
        self._nodes: dict[str, subprocess.Popen[str]] = {}

    def start(self) -> None:
        """Start the nodes, and wait until messages flow."""
        for node in NODES:
            file = self._behind if node == _BEHIND else self.file
            self._nodes[node] = self.launch("--node", node, file=file)
        wait_for("messages flow through all nodes", self.flows)

    def stop(self) -> dict[str, Any]:
        """Stop all in order; the report of all."""
        for process in self._nodes.values():
            process.send_signal(signal.SIGINT)
        reports = {}
        until = monotonic() + DEADLINE_S
        for node, process in self._nodes.items():
            try:
                out, _ = process.communicate(timeout=max(1.0, until - monotonic()))
            except subprocess.TimeoutExpired as error:
                raise FaultyError(f"{node} does not end within {DEADLINE_S:g} s") from error
            reports[node] = report_from_dict(json.loads(out))
        whole = merge_reports(resolve(Topology.load(self.file)), reports, seconds=0.0)
        return check_ledger(json.loads(json.dumps(whole.to_dict(), default=str)))


def _patient(text: str) -> str:
    """Who sends waits for longer than the network is away."""
    return re.sub(r'(?m)^(class = "actors\.services\..*)$', r"\1\nmailbox = { deadline_s = 60.0 }", text)


def _listening(text: str, ports: Mapping[str, int]) -> str:
    """The file with ports at which its nodes listen; who has one had none, or another one."""
    for node, port in ports.items():
        text = re.sub(
            rf"(?m)^\[nodes\.{node}\]\n(link.*\nlisten.*\n)?",
            f'[nodes.{node}]\nlink = "net"\nlisten = "tcp/127.0.0.1:{port}"\n',
            text,
        )
    return re.sub(rf"(?m)^\[nodes\.{_BEHIND}\]\n(link.*\n)?", f'[nodes.{_BEHIND}]\nlink = "net"\n', text)


@contextmanager
def _relayed() -> Iterator[tuple[NetCluster, list[Relay]]]:
    others = [node for node in NODES if node != _BEHIND]
    with place() as folder, ExitStack() as stack:
        with ExitStack() as probes:  # held until the relays have ports of their own
            held = {node: probes.enter_context(socket.create_server(("127.0.0.1", 0))) for node in others}
            ports = {node: probe.getsockname()[1] for node, probe in held.items()}
            relays = {node: stack.enter_context(Relay(port)) for node, port in ports.items()}
        cluster = NetCluster(folder, ports, relays)
        yield cluster, list(relays.values())


def delay() -> Found:
    """50 ms of delay, and up to 20 ms more: nothing is lost."""
    with _relayed() as (cluster, relays):
        for relay in relays:
            relay.delay_s, relay.jitter_s = 0.05, 0.02
        began = monotonic()
        cluster.start()
        took = monotonic() - began
        report = cluster.stop()
        if report["total"]["lost"]:
            raise FaultyError(f"{report['total']['lost']} messages were lost")
        return cluster.found(took, report, notes="from the start of its nodes")


def partition() -> Found:
    """Nothing comes through for ten seconds, and nobody is told."""
    return _after(lambda relay: relay.hold(), lambda relay: relay.mend())


def cut() -> Found:
    """The connections break, and nobody can connect for ten seconds."""
    return _after(lambda relay: relay.cut(), lambda relay: relay.mend())


def _after(begin: Callable[[Relay], None], end: Callable[[Relay], None]) -> Found:
    with _relayed() as (cluster, relays):
        cluster.start()
        for relay in relays:
            begin(relay)
        Event().wait(_CUT_S)
        for relay in relays:
            end(relay)
        return _recovered(cluster)


def flap() -> Found:
    """The connections break ten times, for 0.3 seconds in each."""
    nap = Event()
    with _relayed() as (cluster, relays):
        cluster.start()
        for _ in range(10):
            for relay in relays:
                relay.cut()
            nap.wait(0.3)
            for relay in relays:
                relay.mend()
            nap.wait(0.7)
        return _recovered(cluster)


def _recovered(cluster: NetCluster) -> Found:
    began = monotonic()
    # Of `feeds`, of `books`, and of the node itself.
    ways = (_BEHIND, "TradeTLV"), (_BEHIND, "OrderBookTLV"), ("recorder", "SpreadUpdateTLV")
    for way in [cluster.more_of(*way) for way in ways]:
        wait_for("messages go to it and from it again", way)
    took = monotonic() - began
    return cluster.found(took, cluster.stop(), notes="from its end")


NETWORK_FAULTS: Mapping[str, Callable[[], Found]] = {"delay": delay, "partition": partition, "cut": cut, "flap": flap}
