"""Constraints over raw bytes: the running implementation, the twin's checker and plain Python agree on any bytes.

Where the compiled core runs, it must also decide by itself that a message is right, without asking the twin.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Annotated, Any, Literal
from unittest import mock

import annotated_types as at
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import int_range, share
from tlv import TLV, FloatType, Group, IntType, NonZero, Scaled, Size, TLVError, define_tlv, implementation
from tlv.constraints import checker

Order = Literal["little", "big"]


class Level(IntEnum):
    NONE = 0
    LOW = 1
    HIGH = 200


@dataclass(frozen=True)
class Case:
    """A field type with constraints: which bytes it may have, and whether these are right."""

    annotation: Any
    size: int
    stored: st.SearchStrategy[bytes]
    holds: Callable[[bytes], bool]
    is_compiled: bool = True


Judge = Callable[[Any], bool]


Rules = list[tuple[Any, Judge]]


def annotated(base: Any, *metadata: Any, rules: Rules) -> Any:
    """``Annotated`` with as much as there is to add."""
    for one in (*metadata, *(rule for rule, _ in rules)):
        base = Annotated[base, one]
    return base


# ---- numbers


def compared(bound: Any, sign: str) -> tuple[Any, Judge]:
    """A bound as annotated-types has it, and the comparison that it means, in exact numbers."""
    made = {">": at.Gt, ">=": at.Ge, "<": at.Lt, "<=": at.Le}[sign]
    holds: dict[str, Judge] = {
        ">": lambda value: value > bound,
        ">=": lambda value: value >= bound,
        "<": lambda value: value < bound,
        "<=": lambda value: value <= bound,
    }
    return made(bound), holds[sign]


SIGNS = st.sampled_from((">", ">=", "<", "<="))


@st.composite
def integer_rules(draw: st.DrawFn, bits: int, signed: bool) -> tuple[Any, Judge]:
    low, high = int_range(bits, signed)
    near = st.sampled_from([low, low + 1, -1, 0, 1, 2, high - 1, high]) | st.integers(low, high)
    which = draw(st.sampled_from(("bound", "bound", "multiple", "nonzero")))
    if which == "nonzero":
        return NonZero(), lambda value: value != 0
    if which == "multiple":
        step = draw(st.sampled_from([1, 2, 3, 10, -7, 10**8, 1 << 40, (1 << 63) + 11]))
        return at.MultipleOf(step), lambda value: value % step == 0
    bound: Any = draw(near)
    if draw(st.integers(0, 9)) == 0:
        bound = draw(st.sampled_from([Fraction(2 * bound + 1, 2), Decimal(bound) + Decimal("0.5"), bound > 0]))
    return compared(bound, draw(SIGNS))


@st.composite
def integer_cases(draw: st.DrawFn, order: Order) -> Case:
    bits = draw(st.sampled_from((8, 16, 24, 32, 48, 64, 72, 96, 128, 160, 256)))
    signed, optional = draw(st.booleans()), draw(st.integers(0, 3)) == 0
    low, high = int_range(bits, signed)
    rules = draw(st.lists(integer_rules(bits, signed), max_size=3))
    numbers = st.sampled_from([low, low + 1, max(low, -1), 0, 1, 2, high - 1, high]) | st.integers(low, high)
    numbers |= st.integers(-5, 300).filter(lambda number: low <= number <= high)
    base: Any = int | None if optional else int
    null = low if signed else high

    def holds(stored: bytes) -> bool:
        value = int.from_bytes(stored, order, signed=signed)
        return (optional and value == null) or all(one(value) for _, one in rules)

    annotation = annotated(base, IntType(bits, signed=signed), rules=rules)
    return Case(
        annotation,
        bits // 8,
        numbers.map(lambda number: number.to_bytes(bits // 8, order, signed=signed)),
        holds,
        # Where no number is right, null is, and the twin says so.
        is_compiled=not optional,
    )


@st.composite
def enum_cases(draw: st.DrawFn, order: Order) -> Case:
    rule, judge = draw(st.tuples(st.integers(-1, 260), SIGNS).map(lambda pair: compared(*pair)) | st.just(NON_ZERO))
    bits = draw(st.sampled_from((8, 32, 128)))
    return Case(
        Annotated[Level, IntType(bits, signed=False), rule],
        bits // 8,
        st.sampled_from([0, 1, 2, 199, 200, 201, 255]).map(lambda number: number.to_bytes(bits // 8, order)),
        lambda stored: judge(int.from_bytes(stored, order)),
    )


NON_ZERO: tuple[Any, Judge] = (NonZero(), lambda value: value != 0)


@st.composite
def decimal_cases(draw: st.DrawFn, order: Order) -> Case:
    bits, digits = draw(st.sampled_from((32, 64, 256))), draw(st.sampled_from((0, 2, 8)))
    unit = Fraction(1, 10**digits)
    bounds = st.decimals(-1000, 1000, places=10) | st.integers(-1000, 1000)
    steps: st.SearchStrategy[Any] = st.sampled_from([Decimal("0.01"), Decimal("0.25"), 2, 0.5])
    rules = draw(
        st.lists(
            st.tuples(bounds, SIGNS).map(lambda pair: compared(*pair))
            | steps.map(lambda step: (at.MultipleOf(step), lambda value: value % Fraction(str(step)) == 0))
            | st.just(NON_ZERO),
            max_size=2,
        )
    )

    def holds(stored: bytes) -> bool:
        value = int.from_bytes(stored, order, signed=True) * unit
        return all(judge(value) for _, judge in rules)

    annotation = annotated(Decimal, Scaled(Annotated[int, IntType(bits)], digits), rules=rules)
    numbers = st.integers(-2000, 2000).map(lambda n: n * 10**digits // 4) | st.integers(-(2**31), 2**31 - 1)
    numbers = numbers.filter(lambda number: -(2 ** (bits - 1)) <= number < 2 ** (bits - 1))
    return Case(
        annotation,
        bits // 8,
        numbers.map(lambda number: number.to_bytes(bits // 8, order, signed=True)),
        holds,
    )


@st.composite
def float_cases(draw: st.DrawFn, order: Order) -> Case:
    bits: Literal[32, 64] = draw(st.sampled_from((32, 64)))
    code = struct.Struct(("<" if order == "little" else ">") + ("f" if bits == 32 else "d"))
    bounds: Any = st.floats(-10, 10) | st.sampled_from([0, 1, (1 << 53) + 1, Fraction(1, 3), Fraction(-7, 10)])
    bounds |= st.sampled_from([float("inf"), float("-inf"), 0.1])
    rules = draw(
        st.lists(
            st.tuples(bounds, SIGNS).map(lambda pair: compared(*pair))
            | st.sampled_from([2, 0.5, 0.1, -3]).map(lambda s: (at.MultipleOf(s), lambda value: value % s == 0))
            | st.just(NON_ZERO),
            max_size=2,
        )
    )
    special = st.sampled_from([0.0, -0.0, 0.5, 3.0, float("nan"), float("inf"), float("-inf"), 1 / 3])
    values = st.floats(width=bits) | special.map(lambda v: code.unpack(code.pack(v))[0])
    values |= st.floats(-12, 12, width=bits)
    return Case(
        annotated(float, FloatType(bits), rules=rules),
        bits // 8,
        values.map(code.pack),
        lambda stored: all(judge(code.unpack(stored)[0]) for _, judge in rules),
    )


def bool_cases(order: Order) -> st.SearchStrategy[Case]:
    return st.just(Case(bool, 1, st.sampled_from([b"\0", b"\1", b"\2", b"\xff"]), lambda stored: stored[0] <= 1))


# ---- text and bytes

#: Pieces of text, whole and broken: overlong forms, surrogates, beyond U+10FFFF, cut characters.
PIECES = (
    *(one.encode() for one in "z\0\x7f\x80é\u07ff\u0800€\ud7ff\ue000\uffff\U00010000😀\U0010ffff"),
    *(b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf"),
    *(
        b"\xf0\x80\x80\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xed\xa0\x80",
        b"\xed\x9f\xbf",
        b"\x80",
        b"\xe2\x82",
        b"\xf5",
        b"\xff",
    ),
)


def texts(size: int) -> st.SearchStrategy[bytes]:
    joined = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)
    good = st.text(max_size=size).map(lambda text: text.encode("utf-8", "ignore"))
    return (joined | good | st.binary(max_size=size)).map(lambda data: data[:size])


def is_text(data: bytes, judges: list[Judge]) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return all(judge(len(text)) for judge in judges)


@st.composite
def length_rules(draw: st.DrawFn) -> Rules:
    least, most = draw(st.integers(0, 3)), draw(st.integers(2, 8))
    return draw(
        st.sampled_from(
            [
                [],
                [(at.MinLen(least), lambda length: length >= least)],
                [(at.MaxLen(most), lambda length: length <= most)],
                [(at.Len(least, most + 3), lambda length: least <= length <= most + 3)],
            ]
        )
    )


@st.composite
def text_cases(draw: st.DrawFn, order: Order) -> Case:
    size, rules = draw(st.integers(1, 12)), draw(length_rules())
    judges = [judge for _, judge in rules]
    return Case(
        annotated(str, Size(size), rules=rules),
        size,
        texts(size).map(lambda data: data.ljust(size, b"\0")),
        lambda stored: is_text(stored.rstrip(b"\0"), judges),
    )


def bytes_cases(order: Order) -> st.SearchStrategy[Case]:
    annotation = Annotated[bytes, Size(3), at.Len(1, 5)]
    return st.just(Case(annotation, 3, st.binary(min_size=3, max_size=3), lambda stored: True))


# ---- fields made of fields


def scalars(order: Order) -> st.SearchStrategy[Case]:
    kinds = (integer_cases, integer_cases, enum_cases, decimal_cases, float_cases, bool_cases, text_cases, bytes_cases)
    return st.sampled_from(kinds).flatmap(lambda kind: kind(order))


@st.composite
def array_cases(draw: st.DrawFn, order: Order, inner: st.SearchStrategy[Case]) -> Case:
    element, count = draw(inner), draw(st.integers(1, 4))
    return Case(
        Annotated[tuple[element.annotation, ...], Size(count), at.MinLen(1)],  # type: ignore[name-defined]
        element.size * count,
        st.lists(element.stored, min_size=count, max_size=count).map(b"".join),
        lambda stored: all(map(element.holds, parts(stored, element.size))),
        element.is_compiled,
    )


@st.composite
def nested_cases(draw: st.DrawFn, order: Order, inner: st.SearchStrategy[Case]) -> Case:
    item = draw(inner)
    return Case(
        declared(item, order, "Inner", ahead=1),
        1 + item.size,
        item.stored.map(lambda stored: b"\7" + stored),
        lambda stored: item.holds(stored[1:]),
        item.is_compiled,
    )


def parts(stored: bytes, size: int) -> list[bytes]:
    return [stored[at : at + size] for at in range(0, len(stored), size)]


def fixed(order: Order) -> st.SearchStrategy[Case]:
    return st.recursive(
        scalars(order), lambda inner: array_cases(order, inner) | nested_cases(order, inner), max_leaves=3
    )


def declared(case: Case, order: Order, name: str, ahead: int) -> type[TLV]:
    fields = {"ahead": Annotated[bytes, Size(ahead)], "value": case.annotation}
    return define_tlv(name, fields, byteorder=order)


# ---- the three that must agree


def said(check: Callable[[], object]) -> str | None:
    """What is wrong with a message, or none."""
    try:
        check()
    except TLVError as error:
        return f"{type(error).__name__}: {error}"
    return None


@contextmanager
def counted() -> Iterator[list[str]]:
    """The names of the classes for which the compiled core asked the twin."""
    asked: list[str] = []

    def counting(layout: Any) -> Callable[[Any], None]:
        check = checker(layout)

        def count(message: Any) -> None:
            asked.append(layout.name)
            check(message)

        return count

    if implementation.running != "native":
        yield asked
        return
    with mock.patch("tlv.native_core.checker", counting):
        yield asked


def agree(message_type: type[TLV], data: bytes, right: bool, is_compiled: bool, asked: list[str]) -> None:
    verdict = said(lambda: message_type.ref_from_validated(data))
    assert (verdict is None) == right
    if is_compiled and right:
        assert asked == []
    message = message_type.ref_from(data)
    assert said(message.validate) == verdict
    assert said(message.to_owned().validate) == verdict
    assert said(lambda: checker(message_type.layout)(message)) == verdict


ORDERS: st.SearchStrategy[Order] = st.sampled_from(("little", "big"))


@share(3)
@given(st.data())
def test_any_bytes_of_fixed_fields(data: st.DataObject) -> None:
    order: Order = data.draw(ORDERS)
    with counted() as asked:
        case = data.draw(fixed(order))
        message_type = declared(case, order, "Outer", data.draw(st.integers(1, 9)))
        stored = data.draw(case.stored)
        ahead = bytes(message_type.layout["ahead"].size)
        agree(message_type, ahead + stored, case.holds(stored), case.is_compiled, asked)


@share(1)
@given(st.data())
def test_any_items_of_groups(data: st.DataObject) -> None:
    order: Order = data.draw(ORDERS)
    with counted() as asked:
        case = data.draw(fixed(order))
        item = declared(case, order, "Item", 2)
        rules = data.draw(length_rules())
        annotation = annotated(Group[item], rules=rules)  # type: ignore[valid-type]
        message_type = define_tlv("Grouped", {"items": annotation, "after": IntType8}, byteorder=order)
        stored = data.draw(st.lists(case.stored, max_size=4))
        longer = data.draw(st.integers(0, 5))  # a newer sender's items have more fields
        body = b"".join(b"\1\2" + one + b"\xee" * longer for one in stored)
        raw = grouped(order, 2 + case.size + longer, len(stored), body)
        right = all(map(case.holds, stored)) and all(judge(len(stored)) for _, judge in rules)
        agree(message_type, raw, right, case.is_compiled and bool(stored), asked)


IntType8 = Annotated[int, IntType(8)]


def grouped(order: Order, step: int, count: int, body: bytes) -> bytes:
    """Offset and count, a byte, filling; then the data of the group."""
    code = struct.Struct(("<" if order == "little" else ">") + "II")
    if not count:
        return bytes(16)
    data = code.pack(16, count) + bytes(8) + code.pack(step, 0) + body
    return data + bytes(-len(data) % 8)


@share(1)
@given(st.data())
def test_any_variable_text_and_bytes(data: st.DataObject) -> None:
    order: Order = data.draw(ORDERS)
    text_rules, bytes_rules = data.draw(length_rules()), data.draw(length_rules())
    fields = {
        "text": annotated(str, at.MinLen(0), rules=text_rules),
        "data": annotated(bytes, at.MinLen(0), rules=bytes_rules),
    }
    with counted() as asked:
        message_type = define_tlv("Varied", fields, byteorder=order)
        text, body = data.draw(texts(12)), data.draw(st.binary(max_size=9))
        code = struct.Struct(("<" if order == "little" else ">") + "IIII")
        raw = code.pack(16, len(text), 16 + len(text), len(body)) + text + body
        right = is_text(text, [judge for _, judge in text_rules]) and all(judge(len(body)) for _, judge in bytes_rules)
        agree(message_type, raw, right, True, asked)
