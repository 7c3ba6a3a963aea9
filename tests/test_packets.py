"""What stands between the hosts of `make faults`: IP packets are lost, delayed and turned round, and messages are not."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from benches.faults.packets import TwoHosts, Weather
from mycelium import Topology, resolve
from mycelium.cluster.merging import merge_reports, report_from_dict
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 180.0
#: Datagrams, and how many of them are sent at once: fewer than the queues of a device and of a socket hold.
COUNT = 400
PIECE = 100
TICKS = 20_000

FILE = """
[nodes.left]
host = "{near}"
listen = "tcp/{near}:7447"
insecure = true

[nodes.right]
host = "{far}"

[actors.ticker]
class = "tests.topology_actors:Ticker"
node = "left"
config = {{ count = 20000 }}

[actors.tape]
class = "tests.topology_actors:Tape"
node = "right"
"""


@pytest.fixture(scope="module")
def hosts() -> Iterator[TwoHosts]:
    try:
        hosts = TwoHosts()
    except PermissionError as refused:
        pytest.skip(str(refused))
    with hosts:
        yield hosts


def arrived(hosts: TwoHosts, weather: Weather) -> list[int]:
    """The numbers of those of `COUNT` datagrams that arrive, in the order in which they do."""
    relay, numbers = hosts.relay, []
    relay.weather = weather
    with hosts.near.udp() as sender, hosts.far.udp() as receiver:
        receiver.settimeout(DEADLINE_S)
        for first in range(0, COUNT, PIECE):
            passed, done = relay.passed, relay.passed + relay.lost
            for number in range(first, first + PIECE):
                sender.sendto(number.to_bytes(4, "big"), receiver.getsockname())
            assert wait_for(lambda: relay.passed + relay.lost - done == PIECE)  # noqa: B023 - it is called here
            numbers += [int.from_bytes(receiver.recv(4), "big") for _ in range(relay.passed - passed)]
    return numbers


def test_packets_arrive_as_they_were_sent_in_good_weather(hosts: TwoHosts) -> None:
    assert arrived(hosts, Weather()) == list(range(COUNT))


def test_one_of_twenty_is_lost_and_the_others_keep_their_order(hosts: TwoHosts) -> None:
    numbers = arrived(hosts, Weather(loss=0.05))
    assert COUNT * 0.9 < len(numbers) < COUNT
    assert numbers == sorted(numbers)


def test_those_that_take_longer_by_chance_are_overtaken(hosts: TwoHosts) -> None:
    before = hosts.relay.overtaken
    numbers = arrived(hosts, Weather(jitter_s=0.005))
    assert numbers != sorted(numbers)
    assert sorted(numbers) == list(range(COUNT))
    assert hosts.relay.overtaken > before


def test_none_is_there_before_its_delay_is_over(hosts: TwoHosts) -> None:
    hosts.relay.weather = Weather(delay_s=0.05)
    with hosts.near.udp() as sender, hosts.far.udp() as receiver:
        receiver.settimeout(DEADLINE_S)
        began = monotonic()
        sender.sendto(b"slow", receiver.getsockname())
        assert receiver.recv(4) == b"slow"
        assert monotonic() - began >= 0.05


def test_what_a_cut_swallows_never_comes(hosts: TwoHosts) -> None:
    before = hosts.relay.lost
    assert arrived(hosts, Weather(cut=True)) == []
    assert hosts.relay.lost - before == COUNT
    assert arrived(hosts, Weather()) == list(range(COUNT))


def test_where_the_system_refuses_a_device_it_says_so(hosts: TwoHosts) -> None:
    with pytest.raises(PermissionError, match="TUN devices: tun wire: "):
        hosts.near.opened("tun", "wire")  # there is one of that name


@pytest.mark.skipif(importlib.util.find_spec("zenoh") is None, reason="the extra net is not installed")
def test_nodes_lose_nothing_where_packets_are_lost_late_and_out_of_order(hosts: TwoHosts, tmp_path: Path) -> None:
    relay = hosts.relay
    relay.weather = Weather(loss=0.05, delay_s=0.005, jitter_s=0.005)
    lost, overtaken = relay.lost, relay.overtaken
    file = tmp_path / "far.toml"
    file.write_text(FILE.format(near=hosts.near.address, far=hosts.far.address))
    (tmp_path / "run").mkdir(mode=0o700)
    run = [sys.executable, "-m", "mycelium", "run", str(file), "--json", "--node"]
    settings = os.environ | {"MYCELIUM_RUNTIME_DIR": str(tmp_path / "run")}
    nodes = {
        node: subprocess.Popen(
            [*host.entered_by, *run, node],
            cwd=ROOT,
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for node, host in (("left", hosts.near), ("right", hosts.far))
    }
    try:
        said = {node: process.communicate(timeout=DEADLINE_S) for node, process in nodes.items()}
    finally:
        for process in nodes.values():
            process.kill()
            process.wait()
    assert [process.returncode for process in nodes.values()] == [0, 0], said
    reports = {node: report_from_dict(json.loads(out)) for node, (out, _) in said.items()}
    whole = merge_reports(resolve(Topology.load(file)), reports, seconds=0.0)
    assert (whole.total.sent, whole.total.handled, whole.total.lost) == (TICKS, TICKS, 0)
    assert whole.ok
    assert relay.lost > lost
    assert relay.overtaken > overtaken
