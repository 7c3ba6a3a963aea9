"""The simulator's pools follow the contracts exactly; the real USDC/WETH pool is the oracle."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.simulator.concentrated_pool import ConcentratedPool
from actors.simulator.pair import Pair
from actors.simulator.swap_math import swap_step
from actors.simulator.tick_math import MAX_TICK, MIN_TICK, sqrt_ratio_at_tick, tick_at_sqrt_ratio

POOL = "uniswap_v3_ethereum_0x88e6a0c2_usdc_weth_5bp_2024-01-05_00h-12h.decoded.csv"
UP, DOWN = 1 << 159, 4295128740  # price limits beyond the widest range


class LoggedSwap(NamedTuple):
    amount0: int
    amount1: int
    sqrt_price_x96: int
    liquidity: int
    tick: int


@pytest.fixture(scope="session")
def logged(shared_data: Path) -> list[LoggedSwap | None]:
    """Every event of half a day in order; None for those that are no swap."""
    with (shared_data / "dex" / POOL).open(newline="") as file:
        return list(read_swaps(csv.DictReader(file)))


def read_swaps(rows: csv.DictReader[str]) -> Iterator[LoggedSwap | None]:
    for row in rows:
        if row["tx_type"] == "SWAP":
            yield LoggedSwap(
                int(row["amount0"]),
                int(row["amount1"]),
                int(row["sqrtPriceX96"]),
                int(row["total_liquidity"]),
                int(float(row["current_tick"])),
            )
        else:
            yield None


def test_the_tick_of_every_real_swap_follows_from_its_price(logged: list[LoggedSwap | None]) -> None:
    swaps = [swap for swap in logged if swap]
    assert len(swaps) == 2842
    assert [tick_at_sqrt_ratio(swap.sqrt_price_x96) for swap in swaps] == [swap.tick for swap in swaps]


def test_a_step_reproduces_every_real_swap_within_one_range(logged: list[LoggedSwap | None]) -> None:
    """Given the input, the price and the output are the logged ones. A swap that stopped at a price
    limit or bought an exact output is given the logged price as its limit, and takes the same input."""
    exact = limited = 0
    for before, after in pairwise(logged):
        if before is None or after is None or before.liquidity != after.liquidity:
            continue
        selling0 = after.amount0 > 0
        paid, got = (after.amount0, -after.amount1) if selling0 else (after.amount1, -after.amount0)
        step = swap_step(before.sqrt_price_x96, DOWN if selling0 else UP, before.liquidity, paid, 500)
        if (step.sqrt_price_x96, step.amount_out) == (after.sqrt_price_x96, got):
            exact += 1
            continue
        step = swap_step(before.sqrt_price_x96, after.sqrt_price_x96, before.liquidity, paid, 500)
        assert step.sqrt_price_x96 == after.sqrt_price_x96
        assert step.amount_in + step.fee == paid
        assert step.amount_out >= got
        limited += 1
    assert (exact, limited) == (2227, 320)


@pytest.mark.parametrize(
    ("tick", "ratio"),
    [
        (MIN_TICK, 4295128739),
        (0, 1 << 96),
        (MAX_TICK, 1461446703485210103287273052203988822378723970342),
    ],
)
def test_the_ends_and_the_middle_are_the_constants_of_the_contract(tick: int, ratio: int) -> None:
    assert sqrt_ratio_at_tick(tick) == ratio


@given(st.integers(MIN_TICK, MAX_TICK - 1), st.integers(0))
def test_a_tick_holds_all_prices_up_to_the_next_one(tick: int, place: int) -> None:
    low, high = sqrt_ratio_at_tick(tick), sqrt_ratio_at_tick(tick + 1)
    assert low < high
    assert tick_at_sqrt_ratio(low + place % (high - low)) == tick


@pytest.fixture
def pool() -> ConcentratedPool:
    pool = ConcentratedPool(1 << 96)
    pool.mint((b"founder", *pool.full_range), 10**20)
    return pool


RANGES = st.tuples(st.integers(-60, 60), st.integers(1, 60)).map(lambda r: (r[0] * 10, (r[0] + r[1]) * 10))
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("mint"), RANGES, st.integers(1, 10**21)),
        st.tuples(st.just("burn"), RANGES, st.integers(1, 10**21)),
        st.tuples(st.just("collect"), RANGES, st.just(0)),
        st.tuples(st.just("sell0"), RANGES, st.integers(1, 10**19)),
        st.tuples(st.just("sell1"), RANGES, st.integers(1, 10**19)),
    ),
    max_size=30,
)


@given(ACTIONS)
def test_a_pool_can_always_pay_what_it_owes(actions: list[tuple[str, tuple[int, int], int]]) -> None:
    """Whatever happens, the tokens that came in cover all positions and all that is owed to them."""
    pool = ConcentratedPool(1 << 96)
    founder = (b"founder", *pool.full_range)
    held0, held1 = pool.mint(founder, 10**20)
    for action, (lower, upper), amount in actions:
        key = (b"owner", lower, upper)
        moved0 = moved1 = 0
        if action == "mint":
            moved0, moved1 = pool.mint(key, amount)
        elif action == "burn" and key in pool.positions:
            pool.burn(key, min(amount, pool.positions[key].liquidity))
        elif action == "collect" and key in pool.positions:
            moved0, moved1 = (-paid for paid in pool.collect(key))
        elif action == "sell0":
            moved0, moved1 = pool.swap(amount, DOWN)
        elif action == "sell1":
            moved0, moved1 = pool.swap(amount, UP)
        held0 += moved0
        held1 += moved1
        assert sqrt_ratio_at_tick(pool.tick) <= pool.sqrt_price_x96 <= sqrt_ratio_at_tick(pool.tick + 1)
        in_range = (p.liquidity for (_, low, high), p in pool.positions.items() if low <= pool.tick < high)
        assert pool.liquidity == sum(in_range)
    for key in list(pool.positions):
        pool.burn(key, pool.positions[key].liquidity)
        paid0, paid1 = pool.collect(key)
        held0 -= paid0
        held1 -= paid1
    assert held0 >= 0
    assert held1 >= 0
    assert not pool.positions


def test_a_swap_stops_at_its_price_limit(pool: ConcentratedPool) -> None:
    limit = sqrt_ratio_at_tick(100)
    amount0, amount1 = pool.swap(10**30, limit)
    assert pool.sqrt_price_x96 == limit
    assert pool.tick == 100
    assert amount0 < 0 < amount1


def test_a_swap_stops_where_the_liquidity_ends(pool: ConcentratedPool) -> None:
    pool.swap(1 << 250, DOWN)
    assert pool.tick == pool.full_range[0] - 1
    assert pool.liquidity == 0
    assert pool.swap(1, DOWN) == (0, 0)


def test_a_swap_crosses_into_the_liquidity_of_the_next_range(pool: ConcentratedPool) -> None:
    pool.mint((b"owner", 100, 200), 10**20)
    assert pool.liquidity == 10**20
    pool.swap(10**30, sqrt_ratio_at_tick(150))
    assert pool.liquidity == 2 * 10**20
    pool.swap(10**30, sqrt_ratio_at_tick(50))
    assert pool.liquidity == 10**20


def test_fees_of_a_flash_loan_go_to_the_positions_in_range(pool: ConcentratedPool) -> None:
    pool.mint((b"away", 100, 200), 10**20)
    assert pool.flash(10**6, 0) == (500, 0)
    assert pool.positions[(b"founder", *pool.full_range)].owed0 == 500
    assert pool.positions[b"away", 100, 200].owed0 == 0


@pytest.mark.parametrize(("lower", "upper"), [(5, 10), (10, 10), (20, 10), (-MAX_TICK - 8, 0)])
def test_ranges_that_no_position_can_have_are_refused(pool: ConcentratedPool, lower: int, upper: int) -> None:
    with pytest.raises(ValueError, match="no position from tick"):
        pool.mint((b"owner", lower, upper), 1)


def test_nobody_burns_more_than_there_is(pool: ConcentratedPool) -> None:
    with pytest.raises(ValueError, match="holds 0 of liquidity, not 1"):
        pool.burn((b"owner", 0, 10), 1)


TRADES = st.lists(st.tuples(st.booleans(), st.integers(1, 10**24)), max_size=30)


@given(st.integers(1, 10**24), st.integers(1, 10**24), TRADES)
def test_the_product_of_a_pair_never_falls(reserve0: int, reserve1: int, trades: list[tuple[bool, int]]) -> None:
    pair = Pair()
    pair.mint(b"owner", reserve0, reserve1)
    product = pair.reserve0 * pair.reserve1
    for sells0, amount in trades:
        if sells0:
            pair.sell0(amount)
        else:
            pair.sell1(amount)
        assert pair.reserve0 * pair.reserve1 >= product
        product = pair.reserve0 * pair.reserve1


def test_shares_of_a_pair_are_worth_what_was_put_in() -> None:
    pair = Pair()
    pair.mint(b"founder", 4_000, 9_000)
    assert pair.mint(b"owner", 400, 900) == 600
    assert pair.burn(b"owner", 600) == (400, 900)
    with pytest.raises(ValueError, match="holds 0 shares, not 1"):
        pair.burn(b"owner", 1)
