"""The 17 market-data messages (types 1 to 17) and the level of a book.

Conventions that hold for every message here:

* Prices and sizes are whole numbers of 1e-8 units: a price of 39432.48 USDT is 3943248000000.
* A negative trade quantity means that the seller was the aggressor.
* Timestamps are nanoseconds since the epoch, UTC; 0 where the source gives none.
* ``venue_id`` names the market (venue and instrument) in the topology's venue table; in messages
  of pools 0 means that the table does not list the pool, which ``pool`` names in any case.
* On-chain amounts keep the width that they have on the chain, in raw token units.
* ``block_number`` and ``log_index`` say where on its chain an event stands.

Sources of the event fields: Uniswap v2-core ``IUniswapV2Pair``, v3-core ``IUniswapV3PoolEvents``,
v3-periphery ``INonfungiblePositionManager``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from annotated_types import Ge, Gt

from .message import TLV
from .types import Doc, Group, NonZero, Size, i32, i64, i128, i256, pad, padding, u8, u32, u64, u128, u160, u256

__all__ = [
    "MARKET_DATA_MESSAGES",
    "DepthKind",
    "DepthUpdateTLV",
    "LiquidityAddTLV",
    "LiquidityRemoveTLV",
    "OrderBookTLV",
    "OrderLevel",
    "PoolBurnTLV",
    "PoolCollectTLV",
    "PoolFlashTLV",
    "PoolMintTLV",
    "PoolPositionTLV",
    "PoolSwapTLV",
    "PoolSyncTLV",
    "PoolTickTLV",
    "PriceUpdateTLV",
    "Protocol",
    "QuoteTLV",
    "SpreadUpdateTLV",
    "TickReason",
    "TradeTLV",
    "VolumeUpdateTLV",
]


class DepthKind(IntEnum):
    """What a depth message carries."""

    UPDATE = 0
    SNAPSHOT = 1


class Protocol(IntEnum):
    """Which contracts emitted a pool event."""

    UNISWAP_V2 = 2
    UNISWAP_V3 = 3
    POSITION_MANAGER = 4


class TickReason(IntEnum):
    """Why the current tick of a pool is announced."""

    INITIALIZE = 1
    SWAP = 2


Price = Annotated[i64, Doc(unit="1e-8 quote")]
Quantity = Annotated[i64, Doc(unit="1e-8 base")]
Timestamp = Annotated[i64, Ge(0), Doc("when it happened, by the clock of the source", unit="ns since the epoch, UTC")]
VenueId = Annotated[u32, Ge(1), Doc("market in the topology's venue table", unit="id", source="topology")]
PoolVenueId = Annotated[u32, Doc("market in the topology's venue table, 0 if not listed", unit="id", source="topology")]
Amount0 = Annotated[u256, Doc("amount of token0", unit="raw token0", source="log data")]
Amount1 = Annotated[u256, Doc("amount of token1", unit="raw token1", source="log data")]
Address = Annotated[bytes, Size(20)]
OptionalAddress = Annotated[bytes | None, Size(20)]
Pool = Annotated[bytes, Size(20), Doc("pool contract", unit="address", source="log address")]
BlockNumber = Annotated[u64, Doc("block of the event", unit="block", source="log")]
LogIndex = Annotated[u32, Doc("place of the event in its block", unit="index", source="log")]
BlockTime = Annotated[
    i64, Ge(0), Doc("time of the block, 0 if the source gives none", unit="ns since the epoch, UTC", source="block")
]
TickLower = Annotated[i32 | None, Doc("lower end of the range, none in V2", unit="tick", source="log topics")]
TickUpper = Annotated[i32 | None, Doc("upper end of the range, none in V2", unit="tick", source="log topics")]
ProtocolField = Annotated[Protocol, u8, Doc("which contracts emitted it", unit="enum", source="log topic 0")]


class TradeTLV(TLV, type=1):
    """One trade of a market."""

    price: Annotated[Price, Gt(0), Doc("price of the trade", source="exchange")]
    quantity: Annotated[Quantity, NonZero(), Doc("size; negative when the seller was the aggressor", source="exchange")]
    timestamp: Annotated[Timestamp, Doc(source="exchange")]
    venue_id: VenueId
    _padding: pad[4] = padding()


class QuoteTLV(TLV, type=2):
    """Best bid and ask of a market; a side without orders has price and size 0."""

    bid_price: Annotated[Price, Ge(0), Doc("best bid", source="exchange")]
    bid_size: Annotated[Quantity, Ge(0), Doc("size at the best bid, 0 if not told", source="exchange")]
    ask_price: Annotated[Price, Ge(0), Doc("best ask", source="exchange")]
    ask_size: Annotated[Quantity, Ge(0), Doc("size at the best ask, 0 if not told", source="exchange")]
    timestamp: Annotated[Timestamp, Doc(source="exchange")]
    venue_id: VenueId
    _padding: pad[4] = padding()

    def validate(self) -> None:
        if self.bid_price and self.ask_price and self.ask_price < self.bid_price:
            raise ValueError("ask_price must not be below bid_price")


class OrderLevel(TLV):
    """One price level of a book; in an update, size 0 deletes the level."""

    price: Annotated[Price, Ge(0), Doc("price of the level", source="exchange")]
    size: Annotated[Quantity, Ge(0), Doc("size resting at this price", source="exchange")]
    order_count: Annotated[u32, Doc("orders at this price, 0 if not told", unit="orders", source="exchange")] = 0
    _padding: pad[4] = padding()


class OrderBookTLV(TLV, type=3):
    """A book as it stands, best level first on each side."""

    sequence: Annotated[u64, Doc("last update that the book holds", unit="update id", source="exchange")]
    timestamp: Annotated[Timestamp, Doc(source="exchange")]
    venue_id: VenueId
    _padding: pad[4] = padding()
    bids: Annotated[Group[OrderLevel], Doc("bids, highest first", source="book builder")] = ()
    asks: Annotated[Group[OrderLevel], Doc("asks, lowest first", source="book builder")] = ()


class PoolSwapTLV(TLV, type=4):
    """A swap in a pool; V2 has no price, liquidity or tick in its event."""

    amount0: Annotated[i256, Doc("net token0 into the pool (negative: out)", unit="raw token0", source="log data")]
    amount1: Annotated[i256, Doc("net token1 into the pool (negative: out)", unit="raw token1", source="log data")]
    amount0_out: Annotated[u256, Doc("token0 paid out by the pool", unit="raw token0", source="log data")]
    amount1_out: Annotated[u256, Doc("token1 paid out by the pool", unit="raw token1", source="log data")]
    sqrt_price_x96: Annotated[
        u160 | None, Doc("price after the swap", unit="sqrt(token1/token0) Q64.96", source="log data")
    ]
    pool: Pool
    sender: Annotated[Address, Doc("who called the pool", unit="address", source="log topics")]
    recipient: Annotated[Address, Doc("who was paid", unit="address", source="log topics")]
    liquidity: Annotated[u128 | None, Doc("liquidity in range after the swap", unit="liquidity", source="log data")]
    tick: Annotated[i32 | None, Doc("tick after the swap", unit="tick", source="log data")]
    protocol: ProtocolField
    _padding: pad[3] = padding()
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class PoolMintTLV(TLV, type=5):
    """Liquidity was added to a pool."""

    amount0: Amount0
    amount1: Amount1
    liquidity: Annotated[u128 | None, Doc("liquidity minted, none in V2", unit="liquidity", source="log data")]
    pool: Pool
    owner: Annotated[OptionalAddress, Doc("owner of the position, none in V2", unit="address", source="log topics")]
    sender: Annotated[Address, Doc("who called the pool", unit="address", source="log data or topics")]
    tick_lower: TickLower
    tick_upper: TickUpper
    protocol: ProtocolField
    _padding: pad[3] = padding()
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class PoolBurnTLV(TLV, type=6):
    """Liquidity was taken from a pool."""

    amount0: Amount0
    amount1: Amount1
    liquidity: Annotated[u128 | None, Doc("liquidity burned, none in V2", unit="liquidity", source="log data")]
    pool: Pool
    owner: Annotated[OptionalAddress, Doc("owner of the position, none in V2", unit="address", source="log topics")]
    sender: Annotated[OptionalAddress, Doc("who called the pool, none in V3", unit="address", source="log topics")]
    recipient: Annotated[OptionalAddress, Doc("who was paid, none in V3", unit="address", source="log topics")]
    tick_lower: TickLower
    tick_upper: TickUpper
    protocol: ProtocolField
    _padding: pad[7] = padding()
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class PoolSyncTLV(TLV, type=7):
    """The reserves of a V2 pair after a change."""

    reserve0: Annotated[u128, Doc("token0 held", unit="raw token0", source="log data (uint112)")]
    reserve1: Annotated[u128, Doc("token1 held", unit="raw token1", source="log data (uint112)")]
    pool: Pool
    _padding: pad[4] = padding()
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class PoolTickTLV(TLV, type=8):
    """The current tick of a V3 pool was set or has changed."""

    sqrt_price_x96: Annotated[u160, Doc("price", unit="sqrt(token1/token0) Q64.96", source="log data")]
    pool: Pool
    liquidity: Annotated[
        u128 | None, Doc("liquidity in range, none at initialisation", unit="liquidity", source="log data")
    ]
    tick: Annotated[i32, Doc("current tick", unit="tick", source="log data")]
    previous_tick: Annotated[i32 | None, Doc("tick before, none if not seen", unit="tick", source="pool state")]
    reason: Annotated[TickReason, u8, Doc("what set it", unit="enum", source="log topic 0")]
    _padding: pad[7] = padding()
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class PoolPositionTLV(TLV, type=9):
    """A liquidity position after an event, as changed since the stream began."""

    token_id: Annotated[
        u256 | None, Doc("NFT of the position, none if held in the pool", unit="id", source="log topics")
    ]
    net_amount0: Annotated[i256, Doc("token0 put in less taken out", unit="raw token0", source="pool state")]
    net_amount1: Annotated[i256, Doc("token1 put in less taken out", unit="raw token1", source="pool state")]
    net_liquidity: Annotated[i128, Doc("liquidity added less removed", unit="liquidity", source="pool state")]
    pool: Annotated[OptionalAddress, Doc("pool, none if the log does not tell", unit="address", source="log address")]
    owner: Annotated[OptionalAddress, Doc("owner, none if the log does not tell", unit="address", source="log topics")]
    tick_lower: TickLower
    tick_upper: TickUpper
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class PoolCollectTLV(TLV, type=10):
    """Owed tokens were paid out, by a pool or by the position manager."""

    amount0: Amount0
    amount1: Amount1
    token_id: Annotated[u256 | None, Doc("NFT, none if emitted by a pool", unit="id", source="log topics")]
    pool: Annotated[OptionalAddress, Doc("pool, none if emitted by the manager", unit="address", source="log address")]
    owner: Annotated[OptionalAddress, Doc("owner, none if emitted by the manager", unit="address", source="log topics")]
    recipient: Annotated[Address, Doc("who was paid", unit="address", source="log data")]
    tick_lower: TickLower
    tick_upper: TickUpper
    protocol: ProtocolField
    _padding: pad[3] = padding()
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class PoolFlashTLV(TLV, type=11):
    """A flash loan of a V3 pool."""

    amount0: Amount0
    amount1: Amount1
    paid0: Annotated[u256, Doc("token0 paid for the loan", unit="raw token0", source="log data")]
    paid1: Annotated[u256, Doc("token1 paid for the loan", unit="raw token1", source="log data")]
    pool: Pool
    sender: Annotated[Address, Doc("who called the pool", unit="address", source="log topics")]
    recipient: Annotated[Address, Doc("who got the loan", unit="address", source="log topics")]
    _padding: pad[4] = padding()
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class LiquidityAddTLV(TLV, type=12):
    """IncreaseLiquidity of the position manager."""

    token_id: Annotated[u256, Doc("NFT of the position", unit="id", source="log topics")]
    amount0: Amount0
    amount1: Amount1
    liquidity: Annotated[u128, Doc("liquidity added", unit="liquidity", source="log data")]
    manager: Annotated[Address, Doc("position manager", unit="address", source="log address")]
    _padding: pad[4] = padding()
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class LiquidityRemoveTLV(TLV, type=13):
    """DecreaseLiquidity of the position manager."""

    token_id: Annotated[u256, Doc("NFT of the position", unit="id", source="log topics")]
    amount0: Amount0
    amount1: Amount1
    liquidity: Annotated[u128, Doc("liquidity removed", unit="liquidity", source="log data")]
    manager: Annotated[Address, Doc("position manager", unit="address", source="log address")]
    _padding: pad[4] = padding()
    block_number: BlockNumber
    timestamp: BlockTime
    log_index: LogIndex
    venue_id: PoolVenueId


class PriceUpdateTLV(TLV, type=14):
    """The last price of a market and its volume-weighted mean so far."""

    price: Annotated[Price, Gt(0), Doc("last price", source="tape")]
    vwap: Annotated[Price, Gt(0), Doc("volume-weighted mean price, rounded down", source="tape")]
    timestamp: Annotated[Timestamp, Doc(source="last trade")]
    venue_id: VenueId
    _padding: pad[4] = padding()


class VolumeUpdateTLV(TLV, type=15):
    """What was traded in a market so far; notional / volume is the exact mean price."""

    notional: Annotated[i128, Ge(0), Doc("sum of price times size", unit="1e-16 quote", source="tape")]
    volume: Annotated[Quantity, Ge(0), Doc("sum of sizes", source="tape")]
    buy_volume: Annotated[Quantity, Ge(0), Doc("part of it where the buyer was the aggressor", source="tape")]
    trade_count: Annotated[u64, Doc("trades so far", unit="trades", source="tape")]
    timestamp: Annotated[Timestamp, Doc(source="last trade")]
    venue_id: VenueId
    _padding: pad[4] = padding()


class DepthUpdateTLV(TLV, type=16):
    """Changed levels of a book, or all of them (a snapshot)."""

    first_update_id: Annotated[u64, Doc("first update contained", unit="update id", source="exchange")]
    last_update_id: Annotated[u64, Doc("last update contained", unit="update id", source="exchange")]
    timestamp: Annotated[Timestamp, Doc(source="exchange")]
    venue_id: VenueId
    kind: Annotated[DepthKind, u8, Doc("update or snapshot", unit="enum", source="exchange")]
    _padding: pad[3] = padding()
    bids: Annotated[Group[OrderLevel], Doc("changed bids", source="exchange")] = ()
    asks: Annotated[Group[OrderLevel], Doc("changed asks", source="exchange")] = ()


class SpreadUpdateTLV(TLV, type=17):
    """Distance between best bid and best ask of a market."""

    spread: Annotated[Price, Ge(0), Doc("ask less bid", source="spread service")]
    mid: Annotated[Price, Ge(0), Doc("middle of bid and ask, rounded down", source="spread service")]
    timestamp: Annotated[Timestamp, Doc(source="last quote")]
    venue_id: VenueId
    _padding: pad[4] = padding()


MARKET_DATA_MESSAGES: tuple[type[TLV], ...] = (
    TradeTLV,
    QuoteTLV,
    OrderBookTLV,
    PoolSwapTLV,
    PoolMintTLV,
    PoolBurnTLV,
    PoolSyncTLV,
    PoolTickTLV,
    PoolPositionTLV,
    PoolCollectTLV,
    PoolFlashTLV,
    LiquidityAddTLV,
    LiquidityRemoveTLV,
    PriceUpdateTLV,
    VolumeUpdateTLV,
    DepthUpdateTLV,
    SpreadUpdateTLV,
)
