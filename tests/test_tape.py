from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.services.tally import Tally

QUANTITIES = st.integers(-(10**12), 10**12).filter(bool)
TRADES = st.lists(st.tuples(st.integers(1, 10**14), QUANTITIES), min_size=1)


@given(TRADES)
def test_the_totals_are_exact(trades: list[tuple[int, int]]) -> None:
    tally = Tally()
    for number, (price, quantity) in enumerate(trades):
        tally.add(price, quantity, number)
    notional = sum(Fraction(price, 10**8) * Fraction(abs(quantity), 10**8) for price, quantity in trades)
    volume = sum(Fraction(abs(quantity), 10**8) for _, quantity in trades)
    assert Fraction(tally.notional, 10**16) == notional
    assert Fraction(tally.volume, 10**8) == volume
    assert Fraction(tally.buy_volume, 10**8) == sum(Fraction(q, 10**8) for _, q in trades if q > 0)
    assert tally.vwap == notional / volume * 10**8 // 1
    assert tally.trade_count == len(trades)
    assert tally.timestamp == len(trades) - 1


def test_only_a_change_of_the_price_is_a_change() -> None:
    tally = Tally()
    assert [tally.add(price, 1, 0) for price in (5, 5, 6, 5, 5)] == [True, False, True, True, False]


def test_there_is_no_mean_price_before_the_first_trade() -> None:
    with pytest.raises(ZeroDivisionError):
        _ = Tally().vwap
