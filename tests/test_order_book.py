from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.services.order_book import BookSide, OrderBook, Outcome
from tlv.market_data import OrderLevel

# Few prices and sizes, so that levels meet: they are changed, deleted and set again.
LEVELS = st.lists(st.builds(OrderLevel, st.integers(1, 30), st.integers(0, 5), st.integers(0, 3)), max_size=20)


def level(price: int, size: int) -> OrderLevel:
    return OrderLevel(price, size)


def replay(levels: list[OrderLevel], *, highest_first: bool) -> list[OrderLevel]:
    """The oracle: a plain dict, sorted at the end."""
    held: dict[int, OrderLevel] = {}
    for one in levels:
        held[one.price] = one
    return [held[price] for price in sorted(held, reverse=highest_first) if held[price].size]


@given(LEVELS, st.booleans(), st.integers(0, 25))
def test_a_side_equals_a_sorted_dict(levels: list[OrderLevel], highest_first: bool, count: int) -> None:
    side = BookSide(-1 if highest_first else 1)
    side.apply(levels)
    expected = replay(levels, highest_first=highest_first)
    assert side.top(count) == expected[:count]
    assert side.best() == (expected[0].price if expected else None)
    assert len(side) == len(expected)


@given(LEVELS, LEVELS, st.lists(st.tuples(LEVELS, LEVELS), max_size=5))
def test_a_book_equals_a_replay_of_all_its_levels(
    bids: list[OrderLevel], asks: list[OrderLevel], updates: list[tuple[list[OrderLevel], list[OrderLevel]]]
) -> None:
    book = OrderBook()
    book.apply_update(1, 1, [level(5, 5)], [])  # before the snapshot, so without effect
    book.apply_snapshot(100, bids, asks)
    for number, (changed_bids, changed_asks) in enumerate(updates, 101):
        assert book.apply_update(number, number, changed_bids, changed_asks) is Outcome.APPLIED
        bids = bids + changed_bids
        asks = asks + changed_asks
    assert book.top(50) == (replay(bids, highest_first=True), replay(asks, highest_first=False))


def test_bids_and_asks_are_best_first() -> None:
    book = OrderBook()
    book.apply_snapshot(1, [level(9, 1), level(10, 1), level(8, 1)], [level(13, 1), level(11, 1), level(12, 1)])
    bids, asks = book.top(2)
    assert [one.price for one in bids] == [10, 9]
    assert [one.price for one in asks] == [11, 12]


def test_a_level_keeps_its_number_of_orders() -> None:
    side = BookSide(1)
    side.apply([OrderLevel(10, 5, 3)])
    assert side.top(1)[0].order_count == 3


def test_a_level_is_kept_after_its_message_is_gone() -> None:
    message = bytearray(OrderLevel(10, 5).as_bytes())
    side = BookSide(1)
    side.apply([OrderLevel.ref_from(message)])
    message[:] = bytes(len(message))
    assert side.top(1) == [OrderLevel(10, 5)]


def test_nothing_is_applied_before_a_snapshot() -> None:
    book = OrderBook()
    assert book.apply_update(1, 2, [level(10, 1)], []) is Outcome.UNSYNCED
    assert book.top(1) == ([], [])


def test_an_update_that_the_snapshot_holds_is_stale() -> None:
    book = OrderBook()
    book.apply_snapshot(10, [level(9, 1)], [])
    assert book.apply_update(8, 10, [level(9, 7)], []) is Outcome.STALE
    assert book.bids.top(1) == [level(9, 1)]


def test_an_update_that_overlaps_the_snapshot_is_applied() -> None:
    book = OrderBook()
    book.apply_snapshot(10, [level(9, 1)], [])
    assert book.apply_update(8, 12, [level(9, 7)], []) is Outcome.APPLIED
    assert book.bids.top(1) == [level(9, 7)]
    assert book.last_update_id == 12


def test_after_a_gap_the_book_waits_for_a_snapshot() -> None:
    book = OrderBook()
    book.apply_snapshot(10, [level(9, 1)], [])
    assert book.apply_update(12, 12, [level(9, 7)], []) is Outcome.GAP
    assert book.apply_update(13, 13, [level(9, 8)], []) is Outcome.UNSYNCED
    book.apply_snapshot(20, [level(5, 5)], [])
    assert book.apply_update(21, 21, [], [level(6, 6)]) is Outcome.APPLIED
    assert book.top(5) == ([level(5, 5)], [level(6, 6)])


def test_a_book_is_crossed_when_a_bid_is_above_an_ask() -> None:
    book = OrderBook()
    assert not book.crossed
    book.apply_snapshot(1, [level(10, 1)], [level(10, 1)])
    assert not book.crossed
    book.apply_update(2, 2, [level(11, 1)], [])
    assert book.crossed
