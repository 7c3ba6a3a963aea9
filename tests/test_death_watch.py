"""Death watch: one is told, once, when another actor has ended, and why."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from mycelium import Actor, DeadLetter, DeadLetterKind, Ledger, Terminated, dead_letters, handles
from mycelium.errors import NotWatchableError
from tlv import TLV, i64

DEADLINE = 30.0


class Order(TLV, type=1000):
    number: i64


class Worker(Actor, receives=Order):
    def __init__(self, told: Any = None) -> None:
        super().__init__()
        self.told = told

    @handles
    def on_order(self, order: Order) -> None:
        if order.number < 0:
            raise LookupError(order.number)
        if self.told is not None:
            self.told.tell(order.number)


class Guard(Actor):
    """Puts what it is told of into a queue."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: queue.Queue[Any] = queue.Queue()

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else self.seen.put(message)

    def on_terminated(self, terminated: Terminated) -> None:
        self.seen.put(terminated)


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all()


@pytest.fixture(params=["default", "pinned"])
def kinds(request: pytest.FixtureRequest) -> tuple[type[Guard], type[Worker]]:
    class G(Guard, dispatcher=request.param):
        pass

    class W(Worker, dispatcher=request.param):
        pass

    return G, W


def seen(guard: Guard) -> list[Any]:
    """All that it has been told of until now."""
    guard.actor_ref.ask(lambda _: None, timeout=DEADLINE)
    return list(guard.seen.queue)


def guarding(kind: type[Guard], *refs: Any) -> Guard:
    guard = kind.create()
    guard.launch()
    for ref in refs:
        guard.actor_ref.ask(lambda self, ref=ref: self.watch(ref), timeout=DEADLINE)
    return guard


def test_an_actor_that_is_stopped_is_told_of(kinds: tuple[type[Guard], type[Worker]]) -> None:
    worker = kinds[1].start()
    guard = guarding(kinds[0], worker)
    worker.stop(timeout=DEADLINE)
    told = guard.seen.get(timeout=DEADLINE)
    assert (told.ref, told.name, told.error, told.failed, told.reason) == (worker, "W", None, False, "stopped")


def test_an_actor_that_fails_is_told_of_with_its_error(kinds: tuple[type[Guard], type[Worker]]) -> None:
    worker = kinds[1].start()
    guard = guarding(kinds[0], worker)
    worker.tell(Order(number=-3))
    told = guard.seen.get(timeout=DEADLINE)
    assert told.failed
    assert told.reason == "failed: LookupError(-3)"


def test_watching_a_dead_actor_is_told_at_once(kinds: tuple[type[Guard], type[Worker]]) -> None:
    worker = kinds[1].create()
    ref = worker.launch()
    ref.tell(Order(number=-3))
    assert worker.ended.wait(DEADLINE)
    guard = guarding(kinds[0], ref)
    assert guard.seen.get(timeout=DEADLINE).reason == "failed: LookupError(-3)"


def test_it_is_told_once_however_often_it_was_watched(kinds: tuple[type[Guard], type[Worker]]) -> None:
    worker = kinds[1].create()
    ref = worker.launch()
    guard = guarding(kinds[0], ref, ref)
    ref.stop(timeout=DEADLINE)
    assert worker.ended.wait(DEADLINE)
    assert len(seen(guard)) == 1


def test_who_watches_no_longer_is_not_told_not_even_of_what_waits(kinds: tuple[type[Guard], type[Worker]]) -> None:
    early, late = kinds[1].create(), kinds[1].create()
    early.launch()
    late.launch()
    guard = guarding(kinds[0], early.actor_ref, late.actor_ref)

    def leave(self: Guard) -> None:
        self.unwatch(early.actor_ref)
        late.actor_ref.actor_stopped.set()  # its notice waits behind this
        if late.mailbox.dispatcher is None:
            assert late.ended.wait(DEADLINE)
        self.unwatch(late.actor_ref)
        self.unwatch(late.actor_ref)

    guard.actor_ref.ask(leave, timeout=DEADLINE)
    early.actor_ref.stop(timeout=DEADLINE)
    assert early.ended.wait(DEADLINE)
    assert late.ended.wait(DEADLINE)
    assert seen(guard) == []


def test_watching_anew_tells_anew(kinds: tuple[type[Guard], type[Worker]]) -> None:
    worker = kinds[1].create()
    ref = worker.launch()
    ref.stop(timeout=DEADLINE)
    assert worker.ended.wait(DEADLINE)
    guard = guarding(kinds[0], ref)
    assert len(seen(guard)) == 1
    guard.actor_ref.ask(lambda self: self.watch(ref), timeout=DEADLINE)
    assert len(seen(guard)) == 2


def test_it_comes_after_all_that_the_watched_one_sent(kinds: tuple[type[Guard], type[Worker]]) -> None:
    guard = kinds[0].create()
    guard.launch()
    worker = kinds[1].start(guard.actor_ref)
    guard.actor_ref.ask(lambda self: self.watch(worker), timeout=DEADLINE)
    for number in range(100):
        worker.tell(Order(number=number))
    worker.stop(timeout=DEADLINE)
    told = [guard.seen.get(timeout=DEADLINE) for _ in range(101)]
    assert told[:100] == list(range(100))
    assert isinstance(told[100], Terminated)


def test_every_one_of_many_is_told_once_while_they_watch_and_die_at_the_same_time() -> None:
    workers = [Worker.create() for _ in range(200)]
    refs = [worker.launch() for worker in workers]
    guards = [Guard.create() for _ in range(4)]
    for guard in guards:
        guard.launch()
    killers = [threading.Thread(target=lambda part=refs[n::2]: [ref.stop(block=False) for ref in part]) for n in (0, 1)]
    for killer in killers:
        killer.start()
    for ref in refs:
        for guard in guards:
            guard.actor_ref.tell(lambda self, ref=ref: self.watch(ref))
    for killer in killers:
        killer.join(DEADLINE)
    for worker in workers:
        assert worker.ended.wait(DEADLINE)
    for guard in guards:
        told = [guard.seen.get(timeout=DEADLINE).ref.actor_urn for _ in refs]
        assert sorted(told) == sorted(ref.actor_urn for ref in refs)
        assert guard.seen.empty()


def test_who_has_ended_is_taken_off_the_list_of_whom_he_watched() -> None:
    worker = Worker.start()
    guard = guarding(Guard, worker)
    assert worker._mailbox._watchers
    guard.actor_ref.stop(timeout=DEADLINE)
    assert guard.ended.wait(DEADLINE)
    assert not worker._mailbox._watchers


def test_what_is_no_actor_cannot_be_watched() -> None:
    guard = guarding(Guard)
    with pytest.raises(NotWatchableError, match=r"ACT-030.*Guard cannot watch 'nobody'"):
        guard.actor_ref.ask(lambda self: self.watch("nobody"), timeout=DEADLINE)


def test_without_a_hook_it_comes_to_on_receive_and_is_a_dead_letter_there() -> None:
    class Careless(Actor):
        def on_start(self) -> None:
            self.watch(worker)

    letters: queue.Queue[DeadLetter] = queue.Queue()
    subscription = dead_letters.subscribe(letters.put, every_s=0)
    try:
        worker = Worker.start()
        careless = Careless.create()
        careless.launch()
        worker.stop(timeout=DEADLINE)
        letter = letters.get(timeout=DEADLINE)
    finally:
        subscription.cancel()
    assert (letter.kind, letter.actor) == (DeadLetterKind.UNHANDLED, "Careless")
    assert isinstance(letter.message, Terminated)
    assert Ledger([careless]).read().balanced
