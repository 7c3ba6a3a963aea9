"""The 17 market-data messages as one writes them without declarations: with `struct` and slots.

Good code of its kind, and what `benches/boilerplate.py` counts: one base class for what all have alike, a compiled format for
each, helpers for wide integers. `tests/test_by_hand.py` holds that the bytes and the rules are those of the declared ones.
"""

from __future__ import annotations

from typing import Any

from .markets import DepthUpdate, Level, OrderBook, PriceUpdate, Quote, SpreadUpdate, Trade, VolumeUpdate
from .pool_events import PoolBurn, PoolMint, PoolSwap
from .pool_payments import LiquidityAdd, LiquidityRemove, PoolCollect, PoolFlash
from .pool_state import PoolPosition, PoolSync, PoolTick

__all__ = ["BY_HAND", "Level"]

#: By their names, as declared.
BY_HAND: dict[str, Any] = {
    "TradeTLV": Trade,
    "QuoteTLV": Quote,
    "OrderBookTLV": OrderBook,
    "PoolSwapTLV": PoolSwap,
    "PoolMintTLV": PoolMint,
    "PoolBurnTLV": PoolBurn,
    "PoolSyncTLV": PoolSync,
    "PoolTickTLV": PoolTick,
    "PoolPositionTLV": PoolPosition,
    "PoolCollectTLV": PoolCollect,
    "PoolFlashTLV": PoolFlash,
    "LiquidityAddTLV": LiquidityAdd,
    "LiquidityRemoveTLV": LiquidityRemove,
    "PriceUpdateTLV": PriceUpdate,
    "VolumeUpdateTLV": VolumeUpdate,
    "DepthUpdateTLV": DepthUpdate,
    "SpreadUpdateTLV": SpreadUpdate,
}
