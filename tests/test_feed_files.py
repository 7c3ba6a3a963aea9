"""Files are recognised by what is in them."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from actors.errors import (
    InputMissingError,
    InputNotRecognisedError,
    InputUnreadableError,
    NothingToReadError,
    WrongColumnsError,
)
from actors.feeds.files import find_files, take_inventory
from tests.feed_helpers import make_feed, run_feed, write_csv
from tlv.market_data import QuoteTLV, TradeTLV

TRADES = "timestamp,trade_id,price,quantity,buyer_maker"
TRADE = "2021-01-08T00:00:00.278Z,1,100.5,0.25,True"
TRUEFX = "timestamp,bid,ask"

RECOGNISED = {
    "books/binance_btcusdt_futures_depth_snap_2022-11-01.csv": "books",
    "books/binance_btcusdt_futures_depth_update_2022-11-01.csv": "books",
    "books/cryptofeed_binance_spot_2021-10-12.http_snapshots.raw": "books",
    "books/cryptofeed_binance_spot_2021-10-12.ws.raw": "books",
    "books/tardis_binance-futures_book_snapshot_5_BTCUSDT_2020-09-01.csv": "books",
    "books/tardis_deribit_incremental_book_L2_BTC-PERPETUAL_2020-04-01.csv": "books",
    "dex/ethereum_block_18000003_all_logs.json": "dex",
    "dex/ethereum_mainnet_dex_logs.jsonl": "dex",
    "dex/nautilus_parser_fixture_logs.jsonl": "dex",
    "dex/uniswap_v3_ethereum_0x88e6a0c2_usdc_weth_5bp_2024-01-05_00h-12h.raw.csv": "dex",
    "dex/uniswap_v3_ethereum_position_manager_0xc36442b4_2024-01-05_00h-12h.raw.csv": "dex",
    "dex/uniswap_v3_polygon_0x45dda9cb_usdc_weth_5bp_2021-12-22.raw.csv": "dex",
    "trades_quotes/binance_btcusdt_quotes_2021-01-08.csv": "quotes",
    "trades_quotes/binance_btcusdt_trades_2021-01-08.csv": "trades",
    "trades_quotes/tardis_bitmex_trades_XBTUSD_2020-03-01.csv": "trades",
    "trades_quotes/truefx_usdjpy_ticks_2013-01.csv": "quotes",
}


def test_each_recorded_file_goes_to_its_feed(shared_data: Path) -> None:
    inventory = take_inventory(shared_data)
    found = {file.path.relative_to(shared_data).as_posix(): file.feed for file in inventory.files if file.feed}
    assert found == RECOGNISED
    not_read = dict(inventory.not_read)
    assert len(not_read) + len(found) == len(inventory.files)
    assert "decoded logs" in not_read["dex/uniswap_v3_polygon_0x45dda9cb_usdc_weth_5bp_2021-12-22.decoded.csv"]


def test_the_name_of_a_file_plays_no_part(shared_data: Path, tmp_path: Path) -> None:
    for number, (name, feed) in enumerate(RECOGNISED.items()):
        copy = tmp_path / f"input_{number}"
        shutil.copyfile(shared_data / name, copy)
        assert [file.path for file in find_files(feed, None, [copy])] == [copy]


def test_a_gzipped_file_is_read_like_a_plain_one(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "btcusdt.csv", TRADES, [TRADE])
    packed = tmp_path / "btcusdt.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert run_feed("trades", packed).messages == run_feed("trades", plain).messages


def test_a_gzipped_file_that_ends_early_is_told(tmp_path: Path) -> None:
    content = gzip.compress("\n".join([TRADES, *[TRADE] * 100_000]).encode())
    packed = tmp_path / "btcusdt.csv.gz"
    packed.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputUnreadableError, match="after line"):
        run_feed("trades", packed)
    assert run_feed("trades", packed, on_malformed="skip").refused == {"FEED-002": 1}


def test_the_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    swapped = write_csv(
        tmp_path / "btcusdt.csv",
        "price,extra,buyer_maker,quantity,trade_id,timestamp",
        ["100.5,x,True,0.25,1,2021-01-08T00:00:00.278Z"],
    )
    assert run_feed("trades", swapped).messages == [TradeTLV(10_050_000_000, -25_000_000, 1610064000278000000, 1)]


def test_a_quote_file_that_lost_its_sizes_is_not_taken_for_another_format(tmp_path: Path) -> None:
    write_csv(tmp_path / "q.csv", "timestamp,symbol,ask,bid", ["2021-01-08T00:00:00Z,BTC/USDT,2,1"])
    with pytest.raises(WrongColumnsError, match="lacks ask_size, bid_size") as caught:
        list(make_feed("quotes", input=tmp_path).produce())
    assert caught.value.format == "Binance quotes"
    assert "timestamp, symbol, ask, bid" in str(caught.value)


def test_a_file_with_a_renamed_column_is_told_and_may_be_left_out(tmp_path: Path) -> None:
    write_csv(tmp_path / "a_btcusdt.csv", TRADES.replace("quantity", "qty"), [TRADE])
    write_csv(tmp_path / "b_btcusdt.csv", TRADES, [TRADE])
    with pytest.raises(WrongColumnsError, match="lacks quantity"):
        list(make_feed("trades", input=tmp_path).produce())
    feed = make_feed("trades", input=tmp_path, on_malformed="skip")
    assert len(list(feed.produce())) == 1
    assert feed.refused == {"FEED-004": 1}
    assert "FEED-004 WrongColumnsError" in (feed.summary() or "")


def test_a_missing_path_is_told_with_the_setting_that_named_it(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match="`input`"):
        list(make_feed("trades", input=tmp_path / "nowhere").produce())
    with pytest.raises(InputMissingError, match="`files`"):
        run_feed("trades", tmp_path / "nowhere.csv")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadableError, match="is a directory"):
        run_feed("trades", tmp_path)


def test_a_file_that_was_asked_for_must_be_of_the_feed(tmp_path: Path) -> None:
    quotes = write_csv(tmp_path / "usdjpy.csv", TRUEFX, [])
    with pytest.raises(InputNotRecognisedError, match="TrueFX quotes"):
        run_feed("trades", quotes)
    (tmp_path / "empty").touch()
    with pytest.raises(InputNotRecognisedError, match="it is empty"):
        run_feed("trades", tmp_path / "empty")
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    with pytest.raises(InputNotRecognisedError, match=r"no header|not the header"):
        run_feed("trades", tmp_path / "noise")


def test_a_directory_without_one_known_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing here")
    with pytest.raises(NothingToReadError, match="any of the 1 files"):
        list(make_feed("dex", input=tmp_path).produce())


def test_a_feed_without_files_of_its_kind_ends_at_once(tmp_path: Path) -> None:
    write_csv(tmp_path / "btcusdt.csv", TRADES, [TRADE])
    assert list(make_feed("dex", input=tmp_path).produce()) == []
    assert list(make_feed("dex").produce()) == []


def test_one_file_may_be_the_input_of_all_feeds(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, [TRADE])
    assert len(list(make_feed("trades", input=path).produce())) == 1
    assert list(make_feed("quotes", input=path).produce()) == []


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, [TRADE])
    assert len(list(make_feed("trades", input=tmp_path, files=(path,)).produce())) == 1


def test_files_nobody_reads_are_told_once(tmp_path: Path) -> None:
    write_csv(tmp_path / "btcusdt.csv", TRADES, [TRADE])
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden").write_text("not looked at")
    feeds = [make_feed(name, input=tmp_path) for name in ("trades", "quotes", "books", "dex")]
    for feed in feeds:
        list(feed.produce())
    told = [feed.summary() or "" for feed in feeds]
    assert sum("not read by any feed: 1 file (notes.txt)" in text for text in told) == 1


def test_files_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    write_csv(tmp_path / "a_usdjpy.csv", TRUEFX, ["2013-01-02 00:00:00,2,3"])
    write_csv(tmp_path / "b_usdjpy.csv", TRUEFX, ["2013-01-01 00:00:00,1,2"])
    feed = make_feed("quotes", input=tmp_path)
    assert [quote.bid_price for quote in feed.produce() if isinstance(quote, QuoteTLV)] == [100_000_000, 200_000_000]


def test_the_progress_counts_every_byte(shared_data: Path) -> None:
    for name in ("trades", "quotes", "books", "dex"):
        feed = make_feed(name, input=shared_data)
        produced = feed.produce()
        next(produced)
        assert 0 < feed.progress.done <= (feed.progress.total or 0)
        for _ in produced:
            pass
        assert feed.progress.done == feed.progress.total
