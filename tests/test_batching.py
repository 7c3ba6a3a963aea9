"""When a frame goes: at once, full, or when it has waited long enough; and nodes that linger and spin deliver all the same."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mycelium import ActorSpec, Topology
from mycelium.errors.topology import TopologyRefusedError
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.remote.batching import Batching
from tests.topology_actors import Tape, Ticker

DEADLINE_S = 30.0
SIZE = 100_000


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_linger_everything_goes_at_once() -> None:
    assert Batching(0.0, 1000, SIZE, Clock()).hold(1) == 0.0


def test_a_frame_that_is_full_goes_at_once() -> None:
    batching = Batching(1.0, 1000, SIZE, Clock())
    assert batching.hold(999) > 0
    assert batching.hold(1000) == 0.0


@pytest.mark.parametrize(
    ("messages", "size", "full"), [(10, 10_000, 100), (1, 90_000, 1), (500, 5_000, 1000), (0, 50, 1000)]
)
def test_a_frame_is_full_by_bytes_too_as_the_last_one_tells(messages: int, size: int, full: int) -> None:
    batching = Batching(1.0, 1000, SIZE, Clock())
    batching.note(messages, size)
    assert batching.full == full
    assert full == 1 or batching.hold(full - 1) > 0
    assert batching.hold(full) == 0.0


def test_what_is_urgent_goes_at_once() -> None:
    assert Batching(1.0, 1000, SIZE, Clock()).hold(1, urgent=True) == 0.0


def test_the_first_message_waits_for_the_linger_and_no_longer() -> None:
    clock = Clock()
    batching = Batching(1.0, 1000, SIZE, clock)
    assert batching.hold(1) == 1.0
    clock.now += 0.9
    assert batching.hold(5) == pytest.approx(0.1)
    clock.now += 0.1
    assert batching.hold(6) == 0.0
    assert batching.hold(1) == 1.0, "the next frame begins anew"


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0.0, 0.5)), max_size=50))
def test_nothing_waits_longer_than_the_linger(steps: list[tuple[int, float]]) -> None:
    clock = Clock()
    batching = Batching(1.0, 40, SIZE, clock)
    waiting, since = 0, clock.now
    for more, passes in steps:
        if not waiting:
            since = clock.now
        waiting += more
        hold = batching.hold(waiting)
        if waiting >= 40 or clock.now - since >= 1.0:
            assert hold == 0.0
        if hold == 0.0:
            waiting = 0
        else:
            assert clock.now + hold <= since + 1.0 + 1e-9
        clock.now += passes


def pair(**keys: Any) -> Topology:
    return Topology(
        name="pair",
        nodes={"left": keys, "right": keys},
        actors={
            "sender": ActorSpec(actor_class=Ticker, node="left"),
            "receiver": ActorSpec(actor_class=Tape, node="right"),
        },
    )


@pytest.mark.parametrize("keys", [{"linger_us": 2_000}, {"spin_us": 100}, {"linger_us": 1_000_000, "spin_us": 50}])
def test_nodes_that_linger_and_spin_deliver_everything(keys: dict[str, int]) -> None:
    with LoopbackLink() as link:
        nodes = [JoinedNode(pair(**keys), name, link) for name in ("left", "right")]

        def run(node: JoinedNode) -> None:
            with node:
                node.wait()

        threads = [Thread(target=run, args=(node,)) for node in nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        assert not any(thread.is_alive() for thread in threads)
    left, right = (node.report() for node in nodes)
    assert left.ok
    assert right.ok
    assert right.total.handled > 0
    sent = sum(row.count for row in left.streams if row.what == "sent")
    assert sent == sum(row.count for row in right.streams if row.what == "delivered") > 0


@pytest.mark.parametrize(("key", "value"), [("linger_us", -1), ("linger_us", 2_000_000), ("spin_us", "long")])
def test_what_is_no_time_is_refused(key: str, value: object) -> None:
    with pytest.raises(TopologyRefusedError, match=key):
        pair(**{key: value})
