"""Nodes that lose each other and meet again, and peers that send nothing but rubbish: nothing stalls, all of it is counted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from mycelium import ActorSpec, Topology
from mycelium.errors.cluster import PeerCutOffError
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.remote.messages import CONTROL
from mycelium.remote.receiving import RUBBISH_MAX
from tests.faulty_link import CutLink, FaultyLink, is_of_stream
from tests.talking import DEADLINE_S, Ask, Note, desk_and_book
from tests.talking import running as talking
from tests.test_joined_nodes import Keeper, Stepwise
from tests.test_link_faults import actor_of, join, nodes_of, pair, running, until, whole
from tests.topology_actors import Endless
from tests.waiting import wait_for


def outlet_of(node: JoinedNode) -> Any:
    (outlet,) = node._wiring.outlets
    return outlet


def has_come(keeper: Any, count: int) -> bool:
    return len(keeper.numbers) == count


def lose_each_other(link: CutLink, *nodes: JoinedNode) -> None:
    """They see that they lost each other, and then meet again, both in the same life."""
    peers = [peer for node in nodes for peer in node._wiring._peers.values()]
    lives = [peer.their_incarnation for peer in peers]
    link.cut = True
    until(lambda: all(peer.lost_at is not None for peer in peers))
    link.cut = link.swallows = False
    until(lambda: all(peer.joined or peer.left for peer in peers))
    assert [peer.their_incarnation for peer in peers] == lives


def test_after_a_cut_that_swallowed_all_that_may_be_under_way_the_stream_goes_on() -> None:
    with CutLink() as link:
        left, right = nodes_of(pair(sender=Endless), link)
        threads = running(right, left)
        keeper = actor_of(right, "receiver")
        until(lambda: keeper.numbers)
        link.swallows = link.spares_control = True  # with credit for what had come, some is left to be swallowed
        until(lambda: link.swallowed and outlet_of(left).room == 0)
        lose_each_other(link, left, right)
        count = len(keeper.numbers)
        until(lambda: len(keeper.numbers) > count)
        left.request_stop()
        join(*threads)
        report = whole(left, right)
        assert keeper.numbers == sorted(set(keeper.numbers))
        assert 0 < report.total.lost == report.total.sent - len(keeper.numbers)
        assert report.total.difference == 0
        assert report.failures == ()


def test_what_was_said_to_nobody_is_said_again() -> None:
    """Credit, and that a stream has ended, were swallowed; all messages had come."""
    with CutLink() as link:
        left, right = nodes_of(pair(sender=Stepwise), link)
        threads = running(right, left)
        source, keeper = actor_of(left, "sender"), actor_of(right, "receiver")
        source.steps[0].set()
        until(lambda: outlet_of(left).sent == 10 and outlet_of(left).room == 8192)
        link.swallows = True
        for step in source.steps[1:]:
            step.set()
        until(lambda: outlet_of(left).end_told)
        lose_each_other(link, left, right)
        join(*threads)
        report = whole(left, right)
        assert keeper.numbers == list(range(10))
        assert (report.total.sent, report.total.handled, report.total.lost) == (30, 10, 20)
        assert report.total.difference == 0


def test_a_cut_in_which_nothing_was_swallowed_loses_nothing() -> None:
    with CutLink() as link:
        left, right = nodes_of(pair(sender=Stepwise), link)
        threads = running(right, left)
        source, keeper = actor_of(left, "sender"), actor_of(right, "receiver")
        for number, step in enumerate(source.steps, start=1):
            step.set()
            until(partial(has_come, keeper, 10 * number))
            if number < len(source.steps):
                lose_each_other(link, left, right)
        join(*threads)
        assert keeper.numbers == list(range(30))
        assert whole(left, right).ok


def test_a_stream_whose_opening_was_swallowed_is_opened_again() -> None:
    with CutLink() as link, talking(desk_and_book(), link) as nodes:
        book = nodes.ref("book", at="left")
        link.swallows = True
        book.tell(Note(number=1))
        until(lambda: any(outlet.sent for outlet in nodes.nodes["left"]._wiring.directory.opened_outlets))
        lose_each_other(link, *nodes.nodes.values())
        book.tell(Note(number=2))
        assert book.ask(Ask(number=1), timeout=DEADLINE_S) == 2
        assert wait_for(lambda: nodes.actor("book").notes == [2])
    report: Any = nodes.report  # type: ignore[attr-defined]
    assert report.total.lost == 1


def test_a_peer_that_sends_only_rubbish_is_cut_off_and_hurts_nobody_else() -> None:
    """Its first frame of messages is followed by more rubbish than is borne; another sender goes on."""
    topology = Topology(
        name="rubbish",
        nodes={"bad": {}, "good": {}, "right": {}},
        actors={
            "babbler": ActorSpec(actor_class=Endless, node="bad"),
            "sender": ActorSpec(actor_class=Stepwise, node="good"),
            "listener": ActorSpec(actor_class=Keeper, node="right", listens_to="babbler"),
            "receiver": ActorSpec(actor_class=Keeper, node="right", listens_to="sender"),
        },
    )

    def fault(frame: memoryview) -> Iterator[memoryview]:
        yield frame
        if is_of_stream(frame) and int.from_bytes(frame[6:8], "little") == 0:
            rubbish = memoryview(bytes(frame[:6]) + CONTROL.to_bytes(2, "little") + b"rubbish" * 20)
            yield from [rubbish] * RUBBISH_MAX

    with FaultyLink("right", fault) as link:
        bad, good, right = (JoinedNode(topology, name, link, patience_s=60.0) for name in topology.nodes)
        threads = running(right, good, bad)
        source, keeper = actor_of(good, "sender"), actor_of(right, "receiver")
        peers = right._wiring._peers
        until(lambda: peers["bad"].cut_off)
        for step in source.steps:
            step.set()
        until(lambda: len(keeper.numbers) == 30)
        assert isinstance(peers["bad"].cut_off, PeerCutOffError)
        assert peers["bad"].receiving.rubbish >= RUBBISH_MAX
        assert peers["good"].cut_off is None
        until(lambda: right.report().failures)
        bad.request_stop()
        join(*threads)
        assert [failure.error for failure in right.report().failures] == ["PeerCutOffError"]
        assert right.report().balanced


@pytest.mark.parametrize("rubbish", [0, RUBBISH_MAX - 1])
def test_some_rubbish_is_borne(rubbish: int) -> None:
    told: list[bool] = []

    def fault(frame: memoryview) -> Iterator[memoryview]:
        yield frame
        if not told and is_of_stream(frame):
            told.append(True)
            yield from [memoryview(b"rubbish" * 20)] * rubbish

    with FaultyLink("right", fault) as link:
        left, right = nodes_of(pair(), link)
        join(*running(right, left))
        assert whole(left, right).ok
        assert right._wiring._peers["left"].receiving.rubbish == rubbish


def test_a_peer_that_was_cut_off_is_listened_to_in_its_next_life() -> None:
    """Its receiver has another sender, so it is still there."""
    topology = Topology(
        name="again",
        nodes={"bad": {}, "good": {}, "right": {}},
        actors={
            "one": ActorSpec(actor_class=Stepwise, node="bad"),
            "other": ActorSpec(actor_class=Stepwise, node="good"),
            "receiver": ActorSpec(actor_class=Keeper, node="right"),
        },
    )
    with LoopbackLink() as link:
        bad, good, right = (JoinedNode(topology, name, link) for name in topology.nodes)
        threads = running(right, good)
        bad.start()
        keeper = actor_of(right, "receiver")
        peer = right._wiring._peers["bad"]
        until(lambda: peer.joined)
        peer.cut(PeerCutOffError(peer="bad", frames=1, seconds=1.0))
        bad.abort()
        again = JoinedNode(topology, "bad", link)
        threads += running(again)
        for step in actor_of(again, "one").steps:
            step.set()
        until(lambda: len(keeper.numbers) == 30)
        assert peer.cut_off is None
        for step in actor_of(good, "other").steps:
            step.set()
        join(*threads)
        assert len(keeper.numbers) == 60
