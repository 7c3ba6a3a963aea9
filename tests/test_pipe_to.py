"""Piping: what a future brings comes to an actor as a message, and nobody waits for it meanwhile."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorRef, Bounded, Ledger, PipeFailed, dead_letters, handles
from mycelium.dispatcher.current import running, settle
from mycelium.errors import AskTimeoutError, NotReceivedError, PipeSourceError
from mycelium.testing import Simulation
from tests.conversing import DEADLINE, Notes, Ping, Pong, dispatcher, end, named, on, sender_name
from tlv import TLV, i64

__all__ = ["dispatcher"]


class Result(TLV, type=1002):
    number: i64


class Answering(Actor, receives=Ping):
    """Doubles a number; refuses what is below 0."""

    @handles
    def on_ping(self, ping: Ping) -> int:
        if ping.number < 0:
            raise LookupError(ping.number)
        return 2 * ping.number


class Piping(Actor, receives=Pong):
    """Pipes what the other one answers."""

    def __init__(self, other: ActorRef[Any], to: Any) -> None:
        super().__init__()
        self.other = other
        self.to = to

    @handles
    def on_pong(self, pong: Pong) -> str:
        asked = self.other.ask(Ping(pong.number), block=False, timeout=DEADLINE)
        self.pipe_to(self.to, asked, convert=Result)
        return "at once"


class Collecting(Actor):
    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes

    @handles
    def on_result(self, result: Result, sender: ActorRef[Any] | None) -> None:
        self.notes.add((result.number, sender_name(sender)))

    def on_receive(self, message: Any) -> None:
        self.notes.add((message, sender_name(self.sender)))


def three(dispatcher: str, notes: Notes) -> tuple[Any, Any, Any]:
    answering = on(Answering, dispatcher).create()
    collecting = named(on(Collecting, dispatcher), "collecting", notes)
    piping = named(on(Piping, dispatcher), "piping", answering.actor_ref, collecting.actor_ref)
    return answering, collecting, piping


def test_the_result_of_an_ask_is_told_as_a_message(dispatcher: str) -> None:
    notes = Notes()
    answering, collecting, piping = three(dispatcher, notes)
    assert piping.actor_ref.ask(Pong(4), timeout=DEADLINE) == "at once"
    answering.launch()
    assert notes.wait_for(1) == [(8, "piping")]
    reading = end(piping, answering, collecting).read()
    assert {row.message: row.handled for row in reading.rows} == {"Ping": 1, "Pong": 1, "Result": 1}


def test_a_failure_is_told_too(dispatcher: str) -> None:
    notes = Notes()
    answering, collecting, piping = three(dispatcher, notes)
    answering.launch()
    piping.actor_ref.tell(Pong(-1))
    ((failed, sender),) = notes.wait_for(1)
    assert isinstance(failed, PipeFailed)
    assert isinstance(failed.error, LookupError)
    assert sender == "piping"
    end(piping, answering, collecting)


def test_what_has_a_result_already_is_told_at_once_and_a_plain_object_as_it_is(dispatcher: str) -> None:
    notes = Notes()
    answering, collecting, piping = three(dispatcher, notes)
    answering.launch()
    asked = answering.actor_ref.ask(Ping(3), block=False, timeout=DEADLINE)
    assert asked.get() == 6
    piping.pipe_to(collecting.actor_ref, asked)
    assert notes.wait_for(1) == [(6, "piping")]
    end(piping, answering, collecting)


def test_the_receiver_may_name_the_message_for_a_failure(dispatcher: str) -> None:
    notes = Notes()
    answering, collecting, piping = three(dispatcher, notes)
    answering.launch()
    asked = answering.actor_ref.ask(Ping(-7), block=False, timeout=DEADLINE)
    piping.pipe_to(collecting.actor_ref, asked, failed=lambda error: Result(error.args[0]))
    assert notes.wait_for(1) == [(-7, "piping")]
    end(piping, answering, collecting)


def test_what_cannot_be_made_or_is_not_received_is_a_failure(dispatcher: str) -> None:
    notes = Notes()
    answering, collecting, piping = three(dispatcher, notes)
    answering.launch()

    def pipe(**how: Any) -> None:
        asked = answering.actor_ref.ask(Ping(1), block=False, timeout=DEADLINE)
        piping.pipe_to(collecting.actor_ref, asked, **how)

    pipe(convert=lambda result: result.no_such_attribute)
    pipe(convert=Pong)
    pipe(convert=Pong, failed=lambda error: Pong(1))
    errors = [failed.error for failed, _ in notes.wait_for(3)]
    assert [type(error) for error in errors] == [AttributeError, NotReceivedError, NotReceivedError]
    end(piping, answering, collecting)


def test_without_an_answer_the_deadline_is_the_failure() -> None:
    notes = Notes()
    with Simulation() as simulation:
        answering, collecting, piping = three("default", notes)
        asked = answering.actor_ref.ask(Ping(1), block=False, timeout=5.0)
        piping.pipe_to(collecting.actor_ref, asked)
        simulation.advance(4.9)
        assert notes.happened == []
        simulation.advance(0.2)
        ((failed, _),) = notes.happened
        assert isinstance(failed.error, AskTimeoutError)
        answering.launch()
        simulation.run()
        assert len(notes.happened) == 1
        end(piping, answering, collecting)


def test_it_is_told_also_when_the_actor_that_piped_has_ended(dispatcher: str) -> None:
    notes = Notes()
    answering, collecting, piping = three(dispatcher, notes)
    piping.actor_ref.tell(Pong(5))
    end(piping)
    answering.launch()
    assert notes.wait_for(1) == [(10, "piping")]
    end(answering, collecting)


def test_to_a_dead_actor_it_is_a_dead_letter(dispatcher: str) -> None:
    notes = Notes()
    letters: list[Any] = []
    answering, collecting, piping = three(dispatcher, notes)
    ledger = Ledger([collecting])
    end(collecting)
    piping.actor_ref.tell(Pong(5))
    end(piping)
    subscription = dead_letters.subscribe(letters.append, every_s=0)
    try:
        answering.launch()
        end(answering)
    finally:
        subscription.cancel()
    assert [letter.message for letter in letters] == [Result(10)]
    assert (ledger.read().total.dead_lettered, ledger.balanced) == (1, True)
    assert notes.happened == []


def test_who_settles_it_never_waits_for_room(dispatcher: str) -> None:
    """The answering actor would wait for ever: the receiver does not run."""
    notes = Notes()

    class Small(Collecting, mailbox=Bounded(1, overflow="block", deadline_s=DEADLINE), dispatcher=dispatcher): ...

    small = Small.create(notes)
    answering = named(on(Answering, dispatcher), "answering")
    piping = named(on(Piping, dispatcher), "piping", answering.actor_ref, small.actor_ref)
    for number in range(3):
        piping.actor_ref.tell(Pong(number))
    end(piping, answering)
    assert len(small.mailbox) == 3
    small.launch()
    assert notes.wait_for(3) == [(0, "piping"), (2, "piping"), (4, "piping")]
    end(small)


def test_a_mailbox_that_rejects_may_refuse_it() -> None:
    class Small(Collecting, mailbox=Bounded(1, overflow="reject")): ...

    small = Small.create(Notes())
    piping = named(Piping, "piping", small.actor_ref, small.actor_ref)
    for number in range(3):
        done: Future[int] = Future()
        done.set_result(number)
        piping.pipe_to(small.actor_ref, done, convert=Result)
    small.launch()
    total = end(piping, small).read().total
    assert (total.sent, total.handled, total.dropped) == (3, 1, 2)


def test_a_future_of_an_executor_is_told_from_its_thread() -> None:
    notes = Notes()
    collecting = named(Collecting, "collecting", notes)
    piping = named(Piping, "piping", collecting.actor_ref, collecting.actor_ref)
    with ThreadPoolExecutor(1) as executor:
        piping.pipe_to(collecting.actor_ref, executor.submit(pow, 2, 5), convert=Result)
        piping.pipe_to(collecting.actor_ref, executor.submit(int, "no number"))
    first, (failed, _) = notes.wait_for(2)
    assert first == (32, "piping")
    assert isinstance(failed.error, ValueError)
    end(piping, collecting)


def test_a_coroutine_runs_on_the_loop_while_the_actor_goes_on() -> None:
    notes = Notes()
    entered = threading.Event()

    class Fetching(Actor, receives=(Ping, Pong, Result), dispatcher="asyncio"):
        def on_start(self) -> None:
            self.gate = asyncio.Event()

        async def fetch(self, number: int) -> int:
            entered.set()
            await self.gate.wait()
            assert running.actor is None
            if number < 0:
                raise LookupError(number)
            return number + 1

        @handles
        def on_ping(self, ping: Ping) -> None:
            self.pipe_to(self.actor_ref, self.fetch(ping.number), convert=Result)

        @handles
        def on_pong(self, pong: Pong) -> None:
            self.gate.set()

        @handles
        def on_result(self, result: Result) -> None:
            notes.add(result.number)

        def on_receive(self, message: Any) -> None:
            notes.add(type(message.error))

    fetching = named(Fetching, "fetching")
    fetching.actor_ref.tell(Ping(1))
    fetching.actor_ref.tell(Ping(-1))
    assert entered.wait(DEADLINE)
    fetching.actor_ref.tell(Pong(0))
    assert set(notes.wait_for(2)) == {2, LookupError}
    end(fetching)


def test_what_pykka_made_of_futures_is_waited_for_beside_the_actors() -> None:
    notes = Notes()
    answering, collecting, piping = three("default", notes)
    answering.launch()
    asked = answering.actor_ref.ask(Ping(4), block=False, timeout=DEADLINE)
    piping.pipe_to(collecting.actor_ref, asked.map(lambda number: number + 1), convert=Result)

    class Stranger(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> Any:
            return message

    stranger = Stranger.start()
    assert notes.wait_for(1) == [(9, "piping")]
    piping.pipe_to(collecting.actor_ref, stranger.ask("from pykka", block=False))
    assert notes.wait_for(2)[1] == ("from pykka", "piping")
    stranger.stop(timeout=DEADLINE)
    end(piping, answering, collecting)


def test_a_stranger_may_be_the_receiver() -> None:
    notes = Notes()

    class Stranger(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> None:
            notes.add(message)

    stranger = Stranger.start()
    piping = named(Piping, "piping", stranger, stranger)
    done: Future[int] = Future()
    piping.pipe_to(stranger, done)
    done.set_result(3)
    assert notes.wait_for(1) == [3]
    stranger.stop(timeout=DEADLINE)
    piping.pipe_to(stranger, done)  # to a dead one: nobody is told but pykka's own error, which ends here
    end(piping)


def test_what_cannot_tell_when_it_is_done_is_refused() -> None:
    async def nobody_awaits_it() -> None: ...

    with Simulation():
        piping = Piping.create(None, None)
        with pytest.raises(PipeSourceError, match=r"ACT-056.*Piping cannot pipe 5: it is no future"):
            piping.pipe_to(piping.actor_ref, 5)
        with pytest.raises(PipeSourceError, match="no event loop runs here to await it"):
            piping.pipe_to(piping.actor_ref, nobody_awaits_it())
        with pytest.raises(PipeSourceError, match="nobody may in a simulation"):
            piping.pipe_to(piping.actor_ref, pykka.ThreadingFuture())
    settle()
