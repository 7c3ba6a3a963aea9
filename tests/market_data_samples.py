"""One message of each market-data type with telling values, and a strategy that draws any of them."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from tlv import TLV, Field
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

NOW = 1_700_000_000_123_456_789
POOL = bytes(range(1, 21))
OWNER = bytes(range(101, 121))
SENDER = bytes(range(201, 221))
PLACE = {"block_number": 18_000_001, "timestamp": NOW, "log_index": 7, "venue_id": 3}
RANGE = {"tick_lower": -887_272, "tick_upper": 887_272}

#: One message of each type, in the order of the types; together they have every optional field with and without a value.
SAMPLES: tuple[TLV, ...] = (
    TradeTLV(price=3_943_248_000_000, quantity=-150_000_000, timestamp=NOW, venue_id=1),
    QuoteTLV(bid_price=100, bid_size=2, ask_price=101, ask_size=3, timestamp=NOW, venue_id=2),
    OrderBookTLV(
        sequence=2**64 - 1,
        timestamp=NOW,
        venue_id=1,
        bids=[OrderLevel(100, 5), OrderLevel(99, 6, 2)],
        asks=[OrderLevel(101, 7, 1)],
    ),
    PoolSwapTLV(
        amount0=-(2**255),
        amount1=2**255 - 1,
        amount0_out=2**256 - 1,
        amount1_out=0,
        sqrt_price_x96=2**160 - 2,
        pool=POOL,
        sender=SENDER,
        recipient=OWNER,
        liquidity=2**128 - 2,
        tick=-1,
        protocol=Protocol.UNISWAP_V3,
        **PLACE,
    ),
    PoolMintTLV(
        amount0=1,
        amount1=2,
        liquidity=None,
        pool=POOL,
        owner=None,
        sender=SENDER,
        tick_lower=None,
        tick_upper=None,
        protocol=Protocol.UNISWAP_V2,
        **PLACE,
    ),
    PoolBurnTLV(
        amount0=3,
        amount1=4,
        liquidity=5,
        pool=POOL,
        owner=OWNER,
        sender=None,
        recipient=None,
        protocol=Protocol.UNISWAP_V3,
        **RANGE,
        **PLACE,
    ),
    PoolSyncTLV(reserve0=2**112 - 1, reserve1=6, pool=POOL, **PLACE),
    PoolTickTLV(
        sqrt_price_x96=2**96,
        pool=POOL,
        liquidity=None,
        tick=0,
        previous_tick=None,
        reason=TickReason.INITIALIZE,
        **PLACE,
    ),
    PoolPositionTLV(
        token_id=None, net_amount0=-1, net_amount1=1, net_liquidity=-(2**100), pool=POOL, owner=OWNER, **RANGE, **PLACE
    ),
    PoolCollectTLV(
        amount0=7,
        amount1=8,
        token_id=9,
        pool=None,
        owner=None,
        recipient=OWNER,
        tick_lower=None,
        tick_upper=None,
        protocol=Protocol.POSITION_MANAGER,
        **PLACE,
    ),
    PoolFlashTLV(amount0=10, amount1=11, paid0=12, paid1=13, pool=POOL, sender=SENDER, recipient=OWNER, **PLACE),
    LiquidityAddTLV(token_id=14, amount0=15, amount1=16, liquidity=17, manager=POOL, **PLACE),
    LiquidityRemoveTLV(token_id=18, amount0=19, amount1=20, liquidity=21, manager=POOL, **PLACE),
    PriceUpdateTLV(price=22, vwap=21, timestamp=NOW, venue_id=1),
    VolumeUpdateTLV(notional=2**127 - 1, volume=2**63 - 1, buy_volume=23, trade_count=24, timestamp=NOW, venue_id=1),
    DepthUpdateTLV(
        first_update_id=25,
        last_update_id=26,
        timestamp=NOW,
        venue_id=1,
        kind=DepthKind.SNAPSHOT,
        asks=[OrderLevel(102, 0)],
    ),
    SpreadUpdateTLV(spread=1, mid=100, timestamp=NOW, venue_id=2),
)

_ENUMS = {"Protocol": Protocol, "TickReason": TickReason, "DepthKind": DepthKind}


def field_values(field: Field) -> st.SearchStrategy[Any]:
    """Values that fit a field of a market-data message, whether or not they make sense."""
    kind = field.kind
    optional = kind.endswith("?")
    kind = kind.removesuffix("?")
    values: st.SearchStrategy[Any]
    if whole := re.fullmatch(r"([iu])(\d+)", kind):
        bits = int(whole[2])
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if whole[1] == "i" else (0, (1 << bits) - 1)
        # The stored value that means None: the lowest of a signed field, the highest of an unsigned one.
        if optional:
            low, high = (low + 1, high) if whole[1] == "i" else (low, high - 1)
        values = st.integers(low, high)
    elif fixed := re.fullmatch(r"bytes\[(\d+)\]", kind):
        values = st.binary(min_size=int(fixed[1]), max_size=int(fixed[1]))
        values = values.filter(any) if optional else values
    elif kind == "group[OrderLevel]":
        values = st.lists(any_message_of(OrderLevel), max_size=4)
    else:
        values = st.sampled_from(list(_ENUMS[kind.partition(":")[0]]))
    return st.none() | values if optional else values


def any_message_of(message_type: type[TLV]) -> st.SearchStrategy[TLV]:
    """Messages of one market-data class."""
    fields = [field for field in message_type.layout if not field.is_padding]
    return st.builds(message_type, **{field.name: field_values(field) for field in fields})


def any_message() -> st.SearchStrategy[TLV]:
    """Messages of all market-data classes."""
    return st.sampled_from(MARKET_DATA_MESSAGES).flatmap(any_message_of)
