from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.services.series import Series


def series_of(values: list[int]) -> Series:
    series = Series()
    for value in values:
        series.add(value)
    return series


@given(st.lists(st.integers(), min_size=1))
def test_count_range_and_last_are_exact(values: list[int]) -> None:
    series = series_of(values)
    assert (series.count, series.low, series.high, series.last) == (len(values), min(values), max(values), values[-1])


def test_a_sparkline_goes_from_the_lowest_bar_to_the_highest() -> None:
    assert series_of(list(range(8))).sparkline() == "▁▂▃▄▅▆▇█"


def test_a_flat_line_is_drawn_low() -> None:
    assert series_of([5, 5, 5]).sparkline() == "▁▁▁"


def test_nothing_is_an_empty_line() -> None:
    assert Series().sparkline() == ""


def test_a_long_stream_keeps_its_shape_and_a_bounded_size() -> None:
    """Twice as high in the second half: half of the bars are low, half are high."""
    line = series_of([1] * 50_000 + [2] * 50_000).sparkline(40)
    assert line == "▁" * 20 + "█" * 20


@given(st.integers(1, 3000), st.integers(1, 100))
def test_a_sparkline_is_never_wider_than_asked(count: int, width: int) -> None:
    line = series_of(list(range(count))).sparkline(width)
    assert 0 < len(line) <= width
    assert "".join(sorted(line)) == line
