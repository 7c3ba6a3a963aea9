"""Times of sampled messages: how long they lay in the mailbox of each actor, and how long its handlers took."""

from __future__ import annotations

import threading

import pytest

from mycelium import Actor, ActorContext, ActorTimes, Domain, Ledger, actor_messages, handles
from mycelium.ledger.latency import now_ns
from tlv import TLV, Batch, i64

DEADLINE = 60.0
SLOW_NS = 2_000_000


@actor_messages(domain=Domain.USER)
class Work:
    class Step(TLV, type=1001):
        number: i64

    class Lot(TLV, type=1002):
        number: i64


class Worker(Actor, receives=(Work.Step, Work.Lot)):
    """Takes its time for every message, by the clock."""

    def __init__(self, slow_ns: int = 0) -> None:
        super().__init__()
        self.slow_ns = slow_ns

    @handles
    def on_step(self, step: Work.Step) -> int:
        if step.number < 0:
            raise LookupError
        self.work()
        return step.number

    @handles(batch=True)
    def on_lots(self, lots: Batch[Work.Lot]) -> None:
        for _ in lots:
            self.work()

    def work(self) -> None:
        until = now_ns() + self.slow_ns
        while now_ns() < until:
            pass


@pytest.fixture(params=["default", "pinned", "asyncio"])
def dispatcher(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def worker_on(dispatcher: str, slow_ns: int = 0) -> Worker:
    return Worker.create(slow_ns, context=ActorContext(name="worker", dispatcher=dispatcher))


def times_of(worker: Worker) -> ActorTimes:
    (times,) = Ledger([worker]).times()
    assert times.name == "worker"
    return times


def test_one_message_in_64_is_measured_in_the_mailbox_and_in_the_handler(dispatcher: str) -> None:
    worker = worker_on(dispatcher)
    for number in range(129):
        worker.actor_ref.tell(Work.Step(number=number))
    worker.launch().stop(timeout=DEADLINE)
    times = times_of(worker)
    assert times.in_mailbox.samples == times.handling.samples == 3


def test_the_times_are_those_that_passed(dispatcher: str) -> None:
    worker = worker_on(dispatcher, SLOW_NS)
    told_at = now_ns()
    worker.actor_ref.tell(Work.Step(number=1))
    lies_there_at = now_ns()
    while now_ns() < lies_there_at + 2 * SLOW_NS:
        pass
    worker.launch().stop(timeout=DEADLINE)
    whole = now_ns() - told_at
    times = times_of(worker)
    assert SLOW_NS < times.in_mailbox.max_ns < whole
    assert SLOW_NS <= times.handling.max_ns < whole
    assert times.in_mailbox.max_ns + times.handling.max_ns <= whole


def test_a_batch_counts_with_its_time_for_each_message(dispatcher: str) -> None:
    worker = worker_on(dispatcher, SLOW_NS)
    for number in range(4):
        worker.actor_ref.tell(Work.Lot(number=number))
    began_at = now_ns()
    worker.launch().stop(timeout=DEADLINE)
    whole = now_ns() - began_at
    times = times_of(worker)
    assert times.handling.samples == 1
    assert SLOW_NS <= times.handling.max_ns <= whole / 4


def test_batches_without_a_sampled_message_are_not_measured(dispatcher: str) -> None:
    worker = worker_on(dispatcher)
    for number in range(64):
        worker.actor_ref.tell(Work.Lot(number=number))
        worker.actor_ref.tell(Work.Step(number=number))
    worker.launch().stop(timeout=DEADLINE)
    assert times_of(worker).handling.samples == 2, "the first of each type, and none of the 63 batches after it"


def test_of_asks_the_handling_is_measured(dispatcher: str) -> None:
    ref = worker_on(dispatcher).launch()
    for number in range(65):
        assert ref.ask(Work.Step(number=number), timeout=DEADLINE) == number
    actor = ref._actor_weakref()
    assert actor is not None
    ref.stop(timeout=DEADLINE)
    assert times_of(actor).handling.samples == 2
    assert times_of(actor).in_mailbox.samples == 0


def test_a_handler_that_raises_is_not_measured(dispatcher: str) -> None:
    worker = worker_on(dispatcher)
    worker.actor_ref.tell(Work.Step(number=-1))
    worker.launch()
    assert worker.ended.wait(DEADLINE)
    times = times_of(worker)
    assert (times.in_mailbox.samples, times.handling.samples) == (1, 0)


def test_a_reading_may_be_taken_while_others_record() -> None:
    worker = worker_on("pinned")
    ref = worker.launch()
    done = threading.Event()

    def tell() -> None:
        for number in range(20_000):
            ref.tell(Work.Step(number=number))
        done.set()

    thread = threading.Thread(target=tell)
    thread.start()
    samples = [0]
    while not done.is_set():
        samples.append(times_of(worker).handling.samples)
    thread.join(DEADLINE)
    ref.stop(timeout=DEADLINE)
    assert samples == sorted(samples)
    assert times_of(worker).handling.samples == 313
