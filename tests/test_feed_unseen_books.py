"""Books of the same kinds as the shared ones, but made here: what they hold is known, and what a book must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.feeds import depth_files
from actors.services.book_builder import BookBuilder
from actors.services.order_book import Outcome
from configs.services import BookBuilderConfig
from tests.feed_helpers import run_feed, write_csv
from tests.service_run import run_service
from tlv.market_data import DepthKind, DepthUpdateTLV, OrderBookTLV

TARDIS = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
DEPTH = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"
START = 1585699200245000


def tops(path: Path, *more: Path) -> tuple[BookBuilder, list[tuple[list[tuple[int, int]], list[tuple[int, int]]]]]:
    """The book builder behind the feed, and each book that it published, in whole units."""
    depths = run_feed("books", path, *more, unknown_venues="number").only(DepthUpdateTLV)
    run = run_service(BookBuilder, depths, config=BookBuilderConfig())
    published = [
        tuple([(level.price // 10**8, level.size // 10**8) for level in side] for side in (book.bids, book.asks))
        for book in run.emitted
        if isinstance(book, OrderBookTLV)
    ]
    return run.service, published  # type: ignore[return-value]


def tardis_row(step: int, is_snapshot: str, side: str, price: int, amount: int) -> str:
    return f"deribit,ETH-PERPETUAL,{START + step},{START + step + 9},{is_snapshot},{side},{price},{amount}"


def test_updates_without_numbers_reach_the_book_that_is_published(tmp_path: Path) -> None:
    rows = [
        tardis_row(0, "true", "bid", 99, 5),
        tardis_row(0, "true", "bid", 98, 7),
        tardis_row(0, "true", "ask", 101, 6),
        tardis_row(1, "false", "bid", 99, 0),
        tardis_row(2, "false", "ask", 100, 3),
        tardis_row(3, "true", "bid", 50, 1),
        tardis_row(3, "true", "ask", 51, 1),
        tardis_row(4, "false", "ask", 51, 2),
    ]
    builder, published = tops(write_csv(tmp_path / "l2.csv", TARDIS, rows))
    assert published == [
        ([(99, 5), (98, 7)], [(101, 6)]),
        ([(98, 7)], [(101, 6)]),
        ([(98, 7)], [(100, 3), (101, 6)]),
        ([(50, 1)], [(51, 1)]),
        ([(50, 1)], [(51, 2)]),
    ]
    assert builder.outcomes == {Outcome.APPLIED: 5}


def test_a_snapshot_of_many_levels_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth_files, "LEVELS_MAX", 3)
    rows = [tardis_row(0, "true", "bid", 90 - i, i + 1) for i in range(7)]
    path = write_csv(tmp_path / "l2.csv", TARDIS, rows)
    kinds = [depth.kind for depth in run_feed("books", path, unknown_venues="number").only(DepthUpdateTLV)]
    assert kinds == [DepthKind.SNAPSHOT, DepthKind.UPDATE, DepthKind.UPDATE]
    assert tops(path)[1][-1] == ([(90 - i, i + 1) for i in range(7)], [])


def test_updates_of_futures_reach_the_book_although_their_ids_have_holes(tmp_path: Path) -> None:
    def row(ids: tuple[int, int, int], side: str, kind: str, price: int, size: int) -> str:
        first, last, previous = ids
        return f"ETHUSDT,{1667346579146 + last},{first},{last},{side},{kind},{price},{size},{previous}"

    snapshot = [
        row((1000, 1000, -1), side, "snap", price, 5) for side, price in (("b", 99), ("b", 98), ("a", 101), ("a", 102))
    ]
    updates = [
        row((970, 985, 960), "b", "set", 99, 1),
        row((990, 1010, 985), "b", "set", 99, 2),
        row((1015, 1030, 1010), "a", "set", 101, 0),
        row((1040, 1050, 1030), "a", "set", 100, 3),
    ]
    paths = write_csv(tmp_path / "snap.csv", DEPTH, snapshot), write_csv(tmp_path / "set.csv", DEPTH, updates)
    run = run_feed("books", *paths, unknown_venues="number")
    assert run.refused == {}
    depths = run.only(DepthUpdateTLV)
    assert [(depth.first_update_id, depth.last_update_id) for depth in depths] == [
        (1000, 1000),
        (986, 1010),
        (1011, 1030),
        (1031, 1050),
    ]
    builder, published = tops(*paths)
    assert published[-1] == ([(99, 2), (98, 5)], [(100, 3), (102, 5)])
    assert builder.outcomes == {Outcome.APPLIED: 4}
