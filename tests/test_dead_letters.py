"""Dead letters: what no handler got is counted, told to who subscribes, and logged with measure."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pykka
import pytest
from structlog.testing import capture_logs

from mycelium import Actor, DeadLetter, DeadLetterKind, Ledger, dead_letters, handles
from mycelium.errors import DeadActorError, StoppedFirstError
from mycelium.testing import VirtualClock
from tlv import TLV, i64

DEADLINE = 30.0


class Letter(TLV, type=1000):
    number: i64


class Reader(Actor, receives=Letter):
    @handles
    def on_letter(self, letter: Letter) -> None: ...


class Collector(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.letters: queue.Queue[DeadLetter] = queue.Queue()

    def on_receive(self, message: Any) -> Any:
        self.letters.put(message)


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all()


@pytest.fixture
def letters() -> Iterator[list[DeadLetter]]:
    found: list[DeadLetter] = []
    subscription = dead_letters.subscribe(found.append, every_s=0)
    yield found
    subscription.cancel()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    made = VirtualClock()
    monkeypatch.setattr(dead_letters, "clock", made)
    monkeypatch.setattr(dead_letters, "_log_limit", dead_letters.Limit(1.0))
    return made


def dropped(number: int = 1) -> None:
    dead_letters.publish(DeadLetterKind.DROPPED, "reader", Letter(number=number), "the mailbox is full")


def ended(actor: Actor) -> Actor:
    actor.launch()
    actor.actor_ref.stop(timeout=DEADLINE)
    assert actor.ended.wait(DEADLINE)
    return actor


def test_a_tell_to_a_dead_actor_raises_counts_and_is_a_letter(letters: list[DeadLetter]) -> None:
    reader = ended(Reader.create())
    with pytest.raises(DeadActorError):
        reader.actor_ref.tell(Letter(number=1))
    with pytest.raises(DeadActorError):
        reader.actor_ref.ask(Letter(number=2), timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError):
        reader.actor_ref.tell("an object")
    with pytest.raises(pykka.ActorDeadError):
        reader.actor_ref.ask("another object", timeout=DEADLINE)
    assert [(letter.kind, letter.actor, letter.message) for letter in letters] == [
        (DeadLetterKind.DEAD_RECEIVER, "Reader", message)
        for message in (Letter(number=1), Letter(number=2), "an object", "another object")
    ]
    assert [(row.sent, row.dead_lettered) for row in Ledger([reader]).read().rows] == [(2, 2)]


def test_stopping_the_dead_is_no_letter(letters: list[DeadLetter]) -> None:
    reader = ended(Reader.create())
    assert reader.actor_ref.stop(timeout=DEADLINE) is False
    assert letters == []


def test_what_waits_when_an_actor_ends_is_a_letter(letters: list[DeadLetter]) -> None:
    class Early(Reader):
        def on_start(self) -> None:
            self.actor_stopped.set()

    reader = Early.create()
    reader.actor_ref.tell(Letter(number=1))
    answer = reader.actor_ref.ask(Letter(number=2), block=False, timeout=DEADLINE)
    reader.launch()
    assert reader.ended.wait(DEADLINE)
    with pytest.raises(StoppedFirstError):
        answer.get()
    assert [(letter.kind, letter.message.number) for letter in letters] == [
        (DeadLetterKind.DEAD_RECEIVER, 1),
        (DeadLetterKind.DEAD_RECEIVER, 2),
    ]


def test_what_comes_to_the_first_on_receive_is_unhandled(letters: list[DeadLetter]) -> None:
    class Anything(Actor):
        pass

    actor = Anything.create()
    ref = actor.launch()
    ref.tell("an object")
    assert ref.ask(Letter(number=1), timeout=DEADLINE) is None
    assert [(letter.kind, letter.message) for letter in letters] == [
        (DeadLetterKind.UNHANDLED, "an object"),
        (DeadLetterKind.UNHANDLED, Letter(number=1)),
    ]
    assert letters[0].reason.endswith("Anything has no handler for it")
    assert [(row.sent, row.handled, row.dead_lettered) for row in Ledger([actor]).read().rows] == [(1, 0, 1)]


def test_an_actor_may_subscribe_and_its_subscription_ends_with_it() -> None:
    collector = Collector.create()
    collector.launch()
    before = dead_letters._subscriptions
    dead_letters.subscribe(collector.actor_ref, every_s=0)
    dropped()
    assert collector.letters.get(timeout=DEADLINE).message == Letter(number=1)
    collector.actor_ref.stop(timeout=DEADLINE)
    dropped()
    assert dead_letters._subscriptions == before


def test_a_subscriber_gets_one_of_a_kind_in_a_while_and_the_number_left_out(clock: VirtualClock) -> None:
    found: list[DeadLetter] = []
    subscription = dead_letters.subscribe(found.append, every_s=2.0)
    for number in range(10):
        dropped(number)
    dead_letters.publish(DeadLetterKind.DROPPED, "other", Letter(number=100), "the mailbox is full")
    clock.advance(2.0)
    dropped(10)
    subscription.cancel()
    dropped(11)
    assert [(letter.message.number, letter.suppressed) for letter in found] == [(0, 0), (100, 0), (10, 9)]


def test_the_log_is_limited_and_tells_how_many_it_left_out(clock: VirtualClock) -> None:
    with capture_logs() as logs:
        for number in range(10):
            dropped(number)
        clock.advance(1.0)
        dropped(10)
    assert [(log["actor"], log["kind"], log["message"], log["suppressed"]) for log in logs] == [
        ("reader", "dropped", "Letter", 0),
        ("reader", "dropped", "Letter", 9),
    ]


def test_a_subscriber_that_raises_is_logged_and_the_others_get_theirs(letters: list[DeadLetter]) -> None:
    def fail(letter: DeadLetter) -> None:
        raise LookupError(letter.actor)

    with dead_letters_of(fail), capture_logs() as logs:
        dropped()
        dead_letters.publish(DeadLetterKind.DROPPED, "reader", letters[0], "no letters about letters")
    assert len(letters) == 1
    assert "a subscriber to dead letters failed" in [log["event"] for log in logs]


class dead_letters_of:
    def __init__(self, to: Any) -> None:
        self.subscription = dead_letters.subscribe(to, every_s=0)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.subscription.cancel()


def test_a_limit_remembers_so_many_places_and_no_more(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "PLACES_MAX", 3)
    limit = dead_letters.Limit(1.0)
    for number in range(10):
        letter = DeadLetter(DeadLetterKind.DROPPED, f"actor {number}", None, "full")
        assert limit.passed(letter) is letter
        assert limit.passed(letter) is None
        assert len(limit._places) <= 3
