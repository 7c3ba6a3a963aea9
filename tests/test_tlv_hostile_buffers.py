"""Bytes that lie oddly, change or vanish, and messages in odd hands: many threads, other classes, old pickles."""

from __future__ import annotations

import contextlib
import gc
import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Annotated, Any

import pytest

from tests.zero_copy import zero_copy
from tlv import (
    TLV,
    BufferSpaceError,
    BufferTypeError,
    FieldBoundsError,
    FrameWriter,
    Group,
    LayoutMismatchError,
    Size,
    TLVError,
    TruncatedError,
    define_tlv,
    i64,
    i256,
    read_frame,
    u8,
    u32,
    u64,
)


class One(TLV):
    value: u8


class Point(TLV, type=2001):
    x: i64
    y: i64 = 0


class Book(TLV, type=2002):
    best: Point
    symbol: Annotated[str, Size(8)]
    points: Group[Point]
    note: str


BOOK = Book(Point(1, -2), "BTC", [Point(n, -n) for n in range(20)], "naïve")


# ---- memory that lies oddly


def test_a_single_byte_is_flat_whatever_its_stride() -> None:
    for step in (-1, -2, 2, 5):
        assert One.ref_from(memoryview(b"\7")[::step]).value == 7
        assert One.read_from(memoryview(bytearray(b"\7"))[::step]).value == 7
    with pytest.raises(BufferTypeError):
        One.ref_from(memoryview(b"\7\7")[::-1])
    with pytest.raises(TruncatedError):
        One.ref_from(memoryview(b"\7")[:0:-1])


def test_a_target_in_pieces_or_for_reading_only_is_refused() -> None:
    for target in (memoryview(bytearray(64))[::2], memoryview(bytearray(64))[::-1]):
        with pytest.raises((BufferTypeError, BufferSpaceError)):
            Point.emplace(target, 0, 1)
        with pytest.raises((BufferTypeError, BufferSpaceError)):
            BOOK.write_into(target)
    for closed in (bytes(64), memoryview(bytearray(64)).toreadonly(), BOOK.as_bytes()):
        with pytest.raises(BufferSpaceError):
            Point.emplace(closed, 0, 1)


@pytest.mark.parametrize("offset", [-1, 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 2**200])
def test_a_target_is_not_written_beyond_its_end(offset: int) -> None:
    target = bytearray(16)
    writes: list[Callable[[], int]] = [
        lambda: Point.emplace(target, offset, 1),
        lambda: Point(1).write_into(target, offset),
    ]
    for write in writes:
        with pytest.raises(BufferSpaceError) as caught:
            write()
        assert (caught.value.needed, caught.value.offset) == (16, offset)
    assert target == bytes(16)


@zero_copy
@pytest.mark.parametrize("step", [lambda view: view.as_bytes(), lambda view: view.as_bytes().cast("c")])
def test_a_view_of_a_view_holds_the_first_one_and_no_chain(step: Callable[[Any], Any]) -> None:
    """Freeing a chain of views takes as many nested calls: a million of them end the process."""
    source = bytearray(bytes(Point(5, 6)))
    view = Point.ref_from(source)
    for _ in range(100_000):
        view = Point.ref_from(step(view))
    assert view == Point(5, 6)
    source[0] = 9
    assert view.x == 9
    del view
    source.clear()  # nothing holds it any more


def test_the_bytes_of_a_message_outlive_it() -> None:
    window = Book.ref_from(bytearray(bytes(BOOK))).as_bytes()
    part = Book.read_from(window).points[3:5]
    gc.collect()
    assert bytes(window) == bytes(BOOK)
    assert part == (Point(3, -3), Point(4, -4))


def test_a_released_window_refuses_and_leaves_messages_alone() -> None:
    message = Point(1, 2)
    window = memoryview(message.as_bytes())
    view = Point.ref_from(window)
    window.release()
    with pytest.raises(BufferTypeError, match="released"):
        Point.ref_from(window)
    with pytest.raises(TLVError):
        message.write_into(window)
    assert (view, message.y) == (message, 2)


# ---- numbers that do something


class Index:
    def __init__(self, number: int, before: Callable[[], object]) -> None:
        self.number = number
        self.before = before

    def __index__(self) -> int:
        self.before()
        return self.number


def test_an_offset_that_changes_the_buffer_is_refused_or_reads_what_is_there_then() -> None:
    for read in (Point.ref_from, Point.read_from, Book.ref_from, Book.read_from, Point.ref_from_validated):
        for arguments in ((8,), (0, 16)):
            buffer = bytearray(64)
            odd = [Index(one, buffer.clear) for one in arguments]
            with pytest.raises((TruncatedError, TypeError)):
                read(buffer, *odd)  # type: ignore[arg-type]


def test_an_offset_that_raises_lets_it_through() -> None:
    def broken() -> None:
        raise KeyError("offset")

    for read in (Point.ref_from, Book.read_from):
        with pytest.raises((KeyError, TypeError)):
            read(bytes(64), Index(0, broken))  # type: ignore[arg-type]
    with pytest.raises((KeyError, TypeError)):
        BOOK.points[Index(0, broken)]  # type: ignore[call-overload]


# ---- messages of other classes


class Wide(TLV):
    a: i256


class Varied(TLV):
    data: bytes
    points: Group[Point]


def uses(message: Any) -> Iterator[Callable[[], object]]:
    for name in type(message).__match_args__:
        yield lambda name=name: getattr(message, name)  # type: ignore[misc]
    for cls in (Wide, Varied, Point, Book):
        for name in cls.__match_args__:
            yield lambda cls=cls, name=name: getattr(cls, name).__get__(message)  # type: ignore[misc]
    yield from (message.validate, message.to_dict, message.to_owned, message.replace, message.as_bytes)
    yield from (lambda: hash(message), lambda: message == type(message).read_from(bytes(64)), lambda: repr(message))
    yield from (lambda: bytes(message), lambda: pickle.dumps(message), lambda: message.write_into(bytearray(500)))
    yield lambda: type(message)(message)


@pytest.mark.parametrize("cls", [Wide, Varied, Point, Book])
@pytest.mark.parametrize(
    "message", [Point(1, 2), Point.ref_from(bytes(16)), BOOK, Book.ref_from(bytes(BOOK))], ids=repr
)
def test_a_message_that_is_given_another_class_stays_within_its_bytes(message: Any, cls: type[TLV]) -> None:
    original = type(message)
    message = original.read_from(bytes(message)) if message.to_owned() is message else original.ref_from(bytes(message))
    try:
        message.__class__ = cls
    except TypeError:
        return
    for use in uses(message):
        with contextlib.suppress(Exception):  # any error is right here, and none may be more than that
            use()
    assert bytes(message.as_bytes())[:8] in bytes(BOOK) + bytes(16) + bytes(Point(1, 2))
    message.__class__ = original
    assert isinstance(message, original)


def test_a_finalizer_may_give_the_message_another_class() -> None:
    class Leaving(TLV):
        x: i64
        y: i64

        def __del__(self) -> None:
            self.__class__ = Point  # type: ignore[assignment]

    Leaving(0, 0)
    left, joined = sys.getrefcount(Leaving), sys.getrefcount(Point)
    for n in range(100):
        Leaving(n, n)
    gc.collect()
    assert (sys.getrefcount(Leaving), sys.getrefcount(Point)) == (left, joined)


# ---- pickles


def test_a_pickle_of_a_class_that_changed_is_refused_under_every_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        stored = pickle.dumps([BOOK, Point(1)], protocol)
        assert pickle.loads(stored) == [BOOK, Point(1)]
        for newer in (
            define_tlv("Point", {"x": i64, "y": (u64, 0)}, type=2001),
            define_tlv("Point", {"x": i64}, type=2001),
            define_tlv("Point", {"x": i64, "y": (i64, 0)}, type=2001, byteorder="big"),
            define_tlv("Point", {"data": bytes}, type=2001),
        ):
            monkeypatch.setattr(sys.modules[__name__], "Point", newer)
            with pytest.raises(LayoutMismatchError):
                pickle.loads(stored)
            monkeypatch.undo()


def test_a_pickle_with_damaged_bytes_is_refused_or_a_message() -> None:
    restore, (cls, digest, data) = BOOK.__reduce__()[:2]
    for at in range(len(data)):
        try:
            made = restore(cls, digest, data[:at] + b"\xff" + data[at + 1 :])
        except TLVError:
            continue
        assert len(bytes(made)) <= len(data)
    with pytest.raises(FieldBoundsError):
        restore(cls, digest, data[:24] + b"\xff" * 8 + data[32:])


# ---- many threads, deep calls


THREADS = 8


def together(work: Callable[[], None]) -> None:
    """Runs it in many threads at once, which take turns as often as they can."""
    start = Barrier(THREADS)

    def run() -> None:
        start.wait(30)
        work()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            for one in [pool.submit(run) for _ in range(THREADS)]:
                one.result(60)
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("message", [BOOK, Book.ref_from(bytearray(bytes(BOOK)))], ids=["owned", "view"])
def test_many_threads_read_one_message(message: Book) -> None:
    def read() -> None:
        for n in range(200):
            assert (message.best.y, message.symbol, message.note) == (-2, "BTC", "naïve")
            assert message.points[n % 20].x == n % 20
            assert message == BOOK
            assert hash(message) == hash(BOOK)
            assert Book.ref_from(message.as_bytes()).points[-1].x == 19
            assert [one.y for one in message.points] == [-n for n in range(20)]

    together(read)


def test_many_threads_walk_one_frame() -> None:
    writer = FrameWriter()
    for n in range(50):
        writer.append(Point(n))
        writer.append(BOOK)
    frame = read_frame(bytearray(writer.finish()), messages=(Point, Book))

    def walk() -> None:
        for _ in range(20):
            seen: list[Any] = []
            assert frame.dispatch({Point: seen.append, Book: Book.validate}) == 100
            assert [point.x for point in seen] == [*range(50)]
            assert sum(isinstance(one, Book) for one in frame) == 50

    together(walk)


def test_many_threads_share_one_iterator_and_each_item_goes_to_one_of_them() -> None:
    taken: list[int] = []
    points = iter(BOOK.points)

    def take() -> None:
        try:
            taken.extend(point.x for point in points)
        except ValueError as problem:
            assert str(problem) == "generator already executing"  # noqa: PT017 - that of the twin is a generator

    together(take)
    assert sorted(taken) == [*range(20)]


def test_a_handler_that_walks_its_own_frame_ends_in_a_recursion_error() -> None:
    writer = FrameWriter()
    writer.append(Point(1))
    frame = read_frame(writer.finish(), messages=(Point,))
    depth = 0

    def again(_: Point) -> None:
        nonlocal depth
        depth += 1
        frame.dispatch({Point: again})

    with pytest.raises(RecursionError):
        frame.dispatch({Point: again})
    assert depth > 100
    assert frame.dispatch({Point: lambda point: None}) == 1


@zero_copy
def test_messages_nested_deeply_are_read_and_compared_or_end_in_a_recursion_error() -> None:
    message: Any = define_tlv("Level0", {"number": u32})(7)
    for n in range(1, 400):
        message = define_tlv(f"Level{n}", {"inner": type(message)})(message)
    view = type(message).ref_from(bytearray(bytes(message)))
    assert view == message
    assert hash(view) == hash(message)
    for use in (view.validate, view.to_dict, view.to_json):
        try:
            use()
        except RecursionError as problem:
            assert "recursion" in str(problem)  # noqa: PT017
    for _ in range(399):
        view = view.inner
    assert view.number == 7
