"""Values with code of their own: what they raise, change or drop while a message is made of them harms nothing."""

from __future__ import annotations

import gc
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Annotated, Any

import pytest
from annotated_types import Gt

from tests.zero_copy import zero_copy
from tlv import (
    TLV,
    BufferSpaceError,
    DeclarationError,
    FieldValueError,
    Group,
    Null,
    Size,
    define_tlv,
    f64,
    i16,
    i64,
    u8,
    u64,
    u128,
)


class Point(TLV):
    x: i64
    y: u128 = 0
    ratio: f64 = 0.0


class Level(TLV):
    price: u8


class Varied(TLV):
    number: i16
    numbers: Annotated[tuple[i16, ...], Size(2)]
    data: bytes
    levels: Group[Level]


class Index:
    """Good as an int; runs something before it says so."""

    def __init__(self, before: Callable[[], object], number: int = 7) -> None:
        self.before = before
        self.number = number

    def __index__(self) -> int:
        self.before()
        return self.number

    def __float__(self) -> float:
        return float(self.__index__())


class Whole(int):
    """Says another number than it is; its own is what counts, as for struct."""

    def __index__(self) -> int:
        return 99

    def __int__(self) -> int:
        return 98


def raising(problem: Exception) -> Any:
    def give() -> None:
        raise problem

    return Index(give)


def make(value: Any) -> list[Callable[[], object]]:
    """Everything that takes the value of a field."""
    buffer = bytearray(100)
    return [
        lambda: Point(value),
        lambda: Point(x=value),
        lambda: Point(1, value),
        lambda: Point(1, 2, value),
        lambda: Point.emplace(buffer, 0, value),
        lambda: Point(1).replace(y=value),
        lambda: Point.from_dict({"x": value}),
        lambda: Varied(value, (1, 2), b"", ()),
        lambda: Varied(1, (1, value), b"", ()),
        lambda: Varied.emplace(buffer, 0, 1, [1, value], b"", ()),
    ]


@pytest.mark.parametrize("kind", [ValueError, TypeError, OverflowError])
def test_what_a_value_says_about_itself_is_the_reason_of_the_refusal(kind: type[Exception]) -> None:
    for call in make(raising(kind("not today"))):
        with pytest.raises(FieldValueError):
            call()


@pytest.mark.parametrize("kind", [KeyError, RuntimeError, MemoryError])
def test_other_errors_of_a_value_come_through(kind: type[Exception]) -> None:
    problem = kind("broken")
    for place, call in enumerate(make(raising(problem))):
        if place == 3:
            continue  # struct calls every error of __float__ a TypeError
        with pytest.raises(kind) as caught:
            call()
        assert caught.value is problem


def test_a_subclass_of_int_is_the_number_that_it_is() -> None:
    message = Point(Whole(5), Whole(6))
    assert (message.x, message.y) == (5, 6)
    assert (type(message.x), type(message.y)) == (int, int)
    assert Varied(Whole(3), [Whole(4), True], b"", ()).numbers == (4, 1)  # type: ignore[arg-type]


def test_a_value_may_collect_garbage_in_the_middle_of_a_constructor() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.me = self

    def litter() -> None:
        Cycle()
        gc.collect()

    value: Any = Index(litter)
    for call in make(value):
        assert call() is not None
    assert (Point(value, value).x, Varied(value, (value, value), b"ab", [Level(1)]).numbers) == (7, (7, 7))


def test_a_value_may_make_messages_of_its_own_class_meanwhile() -> None:
    made: list[Any] = []
    value: Any = Index(lambda: made.extend(Point(n) for n in range(100)))
    assert Point(value, value).y == 7
    assert [one.x for one in made] == [*range(100)] * 2


def test_a_value_may_drop_the_last_reference_to_the_others() -> None:
    data = [b"x" * 1000]
    levels = [Level(1), Level(2)]
    arguments: dict[str, Any] = {"data": data.pop(), "levels": levels}

    def drop() -> None:
        arguments.clear()
        levels.clear()
        gc.collect()

    arguments["numbers"] = (1, 2)
    message = Varied(number=Index(drop), **arguments)  # type: ignore[arg-type]
    assert (message.data, message.levels) == (b"x" * 1000, (Level(1), Level(2)))


@pytest.mark.parametrize("change", [lambda buffer: buffer.clear(), lambda buffer: buffer.extend(bytes(10_000))])
def test_a_value_may_resize_the_buffer_that_it_is_written_to(change: Callable[[bytearray], None]) -> None:
    for where in (Point, Varied):
        buffer = bytearray(64)
        value: Any = Index(partial(change, buffer))
        others: tuple[Any, ...] = () if where is Point else ((1, 2), b"abc", ())
        try:
            assert where.emplace(buffer, 0, value, *others) in (32, 40)
        except BufferSpaceError:
            assert buffer == b""
        else:
            assert len(buffer) == 10_064
            assert where.ref_from(buffer).as_bytes() == where(7, *others).as_bytes()


def test_a_value_may_release_the_buffer_that_it_is_written_to() -> None:
    window = memoryview(bytearray(64))
    with pytest.raises(TypeError, match="released"):
        Point.emplace(window, 0, Index(window.release))


def test_nothing_is_written_where_a_later_field_is_refused() -> None:
    buffer = bytearray(b"\xee" * 64)
    for wrong in (raising(KeyError("late")), raising(ValueError("late")), 2**128, "x"):
        with pytest.raises((KeyError, FieldValueError)):
            Point.emplace(buffer, 0, 1, wrong)
        with pytest.raises((KeyError, FieldValueError)):
            Varied.emplace(buffer, 0, 1, (1, wrong), b"data", ())
    assert buffer == b"\xee" * 64


def test_a_sequence_that_lies_about_its_length_is_refused_or_taken_as_it_is_walked() -> None:
    class Lying(list[int]):
        def __len__(self) -> int:
            return 2

    assert Varied(1, Lying([1, 2]), b"", ()).numbers == (1, 2)  # type: ignore[arg-type]
    with pytest.raises(FieldValueError, match=r"numbers.*3 elements"):
        Varied(1, Lying([1, 2, 3]), b"", ())  # type: ignore[arg-type]


def test_a_group_that_changes_while_it_is_walked_is_taken_as_it_is_given() -> None:
    items = [Level(1), Level(2), Level(3)]

    def given() -> Any:
        while items:
            yield items.pop()

    assert Varied(1, (1, 2), b"", given()).levels == (Level(3), Level(2), Level(1))
    assert items == []


@zero_copy
def test_reading_may_change_the_class_of_the_message_that_is_read() -> None:
    """An enum says what an unknown number is, by code of the user's, in the middle of an array."""
    changed: list[Any] = []

    class Other(TLV):
        code: u64

    class Code(IntEnum):
        KNOWN = 1

        @classmethod
        def _missing_(cls, value: object) -> Any:
            while changed:
                changed.pop().__class__ = Other
                gc.collect()

    def one_of_a_class_that_is_gone() -> Any:
        class Coded(TLV):
            codes: Annotated[tuple[Annotated[Code, u8], ...], Size(8)]

        return Coded([9, 1, 8, 1, 7, 1, 6, 1])  # type: ignore[arg-type]

    message = one_of_a_class_that_is_gone()
    changed.append(message)
    assert message.codes == (9, 1, 8, 1, 7, 1, 6, 1)
    assert type(message) is Other
    assert message.code == int.from_bytes(bytes([9, 1, 8, 1, 7, 1, 6, 1]), "little")


def test_counts_that_multiply_beyond_any_frame_are_refused_when_they_are_declared() -> None:
    with pytest.raises(DeclarationError, match="16777216 bytes"):

        class Huge(TLV):
            table: Annotated[tuple[Annotated[tuple[u128, ...], Size(65_535)], ...], Size(65_535)]


@pytest.mark.parametrize("kind", [ValueError, TypeError, OverflowError])
def test_a_default_or_null_that_says_no_is_refused_when_it_is_declared(kind: type[Exception]) -> None:
    no = raising(kind("not today"))
    for annotation, default in ((i64, no), (f64, no), (Annotated[tuple[i16, ...], Size(1)], [no]), (bytes, no)):
        with pytest.raises(DeclarationError, match=r"Wrong.x: the default .* does not fit"):
            define_tlv("Wrong", {"x": (annotation, default)})
    for optional in (i64 | None, f64 | None):
        with pytest.raises(DeclarationError, match=r"Wrong.x: Null.* does not fit"):
            define_tlv("Wrong", {"x": Annotated[optional, Null(no)]})


def test_a_constraint_without_a_text_is_refused_when_it_is_declared() -> None:
    class Shy(int):
        def __format__(self, spec: str) -> str:
            raise KeyError("shy")

    with pytest.raises(DeclarationError, match=r"Bounded.x: a Gt has a bound that cannot be shown \(KeyError"):

        class Bounded(TLV):
            x: Annotated[u8, Gt(Shy(1))]
