"""Binance's rule, step by step, and against a stream that is cut at random."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from actors.feeds.book_sync import BookSync, Bridge, Gap, Overflow, Update


def spot(first: int, last: int) -> Update[str]:
    return Update(first, last, None, f"{first}-{last}")


def futures(first: int, last: int, previous: int) -> Update[str]:
    return Update(first, last, previous, f"{first}-{last}")


def feed(sync: BookSync[str], items: Iterable[int | Update[str]]) -> list[object]:
    """A number is a snapshot at that update."""
    results: list[object] = []
    for item in items:
        results += sync.snapshot(item, f"at {item}") if isinstance(item, int) else sync.update(item)
    return results


def test_updates_wait_for_the_snapshot_and_those_that_it_holds_are_dropped() -> None:
    sync: BookSync[str] = BookSync()
    assert feed(sync, [spot(1, 4), spot(5, 9), spot(10, 12), 9, spot(13, 13)]) == ["at 9", "10-12", "13-13"]
    assert (sync.covered, sync.gaps, sync.ever_bridged) == (2, 0, True)


def test_the_first_update_may_straddle_the_snapshot() -> None:
    assert feed(BookSync(), [9, spot(5, 12), spot(13, 14)]) == ["at 9", "5-12", "13-14"]


def test_updates_that_begin_beyond_the_snapshot_do_not_join_it() -> None:
    sync: BookSync[str] = BookSync()
    assert feed(sync, [9, spot(11, 12), spot(13, 14)]) == ["at 9", Bridge(9, 11)]
    assert (sync.unmet_snapshots, sync.gaps, sync.waiting) == (1, 0, 2)
    assert feed(sync, [12, spot(15, 15)]) == ["at 12", "13-14", "15-15"]


def test_a_missing_update_is_a_gap_and_the_next_snapshot_begins_anew() -> None:
    sync: BookSync[str] = BookSync()
    assert feed(sync, [1, spot(2, 3), spot(5, 6), spot(7, 8), 6, spot(9, 9)]) == [
        "at 1",
        "2-3",
        Gap(4, 5),
        "at 6",
        "7-8",
        "9-9",
    ]
    assert sync.gaps == 1


def test_an_overlap_is_a_gap_too() -> None:
    assert feed(BookSync(), [1, spot(2, 5), spot(4, 8)]) == ["at 1", "2-5", Gap(6, 4)]


def test_a_repeated_update_is_counted_and_left_out() -> None:
    sync: BookSync[str] = BookSync()
    assert feed(sync, [1, spot(2, 3), spot(2, 3), spot(4, 4)]) == ["at 1", "2-3", "4-4"]
    assert sync.repeated == 1


def test_a_snapshot_that_came_while_all_was_well_mends_a_later_gap() -> None:
    sync: BookSync[str] = BookSync()
    assert feed(sync, [1, spot(2, 3), 9, spot(10, 11)]) == ["at 1", "2-3", Gap(4, 10), "at 9", "10-11"]
    assert sync.spare_snapshots == 1


def test_an_older_snapshot_is_of_no_use() -> None:
    sync: BookSync[str] = BookSync()
    assert feed(sync, [5, spot(6, 7), 3, 7, spot(8, 8)]) == ["at 5", "6-7", "8-8"]
    assert sync.spare_snapshots == 2


def test_a_second_snapshot_before_any_update_takes_over() -> None:
    assert feed(BookSync(), [5, 8, spot(9, 9)]) == ["at 5", "at 8", "9-9"]


def test_futures_follow_the_previous_update_and_may_leave_out_numbers() -> None:
    sync: BookSync[str] = BookSync()
    updates: list[int | Update[str]] = [futures(3, 9, 1), 9, futures(20, 30, 9), futures(41, 50, 30)]
    assert feed(sync, updates) == ["at 9", "20-30", "41-50"]
    assert feed(sync, [futures(60, 70, 55)]) == [Gap(50, 55)]


def test_the_first_update_of_futures_may_hold_the_snapshot() -> None:
    assert feed(BookSync(), [9, futures(5, 12, 4), futures(15, 20, 12)]) == ["at 9", "5-12", "15-20"]


def test_futures_join_a_snapshot_that_lies_in_a_hole_between_two_updates() -> None:
    assert feed(BookSync(), [9, futures(12, 20, 7), futures(23, 30, 20)]) == ["at 9", "12-20", "23-30"]
    assert feed(BookSync(), [9, futures(12, 20, 10)]) == ["at 9", Bridge(9, 12)]


def test_a_stream_that_is_opened_anew_goes_on_where_nothing_was_missed() -> None:
    sync: BookSync[str] = BookSync()
    assert feed(sync, [1, spot(2, 3)]) == ["at 1", "2-3"]
    sync.restart()
    assert feed(sync, [3, spot(4, 5), spot(6, 6)]) == ["at 3", "4-5", "6-6"]
    sync.restart()
    assert feed(sync, [spot(5, 7), spot(8, 8)]) == ["5-7", "8-8"]
    assert sync.gaps == 0


def test_a_stream_that_is_opened_anew_after_a_loss_waits_for_a_snapshot() -> None:
    sync: BookSync[str] = BookSync()
    feed(sync, [1, spot(2, 3)])
    sync.restart()
    assert feed(sync, [spot(6, 7), spot(8, 9)]) == []
    assert (sync.gaps, sync.missed_while_closed, sync.waiting) == (0, True, 2)
    assert feed(sync, [7, spot(10, 11)]) == ["at 7", "8-9", "10-11"]
    assert not sync.missed_while_closed


def test_only_so_many_updates_wait() -> None:
    sync: BookSync[str] = BookSync(waiting_max=2)
    assert feed(sync, [spot(1, 1), spot(2, 2), spot(3, 3), spot(4, 4)]) == [Overflow(2)]
    assert feed(sync, [2]) == ["at 2", "3-3", "4-4"]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.integers(0, 40), st.integers(0, 30), st.data())
def test_what_is_handed_on_never_skips_an_update(widths: list[int], at: int, arrival: int, data: st.DataObject) -> None:
    """A whole stream with one snapshot syncs without a gap; with one update lost there is a gap exactly if it mattered."""
    updates: list[Update[str]] = []
    for width in widths:
        first = updates[-1].last + 1 if updates else 1
        updates.append(spot(first, first + width - 1))
    at = min(at, updates[-1].last)
    lost = data.draw(st.one_of(st.none(), st.integers(0, len(updates) - 1)))
    kept = [update for number, update in enumerate(updates) if number != lost]
    sync: BookSync[str] = BookSync()
    items: list[int | Update[str]] = [*kept[:arrival], at, *kept[arrival:]]
    results = feed(sync, items)
    taken = [result for result in results if isinstance(result, str) and "-" in result]
    assert results[0] == f"at {at}"
    needed = [update.carried for update in updates if update.last > at]
    missing = lost is not None and updates[lost].last > at
    if missing and lost is not None:
        assert taken == needed[: needed.index(updates[lost].carried)]
        beyond = any(update.last > updates[lost].last for update in kept)
        assert sync.gaps + sync.unmet_snapshots == beyond
    else:
        assert taken == needed
        assert sync.gaps == sync.unmet_snapshots == 0
