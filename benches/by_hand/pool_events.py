"""Swaps, and liquidity that comes and goes, written by hand."""

from __future__ import annotations

import struct
from enum import IntEnum

from .base import (
    NO_ADDRESS,
    NO_TICK,
    NO_U128,
    NO_U160,
    Message,
    address,
    at_least,
    optional,
    signed,
    unsigned,
    value,
)

__all__ = ["PoolBurn", "PoolMint", "PoolSwap"]

POOL_SWAP = struct.Struct("<32s32s32s32s20s20s20s20s16siB3xQqII")
POOL_MINT = struct.Struct("<32s32s16s20s20s20siiB3xQqII")
POOL_BURN = struct.Struct("<32s32s16s20s20s20s20siiB7xQqII")


class Protocol(IntEnum):
    """Which contracts emitted a pool event."""

    UNISWAP_V2 = 2
    UNISWAP_V3 = 3
    POSITION_MANAGER = 4


class PoolSwap(Message):
    """A swap in a pool; V2 has no price, liquidity or tick in its event."""

    __slots__ = (
        "amount0",
        "amount0_out",
        "amount1",
        "amount1_out",
        "block_number",
        "liquidity",
        "log_index",
        "pool",
        "protocol",
        "recipient",
        "sender",
        "sqrt_price_x96",
        "tick",
        "timestamp",
        "venue_id",
    )

    def __init__(
        self,
        amount0: int,
        amount1: int,
        amount0_out: int,
        amount1_out: int,
        sqrt_price_x96: int | None,
        pool: bytes,
        sender: bytes,
        recipient: bytes,
        liquidity: int | None,
        tick: int | None,
        protocol: Protocol,
        block_number: int,
        timestamp: int,
        log_index: int,
        venue_id: int,
    ) -> None:
        self.amount0 = amount0
        self.amount1 = amount1
        self.amount0_out = amount0_out
        self.amount1_out = amount1_out
        self.sqrt_price_x96 = sqrt_price_x96
        self.pool = pool
        self.sender = sender
        self.recipient = recipient
        self.liquidity = liquidity
        self.tick = tick
        self.protocol = protocol
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return POOL_SWAP.pack(
            signed(self.amount0, 32),
            signed(self.amount1, 32),
            unsigned(self.amount0_out, 32),
            unsigned(self.amount1_out, 32),
            unsigned(NO_U160 if self.sqrt_price_x96 is None else self.sqrt_price_x96, 20),
            address(self.pool, "pool"),
            address(self.sender, "sender"),
            address(self.recipient, "recipient"),
            unsigned(NO_U128 if self.liquidity is None else self.liquidity, 16),
            NO_TICK if self.tick is None else self.tick,
            self.protocol,
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> PoolSwap:
        (
            amount0,
            amount1,
            amount0_out,
            amount1_out,
            sqrt_price_x96,
            pool,
            sender,
            recipient,
            liquidity,
            tick,
            protocol,
            block_number,
            timestamp,
            log_index,
            venue_id,
        ) = POOL_SWAP.unpack_from(data, offset)
        return cls(
            value(amount0, sign=True),
            value(amount1, sign=True),
            value(amount0_out),
            value(amount1_out),
            optional(value(sqrt_price_x96), NO_U160),
            pool,
            sender,
            recipient,
            optional(value(liquidity), NO_U128),
            optional(tick, NO_TICK),
            Protocol(protocol),
            block_number,
            timestamp,
            log_index,
            venue_id,
        )

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")


class PoolMint(Message):
    """Liquidity was added to a pool."""

    __slots__ = (
        "amount0",
        "amount1",
        "block_number",
        "liquidity",
        "log_index",
        "owner",
        "pool",
        "protocol",
        "sender",
        "tick_lower",
        "tick_upper",
        "timestamp",
        "venue_id",
    )

    def __init__(
        self,
        amount0: int,
        amount1: int,
        liquidity: int | None,
        pool: bytes,
        owner: bytes | None,
        sender: bytes,
        tick_lower: int | None,
        tick_upper: int | None,
        protocol: Protocol,
        block_number: int,
        timestamp: int,
        log_index: int,
        venue_id: int,
    ) -> None:
        self.amount0 = amount0
        self.amount1 = amount1
        self.liquidity = liquidity
        self.pool = pool
        self.owner = owner
        self.sender = sender
        self.tick_lower = tick_lower
        self.tick_upper = tick_upper
        self.protocol = protocol
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return POOL_MINT.pack(
            unsigned(self.amount0, 32),
            unsigned(self.amount1, 32),
            unsigned(NO_U128 if self.liquidity is None else self.liquidity, 16),
            address(self.pool, "pool"),
            address(NO_ADDRESS if self.owner is None else self.owner, "owner"),
            address(self.sender, "sender"),
            NO_TICK if self.tick_lower is None else self.tick_lower,
            NO_TICK if self.tick_upper is None else self.tick_upper,
            self.protocol,
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> PoolMint:
        (
            amount0,
            amount1,
            liquidity,
            pool,
            owner,
            sender,
            tick_lower,
            tick_upper,
            protocol,
            block_number,
            timestamp,
            log_index,
            venue_id,
        ) = POOL_MINT.unpack_from(data, offset)
        return cls(
            value(amount0),
            value(amount1),
            optional(value(liquidity), NO_U128),
            pool,
            optional(owner, NO_ADDRESS),
            sender,
            optional(tick_lower, NO_TICK),
            optional(tick_upper, NO_TICK),
            Protocol(protocol),
            block_number,
            timestamp,
            log_index,
            venue_id,
        )

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")


class PoolBurn(Message):
    """Liquidity was taken from a pool."""

    __slots__ = (
        "amount0",
        "amount1",
        "block_number",
        "liquidity",
        "log_index",
        "owner",
        "pool",
        "protocol",
        "recipient",
        "sender",
        "tick_lower",
        "tick_upper",
        "timestamp",
        "venue_id",
    )

    def __init__(
        self,
        amount0: int,
        amount1: int,
        liquidity: int | None,
        pool: bytes,
        owner: bytes | None,
        sender: bytes | None,
        recipient: bytes | None,
        tick_lower: int | None,
        tick_upper: int | None,
        protocol: Protocol,
        block_number: int,
        timestamp: int,
        log_index: int,
        venue_id: int,
    ) -> None:
        self.amount0 = amount0
        self.amount1 = amount1
        self.liquidity = liquidity
        self.pool = pool
        self.owner = owner
        self.sender = sender
        self.recipient = recipient
        self.tick_lower = tick_lower
        self.tick_upper = tick_upper
        self.protocol = protocol
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return POOL_BURN.pack(
            unsigned(self.amount0, 32),
            unsigned(self.amount1, 32),
            unsigned(NO_U128 if self.liquidity is None else self.liquidity, 16),
            address(self.pool, "pool"),
            address(NO_ADDRESS if self.owner is None else self.owner, "owner"),
            address(NO_ADDRESS if self.sender is None else self.sender, "sender"),
            address(NO_ADDRESS if self.recipient is None else self.recipient, "recipient"),
            NO_TICK if self.tick_lower is None else self.tick_lower,
            NO_TICK if self.tick_upper is None else self.tick_upper,
            self.protocol,
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> PoolBurn:
        (
            amount0,
            amount1,
            liquidity,
            pool,
            owner,
            sender,
            recipient,
            tick_lower,
            tick_upper,
            protocol,
            block_number,
            timestamp,
            log_index,
            venue_id,
        ) = POOL_BURN.unpack_from(data, offset)
        return cls(
            value(amount0),
            value(amount1),
            optional(value(liquidity), NO_U128),
            pool,
            optional(owner, NO_ADDRESS),
            optional(sender, NO_ADDRESS),
            optional(recipient, NO_ADDRESS),
            optional(tick_lower, NO_TICK),
            optional(tick_upper, NO_TICK),
            Protocol(protocol),
            block_number,
            timestamp,
            log_index,
            venue_id,
        )

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")
