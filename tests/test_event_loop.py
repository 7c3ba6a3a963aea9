"""Actors on the event loop: handlers that await, one message at a time, and waits that cannot end."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pykka
import pytest
from structlog.testing import capture_logs

from mycelium import Actor, ActorContext, ActorRef, Batch, Ledger, Node, Topology, handles
from mycelium.dispatcher.event_loop import EventLoop
from mycelium.dispatcher.waiting import _gathered, _waits_of
from mycelium.errors import (
    AskCycleError,
    AskTimeoutError,
    BlockingInLoopError,
    CoroutineOutsideLoopError,
    DeadActorError,
    StoppedFirstError,
)
from mycelium.mailbox.mailbox import Mailbox
from tests.thread_ends import wait_for_ends
from tlv import TLV, i64

DEADLINE = 30.0


class Number(TLV, type=1000):
    number: i64
    sender: i64 = 0


class Other(TLV, type=1001):
    number: i64


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    before = threading.enumerate()
    yield
    pykka.ActorRegistry.stop_all(timeout=DEADLINE)
    wait_for_ends(before)


class Gate:
    """What a handler awaits, opened from any thread."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.cancelled = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: asyncio.Event | None = None

    async def wait(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._open = asyncio.Event()
        self.entered.set()
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    def open(self) -> None:
        assert self.entered.wait(DEADLINE)
        assert self._loop is not None
        assert self._open is not None
        self._loop.call_soon_threadsafe(self._open.set)


class Waiting(Actor, receives=Number, dispatcher="asyncio"):
    """Awaits its gate before it answers; notes what it has begun and ended."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate
        self.notes: list[Any] = []

    async def on_stop(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.notes.append("stopped")

    @handles
    async def on_number(self, number: Number) -> int:
        self.notes.append(("begun", number.number))
        if number.number == 0:
            await self.gate.wait()
        await asyncio.sleep(0)
        self.notes.append(("ended", number.number))
        return 2 * number.number


class Asking(Actor, receives=Number, dispatcher="asyncio"):
    """Awaits the answer of the one behind it."""

    behind: Any

    @handles
    async def on_number(self, number: Number) -> Any:
        return await self.ask(self.behind, number, timeout=DEADLINE)


class Doubling(Actor, receives=Number):
    @handles
    def on_number(self, number: Number) -> int:
        return 2 * number.number

    def triple(self, number: int) -> int:
        return 3 * number


def asking(behind: Any, name: str = "asking") -> ActorRef[Any]:
    actor = Asking.create(context=ActorContext(name=name))
    actor.behind = behind
    return actor.launch()


def test_an_actor_handles_one_message_at_a_time_while_others_go_on() -> None:
    gate = Gate()
    held = Waiting.create(gate)
    ref = held.launch()
    for number in range(3):
        ref.tell(Number(number))
    assert gate.entered.wait(DEADLINE)
    other = Waiting.start(Gate())
    assert other.ask(Number(7), timeout=DEADLINE) == 14
    assert held.notes == [("begun", 0)]
    gate.open()
    ref.stop(timeout=DEADLINE)
    assert held.notes == [*((what, number) for number in range(3) for what in ("begun", "ended")), "stopped"]


def test_a_thousand_actors_that_await_each_other_share_one_thread() -> None:
    threads = threading.active_count()
    behind = [Waiting.start(Gate()) for _ in range(1_000)]

    class Gathering(Actor, receives=Number, dispatcher="asyncio"):
        @handles
        async def on_number(self, number: Number) -> list[int]:
            asked = (self.ask(ref, Number(place), timeout=DEADLINE) for place, ref in enumerate(behind, 1))
            return list(await asyncio.gather(*asked))

    assert Gathering.start().ask(Number(0), timeout=DEADLINE) == [2 * place for place in range(1, 1_001)]
    assert threading.active_count() <= threads + 2  # the loop, and the watch for slow handlers


def test_a_task_that_a_handler_leaves_behind_and_that_raises_is_told_and_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Leaving(Actor, receives=Number, dispatcher="asyncio"):
        @handles
        async def on_number(self, number: Number) -> None:
            task = asyncio.ensure_future(self.fail())
            await asyncio.wait({task})

        async def fail(self) -> None:
            msg = "nobody awaits me"
            raise LookupError(msg)

    ref = Leaving.start()
    ref.ask(Number(1), timeout=DEADLINE)
    gc.collect()
    ref.ask(Number(2), timeout=DEADLINE)
    assert ref.is_alive()
    assert "nobody awaits me" in caplog.text
    assert "Leaving.fail()" in caplog.text


def test_the_reply_is_set_when_the_coroutine_is_done() -> None:
    gate = Gate()
    answer = Waiting.start(gate).ask(Number(0), block=False, timeout=DEADLINE)
    assert gate.entered.wait(DEADLINE)
    with pytest.raises(AskTimeoutError):
        answer.get(timeout=0)
    gate.open()
    assert answer.get(timeout=DEADLINE) == 0


@pytest.mark.parametrize("dispatcher", ["default", "pinned", "asyncio"])
def test_an_answer_is_awaited_from_whoever_gives_it(dispatcher: str) -> None:
    behind = Doubling.create(context=ActorContext(dispatcher=dispatcher)).launch()
    front = asking(behind)
    assert [front.ask(Number(number), timeout=DEADLINE) for number in range(20)] == [2 * one for one in range(20)]


def test_the_futures_of_proxies_are_awaitable_and_so_are_mapped_ones() -> None:
    class Front(Actor, dispatcher="asyncio"):
        def __init__(self, behind: ActorRef[Any]) -> None:
            super().__init__()
            self.behind = behind.proxy()

        async def total(self) -> list[int]:
            later = [self.behind.triple(number) for number in range(3)]
            mapped = self.behind.triple(5).map(lambda value: value + 1)
            return [*[await one for one in later], *await asyncio.gather(*later), await mapped]

        async def gone(self) -> bool:
            return bool(await self.behind.actor_ref.stop(block=False))

    proxy = Front.start(Doubling.create(context=ActorContext(dispatcher="asyncio")).launch()).proxy()
    assert proxy.total().get(timeout=DEADLINE) == [0, 3, 6, 0, 3, 6, 16]


def test_a_reply_is_awaited_in_a_loop_of_ones_own() -> None:
    ref = Doubling.start()

    async def program() -> list[int]:
        return list(
            await asyncio.gather(*(ref.ask(Number(number), block=False, timeout=DEADLINE) for number in range(5)))
        )

    assert asyncio.run(program()) == [0, 2, 4, 6, 8]


def test_an_awaited_answer_has_a_deadline() -> None:
    gate = Gate()
    held = Waiting.start(gate)
    held.tell(Number(0))
    assert gate.entered.wait(DEADLINE)

    class Hasty(Actor, receives=(Number, Other), dispatcher="asyncio"):
        @handles
        async def on_number(self, number: Number) -> Any:
            return await self.ask(held, number, timeout=0.01)

        @handles
        async def on_other(self, other: Other) -> Any:
            return await self.ask(held, "an object as pykka takes it", timeout=0.01)

    hasty = Hasty.start()
    with pytest.raises(AskTimeoutError, match=r"ACT-003.*0\.01"):
        hasty.ask(Number(1), timeout=DEADLINE)
    with pytest.raises(pykka.Timeout, match=r"0\.01 seconds"):
        hasty.ask(Other(1), timeout=DEADLINE)
    gate.open()


def test_a_coroutine_that_raises_after_an_ask_gives_the_error_to_the_caller() -> None:
    class Failing(Actor, receives=Number, dispatcher="asyncio"):
        @handles
        async def on_number(self, number: Number) -> None:
            await asyncio.sleep(0)
            msg = "as asked"
            raise LookupError(msg)

    actor = Failing.create()
    ref = actor.launch()
    ledger = Ledger([actor])
    with pytest.raises(LookupError, match="as asked") as caught:
        ref.ask(Number(1), timeout=DEADLINE)
    assert "Failing" in caught.value.__notes__[0]
    assert ref.is_alive()
    ref.tell(Number(2))
    assert actor.ended.wait(DEADLINE)
    assert isinstance(actor.failure, LookupError)
    assert (ledger.read().total.failed, ledger.read().total.handled, ledger.balanced) == (2, 2, True)


def test_hooks_may_be_coroutines_and_one_that_raises_is_the_actor_s_failure() -> None:
    notes: list[str] = []

    class Hooked(Actor, receives=Number, dispatcher="asyncio"):
        async def on_start(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            notes.append("started")

        async def on_failure(self, kind: Any, value: Any, trace: Any) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            notes.append(f"failed: {value}")

        @handles
        async def on_number(self, number: Number) -> None:
            notes.append("handled")
            await asyncio.sleep(0)
            msg = "wrong"
            raise ValueError(msg)

    actor = Hooked.create()
    actor.launch().tell(Number(1))
    assert actor.ended.wait(DEADLINE)
    assert notes == ["started", "handled", "failed: wrong"]

    class Broken(Actor, dispatcher="asyncio"):
        async def on_start(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            msg = "no start"
            raise ValueError(msg)

    broken = Broken.create()
    broken.launch()
    assert broken.ended.wait(DEADLINE)
    assert str(broken.failure) == "no start"


def test_objects_and_batches_go_to_coroutines_too() -> None:
    class Mixed(Actor, dispatcher="asyncio"):
        def __init__(self) -> None:
            super().__init__()
            self.taken: list[int] = []

        async def on_receive(self, message: Any) -> Any:
            await asyncio.sleep(0)
            return ("seen", message)

        @handles(batch=True)
        async def on_numbers(self, numbers: Batch[Number]) -> None:
            await asyncio.sleep(0)
            self.taken.extend(one.number for one in numbers)

    actor = Mixed.create()
    ref = actor.launch()
    for number in range(10):
        ref.tell(Number(number))
    assert ref.ask("text", timeout=DEADLINE) == ("seen", "text")
    assert actor.taken == list(range(10))
    ref.stop(timeout=DEADLINE)
    assert Ledger([actor]).read().total.handled == 10


def test_a_cycle_of_awaits_is_refused_and_names_everybody() -> None:
    refs = [asking(None, name) for name in ("one", "two", "three")]
    for ref, behind in zip(refs, refs[1:] + refs[:1], strict=True):
        ref.proxy().behind = behind
    with pytest.raises(AskCycleError, match=r"ACT-013.*three.*three -> one -> two -> three"):
        refs[0].ask(Number(1), timeout=DEADLINE)
    assert all(ref.is_alive() for ref in refs)


class Gatherer(Actor, receives=Number, dispatcher="asyncio"):
    """Asks several at once; with a number below 0, in a circle of gathers; leaves one task to itself with 0."""

    def __init__(self, refs: list[ActorRef[Any]]) -> None:
        super().__init__()
        self.refs = refs
        self.left: asyncio.Task[Any] | None = None

    @handles
    async def on_number(self, number: Number) -> Any:
        asked = [self.ask(ref, number, timeout=DEADLINE) for ref in self.refs]
        if number.number == 0:
            first, *others = asked
            self.left = asyncio.ensure_future(first)
            self.refs = self.refs[1:]
            for other in others:
                other.close()
            return "left"
        if number.number < 0:
            return await asyncio.gather(asyncio.gather(*asked))
        async with asyncio.timeout(DEADLINE):
            return await asyncio.gather(*asked)

    def on_receive(self, message: Any) -> Any:
        return None if self.left is None else self.left.done()


def _until_nothing_is_noted(gather: Actor) -> None:
    """What was gathered beside the one that was refused goes on, and is the wait of nobody."""
    assert not _waits_of(gather.mailbox)
    while _gathered:
        gather.actor_ref.ask("anything", timeout=DEADLINE)


@pytest.mark.parametrize("number", [1, -1], ids=["gather", "gather of gathers"])
def test_a_cycle_through_one_of_several_that_are_gathered_is_refused(number: int) -> None:
    gather = Gatherer.create([], context=ActorContext(name="gather"))
    quick, back = Doubling.start(), asking(gather.launch(), "back")
    gather.refs += [quick, back, quick]
    with pytest.raises(AskCycleError, match=r"ACT-013.*back -> gather -> back"):
        gather.actor_ref.ask(Number(number), timeout=DEADLINE)
    _until_nothing_is_noted(gather)


def test_a_cycle_is_refused_too_where_the_other_waits_already() -> None:
    gather = Gatherer.create([], context=ActorContext(name="gather"))
    gather.launch()
    back = asking(gather.actor_ref, "back")
    gather.refs += [Doubling.start(), back]
    with pytest.raises(AskCycleError, match=r"ACT-013.*gather -> back -> gather"):
        back.ask(Number(1), timeout=DEADLINE)
    _until_nothing_is_noted(gather)


def test_a_task_that_nobody_awaits_closes_no_circle() -> None:
    gather = Gatherer.create([], context=ActorContext(name="gather"))
    ref = gather.launch()
    doubling = Doubling.start()

    class Back(Actor, receives=Number, dispatcher="asyncio"):
        @handles
        async def on_number(self, number: Number) -> Any:
            return await self.ask(ref, Number(5), timeout=DEADLINE)

    gather.refs += [Back.start(), doubling]
    assert ref.ask(Number(0), timeout=DEADLINE) == "left"
    while not ref.ask("is it done?", timeout=DEADLINE):
        pass
    assert gather.left is not None
    assert gather.left.result() == [10]


def test_a_cycle_over_two_dispatchers_is_refused_too() -> None:
    class Plain(Actor, receives=Number):
        behind: Any

        @handles
        def on_number(self, number: Number) -> Any:
            return self.behind.ask(number, timeout=DEADLINE)

    plain = Plain.create(context=ActorContext(name="plain"))
    plain.launch()
    front = asking(plain.actor_ref)
    plain.behind = front
    with pytest.raises(AskCycleError, match="asking"):
        front.ask(Number(1), timeout=DEADLINE)


def test_waiting_without_await_for_an_actor_of_the_same_loop_is_refused() -> None:
    gate = Gate()
    gate.entered.set()
    behind = Waiting.start(gate)

    class Blocking(Actor, receives=Number, dispatcher="asyncio"):
        @handles
        def on_number(self, number: Number) -> Any:
            return behind.ask(number, timeout=DEADLINE)

    with pytest.raises(
        BlockingInLoopError, match=r"\[ACT-041\] Blocking would block the event loop that Waiting needs"
    ):
        Blocking.start().ask(Number(1), timeout=DEADLINE)


@pytest.mark.parametrize("dispatcher", ["default", "pinned"])
def test_coroutines_are_refused_where_nobody_awaits_them(dispatcher: str) -> None:
    with pytest.raises(CoroutineOutsideLoopError, match=rf"ACT-040.*Lost\.on_number.*{dispatcher}.*asyncio"):

        class Lost(Actor, receives=Number, dispatcher=dispatcher):
            @handles
            async def on_number(self, number: Number) -> None: ...

    with pytest.raises(CoroutineOutsideLoopError, match=r"Hooked\.on_stop"):

        class Hooked(Actor, dispatcher=dispatcher):
            async def on_stop(self) -> None: ...  # type: ignore[override]

    elsewhere = Waiting.create(Gate(), context=ActorContext(dispatcher=dispatcher))
    with pytest.raises(CoroutineOutsideLoopError, match=r"Waiting\.on_number"):
        elsewhere.launch()


def test_stop_waits_for_the_coroutine_and_handles_what_was_sent_before() -> None:
    gate = Gate()
    actor = Waiting.create(gate)
    ref = actor.launch()
    ref.tell(Number(0))
    ref.tell(Number(1))
    assert gate.entered.wait(DEADLINE)
    stopped = ref.stop(block=False)
    late = ref.ask(Number(2), block=False, timeout=DEADLINE)
    gate.open()
    assert stopped.get(timeout=DEADLINE) is True
    with pytest.raises((StoppedFirstError, DeadActorError)):
        late.get(timeout=DEADLINE)
    assert actor.notes[-2:] == [("ended", 1), "stopped"]
    assert Ledger([actor]).balanced


def test_an_abort_cancels_what_a_handler_awaits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mycelium.node.node._ABORT_S", DEADLINE)
    gate = Gate()

    class Held(Waiting):
        def __init__(self) -> None:
            super().__init__(gate)

    node = Node(Topology(name="aborted", actors={"held": Held}))
    node.start()
    ref = node.refs["held"]
    answer = ref.ask(Number(0), block=False, timeout=DEADLINE)
    ref.tell(Number(1))
    assert gate.entered.wait(DEADLINE)
    node.abort()
    assert gate.cancelled.is_set()
    assert not node.left_running
    with pytest.raises(StoppedFirstError):
        answer.get(timeout=DEADLINE)
    counts = node.report().messages[0]
    assert (counts.sent, counts.handled, counts.dead_lettered, counts.in_flight) == (2, 1, 1, 0)


def test_a_handler_whose_own_task_is_cancelled_has_failed() -> None:
    class Careless(Actor, receives=Number, dispatcher="asyncio"):
        @handles
        async def on_number(self, number: Number) -> None:
            task = asyncio.ensure_future(asyncio.sleep(DEADLINE))
            asyncio.get_running_loop().call_soon(task.cancel)
            await task

    actor = Careless.create()
    with capture_logs():
        actor.launch().tell(Number(1))
        assert actor.ended.wait(DEADLINE)
    assert isinstance(actor.failure, asyncio.CancelledError)


def test_the_thread_ends_with_the_last_actor_and_takes_its_tasks_with_it() -> None:
    cancelled = threading.Event()
    names: list[str] = []

    class Spawning(Actor, dispatcher="asyncio"):
        async def on_start(self) -> None:  # type: ignore[override]
            names.append(threading.current_thread().name)
            self.task = asyncio.create_task(self.linger())
            await asyncio.sleep(0)

        async def linger(self) -> None:
            try:
                await asyncio.sleep(DEADLINE)
            finally:
                cancelled.set()

    for _ in range(3):
        ref = Spawning.start()
        ref.ask("here?", timeout=DEADLINE)
        thread = next(one for one in threading.enumerate() if one.name == names[-1])
        assert thread.name.startswith("mycelium-asyncio-")
        ref.stop(timeout=DEADLINE)
        thread.join(DEADLINE)
        assert not thread.is_alive()
        assert cancelled.is_set()
        cancelled.clear()
    assert len(set(names)) == 3


def test_an_actor_that_starts_while_the_loop_of_the_last_one_ends_has_its_turn() -> None:
    class Brief(Actor, dispatcher="asyncio"):
        async def on_start(self) -> None:  # type: ignore[override]
            self.stop()

    for _ in range(200):
        actor = Brief.create()
        actor.launch()
        assert actor.ended.wait(DEADLINE)
        assert actor.failure is None


def test_no_message_is_lost_when_actors_stop_under_fire() -> None:
    """The last actor ends while others still send: what comes too late is a dead letter, and counted."""
    for _ in range(30):
        actor = Waiting.create(Gate())
        ref = actor.launch()
        ledger = Ledger([actor])
        go = threading.Event()

        def fire(ref: Any = ref, go: threading.Event = go) -> None:
            go.wait(DEADLINE)
            for _ in range(50):
                try:
                    ref.tell(Number(1))
                except DeadActorError:
                    return

        threads = [threading.Thread(target=fire) for _ in range(3)]
        for thread in threads:
            thread.start()
        go.set()
        ref.stop(timeout=DEADLINE)
        for thread in threads:
            thread.join(DEADLINE)
        assert actor.ended.wait(DEADLINE)
        assert ledger.balanced, ledger.differences
        assert ledger.read().total.in_flight == 0


def test_an_actor_that_starts_while_the_loop_of_the_last_one_ends_has_its_first_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, ending, enqueued, cleaned = (threading.Event() for _ in range(4))
    bury, begin_turns, enqueue = EventLoop._bury, EventLoop._begin_turns, EventLoop.enqueue

    def bury_later(loop: EventLoop) -> None:
        ending.set()
        assert enqueued.wait(DEADLINE)
        bury(loop)
        cleaned.set()

    def begin_after_that(loop: EventLoop) -> None:
        assert not ending.is_set() or cleaned.wait(DEADLINE)
        begin_turns(loop)

    def enqueue_and_tell(loop: EventLoop, mailbox: Mailbox) -> None:
        enqueue(loop, mailbox)
        if ending.is_set():
            enqueued.set()

    class Beginning(Actor, dispatcher="asyncio"):
        def on_start(self) -> None:
            begun.set()

    for name, patched in (("_bury", bury_later), ("_begin_turns", begin_after_that), ("enqueue", enqueue_and_tell)):
        monkeypatch.setattr(EventLoop, name, patched)
    Beginning.start().stop(timeout=DEADLINE)
    assert ending.wait(DEADLINE)
    begun.clear()
    Beginning.start()
    assert begun.wait(DEADLINE)


def test_order_holds_under_load_and_nobody_is_in_an_actor_twice() -> None:
    senders, each, receivers = 4, 500, 3

    class Keeper(Actor, receives=Number, dispatcher="asyncio"):
        def __init__(self) -> None:
            super().__init__()
            self.numbers: list[Number] = []
            self.inside = self.together = 0
            self.done = threading.Event()

        @handles
        async def on_number(self, number: Number) -> None:
            self.inside += 1
            self.together = max(self.together, self.inside)
            if number.number % 7 == 0:
                await asyncio.sleep(0)
            self.numbers.append(number)
            self.inside -= 1
            if len(self.numbers) == senders * each:
                self.done.set()

    actors = [Keeper.create() for _ in range(receivers)]
    refs = [actor.launch() for actor in actors]

    def send(sender: int) -> None:
        for number in range(each):
            message = Number(number, sender)
            for ref in refs:
                ref.tell(message)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for actor in actors:
        assert actor.done.wait(DEADLINE)
        assert actor.together == 1
        for sender in range(senders):
            assert [one.number for one in actor.numbers if one.sender == sender] == list(range(each))
