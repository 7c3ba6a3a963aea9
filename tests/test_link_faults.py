"""Links that lose, repeat, turn round and spoil frames, and threads that fail: nothing hangs, and all of it is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from threading import Event, Thread
from typing import Any

import pytest

from mycelium import Actor, ActorSpec, Source, Topology, handles
from mycelium.cluster.merging import merge_reports
from mycelium.ledger.report import Report
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.remote.messages import CONTROL, Wire
from tests.faulty_link import Fault, FaultyLink, each
from tests.test_joined_nodes import Gate, Keeper
from tests.topology_actors import Endless, Ticker
from tests.waiting import check_nothing_runs
from tlv import TLV, FrameWriter, i32

DEADLINE_S = 30.0
COUNT = 2000


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    check_nothing_runs()


@pytest.fixture(autouse=True)
def _small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mycelium.remote.outlet.FRAME_MESSAGES", 50)


def pair(receiver: type[Actor] = Keeper, sender: type[Source] = Ticker, **keys: Any) -> Topology:
    config: Any = {"config": {"count": COUNT}} if sender is Ticker else {}
    return Topology(
        name="faults",
        nodes={"left": {}, "right": {}},
        actors={
            "sender": ActorSpec(actor_class=sender, node="left", **config),
            "receiver": ActorSpec(actor_class=receiver, node="right", **keys),
        },
    )


def nodes_of(topology: Topology, link: LoopbackLink) -> tuple[JoinedNode, JoinedNode]:
    left, right = (JoinedNode(topology, name, link, patience_s=DEADLINE_S) for name in ("left", "right"))
    return left, right


def running(*nodes: JoinedNode) -> list[Thread]:
    def run(node: JoinedNode) -> None:
        node.start()
        node.wait()
        node.stop()

    threads = [Thread(target=run, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    return threads


def join(*threads: Thread) -> None:
    for thread in threads:
        thread.join(2 * DEADLINE_S)
    assert not any(thread.is_alive() for thread in threads)


def until(holds: Callable[[], Any]) -> None:
    nap = Event()
    for _ in range(int(DEADLINE_S / 0.005)):
        if holds():
            return
        nap.wait(0.005)
    raise AssertionError("it never came about")


def actor_of(node: JoinedNode, name: str) -> Any:
    until(lambda: node.state == "running")
    return node._actors[name]


def whole(*nodes: JoinedNode) -> Report:
    return merge_reports(nodes[0].topology, {node.node: node.report() for node in nodes}, seconds=1.0)


def ran(fault: Fault) -> tuple[list[int], Report, JoinedNode]:
    """Two thousand ticks over a link with a fault: those that came, the ledger of both, and who received."""
    with FaultyLink("right", fault) as link:
        left, right = nodes_of(pair(), link)
        join(*running(right, left))
        keeper: Any = right._actors["receiver"]
        return keeper.numbers, whole(left, right), right


def lost(frame: memoryview) -> Iterator[memoryview]:
    return iter(())


def cut(frame: memoryview) -> Iterator[memoryview]:
    yield frame[: len(frame) // 2]


def repeated(frame: memoryview) -> Iterator[memoryview]:
    yield frame
    yield frame


def with_rubbish(frame: memoryview) -> Iterator[memoryview]:
    random = Random(len(frame))
    for size in (1, 31, 32, 64, 500):
        yield memoryview(random.randbytes(size))
        yield memoryview(bytes(frame[:32]) + random.randbytes(size))
        yield memoryview(bytes(frame[:6]) + CONTROL.to_bytes(2, "little") + random.randbytes(size))
    yield frame


class TurnedRound:
    """Every third frame comes behind the next one."""

    def __init__(self) -> None:
        self.held: list[memoryview] = []

    def __call__(self, frame: memoryview) -> Iterator[memoryview]:
        self.held.append(frame)
        return iter(())

    def behind(self, frame: memoryview) -> Iterator[memoryview]:
        held, self.held = self.held, []
        yield frame
        yield from held


def test_frames_that_are_lost_are_counted_and_the_stream_ends() -> None:
    numbers, report, _ = ran(each(3, lost))
    assert numbers == sorted(set(numbers))
    assert 0 < report.total.lost == COUNT - len(numbers)
    assert (report.total.sent, report.total.handled) == (COUNT, len(numbers))
    assert report.balanced
    assert report.total.difference == 0
    assert report.exit_code == 1


def test_the_last_frames_of_a_stream_are_missed_too() -> None:
    numbers, report, _ = ran(each(1, lost))
    assert numbers == []
    assert report.total.lost == report.total.sent == COUNT


def test_frames_that_come_twice_are_handled_once() -> None:
    numbers, report, right = ran(each(2, repeated))
    assert numbers == list(range(COUNT))
    assert report.ok
    assert right._wiring._peers["left"].receiving.rubbish > 0


def test_what_comes_late_is_refused_for_the_order_holds() -> None:
    turned = TurnedRound()
    third = each(3, turned)
    numbers, report, _ = ran(lambda frame: turned.behind(frame) if turned.held else third(frame))
    assert numbers == sorted(set(numbers))
    assert 0 < report.total.lost == COUNT - len(numbers)
    assert report.total.difference == 0


def test_frames_that_are_cut_are_refused_and_their_messages_missing() -> None:
    numbers, report, right = ran(each(4, cut))
    assert numbers == sorted(set(numbers))
    assert 0 < report.total.lost == COUNT - len(numbers)
    assert right._wiring._peers["left"].receiving.rubbish > 0


def test_rubbish_does_no_harm_to_what_comes_beside_it() -> None:
    numbers, report, right = ran(each(5, with_rubbish))
    assert numbers == list(range(COUNT))
    assert report.ok
    assert right._wiring._peers["left"].receiving.rubbish >= 15


@pytest.mark.parametrize("arrived", [2**63, COUNT + 1])
def test_more_than_was_sent_cannot_have_arrived(arrived: int) -> None:
    def forged(frame: memoryview) -> Iterator[memoryview]:
        yield frame
        if left._wiring._peers and not is_forged:
            is_forged.append(True)
            writer = FrameWriter(source=CONTROL)
            writer.append(Wire.Credit(incarnation=left._wiring.incarnation, arrived=arrived, stream=0))
            yield memoryview(writer.finish())

    is_forged: list[bool] = []
    with FaultyLink("left", forged) as link:
        left, right = nodes_of(pair(), link)
        join(*running(right, left))
        assert is_forged
        assert whole(left, right).ok


@pytest.mark.parametrize("node", ["left", "right"])
def test_a_node_whose_link_fails_ends_with_an_error_that_says_so(node: str) -> None:
    """It is never left half alive; and its peer goes on without it."""
    fails = Event()

    def fault(frame: memoryview) -> Iterator[memoryview]:
        if fails.is_set():
            raise ZeroDivisionError("in a thread of the link")
        yield frame

    with FaultyLink(node, fault) as link:
        left, right = nodes_of(pair(sender=Endless), link)
        threads = running(right, left)
        keeper = actor_of(right, "receiver")
        until(lambda: keeper.numbers)
        left._wiring.patience_s = right._wiring.patience_s = 0.3
        fails.set()
        failed, other = (left, right) if node == "left" else (right, left)
        join(threads[1] if node == "left" else threads[0])
        (failure,) = failed.report().failures
        assert (failure.actor, failure.error) == (f"node {node}", "PeerFailedError")
        assert "ZeroDivisionError: in a thread of the link" in failure.message
        assert failed.report().balanced
        if other is left:
            until(lambda: other.report().failures)
            other.request_stop()
        join(*threads)
        assert [one.error for one in other.report().failures] == ["PeerLostError"]
        assert whole(left, right).total.difference == 0


def test_a_source_goes_on_when_a_receiver_is_given_up_and_is_heard_again_when_it_comes_back() -> None:
    mailbox: Any = {"capacity": 1_000, "deadline_s": 600.0}
    topology = pair(sender=Endless, mailbox=mailbox)
    with LoopbackLink() as link:
        left, right = nodes_of(topology, link)
        (thread,) = running(left)
        right.start()
        source = actor_of(left, "sender")
        until(lambda: source.emitted)
        left._wiring.patience_s = 0.2
        right.abort()
        until(lambda: left._wiring._peers["right"].given_up)
        emitted = source.emitted
        until(lambda: source.emitted > emitted + 3_000)  # much more than an outlet holds
        again = JoinedNode(topology, "right", link)
        (other,) = running(again)
        keeper = actor_of(again, "receiver")
        until(lambda: keeper.numbers)
        assert keeper.numbers[0] > emitted
        left.request_stop()
        join(thread, other)
        report = left.report()
        assert [failure.error for failure in report.failures] == ["PeerLostError"]
        assert report.balanced
        assert report.total.dead_lettered > 1_000


def test_a_peer_that_was_stopped_before_its_actors_ran_holds_up_nobody() -> None:
    """It says goodbye, and what is sent to it becomes dead letters."""
    with LoopbackLink() as link:
        left, right = nodes_of(pair(sender=Endless), link)
        right.request_stop()
        threads = running(right, left)
        until(lambda: left.state == "running")
        left.request_stop()
        join(*threads)
        report = whole(left, right)
        assert report.total.difference == 0
        assert report.failures == ()


def test_a_sender_that_comes_back_does_not_fill_a_mailbox_beyond_its_bound() -> None:
    mailbox: Any = {"capacity": 20, "deadline_s": 600.0}
    topology = pair(Gate, Endless, mailbox=mailbox, dispatcher="pinned")
    with LoopbackLink() as link:
        left, right = nodes_of(topology, link)
        (thread,) = running(right)
        left.start()
        gate = actor_of(right, "receiver")
        (inlet,) = right._wiring._inlets
        until(lambda: inlet._in_hand is not None and len(inlet._frames) > 3)
        left.abort()
        left = JoinedNode(topology, "left", link)
        left.start()
        until(lambda: inlet._life == 2)
        assert len(gate.mailbox.items) <= 21
        gate.go_on.set()
        until(lambda: inlet.arrived > 0)
        for node in (left, right):
            node.request_stop()
        left.stop()
        join(thread)
        assert right.report().balanced
        old_life = gate.numbers[: gate.numbers.index(0, 1)]
        assert old_life == list(range(len(old_life)))


class Older:
    """As an older version declares it."""

    class Tick(TLV, type=1000):
        number: i32


class OlderTicker(Source, emits=Older.Tick):
    def produce(self) -> Iterator[TLV]:
        return iter(())


class OlderKeeper(Actor, receives=Older.Tick):
    @handles
    def on_tick(self, tick: Older.Tick) -> None: ...


def test_a_node_of_an_older_version_gets_nothing_that_it_reads_otherwise_and_the_others_go_on() -> None:
    topology, older = pair(sender=Endless), pair(OlderKeeper, OlderTicker)
    with LoopbackLink() as link:
        left, right = nodes_of(topology, link)
        (thread,) = running(left)
        right.start()
        keeper = actor_of(right, "receiver")
        until(lambda: keeper.numbers)
        right.abort()
        until(lambda: left._wiring._peers["right"].lost_at is not None)
        stranger = JoinedNode(older, "right", link)
        stranger.start()
        until(lambda: left.report().total.dead_lettered and stranger.report().failures)
        assert stranger.report().total.handled == 0
        stranger.abort()
        (failure,) = stranger.report().failures
        assert failure.error == "PeerMismatchError"
        assert "sender -> receiver: Tick.number is i32 here and i64 there" in failure.message
        assert left.state == "running"
        again = JoinedNode(topology, "right", link)
        (other,) = running(again)
        keeper = actor_of(again, "receiver")
        until(lambda: keeper.numbers)
        left.request_stop()
        join(thread, other)
        assert [failure.error for failure in left.report().failures] == ["PeerMismatchError"]
        assert whole(left, again).total.difference == 0
