"""What pools and the position manager pay and lend, written by hand."""

from __future__ import annotations

import struct

from .base import (
    NO_ADDRESS,
    NO_TICK,
    NO_U256,
    Message,
    address,
    at_least,
    optional,
    unsigned,
    value,
)
from .pool_events import Protocol

__all__ = ["LiquidityAdd", "LiquidityRemove", "PoolCollect", "PoolFlash"]

POOL_COLLECT = struct.Struct("<32s32s32s20s20s20siiB3xQqII")
POOL_FLASH = struct.Struct("<32s32s32s32s20s20s20s4xQqII")
LIQUIDITY_ADD = struct.Struct("<32s32s32s16s20s4xQqII")
LIQUIDITY_REMOVE = struct.Struct("<32s32s32s16s20s4xQqII")


class PoolCollect(Message):
    """Owed tokens were paid out, by a pool or by the position manager."""

    __slots__ = (
        "amount0",
        "amount1",
        "block_number",
        "log_index",
        "owner",
        "pool",
        "protocol",
        "recipient",
        "tick_lower",
        "tick_upper",
        "timestamp",
        "token_id",
        "venue_id",
    )

    def __init__(
        self,
        amount0: int,
        amount1: int,
        token_id: int | None,
        pool: bytes | None,
        owner: bytes | None,
        recipient: bytes,
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
        self.token_id = token_id
        self.pool = pool
        self.owner = owner
        self.recipient = recipient
        self.tick_lower = tick_lower
        self.tick_upper = tick_upper
        self.protocol = protocol
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return POOL_COLLECT.pack(
            unsigned(self.amount0, 32),
            unsigned(self.amount1, 32),
            unsigned(NO_U256 if self.token_id is None else self.token_id, 32),
            address(NO_ADDRESS if self.pool is None else self.pool, "pool"),
            address(NO_ADDRESS if self.owner is None else self.owner, "owner"),
            address(self.recipient, "recipient"),
            NO_TICK if self.tick_lower is None else self.tick_lower,
            NO_TICK if self.tick_upper is None else self.tick_upper,
            self.protocol,
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> PoolCollect:
        (
            amount0,
            amount1,
            token_id,
            pool,
            owner,
            recipient,
            tick_lower,
            tick_upper,
            protocol,
            block_number,
            timestamp,
            log_index,
            venue_id,
        ) = POOL_COLLECT.unpack_from(data, offset)
        return cls(
            value(amount0),
            value(amount1),
            optional(value(token_id), NO_U256),
            optional(pool, NO_ADDRESS),
            optional(owner, NO_ADDRESS),
            recipient,
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


class PoolFlash(Message):
    """A flash loan of a V3 pool."""

    __slots__ = (
        "amount0",
        "amount1",
        "block_number",
        "log_index",
        "paid0",
        "paid1",
        "pool",
        "recipient",
        "sender",
        "timestamp",
        "venue_id",
    )

    def __init__(
        self,
        amount0: int,
        amount1: int,
        paid0: int,
        paid1: int,
        pool: bytes,
        sender: bytes,
        recipient: bytes,
        block_number: int,
        timestamp: int,
        log_index: int,
        venue_id: int,
    ) -> None:
        self.amount0 = amount0
        self.amount1 = amount1
        self.paid0 = paid0
        self.paid1 = paid1
        self.pool = pool
        self.sender = sender
        self.recipient = recipient
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return POOL_FLASH.pack(
            unsigned(self.amount0, 32),
            unsigned(self.amount1, 32),
            unsigned(self.paid0, 32),
            unsigned(self.paid1, 32),
            address(self.pool, "pool"),
            address(self.sender, "sender"),
            address(self.recipient, "recipient"),
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> PoolFlash:
        amount0, amount1, paid0, paid1, pool, sender, recipient, block_number, timestamp, log_index, venue_id = (
            POOL_FLASH.unpack_from(data, offset)
        )
        return cls(
            value(amount0),
            value(amount1),
            value(paid0),
            value(paid1),
            pool,
            sender,
            recipient,
            block_number,
            timestamp,
            log_index,
            venue_id,
        )

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")


class LiquidityAdd(Message):
    """IncreaseLiquidity of the position manager."""

    __slots__ = (
        "amount0",
        "amount1",
        "block_number",
        "liquidity",
        "log_index",
        "manager",
        "timestamp",
        "token_id",
        "venue_id",
    )

    def __init__(
        self,
        token_id: int,
        amount0: int,
        amount1: int,
        liquidity: int,
        manager: bytes,
        block_number: int,
        timestamp: int,
        log_index: int,
        venue_id: int,
    ) -> None:
        self.token_id = token_id
        self.amount0 = amount0
        self.amount1 = amount1
        self.liquidity = liquidity
        self.manager = manager
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return LIQUIDITY_ADD.pack(
            unsigned(self.token_id, 32),
            unsigned(self.amount0, 32),
            unsigned(self.amount1, 32),
            unsigned(self.liquidity, 16),
            address(self.manager, "manager"),
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> LiquidityAdd:
        token_id, amount0, amount1, liquidity, manager, block_number, timestamp, log_index, venue_id = (
            LIQUIDITY_ADD.unpack_from(data, offset)
        )
        return cls(
            value(token_id),
            value(amount0),
            value(amount1),
            value(liquidity),
            manager,
            block_number,
            timestamp,
            log_index,
            venue_id,
        )

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")


class LiquidityRemove(Message):
    """DecreaseLiquidity of the position manager."""

    __slots__ = (
        "amount0",
        "amount1",
        "block_number",
        "liquidity",
        "log_index",
        "manager",
        "timestamp",
        "token_id",
        "venue_id",
    )

    def __init__(
        self,
        token_id: int,
        amount0: int,
        amount1: int,
        liquidity: int,
        manager: bytes,
        block_number: int,
        timestamp: int,
        log_index: int,
        venue_id: int,
    ) -> None:
        self.token_id = token_id
        self.amount0 = amount0
        self.amount1 = amount1
        self.liquidity = liquidity
        self.manager = manager
        self.block_number = block_number
        self.timestamp = timestamp
        self.log_index = log_index
        self.venue_id = venue_id

    def as_bytes(self) -> bytes:
        return LIQUIDITY_REMOVE.pack(
            unsigned(self.token_id, 32),
            unsigned(self.amount0, 32),
            unsigned(self.amount1, 32),
            unsigned(self.liquidity, 16),
            address(self.manager, "manager"),
            self.block_number,
            self.timestamp,
            self.log_index,
            self.venue_id,
        )

    @classmethod
    def read_from(cls, data: bytes, offset: int = 0) -> LiquidityRemove:
        token_id, amount0, amount1, liquidity, manager, block_number, timestamp, log_index, venue_id = (
            LIQUIDITY_REMOVE.unpack_from(data, offset)
        )
        return cls(
            value(token_id),
            value(amount0),
            value(amount1),
            value(liquidity),
            manager,
            block_number,
            timestamp,
            log_index,
            venue_id,
        )

    def validate(self) -> None:
        at_least(self.timestamp, 0, "timestamp")
