"""What raises, what is logged of it, and who goes on."""

from __future__ import annotations

import logging
from typing import Any

import pykka
import pytest

from tests.pykka.kinds import DEADLINE, Gate, Notes, Noting, Service, as_actor, raising


def test_a_tell_that_raises_stops_the_actor(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    gate = Gate()
    ref.tell(gate)
    ref.tell(raising(LookupError("broken")))
    ref.tell("never handled")
    late = ref.ask("nor this", block=False)
    gate.open()
    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=DEADLINE)
    assert notes.happened[2:] == [("failed", LookupError, "broken", True)]
    assert not ref.is_alive()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None
    assert f"Unhandled exception in {ref}:" in caplog.messages


def test_an_ask_that_raises_does_not(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    with pytest.raises(LookupError, match="broken"):
        ref.ask(raising(LookupError("broken")), timeout=DEADLINE)
    assert ref.ask("still there", timeout=DEADLINE) == "still there"
    assert ("failed", LookupError, "broken", True) not in notes.happened


def test_an_on_start_that_raises_stops_the_actor_without_on_failure(kind: type[Any]) -> None:
    class Early(Noting):
        def on_start(self) -> None:
            self._notes.add("started")
            msg = "too early"
            raise LookupError(msg)

    notes = Notes()
    ref = as_actor(Early, kind).start(notes)
    notes.wait_for("started")
    assert ref.actor_stopped.wait(DEADLINE)
    assert notes.happened[1:] == ["started"]


def test_hooks_that_raise_at_the_end_change_nothing(kind: type[Any]) -> None:
    class Clumsy(Noting):
        def on_stop(self) -> None:
            self._notes.add("stopped")
            msg = "on_stop"
            raise LookupError(msg)

        def on_failure(self, kind: Any, value: Any, trace: Any) -> None:
            self._notes.add("failed")
            msg = "on_failure"
            raise LookupError(msg)

    notes = Notes()
    assert as_actor(Clumsy, kind).start(notes).stop(timeout=DEADLINE) is True
    as_actor(Clumsy, kind).start(notes).tell(raising(ValueError()))
    notes.wait_for("stopped", "failed")


def test_an_interrupt_is_logged_in_pykka_s_words(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    with caplog.at_level(logging.DEBUG, logger="pykka"):
        notes.wait_for("started")
        caplog.clear()
        ref.tell(raising(KeyboardInterrupt()))
        notes.wait_for("stopped")
    told = [f"KeyboardInterrupt() in {ref}. Stopping all actors.", f"Unregistered {ref}", f"Stopped {ref}"]
    assert caplog.messages[:3] == told


def test_an_interrupt_without_a_node_stops_all_actors(kind: type[Any]) -> None:
    notes, others = Notes(), Notes()
    other = as_actor(Noting, kind).start(others)
    ref = as_actor(Noting, kind).start(notes)
    ref.tell(raising(KeyboardInterrupt()))
    others.wait_for("stopped")
    notes.wait_for("stopped")
    assert other.actor_stopped.wait(DEADLINE)
    assert ("failed", KeyboardInterrupt, "", True) not in notes.happened


def test_an_error_of_an_ask_comes_with_the_traceback_of_where_it_was_raised(kind: type[Any]) -> None:
    ref = as_actor(Service, kind).start()
    with pytest.raises(LookupError) as raised:
        ref.proxy().fail().get(timeout=DEADLINE)
    assert "fail" in [entry.name for entry in raised.traceback]


def test_an_error_that_goes_to_a_caller_is_logged_as_information(
    kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    ref = as_actor(Service, kind).start()
    with caplog.at_level(logging.INFO, logger="pykka"), pytest.raises(LookupError):
        ref.proxy().fail().get(timeout=DEADLINE)
    (record,) = [record for record in caplog.records if record.name == "pykka"]
    assert (record.levelno, record.getMessage()) == (logging.INFO, f"Exception returned from {ref} to caller:")
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


def test_an_error_that_goes_to_nobody_is_logged_as_an_error(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    ref.tell(raising(LookupError("broken")))
    notes.wait_for(("failed", LookupError, "broken", True))
    (record,) = [record for record in caplog.records if record.name == "pykka"]
    assert (record.levelno, record.getMessage()) == (logging.ERROR, f"Unhandled exception in {ref}:")
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


@pytest.mark.parametrize("hook", ["on_start", "on_stop"])
def test_a_hook_that_raises_is_logged_and_the_actor_is_dead(
    kind: type[Any], hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Any) -> None:
        raise LookupError(hook)

    ref = as_actor(type("Broken", (), {hook: broken}), kind).start()
    ref.stop(timeout=DEADLINE)
    assert ref.actor_stopped.wait(DEADLINE)
    assert f"Unhandled exception in {ref}:" in caplog.messages
    assert pykka.ActorRegistry.get_all() == []


def test_a_failure_in_on_failure_is_logged_too(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    logged = Notes()

    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.add((record.getMessage(), str(record.exc_info[1]) if record.exc_info else ""))

    class Clumsy(Noting):
        def on_failure(self, kind: Any, value: Any, trace: Any) -> None:
            msg = "second"
            raise LookupError(msg)

    handler = Telling(logging.ERROR)
    logging.getLogger("pykka").addHandler(handler)
    try:
        ref = as_actor(Clumsy, kind).start(Notes())
        ref.tell(raising(LookupError("first")))
        logged.wait_for((f"Unhandled exception in {ref}:", "second"))
    finally:
        logging.getLogger("pykka").removeHandler(handler)
    assert [error for _, error in logged.happened] == ["first", "second"]
    assert not ref.is_alive()


def test_a_life_is_logged_step_by_step(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="pykka"):
        ref = as_actor(Noting, kind).start(Notes())
        ref.stop(timeout=DEADLINE)
    told = [record.getMessage() for record in caplog.records if record.name == "pykka"]
    assert told == [f"Registered {ref}", f"Starting {ref}", f"Unregistered {ref}", f"Stopped {ref}"]


def test_an_exception_that_is_answered_is_an_answer(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    error = LookupError("just a value")
    assert ref.ask(error, timeout=DEADLINE) is error
    assert ref.is_alive()


def test_asks_that_wait_when_an_actor_fails_are_answered_and_stops_are_done(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    gate = Gate()
    ref.tell(gate)
    assert gate.entered.wait(DEADLINE)
    ref.tell(raising(LookupError()))
    asked, stopped = ref.ask("never", block=False), ref.stop(block=False)
    gate.open()
    with pytest.raises(pykka.ActorDeadError, match="stopped before handling the message"):
        asked.get(timeout=DEADLINE)
    assert stopped.get(timeout=DEADLINE) is True


def test_a_failed_actor_takes_nobody_with_it(kind: type[Any]) -> None:
    other = as_actor(Noting, kind).start(Notes())
    ref = as_actor(Noting, kind).start(Notes())
    ref.tell(raising(LookupError()))
    assert ref.actor_stopped.wait(DEADLINE)
    assert other.ask("still here", timeout=DEADLINE) == "still here"
    assert pykka.ActorRegistry.get_all() == [other]


def test_the_log_of_pykka_is_silent_unless_asked() -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("pykka").handlers)
