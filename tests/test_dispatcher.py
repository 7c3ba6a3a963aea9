"""Many actors on few threads: order, fairness, one thread at a time in an actor, and handlers that wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorContext, ActorRef, Batch, Ledger, handles
from mycelium.dispatcher import current_actor, declare_dispatcher
from mycelium.errors import AskCycleError, AskTimeoutError, DispatcherUnknownError
from tlv import TLV, i64

DEADLINE = 30.0


class Number(TLV, type=1000):
    number: i64
    sender: i64 = 0


class Question(TLV, type=1001):
    hops: i64


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all()


class Hop(Actor, receives=Question):
    """Answers the name of its thread, or asks the next one for it."""

    def __init__(self, following: ActorRef[Any] | None = None) -> None:
        super().__init__()
        self.following = following

    @handles
    def on_question(self, question: Question) -> list[str]:
        here = threading.current_thread().name
        if self.following is None or not question.hops:
            return [here]
        return [here, *self.following.ask(Question(hops=question.hops - 1), timeout=DEADLINE)]


class PinnedHop(Hop, dispatcher="pinned"):
    pass


class Gatekeeper(Actor, receives=Number):
    """Holds its thread until it is let go."""

    def __init__(self, entered: threading.Event, go: threading.Event) -> None:
        super().__init__()
        self.entered = entered
        self.go = go

    @handles
    def on_number(self, number: Number) -> None:
        self.entered.set()
        self.go.wait(DEADLINE)


class Keeper(Actor, receives=Number):
    """Keeps what it gets, until it has as many as expected."""

    def __init__(self, expected: int) -> None:
        super().__init__()
        self.numbers: list[Number] = []
        self.expected = expected
        self.done = threading.Event()
        self.inside = 0
        self.together = 0

    @handles
    def on_number(self, number: Number) -> None:
        self.inside += 1
        self.together = max(self.together, self.inside)
        self.numbers.append(number)
        self.inside -= 1
        if len(self.numbers) == self.expected:
            self.done.set()


def test_actors_share_one_thread() -> None:
    refs = [Hop.start() for _ in range(100)]
    names = {ref.ask(Question(hops=0), timeout=DEADLINE)[0] for ref in refs}
    assert len(names) == 1
    assert names.pop().startswith("mycelium-default-")


def test_a_pinned_actor_has_a_thread_of_its_own() -> None:
    assert PinnedHop.start().ask(Question(hops=0), timeout=DEADLINE)[0].startswith("PinnedHop-")


def test_the_context_says_who_runs_an_actor() -> None:
    ref = Hop.create(context=ActorContext(name="one", dispatcher="pinned")).launch()
    assert ref.ask(Question(hops=0), timeout=DEADLINE)[0].startswith("Hop-")


def test_the_threads_end_with_the_last_actor() -> None:
    before = threading.active_count()
    refs = [Hop.start() for _ in range(3)]
    (name,) = {ref.ask(Question(hops=0), timeout=DEADLINE)[0] for ref in refs}
    worker = next(thread for thread in threading.enumerate() if thread.name == name)
    for ref in refs:
        ref.stop(timeout=DEADLINE)
    worker.join(DEADLINE)
    assert not worker.is_alive()
    assert threading.active_count() <= before


def test_an_unknown_dispatcher_is_told_with_the_nearest_name() -> None:
    class Lost(Hop, dispatcher="pined"):
        pass

    with pytest.raises(DispatcherUnknownError, match=r"ACT-012.*did you mean 'pinned'"):
        Lost.start()


def test_a_dispatcher_of_ones_own_has_its_own_threads() -> None:
    declare_dispatcher("test-own", workers=2, throughput=5)

    class Mine(Hop, dispatcher="test-own"):
        pass

    assert Mine.start().ask(Question(hops=0), timeout=DEADLINE)[0].startswith("mycelium-test-own-")


def test_a_handler_that_asks_an_actor_of_its_dispatcher_runs_it_right_there() -> None:
    last = Hop.start()
    chain = last
    for _ in range(5):
        chain = Hop.start(chain)
    names = chain.ask(Question(hops=5), timeout=DEADLINE)
    assert len(names) == 6
    assert len(set(names)) == 1


def test_a_chain_longer_than_a_stack_is_deep_goes_on_in_other_threads() -> None:
    chain = Hop.start()
    for _ in range(60):
        chain = Hop.start(chain)
    names = chain.ask(Question(hops=60), timeout=DEADLINE)
    assert len(names) == 61
    assert 1 < len(set(names)) < 10


def test_others_go_on_while_a_handler_waits_for_an_actor_elsewhere() -> None:
    entered, go = threading.Event(), threading.Event()

    class Slow(Actor, receives=Question, dispatcher="pinned"):
        @handles
        def on_question(self, question: Question) -> str:
            entered.set()
            go.wait(DEADLINE)
            return "late"

    asking = Hop.start(Slow.start()).proxy()
    answer = asking.on_question(Question(hops=1))
    assert entered.wait(DEADLINE)
    other = Hop.start()
    assert other.ask(Question(hops=0), timeout=DEADLINE)[0].startswith("mycelium-default-")
    go.set()
    assert "late" in "".join(answer.get(timeout=DEADLINE)[1:])


def test_waiting_in_a_circle_is_refused_and_names_everybody() -> None:
    class Circle(Actor, receives=Question):
        following: ActorRef[Any]

        @handles
        def on_question(self, question: Question) -> Any:
            return self.following.ask(question, timeout=DEADLINE)

    refs = [Circle.create(context=ActorContext(name=name)).launch() for name in ("one", "two", "three")]
    for ref, following in zip(refs, refs[1:] + refs[:1], strict=True):
        ref.proxy().following = following
    with pytest.raises(AskCycleError, match=r"ACT-013.*three.*three -> one -> two -> three"):
        refs[0].ask(Question(hops=1), timeout=DEADLINE)
    assert all(ref.is_alive() for ref in refs)


@pytest.mark.parametrize("dispatcher", ["default", "pinned"])
def test_asking_oneself_is_refused(dispatcher: str) -> None:
    class Narcissus(Actor, receives=Question, dispatcher=dispatcher):
        @handles
        def on_question(self, question: Question) -> Any:
            return self.actor_ref.ask(question, timeout=DEADLINE)

    actor = Narcissus.create()
    ref = actor.launch()
    with pytest.raises(AskCycleError, match="Narcissus -> Narcissus"):
        ref.ask(Question(hops=1), timeout=DEADLINE)
    # What it had asked is dropped: handled, it would ask the same again, for ever.
    ledger = Ledger((actor,))
    ref.stop(timeout=DEADLINE)
    row = ledger.read().total
    assert (row.sent, row.handled, row.dropped) == (2, 1, 1)


def test_a_proxy_and_a_future_wait_as_an_ask_does() -> None:
    class Front(Actor):
        def __init__(self, back: ActorRef[Any]) -> None:
            super().__init__()
            self.back = back.proxy()

        def total(self) -> int:
            futures = [self.back.double(number) for number in range(10)]
            return sum(pykka.get_all(futures, timeout=DEADLINE))

    class Back(Actor):
        def double(self, number: int) -> int:
            return 2 * number

    assert Front.start(Back.start()).proxy().total().get(timeout=DEADLINE) == 90


def test_a_deadline_holds_for_an_actor_that_waits_behind_other_mail() -> None:
    entered, go = threading.Event(), threading.Event()
    busy = Gatekeeper.create(entered, go, context=ActorContext(dispatcher="pinned")).launch()
    busy.tell(Number(1))
    assert entered.wait(DEADLINE)

    class Impatient(Actor, receives=Question):
        @handles
        def on_question(self, question: Question) -> None:
            busy.ask(Number(2), timeout=0.01)

    with pytest.raises(AskTimeoutError):
        Impatient.start().ask(Question(hops=0), timeout=DEADLINE)
    go.set()


def test_the_running_actor_is_known_in_its_thread() -> None:
    class Who(Actor):
        def on_receive(self, message: Any) -> bool:
            return current_actor() is self

    class Outer(Actor):
        def on_receive(self, message: Any) -> bool:
            return bool(Who.start().ask("?", timeout=DEADLINE)) and current_actor() is self

    assert Outer.start().ask("?", timeout=DEADLINE)
    assert current_actor() is None


def test_an_actor_with_much_mail_lets_others_have_their_turn() -> None:
    declare_dispatcher("test-fair", workers=1, throughput=10)
    entered, go = threading.Event(), threading.Event()
    place = ActorContext(dispatcher="test-fair")
    order: list[str] = []

    class Noted(Actor, receives=Number):
        @handles
        def on_number(self, number: Number) -> None:
            order.append(self.name)

    first = Gatekeeper.create(entered, go, context=place).launch()
    first.tell(Number(0))
    assert entered.wait(DEADLINE)
    busy = Noted.create(context=ActorContext(name="busy", dispatcher="test-fair")).launch()
    quiet = Noted.create(context=ActorContext(name="quiet", dispatcher="test-fair")).launch()
    for number in range(100):
        busy.tell(Number(number))
    quiet.tell(Number(0))
    go.set()
    busy.stop(timeout=DEADLINE)
    quiet.stop(timeout=DEADLINE)
    assert len(order) == 101
    assert order.index("quiet") <= 20


@pytest.mark.parametrize("dispatcher", ["default", "pinned"])
def test_a_batch_handler_that_takes_all_that_waits_ends_the_turn(dispatcher: str) -> None:
    class Sizes(Actor, receives=Number, dispatcher=dispatcher):
        def __init__(self) -> None:
            super().__init__()
            self.sizes: list[int] = []

        @handles(batch=True)
        def on_numbers(self, numbers: Batch[Number]) -> None:
            self.sizes.append(len(numbers))

    actor = Sizes.create()
    for number in range(5):  # before it runs, so that they wait together
        actor.actor_ref.tell(Number(number))
    assert actor.launch().proxy().sizes.get(timeout=DEADLINE) == [5]
    assert actor.failure is None


@pytest.mark.parametrize("workers", [1, 4])
def test_order_holds_under_load_and_nobody_is_in_an_actor_twice(workers: int) -> None:
    senders, each, receivers = 4, 2_000, 5
    declare_dispatcher("test-load", workers=workers, throughput=7)
    actors = [Keeper.create(senders * each, context=ActorContext(dispatcher="test-load")) for _ in range(receivers)]
    refs = [actor.launch() for actor in actors]

    def send(sender: int) -> None:
        for number in range(each):
            message = Number(number, sender)
            for ref in refs:
                ref.tell(message)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for actor in actors:
        assert actor.done.wait(DEADLINE)
        assert actor.together == 1
        for sender in range(senders):
            assert [one.number for one in actor.numbers if one.sender == sender] == list(range(each))


@pytest.mark.parametrize("workers", [1, 3])
def test_many_asks_from_handlers_are_all_answered(workers: int) -> None:
    declare_dispatcher("test-asks", workers=workers)
    place = ActorContext(dispatcher="test-asks")
    ends = [Hop.create(context=place).launch() for _ in range(3)]
    fronts = [Hop.create(ends[number % 3], context=place).launch() for number in range(12)]
    futures = [front.ask(Question(hops=1), block=False, timeout=DEADLINE) for _ in range(50) for front in fronts]
    assert all(len(future.get()) == 2 for future in futures)
