"""Enums, flag sets and values that may be missing."""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag
from typing import Annotated, Any

import pytest

from tlv import (
    TLV,
    ConstraintError,
    FieldValueError,
    Null,
    Scaled,
    Size,
    define_tlv,
    f32,
    f64,
    i8,
    i64,
    i128,
    u8,
    u16,
    u256,
)


class Side(IntEnum):
    BUY = 1
    SELL = 2


class Colour(Enum):
    RED = 0
    GREEN = 7


class Rights(IntFlag):
    READ = 1
    WRITE = 2


class Marks(Flag):
    OLD = 1
    NEW = 4


class Tagged(TLV):
    side: Annotated[Side, u8]
    colour: Annotated[Colour, i128] = Colour.GREEN
    rights: Annotated[Rights, u8] = Rights.READ
    marks: Annotated[Marks, u16] = Marks.OLD


class Signed(TLV):
    rights: Annotated[Rights, i8]
    sides: Annotated[tuple[Annotated[Side, u8], ...], Size(2)] = (Side.BUY, Side.SELL)


class Perhaps(TLV):
    """Every type that has a null, with the usual one and with a chosen one."""

    signed: i64 | None = None
    unsigned: u256 | None = None
    real: f64 | None = None
    amount: Annotated[Decimal | None, Scaled(i64, 2)] = None
    key: Annotated[bytes | None, Size(4)] = None
    side: Annotated[Side | None, u8] = None
    chosen: Annotated[i64 | None, Null(-1)] = None
    chosen_real: Annotated[f32 | None, Null(0.1)] = None
    chosen_amount: Annotated[Decimal | None, Scaled(i64, 2), Null(-100)] = None
    chosen_key: Annotated[bytes | None, Size(4), Null(b"none")] = None
    chosen_side: Annotated[Side | None, u8, Null(0)] = None


#: For each field: the stored null, and a value with which it would be confused.
NULLS: dict[str, tuple[Any, Any]] = {
    "signed": (-(2**63), -(2**63)),
    "unsigned": (2**256 - 1, 2**256 - 1),
    "amount": (-(2**63), Decimal(-(2**63)).scaleb(-2)),
    "key": (bytes(4), bytes(4)),
    "side": (255, 255),
    "chosen": (-1, -1),
    "chosen_real": (pytest.approx(0.1), 0.1),
    "chosen_amount": (-100, Decimal(-1)),
    "chosen_key": (b"none", b"none"),
    "chosen_side": (0, 0),
}
VALUES: dict[str, Any] = {
    "signed": -1,
    "unsigned": 0,
    "real": -0.0,
    "amount": Decimal("0.01"),
    "key": b"\0\0\0\1",
    "side": Side.BUY,
    "chosen": -(2**63),
    "chosen_real": math.inf,
    "chosen_amount": Decimal("-1.01"),
    "chosen_key": bytes(4),
    "chosen_side": Side.SELL,
}


# ---- enums


def test_a_known_value_reads_as_the_member() -> None:
    message = Tagged(Side.SELL, Colour.RED, Rights.READ | Rights.WRITE, Marks.OLD | Marks.NEW)
    view = Tagged.ref_from(message.as_bytes())
    assert view.side is Side.SELL
    assert view.colour is Colour.RED
    assert view.rights is Rights.READ | Rights.WRITE
    assert view.marks is Marks.OLD | Marks.NEW


def test_the_number_of_a_member_is_as_good_as_the_member() -> None:
    assert Tagged(2, 0, 3, 5) == Tagged(Side.SELL, Colour.RED, Rights(3), Marks(5))  # type: ignore[arg-type]


def test_an_unknown_value_survives_and_prints_as_a_number() -> None:
    view = Tagged.ref_from(bytes(Tagged(9, 8, 128, 2)))  # type: ignore[arg-type]
    assert list(view.to_dict().values()) == [9, 8, view.rights, 2]
    assert repr(view) == f"Tagged(side=9, colour=8, rights={view.rights!r}, marks=2)"
    assert "128" in repr(view.rights)
    for copied in (view.replace(), Tagged.from_json(view.to_json()), Tagged.from_dict(view.to_dict())):
        assert bytes(copied) == bytes(view)


@pytest.mark.parametrize("stored", range(256))
def test_every_stored_value_of_a_signed_flag_set_survives(stored: int) -> None:
    view = Signed.ref_from(bytes([stored, stored, 1]))
    number = stored - 256 if stored > 127 else stored
    assert view.raw("rights") == number
    assert view.rights == number
    assert bytes(view.replace(sides=(1, 2))) == bytes([stored, 1, 2])
    assert view.sides == (stored, Side.BUY)


def test_the_stored_number_can_be_read_beside_the_member() -> None:
    message = Tagged(Side.SELL, Colour.GREEN)
    assert (message.raw("side"), message.raw("colour"), message.raw("rights")) == (2, 7, 1)
    assert Signed(0).raw("sides") == (1, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [Colour.GREEN, Rights.READ, "BUY", None, 1.0, 256, -1])
def test_what_is_neither_a_member_nor_a_number_that_fits_is_refused(wrong: Any) -> None:
    with pytest.raises(FieldValueError) as caught:
        Tagged(wrong)
    assert (caught.value.field, caught.value.kind) == ("side", "Side:u8")


def test_a_flag_set_is_one_value_in_a_dictionary_and_in_json() -> None:
    message = Tagged(Side.BUY, rights=Rights.READ | Rights.WRITE)
    assert message.to_dict()["rights"] == Rights.READ | Rights.WRITE
    assert message.to_json() == '{"side":1,"colour":"7","rights":3,"marks":1}'
    assert Tagged.from_json(message.to_json()).rights is Rights.READ | Rights.WRITE


# ---- optionals


def test_what_is_not_given_is_none() -> None:
    message = Perhaps()
    assert message.to_dict() == dict.fromkeys(Perhaps.__match_args__)
    assert Perhaps.from_json(message.to_json()) == message
    message.validate()


@pytest.mark.parametrize("name", list(NULLS))
def test_the_null_is_the_declared_one(name: str) -> None:
    assert Perhaps().raw(name) == NULLS[name][0]


def test_the_usual_null_of_a_float_is_nan() -> None:
    assert math.isnan(Perhaps().raw("real"))
    with pytest.raises(FieldValueError, match="this value is the declared null"):
        Perhaps(real=math.nan)


@pytest.mark.parametrize("name", list(VALUES))
def test_a_value_beside_the_null_is_a_value(name: str) -> None:
    message = Perhaps(**{name: VALUES[name]})
    read = Perhaps.ref_from(message.as_bytes())
    expected = Decimal(VALUES[name]) if name == "amount" else VALUES[name]
    assert getattr(read, name) == expected
    assert [other for other in Perhaps.__match_args__ if getattr(read, other) is not None] == [name]
    assert Perhaps.from_json(message.to_json()) == Perhaps.from_dict(message.to_dict()) == message


@pytest.mark.parametrize("name", list(NULLS))
def test_a_value_that_would_read_as_none_is_refused(name: str) -> None:
    with pytest.raises(FieldValueError) as caught:
        Perhaps(**{name: NULLS[name][1]})
    assert (caught.value.field, caught.value.rule) == (name, "this value is the declared null")


def test_a_value_out_of_range_is_refused_as_without_none() -> None:
    with pytest.raises(FieldValueError, match=r"Perhaps\.signed = 9223372036854775808: outside"):
        Perhaps(signed=2**63)
    with pytest.raises(FieldValueError, match=r"Perhaps\.chosen_real = 'x': not a number"):
        Perhaps(chosen_real="x")  # type: ignore[arg-type]


def test_the_kind_tells_a_chosen_null_from_the_usual_one() -> None:
    """Peers that disagree about it would misread each other, so it is a part of the digest."""

    class Usual(TLV):
        level: i64 | None

    class Chosen(TLV):
        level: Annotated[i64 | None, Null(-1)]

    class Spelled(TLV):
        level: Annotated[i64 | None, Null(-(2**63))]

    assert (Usual.layout["level"].kind, Chosen.layout["level"].kind) == ("i64?", "i64?(-1)")
    assert Usual.layout.digest != Chosen.layout.digest
    assert Usual.layout.digest == Spelled.layout.digest


def test_nulls_that_are_equal_numbers_are_stored_as_each_is_written() -> None:
    """`typing` hands out an equal annotation that was made before: 0.0 would be stored where -0.0 is declared."""
    zero, negative, whole = Annotated[f64, Null(0.0)], Annotated[f64, Null(-0.0)], Annotated[f64, Null(0)]
    assert len({Null(0.0), Null(-0.0), Null(0), Null(False)}) == 4
    assert Null(-1) == Null(-1)
    assert Null(-1) != -1
    stored = [bytes(define_tlv("One", {"level": one | None})(None)) for one in (zero, negative, whole)]
    assert stored == [struct.pack("<d", one) for one in (0.0, -0.0, 0.0)]


def test_a_boolean_reads_any_byte_but_zero_as_true_and_validates_only_one() -> None:
    class Switch(TLV):
        on: bool
        others: Annotated[tuple[bool, ...], Size(3)] = (False, True, False)

    assert bytes(Switch(True)) == b"\1\0\1\0"
    assert Switch.ref_from(b"\2\0\1\0").on is True
    with pytest.raises(ConstraintError) as caught:
        Switch.ref_from_validated(b"\2\0\1\0")
    assert (caught.value.field, caught.value.value, caught.value.rule) == ("on", "2", "0 or 1")
    with pytest.raises(ConstraintError) as caught:
        Switch.ref_from_validated(b"\1\0\1\7")
    assert (caught.value.field, caught.value.value) == ("others[2]", "7")
    for wrong in (1, 0, None, "yes"):
        with pytest.raises(FieldValueError, match="not a bool"):
            Switch(wrong)  # type: ignore[arg-type]
