from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.services.pool_price import PoolPrice
from mycelium.venues import Venue


def pool(**changes: object) -> Venue:
    fields: dict[str, object] = {
        "id": 1,
        "name": "pool",
        "symbol": "ETHUSDT",
        "tokens": ("WETH", "USDT"),
        "decimals": (18, 6),
    }
    return Venue.model_validate(fields | changes)


def test_the_price_of_a_real_swap_is_what_was_paid_and_the_fee() -> None:
    """Block 18937382, log 169 of the USDC/WETH pool: 0.01 WETH bought 22.686110 USDC, less 0.05 %."""
    price = PoolPrice.of(pool(symbol="ETHUSDC", tokens=("USDC", "WETH"), decimals=(6, 18)))
    assert price is not None
    units = price.from_sqrt_price(1662995104975155420368771254341874)
    assert units == 226974582399
    assert abs(units * (1 - Fraction(5, 10_000)) / 10**4 - 22686110) < 1


@given(st.integers(1, 10**30), st.integers(1, 10**30), st.booleans())
def test_the_price_is_the_ratio_of_the_reserves_rounded_down(reserve0: int, reserve1: int, turned: bool) -> None:
    venue = pool(symbol="USDTWETH") if turned else pool()
    price = PoolPrice.of(venue)
    assert price is not None
    token0, token1 = Fraction(reserve0, 10**18), Fraction(reserve1, 10**6)
    exact = token0 / token1 if turned else token1 / token0
    assert price.from_reserves(reserve0, reserve1) == exact * 10**8 // 1


@given(st.integers(10**4, 10**16), st.booleans())
def test_a_price_becomes_a_raw_ratio_and_again_the_price(units: int, turned: bool) -> None:
    price = PoolPrice.of(pool(symbol="USDTWETH") if turned else pool())
    assert price is not None
    numerator, denominator = price.raw_ratio(units)
    assert price.from_reserves(denominator, numerator) == units


def test_amounts_are_worth_the_same_on_both_sides() -> None:
    price = PoolPrice.of(pool())
    assert price is not None
    assert price.amounts(2_300 * 10**8, 4_600) == (2 * 10**18, 4_600 * 10**6)


@pytest.mark.parametrize("change", [{"tokens": None}, {"decimals": None}, {"symbol": ""}, {"symbol": "BTCEUR"}])
def test_a_venue_that_does_not_tell_enough_has_no_price(change: dict[str, object]) -> None:
    assert PoolPrice.of(pool(**change)) is None
