"""Event logs to pool messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from actors.errors import LookalikeLogError
from tlv import TLV
from tlv.market_data import (
    LiquidityAddTLV,
    LiquidityRemoveTLV,
    PoolBurnTLV,
    PoolCollectTLV,
    PoolFlashTLV,
    PoolMintTLV,
    PoolSwapTLV,
    PoolSyncTLV,
    PoolTickTLV,
    Protocol,
    TickReason,
)

from .dex_events import EVENTS, IGNORED, DexEvent
from .dex_log import RawLog
from .lookalike import NotThisEventError, checked_words, needs_sync
from .reading import Reading
from .sync_index import SYNC

__all__ = ["BLOCK_LOGS_MAX", "PoolLogs", "by_block"]

BLOCK_LOGS_MAX = 100_000
_NO_SYNC = "the log before it is not the Sync of the same pair (a source without Syncs needs require_sync = false)"


def by_block(logs: Iterable[RawLog]) -> Iterator[list[RawLog]]:
    """Runs of logs of one block, each in the order of the block.

    A block with more than `BLOCK_LOGS_MAX` logs (none has a hundredth of that) comes in parts, so memory is bounded.
    """
    block: list[RawLog] = []
    for log in logs:
        if block and (log.block_number != block[0].block_number or len(block) == BLOCK_LOGS_MAX):
            block.sort(key=_index)
            yield block
            block = []
        block.append(log)
    if block:
        block.sort(key=_index)
        yield block


def _index(log: RawLog) -> int:
    return log.log_index


class PoolLogs:
    """Decodes the logs of one file, block by block.

    ``contract_of`` tells the contract of a log for which the file has no column; ``venue_of`` the venue id
    of a pool; ``synced_elsewhere`` whether the Sync that belongs before a log stands somewhere else.
    """

    def __init__(
        self,
        reading: Reading,
        contract_of: Callable[[RawLog, DexEvent], bytes],
        venue_of: Callable[[bytes], int],
        synced_elsewhere: Callable[[RawLog], bool] = lambda _: False,
        *,
        require_sync: bool = True,
    ) -> None:
        self._reading = reading
        self._contract_of = contract_of
        self._venue_of = venue_of
        self._synced_elsewhere = synced_elsewhere
        self._require_sync = require_sync

    def decode(self, block: list[RawLog]) -> Iterator[tuple[RawLog, TLV]]:
        """The messages of one block; look-alikes are refused, other events counted."""
        synced: dict[int, bytes | None] = {
            log.log_index: log.address for log in block if log.topics and log.topics[0] == SYNC
        }
        for log in block:
            event = EVENTS.get(log.topics[0]) if log.topics else None
            if event is None:
                self._reading.ignore(IGNORED.get(log.topics[0], "other events") if log.topics else "logs without topic")
                continue
            if log.address is None:
                log.address = self._contract_of(log, event)
                if log.topics[0] == SYNC:
                    synced[log.log_index] = log.address
            try:
                words = checked_words(event, log)
                if self._require_sync and needs_sync(event) and not self._is_synced(log, synced):
                    raise NotThisEventError(_NO_SYNC)
                message = _MESSAGE[event.name](words, log, log.address, self._venue_of(log.address))
            except NotThisEventError as error:
                self._reading.refuse(self._lookalike(log, event, log.address, str(error)))
                continue
            yield log, message

    def _is_synced(self, log: RawLog, synced: dict[int, bytes | None]) -> bool:
        before = log.log_index - 1
        return synced[before] == log.address if before in synced else self._synced_elsewhere(log)

    def _lookalike(self, log: RawLog, event: DexEvent, contract: bytes, reason: str) -> LookalikeLogError:
        return LookalikeLogError(
            path=self._reading.path,
            line=log.line,
            contract=f"0x{contract.hex()}",
            event=event.name,
            reason=reason,
            block=log.block_number,
            log_index=log.log_index,
        )


def _address(word: int) -> bytes:
    return word.to_bytes(20, "big")


def _address_or_none(word: int) -> bytes | None:
    """The address zero stands for nobody, on the chain and in our messages."""
    return word.to_bytes(20, "big") if word else None


def _place(log: RawLog, venue_id: int) -> dict[str, int]:
    return {
        "block_number": log.block_number,
        "timestamp": log.timestamp,
        "log_index": log.log_index,
        "venue_id": venue_id,
    }


def _v2_sync(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolSyncTLV(reserve0=words.reserve0, reserve1=words.reserve1, pool=pool, **_place(log, venue_id))


def _v2_swap(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolSwapTLV(
        amount0=words.amount0_in - words.amount0_out,
        amount1=words.amount1_in - words.amount1_out,
        amount0_out=words.amount0_out,
        amount1_out=words.amount1_out,
        sqrt_price_x96=None,
        pool=pool,
        sender=_address(words.sender),
        recipient=_address(words.to),
        liquidity=None,
        tick=None,
        protocol=Protocol.UNISWAP_V2,
        **_place(log, venue_id),
    )


def _v2_mint(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolMintTLV(
        amount0=words.amount0,
        amount1=words.amount1,
        liquidity=None,
        pool=pool,
        owner=None,
        sender=_address(words.sender),
        tick_lower=None,
        tick_upper=None,
        protocol=Protocol.UNISWAP_V2,
        **_place(log, venue_id),
    )


def _v2_burn(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolBurnTLV(
        amount0=words.amount0,
        amount1=words.amount1,
        liquidity=None,
        pool=pool,
        owner=None,
        sender=_address_or_none(words.sender),
        recipient=_address_or_none(words.to),
        tick_lower=None,
        tick_upper=None,
        protocol=Protocol.UNISWAP_V2,
        **_place(log, venue_id),
    )


def _v3_initialize(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolTickTLV(
        sqrt_price_x96=words.sqrt_price_x96,
        pool=pool,
        liquidity=None,
        tick=words.tick,
        previous_tick=None,
        reason=TickReason.INITIALIZE,
        **_place(log, venue_id),
    )


def _v3_swap(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolSwapTLV(
        amount0=words.amount0,
        amount1=words.amount1,
        amount0_out=max(-words.amount0, 0),
        amount1_out=max(-words.amount1, 0),
        sqrt_price_x96=words.sqrt_price_x96,
        pool=pool,
        sender=_address(words.sender),
        recipient=_address(words.recipient),
        liquidity=words.liquidity,
        tick=words.tick,
        protocol=Protocol.UNISWAP_V3,
        **_place(log, venue_id),
    )


def _v3_mint(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolMintTLV(
        amount0=words.amount0,
        amount1=words.amount1,
        liquidity=words.liquidity,
        pool=pool,
        owner=_address_or_none(words.owner),
        sender=_address(words.sender),
        tick_lower=words.tick_lower,
        tick_upper=words.tick_upper,
        protocol=Protocol.UNISWAP_V3,
        **_place(log, venue_id),
    )


def _v3_burn(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolBurnTLV(
        amount0=words.amount0,
        amount1=words.amount1,
        liquidity=words.liquidity,
        pool=pool,
        owner=_address_or_none(words.owner),
        sender=None,
        recipient=None,
        tick_lower=words.tick_lower,
        tick_upper=words.tick_upper,
        protocol=Protocol.UNISWAP_V3,
        **_place(log, venue_id),
    )


def _v3_collect(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolCollectTLV(
        amount0=words.amount0,
        amount1=words.amount1,
        token_id=None,
        pool=pool,
        owner=_address_or_none(words.owner),
        recipient=_address(words.recipient),
        tick_lower=words.tick_lower,
        tick_upper=words.tick_upper,
        protocol=Protocol.UNISWAP_V3,
        **_place(log, venue_id),
    )


def _v3_flash(words: Any, log: RawLog, pool: bytes, venue_id: int) -> TLV:
    return PoolFlashTLV(
        amount0=words.amount0,
        amount1=words.amount1,
        paid0=words.paid0,
        paid1=words.paid1,
        pool=pool,
        sender=_address(words.sender),
        recipient=_address(words.recipient),
        **_place(log, venue_id),
    )


def _increase(words: Any, log: RawLog, manager: bytes, venue_id: int) -> TLV:
    return LiquidityAddTLV(
        token_id=words.token_id,
        amount0=words.amount0,
        amount1=words.amount1,
        liquidity=words.liquidity,
        manager=manager,
        **_place(log, venue_id),
    )


def _decrease(words: Any, log: RawLog, manager: bytes, venue_id: int) -> TLV:
    return LiquidityRemoveTLV(
        token_id=words.token_id,
        amount0=words.amount0,
        amount1=words.amount1,
        liquidity=words.liquidity,
        manager=manager,
        **_place(log, venue_id),
    )


def _manager_collect(words: Any, log: RawLog, manager: bytes, venue_id: int) -> TLV:
    del manager
    return PoolCollectTLV(
        amount0=words.amount0,
        amount1=words.amount1,
        token_id=words.token_id,
        pool=None,
        owner=None,
        recipient=_address(words.recipient),
        tick_lower=None,
        tick_upper=None,
        protocol=Protocol.POSITION_MANAGER,
        **_place(log, venue_id),
    )


_MESSAGE: dict[str, Callable[[Any, RawLog, bytes, int], TLV]] = {
    "V2 Sync": _v2_sync,
    "V2 Swap": _v2_swap,
    "V2 Mint": _v2_mint,
    "V2 Burn": _v2_burn,
    "V3 Initialize": _v3_initialize,
    "V3 Swap": _v3_swap,
    "V3 Mint": _v3_mint,
    "V3 Burn": _v3_burn,
    "V3 Collect": _v3_collect,
    "V3 Flash": _v3_flash,
    "IncreaseLiquidity": _increase,
    "DecreaseLiquidity": _decrease,
    "manager Collect": _manager_collect,
}
