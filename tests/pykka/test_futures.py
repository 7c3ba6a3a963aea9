"""Futures: what every kind of actor makes for the answers of asks."""

from __future__ import annotations

import asyncio
import queue
import threading
import traceback
from collections.abc import Generator
from types import coroutine
from typing import Any

import pykka
import pytest

from tests.pykka.kinds import DEADLINE, Gate, Notes, Noting, as_actor


def future_of(kind: type[Any]) -> Any:
    return kind._create_future()


def test_a_value_is_read_as_often_as_wanted(kind: type[Any]) -> None:
    future = future_of(kind)
    future.set("value")
    assert [future.get(), future.get(timeout=0)] == ["value", "value"]
    assert repr(future) == "<pykka.Future>"


def test_nothing_set_means_none(kind: type[Any]) -> None:
    future = future_of(kind)
    future.set()
    assert future.get(timeout=0) is None


def test_an_outcome_is_set_once(kind: type[Any]) -> None:
    future = future_of(kind)
    future.set(1)
    with pytest.raises(queue.Full):
        future.set(2)
    with pytest.raises(queue.Full):
        future.set_exception((LookupError, LookupError(), None))
    with pytest.raises(queue.Full):
        future.set_get_hook(lambda timeout: 3)
    assert future.get(timeout=0) == 1


@pytest.mark.parametrize("timeout", [0, 0.001, -1])
def test_what_is_not_there_in_time_is_a_timeout(kind: type[Any], timeout: float) -> None:
    with pytest.raises(pykka.Timeout, match=f"^{timeout} seconds$"):
        future_of(kind).get(timeout=timeout)


def test_all_who_wait_are_woken(kind: type[Any]) -> None:
    future = future_of(kind)
    got = Notes()
    threads = [threading.Thread(target=lambda n=n: got.add((n, future.get(timeout=DEADLINE)))) for n in range(5)]
    for thread in threads:
        thread.start()
    future.set("at last")
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(got.happened) == [(number, "at last") for number in range(5)]


def test_the_exception_in_hand_is_set_and_raised_with_its_traceback(kind: type[Any]) -> None:
    future = future_of(kind)
    error = LookupError("broken")
    try:
        raise error
    except LookupError:
        future.set_exception()
    for _ in range(2):
        with pytest.raises(LookupError) as raised:
            future.get(timeout=0)
        assert raised.value is error
        frames = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
        assert frames.count("test_the_exception_in_hand_is_set_and_raised_with_its_traceback") >= 2
        assert "get" in frames


@pytest.mark.parametrize("given", [(LookupError, None, None), (LookupError, LookupError(), None)])
def test_an_exception_is_set_by_its_three_parts(kind: type[Any], given: Any) -> None:
    future = future_of(kind)
    future.set_exception(given)
    with pytest.raises(LookupError):
        future.get(timeout=0)


def test_a_future_may_hold_a_future(kind: type[Any]) -> None:
    inner, outer = future_of(kind), future_of(kind)
    inner.set("inside")
    outer.set(inner)
    assert outer.get(timeout=0).get(timeout=0) == "inside"


def test_get_all_waits_for_all_in_their_order_and_again(kind: type[Any]) -> None:
    futures = [future_of(kind) for _ in range(3)]
    for number, future in reversed(list(enumerate(futures))):
        future.set(number)
    assert pykka.get_all(futures) == [0, 1, 2]
    assert pykka.get_all(futures, timeout=0) == [0, 1, 2]
    with pytest.raises(pykka.Timeout):
        pykka.get_all([*futures, future_of(kind)], timeout=0)


def test_a_hook_makes_the_value_once_with_the_timeout_of_the_first(kind: type[Any]) -> None:
    future = future_of(kind)
    called: list[float | None] = []
    future.set_get_hook(called.append)
    assert [future.get(timeout=5), future.get(timeout=6)] == [None, None]
    assert called == [5]
    with pytest.raises(queue.Full):
        future.set(1)
    with pytest.raises(queue.Full):
        future.set_exception((LookupError, LookupError(), None))


def test_map_gives_the_whole_value_to_its_function(kind: type[Any]) -> None:
    future = future_of(kind)
    mapped, of_list = future.map(lambda value: value[0]), future.map(len)
    future.set([10, 20])
    assert (mapped.get(timeout=0), of_list.get(timeout=0)) == (10, 2)


def test_filter_keeps_what_the_predicate_likes(kind: type[Any]) -> None:
    future = future_of(kind)
    filtered = future.filter(lambda number: number > 10)
    future.set(range(8, 14))
    assert filtered.get(timeout=0) == [11, 12, 13]


def test_reduce_goes_from_the_left_and_takes_a_first_value(kind: type[Any]) -> None:
    future = future_of(kind)
    joined, with_first = future.reduce(lambda a, b: a + b), future.reduce(lambda a, b: a + b, "-")
    future.set(["a", "b", "c"])
    assert (joined.get(timeout=0), with_first.get(timeout=0)) == ("abc", "-abc")
    empty = future_of(kind)
    with_default = empty.reduce(lambda a, b: a + b, 5)
    empty.set([])
    assert with_default.get(timeout=0) == 5


def test_join_collects_in_order(kind: type[Any]) -> None:
    first, second, third = (future_of(kind) for _ in range(3))
    joined = first.join(second, third)
    for value, future in (("c", third), ("a", first), ("b", second)):
        future.set(value)
    assert joined.get(timeout=0) == ["a", "b", "c"]


DERIVED: dict[str, Any] = {
    "map": lambda future, function: future.map(function),
    "filter": lambda future, function: future.filter(function),
    "reduce": lambda future, function: future.reduce(lambda _, value: function(value), None),
}


@pytest.mark.parametrize("way", DERIVED)
def test_what_is_derived_waits_as_long_as_it_is_told_and_is_made_once(kind: type[Any], way: str) -> None:
    calls: list[Any] = []
    future = future_of(kind)

    def note(value: Any) -> Any:
        calls.append(value)
        return [value]

    derived = DERIVED[way](future, note)
    with pytest.raises(pykka.Timeout):
        derived.get(timeout=0)
    future.set([1])
    first = derived.get(timeout=0)
    assert derived.get(timeout=0) is first
    assert len(calls) == 1


@pytest.mark.parametrize("way", ["filter", "reduce"])
def test_what_needs_many_values_refuses_one(kind: type[Any], way: str) -> None:
    future = future_of(kind)
    derived = DERIVED[way](future, bool)
    future.set(1)
    with pytest.raises(TypeError):
        derived.get(timeout=0)


def test_an_error_passes_through_what_is_derived(kind: type[Any]) -> None:
    future = future_of(kind)
    derived = future.map(str).map(str)
    future.set_exception((LookupError, LookupError("broken"), None))
    with pytest.raises(LookupError, match="broken"):
        derived.get(timeout=0)


def test_what_is_derived_is_of_the_same_kind_and_derives_on(kind: type[Any]) -> None:
    future = future_of(kind)
    derived = future.map(range).filter(bool).map(len)
    assert type(derived) is type(future)
    future.set(5)
    assert derived.get(timeout=0) == 4


def test_answers_that_are_to_come_can_be_derived_from(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())
    gate = Gate()
    ref.tell(gate)
    futures = [ref.ask(number, block=False) for number in (1, 2, 3)]
    total = futures[0].join(*futures[1:]).map(sum)
    gate.open()
    assert total.get(timeout=DEADLINE) == 6


def test_a_future_can_be_awaited_and_yielded_from(kind: type[Any]) -> None:
    @coroutine
    def old_style(future: Any) -> Generator[Any, Any, Any]:
        return (yield from future)

    async def both() -> list[Any]:
        return [await future, await old_style(future)]

    future = future_of(kind)
    future.set("awaited")
    assert asyncio.run(both()) == ["awaited", "awaited"]


def test_an_answer_of_an_actor_can_be_awaited(kind: type[Any]) -> None:
    ref = as_actor(Noting, kind).start(Notes())

    async def ask() -> Any:
        return await ref.ask("hello", block=False)

    assert asyncio.run(ask()) == "hello"
