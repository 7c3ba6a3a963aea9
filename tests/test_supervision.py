"""Supervision: actors that fail are resumed, made anew, stopped or escalated; refs and the ledger hold."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from random import Random
from typing import Any

import pykka
import pytest
from structlog.testing import capture_logs

from mycelium import Actor, ActorContext, Backoff, Batch, Ledger, Supervisor, dead_letters, handles
from mycelium.dead_letters import DeadLetter, DeadLetterKind
from mycelium.errors import AskTimeoutError, DeadActorError, SupervisionError
from mycelium.mailbox.mailbox import Mailbox
from mycelium.testing import VirtualClock
from tests.waiting import wait_for
from tlv import TLV, DeclaredError, i64

DEADLINE = 30.0
AT_ONCE = Backoff(first_s=0.0)


class Job(TLV, type=1000):
    number: i64


class Lot(TLV, type=1001):
    number: i64


class Worker(Actor, receives=(Job, Lot)):
    """Adds up numbers; fails on those below 0, in a way that the number says."""

    def __init__(self, told: queue.Queue[Any] | None = None) -> None:
        super().__init__()
        self.told: queue.Queue[Any] = told or queue.Queue()
        self.total = 0
        self.told.put("made")

    def on_start(self) -> None:
        self.told.put("started")

    def on_stop(self) -> None:
        self.told.put("stopped")

    def on_failure(self, kind: Any, error: Any, trace: Any) -> None:
        self.told.put("failed")

    def pre_restart(self, error: BaseException) -> None:
        self.told.put(("before", self.total, str(error)))

    def post_restart(self, error: BaseException) -> None:
        self.told.put(("after", self.total, str(error)))

    @handles
    def on_job(self, job: Job) -> int:
        if job.number < 0:
            raise {-1: LookupError, -2: OSError, -3: SystemExit}[job.number](job.number)
        self.total += job.number
        return self.total

    @handles(batch=True)
    def on_lots(self, lots: Batch[Lot]) -> None:
        for lot in lots:
            if lot.number < 0:
                raise LookupError(lot.number)

    def on_receive(self, message: Any) -> Any:
        return message(self)


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    """Tracebacks of failures that are meant to be would take most of the time."""
    with capture_logs():
        yield


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all()


@pytest.fixture
def letters() -> Iterator[list[DeadLetter]]:
    found: list[DeadLetter] = []
    subscription = dead_letters.subscribe(found.append, every_s=0)
    yield found
    subscription.cancel()


@pytest.fixture(params=["default", "pinned", "asyncio"])
def worker(request: pytest.FixtureRequest) -> type[Worker]:
    class One(Worker, dispatcher=request.param):
        pass

    return One


def total(ref: Any) -> int:
    answer = ref.ask(Job(number=0), timeout=DEADLINE)
    assert isinstance(answer, int)
    return answer


def events(told: queue.Queue[Any]) -> list[Any]:
    return list(told.queue)


def row_of(ref: Any, message: str = "Job") -> tuple[int, int, int, int]:
    actor = ref._actor_weakref()
    reading = Ledger([actor]).read()
    assert reading.balanced
    (row,) = [row for row in reading.rows if row.message == message]
    return row.sent, row.handled, row.failed, row.dead_lettered


def held(ref: Any) -> tuple[threading.Event, threading.Event]:
    """Keep an actor in a handler; the events that it is there, and that it may go on."""
    entered, go = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        entered.set()
        go.wait(DEADLINE)

    ref.tell(hold)
    assert entered.wait(DEADLINE)
    return entered, go


def test_a_restarted_actor_has_fresh_state_and_the_same_ref(worker: type[Worker]) -> None:
    told: queue.Queue[Any] = queue.Queue()
    ref = Supervisor(backoff=AT_ONCE).start(worker, told)
    proxy: Any = ref.proxy()
    urn = ref.actor_urn
    ref.tell(Job(number=5))
    ref.tell(Job(number=-1))
    ref.tell(Job(number=7))
    assert total(ref) == 7
    assert (ref.actor_urn, ref.is_alive(), proxy.total.get(timeout=DEADLINE)) == (urn, True, 7)
    assert pykka.ActorRegistry.get_by_urn(urn) is ref
    assert events(told) == ["made", "started", ("before", 5, "-1"), "made", "started", ("after", 0, "-1")]
    ref.stop(timeout=DEADLINE)
    assert events(told)[-1] == "stopped"


def test_state_in_slots_is_fresh_too(worker: type[Worker]) -> None:
    class Slotted(worker):  # type: ignore[misc, valid-type]
        __slots__ = ("__secret", "seen")

        @handles
        def on_job(self, job: Job) -> int:
            before = getattr(self, "seen", 0) + getattr(self, "_Slotted__secret", 0)
            self.seen = self.__secret = job.number
            if job.number < 0:
                raise LookupError
            return int(before)

    ref = Supervisor(backoff=AT_ONCE).start(Slotted)
    ref.tell(Job(number=3))
    assert ref.ask(Job(number=4), timeout=DEADLINE) == 6
    ref.tell(Job(number=-1))
    assert ref.ask(Job(number=5), timeout=DEADLINE) == 0


def test_no_message_is_lost_over_a_restart_and_the_poison_is_a_dead_letter(
    worker: type[Worker], letters: list[DeadLetter]
) -> None:
    ref = Supervisor(backoff=AT_ONCE, limit=1000).start(worker)
    _, go = held(ref)
    for number in range(100):
        ref.tell(Job(number=-1 if number % 10 == 0 else 1))
    go.set()
    assert total(ref) == 9
    assert row_of(ref) == (101, 91, 0, 10)
    assert [letter.kind for letter in letters] == [DeadLetterKind.UNHANDLED] * 10
    assert letters[0].reason == "its handler failed, 1 of 1 times"


def test_a_message_is_tried_again_as_often_as_said_and_in_its_place(
    worker: type[Worker], letters: list[DeadLetter]
) -> None:
    tries: list[int] = []

    class Flaky(worker):  # type: ignore[misc, valid-type]
        @handles
        def on_job(self, job: Job) -> int:
            tries.append(job.number)
            if job.number == 1 and tries.count(1) < 3:
                raise LookupError
            if job.number == 2:
                raise LookupError
            return job.number

    ref = Supervisor(backoff=AT_ONCE, limit=100, attempts=3).start(Flaky)
    _, go = held(ref)
    for number in (1, 2, 3):
        ref.tell(Job(number=number))
    go.set()
    assert total(ref) == 0
    assert tries == [1, 1, 1, 2, 2, 2, 3, 0]
    assert [(letter.message, letter.reason) for letter in letters] == [
        (Job(number=2), "its handler failed, 3 of 3 times")
    ]
    assert row_of(ref) == (4, 3, 0, 1)


def test_a_batch_and_an_object_are_tried_again_too(worker: type[Worker], letters: list[DeadLetter]) -> None:
    ref = Supervisor(backoff=AT_ONCE, limit=100, attempts=2).start(worker)
    _, go = held(ref)
    ref.tell(Lot(number=1))
    ref.tell(Lot(number=-1))
    calls: list[int] = []

    def fail(_: Any) -> None:
        calls.append(1)
        raise LookupError

    ref.tell(fail)
    go.set()
    assert total(ref) == 0
    assert row_of(ref, "Lot") == (2, 0, 0, 2)
    assert [letter.message for letter in letters] == [Lot(number=1), Lot(number=-1), fail]
    assert len(calls) == 2


def test_a_resumed_actor_keeps_its_state(worker: type[Worker]) -> None:
    told: queue.Queue[Any] = queue.Queue()
    ref = Supervisor(otherwise="resume").start(worker, told)
    for number in (5, -1, -3, 7):
        ref.tell(Job(number=number))
    assert total(ref) == 12
    assert events(told) == ["made", "started"]
    assert row_of(ref) == (5, 5, 2, 0)


def test_rules_go_by_code_then_class_then_family(worker: type[Worker]) -> None:
    class Coded(worker):  # type: ignore[misc, valid-type]
        @handles
        def on_job(self, job: Job) -> int:
            if job.number == 1:
                raise DeadActorError(actor="a", message="b")
            if job.number == 2:
                raise AskTimeoutError(actor="a", message="b", timeout_s=1)
            if job.number == 3:
                raise ConnectionResetError
            self.total += 10
            return int(self.total)

    rules: dict[Any, Any] = {"ACT": "resume", "ACT-003": "restart", TimeoutError: "stop", OSError: "resume"}
    ref = Supervisor(on_error=rules, otherwise="stop", backoff=AT_ONCE).start(Coded)
    for number in (0, 1, 3):
        ref.tell(Job(number=number))
    assert total(ref) == 20
    ref.tell(Job(number=2))
    assert total(ref) == 10


def test_families_and_codes_have_three_to_five_letters() -> None:
    Supervisor(on_error={"FEED": "stop", "FEED-005": "stop", "TLV": "stop"})
    for wrong in ("FE", "FEEDER", "FEED-5", "feed"):
        with pytest.raises(SupervisionError, match="ACT-032"):
            Supervisor(on_error={wrong: "stop"})


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        ("ACT-093", "no declared error has the code 'ACT-093'; did you mean 'ACT-0"),
        ("ATC-003", "no declared error has the code 'ATC-003'; did you mean '"),
        ("TVL", "no declared error has a code of the family 'TVL'; did you mean 'TLV'"),
        ("XYZ", "no declared error has a code of the family 'XYZ'; families: "),
    ],
)
def test_a_rule_about_a_code_that_nobody_declares_is_refused_when_an_actor_is_started(unknown: str, said: str) -> None:
    top = Supervisor(on_error={unknown: "stop"})
    for supervisor in (top, Supervisor(parent=top)):
        with pytest.raises(SupervisionError, match=rf"ACT-032.*on_error '{unknown}': .*{said}"):
            supervisor.start(Worker)
        assert supervisor.refs == ()


def test_a_rule_may_name_a_code_that_is_declared_before_the_first_actor_is_started(worker: type[Worker]) -> None:
    supervisor = Supervisor(on_error={"LATE-001": "stop", "LATE": "resume"})

    class LateError(DeclaredError, code="LATE-001", text="late"):
        """Declared after the rule."""

    assert LateError.code == "LATE-001"
    assert total(supervisor.start(worker)) == 0


def test_who_is_told_to_stop_ends_as_without_a_supervisor(worker: type[Worker]) -> None:
    told: queue.Queue[Any] = queue.Queue()
    supervisor = Supervisor(on_error={OSError: "stop"}, backoff=AT_ONCE)
    ref = supervisor.start(worker, told)
    ref.tell(Job(number=-2))
    assert ref.actor_stopped.wait(DEADLINE)
    actor: Any = ref._actor_weakref()
    assert actor.ended.wait(DEADLINE)
    assert isinstance(actor.failure, OSError)
    assert events(told) == ["made", "started", "failed"]
    assert supervisor.refs == ()


def test_an_ask_that_fails_is_its_caller_s_and_restarts_nobody(worker: type[Worker]) -> None:
    told: queue.Queue[Any] = queue.Queue()
    ref = Supervisor(backoff=AT_ONCE).start(worker, told)
    with pytest.raises(LookupError):
        ref.ask(Job(number=-1), timeout=DEADLINE)
    assert total(ref) == 0
    assert events(told) == ["made", "started"]


@pytest.mark.parametrize(
    ("strategy", "restarted"),
    [("one-for-one", [False, True, False]), ("all-for-one", [True, True, True]), ("rest-for-one", [False, True, True])],
)
def test_a_strategy_says_whom_a_failure_touches(worker: type[Worker], strategy: str, restarted: list[bool]) -> None:
    supervisor = Supervisor(strategy, backoff=AT_ONCE)
    refs = [supervisor.start(worker) for _ in range(3)]
    for ref in refs:
        ref.tell(Job(number=5))
        assert total(ref) == 5
    refs[1].tell(Job(number=-1))
    assert total(refs[1]) == 0  # by now all others have been told
    assert [total(ref) == 0 for ref in refs] == restarted
    assert [ref.mailbox.tally.restarts for ref in refs] == [int(one) for one in restarted]


def test_a_strategy_holds_for_stopping_too(worker: type[Worker]) -> None:
    supervisor = Supervisor("all-for-one", otherwise="stop")
    refs = [supervisor.start(worker) for _ in range(3)]
    refs[1].tell(Job(number=-1))
    for ref in refs:
        assert ref.actor_stopped.wait(DEADLINE)


def test_beyond_the_limit_all_its_actors_stop(worker: type[Worker]) -> None:
    clock = VirtualClock()
    supervisor = Supervisor(backoff=AT_ONCE, limit=2, within_s=10.0, clock=clock)
    refs = [supervisor.start(worker) for _ in range(2)]
    for seconds in (0.0, 6.0, 6.0, 6.0):  # never more than 2 in 10 s
        clock.advance(seconds)
        refs[0].tell(Job(number=-1))
        assert total(refs[0]) == 0
    refs[0].tell(Job(number=-1))
    for ref in refs:
        assert ref.actor_stopped.wait(DEADLINE)
    assert refs[0].mailbox.tally.restarts == 4


def test_what_is_escalated_is_decided_above_for_all_of_a_supervisor_s_actors(worker: type[Worker]) -> None:
    top = Supervisor(on_error={OSError: "stop"}, backoff=AT_ONCE)
    inner = Supervisor(otherwise="escalate", parent=top)
    outside = top.start(worker)
    first, second = inner.start(worker), inner.start(worker)
    for ref in (outside, first, second):
        ref.tell(Job(number=5))
        assert total(ref) == 5
    first.tell(Job(number=-1))
    assert [total(first), total(second), total(outside)] == [0, 0, 5]
    second.tell(Job(number=-2))
    assert first.actor_stopped.wait(DEADLINE)
    assert second.actor_stopped.wait(DEADLINE)
    assert top.refs == (outside,)


def test_an_actor_pauses_longer_each_time_and_its_mail_waits(worker: type[Worker]) -> None:
    clock = VirtualClock()
    told: queue.Queue[Any] = queue.Queue()
    backoff = Backoff(first_s=1.0, factor=3.0, max_s=5.0, jitter=0.0)
    supervisor = Supervisor(backoff=backoff, clock=clock, limit=10)
    ref = supervisor.start(worker, told, context=ActorContext(clock=clock))
    for pause in (1.0, 3.0, 5.0, 5.0):
        ref.tell(Job(number=-1))
        while told.get(timeout=DEADLINE)[0] != "before":
            pass
        answer = ref.ask(Job(number=4), block=False, timeout=DEADLINE)
        wait_until_paused(ref, clock)
        clock.advance(pause - 0.01)
        assert ref.mailbox.paused
        assert row_waits(ref)
        clock.advance(0.01)
        assert answer.get() == 4


def wait_until_paused(ref: Any, clock: VirtualClock) -> None:
    assert wait_for(lambda: clock.waiting and ref.mailbox.asleep)


def row_waits(ref: Any) -> bool:
    return any(kind is Job for kind in ref.mailbox.waiting())


def test_an_abort_ends_a_pause(worker: type[Worker]) -> None:
    clock = VirtualClock()
    ref = Supervisor(clock=clock).start(worker, context=ActorContext(clock=clock))
    ref.tell(Job(number=-1))
    wait_until_paused(ref, clock)
    actor: Any = ref._actor_weakref()
    ref.actor_stopped.set()
    assert actor.ended.wait(DEADLINE)


def test_mail_may_be_dropped_at_a_restart_but_not_a_stop(worker: type[Worker], letters: list[DeadLetter]) -> None:
    ref = Supervisor(backoff=AT_ONCE, mail="drop").start(worker)
    actor: Any = ref._actor_weakref()
    _, go = held(ref)
    for number in (-1, 1, 2):
        ref.tell(Job(number=number))
    stopped = ref.stop(block=False)
    go.set()
    assert stopped.get(timeout=DEADLINE) is True
    assert actor.ended.wait(DEADLINE)
    assert [letter.message.number for letter in letters] == [-1, 1, 2]
    assert Ledger([actor]).read().balanced


def test_an_error_while_it_is_made_anew_is_a_failure_like_others(worker: type[Worker]) -> None:
    births: list[int] = []

    class Difficult(worker):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            births.append(1)
            if len(births) in {2, 3}:
                raise LookupError
            super().__init__()
            if len(births) == 4:
                raise LookupError

        def on_start(self) -> None:
            if len(births) == 5:
                raise LookupError

    ref = Supervisor(backoff=AT_ONCE, limit=10).start(Difficult)
    ref.tell(Job(number=-1))
    ref.tell(Job(number=7))
    assert total(ref) == 7
    assert len(births) == 6
    assert ref.mailbox.tally.restarts == 5


def test_one_that_can_never_be_made_anew_ends_at_the_limit(worker: type[Worker]) -> None:
    births: list[int] = []

    class Impossible(worker):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            births.append(1)
            if len(births) > 1:
                raise LookupError
            super().__init__()

    ref = Supervisor(backoff=AT_ONCE, limit=3).start(Impossible)
    actor: Any = ref._actor_weakref()
    ref.tell(Job(number=-1))
    assert actor.ended.wait(DEADLINE)
    assert isinstance(actor.failure, LookupError)
    assert len(births) == 4
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None


def test_timers_of_the_old_life_end_with_it(worker: type[Worker]) -> None:
    clock = VirtualClock()
    ref = Supervisor(backoff=AT_ONCE).start(worker, context=ActorContext(clock=clock))
    ref.ask(lambda self: self.timers.every(1.0, Job(number=1)) and None, timeout=DEADLINE)
    assert clock.waiting == 1
    ref.tell(Job(number=-1))
    assert total(ref) == 0
    assert clock.waiting == 0


def test_under_fire_with_random_failures_the_ledger_balances_to_the_message(worker: type[Worker]) -> None:
    seed = 7
    supervisor = Supervisor("all-for-one", backoff=AT_ONCE, limit=100_000)
    refs = [supervisor.start(worker) for _ in range(3)]

    def fire(number: int) -> None:
        random = Random(seed + number)
        for _ in range(2_000):
            random.choice(refs).tell(Job(number=-1 if random.random() < 0.01 else 1))

    threads = [threading.Thread(target=fire, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    for ref in refs:
        total(ref)
    actors = [ref._actor_weakref() for ref in refs]
    reading = Ledger([actor for actor in actors if actor is not None]).read()
    (row,) = reading.rows[:1]
    assert reading.balanced
    assert (row.sent, row.in_flight, row.failed) == (6_003, 0, 0)
    assert row.handled + row.dead_lettered == 6_003
    assert row.dead_lettered > 20


def test_who_is_asked_by_another_actor_may_be_restarted_meanwhile(worker: type[Worker]) -> None:
    ref = Supervisor(backoff=Backoff(first_s=0.001, max_s=0.001)).start(worker)

    class Asker(Actor):
        def on_receive(self, message: Any) -> Any:
            ref.tell(Job(number=-1))
            ref.tell(Job(number=3))
            return ref.ask(Job(number=0), timeout=DEADLINE)

    assert Asker.start().ask("go", timeout=DEADLINE) == 3


def test_the_pause_is_spread_by_chance() -> None:
    backoff = Backoff(first_s=1.0, factor=2.0, max_s=8.0, jitter=0.5)
    random = Random(1)
    for restarts, usual in ((1, 1.0), (2, 2.0), (4, 8.0), (5, 8.0), (10_000, 8.0)):
        pauses = {backoff.delay_s(restarts, random) for _ in range(100)}
        assert len(pauses) > 50
        assert usual / 2 <= min(pauses) < usual < max(pauses) <= usual * 1.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"strategy": "none-for-none"},
        {"mail": "burn"},
        {"limit": -1},
        {"within_s": float("nan")},
        {"attempts": 0},
        {"otherwise": "retry"},
        {"on_error": {"ACT-003": "retry"}},
        {"on_error": {"no code": "stop"}},
        {"on_error": {int: "stop"}},
        {"on_error": 3},
        {"limit": 2.5},
        {"limit": True},
        {"limit": "3"},
        {"limit": None},
        {"limit": float("inf")},
        {"within_s": "60"},
        {"attempts": 1.5},
        {"backoff": 3},
        {"backoff": {"first_s": 1.0}},
        {"parent": 3},
        {"clock": 3},
        {"random": 3},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SupervisionError, match="ACT-032"):
        Supervisor(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first_s": -1.0},
        {"first_s": 2.0, "max_s": 1.0},
        {"factor": 0.5},
        {"jitter": 2.0},
        {"first_s": "1"},
        {"max_s": None},
        {"max_s": float("inf")},
        {"first_s": True},
    ],
)
def test_a_backoff_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SupervisionError, match=r"ACT-032.*backoff"):
        Backoff(**wrong)


def test_what_is_sent_over_restarts_is_handled_in_the_order_sent(worker: type[Worker]) -> None:
    order: list[int] = []

    class Ordered(worker):  # type: ignore[misc, valid-type]
        @handles
        def on_job(self, job: Job) -> int:
            order.append(job.number)
            if job.number % 10 == 9 and order.count(job.number) < 2:
                raise LookupError
            return 0

    ref = Supervisor(backoff=Backoff(first_s=0.0005, max_s=0.001), limit=1000, attempts=2).start(Ordered)
    for number in range(300):
        ref.tell(Job(number=number))
    ref.ask(Job(number=300), timeout=DEADLINE)
    assert ref.mailbox.tally.restarts == 30
    assert list(dict.fromkeys(order)) == list(range(301))
    assert sorted(order) == order
    assert row_of(ref) == (301, 301, 0, 0)


def test_a_reading_while_another_thread_buries_a_late_message_shows_no_loss(
    worker: type[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = worker.start()
    actor: Any = ref._actor_weakref()
    ref.stop(timeout=DEADLINE)
    assert actor.ended.wait(DEADLINE)
    bury, entered, go = Mailbox._bury, threading.Event(), threading.Event()

    def slowly(*args: Any, **kwargs: Any) -> int:
        entered.set()
        assert go.wait(DEADLINE)
        return bury(*args, **kwargs)

    monkeypatch.setattr(Mailbox, "_bury", slowly)
    actor.mailbox.tally.cell(Job).advance()
    late = threading.Thread(target=actor.mailbox.put, args=(Job(number=1),))
    late.start()
    assert entered.wait(DEADLINE)
    during = Ledger([actor]).read()
    go.set()
    late.join(DEADLINE)
    after = Ledger([actor]).read()
    assert (during.balanced, during.exact, during.total.in_flight) == (True, False, 1)
    assert (after.balanced, after.exact, after.total.dead_lettered) == (True, True, 1)


def test_the_row_of_an_actor_tells_its_failures_also_where_their_messages_are_dead_letters(
    worker: type[Worker],
) -> None:
    actor = worker.create()
    supervisor = Supervisor(backoff=AT_ONCE, attempts=2)
    supervisor._adopt(actor, (), {})
    ref = actor.launch()
    for number in (1, -1, 2):
        ref.tell(Job(number=number))
    assert total(ref) == 2
    reading = Ledger([actor]).read()
    (row,) = reading.actors
    assert (row.failed, row.restarted, row.dead_lettered) == (2, 2, 1)
    assert reading.balanced
