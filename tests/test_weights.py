"""A bound in bytes: messages of any size are weighed one by one, so that what waits takes no more than was said."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from typing import Any

import pytest

from mycelium import (
    Actor,
    ActorRef,
    Batch,
    Bounded,
    Ledger,
    connect,
    contract_of,
    handles,
    plan_routes,
)
from mycelium.dispatcher.current import settle
from mycelium.errors import MailboxFullError
from mycelium.mailbox.bounds import OBJECT_BYTES
from mycelium.mailbox.mail import Keyed, unwrapped
from mycelium.topology.budget import mailbox_bytes
from tests.conversing import DEADLINE, Notes, Pong, dispatcher, end, on, sender_name
from tlv import TLV, i64

__all__ = ["dispatcher"]

LIMIT = 10_000


class Text(TLV, type=1100):
    number: i64
    text: str


class Fixed(TLV, type=1101):
    number: i64


class Reading(Actor, receives=(Text, Fixed), mailbox=Bounded(1000, overflow="reject", bytes_max=LIMIT)):
    """Notes the numbers that it gets."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes

    @handles
    def on_text(self, text: Text) -> None:
        self.notes.add(text.number)

    @handles
    def on_fixed(self, fixed: Fixed) -> None:
        self.notes.add(fixed.number)


class Oldest(Reading, mailbox=Bounded(1000, overflow="drop_oldest", bytes_max=LIMIT)): ...


class Newest(Reading, mailbox=Bounded(1000, overflow="drop_newest", bytes_max=LIMIT)): ...


class Newer(Reading, mailbox=Bounded(1000, overflow="conflate", key=("number",), bytes_max=LIMIT)): ...


class Blocking(Reading, mailbox=Bounded(1000, overflow="block", bytes_max=LIMIT, deadline_s=DEADLINE)): ...


def size_of(message: TLV) -> int:
    return OBJECT_BYTES + len(message.as_bytes())


def bytes_in(actor: Actor) -> int:
    return sum(size_of(unwrapped(item)) for item in actor.mailbox.items.copy())


def text(number: int, size: int) -> Text:
    return Text(number=number, text="x" * size)


@pytest.mark.parametrize("kind", [Reading, Oldest, Newest, Newer])
@pytest.mark.parametrize("seed", range(5))
def test_what_waits_takes_no_more_than_the_bound_and_one_message(kind: type[Any], seed: int) -> None:
    draw = random.Random(seed)
    notes = Notes()
    reading = kind.create(notes)
    capacity = reading.mailbox.capacity
    for _ in range(300):
        size = draw.choice([0, 10, 300, 3000])
        message = text(draw.randrange(5), size) if draw.random() < 0.7 else Fixed(draw.randrange(5))
        with suppress(MailboxFullError):
            reading.actor_ref.tell(message)
        assert bytes_in(reading) <= LIMIT + 3000 + 2 * OBJECT_BYTES
    assert len(reading.mailbox) > 2
    assert end_unstarted(reading).read().total.sent == 300
    assert reading.mailbox.capacity == capacity


def end_unstarted(reading: Any) -> Ledger:
    reading.launch()
    return end(reading)


def test_a_message_larger_than_the_bound_is_let_in_alone() -> None:
    reading = Reading.create(Notes())
    reading.actor_ref.tell(text(1, 3 * LIMIT))
    for message in (text(2, 0), Fixed(3)):
        with pytest.raises(MailboxFullError):
            reading.actor_ref.tell(message)
    end_unstarted(reading)


def test_small_ones_fill_it_up_to_its_count() -> None:
    """The estimate of an unlimited field does not keep them out."""
    reading = Reading.create(Notes())
    small = text(1, 1)
    with pytest.raises(MailboxFullError):
        for _ in range(LIMIT):
            reading.actor_ref.tell(small)
    assert LIMIT - size_of(small) < bytes_in(reading) < LIMIT + size_of(small)
    end_unstarted(reading)


def test_for_a_large_one_as_many_of_the_oldest_go_as_it_needs() -> None:
    notes = Notes()
    oldest = Oldest.create(notes)
    for number in range(9):
        oldest.actor_ref.tell(text(number, 1000))
    oldest.actor_ref.tell(text(9, 5000))
    oldest.actor_ref.tell(text(10, 0))
    assert bytes_in(oldest) <= LIMIT
    total = end_unstarted(oldest).read().total
    assert notes.happened == list(range(11 - len(notes.happened), 11))
    assert total.dropped == 11 - len(notes.happened) >= 4


def test_only_messages_of_any_size_are_weighed_and_only_where_the_bound_is_in_bytes() -> None:
    class Counted(Reading, mailbox=Bounded(1000)): ...

    class Plain(Actor, receives=Fixed, mailbox=Bounded(1000, bytes_max=LIMIT)):
        @handles
        def on_fixed(self, fixed: Fixed) -> None: ...

    assert Counted.create(Notes()).mailbox.weights is None
    assert Plain.create().mailbox.weights is None
    reading = Reading.create(Notes())
    reading.actor_ref.tell(text(1, 1))
    for number in range(2):  # the first one is sampled
        reading.actor_ref.tell(Fixed(number))
    assert [type(item) for item in reading.mailbox.items.copy()][::2] == [Keyed, Fixed]
    assert reading.mailbox.accepts[Fixed].accepted
    assert not reading.mailbox.accepts[Text].accepted
    end_unstarted(reading)


def test_the_budget_of_a_topology_counts_the_bytes_of_the_bound() -> None:
    assert mailbox_bytes(Reading) == LIMIT
    assert contract_of(Reading).capacity > LIMIT // 512


def test_it_reaches_handlers_batches_and_senders_as_any_other_message(dispatcher: str) -> None:
    notes = Notes()

    class Batching(Actor, dispatcher=dispatcher, mailbox=Bounded(bytes_max=LIMIT)):
        @handles(batch=True)
        def on_texts(self, texts: Batch[Text]) -> None:
            for one in texts:
                notes.add(("batch", one.number))

    class Hearing(Actor, dispatcher=dispatcher, mailbox=Bounded(bytes_max=LIMIT)):
        @handles
        def on_text(self, text: Text, sender: ActorRef[Any] | None) -> int:
            notes.add((sender_name(sender), text.number))
            return text.number

    class Emitting(Actor, receives=Pong, emits=Text, dispatcher=dispatcher):
        @handles
        def on_pong(self, pong: Pong) -> None:
            for number in range(3):
                self.emit(text(number, 100))

    actors: dict[str, Any] = {"batching": Batching.create(), "hearing": Hearing.create(), "emitting": Emitting.create()}
    connect(actors, plan_routes({name: type(actor) for name, actor in actors.items()}))
    for actor in actors.values():
        actor.launch()
    actors["emitting"].actor_ref.tell(Pong(0))
    happened = notes.wait_for(6)
    assert [one for one in happened if one[0] == "batch"] == [("batch", number) for number in range(3)]
    assert [one for one in happened if one[0] == "Emitting"] == [("Emitting", number) for number in range(3)]
    assert actors["hearing"].actor_ref.ask(text(7, 100), timeout=DEADLINE) == 7
    capacities = [actor.mailbox.capacity for actor in actors.values()]
    assert capacities == [type(actor).__contract__.capacity for actor in actors.values()]
    end(*reversed(actors.values()))


@pytest.mark.parametrize("kind", [Blocking, Oldest, Newer])
@pytest.mark.parametrize("place", ["default", "pinned", "asyncio"])
def test_under_load_the_ledger_balances_and_nothing_that_blocks_is_lost(kind: type[Any], place: str) -> None:
    notes = Notes()
    reading = on(kind, place).create(notes)
    reading.launch()
    draw = random.Random(7)
    sizes = [draw.choice([0, 10, 300, 3000]) for _ in range(200)]

    def send(first: int) -> None:
        for number, size in enumerate(sizes, first):
            with suppress(MailboxFullError):
                reading.actor_ref.tell(text(number, size) if number % 3 else Fixed(number))

    senders = [threading.Thread(target=send, args=(first,)) for first in (0, 1000, 2000)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(DEADLINE)
        assert not sender.is_alive()
    settle()
    total = end(reading).read().total
    assert total.sent == 600
    assert total.handled + total.dropped == 600
    if kind is Blocking:
        assert sorted(notes.happened) == [first + number for first in (0, 1000, 2000) for number in range(200)]
    assert reading.mailbox.capacity == type(reading).__contract__.capacity
