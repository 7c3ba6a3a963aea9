"""The state of pools: ticks, reserves and liquidity positions."""

from __future__ import annotations

from actors.services.positions import PositionKey, Positions
from actors.services.wording import count_text
from mycelium import Actor, handles
from tlv.market_data import (
    LiquidityAddTLV,
    LiquidityRemoveTLV,
    PoolBurnTLV,
    PoolCollectTLV,
    PoolFlashTLV,
    PoolMintTLV,
    PoolPositionTLV,
    PoolSwapTLV,
    PoolSyncTLV,
    PoolTickTLV,
    Protocol,
    TickReason,
)

__all__ = ["PoolState"]


class PoolState(
    Actor,
    receives=(
        PoolSwapTLV,
        PoolSyncTLV,
        PoolTickTLV,
        PoolMintTLV,
        PoolBurnTLV,
        PoolCollectTLV,
        PoolFlashTLV,
        LiquidityAddTLV,
        LiquidityRemoveTLV,
    ),
    ignores=(PoolFlashTLV,),  # lent and paid back in one transaction
    emits=(PoolTickTLV, PoolPositionTLV),
):
    """Tells each change of a tick and each position after its event.

    Tokens count when they move. A V2 burn pays at once. A V3 burn only says what is owed, and the
    collect that follows pays it together with the fees; so it is with the manager's events too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ticks: dict[bytes, int] = {}
        self.reserves: dict[bytes, tuple[int, int]] = {}
        self.positions = Positions()
        self.outgrown = 0

    @handles
    def on_swap(self, swap: PoolSwapTLV) -> None:
        tick, sqrt_price = swap.tick, swap.sqrt_price_x96
        if tick is None or sqrt_price is None:  # V2 has none
            return
        previous = self.ticks.get(swap.pool)
        if tick != previous:
            self.ticks[swap.pool] = tick
            self.emit(
                PoolTickTLV(
                    sqrt_price,
                    swap.pool,
                    swap.liquidity,
                    tick,
                    previous,
                    TickReason.SWAP,
                    swap.block_number,
                    swap.timestamp,
                    swap.log_index,
                    swap.venue_id,
                )
            )

    @handles
    def on_tick(self, announced: PoolTickTLV) -> None:
        self.ticks[announced.pool] = announced.tick

    @handles
    def on_sync(self, sync: PoolSyncTLV) -> None:
        self.reserves[sync.pool] = sync.reserve0, sync.reserve1

    @handles
    def on_mint(self, mint: PoolMintTLV) -> None:
        key = PositionKey(mint.pool, mint.owner, mint.tick_lower, mint.tick_upper)
        self._change(key, mint, amount0=mint.amount0, amount1=mint.amount1, liquidity=mint.liquidity or 0)

    @handles
    def on_burn(self, burn: PoolBurnTLV) -> None:
        key = PositionKey(burn.pool, burn.owner, burn.tick_lower, burn.tick_upper)
        if burn.protocol == Protocol.UNISWAP_V2:
            self._change(key, burn, amount0=-burn.amount0, amount1=-burn.amount1)
        else:
            self._change(key, burn, liquidity=-(burn.liquidity or 0))

    @handles
    def on_collect(self, collect: PoolCollectTLV) -> None:
        key = PositionKey(collect.pool, collect.owner, collect.tick_lower, collect.tick_upper, collect.token_id)
        self._change(key, collect, amount0=-collect.amount0, amount1=-collect.amount1)

    @handles
    def on_add(self, add: LiquidityAddTLV) -> None:
        key = PositionKey(token_id=add.token_id)
        self._change(key, add, amount0=add.amount0, amount1=add.amount1, liquidity=add.liquidity)

    @handles
    def on_remove(self, remove: LiquidityRemoveTLV) -> None:
        self._change(PositionKey(token_id=remove.token_id), remove, liquidity=-remove.liquidity)

    def _change(
        self,
        key: PositionKey,
        event: PoolMintTLV | PoolBurnTLV | PoolCollectTLV | LiquidityAddTLV | LiquidityRemoveTLV,
        *,
        amount0: int = 0,
        amount1: int = 0,
        liquidity: int = 0,
    ) -> None:
        now = self.positions.change(key, amount0=amount0, amount1=amount1, liquidity=liquidity)
        if not now.can_be_told:
            self.outgrown += 1
            self.log.warning("a position has outgrown its message", block=event.block_number, index=event.log_index)
            return
        self.emit(
            PoolPositionTLV(
                key.token_id,
                *now,
                key.pool,
                key.owner,
                key.tick_lower,
                key.tick_upper,
                event.block_number,
                event.timestamp,
                event.log_index,
                event.venue_id,
            )
        )

    def summary(self) -> str:
        told = [
            count_text(len(self.ticks), "pool with a tick", "pools with a tick"),
            count_text(len(self.reserves), "pair"),
            count_text(len(self.positions), "position"),
        ]
        if self.outgrown:
            told.append(f"{count_text(self.outgrown, 'change')} not told, beyond what a message holds")
        return ", ".join(told)
