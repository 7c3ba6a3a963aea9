"""The feed of event logs of Uniswap pools and of their position manager."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from actors.errors import UnknownPoolError
from configs.feeds import DexFeedConfig
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
)

from .dex_events import DexEvent
from .dex_log import RawLog
from .dex_logs import PoolLogs, by_block
from .dex_sources import raw_logs
from .feed import Feed
from .markets import POSITION_MANAGER
from .reading import Policy, Reading
from .seen import SeenLogs
from .sync_index import SyncIndex

__all__ = ["DexFeed"]


class DexFeed(
    Feed,
    emits=(
        PoolSwapTLV,
        PoolMintTLV,
        PoolBurnTLV,
        PoolSyncTLV,
        PoolTickTLV,
        PoolCollectTLV,
        PoolFlashTLV,
        LiquidityAddTLV,
        LiquidityRemoveTLV,
    ),
):
    """Pool events from JSON-RPC logs and raw CSV files, each log once."""

    feed = "dex"

    def __init__(self, config: DexFeedConfig) -> None:
        super().__init__(config)
        self.pool = config.pool
        self.lookalikes = config.lookalikes
        self.require_sync = config.require_sync
        self.seen = SeenLogs() if config.repeated == "skip" else None

    def policy(self) -> Policy:
        return Policy(on_malformed=self.config.on_malformed, lookalikes=self.lookalikes)

    def messages(self, readings: Sequence[Reading]) -> Iterator[TLV]:
        syncs = SyncIndex(readings, lambda reading: self.markets.contract_of_file(reading, self.pool))
        for reading in readings:
            try:
                yield from self._file(reading, syncs)
            except UnknownPoolError as error:
                reading.refuse(error)

    def first_time(self, reading: Reading) -> int:
        return next((log.block_number for log in raw_logs(reading)), 0)

    def _file(self, reading: Reading, syncs: SyncIndex) -> Iterator[TLV]:
        logs = PoolLogs(
            reading,
            self._contract_of(reading),
            self.markets.pool_venue_id,
            syncs.precedes,
            require_sync=self.require_sync,
        )
        for block in by_block(raw_logs(reading)):
            for log, message in logs.decode(block):
                if self.seen is not None and self.seen.has(log):
                    reading.ignore("logs read before")
                    continue
                reading.messages += 1
                yield message

    def _contract_of(self, reading: Reading) -> Callable[[RawLog, DexEvent], bytes]:
        """Raw CSV files have no column for the contract: its address stands in the name of the file."""
        pool: bytes | None = None
        manager: bytes | None = None

        def contract_of(log: RawLog, event: DexEvent) -> bytes:
            nonlocal pool, manager
            if log.joined:
                return POSITION_MANAGER
            if event.by_manager:
                manager = manager or self.markets.manager_of_file(reading)
                return manager
            pool = pool or self.markets.contract_of_file(reading, self.pool)
            return pool

        return contract_of
