"""Many messages told at once, and taken out at once: as one by one, and the same compiled and in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mycelium.core import TWINS, native
from mycelium.mailbox.mail import Sampled, Sent, unwrapped
from mycelium.mailbox.queue import Queue
from tests.test_inbox import KINDS, One, Side, Signed, Three, Two, messages, steps
from tlv import TLV

QUEUES = [TWINS["Queue"]] if native is None else [native.Queue, TWINS["Queue"]]
WANTED = frozenset({One, Two})


class BulkSide(Side):
    """One that also tells and takes many at once."""

    def do(self, step: tuple[str, Any]) -> None:
        name, given_ = step
        if name == "tell each":
            self.told.append(str(self.tell_each(iter(given_))))
        elif name == "tell each, and fail":
            self.told.append(str(self.tell_each(failing(given_))))
        elif name == "pour":
            self.told.append(str(poured(self.inbox.items, *given_)))
        else:
            super().do(step)

    def tell_each(self, given_: Iterator[Any]) -> object:
        runs: list[Any] = []
        try:
            left = self.ref.tell_each(given_, runs)
        except LookupError as error:
            left = repr(error)
        return runs, left


def failing(given_: Iterable[Any]) -> Iterator[Any]:
    yield from given_
    raise LookupError


def poured(items: Any, limit: int, refuse_at: int) -> object:
    """What pour gives, and to whom; the one at `refuse_at` is refused."""
    runs: list[Any] = []
    sampled: list[Any] = []
    got: list[Any] = []

    def put(message: Any) -> None:
        if len(got) == refuse_at:
            raise LookupError(message)
        got.append(message)

    try:
        items.pour(WANTED, put, limit, runs, sampled)
        refused = ""
    except LookupError as error:
        refused = repr(error)
    assert sum(count for _, count in runs) == len(got)
    assert [unwrapped(item) for item in sampled] == [one for one in got if any(one is unwrapped(s) for s in sampled)]
    return runs, got, len(sampled), refused


bulk_steps = st.one_of(
    steps,
    st.tuples(st.sampled_from(["tell each", "tell each, and fail"]), st.lists(messages, max_size=12)),
    st.tuples(st.just("pour"), st.tuples(st.integers(0, 12), st.integers(0, 15))),
)


@pytest.mark.skipif(native is None, reason="there is one implementation only")
@settings(max_examples=60)
@given(st.lists(bulk_steps, max_size=60), st.integers(1, 30))
def test_both_implementations_do_the_same(taken: list[tuple[str, Any]], capacity: int) -> None:
    sides = [BulkSide(kind, capacity) for kind in KINDS]
    for step in taken:
        for side in sides:
            side.do(step)
        assert sides[0].waiting == sides[1].waiting
    assert sides[0].seen == sides[1].seen


@pytest.fixture(params=KINDS, ids=lambda kind: kind.Inbox.__module__)
def kind(request: pytest.FixtureRequest) -> SimpleNamespace:
    made: SimpleNamespace = request.param
    return made


@pytest.fixture(params=QUEUES, ids=lambda kind: kind.__module__)
def queue(request: pytest.FixtureRequest) -> Queue:
    made: Queue = request.param()
    return made


@settings(max_examples=40)
@given(st.lists(messages, max_size=150), st.integers(1, 160))
def test_to_tell_each_is_to_tell_one_by_one_but_for_the_wake_ups(given_: list[Any], capacity: int) -> None:
    for implementation in KINDS:
        bulk, single = Side(implementation, capacity), Side(implementation, capacity)
        for side in (bulk, single):
            side.inbox.asleep = True
        left = iter(given_)
        runs: list[Any] = []
        while (message := bulk.ref.tell_each(left, runs)) is not None:
            bulk.do(("tell", message))
        for message in given_:
            single.do(("tell", message))
        assert bulk.waiting == single.waiting
        assert [unwrapped(one) for one in bulk.inbox.items.copy()] == [
            unwrapped(one) for one in single.inbox.items.copy()
        ]
        assert [cell.sent for cell in bulk.cells.values()] == [cell.sent for cell in single.cells.values()]
        assert sum(count for _, count in runs) == sum(type(one) in WANTED for one in bulk.inbox.items.copy()) + sum(
            type(one) is Sampled and type(one.message) in WANTED for one in bulk.inbox.items.copy()
        )


def test_the_owner_is_woken_once_and_also_where_the_messages_end_with_an_error(kind: SimpleNamespace) -> None:
    side = Side(kind, 100)
    side.inbox.asleep = True
    runs: list[Any] = []
    with pytest.raises(LookupError):
        side.ref.tell_each(failing([One(1), One(2), Two(3)]), runs)
    assert side.told == ["wake"]
    assert runs == [(One, 2), (Two, 1)]


def test_who_gets_nothing_is_not_woken(kind: SimpleNamespace) -> None:
    side = Side(kind, 100)
    side.inbox.asleep = True
    for given_ in ([], [Three(1)], [Signed(1)]):
        left = side.ref.tell_each(iter(given_), [])
        assert left is (given_[0] if given_ else None)
    assert side.told == []


def test_a_wake_up_that_fails_is_told(kind: SimpleNamespace) -> None:
    class Mailbox(kind.Inbox):  # type: ignore[misc, name-defined]
        def wake(self) -> None:
            raise LookupError

    ref: Any = kind.Teller.__new__(kind.Teller)
    ref._mailbox = inbox = Mailbox()
    inbox.accepts = {One: kind.Cell()}
    inbox.accepts[One].accepted = inbox.asleep = True
    runs: list[Any] = []
    with pytest.raises(LookupError):
        ref.tell_each(iter([One(1)]), runs)
    assert (runs, len(inbox)) == ([(One, 1)], 1)


# What a source produces --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit, emitted", [(1, 1), (3, 3), (5, 5), (6, 5), (0, 1), (-1, 1)])
def test_a_source_emits_until_its_chunk_is_full(kind: SimpleNamespace, limit: int, emitted: int) -> None:
    got: list[int] = []
    produced = iter(range(5))
    assert kind.Inbox().pump(produced, got.append, limit) is (limit > 5)
    assert got == list(range(emitted))
    assert list(produced) == list(range(emitted, 5))


def test_a_source_that_has_mail_emits_one_message_and_looks_at_it(kind: SimpleNamespace) -> None:
    inbox = kind.Inbox()
    got: list[int] = []

    def emit(number: int) -> None:
        got.append(number)
        if number == 2:
            inbox.put("mail")

    produced = iter(range(9))
    for _ in range(2):
        assert not inbox.pump(produced, emit, 9)
    assert got == [0, 1, 2, 3]


@pytest.mark.parametrize("bad", ["produce", "emit"])
def test_what_producing_or_emitting_raises_comes_through(kind: SimpleNamespace, bad: str) -> None:
    got: list[int] = []

    def emit(number: int) -> None:
        if bad == "emit" and number == 2:
            raise LookupError
        got.append(number)

    with pytest.raises(LookupError):
        kind.Inbox().pump(failing([0, 1]) if bad == "produce" else iter(range(5)), emit, 9)
    assert got == [0, 1]


# What runs in the middle -------------------------------------------------------------------------------------------


class Acting(type):
    """A metaclass whose classes do something when they are looked up."""

    act: Any = None

    def __hash__(cls) -> int:
        if cls.act is not None:
            act, cls.act = cls.act, None
            act()
        return 5


def test_who_looks_up_a_class_may_empty_the_queue(queue: Queue) -> None:
    class Odd(metaclass=Acting):
        pass

    kinds = {Odd}
    for _ in range(3):
        queue.append(Odd())
    Odd.act = queue.clear
    got: list[Any] = []
    queue.pour(kinds, got.append, 9, [], [])
    assert got == []


@pytest.mark.parametrize("change", ["clear", "pop", "popleft"])
def test_what_is_given_to_may_change_the_queue(queue: Queue, change: str) -> None:
    for number in range(40):
        queue.append(One(number))
    got: list[int] = []

    def put(message: One) -> None:
        got.append(message.number)
        if queue:
            getattr(queue, change)()

    queue.pour(WANTED, put, 30, [], [])
    assert got == {"clear": [0], "pop": list(range(20)), "popleft": list(range(0, 40, 2))}[change]


def test_what_is_given_to_may_pour_out_the_rest(queue: Queue) -> None:
    for number in range(5):
        queue.append(One(number))
    got: list[int] = []

    def put(message: One) -> None:
        got.append(message.number)
        queue.pour(WANTED, put, 9, [], [])

    queue.pour(WANTED, put, 9, [], [])
    assert got == [0, 1, 2, 3, 4]


def test_a_finalizer_may_fill_the_queue_while_it_is_poured(queue: Queue) -> None:
    class Last:
        def __del__(self) -> None:
            queue.append(One(7))

    queue.append(Last())
    got: list[Any] = []
    for _ in range(2):  # the twin lets go of it later
        queue.pour({Last, One}, lambda one: got.append(type(one)), 9, [], [])
    assert got == [Last, One]


def test_what_waits_for_an_answer_stays(queue: Queue) -> None:
    for item in (One(1), Sampled(One(2), 1), Sampled(Sent(One(3)), 1), One(4)):
        queue.append(item)
    got: list[Any] = []
    runs: list[Any] = []
    queue.pour(WANTED, got.append, 9, runs, [])
    assert (got, runs, len(queue)) == ([One(1), One(2)], [(One, 2)], 2)


@pytest.mark.skipif(native is None, reason="the twin takes what looks like these")
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ({One}, print, 1, []),
        ([One], print, 1, [], []),
        ({One}, print, "1", [], []),
        ({One}, print, 1, (), []),
        ({One}, print, 1, [], None),
    ],
)
def test_wrong_arguments_of_pour_are_refused(arguments: tuple[Any, ...]) -> None:
    items = native.Queue([One(1)])
    with pytest.raises(TypeError):
        items.pour(*arguments)
    assert len(items) == 1


@pytest.mark.skipif(native is None, reason="the compiled core does not run")
@pytest.mark.parametrize("arguments", [(), ([One(1)], []), (iter([One(1)]), ()), (iter([One(1)]),)])
def test_wrong_arguments_of_tell_each_are_refused(arguments: tuple[Any, ...]) -> None:
    side = Side(KINDS[1], 9)
    with pytest.raises(TypeError):
        side.ref.tell_each(*arguments)
    assert not len(side.inbox)


@pytest.mark.skipif(native is None, reason="the compiled core does not run")
@pytest.mark.parametrize(
    "change",
    [
        lambda side: setattr(side.inbox, "accepts", {}),
        lambda side: setattr(side.cells[One], "accepted", False),
        lambda side: setattr(side.inbox, "capacity", 2),
        lambda side: side.cells.clear(),
    ],
    ids=["stopped", "no more of these", "full", "forgotten"],
)
def test_what_changes_while_messages_are_made_holds_from_then_on(change: Callable[[Side], None]) -> None:
    side = Side(KINDS[1], 9)

    def made() -> Iterator[TLV]:
        yield One(1)
        yield One(2)
        change(side)
        yield Two(3)

    left = side.ref.tell_each(made(), [])
    assert len(side.inbox) == (2 if left is not None else 3)
    assert left is None or left == Two(3)


def test_a_ref_without_a_mailbox_tells_nothing() -> None:
    if native is None:
        pytest.skip("the compiled core does not run")
    ref = native.Teller()
    message = One(1)
    assert ref.tell_each(iter([message]), []) is message
    assert ref.tell_each(iter([]), []) is None
