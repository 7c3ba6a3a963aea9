from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.services.opportunities import Opportunity, OpportunityScanner

SECOND = 1_000_000_000


@pytest.fixture
def scanner() -> OpportunityScanner:
    return OpportunityScanner(threshold_bps=5, max_age_ns=SECOND)


def test_a_bid_above_the_ask_of_another_market_is_an_opportunity(scanner: OpportunityScanner) -> None:
    assert scanner.update("BTC", 1, 99_900, 100_000, 7) == []
    (found,) = scanner.update("BTC", 2, 100_100, 100_200, 8)
    assert found == Opportunity(buy_venue_id=1, ask=100_000, sell_venue_id=2, bid=100_100, timestamp=8)
    assert found.edge_bps == 10


def test_it_is_found_whichever_market_moves(scanner: OpportunityScanner) -> None:
    scanner.update("BTC", 2, 100_100, 100_200, 7)
    (found,) = scanner.update("BTC", 1, 99_900, 100_000, 8)
    assert (found.buy_venue_id, found.sell_venue_id) == (1, 2)


def test_the_threshold_itself_counts_and_less_does_not(scanner: OpportunityScanner) -> None:
    scanner.update("BTC", 1, 1, 100_000, 7)
    assert not scanner.update("BTC", 2, 100_049, 200_000, 7)
    assert scanner.update("BTC", 2, 100_050, 200_000, 7)


def test_it_is_told_once_until_it_has_closed(scanner: OpportunityScanner) -> None:
    scanner.update("BTC", 1, 99_900, 100_000, 1)
    assert len(scanner.update("BTC", 2, 100_100, 100_200, 2)) == 1
    assert not scanner.update("BTC", 2, 100_110, 100_200, 3)
    assert not scanner.update("BTC", 2, 99_900, 100_000, 4)
    assert len(scanner.update("BTC", 2, 100_100, 100_200, 5)) == 1


def test_instruments_are_not_compared(scanner: OpportunityScanner) -> None:
    scanner.update("BTC", 1, 99_900, 100_000, 1)
    assert not scanner.update("ETH", 2, 200_000, 200_100, 1)


def test_old_prices_are_not_compared(scanner: OpportunityScanner) -> None:
    scanner.update("BTC", 1, 99_900, 100_000, 0)
    assert not scanner.update("BTC", 2, 100_100, 100_200, SECOND + 1)
    assert scanner.update("BTC", 3, 99_900, 100_000, SECOND + 1)


def test_a_missing_side_is_no_opportunity(scanner: OpportunityScanner) -> None:
    scanner.update("BTC", 1, 100_000, 0, 1)
    assert not scanner.update("BTC", 2, 100_100, 0, 1)
    assert not scanner.update("BTC", 3, 0, 200_000, 1)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(90, 110), st.integers(0, 5)), max_size=30))
def test_what_is_told_earns_at_least_the_threshold(updates: list[tuple[int, int, int]]) -> None:
    scanner = OpportunityScanner(threshold_bps=200, max_age_ns=SECOND)
    for venue_id, bid, width in updates:
        for found in scanner.update("BTC", venue_id, bid, bid + width, 0):
            assert found.edge_bps >= 200
            assert venue_id in (found.buy_venue_id, found.sell_venue_id)
            assert found.buy_venue_id != found.sell_venue_id
