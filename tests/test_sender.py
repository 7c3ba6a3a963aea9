"""Who sent a message: known to handlers that take it, on every dispatcher and by every way."""

from __future__ import annotations

from typing import Any

import pytest

from mycelium import (
    Actor,
    ActorContext,
    ActorRef,
    Batch,
    Bounded,
    connect,
    contract_of,
    handles,
    plan_routes,
)
from mycelium.dispatcher.current import settle
from mycelium.errors import MessageSetError, SenderUnknownError
from mycelium.mailbox.mail import Sent
from mycelium.testing import FaultPlan, Simulation
from tests.conversing import DEADLINE, Held, Notes, Ping, Pong, dispatcher, end, named, on, sender_name
from tlv import TLV

__all__ = ["dispatcher"]


class Listening(Actor):
    """Notes who sent what."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes

    @handles
    def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> int:
        self.notes.add((ping.number, sender_name(sender), sender_name(self.sender)))
        return ping.number

    def on_receive(self, message: Any) -> Any:
        self.notes.add((message, sender_name(self.sender)))
        return message


class Sending(Actor, receives=Pong, emits=Ping):
    """Sends a ping by the way that its number says."""

    def __init__(self, to: ActorRef[Any]) -> None:
        super().__init__()
        self.to = to

    @handles
    def on_pong(self, pong: Pong) -> None:
        ping = Ping(pong.number)
        match pong.number:
            case 1:
                self.to.tell(ping)
            case 2:
                self.to.ask(ping, block=False, timeout=DEADLINE)
            case 3:
                self.emit(ping)
            case 4:
                self.to.tell("a plain object")
            case _:
                self.to.ask("a question", block=False)


def test_a_handler_that_takes_it_knows_the_sender_by_every_way(dispatcher: str) -> None:
    notes = Notes()
    listening = on(Listening, dispatcher).create(notes)
    sending = on(Sending, dispatcher).create(listening.actor_ref, context=ActorContext(name="sending"))
    connect({"listening": listening, "sending": sending}, plan_routes({"listening": Listening, "sending": Sending}))
    listening.launch()
    sending.launch()
    for number in range(1, 6):
        sending.actor_ref.tell(Pong(number))
    listening_to = listening.actor_ref
    assert notes.wait_for(5) == [
        (1, "sending", "sending"),
        (2, "sending", "sending"),
        (3, "sending", "sending"),
        ("a plain object", "sending"),
        ("a question", "sending"),
    ]
    listening_to.tell(Ping(6))
    assert listening_to.ask(Ping(7), timeout=DEADLINE) == 7
    assert listening_to.ask("from outside", timeout=DEADLINE) == "from outside"
    assert notes.wait_for(8)[5:] == [(6, None, None), (7, None, None), ("from outside", None)]
    reading = end(sending, listening).read()
    assert {row.message: row.handled for row in reading.rows} == {"Ping": 5, "Pong": 5}


def test_a_coroutine_may_take_it_and_knows_it_after_it_has_awaited() -> None:
    import asyncio

    notes = Notes()

    class Awaiting(Actor, dispatcher="asyncio"):
        @handles
        async def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> int:
            await asyncio.sleep(0)
            notes.add((sender_name(sender), sender_name(self.sender)))
            return ping.number

    awaiting = named(Awaiting, "awaiting")
    sending = named(Sending, "sending", awaiting.actor_ref)
    sending.actor_ref.tell(Pong(1))
    sending.actor_ref.tell(Pong(2))
    assert notes.wait_for(2) == [("sending", "sending")] * 2
    end(sending, awaiting)


def test_who_does_not_take_it_is_not_told_and_its_messages_lie_bare(dispatcher: str) -> None:
    notes = Notes()

    class Deaf(Actor, dispatcher=dispatcher):
        @handles
        def on_ping(self, ping: Ping) -> None:
            try:
                notes.add(self.sender)
            except SenderUnknownError as error:
                notes.add(error)

        @handles
        def on_pong(self, pong: Pong, sender: ActorRef[Any] | None = None) -> None: ...

    assert contract_of(Deaf).wants_sender == {Pong}
    deaf = Deaf.create()
    deaf.actor_ref.tell(Ping(1))
    deaf.actor_ref.tell(Ping(2))
    deaf.actor_ref.tell(Pong(3))
    assert type(deaf.mailbox.items[1]) is Ping
    assert type(deaf.mailbox.items[2]) is Sent
    deaf.launch()
    first, second = notes.wait_for(2)
    assert first == second == SenderUnknownError(actor="Deaf", message="the message in hand")
    with pytest.raises(SenderUnknownError, match="ACT-055"):
        deaf.sender
    end(deaf)


def test_an_actor_may_have_an_attribute_of_that_name() -> None:
    class Postbox(Actor, receives=Ping):
        def __init__(self) -> None:
            super().__init__()
            self.sender: Any = "a name of its own"

        @handles
        def on_ping(self, ping: Ping) -> Any:
            return self.sender

    ref = Postbox.start()
    try:
        assert ref.ask(Ping(1), timeout=DEADLINE) == "a name of its own"
    finally:
        ref.stop()


def test_what_a_timer_brings_was_sent_by_the_actor_itself(dispatcher: str) -> None:
    notes = Notes()

    class Beating(Actor, dispatcher=dispatcher):
        def on_start(self) -> None:
            self.timers.once(0.0, Ping(1))

        @handles
        def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> None:
            notes.add(sender_name(sender))

    beating = named(Beating, "beating")
    assert notes.wait_for(1) == ["beating"]
    end(beating)


def test_a_timer_may_bring_its_message_to_a_coroutine() -> None:
    import asyncio

    notes = Notes()

    class Beating(Actor, dispatcher="asyncio"):
        def on_start(self) -> None:
            self.timers.once(0.0, Ping(1))

        @handles
        async def on_ping(self, ping: Ping) -> None:
            await asyncio.sleep(0)
            notes.add(ping.number)

    beating = named(Beating, "beating")
    assert notes.wait_for(1) == [1]
    assert end(beating).read().total.handled == 1


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest", "conflate", "reject"])
def test_a_full_mailbox_treats_it_as_any_other_message(overflow: Any) -> None:
    notes = Notes()
    held = Held()
    key = ("number",) if overflow == "conflate" else ()

    class Small(Actor, mailbox=Bounded(2, overflow=overflow, key=key), dispatcher="pinned"):
        @handles
        def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> None:
            if not held.entered.is_set():
                held()
            notes.add((ping.number, sender_name(sender)))

    small = Small.create()

    class Flood(Actor, receives=Pong, emits=Ping, dispatcher="pinned"):
        @handles
        def on_pong(self, pong: Pong) -> int:
            refused = 0
            for number in (1, 2, 2, 2):
                try:
                    self.emit(Ping(number))
                except Exception:
                    refused += 1
            return refused

    flood = Flood.create()
    connect({"small": small, "flood": flood}, plan_routes({"small": Small, "flood": Flood}))
    small.launch()
    flood.launch()
    small.actor_ref.tell(Ping(0))
    assert held.entered.wait(DEADLINE)
    refused = flood.actor_ref.ask(Pong(0), timeout=DEADLINE)
    held.gate.set()
    kept = notes.wait_for(3)
    assert kept[0] == (0, None)
    expected = {"drop_oldest": [2, 2], "drop_newest": [1, 2], "conflate": [1, 2], "reject": [1, 2]}[overflow]
    assert kept[1:] == [(number, "Flood") for number in expected]
    assert refused == (2 if overflow == "reject" else 0)
    total = end(flood, small).read().total
    assert (total.handled, total.dropped) == (4, 2)


def test_a_handler_that_raises_fails_its_actor_and_the_ledger_balances(dispatcher: str) -> None:
    class Failing(Actor, dispatcher=dispatcher):
        @handles
        def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> None:
            raise LookupError(sender)

    failing = Failing.create()
    for number in range(3):
        failing.actor_ref.tell(Ping(number))
    failing.launch()
    settle()
    assert failing.ended.wait(DEADLINE)
    total = end(failing).read().total
    assert (total.sent, total.failed, total.dead_lettered) == (3, 1, 2)


def test_a_fault_of_a_simulation_meets_it_too() -> None:
    notes = Notes()
    with Simulation(faults=FaultPlan().drop("listening", at=1).fail("listening", at=2)):
        listening = named(Listening, "listening", notes)
        listening.actor_ref.tell(Ping(1))
        listening.actor_ref.tell(Ping(2))
        settle()
        assert listening.failure is not None
        total = end(listening).read().total
        assert (total.sent, total.dropped, total.failed) == (2, 1, 1)
    assert notes.happened == []


def test_a_batch_has_no_sender() -> None:
    with pytest.raises(MessageSetError, match=r"MSG-013.*a batch holds messages of many senders"):

        class Wrong(Actor):
            @handles(batch=True)
            def on_pings(self, pings: Batch[Ping], sender: ActorRef[Any] | None) -> None: ...


def test_all_the_rest_may_take_it_too() -> None:
    notes = Notes()

    class Rest(Actor, receives=(Ping, Pong)):
        @handles
        def on_rest(self, message: TLV, sender: ActorRef[Any] | None) -> None:
            notes.add((message, sender))

    rest = named(Rest, "rest")
    rest.actor_ref.tell(Ping(1))
    rest.actor_ref.tell(Pong(2))
    assert notes.wait_for(2) == [(Ping(1), None), (Pong(2), None)]
    end(rest)
