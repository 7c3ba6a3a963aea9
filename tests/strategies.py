"""Hypothesis strategies for declarations, and for messages of them.

`samples` draws a declaration, a message class made of it, values, and the bytes that these must give. The bytes come
from the design page by way of ``int.to_bytes`` and ``struct``, and share no line with the library. A new field type is
one more function that returns a `FieldType`, added to `fixed_types` or `variable_types`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag
from fractions import Fraction
from functools import cache
from types import GenericAlias
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf, Predicate
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tlv import TLV, FloatType, Group, IntType, Null, Scaled, Size, define_tlv, describe, pad

Order = Literal["little", "big"]
#: Widths with types of their own; any other multiple of 8 is IntType(bits).
WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64, 96, 112, 128, 160, 192, 224, 256)
#: Names that generated code could trip over.
NAMES = (
    "price",
    "type",
    "id",
    "int",
    "len",
    "range",
    "bytes",
    "list",
    "cls",
    "buf",
    "offset",
    "length",
    "buffer",
    "value",
    "name",
    "size",
    "property",
    "struct",
    "message",
    "match",
    "größe",
    "x",
)


def share(part: float) -> settings:
    """A part of the examples of the profile in use: declarations take some 10 ms each to draw and to compile."""
    examples = max(1, round(part * (settings.default.max_examples if settings.default else 100)))
    return settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])


class Side(IntEnum):
    BUY = 1
    SELL = 2


class Colour(Enum):
    RED = 0
    GREEN = 7


class Rights(IntFlag):
    READ = 1
    WRITE = 2
    RUN = 4


class Marks(Flag):
    OLD = 1
    NEW = 8


@dataclass(frozen=True)
class Rule:
    """A constraint, when it holds, and how its error names it."""

    annotation: Any
    holds: Callable[[Any], bool]
    text: str


@dataclass(frozen=True)
class Stored:
    """How values of a type that can be optional are stored: what ``Null`` takes, its bytes, and the usual null."""

    of: Callable[[Any], Any]
    encode: Callable[[Any], bytes]
    usual_null: Any


@dataclass(frozen=True)
class FieldType:
    """One type of field: how it is declared, which values it takes, and how these lie in bytes.

    ``encode`` gives the bytes in the fixed block or, for a variable type, count and data.
    """

    annotation: Any
    size: int
    values: st.SearchStrategy[Any]
    encode: Callable[[Any], Any]
    stored: Stored | None = None
    is_variable: bool = False
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Declaration:
    """The fields of a class by name; a ``FieldType`` without values is padding."""

    fields: Mapping[str, FieldType]
    defaults: Mapping[str, Any]
    byteorder: Order
    message_type: type[TLV]

    @property
    def named(self) -> dict[str, FieldType]:
        """The fields that have a value."""
        return {name: field for name, field in self.fields.items() if not name.startswith("_")}

    def values(self) -> st.SearchStrategy[dict[str, Any]]:
        named = self.named
        drawn = st.tuples(*(field.values for field in named.values()))
        return drawn.map(lambda values: dict(zip(named, values, strict=True)))

    def expected(self, values: Mapping[str, Any]) -> bytes:
        """The bytes of a message with these values, as the design page has them."""
        fixed = sum(field.size for field in self.fields.values())
        block, data = b"", b""
        start = align(fixed)
        for name, field in self.fields.items():
            if name.startswith("_"):
                block += bytes(field.size)
            elif field.is_variable:
                count, encoded = field.encode(values[name])
                where = start + len(data) if count else 0
                block += where.to_bytes(4, self.byteorder) + count.to_bytes(4, self.byteorder)
                data += fill(encoded)
            else:
                block += field.encode(values[name])
        assert len(block) == fixed
        has_variable = any(field.is_variable for field in self.fields.values())
        return fill(block) + data if has_variable else block


@dataclass(frozen=True)
class Sample:
    """A message class, values for it, and their bytes; its repr is what a failing test prints."""

    declaration: Declaration
    values: Mapping[str, Any]
    expected: bytes

    @property
    def message_type(self) -> type[TLV]:
        return self.declaration.message_type

    def make(self) -> TLV:
        return self.message_type(**self.values)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"\n{describe(self.message_type)}\nvalues: {given}\nbytes: {self.expected.hex(' ', 8)}\n"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


def align(size: int) -> int:
    return -(-size // 8) * 8


def fill(data: bytes) -> bytes:
    return data + bytes(align(len(data)) - len(data))


# ---- one function for each type of field


def int_range(bits: int, signed: bool) -> tuple[int, int]:
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


@cache
def whole_numbers(bits: int, signed: bool) -> st.SearchStrategy[int]:
    low, high = int_range(bits, signed)
    return st.integers(low, high) | st.sampled_from([low, low + 1, max(low, -1), 0, 1, high - 1, high])


def stored_integer(bits: int, signed: bool, order: Order, of: Callable[[Any], int] = int) -> Stored:
    low, high = int_range(bits, signed)
    return Stored(of, lambda number: number.to_bytes(bits // 8, order, signed=signed), low if signed else high)


def stored_field(annotation: Any, size: int, values: st.SearchStrategy[Any], stored: Stored) -> FieldType:
    return FieldType(annotation, size, values, lambda value: stored.encode(stored.of(value)), stored)


@cache
@st.composite
def integer_types(draw: st.DrawFn, order: Order) -> FieldType:
    bits, signed = draw(st.sampled_from(WIDTHS) | st.integers(1, 32).map(lambda n: 8 * n)), draw(st.booleans())
    annotation = Annotated[int, IntType(bits, signed=signed)]
    return stored_field(annotation, bits // 8, whole_numbers(bits, signed), stored_integer(bits, signed, order))


@cache
@st.composite
def float_types(draw: st.DrawFn, order: Order) -> FieldType:
    bits: Literal[32, 64] = draw(st.sampled_from((32, 64)))
    code = struct.Struct(("<" if order == "little" else ">") + ("f" if bits == 32 else "d"))
    values = st.floats(width=bits, allow_nan=False)
    stored = Stored(float, code.pack, float("nan"))
    return stored_field(Annotated[float, FloatType(bits)], bits // 8, values, stored)


@cache
def bool_types(order: Order) -> st.SearchStrategy[FieldType]:
    return st.just(FieldType(bool, 1, st.booleans(), lambda value: b"\1" if value else b"\0"))


@cache
@st.composite
def enum_types(draw: st.DrawFn, order: Order) -> FieldType:
    members: type[Enum] = draw(st.sampled_from([Side, Colour, Rights, Marks]))
    bits, signed = draw(st.sampled_from((8, 16, 24, 64, 128))), draw(st.booleans())
    known = st.sampled_from(list(members.__members__.values()))
    if members in (Rights, Marks):
        known = st.sets(known).map(lambda marks: members(sum(mark.value for mark in marks)))

    # An unknown number that happens to be known reads as the member.
    unknown = whole_numbers(bits, signed).map(lambda number: known_member(members, number))
    stored = stored_integer(bits, signed, order, lambda value: value.value if isinstance(value, Enum) else value)
    return stored_field(Annotated[members, IntType(bits, signed=signed)], bits // 8, known | unknown, stored)


def known_member(members: type[Enum], number: int) -> Any:
    try:
        member = members(number)
    except ValueError:
        return number
    return member if member.value == number else number


@cache
@st.composite
def decimal_types(draw: st.DrawFn, order: Order) -> FieldType:
    bits, signed = draw(st.sampled_from((8, 32, 64, 128, 256))), draw(st.booleans())
    digits = draw(st.integers(0, 20) | st.just(77))

    def units(value: Decimal) -> int:
        exact = Fraction(value) * 10**digits
        assert exact.denominator == 1
        return int(exact)

    return stored_field(
        Annotated[Decimal, Scaled(Annotated[int, IntType(bits, signed=signed)], digits)],
        bits // 8,
        whole_numbers(bits, signed).map(lambda number: Decimal(f"{number}e-{digits}")),
        stored_integer(bits, signed, order, units),
    )


@cache
@st.composite
def bytes_types(draw: st.DrawFn, order: Order) -> FieldType:
    size = draw(st.integers(1, 24))
    values = st.binary(min_size=size, max_size=size)
    return stored_field(Annotated[bytes, Size(size)], size, values, Stored(bytes, bytes, bytes(size)))


@cache
@st.composite
def text_types(draw: st.DrawFn, order: Order) -> FieldType:
    size = draw(st.integers(1, 16))
    values = texts.map(lambda text: text.encode()[:size].decode(errors="ignore"))
    return FieldType(Annotated[str, Size(size)], size, values, lambda value: value.encode().ljust(size, b"\0"))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=16)


@cache
@st.composite
def nested_types(draw: st.DrawFn, order: Order) -> FieldType:
    # A nested message has a byte order of its own.
    inner = draw(plain_layouts())
    return FieldType(
        inner.message_type,
        len(inner.expected(draw(inner.values()))),
        inner.values().map(lambda values: inner.message_type(**values)),
        lambda value: inner.expected({name: getattr(value, name) for name in inner.named}),
    )


@cache
@st.composite
def array_types(draw: st.DrawFn, order: Order, depth: int = 0) -> FieldType:
    element = draw(fixed_types(order, depth=depth + 1))
    count = draw(st.integers(1, 4))
    elements: Any = GenericAlias(tuple, (element.annotation, ...))
    return FieldType(
        Annotated[elements, Size(count)],
        element.size * count,
        st.tuples(*[element.values] * count),
        lambda value: b"".join(map(element.encode, value)),
    )


@cache
@st.composite
def optional_types(draw: st.DrawFn, order: Order) -> FieldType:
    """``T | None`` with the usual null or a chosen one, and values that are not the null."""
    kinds = (integer_types(order), float_types(order), enum_types(order), decimal_types(order), bytes_types(order))
    inner = draw(st.one_of(*kinds))
    stored = inner.stored
    assert stored is not None
    null, annotation = stored.usual_null, inner.annotation | None
    if draw(st.booleans()):
        null = stored.of(draw(inner.values))
        annotation = Annotated[annotation, Null(null)]
    return FieldType(
        annotation,
        inner.size,
        st.none() | inner.values.filter(lambda value: stored.of(value) != null),
        lambda value: stored.encode(null if value is None else stored.of(value)),
    )


@cache
@st.composite
def group_types(draw: st.DrawFn, order: Order) -> FieldType:
    item = draw(plain_layouts())
    items = item.values().map(lambda values: item.message_type(**values))

    def encode(group: Any) -> tuple[int, bytes]:
        parts = [item.expected({name: getattr(one, name) for name in item.named}) for one in group]
        if not parts:
            return 0, b""
        return len(parts), len(parts[0]).to_bytes(4, order) + bytes(4) + b"".join(parts)

    group: Any = Group
    return FieldType(group[item.message_type], 8, st.lists(items, max_size=4).map(tuple), encode, is_variable=True)


@cache
def variable_bytes_types(order: Order) -> st.SearchStrategy[FieldType]:
    kind = FieldType(bytes, 8, st.binary(max_size=40), lambda value: (len(value), value), is_variable=True)
    return st.just(kind)


@cache
def variable_text_types(order: Order) -> st.SearchStrategy[FieldType]:
    def encode(value: str) -> tuple[int, bytes]:
        data = value.encode()
        return len(data), data

    return st.just(FieldType(str, 8, st.text(st.characters(codec="utf-8"), max_size=20), encode, is_variable=True))


# ---- declarations and messages


@cache
def fixed_types(order: Order, depth: int = 0) -> st.SearchStrategy[FieldType]:
    kinds: list[st.SearchStrategy[FieldType]] = [
        integer_types(order),
        float_types(order),
        bool_types(order),
        enum_types(order),
        decimal_types(order),
        bytes_types(order),
        text_types(order),
        optional_types(order),
    ]
    if depth < 2:
        kinds.append(array_types(order, depth))
    if depth < 1:
        kinds.append(nested_types(order))
    return st.one_of(*kinds)


@cache
def variable_types(order: Order) -> st.SearchStrategy[FieldType]:
    return st.one_of(group_types(order), variable_bytes_types(order), variable_text_types(order))


@cache
def pads() -> st.SearchStrategy[FieldType]:
    return st.integers(1, 9).map(lambda size: FieldType(pad[size], size, st.nothing(), bytes))


@st.composite
def declarations(
    draw: st.DrawFn,
    *,
    fixed_only: bool = False,
    fields_max: int = 6,
    depth: int = 0,
    field_types: Callable[[Order], st.SearchStrategy[FieldType]] | None = None,
) -> Declaration:
    """Declarations of one to ``fields_max`` fields, with padding and defaults; ``field_types`` narrows the types."""
    order: Order = draw(st.sampled_from(("little", "big")))
    kinds = field_types(order) if field_types else fixed_types(order, depth)
    if not fixed_only:
        kinds = st.one_of(kinds, kinds, kinds, variable_types(order))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=fields_max, unique=True))
    fields: dict[str, FieldType] = {}
    for i, name in enumerate(names):
        if field_types is None and draw(st.integers(0, 4)) == 0:
            fields[f"_padding{i}"] = draw(pads())
        fields[name] = draw(kinds)
    first_default = draw(st.integers(0, 2 * len(names)))
    defaults = {name: draw(fields[name].values) for name in names[first_default:]}
    message_type = define_tlv(
        "Generated",
        {
            name: (field.annotation, defaults[name]) if name in defaults else field.annotation
            for name, field in fields.items()
        },
        byteorder=order,
        version=draw(st.integers(0, 255)),
    )
    return Declaration(fields, defaults, order, message_type)


@cache
def plain_layouts() -> st.SearchStrategy[Declaration]:
    """What can be nested, and be an item of a group."""
    return declarations(fixed_only=True, fields_max=3, depth=1)


@st.composite
def samples(draw: st.DrawFn, kinds: st.SearchStrategy[Declaration] | None = None) -> Sample:
    """A declaration with values and their bytes."""
    declaration = draw(declarations() if kinds is None else kinds)
    values = draw(declaration.values())
    return Sample(declaration, values, declaration.expected(values))


# ---- constraints


@cache
def ruled_types(order: Order) -> st.SearchStrategy[FieldType]:
    """Fields with constraints, and values that keep or break them."""
    numbers = st.one_of(integer_types(order), decimal_types(order))
    lengths = st.one_of(variable_bytes_types(order), variable_text_types(order), group_types(order))
    return st.one_of(
        numbers.flatmap(lambda field: number_rules(field.values).map(lambda rules: with_rules(field, rules))),
        lengths.flatmap(lambda field: length_rules().map(lambda rules: with_rules(field, rules))),
    )


def with_rules(field: FieldType, rules: tuple[Rule, ...]) -> FieldType:
    metadata = [rule.annotation for rule in rules if rule.annotation is not None]
    return replace(field, annotation=Annotated[field.annotation, *metadata], rules=rules)


@st.composite
def number_rules(draw: st.DrawFn, limits: st.SearchStrategy[Any]) -> tuple[Rule, ...]:
    one, other = sorted((draw(limits), draw(limits)))
    step = draw(st.integers(1, 9))
    at_least = Rule(Ge(one), lambda value: bool(value >= one), f">= {one}")
    below = Rule(Lt(other), lambda value: bool(value < other), f"< {other}")
    choices: list[tuple[Rule, ...]] = [
        (at_least,),
        (below,),
        (at_least, below),
        (replace(at_least, annotation=Interval(ge=one, lt=other)), replace(below, annotation=None)),
        (Rule(Gt(one), lambda value: bool(value > one), f"> {one}"),),
        (Rule(Le(other), lambda value: bool(value <= other), f"<= {other}"),),
        (Rule(MultipleOf(step), lambda value: Fraction(value) % step == 0, f"multiple of {step}"),),
        (Rule(Predicate(is_even), is_even, "is_even"),),
    ]
    return draw(st.sampled_from(choices))


def is_even(value: Any) -> bool:
    return bool(Fraction(value) % 2 == 0)


@cache
@st.composite
def length_rules(draw: st.DrawFn) -> tuple[Rule, ...]:
    least, most = draw(st.integers(0, 2)), draw(st.integers(2, 4))
    low = Rule(MinLen(least), lambda value: len(value) >= least, f"length >= {least}")
    high = Rule(MaxLen(most), lambda value: len(value) <= most, f"length <= {most}")
    both = (replace(low, annotation=Len(least, most)), replace(high, annotation=None))
    return draw(st.sampled_from([(low,), (high,), both]))
