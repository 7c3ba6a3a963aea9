"""The registry of actors."""

from __future__ import annotations

from typing import Any

import pykka

from tests.pykka.kinds import DEADLINE, Notes, Noting, as_actor


def test_stop_all_stops_the_last_started_first(kind: type[Any]) -> None:
    notes = Notes()

    class Named(Noting):
        def __init__(self, title: str) -> None:
            super().__init__(notes)
            self._title = title

        def on_stop(self) -> None:
            notes.add(self._title)

    for title in "abc":
        as_actor(Named, kind).start(title)
    assert pykka.ActorRegistry.stop_all(timeout=DEADLINE) == [True, True, True]
    assert [one for one in notes.happened if isinstance(one, str) and len(one) == 1] == ["c", "b", "a"]


def test_the_registry_finds_by_class_and_name_and_broadcasts(kind: type[Any]) -> None:
    notes = Notes()
    actor_class = as_actor(Noting, kind)
    refs = [actor_class.start(notes) for _ in range(2)]
    assert pykka.ActorRegistry.get_by_class(actor_class) == refs
    assert pykka.ActorRegistry.get_by_class(kind) == refs
    assert pykka.ActorRegistry.get_by_class_name("Noting") == refs
    pykka.ActorRegistry.broadcast("hello", target_class=actor_class)
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    assert notes.happened.count("hello") == 2


def test_what_started_is_registered_and_what_stopped_is_not(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    assert pykka.ActorRegistry.get_all() == [ref]
    ref.stop(timeout=DEADLINE)
    assert pykka.ActorRegistry.get_all() == []
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None
    assert pykka.ActorRegistry.get_by_urn("urn:nobody") is None


def test_refs_are_registered_and_unregistered_by_hand_too(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    for _ in range(2):  # the second time it is not there, which is no error
        pykka.ActorRegistry.unregister(ref)
        assert pykka.ActorRegistry.get_all() == []
    assert ref.is_alive()
    pykka.ActorRegistry.register(ref)
    assert pykka.ActorRegistry.get_all() == [ref]


def test_the_list_of_all_is_a_copy(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    pykka.ActorRegistry.get_all().clear()
    assert pykka.ActorRegistry.get_all() == [ref]


def test_lookups_by_class_take_subclasses_and_those_by_name_do_not(kind: type[Any]) -> None:
    class Special(Noting):
        pass

    base, special = as_actor(Noting, kind), as_actor(Special, kind)
    derived = as_actor(type("Derived", (), {}), base)
    first, second, third = base.start(Notes()), special.start(Notes()), derived.start(Notes())
    assert pykka.ActorRegistry.get_by_class(base) == [first, third]
    assert pykka.ActorRegistry.get_by_class(special) == [second]
    assert pykka.ActorRegistry.get_by_class_name("Derived") == [third]
    assert pykka.ActorRegistry.get_by_class_name("Noting") == [first]


def test_a_broadcast_goes_to_all_to_a_class_or_to_the_name_of_one(kind: type[Any]) -> None:
    class Other(Noting):
        pass

    some, others = Notes(), Notes()
    as_actor(Noting, kind).start(some)
    as_actor(Other, kind).start(others)
    pykka.ActorRegistry.broadcast("to all")
    pykka.ActorRegistry.broadcast("to some", target_class="Noting")
    pykka.ActorRegistry.broadcast("to others", target_class="Other")
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    assert some.happened[2:] == ["to all", "to some", "stopped"]
    assert others.happened[2:] == ["to all", "to others", "stopped"]


def test_stop_all_without_blocking_gives_futures_of_all(kind: type[Any]) -> None:
    for _ in range(3):
        as_actor(Noting, kind).start(Notes())
    futures = pykka.ActorRegistry.stop_all(block=False)
    assert pykka.get_all(futures, timeout=DEADLINE) == [True, True, True]
    assert pykka.ActorRegistry.stop_all(timeout=DEADLINE) == []
