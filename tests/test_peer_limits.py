"""How much a node takes from a peer in a second: over the limit the peer waits, and nothing is lost."""

from __future__ import annotations

from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mycelium import ActorSpec, Topology
from mycelium.errors.topology import TopologyRefusedError
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.remote.bucket import Bucket
from tests.topology_actors import Tape, Ticker

DEADLINE_S = 30.0


class Clock:
    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


class Slow(Bucket):
    """Time passes when somebody waits, and only then: however long this process stands still, it is no help to a peer."""

    def wait_s(self) -> float:
        seconds = super().wait_s()
        if seconds and isinstance(self._clock, Clock):
            self._clock.now += 0.2
        return seconds


def test_a_second_of_it_may_be_taken_at_once_and_then_one_waits() -> None:
    clock = Clock()
    bucket = Bucket(10.0, clock)
    for _ in range(10):
        assert bucket.wait_s() == 0.0
        bucket.take(1)
    bucket.take(1)
    assert bucket.wait_s() == pytest.approx(0.1)
    clock.now += 0.1
    assert bucket.wait_s() == pytest.approx(0.0)


def test_what_nobody_took_is_not_saved_for_longer_than_a_second() -> None:
    clock = Clock()
    bucket = Bucket(10.0, clock)
    clock.now += 3600
    bucket.take(20)
    assert bucket.wait_s() == pytest.approx(1.0)


@given(st.lists(st.tuples(st.floats(0.0, 2.0), st.integers(1, 30)), max_size=40))
def test_never_more_than_the_rate_and_a_second_of_it(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    bucket = Bucket(10.0, clock)
    taken, largest = 0, 0
    for passes, amount in steps:
        clock.now += passes
        if bucket.wait_s() == 0.0:
            bucket.take(amount)
            taken, largest = taken + amount, max(largest, amount)
    assert taken <= 10.0 * (clock.now - 5.0) + 10.0 + largest + 1e-6


@pytest.mark.parametrize("keys", [{"frames_per_s": 0.5}, {"mb_per_s": 0.001}])
def test_a_peer_over_its_limit_is_held_up_and_loses_nothing(
    keys: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mycelium.remote.wiring.Bucket", lambda per_s: Slow(per_s, Clock()))
    topology = Topology(
        name="pair",
        nodes={"left": {}, "right": keys},
        actors={
            "sender": ActorSpec(actor_class=Ticker, node="left"),
            "receiver": ActorSpec(actor_class=Tape, node="right"),
        },
    )
    with LoopbackLink() as link:
        nodes = {name: JoinedNode(topology, name, link) for name in ("left", "right")}

        def run(node: JoinedNode) -> None:
            with node:
                node.wait()

        threads = [Thread(target=run, args=(node,)) for node in nodes.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        assert not any(thread.is_alive() for thread in threads)
    assert nodes["right"]._wiring._peers["left"].receiving.held_up > 0
    reports = {name: node.report() for name, node in nodes.items()}
    assert all(report.ok for report in reports.values())
    sent = sum(row.count for row in reports["left"].streams if row.what == "sent")
    assert sent == sum(row.count for row in reports["right"].streams if row.what == "delivered") > 0


@pytest.mark.parametrize("key", ["frames_per_s", "mb_per_s"])
def test_what_is_no_limit_is_refused(key: str) -> None:
    with pytest.raises(TopologyRefusedError, match=key):
        Topology(name="t", nodes={"left": {key: -1}}, actors={"sender": ActorSpec(actor_class=Ticker, node="left")})
