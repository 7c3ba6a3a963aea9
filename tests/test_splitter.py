"""Splitter, compiled and in Python: who gets a message of several copies."""

from __future__ import annotations

import gc
import weakref
from itertools import count
from typing import Any

import pytest

from mycelium.core import TWINS, native
from mycelium.errors.actor import MailboxFullError
from mycelium.mailbox.bounds import Bounded
from mycelium.mailbox.mail import Sampled, Sent, unwrapped
from mycelium.mailbox.mailbox import Mailbox
from mycelium.routing.emitting import Route
from mycelium.routing.splitter import Splitter
from mycelium.routing.spreading import KeyShards, KeySplitter, TurnSplitter
from tlv import TLV, i64

KINDS = [TWINS["Splitter"]] if native is None else [native.Splitter, TWINS["Splitter"]]


class Pick(TLV, type=1080):
    key: i64


class Other(TLV, type=1081):
    key: i64


def splitter_of(kind: Any, *, known: dict[Any, int], copies: int = 3, field: str | None = "key") -> Any:
    """One that asks about each key that is not known, and answers with the key itself."""
    asked: list[Any] = []

    class Asking(kind):  # type: ignore[misc]
        @property
        def overflow(self) -> Any:
            return self

        def choose(self, item: Any) -> int:
            asked.append(item)
            return int(unwrapped(item).key)

    made = Asking(Pick, tuple((None, Mailbox()) for _ in range(copies)), field, known)
    made.asked = asked
    return made


def held(splitter: Any) -> list[list[Any]]:
    return [[unwrapped(item).key for item in mailbox.items] for _, mailbox in splitter.targets]


@pytest.mark.parametrize("kind", KINDS)
def test_a_known_key_goes_to_its_copy_and_others_are_asked_about(kind: Any) -> None:
    splitter = splitter_of(kind, known={7: 2, 8: 0})
    items = [Pick(key=7), Sampled(Pick(key=8), 1), Pick(key=1), Sent(Pick(key=2)), Other(key=0)]
    assert [splitter.offer(item) for item in items] == [None] * 5
    assert held(splitter) == [[8, 0], [1], [7, 2]]
    assert splitter.asked == items[2:]
    assert splitter.counts == (2, 1, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_field_all_are_asked_about(kind: Any) -> None:
    splitter = splitter_of(kind, known={1: 0}, field=None)
    assert splitter.offer(Pick(key=1)) is None
    assert held(splitter) == [[], [1], []]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [3, -1, -2])
def test_a_number_that_no_copy_has_is_an_error_and_nothing_is_put_anywhere(kind: Any, number: int) -> None:
    splitter = splitter_of(kind, known={})
    with pytest.raises(IndexError, match=f"there is no copy {number}"):
        splitter.offer(Pick(key=number))
    assert held(splitter) == [[], [], []]
    assert splitter.counts == (0, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_what_choosing_raises_is_raised(kind: Any) -> None:
    class Failing(kind):  # type: ignore[misc]
        def choose(self, item: Any) -> int:
            return int(item.nokey)

    with pytest.raises(AttributeError, match="nokey"):
        Failing(Pick, ((None, Mailbox()),), "nokey", {}).offer(Pick(key=1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_route_goes_by_it_and_a_full_copy_refuses(kind: Any) -> None:
    splitter = splitter_of(kind, known={0: 0, 1: 1})
    first: Mailbox = splitter.targets[0][1]
    first.bound = (Bounded(1, "reject"), {})
    first.capacity = 1
    beside = Mailbox()
    route = Route(Pick, ((None, splitter), (None, beside)))
    route.deliver(Pick(key=0))
    with pytest.raises(MailboxFullError):
        route.deliver(Pick(key=0))
    route.deliver(Pick(key=1))
    assert held(splitter) == [[0], [1], []]
    assert len(beside.items) == 3
    assert splitter.counts == (2, 1, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_with_what_it_holds(kind: Any) -> None:
    class Seen(Mailbox):
        """Takes weak references."""

    copy = Seen()
    splitter = kind(Pick, ((None, copy),), "key", {})
    copy.items.append(splitter)  # a circle
    gone = weakref.ref(copy)
    del splitter, copy
    gc.collect()
    assert gone() is None


@pytest.mark.skipif(native is None, reason="the compiled core does not run")
def test_the_compiled_one_refuses_what_is_no_splitter() -> None:
    wrong: Any
    for wrong in [(Pick,), (Pick, []), (Pick, (1,)), (Pick, (), 1, {}), (Pick, (), "key")]:
        with pytest.raises(TypeError):
            native.Splitter(*wrong)
    made = native.Splitter(Pick, ())
    with pytest.raises(TypeError, match="begins once"):
        made.__init__(Pick, ())
    with pytest.raises(TypeError, match="without targets"):
        native.Splitter.__new__(native.Splitter).offer(Pick(key=1))


def test_keys_are_found_once_and_turns_go_round() -> None:
    targets = tuple((None, Mailbox()) for _ in range(3))
    shards = KeyShards(3)
    by_key: Splitter = KeySplitter(Pick, targets, "key", shards)
    for key in (5, 6, 5):
        by_key.offer(Pick(key=key))
    assert shards.known.keys() == {5, 6}
    assert sum(by_key.counts) == 3
    in_turn = TurnSplitter(Pick, targets, count())
    for key in range(5):
        assert in_turn.next_for(Pick(key=key)) is targets[key % 3][1]
        in_turn.offer(Pick(key=key))
    assert in_turn.counts == (2, 2, 1)
