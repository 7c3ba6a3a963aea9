"""Declared constraints and rules: when they hold, and how a message that breaks them is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any

import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf, Predicate, Timezone
from hypothesis import given

from tests.strategies import Sample, declarations, ruled_types, samples, share
from tlv import (
    TLV,
    ConstraintError,
    DeclarationError,
    Doc,
    Group,
    NonZero,
    RuleError,
    Scaled,
    Size,
    TextEncodingError,
    TruncatedError,
    define_tlv,
    f64,
    i64,
    i256,
    u8,
    u32,
)

Price = Annotated[i64, Gt(0), Doc("a price", unit="cent")]


class Side(IntEnum):
    BUY = 1
    SELL = 2


class State(Enum):
    OFF = 0
    ON = 1


class Level(TLV):
    price: Price
    size: Annotated[i64, Ge(0)] = 1


class Even(TLV):
    number: i64

    def validate(self) -> None:
        if self.number % 2:
            raise ValueError("number must be even")


class Book(TLV, type=1000):
    best: Level
    corners: Annotated[tuple[Level, ...], Size(2)] = (Level(1), Level(2))
    counts: Annotated[tuple[Annotated[tuple[Annotated[u8, Le(9)], ...], Size(2)], ...], Size(2)] = ((1, 2), (3, 4))
    levels: Annotated[Group[Level], Len(0, 3)] = ()
    evens: Group[Even] = ()
    note: Annotated[str, MaxLen(4)] = ""


def broken(check: Callable[[], object]) -> tuple[str, str, str, str]:
    with pytest.raises(ConstraintError) as caught:
        check()
    error = caught.value
    return error.message, error.field, error.value, error.rule


def is_prime(number: int) -> bool:
    return number > 1 and all(number % n for n in range(2, number))


@share(0.6)
@given(samples(declarations(field_types=ruled_types)))
def test_a_message_validates_when_every_constraint_holds(sample: Sample) -> None:
    wrong = [
        (name, rule.text)
        for name, field in sample.declaration.fields.items()
        for rule in field.rules
        if not rule.holds(sample.values[name])
    ]
    message = sample.make()
    if wrong:
        assert broken(message.validate)[1::2] == wrong[0]
        assert broken(lambda: sample.message_type.ref_from_validated(sample.expected))[1::2] == wrong[0]
    else:
        message.validate()
        assert sample.message_type.ref_from_validated(sample.expected) == message


@pytest.mark.parametrize(
    "constraint, good, bad, rule",
    [
        (Gt(0), [1, 2**63 - 1], [0, -1], "> 0"),
        (Ge(0), [0, 1], [-1], ">= 0"),
        (Lt(10), [9, -(2**63)], [10, 11], "< 10"),
        (Le(10), [10, 9], [11], "<= 10"),
        (Interval(gt=0, le=10), [1, 10], [0], "> 0"),
        (Interval(gt=0, le=10), [5], [11], "<= 10"),
        (Interval(ge=0, lt=10), [0, 9], [10], "< 10"),
        (MultipleOf(5), [0, 5, -10], [1, 4, -6], "multiple of 5"),
        (NonZero(), [1, -1, -(2**63)], [0], "!= 0"),
        (NonZero, [1, -1], [0], "!= 0"),
        (Predicate(is_prime), [2, 7, 97], [1, 4, -7], "is_prime"),
    ],
)
def test_each_constraint_of_a_number(constraint: Any, good: list[int], bad: list[int], rule: str) -> None:
    message_type: Any = define_tlv("Number", {"value": Annotated[i64, constraint]})
    for number in good:
        message_type(number).validate()
    for number in bad:
        assert broken(message_type(number).validate) == ("Number", "value", str(number), rule)


@pytest.mark.parametrize(
    "constraint, good, bad, rule",
    [
        (MinLen(2), ["ab", "abc"], ["a", ""], "length >= 2"),
        (MaxLen(2), ["ab", ""], ["abc"], "length <= 2"),
        (Len(1, 2), ["a", "ab"], [""], "length >= 1"),
        (Len(1, 2), ["a"], ["abc"], "length <= 2"),
        (Len(2), ["ab", "abcd"], ["a"], "length >= 2"),
        (Predicate(str.islower), ["ab"], ["", "AB"], "islower"),
    ],
)
def test_each_constraint_of_a_length(constraint: Any, good: list[str], bad: list[str], rule: str) -> None:
    fixed: Any = define_tlv("Text", {"value": Annotated[str, Size(4), constraint]})
    varied: Any = define_tlv("Text", {"value": Annotated[str, constraint]})
    for message_type in (fixed, varied):
        for text in good:
            message_type(text).validate()
        for text in bad:
            assert broken(message_type(text).validate) == ("Text", "value", repr(text), rule)


def test_constraints_of_decimals_are_exact() -> None:
    class Money(TLV):
        amount: Annotated[Decimal, Scaled(i256, 8), Ge(Decimal("-1e60")), MultipleOf(Decimal("0.01"))]

    Money(Decimal("1e60")).validate()
    Money(Decimal("0.07")).validate()
    assert broken(Money(Decimal("0.005")).validate)[3] == "multiple of 0.01"
    assert broken(Money(Decimal("-1e61")).validate)[3] == ">= -1E+60"


def test_nan_breaks_every_comparison() -> None:
    class Real(TLV):
        value: Annotated[f64, Gt(0)]

    assert broken(Real(math.nan).validate) == ("Real", "value", "nan", "> 0")
    Real(math.inf).validate()


def test_every_kind_of_number_can_be_asked_not_to_be_zero() -> None:
    class Change(TLV):
        wide: Annotated[i256, NonZero()]
        money: Annotated[Decimal, Scaled(i64, 2), NonZero()]
        real: Annotated[f64, NonZero()]
        side: Annotated[Side, u8, NonZero()]
        state: Annotated[State, u8, NonZero()]
        steps: Annotated[tuple[Annotated[u32 | None, NonZero()], ...], Size(2)]

    good: dict[str, Any] = {
        "wide": -1,
        "money": Decimal("0.01"),
        "real": math.nan,
        "side": 9,
        "state": State.ON,
        "steps": (None, 1),
    }
    Change(**good).validate()
    for field, zero in (("wide", 0), ("money", 0), ("real", -0.0), ("side", 0), ("state", State.OFF)):
        refused = broken(Change(**good | {field: zero}).validate)
        assert (refused[1], refused[3]) == (field, "!= 0")
    assert broken(Change(**good | {"steps": (None, 0)}).validate) == ("Change", "steps[1]", "0", "!= 0")


@pytest.mark.parametrize("annotation", [bool, str, Annotated[bytes, Size(2)], Level, Group[Level]])
def test_what_is_no_number_cannot_be_asked_not_to_be_zero(annotation: Any) -> None:
    for declared in (
        Annotated[annotation, NonZero()],
        Annotated[tuple[Annotated[annotation, NonZero()], ...], Size(1)],
    ):
        with pytest.raises(DeclarationError):
            define_tlv("Odd", {"value": declared})
    with pytest.raises(DeclarationError) as caught:
        define_tlv("Odd", {"value": Annotated[bool, NonZero()]})
    assert str(caught.value) == (
        "[TLV-001] Odd.value: NonZero is about numbers; remove it, or write Predicate with a function"
    )


def test_an_enum_is_compared_as_its_number() -> None:
    class Order(TLV):
        side: Annotated[Side, u8, Le(1)]

    Order(Side.BUY).validate()
    assert broken(Order(Side.SELL).validate) == ("Order", "side", "<Side.SELL: 2>", "<= 1")
    assert broken(Order(9).validate)[2] == "9"  # type: ignore[arg-type]


def test_a_value_that_is_none_passes_and_any_other_is_checked() -> None:
    class Limit(TLV):
        price: Price | None
        size: Annotated[i64 | None, Ge(1)] = None

    Limit(None).validate()
    Limit(5, 1).validate()
    assert broken(Limit(-5).validate) == ("Limit", "price", "-5", "> 0")
    assert broken(Limit(5, 0).validate) == ("Limit", "size", "0", ">= 1")
    assert Limit.layout["price"].unit == "cent"


def test_constraints_of_an_alias_and_of_the_field_both_count() -> None:
    class Cheap(TLV):
        price: Annotated[Price, Lt(100)]

    Cheap(99).validate()
    assert broken(Cheap(0).validate)[3] == "> 0"
    assert broken(Cheap(100).validate)[3] == "< 100"
    assert Cheap.layout["price"].constraints == (Gt(0), Lt(100))


def test_the_refusal_names_message_field_value_and_rule() -> None:
    with pytest.raises(ConstraintError) as caught:
        Level(-3).validate()
    assert str(caught.value) == (
        "[TLV-005] Level.price = -3 breaks the rule > 0; mend the sender, or the constraint in the declaration"
    )
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "book, path, value, rule",
    [
        (lambda: Book(Level(0)), "best.price", "0", "> 0"),
        (lambda: Book(Level(1), (Level(1), Level(2, -1))), "corners[1].size", "-1", ">= 0"),
        (lambda: Book(Level(1), counts=((1, 2), (10, 3))), "counts[1][0]", "10", "<= 9"),
        (lambda: Book(Level(1), levels=[Level(1), Level(-7)]), "levels[1].price", "-7", "> 0"),
        (lambda: Book(Level(1), levels=[Level(1)] * 4), "levels", repr([Level(1)] * 4)[:77] + "...", "length <= 3"),
        (lambda: Book(Level(1), note="12345"), "note", "'12345'", "length <= 4"),
    ],
)
def test_the_path_leads_into_nested_messages_arrays_and_groups(
    book: Callable[[], Book], path: str, value: str, rule: str
) -> None:
    assert broken(book().validate) == ("Book", path, value, rule)
    assert broken(lambda: Book.ref_from_validated(bytes(book()))) == ("Book", path, value, rule)


def test_the_rule_of_an_item_is_told_with_its_path() -> None:
    with pytest.raises(RuleError) as caught:
        Book(Level(1), evens=[Even(2), Even(3)]).validate()
    assert str(caught.value) == (
        "[TLV-006] Book.evens[1] breaks its rule: number must be even; it is Even(number=3); "
        "mend the sender, or the validate() method of the declaration"
    )


def test_text_of_a_nested_message_that_is_not_utf_8_is_told_with_its_path() -> None:
    class Named(TLV):
        name: Annotated[str, Size(2)]

    class Pair(TLV):
        names: Annotated[tuple[Named, ...], Size(2)]

    with pytest.raises(TextEncodingError) as caught:
        Pair.ref_from_validated(b"ab\xff\xff")
    assert (caught.value.message, caught.value.field) == ("Pair", "names[1].name")


# ---- rules of a class


class Range(TLV):
    low: Annotated[i64, Ge(0)]
    high: i64

    def validate(self) -> None:
        if self.low > self.high:
            raise ValueError("low must not be above high")


class Narrow(Range):
    width: u32 = 0

    def validate(self) -> None:
        super().validate()
        if self.high - self.low > self.width:
            raise ValueError("wider than its width")


class Inherits(Range):
    """Has no rule of its own."""

    note: Annotated[u8, Gt(0)] = 1


def test_a_rule_sees_all_fields_and_its_text_is_told() -> None:
    Range(1, 2).validate()
    with pytest.raises(RuleError) as caught:
        Range(3, 2).validate()
    assert str(caught.value) == (
        "[TLV-006] Range breaks its rule: low must not be above high; it is Range(low=3, high=2); "
        "mend the sender, or the validate() method of the declaration"
    )
    with pytest.raises(RuleError):
        Range.ref_from_validated(bytes(Range(3, 2)))


def test_constraints_are_checked_before_the_rule() -> None:
    assert broken(Range(-1, -2).validate)[1] == "low"


def test_a_rule_calls_that_of_its_base() -> None:
    Narrow(1, 3, 2).validate()
    for message, said in ((Narrow(3, 2, 9), "low must not be above high"), (Narrow(1, 9, 2), "wider than its width")):
        with pytest.raises(RuleError) as caught:
            message.validate()
        assert caught.value.rule == said
    assert broken(Narrow(-1, 0).validate)[1] == "low"


def test_a_rule_is_inherited_with_the_constraints_of_the_new_fields() -> None:
    with pytest.raises(RuleError):
        Inherits(3, 2).validate()
    assert broken(Inherits(1, 2, 0).validate) == ("Inherits", "note", "0", "> 0")


def test_a_declared_error_of_a_rule_comes_out_as_it_is() -> None:
    class Odd(TLV):
        number: i64

        def validate(self) -> None:
            Even(self.number).validate()

    with pytest.raises(RuleError) as caught:
        Odd(3).validate()
    assert caught.value.message == "Even"


def test_a_mistake_in_a_rule_is_not_taken_for_its_verdict() -> None:
    class Wrong(TLV):
        number: i64

        def validate(self) -> None:
            self.nunber  # type: ignore[attr-defined]

    with pytest.raises(AttributeError):
        Wrong(1).validate()


def test_the_text_of_a_refused_message_stays_short() -> None:
    class Long(TLV):
        data: bytes

        def validate(self) -> None:
            raise ValueError("never")

    with pytest.raises(RuleError) as caught:
        Long(bytes(10_000)).validate()
    assert len(caught.value.value) == 400


def test_a_constraint_that_raises_refuses_the_value() -> None:
    def explode(value: int) -> bool:
        raise ZeroDivisionError("boom")

    class Odd(TLV):
        number: Annotated[i64, Predicate(explode)]

    class Lengthless(TLV):
        number: Annotated[i64, MinLen(1)]

    assert broken(Odd(1).validate)[3] == "explode, which raises ZeroDivisionError: boom"
    assert "raises TypeError" in broken(Lengthless(1).validate)[3]


def test_construction_does_not_check_constraints() -> None:
    """They are about senders; whoever builds a message calls validate() where it matters."""
    assert Level(-3).price == -3
    assert Level.ref_from(bytes(Level(-3))).price == -3


def test_reading_with_validation_checks_the_length_first() -> None:
    with pytest.raises(TruncatedError):
        Level.ref_from_validated(b"")


def test_a_constraint_that_is_not_known_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(DeclarationError) as caught:
        define_tlv("Odd", {"value": Annotated[i64, Timezone("UTC")]})
    assert str(caught.value) == (
        "[TLV-001] Odd.value: the constraint Timezone(tz='UTC') is not known here; "
        "use Gt, Ge, Lt, Le, Interval, NonZero, MultipleOf, Len, MinLen, MaxLen or Predicate"
    )
