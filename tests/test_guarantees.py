"""What docs/guarantees.md promises, a test for each sentence that no other test holds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorSpec, Batch, Ledger, Node, Source, Topology, handles
from mycelium.actor.handling import DRAIN_MAX
from mycelium.testing import run_actor
from tests.waiting import wait_for
from tlv import TLV, FrameTruncatedError, i64, read_frames

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_S = 30.0


class Tick(TLV, type=1000):
    number: i64


class Tock(TLV, type=1001):
    number: i64


class Log(Actor, receives=(Tick, Tock)):
    """Writes down what it handles, and in which thread."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.threads = {"__init__": threading.get_ident()}
        super().__init__()

    def on_start(self) -> None:
        self.threads["on_start"] = threading.get_ident()

    @handles
    def on_any(self, message: Tick | Tock) -> int:
        self.threads["handler"] = threading.get_ident()
        self.seen.append(message)
        return message.number

    def on_receive(self, message: Any) -> None:
        self.seen.append(message)

    def on_stop(self) -> None:
        self.threads["on_stop"] = threading.get_ident()
        self.seen.append("on_stop")

    def on_failure(self, *_: Any) -> None:
        self.seen.append("on_failure")


class Gate(Log):
    """Holds its first message until the test lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.go_on = threading.Event()

    @handles
    def on_any(self, message: Tick | Tock) -> int:
        self.entered.set()
        assert self.go_on.wait(DEADLINE_S)
        if message.number < 0:
            raise ValueError(f"{message.number} is below zero")
        return super().on_any(message)


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    assert pykka.ActorRegistry.get_all() == []


def launched(actor_class: type[Any]) -> Any:
    actor = actor_class.create()
    actor.launch()
    return actor


def ended(actor: Actor) -> Any:
    actor.actor_ref.stop(block=False)
    assert actor.ended.wait(DEADLINE_S)
    return actor


# Order -----------------------------------------------------------------------------------------------------------


def test_messages_of_one_sender_arrive_in_the_order_in_which_it_sent_them() -> None:
    """Over all types, told, asked and plain, while other senders send too."""
    log = launched(Log)
    senders = 4

    def send(sender: int) -> None:
        for number in range(sender * 1000, sender * 1000 + 300, 3):
            log.actor_ref.tell(Tick(number=number))
            log.actor_ref.ask(Tock(number=number + 1), block=False, timeout=DEADLINE_S)
            log.actor_ref.tell(number + 2)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [seen if isinstance(seen, int) else seen.number for seen in ended(log).seen[:-1]]
    for sender in range(senders):
        mine = [number for number in numbers if number // 1000 == sender]
        assert mine == list(range(sender * 1000, sender * 1000 + 300))


def test_batches_keep_the_order_and_hold_only_what_lay_together() -> None:
    told: list[list[int]] = []
    opened = threading.Event()

    class Batching(Actor, receives=(Tick, Tock)):
        def on_start(self) -> None:
            assert opened.wait(DEADLINE_S)

        @handles(batch=True)
        def on_ticks(self, ticks: Batch[Tick]) -> None:
            told.append([tick.number for tick in ticks])

        @handles
        def on_tock(self, tock: Tock) -> None:
            told.append([-tock.number])

    actor = launched(Batching)
    for message in (Tick(1), Tick(2), Tock(3), Tick(4), Tock(5), Tock(6), Tick(7), Tick(8)):
        actor.actor_ref.tell(message)
    opened.set()
    ended(actor)
    assert told == [[1, 2], [-3], [4], [-5], [-6], [7, 8]]


def test_a_message_is_passed_on_as_it_is_and_never_copied() -> None:
    message = Tick(number=5)
    assert run_actor(Log, [message]).actor.seen[0] is message


# Threads ---------------------------------------------------------------------------------------------------------


def test_handlers_and_hooks_run_in_the_thread_of_the_actor_and_the_constructor_in_that_of_its_maker() -> None:
    threads = run_actor(Log, [Tick(number=1)]).actor.threads
    assert threads.pop("__init__") == threading.get_ident()
    assert len(set(threads.values())) == 1
    assert threads["handler"] != threading.get_ident()


# Delivery --------------------------------------------------------------------------------------------------------


def test_what_an_actor_ignores_is_counted_as_dropped() -> None:
    class Picky(Actor, receives=(Tick, Tock), ignores=Tock):
        @handles
        def on_tick(self, tick: Tick) -> None: ...

    total = run_actor(Picky, [Tick(number=1), Tock(number=2)]).ledger.total
    assert (total.sent, total.handled, total.dropped) == (2, 1, 1)


def test_a_refusal_carries_no_other_error() -> None:
    log = ended(launched(Log))
    with pytest.raises(pykka.ActorDeadError) as refused:
        log.actor_ref.tell(Tick(number=1))
    assert refused.value.__context__ is None


def test_what_nobody_receives_is_counted_as_unrouted_and_not_as_sent() -> None:
    class Lonely(Source, emits=Tick):
        def produce(self) -> Iterator[TLV]:
            yield Tick(number=1)

    with Node(Topology(name="lonely", actors={"lonely": Lonely})) as node:
        assert node.wait(DEADLINE_S)
    report = node.report()
    assert report.unrouted == {"Tick": 1}
    assert report.total.sent == 0
    assert report.balanced


# Asking ----------------------------------------------------------------------------------------------------------


def test_a_message_whose_asker_has_gone_is_handled_all_the_same() -> None:
    gate = launched(Gate)
    with pytest.raises(TimeoutError):
        gate.actor_ref.ask(Tick(number=1), timeout=0.01)
    gate.go_on.set()
    assert ended(gate).seen[0] == Tick(number=1)
    assert Ledger([gate]).read().total.handled == 1


# Stopping --------------------------------------------------------------------------------------------------------


def test_stop_comes_after_what_was_told_before_it_and_before_what_comes_after() -> None:
    gate = launched(Gate)
    ledger = Ledger([gate])
    gate.actor_ref.tell(Tick(number=1))
    assert gate.entered.wait(DEADLINE_S)
    gate.actor_ref.tell(Tick(number=2))
    gate.actor_ref.stop(block=False)
    gate.actor_ref.tell(Tick(number=3))
    gate.go_on.set()
    assert gate.ended.wait(DEADLINE_S)
    assert gate.seen == [Tick(number=1), Tick(number=2), "on_stop"]
    assert ledger.read().total.dead_lettered == 1
    with pytest.raises(pykka.ActorDeadError):
        gate.actor_ref.tell(Tick(number=4))
    assert ledger.read().total.dead_lettered == 2
    assert ledger.balanced


def test_an_abort_ends_after_256_messages_at_most_and_runs_no_hook() -> None:
    node = Node(Topology(name="demo", actors={"gate": Gate}))
    node.start()
    gate = node._actors["gate"]
    assert isinstance(gate, Gate)
    for number in range(1000):
        node.refs["gate"].tell(Tick(number=number))
    assert gate.entered.wait(DEADLINE_S)
    gate.actor_stopped.set()
    gate.go_on.set()
    node.abort()
    assert gate.ended.wait(DEADLINE_S)
    assert "on_stop" not in gate.seen
    assert "on_failure" not in gate.seen
    report = node.report()
    assert report.total.sent == 1000
    assert report.total.handled == len(gate.seen) <= DRAIN_MAX == 256
    assert report.total.dead_lettered == 1000 - len(gate.seen)
    assert report.exit_code == 130


KILLED = """
[actors.market]
class = "actors.simulator.venues:SimulatedVenues"
config = { messages = 100_000_000, exchanges = ["north"], prices = { BTCUSDT = 42_000 } }
[actors.recorder]
class = "actors.services.recorder:Recorder"
[[venues]]
id = 1
name = "north:BTCUSDT"
exchange = "north"
symbol = "BTCUSDT"
"""


def test_a_killed_run_leaves_a_recording_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "killed.toml").write_text(KILLED)
    recording = tmp_path / "all.frames"
    process = subprocess.Popen(
        [sys.executable, "-m", "mycelium", "run", "killed.toml", "--quiet", "--set", f"recorder.path={recording}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert wait_for(
            lambda: process.poll() is not None or (recording.exists() and recording.stat().st_size > 500_000)
        )
        assert process.poll() is None
    finally:
        process.kill()
    process.wait()
    frames = read_frames(recording.read_bytes())
    sequences: list[int] = []
    # The last frame may have been written in part.
    with suppress(FrameTruncatedError):
        sequences.extend(frame.header.sequence for frame in frames)
    assert len(sequences) > 5
    assert sequences == list(range(len(sequences)))


# Failing ---------------------------------------------------------------------------------------------------------


def test_the_others_go_on_when_one_fails() -> None:
    class Five(Source, emits=Tick):
        def produce(self) -> Iterator[TLV]:
            yield from (Tick(number=number) for number in (1, 2, -3, 4, 5))

    class Strict(Gate):
        def on_start(self) -> None:
            self.go_on.set()

    with Node(Topology(name="demo", actors={"five": Five, "strict": Strict, "log": Log})) as node:
        assert node.wait(DEADLINE_S)
    counts = {row.actor: (row.handled, row.failed) for row in node.report().actors}
    assert counts == {"five": (0, 0), "strict": (3, 1), "log": (5, 0)}
    assert node.report().exit_code == 1


# Bounds ----------------------------------------------------------------------------------------------------------


def test_a_source_waits_while_a_mailbox_downstream_is_too_full() -> None:
    class Many(Source, emits=Tick):
        high_water = 100
        low_water = 10
        chunk = 20

        def produce(self) -> Iterator[TLV]:
            yield from (Tick(number=number) for number in range(1000))

    class Relay(Actor, receives=Tick, emits=Tock):
        @handles
        def on_tick(self, tick: Tick) -> None:
            self.emit(Tock(number=tick.number))

    node = Node(
        Topology(
            name="demo",
            actors={"many": Many, "relay": Relay, "slow": ActorSpec(actor_class=Gate, listens_to=("relay",))},
        )
    )
    node.start()
    slow, many = node._actors["slow"], node._actors["many"]
    assert isinstance(slow, Gate)
    assert isinstance(many, Many)
    assert slow.entered.wait(DEADLINE_S)

    def waiting() -> int:
        return sum(row.waiting for row in node.report().actors if row.actor in {"slow", "relay"})

    assert wait_for(lambda: waiting() > 100)
    assert not node.wait(timeout=0.05)
    assert waiting() <= 240
    assert not many.finished.is_set()
    slow.go_on.set()
    assert node.wait(DEADLINE_S)
    node.stop()
    assert node.report().total.handled == 2000


def test_tell_and_emit_do_not_wait_for_a_receiver_before_its_mailbox_is_full() -> None:
    gate = launched(Gate)
    gate.actor_ref.tell(Tick(number=0))
    assert gate.entered.wait(DEADLINE_S)
    capacity = gate.mailbox.capacity
    assert capacity > 10_000
    for number in range(capacity):
        gate.actor_ref.tell(Tick(number=number))
    assert len(gate.mailbox) == capacity
    gate.go_on.set()
    assert len(ended(gate).seen) == capacity + 2  # the first one, and on_stop


def test_what_is_told_to_an_actor_that_an_actor_started_is_in_no_ledger_of_the_node() -> None:
    class Parent(Actor, receives=Tick):
        child: Log

        def on_start(self) -> None:
            self.child = Log.create()
            self.child.launch()

        @handles
        def on_tick(self, tick: Tick) -> None:
            self.child.actor_ref.tell(Tock(tick.number))

    with Node(Topology(name="family", actors={"parent": Parent})) as node:
        node.refs["parent"].tell(Tick(1))
        child: Log = node.refs["parent"].proxy().child.get(timeout=DEADLINE_S)
        child.actor_ref.stop(timeout=DEADLINE_S)
    report = node.report()
    assert [(row.message, row.handled) for row in report.messages] == [("Tick", 1)]
    assert report.balanced
    assert [row.message for row in Ledger([child]).read().rows if row.handled] == ["Tock"]
