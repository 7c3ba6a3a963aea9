"""The 17 market-data messages: their types, their layouts for good, their rules, and what is told of each field."""

from __future__ import annotations

import inspect
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tlv.market_data
from tests.market_data_samples import NOW, SAMPLES, any_message, any_message_of
from tlv import TLV, ConstraintError, RuleError
from tlv.market_data import (
    MARKET_DATA_MESSAGES,
    DepthKind,
    DepthUpdateTLV,
    LiquidityAddTLV,
    LiquidityRemoveTLV,
    OrderBookTLV,
    OrderLevel,
    PoolBurnTLV,
    PoolCollectTLV,
    PoolFlashTLV,
    PoolMintTLV,
    PoolPositionTLV,
    PoolSwapTLV,
    PoolSyncTLV,
    PoolTickTLV,
    PriceUpdateTLV,
    Protocol,
    QuoteTLV,
    SpreadUpdateTLV,
    TickReason,
    TradeTLV,
    VolumeUpdateTLV,
)

#: Size and digest of every layout. A change here is a new wire format: old recordings and running peers break on it.
LAYOUTS = {
    TradeTLV: (32, "f725e1850e88a843"),
    QuoteTLV: (48, "c2c8aa1186d63ed2"),
    OrderBookTLV: (40, "182496ed140ddcdf"),
    PoolSwapTLV: (256, "09ed07bd0011ceec"),
    PoolMintTLV: (176, "70f0d23ac9722653"),
    PoolBurnTLV: (200, "aaea637063c1b658"),
    PoolSyncTLV: (80, "e9fab10611388616"),
    PoolTickTLV: (96, "9e050cf81e27b62f"),
    PoolPositionTLV: (184, "54b8ae64c1f1fb14"),
    PoolCollectTLV: (192, "25629712b1484bc9"),
    PoolFlashTLV: (216, "041ac07a117e798d"),
    LiquidityAddTLV: (160, "6f6f74efaa2732f6"),
    LiquidityRemoveTLV: (160, "7a4b1d959ed4973b"),
    PriceUpdateTLV: (32, "da0b2a04c53a7c2b"),
    VolumeUpdateTLV: (56, "5e1d59a92d95880d"),
    DepthUpdateTLV: (48, "4aac77a2cbd92b0c"),
    SpreadUpdateTLV: (32, "209d2ddd391f71a1"),
    OrderLevel: (24, "f1b0f489971136d1"),
}

every_message = pytest.mark.parametrize("message", MARKET_DATA_MESSAGES, ids=lambda message: message.__name__)
every_layout = pytest.mark.parametrize("message", LAYOUTS, ids=lambda message: message.__name__)
every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)


def test_there_are_these_17_in_this_order() -> None:
    names = (
        "Trade Quote OrderBook PoolSwap PoolMint PoolBurn PoolSync PoolTick PoolPosition PoolCollect PoolFlash"
        " LiquidityAdd LiquidityRemove PriceUpdate VolumeUpdate DepthUpdate SpreadUpdate"
    )
    assert [message.__name__ for message in MARKET_DATA_MESSAGES] == [f"{name}TLV" for name in names.split()]
    assert [message.type_id for message in MARKET_DATA_MESSAGES] == list(range(1, 18))


@every_layout
def test_layouts_do_not_change(message: type[TLV]) -> None:
    assert (message.layout.size, message.layout.digest) == LAYOUTS[message]
    assert (message.layout.version, message.layout.byteorder) == (1, "little")


def test_no_two_layouts_have_one_digest() -> None:
    assert len({digest for _, digest in LAYOUTS.values()}) == len(LAYOUTS)


def test_a_trade_is_three_i64_a_u32_and_four_zeros() -> None:
    trade = TradeTLV(price=-1, quantity=2, timestamp=-(2**63), venue_id=2**32 - 1)
    assert bytes(trade) == struct.pack("<qqqI4x", -1, 2, -(2**63), 2**32 - 1)
    assert TradeTLV.layout.size == 32


@given(any_message_of(TradeTLV))
def test_any_trade_is_what_struct_packs(trade: Any) -> None:
    expected = struct.pack("<qqqI4x", trade.price, trade.quantity, trade.timestamp, trade.venue_id)
    assert bytes(trade) == expected
    assert struct.unpack("<qqqI", expected[:28]) == (trade.price, trade.quantity, trade.timestamp, trade.venue_id)


@given(any_message_of(QuoteTLV))
def test_any_quote_is_what_struct_packs(quote: Any) -> None:
    values = [getattr(quote, name) for name in ("bid_price", "bid_size", "ask_price", "ask_size", "timestamp")]
    assert bytes(quote) == struct.pack("<qqqqqI4x", *values, quote.venue_id)


@every_layout
def test_every_size_is_a_multiple_of_eight(message: type[TLV]) -> None:
    assert message.layout.size % 8 == 0


@every_layout
def test_every_number_of_up_to_eight_bytes_is_aligned(message: type[TLV]) -> None:
    for field in message.layout:
        if field.size in {2, 4, 8} and not field.is_padding:
            assert field.offset % field.size == 0, field.name


@every_layout
def test_fields_follow_each_other_without_a_hole(message: type[TLV]) -> None:
    at = 0
    for field in message.layout:
        assert field.offset == at, field.name
        at += field.size
    assert at == message.layout.size


@every_layout
def test_every_field_says_what_it_is_in_which_unit_and_where_it_comes_from(message: type[TLV]) -> None:
    for field in message.layout:
        if field.is_padding:
            continue
        assert field.doc, f"{field.name} has no description"
        assert field.source, f"{field.name} has no source"
        assert field.unit or field.kind.startswith("group["), f"{field.name} has no unit"


@every_layout
def test_every_message_says_what_it_is(message: type[TLV]) -> None:
    assert message.__doc__
    assert message.__doc__.endswith(".")


def test_the_module_exports_all_its_messages_and_enums() -> None:
    public = {
        name
        for name, value in vars(tlv.market_data).items()
        if inspect.isclass(value) and value.__module__ == tlv.market_data.__name__ and not name.startswith("_")
    }
    assert set(tlv.market_data.__all__) == public | {"MARKET_DATA_MESSAGES"}


def test_the_numbers_of_the_enums_are_for_good() -> None:
    assert {one.name: one.value for one in Protocol} == {"UNISWAP_V2": 2, "UNISWAP_V3": 3, "POSITION_MANAGER": 4}
    assert {one.name: one.value for one in TickReason} == {"INITIALIZE": 1, "SWAP": 2}
    assert {one.name: one.value for one in DepthKind} == {"UPDATE": 0, "SNAPSHOT": 1}


# Values -----------------------------------------------------------------------------------------------------------


@every_sample
def test_a_sensible_message_is_valid(sample: TLV) -> None:
    sample.validate()
    type(sample).ref_from_validated(bytes(sample))


@settings(max_examples=100)
@given(any_message())
def test_any_message_comes_back_from_its_bytes_and_its_json(message: TLV) -> None:
    kind = type(message)
    assert kind.ref_from(bytes(message)) == kind.read_from(message.as_bytes()) == message
    assert kind.from_json(message.to_json()) == message
    assert kind.from_dict(message.to_dict()) == message


@every_message
def test_a_protocol_that_is_not_known_yet_survives(message: type[TLV]) -> None:
    field = next((field for field in message.layout if field.kind == "Protocol:u8"), None)
    if field is None:
        return
    data = bytearray(message.layout.size)
    data[field.offset] = 9
    view: Any = message.ref_from(data)
    assert view.protocol == 9
    assert type(view.protocol) is int
    assert view.replace(venue_id=5).protocol == 9


# Rules ------------------------------------------------------------------------------------------------------------

TRADE: dict[str, Any] = {"price": 100, "quantity": 5, "timestamp": NOW, "venue_id": 1}
QUOTE: dict[str, Any] = {
    "bid_price": 100,
    "bid_size": 1,
    "ask_price": 101,
    "ask_size": 1,
    "timestamp": NOW,
    "venue_id": 1,
}


@pytest.mark.parametrize("changes", [{}, {"quantity": -5}, {"timestamp": 0}, {"price": 1}, {"venue_id": 2**32 - 1}])
def test_good_trades_are_valid(changes: dict[str, int]) -> None:
    TradeTLV(**TRADE | changes).validate()


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"price": 0}, "price", "> 0"),
        ({"price": -1}, "price", "> 0"),
        ({"timestamp": -1}, "timestamp", ">= 0"),
        ({"venue_id": 0}, "venue_id", ">= 1"),
    ],
)
def test_a_trade_that_breaks_a_constraint_is_refused(changes: dict[str, int], field: str, rule: str) -> None:
    trade = TradeTLV(**TRADE | changes)
    with pytest.raises(ConstraintError) as told:
        trade.validate()
    assert (told.value.message, told.value.field, told.value.rule) == ("TradeTLV", field, rule)
    assert told.value.value == str(changes[field])
    with pytest.raises(ConstraintError):
        TradeTLV.ref_from_validated(bytes(trade))


def test_a_trade_of_nothing_is_told_with_field_rule_and_value() -> None:
    trade = TradeTLV(**TRADE | {"quantity": 0})
    for check in (trade.validate, lambda: TradeTLV.ref_from_validated(bytes(trade))):
        with pytest.raises(ConstraintError) as told:
            check()
        assert str(told.value) == (
            "[TLV-005] TradeTLV.quantity = 0 breaks the rule != 0; mend the sender, or the constraint in the declaration"
        )
    TradeTLV(**TRADE | {"quantity": -1}).validate()


def test_constraints_are_checked_before_the_rule() -> None:
    with pytest.raises(ConstraintError):
        QuoteTLV(**QUOTE | {"ask_price": 99, "bid_size": -1}).validate()


def test_a_locked_market_is_a_valid_quote_and_a_crossed_one_is_not() -> None:
    QuoteTLV(**QUOTE | {"ask_price": 100}).validate()
    with pytest.raises(RuleError, match="ask_price must not be below bid_price"):
        QuoteTLV(**QUOTE | {"ask_price": 99}).validate()


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_quote_may_have_one_side_without_orders(side: str) -> None:
    QuoteTLV(**QUOTE | {f"{side}_price": 0, f"{side}_size": 0}).validate()


@pytest.mark.parametrize("field", ["bid_price", "bid_size", "ask_price", "ask_size", "timestamp"])
def test_a_quote_has_no_negative_numbers(field: str) -> None:
    with pytest.raises(ConstraintError, match=rf"QuoteTLV\.{field} = -1 breaks the rule >= 0"):
        QuoteTLV(**QUOTE | {field: -1}).validate()


def test_a_level_of_a_book_is_named_by_its_place() -> None:
    book = OrderBookTLV(
        sequence=1, timestamp=NOW, venue_id=1, bids=[OrderLevel(1, 1)], asks=[OrderLevel(1, 1), OrderLevel(1, -1)]
    )
    with pytest.raises(ConstraintError, match=r"OrderBookTLV\.asks\[1\]\.size = -1 breaks the rule >= 0"):
        book.validate()


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(-5, 5), st.integers(0, 3))
def test_validate_agrees_with_the_rules_written_out(price: int, quantity: int, timestamp: int, venue_id: int) -> None:
    trade = TradeTLV(price=price, quantity=quantity, timestamp=timestamp, venue_id=venue_id)
    good = price > 0 and quantity != 0 and timestamp >= 0 and venue_id >= 1
    try:
        trade.validate()
    except (ConstraintError, RuleError):
        assert not good
    else:
        assert good
