"""Event loops of a name of their own: declared, used by actors and topologies, and refused where they cannot be."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorContext, ActorSpec, AsyncSource, Node, Topology, declare_dispatcher, handles
from mycelium.errors import CoroutineOutsideLoopError, DispatcherDeclarationError, DispatcherUnknownError, WiringError
from tests.thread_ends import wait_for_ends
from tlv import TLV, i64

DEADLINE = 30.0


class Tick(TLV, type=1001):
    number: i64


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    before = threading.enumerate()
    yield
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    wait_for_ends(before)


class Here(Actor, receives=Tick, dispatcher="test-loop"):
    """Tells in which thread it runs."""

    @handles
    async def on_tick(self, tick: Tick) -> str:
        return threading.current_thread().name


class Ticks(AsyncSource, emits=Tick):
    async def produce(self) -> AsyncIterator[TLV]:
        for number in range(100):
            yield Tick(number)


class Sink(Actor, receives=Tick, dispatcher="asyncio"):
    @handles
    async def on_tick(self, tick: Tick) -> None:
        assert threading.current_thread().name.startswith("mycelium-test-feeds-")


def test_it_runs_in_a_thread_of_its_own() -> None:
    declare_dispatcher("test-loop", kind="asyncio", throughput=5)
    named = Here.start()
    built_in = Here.create(context=ActorContext(dispatcher="asyncio")).launch()
    assert named.ask(Tick(1), timeout=DEADLINE).startswith("mycelium-test-loop-")
    assert built_in.ask(Tick(1), timeout=DEADLINE).startswith("mycelium-asyncio-")


def test_one_that_nobody_has_declared_is_told_when_an_actor_is_to_run_there() -> None:
    class Early(Here, dispatcher="test-nowhere"):
        pass

    with pytest.raises(DispatcherUnknownError, match=r"ACT-012.*test-nowhere"):
        Early.start()


def test_coroutines_are_refused_where_the_name_is_one_of_threads() -> None:
    declare_dispatcher("test-threads", workers=1)
    with pytest.raises(CoroutineOutsideLoopError, match=r"Here\.on_tick.*test-threads"):
        Here.create(context=ActorContext(dispatcher="test-threads")).launch()
    with pytest.raises(WiringError, match="on an event loop of another name"):
        Ticks.create(context=ActorContext(dispatcher="test-threads")).launch()


@pytest.mark.parametrize(
    "declared, told",
    [
        ({"name": "asyncio", "kind": "threads"}, r"ACT-060.*'asyncio'.*kind = 'threads': 'asyncio' is built in"),
        ({"name": "default", "kind": "asyncio"}, r"'default' .*kind = 'asyncio': 'default' is built in"),
        ({"name": "pinned"}, "'pinned': that means a thread for one actor"),
        ({"name": "test-x", "kind": "uvloop"}, "kind = 'uvloop': a dispatcher is 'threads' or 'asyncio'"),
        ({"name": "test-x", "kind": "asyncio", "workers": 2}, "workers = 2: an event loop has one thread"),
        ({"name": "asyncio", "workers": 3}, "workers = 3: an event loop has one thread"),
        ({"name": ""}, "name = '': a name is a text that is not empty"),
        ({"name": "test-x", "workers": 0}, "workers = 0: it takes a whole number of 1 or more, 1,024 at most"),
        ({"name": "test-x", "workers": 2.5}, "workers = 2.5: it takes a whole number"),
        ({"name": "test-x", "throughput": True}, "throughput = True: it takes a whole number"),
        ({"name": "test-x", "slow_handler_ms": -1}, "slow_handler_ms = -1: it takes a whole number of 0 or more"),
    ],
)
def test_what_cannot_be_is_refused_with_key_and_value(declared: dict[str, Any], told: str) -> None:
    with pytest.raises(DispatcherDeclarationError, match=told):
        declare_dispatcher(**declared)


def test_a_dispatcher_changes_its_kind_only_while_nobody_runs_on_it() -> None:
    declare_dispatcher("test-loop", kind="asyncio")
    ref = Here.start()
    with pytest.raises(DispatcherDeclarationError, match=r"kind = 'threads': actors run on it, and it is 'asyncio'"):
        declare_dispatcher("test-loop", kind="threads")
    assert declare_dispatcher("test-loop", throughput=3).kind == "asyncio"
    actor_ended = ref.actor_stopped
    ref.stop(timeout=DEADLINE)
    assert actor_ended.is_set()
    wait_for_ends([thread for thread in threading.enumerate() if not thread.name.startswith("mycelium-test-loop")])
    assert declare_dispatcher("test-loop", kind="threads").kind == "threads"


def test_a_topology_places_sources_and_actors_on_its_own_loop() -> None:
    topology = Topology(
        name="named",
        dispatchers={"test-feeds": {"kind": "asyncio"}},
        actors={
            "ticks": ActorSpec(actor_class=Ticks, dispatcher="test-feeds"),
            "sink": ActorSpec(actor_class=Sink, dispatcher="test-feeds"),
        },
    )
    with Node(topology) as node:
        assert node.wait(DEADLINE)
    assert node.report().messages[0].handled == 100
    assert node.report().balanced
