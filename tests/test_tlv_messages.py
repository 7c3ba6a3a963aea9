"""What every message can do: be made, compared, matched, printed, written; and what it refuses."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from tlv import (
    TLV,
    BufferSpaceError,
    BufferTypeError,
    DeclarationError,
    Doc,
    FieldValueError,
    ImmutableError,
    Size,
    f64,
    i64,
    pad,
    padding,
    u8,
    u32,
)
from tlv.market_data import TradeTLV


class Trade(TLV, type=1000, version=3):
    """A trade, as tests need it."""

    price: Annotated[i64, Doc("what was paid", unit="cent", source="exchange")]
    quantity: i64
    venue: u32 = 7
    _padding: pad[4] = padding()


class Twin(TLV, type=1001):
    price: i64
    quantity: i64
    venue: u32 = 7
    _padding: pad[4] = padding()


class Mixed(TLV):
    number: u8
    real: f64
    flag: bool
    text: Annotated[str, Size(8)]
    data: Annotated[bytes, Size(2)]
    pair: Annotated[tuple[u8, ...], Size(2)]
    maybe: i64 | None
    inner: Trade
    note: str


class Note(TLV):
    number: u8
    text: str = "none"


TRADE = Trade(price=5, quantity=-6)
MIXED = Mixed(1, 2.5, True, "it's", b"\0\xff", (3, 4), None, TRADE, 'a "note"')


# ---- making them


def test_a_message_is_made_by_keyword_by_position_or_both() -> None:
    assert Trade(5, -6, 7) == Trade(5, -6) == Trade(5, quantity=-6) == Trade(venue=7, quantity=-6, price=5) == TRADE
    assert (TRADE.price, TRADE.quantity, TRADE.venue) == (5, -6, 7)


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: Trade(5), r"Trade\b.* missing 1 required positional argument: 'quantity'"),  # type: ignore[call-arg]
        (Trade, r"missing 2 required positional arguments: 'price' and 'quantity'"),
        (lambda: Trade(1, 2, 3, 4), r"takes from 3 to 4 positional arguments but 5 were given"),  # type: ignore[call-arg]
        (lambda: Trade(1, 2, prize=3), r"got an unexpected keyword argument 'prize'"),  # type: ignore[call-arg]
        (lambda: Trade(1, 2, price=3), r"got multiple values for argument 'price'"),  # type: ignore[misc]
        (lambda: Trade(1, 2, _padding=0), r"got an unexpected keyword argument '_padding'"),  # type: ignore[call-arg]
        (lambda: Trade.emplace(bytearray(99), 0, 5), r"Trade\b.* missing 1 required positional argument"),
    ],
)
def test_a_call_with_other_arguments_is_a_type_error_that_names_the_class(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        make()


def test_the_signature_is_that_of_the_fields() -> None:
    assert str(inspect.signature(Trade)) == "(price, quantity, venue=7)"


def test_padding_is_zero() -> None:
    assert bytes(TRADE)[20:] == bytes(4)
    assert not hasattr(TRADE, "_padding")


def test_the_base_class_is_no_message() -> None:
    calls: list[Callable[[], object]] = [
        TLV,
        lambda: TLV.ref_from(b""),
        lambda: TLV.read_from(b""),
        lambda: TLV.from_dict({}),
    ]
    for call in calls:
        with pytest.raises(DeclarationError, match="the base class has no layout"):
            call()


# ---- comparing, matching, printing


def test_messages_are_equal_when_class_and_values_are() -> None:
    assert Trade(5, -6) == TRADE
    assert hash(TRADE) == hash(Trade(5, -6))
    assert Trade(5, -6, 8) != TRADE
    assert Twin(5, -6) != TRADE
    assert bytes(TRADE) == bytes(Twin(5, -6))
    assert TRADE != (5, -6, 7)
    assert {TRADE: "found"}[Trade.ref_from(bytes(TRADE))] == "found"
    assert len({TRADE, Trade(5, -6), Twin(5, -6), Trade(5, -5)}) == 3


def test_messages_have_no_order() -> None:
    with pytest.raises(TypeError):
        sorted([TRADE, TRADE])  # type: ignore[type-var]


def test_a_message_matches_by_position_and_by_name() -> None:
    match TRADE:
        case Trade(5, quantity, venue=7):
            assert quantity == -6
        case _:
            pytest.fail("the pattern did not match")
    match MIXED:
        case Mixed(inner=Trade(price=5), text="it's", maybe=None):
            pass
        case _:
            pytest.fail("the pattern did not match")


def test_a_message_does_not_match_another_class_or_value() -> None:
    match TRADE:
        case Twin():
            pytest.fail("another class matched")
        case Trade(price=6):
            pytest.fail("another value matched")
        case Trade(_, _, venue):
            assert venue == 7


def test_the_repr_of_a_message_makes_it_again() -> None:
    assert repr(TRADE) == "Trade(price=5, quantity=-6, venue=7)"
    assert eval(repr(MIXED)) == MIXED
    assert eval(repr(Mixed.ref_from(bytes(MIXED)))) == MIXED


def test_replace_takes_the_names_of_fields_only() -> None:
    assert TRADE.replace(price=9) == Trade(9, -6)
    assert Trade(5, -6) == TRADE
    with pytest.raises(FieldValueError) as caught:
        TRADE.replace(prize=9)
    assert str(caught.value) == (
        "[TLV-004] Trade.prize = 9: no such field, only price, quantity, venue; pass a value that fits one of them"
    )
    with pytest.raises(FieldValueError):
        TRADE.replace(_padding=b"1234")


# ---- not changing


@pytest.mark.parametrize("message", [TRADE, MIXED, Trade.ref_from(bytearray(24))], ids=["fixed", "variable", "view"])
def test_a_message_does_not_change(message: TLV) -> None:
    before = bytes(message)
    for name in type(message).__match_args__:
        with pytest.raises(ImmutableError) as caught:
            setattr(message, name, 1)
        assert (caught.value.message, caught.value.field) == (type(message).__name__, name)
        with pytest.raises(ImmutableError):
            delattr(message, name)
    with pytest.raises(AttributeError):
        message.another = 1  # type: ignore[attr-defined]
    assert bytes(message) == before


def test_the_refusal_to_change_says_what_to_do() -> None:
    with pytest.raises(AttributeError) as caught:
        TRADE.price = 6  # type: ignore[misc]
    assert str(caught.value) == (
        "[TLV-012] Trade.price cannot be changed: messages are immutable; make a new one with replace(price=...)"
    )


def test_a_message_has_slots_and_no_dictionary() -> None:
    for message in (TRADE, MIXED):
        assert not hasattr(message, "__dict__")


# ---- writing


def test_as_bytes_is_read_only_and_the_same_bytes() -> None:
    for message in (TRADE, MIXED, Trade.ref_from(bytearray(24))):
        view = message.as_bytes()
        assert type(view) is memoryview
        assert (view.readonly, view.format, view.ndim) == (True, "B", 1)
        assert view == bytes(message)
        with pytest.raises(TypeError):
            view[0] = 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="classes give buffers from Python 3.12 on")
def test_a_message_is_a_read_only_buffer() -> None:
    for message in (TRADE, MIXED, Trade.ref_from(bytearray(24))):
        view = memoryview(message)  # type: ignore[arg-type]
        assert view.readonly
        assert view == message.as_bytes()
        assert bytearray(message) == bytes(message)  # type: ignore[call-overload]
        assert type(message).ref_from(message) == message  # type: ignore[arg-type]
        with pytest.raises(BufferSpaceError):
            TRADE.write_into(message)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "write", [TRADE.write_into, lambda to, at=0: Trade.emplace(to, at, 5, -6)], ids=["write_into", "emplace"]
)
def test_writing_needs_room(write: Callable[..., int]) -> None:
    buffer = bytearray(b"\xee" * 32)
    assert write(buffer, 8) == 24
    assert buffer == b"\xee" * 8 + bytes(TRADE)
    for offset, available in ((9, 23), (32, 0), (33, 0), (-1, 32), (2**70, 0), (-(2**70), 32)):
        with pytest.raises(BufferSpaceError) as caught:
            write(buffer, offset)
        assert caught.value.values == {"message": "Trade", "needed": 24, "offset": offset, "available": available}
    with pytest.raises(BufferSpaceError):
        write(bytearray(), 0)
    assert buffer == b"\xee" * 8 + bytes(TRADE)


@pytest.mark.parametrize("message", [TRADE, Note(1)], ids=["fixed", "variable"])
def test_writing_needs_a_writable_contiguous_buffer(message: TLV) -> None:
    values = message.to_dict()
    for target in (bytes(64), memoryview(bytearray(64)).toreadonly()):
        with pytest.raises(BufferSpaceError, match="writable bytes at offset 0, there are 0"):
            message.write_into(target)
        with pytest.raises(BufferSpaceError, match="writable bytes at offset 0, there are 0"):
            type(message).emplace(target, 0, **values)
    wrong: tuple[Any, ...] = ("text", None, 5, memoryview(bytearray(64))[::2], [0] * 64)
    for target in wrong:
        with pytest.raises(BufferTypeError):
            message.write_into(target)
        with pytest.raises(BufferTypeError):
            type(message).emplace(target, 0, **values)


def test_emplace_writes_nothing_when_a_value_does_not_fit() -> None:
    buffer = bytearray(b"\xee" * 64)
    with pytest.raises(FieldValueError, match=r"Trade\.quantity"):
        Trade.emplace(buffer, 0, 5, 2**63)
    with pytest.raises(FieldValueError, match=r"Note\.text"):
        Note.emplace(buffer, 0, number=1, text=None)
    assert buffer == b"\xee" * 64


def test_emplace_takes_defaults_as_the_constructor_does() -> None:
    buffer = bytearray(64)
    assert Note.emplace(buffer, 8, 1) == len(Note(1).as_bytes())
    assert Note.ref_from(buffer, 8) == Note(1)
    assert Trade.emplace(buffer, 0, quantity=2, price=1) == 24
    assert Trade.ref_from(buffer) == Trade(1, 2)


# ---- what a class tells


def test_a_class_tells_its_layout() -> None:
    layout = Trade.layout
    assert (layout.name, layout.type_id, layout.version, layout.size, layout.byteorder) == (
        "Trade",
        1000,
        3,
        24,
        "little",
    )
    assert [(one.name, one.offset, one.size, one.kind) for one in layout] == [
        ("price", 0, 8, "i64"),
        ("quantity", 8, 8, "i64"),
        ("venue", 16, 4, "u32"),
        ("_padding", 20, 4, "pad[4]"),
    ]
    price = layout["price"]
    assert (price.doc, price.unit, price.source) == ("what was paid", "cent", "exchange")
    assert Trade.type_id == 1000
    assert Mixed.type_id is None
    with pytest.raises(KeyError):
        layout["prize"]


def test_the_digest_changes_with_whatever_changes_the_bytes_or_their_meaning() -> None:
    class Same(TLV, type=1000, version=3):
        price: i64
        quantity: i64
        venue: u32
        _padding: pad[4]

    class Renamed(TLV, type=1000, version=3):
        prize: i64
        quantity: i64
        venue: u32
        _padding: pad[4]

    class Reversed(TLV, type=1000, version=3, byteorder="big"):
        price: i64
        quantity: i64
        venue: u32
        _padding: pad[4]

    class Newer(TLV, type=1000, version=4):
        price: i64
        quantity: i64
        venue: u32
        _padding: pad[4]

    class Split(TLV, type=1000, version=3):
        price: i64
        quantity: i64
        venue: u32
        _padding: pad[2]
        _more: pad[2]

    assert Same.layout.digest == Trade.layout.digest
    digests = {one.layout.digest for one in (Trade, Twin, Renamed, Reversed, Newer, Split)}
    assert len(digests) == 6
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in digests)


def test_the_digest_goes_down_into_nested_messages_and_items() -> None:
    class Outer(TLV):
        inner: Trade
        many: Annotated[tuple[Trade, ...], Size(2)]

    def other() -> type[TLV]:
        class Trade(TLV):
            price: i64
            amount: i64
            venue: u32
            _padding: pad[4]

        class Outer(TLV):
            inner: Trade
            many: Annotated[tuple[Trade, ...], Size(2)]

        return Outer

    assert Outer.layout.size == other().layout.size
    assert Outer.layout.digest != other().layout.digest


def test_the_stored_number_is_told_by_name() -> None:
    assert TRADE.raw("price") == 5
    assert MIXED.raw("maybe") == -(2**63)
    with pytest.raises(KeyError):
        TRADE.raw("prize")
    with pytest.raises(TypeError, match=r"Mixed\.note has no stored number"):
        MIXED.raw("note")
    with pytest.raises(TypeError, match=r"Trade\._padding has no stored number"):
        TRADE.raw("_padding")


def test_a_message_of_the_library_is_declared_in_the_same_way() -> None:
    assert TradeTLV.layout.size == 32
    assert bytes(TradeTLV(1, 2, 3, 4)) == b"".join(n.to_bytes(8, "little") for n in (1, 2, 3, 4))
