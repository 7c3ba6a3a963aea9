"""Overflow policies that a message set declares: who receives its messages has them, unless it says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from mycelium import (
    Actor,
    ActorContext,
    ActorSpec,
    Bounded,
    Domain,
    MailboxSpec,
    Topology,
    actor_messages,
    contract_of,
    handles,
    message_set,
    resolve,
)
from mycelium.errors import MailboxDeclarationError, MailboxFullError
from tests.conversing import Notes, dispatcher, end, on
from tlv import TLV, i64

__all__ = ["dispatcher"]


@actor_messages(domain=Domain.USER, overflow={"Quote": ("conflate", "venue"), "Trade": "reject"})
class Market:
    class Quote(TLV, type=1000):
        venue: i64
        number: i64

    class Trade(TLV, type=1001):
        number: i64

    class Note(TLV, type=1002):
        number: i64


class Keeping(Actor, receives=Market):
    """Keeps what it gets."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes

    @handles
    def on_any(self, message: TLV) -> None:
        self.notes.add(message)


class Idle(Actor, receives=Market):
    @handles
    def on_any(self, message: TLV) -> None: ...


class Small(Keeping, mailbox=Bounded(3)): ...


class Newest(Keeping, mailbox=Bounded(3, overflow="drop_newest")): ...


class Oldest(Keeping, mailbox=Bounded(3, overflow="drop_newest")):
    @handles(overflow="drop_oldest")
    def on_quote(self, quote: Market.Quote) -> None:
        self.notes.add(quote)


def policy_of(actor_class: type[Any], message: type[TLV]) -> Any:
    return contract_of(actor_class).policies[message]


def test_the_set_knows_what_it_declares() -> None:
    assert message_set(Market).overflow == {
        Market.Quote: ("conflate", ("venue",)),
        Market.Trade: ("reject", ()),
    }


def test_the_handler_comes_before_the_actor_before_the_set_before_the_default() -> None:
    assert policy_of(Small, Market.Quote) == ("conflate", ("venue",))
    assert policy_of(Small, Market.Trade) == ("reject", ())
    assert policy_of(Small, Market.Note) == ("block", ())
    assert policy_of(Newest, Market.Quote) == policy_of(Newest, Market.Note) == ("drop_newest", ())
    assert policy_of(Oldest, Market.Quote) == ("drop_oldest", ())
    assert policy_of(Oldest, Market.Trade) == ("drop_newest", ())


def test_an_actor_may_ask_for_what_is_the_default() -> None:
    class Blocking(Keeping, mailbox=Bounded(3, overflow="block")): ...

    assert policy_of(Blocking, Market.Quote) == ("block", ())


def test_a_full_mailbox_does_what_the_set_says(dispatcher: str) -> None:
    notes = Notes()
    small = on(Small, dispatcher).create(notes)
    for number in range(4):
        small.actor_ref.tell(Market.Quote(venue=number % 2, number=number))
    with pytest.raises(MailboxFullError, match="its policy is reject"):
        small.actor_ref.tell(Market.Trade(4))
    small.launch()
    assert [quote.number for quote in notes.wait_for(3)] == [1, 2, 3]
    reading = end(small).read()
    assert {(row.message, row.what, row.count) for row in reading.overflows} == {
        ("Quote", "conflated", 1),
        ("Trade", "rejected", 1),
    }


def test_a_topology_comes_before_the_set_and_leaves_to_it_what_it_does_not_name() -> None:
    def policies(**mailbox: Any) -> Any:
        spec = ActorSpec(actor_class=Idle, mailbox=MailboxSpec(**mailbox))
        (resolved,) = resolve(Topology(name="demo", actors={"idle": spec})).actors.values()
        actor = Idle.create(context=ActorContext(bound=resolved.bound))
        assert actor.mailbox.bound is not None
        return actor.mailbox.bound[1][Market.Quote], actor.mailbox.bound[1][Market.Note]

    assert policies(capacity=5) == (("conflate", ("venue",)), ("block", ()))
    assert policies(overflow="drop_newest") == (("drop_newest", ()), ("drop_newest", ()))


def test_a_set_of_messages_that_exist_already_may_say_it_by_class() -> None:
    class Level(TLV, type=1010):
        price: i64

    declared = actor_messages("Levels", Level, domain=Domain.USER, overflow={Level: ("conflate", "price")})
    assert declared.overflow == {Level: ("conflate", ("price",))}

    class Book(Actor, receives=declared):
        @handles
        def on_level(self, level: Level) -> None: ...

    assert policy_of(Book, Level) == ("conflate", ("price",))
    again = actor_messages("Others", Level, domain=Domain.USER, overflow={"Level": ("conflate", "price")})
    assert again.overflow == declared.overflow
    assert actor_messages("Silent", Level, domain=Domain.USER).overflow == {}


@pytest.mark.parametrize(
    ("overflow", "text"),
    [
        ({"Quoet": "reject"}, "Wrong: overflow= names 'Quoet'; did you mean 'Quote'?"),
        ({Market.Trade: "reject"}, "Wrong: overflow= names 'Trade'; messages of the set: Quote"),
        ({"Quote": "drop"}, "Wrong.Quote: there is no overflow policy 'drop'"),
        ({"Quote": "conflate"}, "Wrong.Quote: conflate needs key="),
        ({"Quote": ("reject", "venue")}, "Wrong.Quote: a key is for conflate, not for reject"),
        (
            {"Quote": ("conflate", "venu")},
            "Wrong.Quote: Quote has no field 'venu' to conflate by; did you mean 'venue'?",
        ),
        ({"Quote": ()}, "Wrong.Quote: there is no overflow policy ''"),
        ({"Quote": "reject"}, "Wrong.Quote: reject, but Market says conflate by venue"),
    ],
)
def test_what_cannot_be_is_refused_when_the_set_is_declared(overflow: Any, text: str) -> None:
    with pytest.raises(MailboxDeclarationError) as refused:
        actor_messages("Wrong", Market.Quote, domain=Domain.USER, overflow=overflow)
    assert text in str(refused.value)


def test_a_key_that_a_message_of_the_actor_lacks_is_told_of_the_actor() -> None:
    with pytest.raises(MailboxDeclarationError, match=r"Wrong: Trade has no field 'venue' to conflate by"):

        class Wrong(Keeping, mailbox=Bounded(3, overflow="conflate", key=("venue",))): ...
