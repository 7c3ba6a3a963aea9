from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mycelium import Actor, ActorContext, Domain, Ledger, LedgerRow, actor_messages, connect, handles, plan_routes
from mycelium.ledger import ledger as ledger_module
from mycelium.ledger.ledger import wait_until_quiet
from tlv import TLV, i64

DEADLINE = 60.0


@actor_messages(domain=Domain.USER)
class Flow:
    class Work(TLV, type=1001):
        number: i64

    class Note(TLV, type=1002):
        number: i64


class Worker(Actor, receives=Flow.Work):
    """Works when it is let; breaks at a negative number."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.let = threading.Event()

    @handles
    def on_work(self, work: Flow.Work) -> None:
        self.entered.set()
        assert self.let.wait(DEADLINE)
        if work.number < 0:
            raise LookupError


class Circle(Actor, receives=Flow.Note, emits=Flow.Note):
    @handles
    def on_note(self, note: Flow.Note) -> None:
        if note.number:
            self.emit(Flow.Note(number=note.number - 1))


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker.create(context=ActorContext(name="worker"))
    yield made
    made.let.set()
    made.actor_ref.actor_stopped.set()
    assert not made.mailbox.started or made.ended.wait(DEADLINE)


def test_a_row_adds_up_to_its_difference() -> None:
    row = LedgerRow("Work", 1001, sent=10, handled=4, failed=1, dropped=2, dead_lettered=1, in_flight=2)
    assert row.difference == 1


def test_before_anything_runs_what_waits_is_in_flight(worker: Worker) -> None:
    for number in range(3):
        worker.actor_ref.tell(Flow.Work(number=number))
    reading = Ledger([worker]).read()
    assert reading.exact
    assert reading.rows == (LedgerRow("Work", 1001, 3, 0, 0, 0, 0, 3),)
    assert reading.balanced
    (row,) = reading.actors
    assert (row.name, row.alive, row.waiting) == ("worker", False, 3)


def test_while_a_handler_runs_its_message_is_in_flight(worker: Worker) -> None:
    ledger = Ledger([worker])
    ref = worker.launch()
    for number in range(3):
        ref.tell(Flow.Work(number=number))
    assert worker.entered.wait(DEADLINE)
    reading = ledger.read()
    assert not reading.exact
    assert reading.rows == (LedgerRow("Work", 1001, 3, 0, 0, 0, 0, 3),)
    assert reading.balanced
    assert reading.actors[0].alive
    worker.let.set()
    assert wait_until_quiet([worker], DEADLINE)
    reading = ledger.read()
    assert reading.exact
    assert reading.total == LedgerRow("total", 0, 3, 3, 0, 0, 0, 0)
    assert reading.actors[0].handled == 3


def test_a_dead_actor_s_mail_is_in_the_ledger(worker: Worker) -> None:
    ledger = Ledger([worker])
    for number in (1, -1, 2, 3):
        worker.actor_ref.tell(Flow.Work(number=number))
    worker.let.set()
    worker.launch()
    assert worker.ended.wait(DEADLINE)
    reading = ledger.read()
    assert reading.rows == (LedgerRow("Work", 1001, 4, 2, 1, 0, 2, 0),)
    assert reading.balanced
    (row,) = reading.actors
    assert (row.handled, row.failed, row.dead_lettered, row.waiting) == (2, 1, 2, 0)


def test_a_lost_message_shows_as_a_difference(worker: Worker) -> None:
    ledger = Ledger([worker])
    for number in range(3):
        worker.actor_ref.tell(Flow.Work(number=number))
    worker.mailbox.items.pop()
    assert not ledger.balanced
    (row,) = ledger.differences
    assert (row.message, row.difference, row.in_flight) == ("Work", 1, 2)


def test_a_message_from_nowhere_shows_too(worker: Worker) -> None:
    worker.mailbox.items.append(Flow.Work(number=1))
    (row,) = Ledger([worker]).differences
    assert row.difference == -1


def test_a_receiver_that_counts_more_than_was_sent_shows_while_it_runs(worker: Worker) -> None:
    ref = worker.launch()
    ref.tell(Flow.Work(number=1))
    assert worker.entered.wait(DEADLINE)
    worker.mailbox.tally.cell(Flow.Work).handled += 2
    reading = Ledger([worker]).read()
    assert not reading.exact
    assert not reading.balanced


def test_objects_that_are_no_messages_are_not_in_the_ledger(worker: Worker) -> None:
    worker.mailbox.put("hello")
    worker.mailbox.close()
    assert Ledger([worker]).read().total == LedgerRow("total", 0, 0, 0, 0, 0, 0, 0)
    assert Ledger([worker]).read().actors[0].dead_lettered == 1


def test_the_ledger_outlives_its_actors() -> None:
    made = Worker.create()
    ledger = Ledger([made])
    made.actor_ref.tell(Flow.Work(number=1))
    del made
    assert ledger.read().total.sent == 1


def test_readings_under_load_never_show_a_loss() -> None:
    worker = Worker.create()
    worker.let.set()
    ledger = Ledger([worker])
    ref = worker.launch()
    done = threading.Event()

    def send() -> None:
        for number in range(20_000):
            ref.tell(Flow.Work(number=number))
        done.set()

    sender = threading.Thread(target=send)
    sender.start()
    while not done.is_set():
        reading = ledger.read()
        if not reading.exact:  # a sender that is no actor may be caught between its count and its append
            assert reading.balanced, reading.differences
    sender.join(DEADLINE)
    ref.stop(timeout=DEADLINE)
    assert worker.ended.wait(DEADLINE)
    assert ledger.read().total == LedgerRow("total", 0, 20_000, 20_000, 0, 0, 0, 0)


def test_a_circle_is_quiet_when_its_last_message_is_handled() -> None:
    circle = Circle.create(context=ActorContext(name="circle"))
    connect({"circle": circle}, plan_routes({"circle": Circle}, listens={"circle": ["circle"]}))
    ref = circle.launch()
    ref.tell(Flow.Note(number=2_000))
    assert wait_until_quiet([circle], DEADLINE)
    assert Ledger([circle]).read().total == LedgerRow("total", 0, 2_001, 2_001, 0, 0, 0, 0)
    ref.stop(timeout=DEADLINE)


def test_waiting_for_quiet_ends_with_its_time(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.actor_ref.tell(Flow.Work(number=1))
    assert not wait_until_quiet([worker], 0.001)
    assert ledger_module.wait_until_quiet([], 0)
