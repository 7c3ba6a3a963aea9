"""What a pool holds, where it stands, and who has a part in it, written by hand."""

from __future__ import annotations

import struct
from enum import IntEnum

from .base import (
    NO_ADDRESS,
    NO_TICK,
    NO_U128,
    NO_U256,
    Message,
    address,
    at_least,
    optional,
    signed,
    unsigned,
    value,
)

__all__ = ["PoolPosition", "PoolSync", "PoolTick"]

POOL_SYNC = struct.Struct("<16s16s20s4xQqII")
POOL_TICK = struct.Struct("<20s20s16siiB7xQqII")
POOL_POSITION = struct.Struct("<32s32s32s16s20s20siiQqII")


class TickReason(IntEnum):
    """Why the current tick of a pool is announced."""

    INITIALIZE = 1
    SWAP = 2


class PoolSync(Message):
    """The reserves of a V2 pair after a change."""

    __slots__ = ("block_number", "log_index", "pool", "reserve0", "reserve1", "timestamp", "venue_id")

    def __init__(
        self,
        reserve0: int,
        reserve1: int,
        pool: bytes,
        block_number: int,
        timestamp: int,
        log_index: int,
        venue_id: int,
    ) -> None:
        self.reserve0 = reserve0
        self.reserve1 = reserve1
        self.pool = pool
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return POOL_SYNC.pack(
            unsigned(self.reserve0, 16),
            unsigned(self.reserve1, 16),
            address(self.pool, "pool"),
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> PoolSync:
        reserve0, reserve1, pool, block_number, timestamp, log_index, venue_id = POOL_SYNC.unpack_from(data, offset)
        return cls(value(reserve0), value(reserve1), pool, block_number, timestamp, log_index, venue_id)

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")


class PoolTick(Message):
    """The current tick of a V3 pool was set or has changed."""

    __slots__ = (
        "block_number",
        "liquidity",
        "log_index",
        "pool",
        "previous_tick",
        "reason",
        "sqrt_price_x96",
        "tick",
        "timestamp",
        "venue_id",
    )

    def __init__(
        self,
        sqrt_price_x96: int,
        pool: bytes,
        liquidity: int | None,
        tick: int,
        previous_tick: int | None,
        reason: TickReason,
        block_number: int,
        timestamp: int,
        log_index: int,
        venue_id: int,
    ) -> None:
        self.sqrt_price_x96 = sqrt_price_x96
        self.pool = pool
        self.liquidity = liquidity
        self.tick = tick
        self.previous_tick = previous_tick
        self.reason = reason
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return POOL_TICK.pack(
            unsigned(self.sqrt_price_x96, 20),
            address(self.pool, "pool"),
            unsigned(NO_U128 if self.liquidity is None else self.liquidity, 16),
            self.tick,
            NO_TICK if self.previous_tick is None else self.previous_tick,
            self.reason,
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> PoolTick:
        sqrt_price_x96, pool, liquidity, tick, previous_tick, reason, block_number, timestamp, log_index, venue_id = (
            POOL_TICK.unpack_from(data, offset)
        )
        return cls(
            value(sqrt_price_x96),
            pool,
            optional(value(liquidity), NO_U128),
            tick,
            optional(previous_tick, NO_TICK),
            TickReason(reason),
            block_number,
            timestamp,
            log_index,
            venue_id,
        )

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")


class PoolPosition(Message):
    """A liquidity position after an event, as changed since the stream began."""

    __slots__ = (
        "block_number",
        "log_index",
        "net_amount0",
        "net_amount1",
        "net_liquidity",
        "owner",
        "pool",
        "tick_lower",
        "tick_upper",
        "timestamp",
        "token_id",
        "venue_id",
    )

    def __init__(
        self,
        token_id: int | None,
        net_amount0: int,
        net_amount1: int,
        net_liquidity: int,
        pool: bytes | None,
        owner: bytes | None,
        tick_lower: int | None,
        tick_upper: int | None,
        block_number: int,
        timestamp: int,
        log_index: int,
        venue_id: int,
    ) -> None:
        self.token_id = token_id
        self.net_amount0 = net_amount0
        self.net_amount1 = net_amount1
        self.net_liquidity = net_liquidity
        self.pool = pool
        self.owner = owner
        self.tick_lower = tick_lower
        self.tick_upper = tick_upper
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return POOL_POSITION.pack(
            unsigned(NO_U256 if self.token_id is None else self.token_id, 32),
            signed(self.net_amount0, 32),
            signed(self.net_amount1, 32),
            signed(self.net_liquidity, 16),
            address(NO_ADDRESS if self.pool is None else self.pool, "pool"),
            address(NO_ADDRESS if self.owner is None else self.owner, "owner"),
            NO_TICK if self.tick_lower is None else self.tick_lower,
            NO_TICK if self.tick_upper is None else self.tick_upper,
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> PoolPosition:
        (
            token_id,
            net_amount0,
            net_amount1,
            net_liquidity,
            pool,
            owner,
            tick_lower,
            tick_upper,
            block_number,
            timestamp,
            log_index,
            venue_id,
        ) = POOL_POSITION.unpack_from(data, offset)
        return cls(
            optional(value(token_id), NO_U256),
            value(net_amount0, sign=True),
            value(net_amount1, sign=True),
            value(net_liquidity, sign=True),
            optional(pool, NO_ADDRESS),
            optional(owner, NO_ADDRESS),
            optional(tick_lower, NO_TICK),
            optional(tick_upper, NO_TICK),
            block_number,
            timestamp,
            log_index,
            venue_id,
        )

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")
