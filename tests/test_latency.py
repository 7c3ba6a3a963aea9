from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from mycelium.ledger.latency import Latency, LatencyHistogram, summarize


def recorded(values: list[int]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for value in values:
        histogram.record(value)
    return histogram


def test_nothing_recorded_is_all_zero() -> None:
    assert LatencyHistogram().summary() == Latency(samples=0, p50_ns=0, p99_ns=0, max_ns=0)


def test_one_value_is_every_quantile() -> None:
    assert recorded([1234]).summary() == Latency(samples=1, p50_ns=1234, p99_ns=1234, max_ns=1234)


@given(st.lists(st.integers(0, 2**40 - 1), min_size=1, max_size=200))
def test_quantiles_are_at_most_three_percent_too_high(values: list[int]) -> None:
    said = recorded(values).summary()
    exact = sorted(values)
    assert said.samples == len(values)
    assert said.max_ns == exact[-1]
    for share, quantile in ((0.5, said.p50_ns), (0.99, said.p99_ns)):
        true = exact[max(0, -int(-share * len(exact) // 1) - 1)]
        assert true <= quantile <= true * 33 / 32 + 1


def test_what_is_out_of_range_counts_at_the_ends() -> None:
    said = recorded([-5, 2**60]).summary()
    assert (said.samples, said.p50_ns, said.max_ns) == (2, 0, 2**40 - 1)


def test_histograms_add_up() -> None:
    rng = random.Random(7)
    values = [rng.randrange(1, 10**9) for _ in range(1_000)]
    together = recorded(values).summary()
    assert summarize([recorded(values[:300]), LatencyHistogram(), recorded(values[300:])]) == together


@given(st.lists(st.integers(0, 2**40 - 1), max_size=100), st.lists(st.integers(0, 2**41), max_size=8))
def test_cumulative_counts_are_those_at_or_below_each_end(values: list[int], ends: list[int]) -> None:
    *counts, everything = recorded(values).cumulative(sorted(ends))
    assert everything == len(values)
    for end, count in zip(sorted(ends), counts, strict=True):
        assert sum(value <= end for value in values) <= count <= sum(value <= end * 33 / 32 + 1 for value in values)
