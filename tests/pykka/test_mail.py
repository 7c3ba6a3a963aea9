"""Telling, asking, and refs."""

from __future__ import annotations

import logging
from typing import Any

import pykka
import pytest
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from tests.pykka.kinds import DEADLINE, Gate, Notes, Noting, Service, as_actor, waited_for_by


def test_messages_of_one_sender_arrive_in_order(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    for number in range(2_000):
        ref.tell(number)
    assert ref.ask("end", timeout=DEADLINE) == "end"
    assert notes.happened[2:] == [*range(2_000), "end"]


def test_an_actor_can_tell_itself(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    ref.tell(lambda actor: actor.actor_ref.tell("from myself"))
    notes.wait_for("from myself")


def test_any_object_can_be_asked_even_none(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    for message in (None, 0, "text", {"a": 1}, [1], (2,), 5.0):
        assert ref.ask(message) == message


def test_ask_can_return_a_future(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    future = ref.ask(5, block=False)
    assert isinstance(future, pykka.ThreadingFuture)
    assert future.map(lambda number: number + 1).get(timeout=DEADLINE) == 6
    assert pykka.get_all([future, ref.ask(7, block=False)], timeout=DEADLINE) == [5, 7]


def test_an_ask_that_takes_too_long_times_out(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    gate = Gate()
    with pytest.raises(pykka.Timeout, match=r"^0.001 seconds$"):
        ref.ask(gate, timeout=0.001)
    gate.open()
    assert ref.ask("still there", timeout=DEADLINE) == "still there"


def test_what_a_dead_actor_is_told_is_refused(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    ref.stop(timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError, match=r"^Noting \(urn:uuid:.*\) not found$"):
        ref.tell("hello")
    with pytest.raises(pykka.ActorDeadError, match=r"^Noting \(urn:uuid:.*\) not found$"):
        ref.ask("hello")
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        ref.ask("hello", block=False).get(timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        ref.proxy()


def test_asks_behind_a_stop_get_an_error_and_tells_are_dropped(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    gate = Gate()
    ref.tell(gate)
    assert gate.entered.wait(DEADLINE)
    stopped = ref.stop(block=False)
    late = ref.ask("late", block=False)
    ref.tell("late too")
    gate.open()
    assert stopped.get(timeout=DEADLINE) is True
    with pytest.raises(pykka.ActorDeadError, match=r"^Noting \(.*\) stopped before handling the message$"):
        late.get(timeout=DEADLINE)
    assert notes.happened[-1] == "stopped"


def test_an_unexpected_message_is_logged_as_a_warning(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    ref = as_actor(type("Silent", (), {}), kind).start()
    with caplog.at_level(logging.WARNING, logger="pykka"):
        assert ref.ask("what?", timeout=DEADLINE) is None
    assert f"Unexpected message received by {ref}: what?" in caplog.messages


def test_a_ref_says_whom_it_refers_to(kind: type[Any]) -> None:
    actor_class = as_actor(Noting, kind)
    ref = actor_class.start(Notes())
    assert str(ref) == f"Noting ({ref.actor_urn})"
    assert repr(ref) == f"<ActorRef for Noting ({ref.actor_urn})>"
    assert ref.actor_class is actor_class
    assert isinstance(ref, pykka.ActorRef)
    assert {ref: 1}[ref] == 1
    assert ref != actor_class.start(Notes())


def test_a_ref_can_be_sent_and_used_by_who_gets_it(kind: type[Any]) -> None:
    notes = Notes()
    target = as_actor(Noting, kind).start(notes)

    class Forwarding:
        def on_receive(self, message: Any) -> None:
            ref, what = message
            ref.tell(what)

    as_actor(Forwarding, kind).start().tell((target, "through another"))
    notes.wait_for("through another")


@pytest.mark.parametrize("message", [123, 1.5, "text", {"a": 1}, ("a", 2), ["a"], ValueError("told"), None, object()])
def test_any_object_can_be_told_and_arrives_itself(kind: type[Any], message: Any) -> None:
    got = pykka.ThreadingFuture[Any]()

    class Keeping:
        def on_receive(self, message: Any) -> None:
            got.set(message)

    as_actor(Keeping, kind).start().tell(message)
    assert got.get(timeout=DEADLINE) is message


def test_tell_returns_nothing_and_what_is_returned_to_it_goes_nowhere(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    assert ref.tell("hello") is None
    assert ref.ask("still there", timeout=DEADLINE) == "still there"


def test_a_handler_without_a_return_answers_none(kind: type[Any]) -> None:
    class Quiet:
        def on_receive(self, message: Any) -> None:
            pass

    assert as_actor(Quiet, kind).start().ask("hello", timeout=DEADLINE) is None


def test_an_ask_of_zero_seconds_times_out_while_the_actor_is_busy(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    gate = Gate()
    ref.tell(gate)
    assert gate.entered.wait(DEADLINE)
    with pytest.raises(pykka.Timeout):
        ref.ask("now", timeout=0)
    gate.open()


def test_answers_that_come_late_still_come_to_who_asks_again(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    gate = Gate()
    ref.tell(gate)
    future = ref.ask("late", block=False)
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0.001)
    gate.open()
    assert future.get(timeout=DEADLINE) == "late"


def test_an_actor_asks_another_and_waits_for_the_answer(kind: type[Any]) -> None:
    other = as_actor(Noting, waited_for_by(kind)).start(Notes())

    class Asking:
        def on_receive(self, message: Any) -> Any:
            return other.ask(message, timeout=DEADLINE)

    assert as_actor(Asking, kind).start().ask("passed on", timeout=DEADLINE) == "passed on"


def test_an_answer_may_be_a_future_of_somebody_else_s_answer(kind: type[Any]) -> None:
    other = as_actor(Noting, kind).start(Notes())

    class Delegating:
        def on_receive(self, message: Any) -> Any:
            return other.ask(message, block=False)

    answer = as_actor(Delegating, kind).start().ask("passed on", timeout=DEADLINE)
    assert answer.get(timeout=DEADLINE) == "passed on"


def test_an_unhandled_message_may_be_left_to_the_base(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    class Choosy:
        def on_receive(self, message: Any) -> Any:
            return "hi" if message == "hello" else super().on_receive(message)  # type: ignore[misc]

    ref = as_actor(Choosy, kind).start()
    with caplog.at_level(logging.WARNING, logger="pykka"):
        assert ref.ask("hello", timeout=DEADLINE) == "hi"
        assert caplog.messages == []
        assert ref.ask("bye", timeout=DEADLINE) is None
    assert caplog.messages == [f"Unexpected message received by {ref}: bye"]


def test_messages_of_proxies_can_be_asked_and_told_by_hand(kind: type[Any]) -> None:
    ref = as_actor(Service, kind).start(1)
    call = ProxyCall(attr_path=("add",), args=(2,), kwargs={"times": 2})
    assert ref.ask(call, timeout=DEADLINE) == 5
    ref.tell(ProxyCall(attr_path=("add",), args=(5,), kwargs={}))
    ref.tell(ProxySetAttr(attr_path=("nested", "depth"), value=7))
    assert ref.ask(ProxyGetAttr(attr_path=("nested", "depth")), timeout=DEADLINE) == 7
    assert ref.ask(ProxyGetAttr(attr_path=("numbers",)), timeout=DEADLINE) == [1, 2, 2, 5]


def test_an_inbox_takes_gives_and_tells_whether_it_is_empty(kind: type[Any]) -> None:
    inbox = kind._create_actor_inbox()
    assert inbox.empty()
    actor = as_actor(Noting, kind)(Notes())
    actor.actor_ref.tell("first")
    actor.actor_ref.tell("second")
    assert not actor.actor_inbox.empty()
    assert [actor.actor_inbox.get().message for _ in range(2)] == ["first", "second"]
    assert actor.actor_inbox.empty()
