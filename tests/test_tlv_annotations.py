"""How annotations are read: quoted and not, in functions and classes, through aliases and bases."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any, ClassVar, Optional, Union

import pytest
from annotated_types import Gt

import tests.unquoted_messages as unquoted
from tlv import (
    TLV,
    DeclarationError,
    Doc,
    Group,
    Null,
    Scaled,
    Size,
    TruncatedError,
    define_tlv,
    f32,
    i64,
    i256,
    pad,
    padding,
    u8,
    u16,
    u32,
)

Price = Annotated[i64, Gt(0), Doc("what it costs", unit="cent")]


class Side(IntEnum):
    BUY = 1


class Level(TLV):
    price: Price
    size: u32 = 0


class Everything(TLV, type=1000, version=2):
    LIMIT: ClassVar[int] = 5

    price: Annotated[Price, Doc(source="exchange")]
    wide: i256
    ratio: f32
    on: bool
    _padding: pad[3] = padding()
    side: Annotated[Side, u8]
    amount: Annotated[Decimal, Scaled(i64, 8)]
    key: Annotated[bytes, Size(4)]
    name: Annotated[str, Size(4)]
    best: Level
    last: Annotated[tuple[Level, ...], Size(2)]
    counts: Annotated[tuple[u8, ...], Size(3)]
    limit: i64 | None
    old: Optional[Price]  # noqa: UP045
    older: Union[u8, None]  # noqa: UP007
    chosen: Annotated[i64 | None, Null(-1)]
    levels: Group[Level] = ()
    quoted: Group["Level"] = ()  # noqa: UP037
    later: "u8" = 7  # noqa: UP037
    note: str = ""
    data: bytes = b""


def test_quoted_and_unquoted_annotations_mean_the_same() -> None:
    assert Everything.layout.digest == unquoted.Everything.layout.digest
    assert list(Everything.layout) == list(unquoted.Everything.layout)
    kinds = {field.name: field.kind for field in Everything.layout.values}
    assert kinds == {
        "price": "i64",
        "wide": "i256",
        "ratio": "f32",
        "on": "bool",
        "side": "Side:u8",
        "amount": "decimal(i64, 8)",
        "key": "bytes[4]",
        "name": "text[4]",
        "best": "Level",
        "last": "Level[2]",
        "counts": "u8[3]",
        "limit": "i64?",
        "old": "i64?",
        "older": "u8?",
        "chosen": "i64?(-1)",
        "levels": "group[Level]",
        "quoted": "group[Level]",
        "later": "u8",
        "note": "text",
        "data": "bytes",
    }


def test_class_variables_are_no_fields() -> None:
    assert Everything.LIMIT == unquoted.Everything.LIMIT == 5
    assert "LIMIT" not in Everything.__match_args__


def test_docs_of_aliases_are_merged_and_the_outer_one_wins() -> None:
    class Cheap(TLV):
        price: Annotated[Price, Doc("what it costs today", source="shop")]

    price = Cheap.layout["price"]
    assert (price.doc, price.unit, price.source) == ("what it costs today", "cent", "shop")
    assert price.constraints == (Gt(0),)
    assert Everything.layout["old"].unit == "cent"
    assert Everything.layout["old"].constraints == (Gt(0),)


def test_a_field_carries_its_doc_to_help() -> None:
    assert Level.__dict__["price"].__doc__ == "what it costs"


def test_a_class_in_a_function_sees_the_names_of_the_function() -> None:
    Size8 = Annotated[str, Size(8)]

    class Colour(IntEnum):
        RED = 1

    class Inner(TLV):
        number: u8

    class Outer(TLV):
        text: Size8
        colour: Annotated[Colour, u8]
        inner: Inner
        many: Group[Inner] = ()

    assert Outer.layout.size == 18
    assert Outer("red", Colour.RED, Inner(5), [Inner(6)]).many[0].number == 6


def test_a_class_in_a_class_sees_its_neighbours() -> None:
    class Market:
        class Step(TLV):
            number: u8

        class Walk(TLV):
            steps: Group[Step]  # type: ignore[name-defined] # noqa: F821

        class Deep:
            class Last(TLV):
                step: Step  # type: ignore[name-defined] # noqa: F821

    assert Market.Walk([Market.Step(1)]).steps[0].number == 1
    assert Market.Deep.Last.layout.size == 1


def test_a_field_may_be_called_as_a_type() -> None:
    class Odd(TLV):
        u8: u16
        str: u32
        int: u8  # type: ignore[valid-type]

    assert [field.kind for field in Odd.layout] == ["u16", "u32", "u8"]


def test_a_name_that_comes_later_is_told() -> None:
    with pytest.raises(DeclarationError, match=r"the annotation 'Later' cannot be read .*define it before the class"):

        class Early(TLV):
            later: Later

    class Later(TLV):
        number: u8


def test_code_without_a_module_finds_the_names_it_runs_with() -> None:
    """As in a notebook, a documentation test, or a program that exec runs."""
    for name in ("nowhere", "__main__"):
        scope: dict[str, Any] = {"__name__": name}
        exec(
            "from __future__ import annotations\nfrom tlv import TLV, u8 as small\nclass Run(TLV):\n    number: small",
            scope,
        )
        assert bytes(scope["Run"](7)) == b"\7"


def test_a_message_can_be_made_by_its_metaclass() -> None:
    metaclass: Any = type(TLV)
    made = metaclass("Made", (TLV,), {"__annotations__": {"number": u8}})
    assert made(7).number == 7
    quoted: Any = define_tlv("Quoted", {"level": "Level", "price": "Price"})
    assert quoted(Level(1), 2).level.price == 1


# ---- bases


class Named(TLV, type=1001, version=7):
    number: u16
    name: Annotated[str, Size(4)]

    @property
    def title(self) -> str:
        return self.name.title()

    @classmethod
    def of(cls, name: str) -> Named:
        return cls(0, name)

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"


class Priced(Named, type=1002):
    price: Price = 1
    notes: Group[Level] = ()


def test_a_subclass_has_the_fields_of_its_base_first() -> None:
    assert [field.name for field in Priced.layout] == ["number", "name", "price", "notes"]
    assert [field.offset for field in Priced.layout] == [0, 2, 6, 14]
    assert Priced.__match_args__ == ("number", "name", "price", "notes")
    message = Priced(5, "tea", 300, [Level(1)])
    assert (message.number, message.name, message.price, message.title) == (5, "tea", 300, "Tea")
    assert Priced.read_from(bytes(message)) == message
    assert str(message) == "tea (5)"


def test_a_base_reads_the_bytes_of_its_subclass_but_not_the_other_way() -> None:
    class Longer(Named):
        more: u32

    message = Longer(5, "tea", 6)
    assert Named.ref_from(message.as_bytes()) == Named(5, "tea")
    assert message != Named(5, "tea")
    with pytest.raises(TruncatedError):
        Longer.ref_from(Named(5, "tea").as_bytes())


def test_type_and_version_are_not_inherited() -> None:
    class Plain(Named):
        pass

    assert (Priced.type_id, Priced.layout.version) == (1002, 1)
    assert (Plain.type_id, Plain.layout.version) == (None, 1)
    assert Plain.layout.size == Named.layout.size


def test_a_byte_order_is_inherited() -> None:
    class Big(TLV, byteorder="big"):
        number: u16

    class Bigger(Big):
        more: u16

    assert bytes(Bigger(1, 2)) == b"\0\1\0\2"


def test_methods_properties_and_class_methods_work_on_messages() -> None:
    assert Named.of("tea").title == "Tea"
    assert type(Priced.of("tea")) is Priced
    assert isinstance(Priced.of("tea"), Named)
    assert str(Named(1, "tea")) == "tea (1)"


def test_padding_of_a_base_keeps_its_name() -> None:
    class Base(TLV):
        x: u8
        _padding: pad[3] = padding()

    with pytest.raises(DeclarationError, match=r"Again\._padding: a base declares this field"):

        class Again(Base):
            _padding: pad[3] = padding()

    class Other(Base):
        y: u32
        _more: pad[4] = padding()

    assert bytes(Other(1, 2)) == b"\1\0\0\0\2\0\0\0\0\0\0\0"
