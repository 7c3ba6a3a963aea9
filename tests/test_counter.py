from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from mycelium.core import gil_is_on
from mycelium.mailbox.counter import SharedCounter


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(params=[None, False, True], ids=["which runs", "atomic", "locked"])
def counter(request: pytest.FixtureRequest) -> SharedCounter:
    if request.param is None:
        return SharedCounter()
    if not request.param and not gil_is_on():
        pytest.skip("without a GIL the counter always takes its lock")
    return SharedCounter(locked=request.param)


def test_advance_returns_how_often_it_was_called_before(counter: SharedCounter) -> None:
    assert [counter.advance() for _ in range(3)] == [0, 1, 2]


def test_reading_does_not_count(counter: SharedCounter) -> None:
    counter.advance()
    assert [counter.value for _ in range(3)] == [1, 1, 1]
    counter.advance()
    assert counter.value == 2


def test_no_call_is_lost_between_threads(counter: SharedCounter) -> None:
    start = threading.Barrier(5)

    def count_up() -> None:
        start.wait(60)
        for _ in range(5_000):
            counter.advance()

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    start.wait(60)
    seen = [counter.value for _ in range(200)]
    for thread in threads:
        thread.join(60)
    assert counter.value == 20_000
    assert seen == sorted(seen)


def test_a_counter_takes_a_lock_by_default_only_without_a_gil(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = type(SharedCounter(locked=False).advance)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True, raising=False)
    assert type(SharedCounter().advance) is plain
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert type(SharedCounter().advance) is not plain
