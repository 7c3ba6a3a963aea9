"""Number fields: what fits, what is refused and how the refusal reads."""

from __future__ import annotations

import decimal
import math
import struct
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlv import (
    TLV,
    BufferSpaceError,
    FieldValueError,
    IntType,
    Scaled,
    define_tlv,
    f32,
    f64,
    i8,
    i64,
    i256,
    u8,
    u16,
    u256,
)

BITS = range(8, 257, 8)


class Order(TLV):
    price: i64
    size: u16
    weight: f32
    ratio: f64


class Money(TLV):
    amount: Annotated[Decimal, Scaled(i64, 8)]


class Exact(TLV):
    amount: Annotated[Decimal, Scaled(i256, 18)]


def refused(make: Callable[[], object]) -> FieldValueError:
    with pytest.raises(FieldValueError) as caught:
        make()
    return caught.value


# ---- integers


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_an_integer_takes_its_whole_range_and_not_one_more(bits: int, signed: bool) -> None:
    message_type: Any = define_tlv("Number", {"before": i8, "value": Annotated[int, IntType(bits, signed=signed)]})
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    for fits in (low, low + 1, 0, high - 1, high):
        assert message_type(0, fits).value == fits
    for outside in (low - 1, high + 1, low - 2**256, high + 2**256):
        error = refused(lambda number=outside: message_type(0, number))  # type: ignore[misc]
        assert error.values == {
            "message": "Number",
            "field": "value",
            "kind": f"{'i' if signed else 'u'}{bits}",
            "value": error.value,
            "rule": f"outside {low}..{high}",
        }
        assert error.value == (repr(outside) if len(repr(outside)) <= 80 else f"{outside!r:.77}...")


def test_the_refusal_says_message_field_value_rule_and_what_to_pass() -> None:
    error = refused(lambda: Order(price=1, size=70_000, weight=0, ratio=0))
    assert str(error) == "[TLV-004] Order.size = 70000: outside 0..65535; pass a value that fits u16"
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("wrong", ["1", 1.0, None, Decimal(1), Fraction(1), b"1", [1], object(), 1j, np.float64(1)])
@pytest.mark.parametrize("kind", [u8, i64, u256])
def test_what_is_no_integer_is_refused_for_an_integer_field(wrong: object, kind: Any) -> None:
    message_type: Any = define_tlv("Number", {"value": kind})
    error = refused(lambda: message_type(wrong))
    assert error.field == "value"
    assert error.value == repr(wrong)


@pytest.mark.parametrize("number", [np.int8(5), np.uint64(5), np.array(5), True], ids=repr)
@pytest.mark.parametrize("kind", [u8, i64, u256])
def test_what_counts_as_an_integer_is_taken(number: Any, kind: Any) -> None:
    message_type: Any = define_tlv("Number", {"value": kind})
    read = message_type(number).value
    assert read == int(number)
    assert type(read) is int


class Ticks(int):
    """An int that prints in another way."""

    def __repr__(self) -> str:
        return f"Ticks({int(self)})"


@pytest.mark.parametrize("kind", [u8, i64, u256])
def test_a_subclass_of_int_is_stored_as_its_number(kind: Any) -> None:
    message_type: Any = define_tlv("Number", {"value": kind})
    assert repr(message_type(Ticks(7))) == "Number(value=7)"
    assert refused(lambda: message_type(Ticks(-(2**300)))).value == f"Ticks({-(2**300)})"[:77] + "..."


class Asked:
    """Something with ``__index__``, which does what the test wants."""

    def __init__(self, answer: Callable[[], int]) -> None:
        self.answer = answer

    def __index__(self) -> int:
        return self.answer()


def failing(problem: Exception) -> Asked:
    def answer() -> int:
        raise problem

    return Asked(answer)


@pytest.mark.parametrize("kind", [u8, i64, u256])
def test_an_index_method_that_finds_no_number_names_the_field(kind: Any) -> None:
    message_type: Any = define_tlv("Number", {"value": kind})
    for problem in (ValueError("none today"), TypeError("none today"), OverflowError("none today")):
        error = refused(lambda problem=problem: message_type(failing(problem)))  # type: ignore[misc]
        assert (error.field, error.rule) == ("value", "none today")


@pytest.mark.parametrize("kind", [u8, i64, u256])
def test_any_other_failure_of_an_index_method_comes_out_as_it_is(kind: Any) -> None:
    message_type: Any = define_tlv("Number", {"value": kind})
    problem = RuntimeError("the disk is on fire")
    buffer = bytearray(b"\xee" * 64)
    with pytest.raises(RuntimeError) as caught:
        message_type(failing(problem))
    assert caught.value is problem
    with pytest.raises(RuntimeError):
        message_type.emplace(buffer, 0, failing(problem))
    assert buffer == b"\xee" * 64


@pytest.mark.parametrize("kind", [u8, i64, u256])
def test_a_number_that_changes_when_asked_again_is_still_refused(kind: Any) -> None:
    message_type: Any = define_tlv("Number", {"value": kind})
    answers = iter([2**300, 5, 5, 5])
    error = refused(lambda: message_type(Asked(lambda: next(answers))))
    assert error.message == "Number"
    assert error.__cause__ is not error


@pytest.mark.parametrize("kind", [u8, i64, u256])
def test_an_index_method_may_not_pull_the_buffer_away_from_emplace(kind: Any) -> None:
    message_type: Any = define_tlv("Number", {"first": kind, "value": kind})
    buffer = bytearray(64)

    def shrink() -> int:
        buffer.clear()
        return 1

    with pytest.raises((BufferSpaceError, BufferError)):
        message_type.emplace(buffer, 0, 1, Asked(shrink))


def test_an_index_method_may_change_the_buffer_that_emplace_writes_to() -> None:
    buffer = bytearray(b"\xee" * 16)

    def scribble() -> int:
        buffer[:] = b"\x77" * 16
        return 2

    message_type: Any = define_tlv("Pair", {"first": i64, "second": u8})
    assert message_type.emplace(buffer, 1, 1, Asked(scribble)) == 9
    assert buffer == b"\x77" + struct.pack("<qB", 1, 2) + b"\x77" * 6


def test_the_first_field_that_does_not_fit_is_named() -> None:
    error = refused(lambda: Order(price="x", size=-1, weight="y", ratio=0))  # type: ignore[arg-type]
    assert error.field == "price"


def test_a_refusal_never_prints_more_than_eighty_characters_of_a_value() -> None:
    class Loud:
        def __repr__(self) -> str:
            return "!" * 1000

    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    message_type: Any = define_tlv("Number", {"value": u8})
    assert refused(lambda: message_type(Loud())).value == "!" * 77 + "..."
    assert refused(lambda: message_type(Mute())).value == "<Mute whose repr raises RuntimeError>"
    assert len(refused(lambda: message_type(10**5000)).value) <= 80


# ---- floats


@pytest.mark.parametrize(
    "number", [0.0, -0.0, 1.5, 3, True, math.inf, -math.inf, np.float32(0.5), np.int64(2), Decimal("0.25")]
)
def test_a_float_field_takes_every_real_number(number: Any) -> None:
    message = Order(price=0, size=0, weight=number, ratio=number)
    assert message.weight == message.ratio == float(number)
    assert math.copysign(1, message.ratio) == math.copysign(1, float(number))


def test_nan_survives_and_makes_a_message_equal_to_itself() -> None:
    message = Order(0, 0, math.nan, math.nan)
    assert math.isnan(message.weight)
    assert math.isnan(message.ratio)
    assert message == Order.read_from(message.as_bytes())


def test_a_short_float_is_rounded_as_ieee_754_says() -> None:
    assert Order(0, 0, 0.1, 0.1).weight == np.float32(0.1)
    assert Order(0, 0, 0.1, 0.1).ratio == 0.1


@pytest.mark.parametrize("wrong", ["1", None, b"1", [1.0], 1j, object()])
@pytest.mark.parametrize("field", ["weight", "ratio"])
def test_what_is_no_number_is_refused_for_a_float_field(wrong: Any, field: str) -> None:
    error = refused(lambda: Order(**{"price": 0, "size": 0, "weight": 0, "ratio": 0, field: wrong}))
    assert (error.field, error.rule) == (field, "not a number")


def test_a_number_too_large_for_a_float_field_is_refused() -> None:
    assert refused(lambda: Order(0, 0, 1e39, 0)).rule == "too large for f32"
    assert refused(lambda: Order(0, 0, 0, 10**400)).rule == "too large for f64"


# ---- decimals


@given(st.integers(-(2**63), 2**63 - 1), st.integers(1, 5))
def test_a_decimal_is_exact_however_low_the_precision_of_the_caller_is(units: int, precision: int) -> None:
    amount = Decimal(units).scaleb(-8, decimal.Context(prec=40))
    with decimal.localcontext() as context:
        context.prec = precision
        message = Money(amount)
        assert message.raw("amount") == units
        assert message.amount.as_tuple() == amount.as_tuple()
        assert Money.from_json(message.to_json()) == message
    assert bytes(message) == units.to_bytes(8, "little", signed=True)


@pytest.mark.parametrize(
    "amount, units",
    [
        (Decimal("1.5"), 150_000_000),
        (Decimal("-0.00000001"), -1),
        (Decimal("1.500000000000000000000000000"), 150_000_000),
        (Decimal("-0"), 0),
        (Decimal("0e999999999"), 0),
        (Decimal("0e-999999999"), 0),
        (Decimal("9e10"), 9 * 10**18),
        (3, 300_000_000),
        (np.int64(3), 300_000_000),
    ],
)
def test_a_decimal_is_stored_as_a_whole_number_of_units(amount: Any, units: int) -> None:
    assert Money(amount).raw("amount") == units
    assert Money(amount).amount == (amount if isinstance(amount, Decimal) else int(amount))


@pytest.mark.parametrize(
    "wrong, rule",
    [
        (Decimal("NaN"), "not a finite number"),
        (Decimal("sNaN"), "not a finite number"),
        (Decimal("-Infinity"), "not a finite number"),
        (Decimal("0.000000001"), "finer than 1e-8"),
        (Decimal("1e-999999999"), "finer than 1e-8"),
        (Decimal("92233720368.54775808"), f"outside {-(2**63)}..{2**63 - 1}"),
        (Decimal("1e999999999"), f"outside {-(2**63)}..{2**63 - 1} units of 1e-8"),
        (10**11, f"outside {-(2**63)}..{2**63 - 1}"),
        (1.5, "not a Decimal or int"),
        ("1.5", "not a Decimal or int"),
        (None, "not a Decimal or int"),
        (Fraction(3, 2), "not a Decimal or int"),
    ],
)
def test_a_decimal_that_does_not_fit_is_refused(wrong: Any, rule: str) -> None:
    error = refused(lambda: Money(wrong))
    assert (error.field, error.rule, error.kind) == ("amount", rule, "decimal(i64, 8)")


def test_a_wide_decimal_keeps_seventy_seven_digits() -> None:
    amount = Decimal(f"-{2**255}e-18")
    assert Exact(amount).amount == amount
    assert Exact(amount).to_json() == f'{{"amount":"{amount:f}"}}'
    assert refused(lambda: Exact(Decimal(f"-{2**255 + 1}e-18"))).field == "amount"
