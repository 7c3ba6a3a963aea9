"""Every way in which a declaration can be wrong, with the whole text that its author reads."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag
from typing import Annotated, Any, Generic, TypeVar

import pytest
from annotated_types import Gt, Timezone

from tlv import (
    TLV,
    DeclarationError,
    Group,
    IntType,
    Null,
    Scaled,
    Size,
    define_tlv,
    f32,
    i8,
    i16,
    i64,
    pad,
    padding,
    u8,
)


class Side(IntEnum):
    BUY = 1
    SELL = 300


class Word(Enum):
    YES = "yes"


class Rights(IntFlag):
    ALL = -1


class Plain:
    """No message."""


class Empty(TLV):
    """No fields."""


class Item(TLV):
    value: i64


class Varied(TLV):
    value: i64
    note: str = ""


group: Any = Group
padded: Any = pad
FIELD_TYPES = "use a type of tlv.types, an enum, another message, Group[...], bytes or str"

#: The type of a field x, and what is said about it.
FIELDS: list[tuple[str, Any, str]] = [
    (
        "a list",
        list[i64],
        f"list[i64] is not a field type; {FIELD_TYPES}",
    ),
    ("a dict", dict, f"dict is not a field type; {FIELD_TYPES}"),
    ("a mapping", dict[str, None], f"dict[str, None] is not a field type; {FIELD_TYPES}"),
    ("a list of tuples", list[tuple[u8, ...]], f"list[tuple[u8, ...]] is not a field type; {FIELD_TYPES}"),
    (
        "a union",
        i64 | str,
        f"i64 | str is not a field type; {FIELD_TYPES}",
    ),
    ("None", None, f"None is not a field type; {FIELD_TYPES}"),
    ("a plain class", Plain, f"Plain is not a field type; {FIELD_TYPES}"),
    ("a plain float", float, "float has no width; use f64 or f32"),
    ("a value", 5, f"5 is not a field type; {FIELD_TYPES}"),
    ("int without width", int, "int has no width; use i64, u32 and so on"),
    ("enum without width", Side, "Side has no width; write Annotated[Side, u8]"),
    (
        "enum that does not fit",
        Annotated[Side, u8],
        "Side.SELL = 300 does not fit u8: outside 0..255; give the members numbers that fit, or choose a wider integer",
    ),
    (
        "flags that do not fit",
        Annotated[Rights, u8],
        "Rights.ALL = -1 does not fit u8: outside 0..255; give the members numbers that fit, or choose a wider integer",
    ),
    (
        "enum of words",
        Annotated[Word, u8],
        "Word.YES = 'yes' does not fit u8: 'str' object cannot be interpreted as an integer; give the members numbers that fit, or choose a wider integer",
    ),
    (
        "decimal without scale",
        Decimal,
        "a decimal needs its integer and its digits; write Annotated[Decimal, Scaled(i64, 8)], with 0 to 77 digits",
    ),
    (
        "decimal of 78 digits",
        Annotated[Decimal, Scaled(i64, 78)],
        "a decimal needs its integer and its digits; write Annotated[Decimal, Scaled(i64, 8)], with 0 to 77 digits",
    ),
    (
        "decimal of floats",
        Annotated[Decimal, Scaled(f32, 2)],
        "a decimal needs its integer and its digits; write Annotated[Decimal, Scaled(i64, 8)], with 0 to 77 digits",
    ),
    (
        "scaled int",
        Annotated[int, Scaled(i64, 2)],
        "a decimal needs its integer and its digits; write Annotated[Decimal, Scaled(i64, 8)], with 0 to 77 digits",
    ),
    ("size 0", Annotated[bytes, Size(0)], "Size(count=0) is not 1 to 65535; choose a Size in this range"),
    ("size 65536", Annotated[str, Size(65_536)], "Size(count=65536) is not 1 to 65535; choose a Size in this range"),
    ("size of text", Annotated[str, Size("4")], "Size(count='4') is not 1 to 65535; choose a Size in this range"),  # type: ignore[arg-type]
    ("size of an integer", Annotated[i64, Size(8)], "i64 has no Size; write Size with bytes, str and tuple only"),
    (
        "size of a group",
        Annotated[group[Item], Size(8)],
        "Group[Item] has no Size; write Size with bytes, str and tuple only",
    ),
    (
        "array without size",
        tuple[i64, ...],
        "an array needs one element type and a size; write Annotated[tuple[i64, ...], Size(4)]",
    ),
    (
        "array of two types",
        Annotated[tuple[i64, i8], Size(2)],
        "an array needs one element type and a size; write Annotated[tuple[i64, ...], Size(4)]",
    ),
    (
        "array of text of any size",
        Annotated[tuple[str, ...], Size(2)],
        "text has no fixed size; use a fixed-size element",
    ),
    (
        "array of groups",
        Annotated[tuple[group[Item], ...], Size(2)],
        "group[Item] has no fixed size; use a fixed-size element",
    ),
    (
        "array of lists",
        Annotated[tuple[dict[str, int], ...], Size(2)],
        f"dict[str, int] is not a field type; {FIELD_TYPES}",
    ),
    ("nested variable message", Varied, "Varied has variable fields; nest and group messages of a fixed size only"),
    (
        "group of variable messages",
        group[Varied],
        "Varied has variable fields; nest and group messages of a fixed size only",
    ),
    ("group of integers", group[i64], f"i64 is not a message; {FIELD_TYPES}"),
    ("group of nothing", group[Empty], "Empty has no fields; nest and group messages that have some"),
    ("nested nothing", Empty, "Empty has no fields; nest and group messages that have some"),
    (
        "optional text",
        str | None,
        "text has no stored value that could mean None; make it an integer, a float, an enum, a decimal or bytes of a fixed size",
    ),
    (
        "optional bool",
        bool | None,
        "bool has no stored value that could mean None; make it an integer, a float, an enum, a decimal or bytes of a fixed size",
    ),
    (
        "optional message",
        Item | None,
        "Item has no stored value that could mean None; make it an integer, a float, an enum, a decimal or bytes of a fixed size",
    ),
    (
        "optional group",
        Annotated[group[Item], "groups"] | None,
        "group[Item] has no stored value that could mean None; make it an integer, a float, an enum, a decimal or bytes of a fixed size",
    ),
    (
        "null out of range",
        Annotated[i8 | None, Null(128)],
        "Null(128) does not fit: outside -128..127; choose one that fits i8",
    ),
    (
        "null of another type",
        Annotated[f32 | None, Null("no")],  # type: ignore[arg-type]
        "Null('no') does not fit: not a number; choose one that fits f32",
    ),
    (
        "null of another size",
        Annotated[bytes | None, Size(4), Null(b"no")],
        "Null(b'no') does not fit: 2 bytes, not 4; choose one that fits bytes[4]",
    ),
    (
        "null of a decimal",
        Annotated[Decimal | None, Scaled(i8, 2), Null(1000)],
        "Null(1000) does not fit: outside -128..127; choose one that fits i8",
    ),
    ("null without None", Annotated[i64, Null(-1)], "it has a Null and can never be None; write i64 | None"),
    ("default out of range", (u8, 256), "the default 256 does not fit: outside 0..255; choose one that fits u8"),
    ("default of another type", (f32, "one"), "the default 'one' does not fit: not a number; choose one that fits f32"),
    (
        "default for a group",
        (group[Item], [1]),
        "the default [1] does not fit: int is no Item; choose one that fits group[Item]",
    ),
    (
        "default None",
        (i64, None),
        "the default None does not fit: 'NoneType' object cannot be interpreted as an integer; choose one that fits i64",
    ),
    (
        "unknown constraint",
        Annotated[i64, Timezone("UTC")],
        "the constraint Timezone(tz='UTC') is not known here; use Gt, Ge, Lt, Le, Interval, NonZero, MultipleOf, Len, MinLen, MaxLen or Predicate",
    ),
    (
        "unknown name",
        "Missing",
        "the annotation 'Missing' cannot be read (NameError: name 'Missing' is not defined); import the name, or define it before the class",
    ),
    (
        "unknown name in a group",
        group["Missing"],
        "the annotation Group[Missing] cannot be read (NameError: name 'Missing' is not defined); import the name, or define it before the class",
    ),
    (
        "unknown name in an array",
        "Annotated[tuple[Missing, ...], Size(2)]",
        "the annotation 'Annotated[tuple[Missing, ...], Size(2)]' cannot be read (NameError: name 'Missing' is not defined); import the name, or define it before the class",
    ),
    (
        "broken text",
        "i64 |",
        "the annotation 'i64 |' cannot be read (SyntaxError: invalid syntax (<string>, line 1)); import the name, or define it before the class",
    ),
    (
        "too large",
        Annotated[tuple[Annotated[bytes, Size(65_535)], ...], Size(65_535)],
        "the fixed fields take more than 16777216 bytes; make it smaller: no frame can hold it",
    ),
    ("padding with a name", padded[4], "padding has no value to read; call it _x or _padding"),
]

#: Names and types of all fields, keywords of the class, and what is said.
CLASSES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("pad 0", {"_p": padded[0]}, {}, "Bad._p: pad[0] is no number of bytes; write pad[1] or more"),
    ("pad of text", {"_p": padded["4"]}, {}, "Bad._p: pad['4'] is no number of bytes; write pad[1] or more"),
    (
        "endless pad",
        {"_p": padded[2**60]},
        {},
        "Bad._p: the fixed fields take more than 16777216 bytes; make it smaller: no frame can hold it",
    ),
    ("name with an underscore", {"_x": i64}, {}, "Bad._x: names with an underscore are for padding; rename it"),
    ("keyword as name", {"class": i64}, {}, "Bad.class: the name cannot be written in Python; rename the field"),
    ("no identifier", {"a b": i64}, {}, "Bad.a b: the name cannot be written in Python; rename the field"),
    (
        "default before none",
        {"a": (i64, 1), "b": i64},
        {},
        "Bad.b: a field without a default follows one with a default; give it a default, or move it up",
    ),
    ("type 0", {}, {"type": 0}, "Bad: type=0 is no wire type; choose a number from 1 to 65535"),
    ("type 65536", {}, {"type": 65_536}, "Bad: type=65536 is no wire type; choose a number from 1 to 65535"),
    ("type of text", {}, {"type": "1"}, "Bad: type='1' is no wire type; choose a number from 1 to 65535"),
    ("type true", {}, {"type": True}, "Bad: type=True is no wire type; choose a number from 1 to 65535"),
    ("version 256", {}, {"version": 256}, "Bad: version=256 is no schema version; choose a number from 0 to 255"),
    ("version -1", {}, {"version": -1}, "Bad: version=-1 is no schema version; choose a number from 0 to 255"),
    ("byte order", {}, {"byteorder": "middle"}, 'Bad: byteorder=\'middle\' is unknown; write "little" or "big"'),
]


def refusal(make: Callable[[], object]) -> str:
    with pytest.raises(DeclarationError) as caught:
        make()
    assert isinstance(caught.value, TypeError)
    return str(caught.value)


@pytest.mark.parametrize("declared, said", [pytest.param(*rest, id=name) for name, *rest in FIELDS])
def test_a_wrong_field_is_refused_when_the_class_is_made(declared: Any, said: str) -> None:
    assert refusal(lambda: define_tlv("Bad", {"x": declared})) == f"[TLV-001] Bad.x: {said}"


@pytest.mark.parametrize("fields, keywords, said", [pytest.param(*rest, id=name) for name, *rest in CLASSES])
def test_a_wrong_class_is_refused_when_it_is_made(fields: dict[str, Any], keywords: dict[str, Any], said: str) -> None:
    assert refusal(lambda: define_tlv("Bad", fields, **keywords)) == f"[TLV-001] {said}"


API = [*sorted(name for name in dir(TLV) if not name.startswith("_")), "self", "mro"]


@pytest.mark.parametrize("name", API)
def test_a_field_cannot_take_a_name_of_the_api(name: str) -> None:
    said = f"[TLV-001] Bad.{name}: the name shadows the API of messages; rename the field"
    assert refusal(lambda: define_tlv("Bad", {name: i64})) == said


def test_the_api_is_what_it_was_when_names_were_fixed() -> None:
    """A name that is added here is one that no field can have from then on."""
    assert sorted({*API, "emplace"}) == [
        "as_bytes",
        "columns",
        "emplace",
        "from_dict",
        "from_json",
        "layout",
        "mro",
        "raw",
        "read_from",
        "ref_from",
        "ref_from_validated",
        "replace",
        "self",
        "to_dict",
        "to_json",
        "to_owned",
        "type_id",
        "validate",
        "write_into",
    ]


# ---- what only a class statement can do


def test_what_the_class_statement_makes_cannot_be_written_in_the_body() -> None:
    def with_constructor() -> None:
        class Bad(TLV):
            x: i64

            def __init__(self) -> None:
                pass

    def with_slots() -> None:
        class Bad(TLV):
            __slots__ = ("y",)
            x: i64

    def with_reading() -> None:
        class Bad(TLV):
            x: i64

            @classmethod
            def ref_from(cls, buf: Any, offset: int = 0, length: int | None = None) -> Any:
                return cls(1)

            type_id = 5

    for make, names in ((with_constructor, "__init__"), (with_slots, "__slots__"), (with_reading, "ref_from, type_id")):
        assert refusal(make) == (
            f"[TLV-001] Bad: messages make their own {names}; remove it; use defaults, or a method of another name"
        )


def test_a_field_of_a_base_cannot_be_declared_again() -> None:
    def make() -> None:
        class Bad(Item):
            value: i16

    assert refusal(make) == "[TLV-001] Bad.value: a base declares this field; choose another name"


def test_a_required_field_cannot_follow_the_defaults_of_a_base() -> None:
    def make() -> None:
        class Bad(Varied):
            more: i64  # type: ignore[misc]

    assert refusal(make).startswith("[TLV-001] Bad.more: a field without a default follows one with a default;")


def test_a_subclass_keeps_the_byte_order_of_its_base() -> None:
    def make() -> None:
        class Bad(Item, byteorder="big"):
            more: i64

    assert refusal(make) == "[TLV-001] Bad: its base has another byte order; repeat the fields instead"


def test_a_message_has_one_message_as_base() -> None:
    class Other(TLV):
        other: i64

    def make() -> None:
        class Bad(Item, Other):
            more: i64

    said = "[TLV-001] Bad: it has two messages as bases; nest one of them, or repeat its fields"
    assert refusal(make) == said


def test_a_method_cannot_have_the_name_of_a_field() -> None:
    def make() -> None:
        class Bad(TLV):
            value: i64

            def value(self) -> int:  # type: ignore[no-redef]
                return 1

    assert refusal(make).startswith("[TLV-001] Bad.value: the default <function")


def test_a_name_that_only_a_caller_knows_is_not_found() -> None:
    """Names are looked up where the class is written, as Python does."""

    def declare() -> type[TLV]:
        class Bad(TLV):
            x: Secret  # type: ignore[name-defined] # noqa: F821

        return Bad

    def call() -> None:
        Secret = i64  # noqa: F841
        declare()

    assert "NameError: name 'Secret' is not defined" in refusal(call)


def test_a_field_type_that_was_assigned_is_no_field() -> None:
    with pytest.raises(
        DeclarationError, match=r"Order.price: a field type was assigned.*write price: \.\.\., with a colon"
    ):

        class Order(TLV):
            price = i64

    class Aliased(TLV):
        Price = i64
        price: Price  # type: ignore[valid-type]

    assert Aliased.layout.size == 8


def test_an_unknown_class_keyword_is_told_by_python() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'typ'"):

        class Bad(TLV, typ=1):
            x: i64


def test_an_integer_has_a_whole_number_of_bytes() -> None:
    for bits in (0, 7, 12, 264, -8):
        said = f"[TLV-001] IntType({bits}): integers have 8 to 256 bits, a multiple of 8; choose such a width"
        assert refusal(lambda bits=bits: IntType(bits)) == said  # type: ignore[misc]


def test_a_refused_class_leaves_nothing_behind() -> None:
    for _ in range(2):
        with pytest.raises(DeclarationError):
            define_tlv("Bad", {"x": int}, type=1000)
    assert define_tlv("Bad", {"x": (i64, 0)}, type=1000)().as_bytes() == bytes(8)


def test_padding_is_written_once_for_each_name() -> None:
    class Padded(TLV):
        _a: pad[1] = padding()
        x: Annotated[i64, Gt(0)]
        _b: pad[2] = padding()

    assert Padded.layout.size == 11
    assert Padded(7).x == 7


T = TypeVar("T")


class Named(Generic[T]):
    """Something that is no message but can be a base of one."""

    __slots__ = ()

    def shout(self) -> str:
        return type(self).__name__.upper()


def test_a_class_that_is_no_message_may_be_another_base() -> None:
    class Loud(TLV, Named[int]):
        x: i64

    assert Loud(1).shout() == "LOUD"
    assert bytes(Loud(1)) == (1).to_bytes(8, "little")
