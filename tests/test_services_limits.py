"""Totals beyond what a message can hold: told in words, and no service dies of them."""

from __future__ import annotations

import pytest

from actors.services.book_builder import BookBuilder
from actors.services.pool_state import PoolState
from actors.services.tape import Tape
from configs.services import BookBuilderConfig, TapeConfig
from tests.service_run import run_service
from tlv.market_data import (
    DepthKind,
    DepthUpdateTLV,
    LiquidityAddTLV,
    OrderLevel,
    PoolPositionTLV,
    PriceUpdateTLV,
    TradeTLV,
    VolumeUpdateTLV,
)


def test_a_volume_that_has_outgrown_its_message_leaves_the_prices() -> None:
    trades = [TradeTLV(price=1 + i % 2, quantity=2**61, timestamp=i, venue_id=7) for i in range(10)]
    trades.append(TradeTLV(price=5, quantity=3, timestamp=11, venue_id=8))
    run = run_service(Tape, trades, config=TapeConfig(volume_every=1))
    volumes = [m for m in run.emitted if isinstance(m, VolumeUpdateTLV)]
    assert [(m.venue_id, m.volume) for m in volumes] == [(7, 2**61), (7, 2**62), (7, 3 * 2**61), (8, 3)]
    assert sum(isinstance(m, PriceUpdateTLV) for m in run.emitted) == 11
    assert run.service.summary() == "volumes that have outgrown their message: venue 7"
    assert run.ledger.balanced


def test_a_position_that_has_outgrown_its_message_is_counted() -> None:
    adds = [
        LiquidityAddTLV(
            token_id=5,
            amount0=1,
            amount1=1,
            liquidity=2**126,
            manager=bytes(20),
            block_number=1,
            timestamp=0,
            log_index=i,
            venue_id=0,
        )
        for i in range(3)
    ]
    run = run_service(PoolState, adds)
    assert [m.net_liquidity for m in run.emitted if isinstance(m, PoolPositionTLV)] == [2**126]
    assert run.service.summary().endswith("2 changes not told, beyond what a message holds")
    assert run.ledger.balanced


def test_a_book_that_stays_crossed_is_logged_once(capsys: pytest.CaptureFixture[str]) -> None:
    def book(bid: int) -> DepthUpdateTLV:
        return DepthUpdateTLV(1, 1, 0, 7, DepthKind.SNAPSHOT, [OrderLevel(bid, 1)], [OrderLevel(5, 1)])

    run = run_service(BookBuilder, [book(6), book(7), book(8), book(4), book(9)], config=BookBuilderConfig())
    assert (run.service.crossed, len(run.emitted)) == (4, 1)
    output = capsys.readouterr()
    assert (output.out + output.err).count("crossed book") == 2
