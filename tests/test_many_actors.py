"""What makes 100,000 actors cheap: refs that are removed in one step, events that are made when somebody waits."""

from __future__ import annotations

import threading

import pykka
import pytest

from mycelium import Actor
from mycelium.latency import LatencyHistogram, summarize
from mycelium.lazy_event import LazyEvent
from mycelium.registry import Refs, is_registered

DEADLINE = 30.0


def test_the_registry_of_pykka_keeps_the_order_and_all_that_it_can() -> None:
    refs = [Actor.start() for _ in range(5)]
    try:
        assert isinstance(pykka.ActorRegistry._actor_refs, Refs)
        assert pykka.ActorRegistry.get_all() == refs
        assert pykka.ActorRegistry.get_by_class(Actor) == refs
        assert pykka.ActorRegistry.get_by_class_name("Actor") == refs
        assert pykka.ActorRegistry.get_by_urn(refs[3].actor_urn) is refs[3]
        refs[2].stop(timeout=DEADLINE)
        assert not is_registered(refs[2])
        assert pykka.ActorRegistry.get_all() == refs[:2] + refs[3:]
        pykka.ActorRegistry.unregister(refs[2])
    finally:
        pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    assert len(pykka.ActorRegistry.get_all()) == 0


def test_a_ref_that_is_not_there_cannot_be_removed() -> None:
    ref = Actor.create().actor_ref
    refs = Refs([ref])
    refs.append(ref)
    assert (len(refs), list(refs)) == (1, [ref])
    refs.remove(ref)
    with pytest.raises(ValueError, match="is not registered"):
        refs.remove(ref)


def test_an_event_wakes_all_who_wait_whenever_it_is_set() -> None:
    for _ in range(50):
        event = LazyEvent()
        entered = threading.Barrier(4)
        woken: list[bool] = []

        def wait(event: LazyEvent = event, entered: threading.Barrier = entered, woken: list[bool] = woken) -> None:
            entered.wait(DEADLINE)
            woken.append(event.wait(DEADLINE))

        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        entered.wait(DEADLINE)
        event.set()
        for thread in threads:
            thread.join(DEADLINE)
        assert woken == [True] * 3


def test_an_event_is_cleared_and_not_waited_for_longer_than_asked() -> None:
    event = LazyEvent()
    assert event.wait(0) is False
    event.set()
    assert event.is_set()
    assert event.wait(0) is True
    event.clear()
    assert event.wait(0) is False


def test_few_samples_are_kept_one_by_one_and_say_the_same() -> None:
    few, many = LatencyHistogram(), LatencyHistogram()
    for value in range(1, 17):
        few.record(value)
    assert few.summary() == summarize([few, many])
    for value in range(1, 101):
        many.record(value)
    assert (few.summary().samples, few.summary().max_ns, few.summary().p50_ns) == (16, 16, 8)
    assert (many.summary().samples, many.summary().max_ns, many.summary().p50_ns) == (100, 100, 50)
    assert summarize([few, many]).samples == 116
