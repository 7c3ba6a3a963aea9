"""Nodes: the order of start and stop, the end of a run, failures, and stops of every kind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorSpec, Node, Source, Topology, handles
from mycelium.errors.actor import ActorError
from mycelium.errors.node import ActorFailedError, ActorStartError, NodeStateError
from mycelium.node import stop_on_signals
from tests.topology_actors import (
    BadBirth,
    BadStart,
    Board,
    Crashing,
    Echo,
    Endless,
    Price,
    RowError,
    Stuck,
    Tape,
    Tick,
    Ticker,
)
from tests.waiting import wait_for
from tlv import TLV

DEADLINE_S = 60.0


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    left = pykka.ActorRegistry.get_all()
    pykka.ActorRegistry.stop_all()
    assert left == []


@pytest.fixture(autouse=True)
def _time_to_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that could end end, also on a machine that stands still for a second."""
    monkeypatch.setattr("mycelium.node.node._ABORT_S", DEADLINE_S)


def ticker(**config: object) -> ActorSpec:
    return ActorSpec(actor_class=Ticker, config=config)


def run(topology: Topology, **options: Any) -> Node:
    """Run a topology to its end."""
    with Node(topology, **options) as node:
        assert node.wait(DEADLINE_S)
    return node


def test_a_topology_runs_until_its_sources_are_finished_and_everything_is_handled() -> None:
    node = run(Topology(name="demo", actors={"ticker": ticker(count=1000), "tape": Tape, "board": Board}))
    report = node.report()
    assert [(row.message, row.sent, row.handled) for row in report.messages] == [
        ("Tick", 1000, 1000),
        ("Price", 501, 501),
    ]
    assert report.state == node.state == "finished"
    assert report.balanced
    assert report.exit_code == 0
    assert report.seconds > 0
    source = report.sources[0]
    assert (source.actor, source.done, source.total, source.label, source.state) == (
        "ticker",
        1000,
        1000,
        "ticks",
        "finished",
    )
    report.check()


def test_actors_run_where_the_topology_says() -> None:
    topology = Topology(
        name="placed",
        actors={
            "ticker": ticker(),
            "tape": ActorSpec(actor_class=Tape, dispatcher="node-test"),
            "board": ActorSpec(actor_class=Board, dispatcher="pinned"),
        },
        dispatchers={"node-test": {"workers": 2}},
    )
    node = Node(topology)
    node.start()
    threads = {thread.name for thread in threading.enumerate()}
    assert sum(name.startswith("mycelium-node-test-") for name in threads) == 2
    assert sum(name.startswith("Board-") for name in threads) == 1
    node.wait(DEADLINE_S)
    node.stop()
    assert node.report().exit_code == 0


def test_what_an_actor_emits_while_it_stops_is_delivered_and_summaries_come_after_it() -> None:
    node = run(Topology(name="demo", actors={"board": Board, "ticker": ticker(count=4), "tape": Tape}))
    assert node.report().summaries == {"board": "3 prices, the last is -1"}


def test_receivers_are_ready_before_senders_start_and_sources_come_last() -> None:
    order: list[str] = []

    class Noting(Actor):
        def on_start(self) -> None:
            order.append(self.name)

    class First(Source, emits=Tick):
        def on_start(self) -> None:
            order.append(self.name)

        def produce(self) -> Iterator[TLV]:
            yield Tick(number=1)

    class Middle(Noting, receives=Tick, emits=Price):
        @handles
        def on_tick(self, tick: Tick) -> None:
            self.emit(Price(value=tick.number))

    class Last(Noting, receives=(Tick, Price)):
        @handles
        def on_any(self, message: Tick | Price) -> None: ...

        def on_stop(self) -> None:
            order.append(f"{self.name} stops")

    run(Topology(name="demo", actors={"first": First, "middle": Middle, "last": Last}))
    assert order == ["last", "middle", "first", "last stops"]


def test_circles_run_until_they_are_quiet() -> None:
    actors = {
        "ticker": ticker(count=50),
        "a": ActorSpec(actor_class=Echo, listens_to=("ticker", "b")),
        "b": ActorSpec(actor_class=Echo, listens_to=("a",)),
    }
    report = run(Topology(name="ring", actors=actors)).report()
    # Tick n is sent on until it is 0: n more deliveries.
    assert report.total.handled == sum(number + 1 for number in range(50))
    assert report.balanced


def test_a_circle_that_never_rests_is_stopped_after_its_time() -> None:
    turning = threading.Event()

    class Restless(Actor, receives=Tick, emits=Tick):
        @handles
        def on_tick(self, tick: Tick) -> None:
            turning.set()
            self.emit(tick)

    actors = {
        "ticker": ticker(count=1),
        "a": ActorSpec(actor_class=Restless, listens_to=("ticker", "b")),
        "b": ActorSpec(actor_class=Restless, listens_to=("a",)),
    }
    with Node(Topology(name="ring", actors=actors), drain_s=0.1) as node:
        assert turning.wait(DEADLINE_S)
        assert not node.wait(timeout=0.05)
    report = node.report()
    assert report.state == "interrupted"
    assert report.balanced
    assert report.total.dead_lettered >= 1


def test_a_crashed_actor_is_noticed_and_its_mail_becomes_dead_letters() -> None:
    node = run(Topology(name="demo", actors={"ticker": ticker(count=100), "crashing": Crashing, "tape": Tape}))
    report = node.report()
    assert [(failure.actor, failure.error, failure.message) for failure in report.failures] == [
        ("crashing", "ZeroDivisionError", "three")
    ]
    assert node.failures == report.failures
    ticks = next(row for row in report.messages if row.message == "Tick")
    assert (ticks.sent, ticks.handled, ticks.failed, ticks.dead_lettered) == (200, 104, 1, 96)
    assert report.balanced
    assert report.exit_code == 1
    with pytest.raises(ActorFailedError, match="crashing failed: ZeroDivisionError: three"):
        report.check()


def test_a_source_that_meets_wrong_input_is_told_apart_from_a_crash() -> None:
    report = run(Topology(name="demo", actors={"ticker": ticker(count=10, wrong_row=4), "tape": Tape})).report()
    assert report.sources[0].state == "failed"
    assert report.sources[0].done == 4
    assert report.failures[0].message == "[NODE-001] row 4 is wrong; mend it"
    assert report.exit_code == 2


def test_a_declared_error_of_the_framework_is_a_fault_of_the_program() -> None:
    class Undeclared(Actor, receives=Tick):
        @handles
        def on_tick(self, tick: Tick) -> None:
            self.emit(Price(value=1))

    report = run(Topology(name="demo", actors={"ticker": ticker(count=1), "undeclared": Undeclared})).report()
    assert not report.failures[0].by_input
    assert report.exit_code == 1
    assert issubclass(ActorError, Exception)


def test_a_message_that_cannot_be_made_is_the_handler_s_fault_and_bytes_are_a_source_s_input() -> None:
    class Overflowing(Actor, receives=Tick, emits=Price):
        @handles
        def on_tick(self, tick: Tick) -> None:
            self.emit(Price(value=1 << 70))

    class Reading(Source, emits=Tick):
        def produce(self) -> Iterator[TLV]:
            yield Tick.read_from(b"")

    report = run(Topology(name="demo", actors={"ticker": ticker(count=1), "overflowing": Overflowing})).report()
    assert report.failures[0].error == "FieldValueError"
    assert report.exit_code == 1
    report = run(Topology(name="demo", actors={"reading": Reading, "tape": Tape})).report()
    assert report.failures[0].error == "TruncatedError"
    assert report.exit_code == 2


def test_an_actor_that_cannot_be_created_keeps_everything_from_starting() -> None:
    node = Node(Topology(name="demo", actors={"ticker": ticker(), "bad": BadBirth}))
    with pytest.raises(ActorStartError) as refused:
        node.start()
    assert str(refused.value).startswith("[NOD-002] bad (BadBirth) cannot be started: RuntimeError: no such luck")
    assert isinstance(refused.value.__cause__, RuntimeError)
    assert node.report().total.sent == 0


def test_an_actor_whose_on_start_fails_stops_those_that_were_started() -> None:
    node = Node(Topology(name="demo", actors={"ticker": ticker(), "bad": BadStart, "tape": Tape}))
    with pytest.raises(RowError, match="row 0 is wrong") as refused:
        node.start()
    assert refused.value.__notes__ == ["while bad (BadStart) was started"]
    assert node.state == "aborted"
    assert node.left_running == ()


def test_a_request_to_stop_drains_and_stops() -> None:
    node = Node(Topology(name="demo", actors={"endless": Endless, "tape": Tape, "board": Board}))
    with node:
        assert wait_for(lambda: node.read_ledger().total.handled)
        assert not node.wait(timeout=0.05)
        node.request_stop()
        assert node.wait()
    report = node.report()
    assert report.state == "interrupted"
    assert report.sources[0].state == "stopped"
    assert report.exit_code == 0
    assert report.total.sent == report.total.handled > 0


def test_an_abort_leaves_dead_letters_and_is_told() -> None:
    node = Node(Topology(name="demo", actors={"endless": Endless, "tape": Tape, "board": Board}))
    node.start()
    assert not node.wait(timeout=0.05)
    node.abort()
    report = node.report()
    assert (report.state, report.exit_code) == ("aborted", 130)
    assert node.left_running == ()
    assert report.balanced
    node.stop()
    assert node.state == "aborted"


def test_an_actor_that_hangs_is_left_behind_and_named() -> None:
    node = Node(Topology(name="demo", actors={"ticker": ticker(count=5), "stuck": Stuck}), stall_s=0.3)
    node.start()
    actor = node._actors["stuck"]
    assert isinstance(actor, Stuck)
    assert actor.entered.wait(DEADLINE_S)
    source = node._actors["ticker"]
    source.actor_ref.stop(timeout=DEADLINE_S)
    assert source.ended.wait(DEADLINE_S)  # the only other one: it cannot be too slow to stop
    ticks: list[int] = []
    try:
        node.request_stop()
        node.stop(tick=lambda: ticks.append(1))
        assert node.left_running == ("stuck",)
        report = node.report()
        assert [(failure.actor, failure.error) for failure in report.failures] == [("stuck", "ActorStuckError")]
        assert "nothing moved for 0.3 s" in report.failures[0].message
        assert report.exit_code == 1
        assert ticks
    finally:
        actor.go_on.set()
        assert actor.ended.wait(DEADLINE_S)


def test_an_interrupt_in_an_actor_stops_its_node_and_nobody_else() -> None:
    class Interrupting(Actor, receives=Tick):
        @handles
        def on_tick(self, tick: Tick) -> None:
            raise KeyboardInterrupt

    elsewhere = Board.start()
    node = Node(Topology(name="demo", actors={"endless": Endless, "rude": Interrupting, "tape": Tape}))
    with node:
        assert node.wait(DEADLINE_S)
        assert node.stop_requested
    report = node.report()
    assert (report.state, report.balanced) == ("interrupted", True)
    assert [(failure.actor, failure.error) for failure in report.failures] == [("rude", "KeyboardInterrupt")]
    assert elsewhere.is_alive()
    elsewhere.stop(timeout=DEADLINE_S)


def test_a_topology_without_sources_ends_with_its_last_actor() -> None:
    with Node(Topology(name="demo", actors={"board": Board, "other": Board})) as node:
        node.refs["board"].tell(Price(value=7))
        node.refs["board"].stop()
        assert not node.wait(timeout=0.05)
        node.refs["other"].stop()
        assert node.wait(DEADLINE_S)
    assert node.state == "finished"
    assert node.report().total.handled == 1


def test_a_request_to_stop_ends_a_start_that_takes_long() -> None:
    entered, go_on = Event(), Event()

    class SlowStart(Board):
        def on_start(self) -> None:
            entered.set()
            go_on.wait(DEADLINE_S)

    node = Node(Topology(name="demo", actors={"ticker": ticker(), "tape": Tape, "slow": SlowStart}))

    def interrupt() -> None:
        assert entered.wait(DEADLINE_S)
        node.request_stop()

    thread = Thread(target=interrupt)
    thread.start()
    node.start()
    thread.join(DEADLINE_S)
    go_on.set()
    node.stop()
    report = node.report()
    assert report.state == "interrupted"
    assert report.total.sent == 0
    assert node.left_running == ()


def test_a_summary_that_fails_is_logged_and_the_others_are_told() -> None:
    class Wordless(Board):
        def summary(self) -> str | None:
            raise ValueError("no words")

    topology = Topology(
        name="demo", actors={"ticker": ticker(count=2), "tape": Tape, "wordless": Wordless, "board": Board}
    )
    report = run(topology).report()
    assert list(report.summaries) == ["board"]
    assert report.exit_code == 0


def test_refused_input_is_part_of_the_report() -> None:
    class Picky(Source, emits=Tick):
        def produce(self) -> Iterator[TLV]:
            self.refused = {"malformed": 3}
            yield Tick(number=1)

    report = run(Topology(name="demo", actors={"picky": Picky, "tape": Tape})).report()
    assert report.sources[0].refused == {"malformed": 3}
    assert report.sources[0].total is None


def test_a_source_that_keeps_no_count_is_reported_by_what_it_emitted() -> None:
    class Quiet(Source, emits=(Tick, Price)):
        def produce(self) -> Iterator[TLV]:
            yield from (Tick(number=1), Price(value=1), Price(value=2))

    source = run(Topology(name="demo", actors={"quiet": Quiet, "tape": Tape})).report().sources[0]
    assert (source.done, source.total, source.label) == (3, None, "messages")


def test_a_node_is_used_once_and_in_order() -> None:
    node = Node(Topology(name="demo", actors={"board": Board}))
    assert node.state == "new"
    assert node.left_running == ()
    with pytest.raises(NodeStateError, match="node demo cannot wait: it is new"):
        node.wait()
    node.abort()
    node.stop()
    assert node.report().seconds == 0.0
    with node:
        with pytest.raises(NodeStateError, match="node demo cannot start: it is running"):
            node.start()
        node.request_stop()
    with pytest.raises(NodeStateError, match="cannot start: it is interrupted"):
        node.start()


def test_venues_and_names_reach_the_actors() -> None:
    seen: dict[str, str] = {}

    class Curious(Actor, receives=Tick):
        def on_start(self) -> None:
            seen[self.name] = self.venues.name(1)

        @handles
        def on_tick(self, tick: Tick) -> None: ...

    venues = [{"id": 1, "name": "binance:BTCUSDT"}]
    run(Topology(name="demo", actors={"ticker": ticker(count=0), "curious": Curious}, venues=venues))
    assert seen == {"curious": "binance:BTCUSDT"}


def test_signals_are_left_alone_outside_the_main_thread() -> None:
    done = Event()

    def elsewhere() -> None:
        with stop_on_signals(Node(Topology(name="demo", actors={"board": Board}))):
            done.set()

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join(DEADLINE_S)
    assert done.is_set()
