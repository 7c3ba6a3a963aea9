"""Several nodes of one topology, here in one process: messages cross, nothing is lost, and the end comes by itself."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest

from mycelium import Actor, ActorSpec, Source, Topology, handles, resolve
from mycelium.cluster.merging import merge_reports, report_from_dict
from mycelium.errors.cluster import PeerMismatchError, PeerSilentError
from mycelium.ledger.report import Report
from mycelium.link.loopback import LoopbackLink
from mycelium.node import Node
from mycelium.node.joined import JoinedNode
from mycelium.remote.sending import PeerSender
from tests.topology_actors import Board, Crashing, Endless, Price, Tape, Tick, Ticker
from tests.waiting import check_nothing_runs, wait_for
from tlv import TLV

DEADLINE_S = 30.0


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    check_nothing_runs()


@pytest.fixture
def link() -> Iterator[LoopbackLink]:
    with LoopbackLink() as link:
        yield link


def on(node: str, kind: type[Actor], **keys: Any) -> ActorSpec:
    return ActorSpec(actor_class=kind, node=node, **keys)


class Gate(Actor, receives=Tick):
    """Keeps what it gets, and takes nothing before the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.entered = Event()
        self.go_on = Event()

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.entered.set()
        assert self.go_on.wait(DEADLINE_S)
        self.numbers.append(tick.number)


class Keeper(Actor, receives=Tick):
    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.all_here = Event()

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.numbers.append(tick.number)
        if tick.number < 0:
            self.all_here.set()


class Stepwise(Source, emits=Tick):
    """Emits ten ticks each time that it is let, and ends after three times."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = [Event() for _ in range(3)]

    def produce(self) -> Iterator[TLV]:
        for step, event in enumerate(self.steps):
            while not event.is_set():
                if self.pause(0.005):
                    return
            for number in range(10):
                yield Tick(number=10 * step + number)


def running(node: JoinedNode) -> Thread:
    """Run a node to its end, as its process would."""

    def run() -> None:
        node.start()
        node.wait()
        node.stop()

    thread = Thread(target=run)
    thread.start()
    return thread


def join(*threads: Thread) -> None:
    for thread in threads:
        thread.join(DEADLINE_S)
    assert not any(thread.is_alive() for thread in threads)


def run_apart(topology: Topology, link: LoopbackLink) -> dict[str, Report]:
    """Run all nodes of a topology to their end; their reports."""
    nodes = {name: JoinedNode(topology, name, link) for name in topology.nodes}
    join(*(running(node) for node in nodes.values()))
    return {name: node.report() for name, node in nodes.items()}


def merged(topology: Topology, reports: dict[str, Report]) -> Report:
    """As a launcher does: by way of JSON."""
    read = {name: report_from_dict(report.to_dict()) for name, report in reports.items()}
    assert read == reports
    return merge_reports(resolve(topology), read, seconds=1.0)


def chain(count: int = 3000) -> Topology:
    return Topology(
        name="apart",
        nodes={"one": {}, "two": {}, "three": {}},
        actors={
            "ticker": on("one", Ticker, config={"count": count}),
            "tape": on("two", Tape),
            "board": on("three", Board),
        },
    )


def pair(receiver: type[Actor], sender: type[Actor] = Ticker, **keys: Any) -> Topology:
    config = {"config": {"count": 1000}} if sender is Ticker else {}
    return Topology(
        name="pair",
        nodes={"left": {}, "right": {}},
        actors={"sender": on("left", sender, **config), "receiver": on("right", receiver, **keys)},
    )


def test_what_comes_of_several_nodes_is_what_comes_of_one_process(link: LoopbackLink) -> None:
    topology = chain()
    reports = run_apart(topology, link)
    with Node(topology) as node:
        assert node.wait(DEADLINE_S)
    together = node.report()
    apart = merged(topology, reports)
    assert {report.state for report in reports.values()} == {"finished"}
    assert all(report.ok for report in reports.values())
    assert apart.messages == together.messages
    assert apart.summaries == together.summaries == {"board": "1501 prices, the last is -1"}
    assert [(row.actor, row.handled) for row in apart.actors] == [(row.actor, row.handled) for row in together.actors]
    assert [(row.actor, row.done, row.state) for row in apart.sources] == [("ticker", 3000, "finished")]
    assert apart.verdict == together.verdict
    assert apart.exit_code == 0


def test_each_end_of_a_stream_counts_what_went_over_it(link: LoopbackLink) -> None:
    streams = Counter[tuple[str, str, str, str]]()
    for report in run_apart(chain(1000), link).values():
        for row in report.streams:
            streams[row.sender, row.receiver, row.message, row.what] += row.count
    assert streams == {
        ("ticker", "tape", "Tick", "sent"): 1000,
        ("ticker", "tape", "Tick", "delivered"): 1000,
        ("tape", "board", "Price", "sent"): 501,
        ("tape", "board", "Price", "delivered"): 501,
    }


def test_messages_come_in_the_order_in_which_they_were_sent(link: LoopbackLink) -> None:
    topology = pair(Keeper)
    nodes = {name: JoinedNode(topology, name, link) for name in topology.nodes}
    join(*(running(node) for node in nodes.values()))
    keeper: Any = nodes["right"]._actors["receiver"]
    assert keeper.numbers == list(range(1000))


def test_a_receiver_that_takes_nothing_holds_up_its_sender_and_nobody_else(
    link: LoopbackLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender has a mailbox of the receiver's bound at its own node, and so many messages are under way."""
    monkeypatch.setattr("mycelium.remote.outlet.WINDOW", 100)
    mailbox: Any = {"capacity": 50, "deadline_s": 600.0}
    topology = Topology(
        name="held",
        nodes={"left": {}, "right": {}},
        actors={
            "many": on("left", Ticker, config={"count": 5000}),
            "few": on("left", Stepwise),
            "gate": on("right", Gate, mailbox=mailbox, listens_to="many", dispatcher="pinned"),
            "keeper": on("right", Keeper, listens_to="few"),
        },
    )
    left, right = (JoinedNode(topology, name, link) for name in ("left", "right"))
    threads = [running(node) for node in (right, left)]
    gate, keeper = wait_for_actors(right, "gate", "keeper")
    (few,) = wait_for_actors(left, "few")
    assert gate.entered.wait(DEADLINE_S)
    for step in few.steps:
        step.set()
    until(lambda: len(keeper.numbers) == 30)
    emitted: Any = left._actors["many"]
    assert emitted.emitted < 50 + 100 + 50 + Source.chunk
    gate.go_on.set()
    join(*threads)
    assert gate.numbers == list(range(5000))
    report = merged(topology, {node.node: node.report() for node in (left, right)})
    assert report.ok
    assert report.total.dropped == 0


def wait_for_actors(node: JoinedNode, *names: str) -> list[Any]:
    until(lambda: node.state == "running")
    return [node._actors[name] for name in names]


def until(holds: Any) -> None:
    """Wait until something holds that others bring about."""
    nap = Event()
    for _ in range(int(DEADLINE_S / 0.005)):
        if holds():
            return
        nap.wait(0.005)
    raise AssertionError("it never came about")


def test_the_policy_of_the_receiver_decides_at_both_ends(link: LoopbackLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mycelium.remote.outlet.WINDOW", 100)
    mailbox: Any = {"capacity": 20, "overflow": "drop_oldest"}
    topology = pair(Gate, mailbox=mailbox, dispatcher="pinned")
    left, right = (JoinedNode(topology, name, link) for name in ("left", "right"))
    threads = [running(node) for node in (right, left)]
    (gate,) = wait_for_actors(right, "receiver")
    until(lambda: left._actors and left._actors["sender"].finished.is_set())  # type: ignore[attr-defined]
    gate.go_on.set()
    join(*threads)
    report = merged(topology, {node.node: node.report() for node in (left, right)})
    row = report.messages[0]
    assert (row.sent, row.handled + row.dropped) == (1000, 1000)
    assert gate.numbers[-1] == 999
    assert gate.numbers == sorted(gate.numbers)
    assert report.balanced


def test_what_comes_to_a_dead_actor_is_a_dead_letter_on_its_node(link: LoopbackLink) -> None:
    topology = pair(Crashing)
    report = merged(topology, run_apart(topology, link))
    row = report.messages[0]
    assert (row.sent, row.handled, row.dead_lettered) == (1000, 4, 996)
    assert report.balanced
    assert [failure.actor for failure in report.failures] == ["receiver"]
    assert report.exit_code == 1


def test_a_node_waits_for_those_that_it_sends_to_before_its_sources_begin(link: LoopbackLink) -> None:
    left = JoinedNode(pair(Keeper), "left", link, patience_s=0.2)
    with pytest.raises(PeerSilentError, match=r"\[NOD-021\] left waited 0.2 s for right"):
        left.start()
    assert left.report().total.sent == 0


@pytest.mark.parametrize("late", [False, True])
def test_nodes_of_different_topologies_exchange_nothing_and_say_what_differs(
    link: LoopbackLink, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Also where the one that ends with it has not yet come to greet the other, which would wait for it."""
    run = PeerSender.run

    def run_late(sender: PeerSender) -> None:
        assert sender.peer.node != "left" or wait_for(lambda: sender.peer.refused)
        run(sender)

    if late:
        monkeypatch.setattr(PeerSender, "run", run_late)
    other = Topology(
        name="pair",
        nodes={"left": {}, "right": {}},
        actors={"sender": on("left", Ticker), "receiver": on("right", Keeper), "another": on("right", Gate)},
    )
    right = JoinedNode(other, "right", link)
    thread = running(right)
    left = JoinedNode(pair(Keeper), "left", link)
    with pytest.raises(PeerMismatchError, match="sender -> another is in the topology of one of them only"):
        left.start()
    join(thread)
    assert [failure.error for failure in right.report().failures] == ["PeerMismatchError"]


def test_a_node_that_is_told_to_stop_lets_all_end_in_order(link: LoopbackLink) -> None:
    topology = pair(Keeper, Stepwise)
    left, right = (JoinedNode(topology, name, link) for name in ("left", "right"))
    threads = [running(node) for node in (right, left)]
    (stepwise,) = wait_for_actors(left, "sender")
    (keeper,) = wait_for_actors(right, "receiver")
    stepwise.steps[0].set()
    until(lambda: len(keeper.numbers) == 10)
    for node in (right, left):
        node.request_stop()
    join(*threads)
    assert {left.state, right.state} <= {"interrupted", "finished"}
    report = merged(topology, {node.node: node.report() for node in (left, right)})
    assert (report.total.sent, report.total.handled, report.total.lost) == (10, 10, 0)
    assert report.ok


def test_a_peer_that_does_not_come_back_is_told_of_and_what_it_had_not_taken_is_lost(link: LoopbackLink) -> None:
    topology = pair(Gate, Stepwise, dispatcher="pinned")
    left, right = (JoinedNode(topology, name, link) for name in ("left", "right"))
    thread = running(left)
    right.start()
    (stepwise,) = wait_for_actors(left, "sender")
    (gate,) = wait_for_actors(right, "receiver")
    stepwise.steps[0].set()
    assert gate.entered.wait(DEADLINE_S)
    left._wiring.patience_s = 0.3
    gate.go_on.set()
    right.abort()
    for step in stepwise.steps:
        step.set()
    join(thread)
    report = left.report()
    assert [failure.error for failure in report.failures] == ["PeerLostError"]
    assert report.balanced
    whole = merged(topology, {"left": report})
    assert whole.total.lost + whole.total.dead_lettered == whole.total.sent == 30
    assert whole.exit_code == 1


def test_a_peer_that_comes_back_gets_what_waits_for_it(link: LoopbackLink) -> None:
    topology = pair(Keeper, Stepwise)
    left, right = (JoinedNode(topology, name, link) for name in ("left", "right"))
    thread = running(left)
    right.start()
    (stepwise,) = wait_for_actors(left, "sender")
    (keeper,) = wait_for_actors(right, "receiver")
    stepwise.steps[0].set()
    until(lambda: len(keeper.numbers) == 10)
    right.abort()
    until(lambda: left._wiring._peers["right"].lost_at is not None)
    stepwise.steps[1].set()
    again = JoinedNode(topology, "right", link)
    other = running(again)
    (keeper,) = wait_for_actors(again, "receiver")
    until(lambda: len(keeper.numbers) == 10)
    stepwise.steps[2].set()
    join(thread, other)
    assert keeper.numbers == list(range(10, 30))
    assert left.report().ok
    assert again.report().ok


def test_a_node_that_comes_back_when_its_senders_have_ended_waits_for_none(link: LoopbackLink) -> None:
    """They do not come again, and nothing of them does."""
    right = JoinedNode(pair(Keeper), "right", link, is_over=lambda node: node == "left")
    join(running(right))
    report = right.report()
    assert report.state == "finished"
    assert report.ok


def test_a_node_that_comes_back_when_its_receivers_have_ended_waits_for_none(link: LoopbackLink) -> None:
    left = JoinedNode(pair(Keeper), "left", link, is_over=lambda node: True)
    join(running(left))
    report = left.report()
    assert report.state == "finished"
    assert report.total.dead_lettered == report.total.sent == 1000
    assert report.balanced


@pytest.mark.parametrize("name", ["left", "right"])
def test_a_node_whose_peer_never_came_stops_at_once(name: str, link: LoopbackLink) -> None:
    node = JoinedNode(pair(Keeper), name, link, patience_s=10 * DEADLINE_S, drain_s=10 * DEADLINE_S)
    thread = running(node)
    until(lambda: node.state == "running")
    node.request_stop()
    join(thread)
    report = node.report()
    assert (report.state, report.failures) == ("interrupted", ())


def test_senders_and_receivers_may_be_on_both_nodes(link: LoopbackLink) -> None:
    class Back(Actor, receives=Price):
        def __init__(self) -> None:
            super().__init__()
            self.count = 0

        @handles
        def on_price(self, price: Price) -> None:
            self.count += 1

        def summary(self) -> str:
            return str(self.count)

    topology = Topology(
        name="there-and-back",
        nodes={"here": {}, "there": {}},
        actors={"ticker": on("here", Ticker), "tape": on("there", Tape), "back": on("here", Back)},
    )
    report = merged(topology, run_apart(topology, link))
    assert report.ok
    assert report.summaries == {"back": "51"}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("mycelium-to", "mycelium-from"))]


def test_a_node_that_needs_nothing_more_leaves_while_a_peer_that_needs_nothing_of_it_goes_on(
    link: LoopbackLink,
) -> None:
    topology = Topology(
        name="pair",
        nodes={"left": {}, "right": {}},
        actors={"one": on("left", Board, listens_to=()), "other": on("right", Board, listens_to=())},
    )
    # Far longer than the test waits.
    left, right = (JoinedNode(topology, name, link, drain_s=3600.0, patience_s=3600.0) for name in ("left", "right"))
    left.start()
    right.start()
    for leaving in (left, right):
        thread = Thread(target=leaving.stop)
        thread.start()
        join(thread)
        assert leaving.state == "interrupted"
    assert left.report().ok
    assert right.report().ok


def test_a_node_that_stops_by_itself_leaves_senders_that_go_on(
    link: LoopbackLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has accepted by then is handled, and what comes later is counted."""
    monkeypatch.setattr("mycelium.node.joined.SPARE_S", 0.05)
    topology = Topology(
        name="alone",
        nodes={"feeds": {}, "desk": {}},
        actors={"ticker": on("feeds", Endless), "keeper": on("desk", Keeper)},
    )
    feeds, desk = JoinedNode(topology, "feeds", link), JoinedNode(topology, "desk", link, stop_s=0.1)

    def run(node: JoinedNode) -> None:
        node.start()
        node.wait()
        node.stop()

    threads = {node.node: Thread(target=run, args=(node,)) for node in (feeds, desk)}
    for thread in threads.values():
        thread.start()
    assert wait_for(lambda: desk.state == "running" and desk._actors["keeper"].numbers)  # type: ignore[attr-defined]
    desk.request_stop()
    threads["desk"].join(DEADLINE_S)
    assert (desk.state, feeds.state) == ("interrupted", "running")
    keeper: Any = desk._actors["keeper"]
    assert keeper.numbers == list(range(len(keeper.numbers)))
    feeds.request_stop()
    threads["feeds"].join(DEADLINE_S)
    reports = {node.node: report_from_dict(node.report().to_dict()) for node in (feeds, desk)}
    assert all(report.balanced for report in reports.values())
    whole = merge_reports(resolve(topology), reports, seconds=1.0)
    assert whole.total.difference == 0
    assert whole.total.handled == len(keeper.numbers)
