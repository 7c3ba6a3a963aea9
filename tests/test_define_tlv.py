"""define_tlv: the same messages as class statements make, for layouts known only at run time."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any

import pytest
from annotated_types import Gt
from hypothesis import given
from hypothesis import strategies as st

from tlv import (
    TLV,
    ConstraintError,
    DeclarationError,
    Doc,
    FieldValueError,
    FrameWriter,
    Group,
    LayoutMismatchError,
    Scaled,
    Size,
    define_tlv,
    describe,
    i64,
    i256,
    pad,
    padding,
    read_frame,
    u8,
    u32,
)


class Side(IntEnum):
    BUY = 1
    SELL = 2


class Fill(TLV):
    price: i64


class Order(TLV, type=1030, version=2, byteorder="big"):
    """An order."""

    price: Annotated[i64, Gt(0), Doc("price", unit="1e-8", source="client")]
    amount: Annotated[Decimal, Scaled(i256, 18)]
    side: Annotated[Side, u8]
    _padding: pad[3] = padding()
    venue: u32 = 7
    client: Annotated[str, Size(8)] = ""
    limit: i64 | None = None
    fills: Group[Fill] = ()


FIELDS: dict[str, Any] = {
    "price": Annotated[i64, Gt(0), Doc("price", unit="1e-8", source="client")],
    "amount": Annotated[Decimal, Scaled(i256, 18)],
    "side": Annotated[Side, u8],
    "_padding": pad[3],
    "venue": (u32, 7),
    "client": (Annotated[str, Size(8)], ""),
    "limit": (i64 | None, None),
    "fills": (Group[Fill], ()),
}
Made: Any = define_tlv("Order", FIELDS, type=1030, version=2, byteorder="big", doc="An order.")
#: For pickling: the name of the class is the name under which the module has it.
Ping: Any = define_tlv("Ping", {"number": i64}, type=1031)


def test_it_has_the_layout_of_the_class_statement() -> None:
    assert Made.layout == Order.layout
    assert Made.layout.digest == Order.layout.digest
    assert describe(Made) == describe(Order)
    assert (Made.__name__, Made.__doc__, Made.__module__, Made.type_id) == ("Order", "An order.", __name__, 1030)
    assert Made.__match_args__ == Order.__match_args__


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**255), 2**255 - 1),
    st.sampled_from(Side),
    st.integers(0, 2**32 - 1),
    st.text("abc", max_size=8),
    st.none() | st.integers(0, 99),
    st.lists(st.builds(Fill, st.integers(0, 99)), max_size=3),
)
def test_it_writes_the_bytes_of_the_class_statement(
    price: int, units: int, side: Side, venue: int, client: str, limit: int | None, fills: list[Fill]
) -> None:
    values = (price, Decimal(f"{units}e-18"), side, venue, client, limit, fills)
    assert bytes(Made(*values)) == bytes(Order(*values))
    assert Made.read_from(bytes(Order(*values))) == Made(*values)


def test_pairs_give_defaults() -> None:
    made = Made(price=1, amount=Decimal(2), side=Side.SELL)
    assert (made.venue, made.client, made.limit, list(made.fills)) == (7, "", None, [])
    with pytest.raises(TypeError, match="side"):
        Made(price=1, amount=Decimal(2))


def test_it_refuses_what_the_class_statement_refuses() -> None:
    with pytest.raises(FieldValueError, match=r"Order\.venue = -1"):
        Made(1, Decimal(2), Side.BUY, -1)
    with pytest.raises(ConstraintError, match=r"Order\.price = 0 breaks the rule > 0"):
        Made(0, Decimal(2), Side.BUY).validate()


def test_types_may_be_quoted() -> None:
    quoted = define_tlv("Order", {"price": "i64", "fills": "Group[Fill]"})
    assert quoted.layout.digest == define_tlv("Order", {"price": i64, "fills": Group[Fill]}).layout.digest


def test_quoted_types_may_be_local() -> None:
    class Inner(TLV):
        number: i64

    assert define_tlv("Outer", {"inner": "Inner"}).layout["inner"].kind == Inner.__name__


def test_without_a_type_it_is_a_plain_layout() -> None:
    level: Any = define_tlv("Level", {"price": i64})
    book: Any = define_tlv("Book", {"levels": Group[level]}, type=1032)
    made = book(levels=[level(price=1), level(price=2)])
    assert level.type_id is None
    assert [one.price for one in made.levels] == [1, 2]


def test_it_travels_in_frames() -> None:
    writer = FrameWriter()
    writer.append(Ping(1))
    writer.emplace(Ping, number=2)
    assert list(read_frame(writer.finish(), messages=[Ping])) == [Ping(1), Ping(2)]


def test_without_fields_it_has_no_bytes() -> None:
    assert bytes(define_tlv("Nothing", {}, type=1033)()) == b""


def test_a_class_that_its_module_knows_by_name_is_pickled_and_copied() -> None:
    assert pickle.loads(pickle.dumps(Ping(5))) == Ping(5)
    assert copy.deepcopy(Ping(5)) == Ping(5)
    view = Ping.ref_from(bytearray(bytes(Ping(6))))
    assert pickle.loads(pickle.dumps(view)) == Ping(6)


def test_the_module_can_be_named() -> None:
    assert define_tlv("Ping", {"number": i64}, module="elsewhere").__module__ == "elsewhere"


def test_a_pickle_of_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pickled = pickle.dumps(Ping(5))
    monkeypatch.setitem(globals(), "Ping", define_tlv("Ping", {"number": u32, "more": u32}, type=1031))
    with pytest.raises(LayoutMismatchError, match="Ping was stored under layout"):
        pickle.loads(pickled)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"price": int}, r"Order\.price: int has no width"),
        ({"price": object}, r"Order\.price: object is not a field type"),
        ({"price": "i65"}, r"Order\.price: the annotation 'i65' cannot be read"),
        ({"price": (i64,)}, r"Order\.price: 1 values stand where a type and a default belong"),
        ({"price": (i64, 0, 1)}, r"Order\.price: 3 values stand where a type and a default belong"),
        ({"price": (i64, 0), "size": i64}, r"Order\.size: a field without a default follows one with a default"),
        ({"layout": i64}, r"Order\.layout: the name shadows the API of messages"),
        ({"replace": (i64, 0)}, r"Order\.replace: the name shadows the API of messages"),
        ({"class": i64}, r"Order\.class: the name cannot be written in Python"),
        ({"not a name": i64}, r"Order\.not a name: the name cannot be written in Python"),
        ({"__module__": i64}, r"Order\.__module__: names with an underscore are for padding"),
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        define_tlv("Order", fields)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"type": 0}, "type=0 is no wire type"),
        ({"type": 65_536}, "type=65536 is no wire type"),
        ({"type": "1"}, "type='1' is no wire type"),
        ({"version": 256}, "version=256 is no schema version"),
        ({"byteorder": "middle"}, "byteorder='middle' is unknown"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        define_tlv("Order", {"price": i64}, **options)


@pytest.mark.parametrize("name", ["", "two words", "class", "1st", 7])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(DeclarationError, match="is no name of a class"):
        define_tlv(name, {"price": i64})
