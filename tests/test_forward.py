"""Forwarding: another actor handles a message, sees its sender, and answers in the place of the first."""

from __future__ import annotations

from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorRef, Backoff, Bounded, Reply, Supervisor, handles
from mycelium.dispatcher.current import settle
from mycelium.errors import (
    AskCycleError,
    AskTimeoutError,
    DeadActorError,
    MailboxFullError,
    NotReceivedError,
    SenderUnknownError,
    StoppedFirstError,
)
from tests.conversing import DEADLINE, Notes, Ping, Pong, dispatcher, end, named, on, sender_name

__all__ = ["dispatcher"]


class Forwarding(Actor, receives=Ping):
    """Has another one answer."""

    def __init__(self, to: pykka.ActorRef[Any] | None) -> None:
        super().__init__()
        self.to = to

    @handles
    def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> str:
        assert self.to is not None
        self.forward(self.to, ping)
        return "nobody gets this"

    def on_receive(self, message: Any) -> Any:
        assert self.to is not None
        self.forward(self.to, message)


class Answering(Actor):
    """Answers with its name, and with that of who asked."""

    @handles
    def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> Any:
        if ping.number < 0:
            raise LookupError(ping.number)
        return self.name, sender_name(sender)

    def on_receive(self, message: Any) -> Any:
        return self.name, sender_name(self.sender), message


class Asking(Actor, receives=Pong):
    """Asks what it is told to ask; keeps what it learns."""

    def __init__(self, notes: Notes, to: ActorRef[Any]) -> None:
        super().__init__()
        self.notes = notes
        self.to = to

    @handles
    def on_pong(self, pong: Pong) -> Any:
        try:
            self.notes.add(self.to.ask(Ping(pong.number), timeout=DEADLINE))
        except Exception as error:
            self.notes.add(error)


class AwaitingAsker(Asking, dispatcher="asyncio"):
    @handles
    async def on_pong(self, pong: Pong) -> Any:
        try:
            self.notes.add(await self.ask(self.to, Ping(pong.number), timeout=DEADLINE))
        except Exception as error:
            self.notes.add(error)


def chain(dispatcher: str) -> tuple[Any, Any, Any]:
    """Two that forward, and one that answers."""
    last = named(on(Answering, dispatcher), "last")
    second = named(on(Forwarding, dispatcher), "second", last.actor_ref)
    first = named(on(Forwarding, dispatcher), "first", second.actor_ref)
    return first, second, last


def asker_on(dispatcher: str) -> type[Any]:
    return AwaitingAsker if dispatcher == "asyncio" else on(Asking, dispatcher)


def test_the_last_one_answers_the_asker_and_the_ledger_counts_each_of_them(dispatcher: str) -> None:
    first, second, last = chain(dispatcher)
    notes = Notes()
    asker = named(asker_on(dispatcher), "asker", notes, first.actor_ref)
    assert first.actor_ref.ask(Ping(1), timeout=DEADLINE) == ("last", None)
    asker.actor_ref.tell(Pong(2))
    assert notes.wait_for(1) == [("last", "asker")]
    assert first.actor_ref.ask("an object", timeout=DEADLINE) == ("last", None, "an object")
    ledger = end(asker, first, second, last)
    assert [(row.name, row.handled) for row in ledger.read().actors] == [
        ("asker", 1),
        ("first", 2),
        ("second", 2),
        ("last", 2),
    ]


def test_a_told_message_keeps_its_sender(dispatcher: str) -> None:
    notes = Notes()

    class Listening(Actor, dispatcher=dispatcher):
        @handles
        def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> None:
            notes.add((ping.number, sender_name(sender)))

        def on_receive(self, message: Any) -> Any:
            notes.add((message, sender_name(self.sender)))

    class Telling(Actor, receives=Pong, dispatcher=dispatcher):
        @handles
        def on_pong(self, pong: Pong) -> None:
            first.actor_ref.tell(Ping(pong.number))
            first.actor_ref.tell("an object")

    last = named(Listening, "last")
    first = named(on(Forwarding, dispatcher), "first", last.actor_ref)
    telling = named(Telling, "telling")
    telling.actor_ref.tell(Pong(1))
    assert notes.wait_for(2) == [(1, "telling"), ("an object", "telling")]
    first.actor_ref.tell(Ping(2))
    assert notes.wait_for(3)[2] == (2, None)
    end(telling, first, last)


def test_the_asker_gets_the_error_of_the_last_one(dispatcher: str) -> None:
    first, second, last = chain(dispatcher)
    with pytest.raises(LookupError) as caught:
        first.actor_ref.ask(Ping(-1), timeout=DEADLINE)
    assert caught.value.__notes__ == ["raised by actor last while it handled Ping"]
    assert all(one.actor_ref.is_alive() for one in (first, second, last))
    assert end(first, second, last).read().total.failed == 1


def test_a_dead_one_and_one_that_stops_first_are_told_to_the_asker(dispatcher: str) -> None:
    first, second, last = chain(dispatcher)
    end(last)
    with pytest.raises(DeadActorError, match=r"ACT-001.*last is not running"):
        first.actor_ref.ask(Ping(1), timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError):
        first.actor_ref.ask("an object", timeout=DEADLINE)
    never = Answering.create()
    second.to = never.actor_ref
    asked = first.actor_ref.ask(Ping(2), timeout=DEADLINE, block=False)
    end(first, second)
    never.mailbox.close()
    with pytest.raises(StoppedFirstError, match="Answering stopped before"):
        asked.get()


def test_the_deadline_holds_all_the_way_and_names_who_did_not_answer(dispatcher: str) -> None:
    silent = Answering.create()
    second = named(on(Forwarding, dispatcher), "second", silent.actor_ref)
    first = named(on(Forwarding, dispatcher), "first", second.actor_ref)
    asked = first.actor_ref.ask(Ping(1), timeout=DEADLINE, block=False)
    end(first, second)  # which handle it before
    assert isinstance(asked, Reply)
    assert asked.seconds_left is not None
    assert asked.seconds_left <= DEADLINE
    with pytest.raises(AskTimeoutError, match=r"Answering did not answer Ping within 0.01 s"):
        asked.get(timeout=0.01)


def test_what_the_next_one_does_not_take_is_the_forwarder_s_error(dispatcher: str) -> None:
    other = named(on(Asking, dispatcher), "other", Notes(), Answering.create().actor_ref)
    first = named(on(Forwarding, dispatcher), "first", other.actor_ref)
    with pytest.raises(NotReceivedError, match="other does not receive Ping") as caught:
        first.actor_ref.ask(Ping(1), timeout=DEADLINE)
    assert "raised by actor first" in caught.value.__notes__[0]
    end(first, other)


def test_a_full_mailbox_refuses_it_to_the_asker(dispatcher: str) -> None:
    class Small(Answering, mailbox=Bounded(1, overflow="reject")): ...

    small = Small.create()
    small.actor_ref.tell(Ping(0))
    first = named(on(Forwarding, dispatcher), "first", small.actor_ref)
    with pytest.raises(MailboxFullError, match=r"ACT-020.*Small is full"):
        first.actor_ref.ask(Ping(1), timeout=DEADLINE)
    end(first)


def test_a_circle_over_a_forwarded_ask_is_found(dispatcher: str) -> None:
    """The asker waits for who was forwarded to, who waits for the asker."""
    notes = Notes()

    class Back(Actor, receives=Ping, dispatcher=dispatcher):
        if dispatcher == "asyncio":

            @handles
            async def on_ping(self, ping: Ping) -> Any:
                return await self.ask(asker.actor_ref, Pong(1), timeout=DEADLINE)

        else:

            @handles
            def on_ping(self, ping: Ping) -> Any:
                return asker.actor_ref.ask(Pong(1), timeout=DEADLINE)

    back = named(Back, "back")
    first = named(on(Forwarding, dispatcher), "first", back.actor_ref)
    asker = named(asker_on(dispatcher), "asker", notes, first.actor_ref)
    asker.actor_ref.tell(Pong(0))
    (error,) = notes.wait_for(1)
    assert isinstance(error, AskCycleError)
    assert error.cycle == "back -> asker -> back"
    end(asker, first, back)


def test_forwarding_to_who_waits_for_the_answer_is_refused(dispatcher: str) -> None:
    notes = Notes()
    first = named(on(Forwarding, dispatcher), "first", None)

    class Itself(asker_on(dispatcher), receives=(Ping, Pong)):  # type: ignore[misc,call-arg]
        @handles
        def on_ping(self, ping: Ping) -> None: ...

    asker = named(Itself, "asker", notes, first.actor_ref)
    first.to = asker.actor_ref
    asker.actor_ref.tell(Pong(0))
    (error,) = notes.wait_for(1)
    assert isinstance(error, AskCycleError)
    assert error.cycle == "asker -> first -> asker"
    end(asker, first)


def test_a_handler_that_raises_after_it_has_forwarded_fails_its_actor_only(dispatcher: str) -> None:
    class Careless(Forwarding, dispatcher=dispatcher):
        @handles
        def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> str:
            super().on_ping(ping, sender)
            raise LookupError(ping)

    last = named(on(Answering, dispatcher), "last")
    careless = named(Careless, "careless", last.actor_ref)
    assert careless.actor_ref.ask(Ping(1), timeout=DEADLINE) == ("last", None)
    settle()
    assert careless.ended.wait(DEADLINE)
    assert isinstance(careless.failure, LookupError)
    end(careless, last)


def test_the_sender_is_not_invented_where_the_forwarder_was_not_told(dispatcher: str) -> None:
    class Deaf(Forwarding, dispatcher=dispatcher):
        @handles
        def on_ping(self, ping: Ping) -> None:  # type: ignore[override]
            assert self.to is not None
            self.forward(self.to, ping)

    last = named(on(Answering, dispatcher), "last")
    deaf = named(Deaf, "deaf", last.actor_ref)
    with pytest.raises(SenderUnknownError, match=r"ACT-055.*deaf was not told who sent Ping"):
        deaf.actor_ref.ask(Ping(1), timeout=DEADLINE)
    end(deaf, last)


def test_an_actor_of_pykka_s_own_may_answer() -> None:
    class Stranger(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> Any:
            return "stranger", message

    stranger = Stranger.start()
    first = named(Forwarding, "first", stranger)
    assert first.actor_ref.ask(Ping(1), timeout=DEADLINE) == ("stranger", Ping(1))
    first.actor_ref.tell(Ping(2))
    stranger.stop(timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError):
        first.actor_ref.ask(Ping(3), timeout=DEADLINE)
    end(first)


def test_what_is_tried_again_after_a_restart_keeps_its_sender_and_what_was_forwarded_is_not_tried_again() -> None:
    notes = Notes()

    class Shaky(Forwarding):
        @handles
        def on_ping(self, ping: Ping, sender: ActorRef[Any] | None) -> str:
            notes.add((ping.number, sender_name(sender)))
            if ping.number == 2:
                super().on_ping(ping, sender)
            raise LookupError(ping)

    class Telling(Actor, receives=Pong):
        @handles
        def on_pong(self, pong: Pong) -> Any:
            if pong.number == 1:
                self.shaky.tell(Ping(1))
                return None
            return self.shaky.ask(Ping(2), timeout=DEADLINE)

        def __init__(self, shaky: ActorRef[Any]) -> None:
            super().__init__()
            self.shaky = shaky

    last = named(Answering, "last")
    shaky = Supervisor(attempts=2, backoff=Backoff(first_s=0.0)).start(Shaky, last.actor_ref)
    telling = named(Telling, "telling", shaky)
    telling.actor_ref.tell(Pong(1))
    assert telling.actor_ref.ask(Pong(2), timeout=DEADLINE) == ("last", "telling")
    assert notes.wait_for(3) == [(1, "telling"), (1, "telling"), (2, "telling")]
    shaky.stop(timeout=DEADLINE)
    end(telling, last)
