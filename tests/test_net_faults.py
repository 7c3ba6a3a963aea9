"""Nodes joined over a network that breaks: nothing hangs, the order holds, and all of it is counted."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from threading import Event

import pytest

from benches.relay import Relay
from mycelium.node.joined import JoinedNode
from tests.ports import free_port
from tests.test_link_faults import actor_of, join, pair, running, until, whole
from tests.topology_actors import Endless

if importlib.util.find_spec("zenoh") is None:
    pytest.skip("links over the network need the extra net", allow_module_level=True)

from mycelium.link.net import NetLink


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay(free_port()) as relay:
        yield relay


@pytest.mark.parametrize("fault", ["cut", "hold"])
def test_what_a_broken_or_a_silent_network_swallows_is_fetched_again_or_counted(relay: Relay, fault: str) -> None:
    topology = pair(sender=Endless)
    with (
        NetLink(listen=[f"tcp/127.0.0.1:{relay.target}"]) as near,
        NetLink(connect=[f"tcp/127.0.0.1:{relay.port}"]) as far,
    ):
        left, right = JoinedNode(topology, "left", near), JoinedNode(topology, "right", far)
        threads = running(right, left)
        keeper = actor_of(right, "receiver")
        for _ in range(2):
            until(lambda: keeper.numbers)
            getattr(relay, fault)()
            Event().wait(0.05)
            relay.mend()
            seen = len(keeper.numbers)
            until(lambda: len(keeper.numbers) > seen + 20_000)  # noqa: B023 - it is called before the next round
        left.request_stop()
        join(*threads)
    numbers: list[int] = keeper.numbers
    assert numbers == sorted(set(numbers))
    report = whole(left, right)
    assert report.balanced
    assert report.total.difference == 0
    assert report.total.lost == report.total.sent - len(numbers) - report.total.dead_lettered
    assert report.failures == ()
