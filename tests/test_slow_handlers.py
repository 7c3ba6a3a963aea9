"""Handlers that run for too long are reported by name, with their stack, once, and again when they end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pykka
import pytest
import structlog
from structlog.testing import capture_logs

from mycelium import Actor, ActorContext, ActorSpec, Node, Source, Topology, declare_dispatcher, handles
from mycelium.dispatcher.slow import SLOW_HANDLER_MS, Watch, watch
from tests.waiting import wait_for
from tlv import TLV, i64

DEADLINE = 30.0


class Number(TLV, type=1000):
    number: i64


class Gatekeeper(Actor, receives=Number):
    def __init__(self, entered: threading.Event, go: threading.Event) -> None:
        super().__init__()
        self.entered = entered
        self.go = go

    @handles
    def on_number(self, number: Number) -> None:
        if number.number == 0:
            self.wait_at_the_gate()

    def wait_at_the_gate(self) -> None:
        self.entered.set()
        assert self.go.wait(DEADLINE)


class Coroutine(Gatekeeper, dispatcher="asyncio"):
    @handles
    async def on_number(self, number: Number) -> None:  # type: ignore[override]
        if number.number == 0:
            self.wait_at_the_gate()


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watch that looks when the test says so, at the threads that the real one knows."""
    monkeypatch.setattr(watch, "look", lambda now: None)  # it would forget what this one has seen
    own = Watch()
    own._threads = watch._threads
    return own


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    """Neither actors nor their threads: what was seen of those would be taken for what the next test has seen."""
    yield
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    assert wait_for(lambda: not watch._threads and not watching_threads())


def watching_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mycelium-watch"]


def answered(ref: Any, message: Any = None) -> None:
    """Wait until it has answered, and the turn in which it did is over."""
    ref.ask(Number(1) if message is None else message, timeout=DEADLINE)
    assert wait_for(lambda: ref.mailbox.asleep)


@pytest.mark.parametrize("dispatcher", ["default", "pinned", "asyncio"])
def test_a_slow_handler_is_reported_once_and_again_when_it_has_ended(dispatcher: str, looking: Watch) -> None:
    entered, go = threading.Event(), threading.Event()
    kind = Coroutine if dispatcher == "asyncio" else Gatekeeper
    ref = kind.create(entered, go, context=ActorContext(name="slow", dispatcher=dispatcher)).launch()
    ref.tell(Number(1))
    ref.tell(Number(0))
    assert entered.wait(DEADLINE)
    with capture_logs() as logs:
        looking.look(10.0)
        looking.look(10.09)
        assert not logs
        looking.look(10.1)
        looking.look(10.2)
        looking.look(12.0)
        assert [entry["event"] for entry in logs] == ["handler is slow"]
        go.set()
        answered(ref)
        looking.look(12.5)
        looking.look(13.0)
    told, ended = logs
    assert (told["code"], told["actor"], told["message"], told["running_ms"]) == ("ACT-042", "slow", "Number", 100)
    assert "wait_at_the_gate" in told["stack"]
    assert "_drain" not in told["stack"]
    assert (ended["event"], ended["actor"], ended["message"], ended["total_ms"]) == (
        "slow handler ended", "slow", "Number", 2500,
    )  # fmt: skip
    assert ("pinned" in told["error"]) == (dispatcher == "default"), (
        "who has a thread of its own is not told to have one"
    )


def test_what_it_took_in_all_is_never_told_too_low(looking: Watch) -> None:
    entered, go = threading.Event(), threading.Event()
    ref = Gatekeeper.create(entered, go, context=ActorContext(name="slow")).launch()
    with capture_logs() as logs:
        answered(ref)
        looking.look(10.0)
        ref.tell(Number(0))  # it may have begun right after that look
        assert entered.wait(DEADLINE)
        looking.look(10.5)
        looking.look(11.0)
        go.set()
        answered(ref)
        looking.look(11.5)
    told, ended = logs
    assert (told["running_ms"], ended["total_ms"]) == (500, 1500)


def test_many_quick_messages_and_an_actor_that_rests_are_not_slow(looking: Watch) -> None:
    entered, go = threading.Event(), threading.Event()
    refs = [
        Gatekeeper.create(entered, go, context=ActorContext(dispatcher=where)).launch()
        for where in ("default", "pinned")
    ]
    with capture_logs() as logs:
        for moment in range(20):
            for ref in refs:
                ref.ask(Number(1), timeout=DEADLINE)
            looking.look(float(moment))
    assert not [entry for entry in logs if entry.get("code") == "ACT-042"]


def test_an_actor_that_was_woken_and_has_not_run_yet_is_not_slow(looking: Watch) -> None:
    ref = Gatekeeper.create(
        threading.Event(), threading.Event(), context=ActorContext(name="woken", dispatcher="pinned")
    ).launch()
    answered(ref)
    mailbox = ref.mailbox
    mailbox.asleep = False  # as a sender leaves it, before the thread has got a core
    with capture_logs() as logs:
        looking.look(0.0)
        looking.look(10.0)
    mailbox.asleep = True
    assert not logs


def test_hooks_and_plain_objects_are_watched_too(looking: Watch) -> None:
    entered, go = threading.Event(), threading.Event()

    class Slow(Actor):
        def on_start(self) -> None:
            entered.set()
            assert go.wait(DEADLINE)

        def on_receive(self, message: Any) -> None:
            entered.set()
            assert go.wait(DEADLINE)

    with capture_logs() as logs:
        ref = Slow.start()
        assert entered.wait(DEADLINE)
        looking.look(0.0)
        looking.look(1.0)
        entered.clear()
        go.set()
        answered(ref, "quick now")
        looking.look(2.0)
        assert entered.wait(DEADLINE)
        go.clear()
        entered.clear()
        ref.tell("text")
        assert entered.wait(DEADLINE)
        looking.look(3.0)
        looking.look(4.0)
        go.set()
    assert [entry["message"] for entry in logs if entry["event"] == "handler is slow"] == ["no message", "str"]


def test_a_source_may_wait_in_produce(looking: Watch) -> None:
    entered, go = threading.Event(), threading.Event()

    class Waiting(Source, emits=Number):
        def produce(self) -> Iterator[TLV]:
            entered.set()
            assert go.wait(DEADLINE)
            yield Number(1)

    with capture_logs() as logs:
        source = Waiting.create()
        source.launch()
        assert entered.wait(DEADLINE)
        looking.look(0.0)
        looking.look(10.0)
        go.set()
        assert source.finished.wait(DEADLINE)
    assert not [entry for entry in logs if entry.get("code") == "ACT-042"]


def test_a_dispatcher_has_a_limit_of_its_own_and_0_is_never(looking: Watch) -> None:
    entered, go = threading.Event(), threading.Event()
    dispatcher = declare_dispatcher("test-slow", slow_handler_ms=5_000)
    Gatekeeper.create(entered, go, context=ActorContext(dispatcher="test-slow")).launch().tell(Number(0))
    assert entered.wait(DEADLINE)
    with capture_logs() as logs:
        looking.look(0.0)
        looking.look(4.9)
        assert not logs
        looking.look(5.0)
        assert [entry["running_ms"] for entry in logs] == [5_000]
        dispatcher.slow_handler_ms = 0
        looking.look(6.0)
        looking.look(60.0)
        assert len(logs) == 2  # the end of the one that was reported: nobody looks at it any more
    go.set()


def test_the_watch_looks_by_itself_and_ends_with_the_last_actor() -> None:
    entered, go, told = threading.Event(), threading.Event(), threading.Event()

    def note(logger: Any, method: str, event: Any) -> Any:
        if event.get("code") == "ACT-042":
            told.set()
        raise structlog.DropEvent

    structlog.configure(processors=[note])
    try:
        declare_dispatcher("test-slow-now", slow_handler_ms=2)
        ref = Gatekeeper.create(entered, go, context=ActorContext(dispatcher="test-slow-now")).launch()
        ref.tell(Number(0))
        assert told.wait(DEADLINE)
        watching = watching_threads()
        assert len(watching) == 1
        go.set()
        pykka.ActorRegistry.stop_all(timeout=DEADLINE)
        watching[0].join(DEADLINE)
        assert not watching[0].is_alive()
    finally:
        structlog.reset_defaults()


def test_a_topology_sets_the_limit() -> None:
    entered, go = threading.Event(), threading.Event()
    go.set()

    class Held(Gatekeeper):
        def __init__(self) -> None:
            super().__init__(entered, go)

    spec = ActorSpec(actor_class=Held)
    try:
        with Node(Topology(name="slow", actors={"held": spec}, slow_handler_ms=250)):
            assert watch.slow_handler_ms == 250
    finally:
        watch.slow_handler_ms = SLOW_HANDLER_MS
