from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import pytest

from actors.errors import BadSpeedError
from actors.pacing import PAUSE_MAX_S, paced, speed_factor
from actors.services.order_book import OrderBook, Outcome
from actors.simulator.errors import SimulatedPoolVenueError
from actors.simulator.hidden_walk import START_NS, HiddenWalk, in_units
from actors.simulator.pools import SimulatedPools
from actors.simulator.tick_math import sqrt_ratio_at_tick
from actors.simulator.venues import SimulatedVenues
from configs.simulator import SimulatedPoolsConfig, SimulatedVenuesConfig
from mycelium import ActorContext
from mycelium.errors.topology import UnknownVenueError
from mycelium.topology import Topology
from mycelium.venues import Venue, VenueTable
from tlv import TLV, market_data
from tlv.market_data import (
    DepthKind,
    DepthUpdateTLV,
    LiquidityAddTLV,
    LiquidityRemoveTLV,
    PoolBurnTLV,
    PoolCollectTLV,
    PoolFlashTLV,
    PoolMintTLV,
    PoolSwapTLV,
    PoolSyncTLV,
    PoolTickTLV,
    QuoteTLV,
    TradeTLV,
)

SECOND = 1_000_000_000
TOPOLOGY = Path(__file__).resolve().parent.parent / "configs" / "market_data.toml"


@pytest.fixture(scope="module")
def venues() -> VenueTable:
    return Topology.load(TOPOLOGY).venue_table


def venue_messages(venues: VenueTable, seed: int = 1, messages: int = 3000) -> list[TLV]:
    config = SimulatedVenuesConfig(seed=seed, messages=messages)
    return list(SimulatedVenues.create(config, context=ActorContext(venues=venues)).produce())


def pool_messages(venues: VenueTable, seed: int = 1, messages: int = 3000) -> list[TLV]:
    config = SimulatedPoolsConfig(seed=seed, messages=messages)
    return list(SimulatedPools.create(config, context=ActorContext(venues=venues)).produce())


def digest(messages: Iterable[TLV]) -> str:
    return hashlib.sha256(b"".join(bytes(message.as_bytes()) for message in messages)).hexdigest()


class Simulate(Protocol):
    def __call__(self, venues: VenueTable, seed: int = 1, messages: int = 3000) -> list[TLV]: ...


@pytest.mark.parametrize("simulate", [venue_messages, pool_messages])
class TestBoth:
    def test_the_same_seed_gives_the_same_messages(self, simulate: Simulate, venues: VenueTable) -> None:
        assert digest(simulate(venues, seed=7)) == digest(simulate(venues, seed=7))

    def test_different_seeds_give_different_messages(self, simulate: Simulate, venues: VenueTable) -> None:
        assert digest(simulate(venues, seed=7)) != digest(simulate(venues, seed=8))

    def test_a_shorter_run_is_the_begin_of_a_longer_one(self, simulate: Simulate, venues: VenueTable) -> None:
        assert simulate(venues, messages=100) == simulate(venues, messages=200)[:100]

    def test_the_number_of_messages_is_exact(self, simulate: Simulate, venues: VenueTable) -> None:
        assert len(simulate(venues, messages=1234)) == 1234

    def test_times_never_go_back(self, simulate: Simulate, venues: VenueTable) -> None:
        times = [message.timestamp for message in simulate(venues)]  # type: ignore[attr-defined]
        assert times[0] >= START_NS
        assert times == sorted(times)

    def test_every_message_is_valid(self, simulate: Simulate, venues: VenueTable) -> None:
        for message in simulate(venues):
            message.validate()


class TestVenues:
    def test_all_markets_take_part(self, venues: VenueTable) -> None:
        seen = {(type(one), one.venue_id) for one in venue_messages(venues)}  # type: ignore[attr-defined]
        assert seen == {(kind, venue) for kind in (TradeTLV, QuoteTLV, DepthUpdateTLV) for venue in range(101, 107)}

    def test_update_ids_are_consecutive_and_every_book_stays_in_order(self, venues: VenueTable) -> None:
        books: dict[int, OrderBook] = {}
        for one in venue_messages(venues):
            if not isinstance(one, DepthUpdateTLV):
                continue
            if one.kind == DepthKind.SNAPSHOT:
                book = books.setdefault(one.venue_id, OrderBook())
                book.apply_snapshot(one.last_update_id, one.bids, one.asks)
                continue
            book = books[one.venue_id]
            assert book.last_update_id is not None
            assert one.first_update_id == book.last_update_id + 1
            assert one.last_update_id == book.last_update_id + len(one.bids) + len(one.asks)
            outcome = book.apply_update(one.first_update_id, one.last_update_id, one.bids, one.asks)
            assert outcome is Outcome.APPLIED
            assert not book.crossed
            assert (len(book.bids), len(book.asks)) == (20, 20)
        assert len(books) == 6

    def test_quotes_are_the_top_of_the_book(self, venues: VenueTable) -> None:
        """A depth update tells everything since the one before, so afterwards book and last quote agree."""
        book = OrderBook()
        quote: QuoteTLV | None = None
        compared = 0
        for one in venue_messages(venues):
            if getattr(one, "venue_id", 0) != 104:
                continue
            if isinstance(one, QuoteTLV):
                quote = one
            elif isinstance(one, DepthUpdateTLV) and one.kind == DepthKind.SNAPSHOT:
                book.apply_snapshot(one.last_update_id, one.bids, one.asks)
            elif isinstance(one, DepthUpdateTLV):
                book.apply_update(one.first_update_id, one.last_update_id, one.bids, one.asks)
                if quote is not None:
                    (bid,), (ask,) = book.top(1)
                    assert (bid.price, bid.size) == (quote.bid_price, quote.bid_size)
                    assert (ask.price, ask.size) == (quote.ask_price, quote.ask_size)
                    compared += 1
        assert compared > 50

    def test_trades_happen_at_the_quote(self, venues: VenueTable) -> None:
        quotes: dict[int, QuoteTLV] = {}
        for one in venue_messages(venues):
            if isinstance(one, QuoteTLV):
                quotes[one.venue_id] = one
            elif isinstance(one, TradeTLV):
                quote = quotes[one.venue_id]
                assert one.price == (quote.ask_price if one.quantity > 0 else quote.bid_price)

    def test_markets_of_an_instrument_follow_one_price_and_differ_now_and_then(self, venues: VenueTable) -> None:
        walk = HiddenWalk(1, "BTCUSDT", in_units(Decimal(42_000)))
        path = [walk.step() for _ in range(100)]
        quotes = [one for one in venue_messages(venues) if isinstance(one, QuoteTLV) and one.venue_id < 104]
        low, high = min(path) * 0.998, max(path) * 1.002
        assert all(low < quote.bid_price < quote.ask_price < high for quote in quotes)
        assert len({(quote.bid_price, quote.venue_id) for quote in quotes}) > 20

    def test_an_exchange_that_the_table_does_not_list_is_a_declared_error(self, venues: VenueTable) -> None:
        config = SimulatedVenuesConfig(exchanges=["nort"])
        with pytest.raises(UnknownVenueError, match="north"):
            SimulatedVenues.create(config, context=ActorContext(venues=venues))


class TestPools:
    def test_every_kind_of_event_happens(self, venues: VenueTable) -> None:
        kinds = {type(one) for one in pool_messages(venues)}
        assert kinds == set(SimulatedPools.__contract__.emits)

    def test_places_are_in_the_order_of_the_chain(self, venues: VenueTable) -> None:
        places = [(one.block_number, one.log_index) for one in pool_messages(venues)]  # type: ignore[attr-defined]
        assert places == sorted(set(places))

    def test_tick_and_price_of_every_v3_swap_agree(self, venues: VenueTable) -> None:
        swaps = [one for one in pool_messages(venues) if isinstance(one, PoolSwapTLV) and one.tick is not None]
        assert len(swaps) > 500
        for swap in swaps:
            assert swap.tick is not None
            assert swap.sqrt_price_x96 is not None
            assert sqrt_ratio_at_tick(swap.tick) <= swap.sqrt_price_x96 < sqrt_ratio_at_tick(swap.tick + 1)

    def test_the_product_of_the_pair_never_falls_by_a_swap(self, venues: VenueTable) -> None:
        product = 0
        swaps = 0
        for sync, event in pairwise(pool_messages(venues)):
            if isinstance(sync, PoolSyncTLV):
                if isinstance(event, PoolSwapTLV):
                    assert sync.reserve0 * sync.reserve1 >= product
                    swaps += 1
                product = sync.reserve0 * sync.reserve1
        assert swaps > 100

    def test_every_v2_event_follows_a_sync_that_its_amounts_explain(self, venues: VenueTable) -> None:
        reserves = (0, 0)
        for sync, event in pairwise(pool_messages(venues)):
            if not isinstance(sync, PoolSyncTLV):
                continue
            if isinstance(event, PoolSwapTLV | PoolMintTLV):
                moved = (event.amount0, event.amount1)
            else:
                assert isinstance(event, PoolBurnTLV)
                moved = (-event.amount0, -event.amount1)
            assert event.protocol == market_data.Protocol.UNISWAP_V2
            reserves = (reserves[0] + moved[0], reserves[1] + moved[1])
            assert reserves == (sync.reserve0, sync.reserve1)

    def test_the_v3_pool_can_always_pay(self, venues: VenueTable) -> None:
        held = [0, 0]
        for one in pool_messages(venues, messages=6000):
            if isinstance(one, PoolFlashTLV):
                assert one.amount1 < held[1]
                held[1] += one.paid1
            elif getattr(one, "protocol", None) != market_data.Protocol.UNISWAP_V3:
                continue
            elif isinstance(one, PoolSwapTLV | PoolMintTLV):
                held[0] += one.amount0
                held[1] += one.amount1
            elif isinstance(one, PoolCollectTLV):
                held[0] -= one.amount0
                held[1] -= one.amount1
            assert min(held) >= 0, one

    def test_the_pool_begins_with_its_tick(self, venues: VenueTable) -> None:
        first = next(one for one in pool_messages(venues) if isinstance(one, PoolTickTLV | PoolSwapTLV) and one.tick)
        assert isinstance(first, PoolTickTLV)
        assert first.previous_tick is None

    def test_the_manager_repeats_what_the_pool_says_about_its_positions(self, venues: VenueTable) -> None:
        manager = venues.by_name("simulated-manager").address
        repeated: Counter[type[TLV]] = Counter()
        for event, after in pairwise(pool_messages(venues)):
            if isinstance(event, PoolMintTLV | PoolBurnTLV | PoolCollectTLV) and event.owner == manager:
                assert isinstance(after, LiquidityAddTLV | LiquidityRemoveTLV | PoolCollectTLV)
                assert (after.amount0, after.amount1) == (event.amount0, event.amount1)
                assert after.token_id is not None
                repeated[type(after)] += 1
        assert set(repeated) == {LiquidityAddTLV, LiquidityRemoveTLV, PoolCollectTLV}

    @pytest.mark.parametrize("missing", ["address", "decimals"])
    def test_a_pool_that_the_table_does_not_describe_is_a_declared_error(
        self, missing: str, venues: VenueTable
    ) -> None:
        poorer = [venue.model_copy(update={missing: None}) if venue.id == 120 else venue for venue in venues]
        with pytest.raises(SimulatedPoolVenueError, match=missing):
            SimulatedPools.create(SimulatedPoolsConfig(), context=ActorContext(venues=VenueTable(poorer)))

    def test_a_speed_that_is_none_is_a_declared_error(self, venues: VenueTable) -> None:
        with pytest.raises(BadSpeedError):
            SimulatedPools.create(SimulatedPoolsConfig(speed="fast"), context=ActorContext(venues=venues))

    def test_a_pool_may_hold_its_tokens_the_other_way_round(self, venues: VenueTable) -> None:
        turned = [
            Venue.model_validate({**venue.model_dump(), "tokens": ("USDT", "WETH"), "decimals": (6, 18)})
            if venue.tokens == ("WETH", "USDT")
            else venue
            for venue in venues
        ]
        messages = pool_messages(VenueTable(turned), messages=200)
        sync = next(one for one in messages if isinstance(one, PoolSyncTLV))
        assert (sync.reserve0, sync.reserve1 // 10**18) == (10_000_000 * 10**6, 4347)


class TestPacing:
    @pytest.mark.parametrize(("speed", "factor"), [("max", float("inf")), ("1x", 1), ("0.5x", 0.5), ("60x", 60)])
    def test_speeds(self, speed: str, factor: float) -> None:
        assert speed_factor(speed) == factor

    @pytest.mark.parametrize("speed", ["", "fast", "x", "1", "0x", "-1x", "nanx", "infx"])
    def test_what_is_no_speed_is_a_declared_error(self, speed: str) -> None:
        with pytest.raises(BadSpeedError):
            speed_factor(speed)

    def test_messages_wait_for_their_own_time(self) -> None:
        """The first one goes at once; those without a time, or of an earlier one, go with the one before."""
        moments: list[float] = []

        def wait_until(moment: float) -> bool:
            moments.append(moment)
            return False

        trades = [TradeTLV(1, 1, time * SECOND, 1) for time in (5, 6, 0, 3, 9, 10)]
        assert list(paced(trades, "2x", wait_until)) == trades
        assert [round(after - before, 6) for before, after in pairwise(moments)] == [1.5, 0.5]

    def test_a_long_pause_is_left_out(self) -> None:
        def wait_until(moment: float) -> bool:
            raise AssertionError

        trades = [TradeTLV(1, 1, time * SECOND, 1) for time in (5, 5 + PAUSE_MAX_S + 1)]
        assert list(paced(trades, "1x", wait_until)) == trades

    def test_at_full_speed_nothing_waits(self) -> None:
        def wait_until(moment: float) -> bool:
            raise AssertionError

        trades = [TradeTLV(1, 1, 5, 1)]
        assert list(paced(trades, "max", wait_until)) == trades

    def test_a_source_that_is_to_stop_goes_no_further(self) -> None:
        trades = [TradeTLV(1, 1, 5, 1), TradeTLV(1, 1, 6, 1)]
        assert list(paced(trades, "1x", lambda moment: True)) == trades[:1]
