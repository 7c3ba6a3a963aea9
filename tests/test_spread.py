from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.services.touch import SpreadTracker, Width


@given(st.integers(1, 10**14), st.integers(0, 10**14))
def test_bid_and_ask_follow_from_spread_and_middle(bid: int, spread: int) -> None:
    """Nothing is lost by the rounding: the spread says whether the middle was a half."""
    width = SpreadTracker().update(1, bid, bid + spread)
    assert width is not None
    assert width.mid - width.spread // 2 == bid
    assert width.mid - width.spread // 2 + width.spread == bid + spread


def test_it_is_told_when_it_changes() -> None:
    tracker = SpreadTracker()
    assert tracker.update(1, 10, 12) == Width(2, 11)
    assert tracker.update(1, 10, 12) is None
    assert tracker.update(1, 11, 13) == Width(2, 12)


def test_markets_are_kept_apart() -> None:
    tracker = SpreadTracker()
    tracker.update(1, 10, 12)
    assert tracker.update(2, 10, 12) == Width(2, 11)


@pytest.mark.parametrize(("bid", "ask"), [(0, 12), (10, 0), (0, 0), (12, 10)])
def test_without_both_sides_in_order_there_is_no_spread(bid: int, ask: int) -> None:
    assert SpreadTracker().update(1, bid, ask) is None


def test_equal_prices_are_a_spread_of_nothing() -> None:
    assert SpreadTracker().update(1, 10, 10) == Width(0, 10)
