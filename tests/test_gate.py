"""The gate at which threads wait for each other: a lock that is shut at first, compiled and in Python."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from math import inf, nan

import pytest

from mycelium.core import native
from mycelium.mailbox.gate import Gate

PATIENCE_S = 60.0


class AlarmError(Exception):
    """What the handler of a signal raises here."""


@pytest.fixture
def alarm() -> Iterator[None]:
    def interrupt(number: int, frame: object) -> None:
        raise AlarmError

    before = signal.signal(signal.SIGALRM, interrupt)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_it_is_shut_at_first_and_lets_one_through_each_time_it_is_opened() -> None:
    gate = Gate()
    assert gate.locked()
    assert not gate.acquire(blocking=False)
    gate.release()
    assert not gate.locked()
    assert gate.acquire()
    assert gate.locked()
    assert not gate.acquire(timeout=0)


def test_opening_an_open_one_is_refused() -> None:
    gate = Gate()
    gate.release()
    with pytest.raises(RuntimeError):
        gate.release()
    assert gate.acquire(blocking=False)


def test_what_a_lock_does_not_take_it_does_not_take_either() -> None:
    gate = Gate()
    for wrong in (-0.5, nan):
        with pytest.raises(ValueError):
            gate.acquire(timeout=wrong)
    for far in (inf, 1e30):
        with pytest.raises(OverflowError):
            gate.acquire(timeout=far)
    with pytest.raises(ValueError):
        gate.acquire(blocking=False, timeout=1)
    with pytest.raises(TypeError):
        gate.acquire(timeout="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        gate.acquire(forever=True)  # type: ignore[call-arg]


def test_the_longest_wait_that_threading_knows_is_one() -> None:
    gate = Gate()
    gate.release()
    assert gate.acquire(timeout=threading.TIMEOUT_MAX)
    opener = threading.Timer(0.01, gate.release)
    opener.start()
    assert gate.acquire(timeout=threading.TIMEOUT_MAX)
    opener.join()


@pytest.mark.parametrize("seconds", [1e-5, 1e-3, 0.05])
def test_a_wait_ends_at_its_time_and_not_before(seconds: float) -> None:
    gate = Gate()
    began = time.monotonic()
    assert not gate.acquire(timeout=seconds)
    assert time.monotonic() - began >= seconds


def test_two_threads_that_open_for_each_other_never_miss_one() -> None:
    there, back = Gate(), Gate()
    rounds = 5_000

    def answer() -> None:
        for _ in range(rounds):
            assert there.acquire(timeout=PATIENCE_S)
            back.release()

    other = threading.Thread(target=answer)
    other.start()
    for _ in range(rounds):
        there.release()
        assert back.acquire(timeout=PATIENCE_S)
    other.join(PATIENCE_S)
    assert not other.is_alive()
    assert there.locked()
    assert back.locked()


def test_of_many_who_wait_each_opening_lets_one_through() -> None:
    gate, told = Gate(), Gate()
    waiting = 8
    through: list[int] = []

    def wait(number: int) -> None:
        assert gate.acquire(timeout=PATIENCE_S)
        through.append(number)
        told.release()

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(waiting)]
    for thread in threads:
        thread.start()
    for count in range(1, waiting + 1):
        gate.release()
        assert told.acquire(timeout=PATIENCE_S)
        assert len(through) == count
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(through) == list(range(waiting))


def test_a_signal_interrupts_a_wait_also_while_it_looks(alarm: None) -> None:
    gate = Gate()
    # A plain lock may miss one that comes just before it sleeps.
    for after_us in (20, 30, 50, 100, 1_000) * 10 if native is not None else (50_000,):
        began = time.monotonic()
        with pytest.raises(AlarmError):
            signal.setitimer(signal.ITIMER_REAL, after_us / 1e6)
            gate.acquire(timeout=PATIENCE_S)
        assert time.monotonic() - began < PATIENCE_S / 2
    gate.release()
    assert gate.acquire(blocking=False)


def test_a_thread_that_waits_for_long_takes_no_time() -> None:
    gate = Gate()
    began = time.thread_time()
    assert not gate.acquire(timeout=0.3)
    assert time.thread_time() - began < 0.1
