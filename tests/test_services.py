"""The actors around the plain logic: what each emits, logs, counts and sums up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from actors.services.arbitrage import Arbitrage
from actors.services.book_builder import BookBuilder
from actors.services.errors import RecordingError
from actors.services.monitor import Monitor
from actors.services.order_book import Outcome
from actors.services.pool_state import PoolState
from actors.services.recorder import Recorder
from actors.services.spread import Spread
from actors.services.tape import Tape
from configs.services import ArbitrageConfig, BookBuilderConfig, MonitorConfig, RecorderConfig, TapeConfig
from mycelium.venues import Venue
from tests.service_run import run_service
from tlv import TLV, read_frames
from tlv.market_data import (
    DepthKind,
    DepthUpdateTLV,
    LiquidityAddTLV,
    LiquidityRemoveTLV,
    OrderBookTLV,
    OrderLevel,
    PoolBurnTLV,
    PoolCollectTLV,
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

POOL, OWNER, TRADER, MANAGER = (bytes([letter]) * 20 for letter in b"POTM")
PLACE = (18_000_000, 1_700_000_000_000_000_000, 7, 3)  # block, time, log index, venue
ONE = 10**8
VENUES = [
    Venue(id=1, name="north:ETHUSDT", exchange="north", symbol="ETHUSDT"),
    Venue(id=2, name="south:ETHUSDT", exchange="south", symbol="ETHUSDT"),
    Venue(id=3, name="pool", exchange="v3", symbol="ETHUSDT", address=POOL, tokens=("WETH", "USDT"), decimals=(18, 6)),
]


@pytest.fixture
def logged() -> Iterator[LogCapture]:
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    yield capture
    structlog.configure(**before)


def depth(kind: DepthKind, first: int, last: int, bids: dict[int, int], asks: dict[int, int]) -> DepthUpdateTLV:
    levels = ([OrderLevel(price, size) for price, size in side.items()] for side in (bids, asks))
    return DepthUpdateTLV(first, last, 99, 1, kind, *levels)


def swap(tick: int, sqrt_price_x96: int = 1 << 96, pool: bytes = POOL) -> PoolSwapTLV:
    return PoolSwapTLV(1, -1, 0, 1, sqrt_price_x96, pool, TRADER, TRADER, 5, tick, Protocol.UNISWAP_V3, *PLACE)


class TestBookBuilder:
    def test_a_book_is_published_after_each_applied_update(self) -> None:
        run = run_service(
            BookBuilder,
            [
                depth(DepthKind.SNAPSHOT, 10, 10, {8: 1, 9: 1, 7: 1}, {11: 1}),
                depth(DepthKind.UPDATE, 11, 12, {9: 0}, {10: 4}),
            ],
            BookBuilderConfig(levels=2),
        )
        assert run.emitted == [
            OrderBookTLV(10, 99, 1, [OrderLevel(9, 1), OrderLevel(8, 1)], [OrderLevel(11, 1)]),
            OrderBookTLV(12, 99, 1, [OrderLevel(8, 1), OrderLevel(7, 1)], [OrderLevel(10, 4), OrderLevel(11, 1)]),
        ]
        assert run.service.summary() == "1 book; updates: 2 applied, 0 stale, 0 gap, 0 unsynced; 0 crossed"

    def test_a_gap_is_logged_and_counted_and_ends_publishing_until_a_snapshot(self, logged: LogCapture) -> None:
        run = run_service(
            BookBuilder,
            [
                depth(DepthKind.SNAPSHOT, 10, 10, {9: 1}, {}),
                depth(DepthKind.UPDATE, 13, 13, {9: 2}, {}),
                depth(DepthKind.UPDATE, 14, 14, {9: 3}, {}),
                depth(DepthKind.SNAPSHOT, 20, 20, {9: 4}, {}),
            ],
            BookBuilderConfig(),
            VENUES,
        )
        assert [book.sequence for book in run.emitted if isinstance(book, OrderBookTLV)] == [10, 20]
        assert run.service.outcomes == {Outcome.APPLIED: 2, Outcome.GAP: 1, Outcome.UNSYNCED: 1}
        (gap,) = [entry for entry in logged.entries if entry["log_level"] == "warning"]
        assert (gap["venue"], gap["held"], gap["got"]) == ("north:ETHUSDT", 10, 13)

    def test_a_crossed_book_is_logged_and_counted_and_not_published(self, logged: LogCapture) -> None:
        run = run_service(BookBuilder, [depth(DepthKind.SNAPSHOT, 10, 10, {12: 1}, {11: 1})], BookBuilderConfig())
        assert run.emitted == []
        assert run.service.crossed == 1
        (crossed,) = [entry for entry in logged.entries if entry["log_level"] == "warning"]
        assert (crossed["event"], crossed["venue"]) == ("crossed book", "venue 1")


class TestTape:
    def test_prices_come_when_they_change_and_volumes_at_intervals_and_at_the_end(self) -> None:
        run = run_service(
            Tape,
            [TradeTLV(5 * ONE, ONE, 1, 1), TradeTLV(5 * ONE, -ONE, 2, 1), TradeTLV(8 * ONE, ONE, 3, 1)],
            TapeConfig(volume_every=2),
        )
        assert run.emitted == [
            PriceUpdateTLV(5 * ONE, 5 * ONE, 1, 1),
            VolumeUpdateTLV(10 * ONE * ONE, 2 * ONE, ONE, 2, 2, 1),
            PriceUpdateTLV(8 * ONE, 6 * ONE, 3, 1),
            VolumeUpdateTLV(18 * ONE * ONE, 3 * ONE, 2 * ONE, 3, 3, 1),
        ]
        assert run.ledger.balanced

    def test_a_volume_that_was_told_is_not_told_again_at_the_end(self) -> None:
        trades = [TradeTLV(5, 1, 1, venue) for venue in (1, 2, 1)]
        run = run_service(Tape, trades, TapeConfig(volume_every=2))
        volumes = [(one.venue_id, one.trade_count) for one in run.emitted if isinstance(one, VolumeUpdateTLV)]
        assert volumes == [(1, 2), (2, 1)]


class TestSpread:
    def test_quotes_and_books_each_tell_their_changes(self) -> None:
        book = OrderBookTLV(1, 3, 1, [OrderLevel(10, 1)], [OrderLevel(13, 1)])
        run = run_service(Spread, [QuoteTLV(10, 1, 13, 1, 1, 1), QuoteTLV(10, 2, 13, 2, 2, 1), book])
        assert run.emitted == [SpreadUpdateTLV(3, 11, 1, 1), SpreadUpdateTLV(3, 11, 3, 1)]

    def test_one_side_alone_has_no_spread(self) -> None:
        run = run_service(Spread, [QuoteTLV(10, 1, 0, 0, 1, 1), OrderBookTLV(1, 3, 1, [OrderLevel(10, 1)], [])])
        assert run.emitted == []


class TestPoolState:
    def test_a_swap_that_changes_the_tick_tells_the_one_before(self) -> None:
        run = run_service(PoolState, [swap(5), swap(5), swap(6), swap(9, pool=OWNER)])
        told = [(one.pool, one.previous_tick, one.tick) for one in run.emitted if isinstance(one, PoolTickTLV)]
        assert told == [(POOL, None, 5), (POOL, 5, 6), (OWNER, None, 9)]
        assert run.emitted[0] == PoolTickTLV(1 << 96, POOL, 5, 5, None, TickReason.SWAP, *PLACE)

    def test_an_initialised_pool_has_a_tick_before_its_first_swap(self) -> None:
        run = run_service(
            PoolState, [PoolTickTLV(1 << 96, POOL, None, 4, None, TickReason.INITIALIZE, *PLACE), swap(5)]
        )
        (told,) = run.emitted
        assert isinstance(told, PoolTickTLV)
        assert told.previous_tick == 4

    def test_a_v2_swap_has_no_tick_and_a_sync_gives_the_reserves(self) -> None:
        v2 = PoolSwapTLV(1, -1, 0, 1, None, POOL, TRADER, TRADER, None, None, Protocol.UNISWAP_V2, *PLACE)
        run = run_service(PoolState, [PoolSyncTLV(11, 12, POOL, *PLACE), v2])
        assert run.emitted == []
        assert run.service.reserves == {POOL: (11, 12)}
        assert run.service.summary() == "0 pools with a tick, 1 pair, 0 positions"

    def test_a_v3_position_pays_at_mint_and_is_paid_at_collect(self) -> None:
        v3 = Protocol.UNISWAP_V3
        run = run_service(
            PoolState,
            [
                PoolMintTLV(100, 200, 50, POOL, OWNER, OWNER, -10, 10, v3, *PLACE),
                PoolBurnTLV(40, 80, 20, POOL, OWNER, None, None, -10, 10, v3, *PLACE),
                PoolCollectTLV(41, 82, None, POOL, OWNER, TRADER, -10, 10, v3, *PLACE),
            ],
        )
        assert run.emitted == [
            PoolPositionTLV(None, *net, POOL, OWNER, -10, 10, *PLACE)
            for net in ((100, 200, 50), (100, 200, 30), (59, 118, 30))
        ]

    def test_a_v2_burn_pays_at_once(self) -> None:
        v2 = Protocol.UNISWAP_V2
        run = run_service(
            PoolState,
            [
                PoolMintTLV(100, 200, None, POOL, None, TRADER, None, None, v2, *PLACE),
                PoolBurnTLV(150, 10, None, POOL, None, TRADER, OWNER, None, None, v2, *PLACE),
            ],
        )
        assert run.emitted == [
            PoolPositionTLV(None, *net, POOL, None, None, None, *PLACE) for net in ((100, 200, 0), (-50, 190, 0))
        ]

    def test_a_position_of_the_manager_is_known_by_its_token(self) -> None:
        run = run_service(
            PoolState,
            [
                LiquidityAddTLV(77, 100, 200, 50, MANAGER, *PLACE),
                LiquidityRemoveTLV(77, 40, 80, 20, MANAGER, *PLACE),
                PoolCollectTLV(41, 82, 77, None, None, TRADER, None, None, Protocol.POSITION_MANAGER, *PLACE),
            ],
        )
        assert run.emitted == [
            PoolPositionTLV(77, *net, None, None, None, None, *PLACE)
            for net in ((100, 200, 50), (100, 200, 30), (59, 118, 30))
        ]


class TestArbitrage:
    def test_an_opportunity_between_venues_is_logged_and_counted(self, logged: LogCapture) -> None:
        run = run_service(
            Arbitrage,
            [QuoteTLV(2_299 * ONE, 1, 2_300 * ONE, 1, 1, 1), QuoteTLV(2_302 * ONE, 1, 2_303 * ONE, 1, 2, 2)],
            ArbitrageConfig(),
            VENUES,
        )
        trade = "buy north:ETHUSDT at 2,300, sell south:ETHUSDT at 2,302: 8.7 bps"
        (told,) = [entry for entry in logged.entries if entry["event"] == "opportunity"]
        assert (told["instrument"], told["trade"]) == ("ETHUSDT", trade)
        assert run.service.summary() == f"1 opportunity; best: {trade}"

    def test_a_pool_is_compared_at_its_price_and_fee(self) -> None:
        """The price of the pool is 2,300; whoever buys there pays 5 basis points more."""
        in_pool = swap(1, sqrt_price_x96=3_799_666_490_069_196_041_256_960)
        time = PLACE[1]
        for bid, count in ((2_302 * ONE, 0), (2_303 * ONE, 1)):
            quote = QuoteTLV(bid, 1, 2_400 * ONE, 1, time, 1)
            assert run_service(Arbitrage, [quote, in_pool], ArbitrageConfig(), VENUES).service.count == count

    def test_a_pair_is_compared_by_its_reserves(self) -> None:
        sync = PoolSyncTLV(10**18, 2_300 * 10**6, POOL, *PLACE)
        quote = QuoteTLV(2_310 * ONE, 1, 2_400 * ONE, 1, PLACE[1], 1)
        run = run_service(Arbitrage, [sync, quote], ArbitrageConfig(), VENUES)
        assert run.service.best is not None
        assert run.service.best.ask == 230_690_000_000

    def test_logging_is_limited_and_counting_is_not(self, logged: LogCapture) -> None:
        quotes: list[TLV] = [QuoteTLV(2_299 * ONE, 1, 2_300 * ONE, 1, 1, 1)]
        for _ in range(5):
            quotes += [QuoteTLV(bid * ONE, 1, 2_303 * ONE, 1, 1, 2) for bid in (2_302, 2_290)]
        config = ArbitrageConfig(log_every_s=3600)
        assert run_service(Arbitrage, quotes, config, VENUES).service.count == 5
        assert len([entry for entry in logged.entries if entry["event"] == "opportunity"]) == 1

    def test_what_cannot_be_compared_is_left_alone(self) -> None:
        empty = PoolSyncTLV(0, 5, POOL, *PLACE)
        unlisted = QuoteTLV(1, 1, 2, 1, 1, 9)
        timeless = QuoteTLV(9_000 * ONE, 1, 9_001 * ONE, 1, 0, 2)
        normal = QuoteTLV(2_299 * ONE, 1, 2_300 * ONE, 1, 1, 1)
        run = run_service(Arbitrage, [empty, unlisted, timeless, normal], ArbitrageConfig(), VENUES)
        assert run.service.summary() == "no opportunity"


class TestRecorder:
    def test_the_file_holds_all_messages_in_order(self, tmp_path: Path) -> None:
        messages: list[TLV] = [TradeTLV(5, 1, 1, 1), swap(5), depth(DepthKind.UPDATE, 1, 2, {5: 1}, {})] * 20
        config = RecorderConfig(path=tmp_path / "recordings" / "all.frames", frame_bytes=512)
        run = run_service(Recorder, messages, config)
        recorded = [message for frame in read_frames(config.path.read_bytes()) for message in frame]
        assert recorded == messages
        assert run.ledger.balanced
        assert run.service.summary().startswith("60 messages, ")

    def test_a_full_disk_ends_the_recorder_and_nothing_goes_missing_in_the_ledger(self) -> None:
        full = Path("/dev/full")
        if not full.exists():
            pytest.skip("this system has no /dev/full")
        trades = [TradeTLV(5, 1, 1, 1)] * 100
        run = run_service(Recorder, trades, RecorderConfig(path=full, frame_bytes=512))
        assert isinstance(run.service.failure, RecordingError)
        assert run.ledger.balanced
        assert run.ledger.total.failed == 1
        assert run.ledger.total.dead_lettered > 0

    def test_a_path_that_cannot_be_opened_ends_the_recorder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a directory")
        config = RecorderConfig(path=tmp_path / "file" / "all.frames")
        run = run_service(Recorder, [TradeTLV(5, 1, 1, 1)], config)
        assert isinstance(run.service.failure, RecordingError)
        assert run.ledger.balanced


class TestMonitor:
    def test_the_busiest_markets_are_drawn(self) -> None:
        prices = [PriceUpdateTLV(price * ONE, ONE, 1, 1) for price in (2_300, 2_307)]
        run = run_service(
            Monitor,
            [
                PriceUpdateTLV(ONE // 2, ONE, 1, 9),
                *prices,
                SpreadUpdateTLV(ONE // 4, ONE, 1, 1),
                VolumeUpdateTLV(0, 3 * ONE, 0, 1, 1, 1),
            ],
            MonitorConfig(markets=2, width=4),
            VENUES,
        )
        assert run.service.summary() == (
            "north:ETHUSDT         ▁█    2,300 to 2,307, last 2,307, spread 0.25, volume 3\n"
            "venue 9               ▁     0.5 to 0.5, last 0.5, spread -, volume 0"
        )

    def test_there_is_no_picture_of_nothing(self) -> None:
        assert run_service(Monitor, [], MonitorConfig()).service.summary() is None
