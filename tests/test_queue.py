"""The queue of a mailbox, compiled and in Python: the same as a deque, but for remove, which goes by identity."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mycelium.core import TWINS, native
from mycelium.mailbox.queue import Queue

DEADLINE = 30.0
KINDS = [TWINS["Queue"]] if native is None else [native.Queue, TWINS["Queue"]]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__module__)
def kind(request: pytest.FixtureRequest) -> type[Queue]:
    made: type[Queue] = request.param
    return made


class Item:
    """Equal to every other one."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Item)

    __hash__ = object.__hash__


class AsADeque(RuleBasedStateMachine):
    """All that is done to both leaves the same items in the same order."""

    def __init__(self) -> None:
        super().__init__()
        self.queues = [kind() for kind in KINDS]
        self.expected: deque[Item] = deque()

    @rule(count=st.integers(1, 40))
    def append(self, count: int) -> None:
        for _ in range(count):
            item = Item()
            for items in (*self.queues, self.expected):
                items.append(item)

    @rule()
    def appendleft(self) -> None:
        item = Item()
        for items in (*self.queues, self.expected):
            items.appendleft(item)

    @rule(end=st.sampled_from(["pop", "popleft"]), count=st.integers(1, 60))
    def take(self, end: str, count: int) -> None:
        for _ in range(count):
            if not self.expected:
                for items in self.queues:
                    with pytest.raises(IndexError):
                        getattr(items, end)()
                return
            item = getattr(self.expected, end)()
            assert all(getattr(items, end)() is item for items in self.queues)

    @rule(place=st.integers(0, 30))
    def remove(self, place: int) -> None:
        if place >= len(self.expected):
            for items in self.queues:
                with pytest.raises(ValueError, match="not in the queue"):
                    items.remove(Item())
            return
        item = self.expected[place]
        del self.expected[place]
        for items in self.queues:
            items.remove(item)

    @rule()
    def clear(self) -> None:
        for items in (*self.queues, self.expected):
            items.clear()

    @rule()
    def copy(self) -> None:
        copies = [items.copy() for items in self.queues]
        assert all(type(copied) is type(items) for copied, items in zip(copies, self.queues, strict=True))
        self.queues = copies

    @invariant()
    def same(self) -> None:
        for items in self.queues:
            assert len(items) == len(self.expected)
            assert bool(items) == bool(self.expected)
            assert [id(item) for item in items] == [id(item) for item in self.expected]
            assert not self.expected or (items[0] is self.expected[0] and items[-1] is self.expected[-1])


def test_it_is_a_deque_whatever_is_done_to_it() -> None:
    run_state_machine_as_test(AsADeque, settings=settings(max_examples=40, stateful_step_count=40))


def test_it_is_made_of_what_it_is_given(kind: type[Queue]) -> None:
    assert list(kind([1, 2, 3])) == [1, 2, 3]
    with pytest.raises(TypeError):
        kind(None)  # type: ignore[call-overload]
    with pytest.raises(ZeroDivisionError):
        kind(1 // number for number in (1, 0))


def test_an_index_outside_is_refused(kind: type[Queue]) -> None:
    items = kind([1])
    with pytest.raises(IndexError):
        items[1]
    with pytest.raises(IndexError):
        items[-2]


def test_references_come_and_go_with_the_items(kind: type[Queue]) -> None:
    item = Item()
    before = sys.getrefcount(item)
    items = kind()
    for _ in range(100):
        items.append(item)
        items.appendleft(item)
    assert sys.getrefcount(item) == before + 200
    items.remove(item)
    items.popleft()
    items.pop()
    copied = items.copy()
    assert sys.getrefcount(item) == before + 2 * 197
    items.clear()
    del copied
    assert sys.getrefcount(item) == before


def test_a_queue_that_holds_itself_is_collected(kind: type[Queue]) -> None:
    items, item = kind(), Item()
    gone = weakref.ref(item)
    items.append(items)
    items.append(item)
    del items, item
    gc.collect()
    assert gone() is None


def test_what_goes_may_use_the_queue_that_it_leaves(kind: type[Queue]) -> None:
    seen: list[int] = []

    class Leaving:
        def __init__(self, items: Any) -> None:
            self.items = items

        def __del__(self) -> None:
            seen.append(len(self.items))
            self.items.append(seen)

    items = kind()
    items.append(Leaving(items))
    items.popleft()
    assert (seen, list(items)) == ([0], [seen])
    items.append(Leaving(items))
    items.clear()
    assert len(seen) == 2


@pytest.mark.skipif(native is None, reason="of the compiled queue only")
def test_an_empty_queue_is_small_and_so_is_one_that_was_long() -> None:
    items = native.Queue()
    empty = sys.getsizeof(items)
    assert empty <= 80
    for number in range(10_000):
        items.append(number)
    assert sys.getsizeof(items) >= 80_000
    while items:
        items.popleft()
    assert sys.getsizeof(items) <= empty + 8 * 64


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("frequent_switches")
def test_each_item_is_taken_once_whoever_takes_and_removes(kind: type[Queue]) -> None:
    items, each, taken = kind(), 4_000, [0, 0]
    done = threading.Event()
    given: list[Item] = []

    def put() -> None:
        for _ in range(each):
            item = Item()
            given.append(item)
            items.append(item)

    def take() -> None:
        while not done.is_set() or items:
            try:
                items.popleft()
            except IndexError:
                continue
            taken[0] += 1

    def remove() -> None:
        while not done.is_set() or items:
            try:
                items.remove(given[-1])
            except (IndexError, ValueError):
                continue
            taken[1] += 1

    putting = [threading.Thread(target=put) for _ in range(2)]
    others = [threading.Thread(target=take), threading.Thread(target=remove)]
    for thread in (*others, *putting):
        thread.start()
    for thread in putting:
        thread.join(DEADLINE)
    done.set()
    for thread in others:
        thread.join(DEADLINE)
    assert (len(items), sum(taken)) == (0, 2 * each)
