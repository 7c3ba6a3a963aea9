"""How an actor begins and ends."""

from __future__ import annotations

import gc
import threading
import uuid
from typing import Any, cast

import pykka
import pytest

from mycelium import Actor
from tests.pykka.kinds import DEADLINE, Gate, InLoop, Notes, Noting, Service, as_actor


def test_start_makes_registers_and_runs(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    assert ref.is_alive()
    assert ref.actor_urn.startswith("urn:uuid:")
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    assert notes.wait_for("started")[0] == ("made in", threading.current_thread().name)


def test_arguments_of_start_go_to_the_constructor(kind: type[Any]) -> None:
    proxy = as_actor(Service, kind).start(1, 2, limit=3).proxy()
    assert proxy.numbers.get(timeout=DEADLINE) == [1, 2]
    assert proxy.settings.get(timeout=DEADLINE) == {"limit": 3}


def test_the_thread_is_named_after_the_class_and_keeps_the_program_alive(kind: type[Any]) -> None:
    def thread_of(actor_class: Any) -> threading.Thread:
        seen: list[threading.Thread] = []
        actor_class.start(Notes()).ask(lambda _: seen.append(threading.current_thread()), timeout=DEADLINE)
        return seen[0]

    class Daemonic(Noting):
        use_daemon_thread = True

    name = {Actor: "mycelium-default-", InLoop: "mycelium-asyncio-"}.get(kind, "Noting-")
    assert thread_of(as_actor(Noting, kind)).name.startswith(name)
    assert not thread_of(as_actor(Noting, kind)).daemon
    assert thread_of(as_actor(Daemonic, kind)).daemon


def test_stop_handles_what_was_sent_before(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    for number in range(100):
        ref.tell(number)
    assert ref.stop(timeout=DEADLINE) is True
    assert notes.happened[2:] == [*range(100), "stopped"]
    assert not ref.is_alive()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None


def test_stop_answers_with_a_future_when_it_should_not_block(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    assert ref.stop(block=False).get(timeout=DEADLINE) is True


def test_stopping_twice_says_that_it_was_dead_already(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    assert ref.stop(timeout=DEADLINE) is True
    assert ref.stop(timeout=DEADLINE) is False


def test_two_who_stop_at_once_are_both_right(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    gate = Gate()
    ref.tell(gate)
    both = [ref.stop(block=False) for _ in range(2)]
    gate.open()
    assert [future.get(timeout=DEADLINE) for future in both] == [True, True]


def test_an_actor_can_stop_itself_after_the_mail_it_has(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    gate = Gate()
    ref.tell(gate)
    ref.tell(lambda actor: actor.stop())
    ref.tell("before the stop")
    gate.open()
    assert notes.wait_for("stopped")[2:] == ["before the stop", "stopped"]


def test_stop_in_on_start_ends_an_actor_early(kind: type[Any]) -> None:
    class Brief(Noting):
        def on_start(self) -> None:
            cast("Any", self).stop()

    notes = Notes()
    as_actor(Brief, kind).start(notes)
    notes.wait_for("stopped")


def test_every_actor_has_a_random_urn_of_its_own(kind: type[Any]) -> None:
    refs = [as_actor(Noting, kind).start(Notes()) for _ in range(3)]
    urns = [uuid.UUID(ref.actor_urn) for ref in refs]
    assert {urn.version for urn in urns} == {4}
    assert len(set(urns)) == 3


def test_an_actor_that_was_made_but_not_started_tells_its_class_and_urn(kind: type[Any]) -> None:
    actor = as_actor(Noting, kind)(Notes())
    assert str(actor) == f"Noting ({actor.actor_urn})"
    assert pykka.ActorRegistry.get_all() == []


def test_the_constructor_of_the_base_takes_whatever_it_is_given(kind: type[Any]) -> None:
    class Passing:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    ref = as_actor(Passing, kind).start(1, 2, 3, name="any")
    assert ref.is_alive()


def test_inside_the_constructor_an_actor_knows_itself_and_is_not_registered(kind: type[Any]) -> None:
    seen: list[Any] = []

    class Early:
        def __init__(self) -> None:
            super().__init__()
            me = cast("Any", self)
            seen.append((me.actor_ref, me.actor_urn, me.actor_inbox.empty(), me.actor_stopped.is_set()))
            seen.append(pykka.ActorRegistry.get_by_urn(me.actor_urn))

    ref = as_actor(Early, kind).start()
    assert seen == [(ref, ref.actor_urn, True, False), None]


def test_a_constructor_that_raises_raises_in_start_and_leaves_nothing(kind: type[Any]) -> None:
    class Broken:
        def __init__(self) -> None:
            super().__init__()
            msg = "broken"
            raise LookupError(msg)

    with pytest.raises(LookupError, match="broken"):
        as_actor(Broken, kind).start()
    assert pykka.ActorRegistry.get_all() == []


def test_on_start_comes_before_the_first_message_and_finds_the_actor_registered(kind: type[Any]) -> None:
    class Careful(Noting):
        def on_start(self) -> None:
            me = cast("Any", self)
            self._notes.add(("registered", pykka.ActorRegistry.get_by_urn(me.actor_urn) is me.actor_ref))

    notes = Notes()
    ref = as_actor(Careful, kind).start(notes)
    ref.tell("first")
    ref.stop(timeout=DEADLINE)
    assert notes.happened[1:] == [("registered", True), "first", "stopped"]


def test_hooks_and_handlers_run_in_another_thread_than_the_starter_s(kind: type[Any]) -> None:
    threads: list[threading.Thread] = []

    class Watching:
        def on_start(self) -> None:
            threads.append(threading.current_thread())

        def on_receive(self, message: Any) -> None:
            threads.append(threading.current_thread())

        def on_stop(self) -> None:
            threads.append(threading.current_thread())

    ref = as_actor(Watching, kind).start()
    ref.ask("hello", timeout=DEADLINE)
    ref.stop(timeout=DEADLINE)
    assert len(threads) == 3
    assert len(set(threads)) == 1
    assert threading.current_thread() not in threads


def test_an_actor_may_stop_itself_twice(kind: type[Any]) -> None:
    def stop_twice(actor: Any) -> str:
        actor.stop()
        actor.stop()
        return "both"

    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    assert ref.ask(stop_twice, timeout=DEADLINE) == "both"
    notes.wait_for("stopped")
    assert notes.happened.count("stopped") == 1


def test_what_an_actor_tells_itself_before_its_stop_is_handled(kind: type[Any]) -> None:
    def last_words(actor: Any) -> None:
        actor.actor_ref.tell("goodbye")
        actor.stop()

    notes = Notes()
    as_actor(Noting, kind).start(notes).tell(last_words)
    assert notes.wait_for("stopped")[-2:] == ["goodbye", "stopped"]


def test_a_blocking_stop_of_a_busy_actor_times_out_and_still_stops_it(kind: type[Any]) -> None:
    notes = Notes()
    ref = as_actor(Noting, kind).start(notes)
    gate = Gate()
    ref.tell(gate)
    assert gate.entered.wait(DEADLINE)
    with pytest.raises(pykka.Timeout):
        ref.stop(timeout=0.001)
    assert ref.is_alive()
    gate.open()
    notes.wait_for("stopped")
    assert not ref.is_alive()


def test_whether_it_lives_is_the_flag_that_says_that_it_is_stopped(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    assert ref.actor_stopped.wait(0) is False
    ref.stop(timeout=DEADLINE)
    assert ref.actor_stopped.wait(DEADLINE) is True
    assert ref.actor_stopped.is_set()


def test_an_actor_that_stops_others_and_starts_others(kind: type[Any]) -> None:
    notes, children = Notes(), Notes()

    def bear(actor: Any) -> Any:
        return type(actor).start(children)

    ref = as_actor(Noting, kind).start(notes)
    child = ref.ask(bear, timeout=DEADLINE)
    assert child.ask("alive", timeout=DEADLINE) == "alive"
    assert ref.ask(lambda _: child.stop(timeout=DEADLINE), timeout=DEADLINE) is True
    children.wait_for("stopped")
    assert ref.is_alive()


def test_a_ref_keeps_no_stopped_actor_alive(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    ref.stop(timeout=DEADLINE)
    for thread in threading.enumerate():
        if thread.name.startswith(("Noting-", "mycelium-")):
            thread.join(DEADLINE)
    gc.collect()
    assert ref._actor_weakref() is None
    assert str(ref) == f"Noting ({ref.actor_urn})"
    assert ref.stop() is False


def test_a_daemon_flag_is_not_inherited_by_actors_that_it_starts(kind: type[Any]) -> None:
    class Daemonic(Noting):
        use_daemon_thread = True

    def bear_and_look(actor: Any) -> bool:
        child = as_actor(Noting, kind).start(Notes())
        return bool(child.ask(lambda _: threading.current_thread().daemon, timeout=DEADLINE))

    assert as_actor(Daemonic, kind).start(Notes()).ask(bear_and_look, timeout=DEADLINE) is False
