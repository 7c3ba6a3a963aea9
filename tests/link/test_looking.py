"""How long a receiver looks before it sleeps: as long as that pays."""

from __future__ import annotations

import pytest

from mycelium.link import LoopbackLink
from mycelium.link.looking import MISSES_MAX, Looking


def test_it_looks_while_frames_come_soon_and_not_where_they_do_not() -> None:
    looking = Looking(spin_us=100)
    for _ in range(MISSES_MAX - 1):
        looking.note(200_000.0)
        assert looking.next_us() == 100
    looking.note(200_000.0)
    assert looking.next_us() == 0


def test_one_frame_that_comes_soon_has_it_look_again() -> None:
    looking = Looking(spin_us=100)
    for _ in range(3 * MISSES_MAX):
        looking.note(200_000.0)
    looking.note(99.0)
    assert looking.next_us() == 100


def test_who_is_not_to_look_never_does() -> None:
    looking = Looking(spin_us=0)
    looking.note(0.5)
    assert looking.next_us() == 0


def test_an_end_to_which_nothing_comes_sleeps_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = rests = 0
    with LoopbackLink() as link, link.receiver("a/b", spin_us=1_000) as receiver:
        take, rest = receiver._take, receiver._rest

        def counted_take() -> memoryview | None:
            nonlocal looks
            looks += 1
            return take()

        def counted_rest(seconds: float | None) -> None:
            nonlocal rests
            rests += 1
            rest(seconds)

        monkeypatch.setattr(receiver, "_take", counted_take)
        monkeypatch.setattr(receiver, "_rest", counted_rest)
        for _ in range(MISSES_MAX):
            assert receiver.receive(0.002) is None
        looks = rests = 0
        for _ in range(5):
            assert receiver.receive(0.002) is None
        assert looks <= 10 + rests  # at first and when the time is over, and after each sleep
