"""Races are looped, with switches between threads made as frequent as they get, and deadlines instead of sleeps."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pykka
import pytest
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from mycelium.actor.reply import Reply
from mycelium.errors import StoppedFirstError
from mycelium.ledger.latency import now_ns
from mycelium.mailbox.mail import Internal, Sampled
from mycelium.mailbox.mailbox import Mailbox
from tests.waiting import wait_for
from tlv import TLV, i64

DEADLINE = 60.0


class Tick(TLV, type=1001):
    number: i64


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def joined(*threads: threading.Thread) -> bool:
    for thread in threads:
        thread.join(DEADLINE)
    return not any(thread.is_alive() for thread in threads)


def fallen_asleep(mailbox: Mailbox) -> bool:
    """Wait, without sleeping, until the owner sleeps."""
    return wait_for(lambda: mailbox.asleep)


def test_it_speaks_pykka_s_inbox_protocol(mailbox: Mailbox) -> None:
    assert mailbox.empty()
    envelope = Envelope("hello")
    mailbox.put(envelope)
    assert not mailbox.empty()
    assert mailbox.get() is envelope
    assert mailbox.empty()


def test_get_gives_every_message_in_an_envelope(mailbox: Mailbox) -> None:
    tick = Tick(number=1)
    mailbox.put(tick)
    mailbox.put(Sampled(tick, now_ns()))
    assert [mailbox.get().message for _ in range(2)] == [tick, tick]


def test_get_waits_for_a_message(mailbox: Mailbox) -> None:
    got: list[object] = []
    thread = in_thread(lambda: got.append(mailbox.get().message))
    assert fallen_asleep(mailbox)
    mailbox.put(Envelope("late"))
    assert joined(thread)
    assert got == ["late"]


def test_wait_says_how_many_messages_wait(mailbox: Mailbox) -> None:
    for number in range(3):
        mailbox.put(Tick(number=number))
    assert mailbox.wait() == len(mailbox) == 3
    assert mailbox.high_water_mark == 3


def test_wait_ends_when_its_time_is_over(mailbox: Mailbox) -> None:
    assert mailbox.wait(0.001) == 0
    assert mailbox.wait(-1) == 0


def test_a_stop_from_outside_wakes_the_owner(mailbox: Mailbox) -> None:
    thread = in_thread(mailbox.wait)
    assert fallen_asleep(mailbox)
    mailbox.refuse()
    assert joined(thread)
    assert mailbox.wait() == 0


def test_an_opening_of_the_gate_that_was_one_too_many_does_no_harm(mailbox: Mailbox) -> None:
    mailbox.wake()
    mailbox.wake()
    assert mailbox.wait(0.001) == 0
    mailbox.put(Tick(number=1))
    assert mailbox.wait() == 1


class Staged(deque[Any]):
    """A queue in which something else happens at a chosen step, once: the interleaving that a loop rarely meets."""

    looks = 1
    after_look: Callable[[], object] | None = None
    before_append: Callable[[], object] | None = None
    when_empty: Callable[[], object] | None = None

    def _act(self, step: str) -> None:
        action = getattr(self, step)
        setattr(self, step, None)
        if action is not None:
            action()

    def __len__(self) -> int:
        seen = super().__len__()
        self.looks -= 1
        if self.looks == 0:
            self._act("after_look")
        return seen

    def append(self, item: Any, /) -> None:
        self._act("before_append")
        super().append(item)

    def popleft(self) -> Any:
        try:
            return super().popleft()
        except IndexError:
            self._act("when_empty")
            raise


@pytest.fixture
def staged(mailbox: Mailbox) -> Staged:
    items: Any = Staged()
    mailbox.items = items
    staged: Staged = items
    return staged


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_a_message_put_between_the_owner_s_look_and_its_sleep_is_found(
    mailbox: Mailbox, staged: Staged, looks: int
) -> None:
    staged.looks = looks
    staged.after_look = lambda: mailbox.put(Tick(number=1))
    found: list[int] = []
    assert joined(in_thread(lambda: found.append(mailbox.wait())))
    assert found == [1]


def test_an_owner_that_falls_asleep_while_a_message_is_put_is_woken(mailbox: Mailbox, staged: Staged) -> None:
    owners: list[threading.Thread] = []

    def fall_asleep() -> None:
        owners.append(in_thread(mailbox.wait))
        assert fallen_asleep(mailbox)

    staged.before_append = fall_asleep
    mailbox.put(Tick(number=1))
    assert joined(*owners)


def test_a_message_put_when_the_owner_has_just_emptied_its_mailbox_is_buried(mailbox: Mailbox, staged: Staged) -> None:
    staged.when_empty = lambda: mailbox.put(Tick(number=1))
    mailbox.close()
    assert mailbox.empty()
    assert mailbox.tally.dead == {Tick: 1}


def test_room_made_between_the_look_and_the_wait_for_it_is_known(mailbox: Mailbox, staged: Staged) -> None:
    owners: list[threading.Thread] = []
    popped = threading.Event()

    def own() -> None:
        staged.popleft()
        popped.set()
        mailbox.make_room_known()

    def make_room() -> None:
        owners.append(in_thread(own))
        assert popped.wait(DEADLINE)
        owners[0].join(0.01)  # long enough to miss a waiter that is not there yet; one that is there holds it up

    mailbox.put(Tick(number=1))
    staged.after_look = make_room
    resumed = threading.Event()
    assert mailbox.when_room(0, resumed.set)
    assert resumed.wait(DEADLINE)


@pytest.mark.usefixtures("frequent_switches")
def test_no_wake_up_is_lost(mailbox: Mailbox) -> None:
    """The owner takes everything it finds and sleeps again, so that nearly every message meets the edge of a sleep."""
    senders, each = 3, 5_000
    taken: list[int] = []

    def own() -> None:
        while len(taken) < senders * each:
            mailbox.wait()
            while mailbox.items:
                taken.append(mailbox.items.popleft())

    def send() -> None:
        for number in range(each):
            mailbox.put(number)

    owner = in_thread(own)
    assert joined(*[in_thread(send) for _ in range(senders)])
    assert joined(owner), f"asleep with {len(mailbox)} messages; took {len(taken)} of {senders * each}"


@pytest.mark.usefixtures("frequent_switches")
def test_a_single_message_always_wakes_a_sleeper(mailbox: Mailbox) -> None:
    """Ping-pong: each side sleeps between any two messages."""
    other = Mailbox()
    rounds = 3_000

    def answer() -> None:
        for _ in range(rounds):
            other.put(mailbox.get())

    thread = in_thread(answer)
    for number in range(rounds):
        mailbox.put(number)
        assert other.wait(DEADLINE) == 1, f"round {number}"
        other.items.popleft()
    assert joined(thread)


@pytest.mark.usefixtures("frequent_switches")
def test_what_is_put_in_while_the_owner_dies_is_buried_exactly_once() -> None:
    for _ in range(200):
        mailbox = Mailbox()
        senders, each, taken = 3, 60, 0
        start = threading.Barrier(senders + 1)

        def send(mailbox: Mailbox = mailbox, start: threading.Barrier = start) -> None:
            start.wait(DEADLINE)
            for number in range(60):
                mailbox.put(Tick(number=number))

        threads = [in_thread(send) for _ in range(senders)]
        start.wait(DEADLINE)
        while taken < senders * each // 2:
            mailbox.wait(DEADLINE)
            mailbox.items.popleft()
            taken += 1
        mailbox.close()
        assert joined(*threads)
        assert mailbox.empty()
        assert taken + mailbox.tally.dead.get(Tick, 0) == senders * each


def test_a_dead_owner_s_mail_is_counted_and_its_asks_are_answered(mailbox: Mailbox) -> None:
    declared, plain, stop = Reply[object](), Reply[object](), Reply[object]()
    mailbox.kind, mailbox.urn = type("Tape", (), {}), "urn:1"
    mailbox.tally.name = "tape"
    mailbox.put(Tick(number=1))
    mailbox.put(Sampled(Tick(number=2), now_ns()))
    mailbox.put(Envelope(Tick(number=3), reply_to=declared))
    mailbox.put(Envelope("plain", reply_to=plain))
    mailbox.put(Envelope("told"))
    mailbox.put(Envelope(_ActorStop(), reply_to=stop))
    mailbox.put(Envelope(Internal()))
    assert mailbox.close() == 5
    assert mailbox.tally.dead == {Tick: 3, str: 2}
    assert stop.get(timeout=0) is None
    with pytest.raises(StoppedFirstError, match=r"\[ACT-002\] tape stopped before it handled Tick"):
        declared.get(timeout=0)
    with pytest.raises(pykka.ActorDeadError, match=r"^Tape \(urn:1\) stopped before handling the message$"):
        plain.get(timeout=0)


def test_what_comes_too_late_is_buried_by_its_sender(mailbox: Mailbox) -> None:
    mailbox.close()
    mailbox.put(Tick(number=1))
    assert mailbox.empty()
    assert mailbox.tally.dead == {Tick: 1}


def test_those_who_wait_for_room_are_resumed_once_by_the_owner(mailbox: Mailbox) -> None:
    resumed: list[str] = []
    for number in range(4):
        mailbox.put(Tick(number=number))
    assert mailbox.when_room(2, lambda: resumed.append("two"))
    assert mailbox.when_room(0, lambda: resumed.append("none"))
    assert not mailbox.when_room(4, lambda: resumed.append("never"))
    mailbox.items.popleft()
    mailbox.make_room_known()
    assert resumed == []
    mailbox.items.popleft()
    mailbox.make_room_known()
    mailbox.make_room_known()
    assert resumed == ["two"]
    mailbox.close()
    assert resumed == ["two", "none"]
    assert not mailbox.when_room(0, lambda: resumed.append("never"))


@pytest.mark.usefixtures("frequent_switches")
def test_room_that_appears_while_one_asks_for_it_is_not_missed() -> None:
    for _ in range(500):
        mailbox = Mailbox()
        mailbox.put(Tick(number=1))
        resumed = threading.Event()

        def own(mailbox: Mailbox = mailbox) -> None:
            mailbox.items.popleft()
            mailbox.make_room_known()

        thread = in_thread(own)
        waits = mailbox.when_room(0, resumed.set)
        assert joined(thread)
        assert resumed.is_set() == waits


def test_waiting_messages_are_counted_by_type(mailbox: Mailbox) -> None:
    mailbox.put(Tick(number=1))
    mailbox.put(Sampled(Tick(number=2), now_ns()))
    mailbox.put(Envelope(Tick(number=3)))
    mailbox.put(Envelope("plain"))
    assert mailbox.waiting() == {Tick: 3, str: 1}


def test_it_is_idle_when_nothing_waits_and_nobody_works(mailbox: Mailbox) -> None:
    assert mailbox.idle
    mailbox.put(Tick(number=1))
    assert not mailbox.idle
    mailbox.started = True
    mailbox.items.clear()
    assert not mailbox.idle, "the owner is up"
    thread = in_thread(mailbox.wait)
    assert fallen_asleep(mailbox)
    assert mailbox.idle
    mailbox.engaged = True
    assert not mailbox.idle, "a source that has not finished"
    mailbox.refuse()
    assert joined(thread)
    mailbox.close()
    assert mailbox.idle


@pytest.mark.parametrize("name", ["items", "latency", "handling", "accepts"])
def test_a_mailbox_that_lost_a_part_of_it_raises_and_does_not_crash(mailbox: Mailbox, name: str) -> None:
    with suppress(AttributeError, TypeError):
        delattr(mailbox, name)
    with suppress(AttributeError):
        mailbox.put(Sampled(Tick(number=1), now_ns()))
    with suppress(AttributeError):
        assert len(mailbox) == 1
