"""Faults of the network itself: IP packets between two hosts are lost, delayed, turned round, or not passed on at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

from .apart import ALONE, ApartCluster
from .cluster import NODES, FaultyError, Found, place
from .packets import TwoHosts, Weather

__all__ = ["WEATHER_FAULTS"]

_GOOD = Weather()
_CUT = Weather(cut=True)
#: How long messages flow in bad weather, in seconds.
_BAD_S = 5.0


class HostsCluster(ApartCluster):
    """Three nodes on one host, which exchange by shared memory, and one on the other."""

    def __init__(self, folder: Path, hosts: TwoHosts) -> None:
        super().__init__(folder, lambda text: _on(hosts, text))
        self._hosts = hosts

    def entered_by(self, node: str) -> tuple[str, ...]:
        return (self._hosts.far if node == ALONE else self._hosts.near).entered_by


def _on(hosts: TwoHosts, text: str) -> str:
    """The file with the hosts of its nodes; those of the near one listen, each at a port of its own."""
    ports = iter(range(7447, 7500))

    def placed(found: re.Match[str]) -> str:
        if found[1] == ALONE:
            return f'{found[0]}host = "{hosts.far.address}"\n'
        where = f"tcp/{hosts.near.address}:{next(ports)}"
        return f'{found[0]}host = "{hosts.near.address}"\nlisten = "{where}"\ninsecure = true\n'

    return re.sub(r"(?m)^\[nodes\.(\w+)\]\n", placed, text)


@contextmanager
def _two_hosts() -> Iterator[tuple[HostsCluster, TwoHosts]]:
    with place() as folder, TwoHosts() as hosts:
        yield HostsCluster(folder, hosts), hosts


def _in(weather: Weather) -> Found:
    """Start in bad weather, and go on in it to the end: nothing may be lost."""
    with _two_hosts() as (cluster, hosts):
        hosts.relay.weather = weather
        began = monotonic()
        cluster.start()
        took = monotonic() - began
        Event().wait(_BAD_S)
        cluster.await_flow()
        report = cluster.stop()
        if report["total"]["lost"]:
            raise FaultyError(f"{report['total']['lost']} messages were lost")
        relay = hosts.relay
        notes = f"from the start of its nodes; of {relay.passed + relay.lost:,} packets {relay.lost:,} lost"
        return cluster.found(took, report, notes=f"{notes}, {relay.overtaken:,} overtaken")


def _after(times: int, down_s: float, up_s: float = 0.0) -> Found:
    nap = Event()
    with _two_hosts() as (cluster, hosts):
        cluster.start()
        for turn in range(times):
            if turn:
                nap.wait(up_s)
            hosts.relay.weather = _CUT
            nap.wait(down_s)
            hosts.relay.weather = _GOOD
        return cluster.recovered()


def loss() -> Found:
    """5 % of all IP packets are lost, each way."""
    return _in(Weather(loss=0.05))


def delay() -> Found:
    """Each IP packet is on its way for 50 ms."""
    return _in(Weather(delay_s=0.05))


def reorder() -> Found:
    """IP packets overtake each other: each is on its way for up to 5 ms, by chance."""
    return _in(Weather(jitter_s=0.005))


def storm() -> Found:
    """5 % are lost, and each of the others is on its way for 50 to 55 ms: all three together."""
    return _in(Weather(loss=0.05, delay_s=0.05, jitter_s=0.005))


def partition() -> Found:
    """No IP packet comes through for ten seconds, and nobody is told."""
    return _after(1, 10.0)


def long_partition() -> Found:
    """The same for 25 seconds: longer than the lease, so each end gives its connections up."""
    return _after(1, 25.0)


def end_in_partition() -> Found:
    """All nodes are asked to end while no IP packet comes through: they do, and say whom they lost."""
    with _two_hosts() as (cluster, hosts):
        cluster.start()
        hosts.relay.weather = _CUT
        began = monotonic()
        report = cluster.stop()
        took = monotonic() - began
        failed = {failure["actor"] for failure in report["failures"]}
        if f"node {ALONE}" not in failed:
            raise FaultyError(f"{ALONE} does not say that it has lost the others")
        gone = tuple(failed & {f"node {node}" for node in NODES})
        return cluster.found(took, report, failed=gone, notes="until all had ended")


def flap() -> Found:
    """A link that flaps: five times there are no IP packets for one second, and then for two seconds there are."""
    return _after(5, 1.0, 2.0)


WEATHER_FAULTS: Mapping[str, Callable[[], Found]] = {
    "loss": loss,
    "delay": delay,
    "reorder": reorder,
    "storm": storm,
    "partition": partition,
    "long-partition": long_partition,
    "end-in-partition": end_in_partition,
    "flap": flap,
}
