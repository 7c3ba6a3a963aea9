"""Trades and quotes of the recorded files, against computations that share nothing with ours."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from actors.errors import BadSpeedError, UnknownMarketError, UnnamedMarketError
from mycelium.venues import VenueTable
from tests.feed_helpers import make_feed, run_feed, shipped_venues, write_csv
from tlv.market_data import QuoteTLV, TradeTLV

TRADES = "trades_quotes/binance_btcusdt_trades_2021-01-08.csv"
QUOTES = "trades_quotes/binance_btcusdt_quotes_2021-01-08.csv"
BITMEX = "trades_quotes/tardis_bitmex_trades_XBTUSD_2020-03-01.csv"
TRUEFX = "trades_quotes/truefx_usdjpy_ticks_2013-01.csv"
HEADER = "timestamp,trade_id,price,quantity,buyer_maker"
ROW = "2021-01-08T00:00:00.278Z,1,100.5,0.25,True"
TARDIS_HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def units(text: str) -> int:
    return round(Decimal(text) * 10**8)


def nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def test_binance_trades_equal_an_independent_reading(shared_data: Path) -> None:
    rows = rows_of(shared_data / TRADES)
    trades = run_feed("trades", shared_data / TRADES).only(TradeTLV)
    assert len(trades) == len(rows) == 2001
    for trade, row in zip(trades, rows, strict=True):
        sign = -1 if row["buyer_maker"] == "True" else 1
        assert trade.price == units(row["price"])
        assert trade.quantity == sign * units(row["quantity"])
        assert trade.timestamp == nanoseconds(row["timestamp"])
        assert trade.venue_id == 1


def test_count_volume_and_mean_price_are_exact(shared_data: Path) -> None:
    rows = rows_of(shared_data / TRADES)
    trades = run_feed("trades", shared_data / TRADES).only(TradeTLV)
    # The file holds doubles; the exchange trades in steps of 1e-6, which is what they stand for.
    steps = [Fraction(round(Decimal(row["quantity"]) * 10**6), 10**6) for row in rows]
    volume = sum(steps)
    notional = sum(Fraction(row["price"]) * step for row, step in zip(rows, steps, strict=True))
    assert Fraction(sum(abs(trade.quantity) for trade in trades), 10**8) == volume
    assert Fraction(sum(trade.price * abs(trade.quantity) for trade in trades), 10**16) == notional
    ours = Fraction(sum(t.price * abs(t.quantity) for t in trades), sum(abs(t.quantity) for t in trades)) / 10**8
    assert ours == notional / volume


def test_tardis_trades_equal_an_independent_reading(shared_data: Path) -> None:
    rows = rows_of(shared_data / BITMEX)
    trades = run_feed("trades", shared_data / BITMEX).only(TradeTLV)
    expected = [
        TradeTLV(
            units(row["price"]),
            units(row["amount"]) * (-1 if row["side"] == "sell" else 1),
            int(row["timestamp"]) * 1000,
            shipped_venues().by_symbol("bitmex", "XBTUSD").id,
        )
        for row in rows
    ]
    assert trades == expected
    assert len(trades) == 10


def test_binance_quotes_equal_an_independent_reading(shared_data: Path) -> None:
    rows = rows_of(shared_data / QUOTES)
    quotes = run_feed("quotes", shared_data / QUOTES).only(QuoteTLV)
    expected = [
        QuoteTLV(
            bid_price=units(row["bid"]),
            bid_size=units(row["bid_size"]),
            ask_price=units(row["ask"]),
            ask_size=units(row["ask_size"]),
            timestamp=nanoseconds(row["timestamp"]),
            venue_id=1,
        )
        for row in rows
    ]
    assert quotes == expected
    assert len(quotes) == 451


def test_truefx_quotes_equal_an_independent_reading(shared_data: Path) -> None:
    rows = rows_of(shared_data / TRUEFX)
    quotes = run_feed("quotes", shared_data / TRUEFX).only(QuoteTLV)
    venue = shipped_venues().by_symbol("truefx", "USDJPY").id
    expected = [QuoteTLV(units(r["bid"]), 0, units(r["ask"]), 0, nanoseconds(r["timestamp"]), venue) for r in rows]
    assert quotes == expected
    assert len(quotes) == 1000


def test_tardis_quotes_may_lack_a_side(tmp_path: Path) -> None:
    header = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"
    path = write_csv(tmp_path / "q.csv", header, ["bitmex,XBTUSD,1582329601096000,1582329603502092,,,9681.92,0.67"])
    assert run_feed("quotes", path).messages == [QuoteTLV(968192000000, 67000000, 0, 0, 1582329601096000000, 7)]


def test_trades_of_an_unknown_aggressor_count_as_bought(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", TARDIS_HEADER, ["bitmex,XBTUSD,1582329601096000,1,a,unknown,5,2"])
    (trade,) = run_feed("trades", path).only(TradeTLV)
    assert trade.quantity == 200_000_000


@pytest.mark.parametrize(
    "name, symbol",
    [
        ("binance_btcusdt_trades.csv", "BTCUSDT"),
        ("RUNEEUR.csv", "RUNEEUR"),
        ("trades-NKN-USDT-2022.csv", "NKNUSDT"),
        ("dogeusdt_2022-01-01.csv", "DOGEUSDT"),
        ("Doge-Usdt.trades.csv", "DOGEUSDT"),
        ("adabtc.csv", "ADABTC"),
    ],
)
def test_the_name_of_a_file_tells_the_symbol_that_its_rows_do_not(tmp_path: Path, name: str, symbol: str) -> None:
    venues = shipped_venues()
    run = run_feed("trades", write_csv(tmp_path / name, HEADER, [ROW]), venues=venues, unknown_venues="number")
    (trade,) = run.only(TradeTLV)
    assert venues.by_id(trade.venue_id).symbol == symbol


def test_truefx_symbols_are_two_currencies(tmp_path: Path) -> None:
    venues = shipped_venues()
    path = write_csv(tmp_path / "my_ticks_eur-usd_2020.csv", "timestamp,bid,ask", ["2020-01-01 00:00:00,1.1,1.2"])
    run = run_feed("quotes", path, venues=venues, unknown_venues="number")
    assert venues.by_id(run.only(QuoteTLV)[0].venue_id).name == "truefx:EURUSD"


def test_the_config_may_tell_the_symbol(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", HEADER, [ROW])
    assert run_feed("trades", path, symbol="BTC/USDT").only(TradeTLV)[0].venue_id == 1


def test_a_file_that_names_no_market_is_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", HEADER, [ROW])
    with pytest.raises(UnnamedMarketError, match="set symbol in the config"):
        run_feed("trades", path)
    venues = shipped_venues()
    run = run_feed("trades", path, venues=venues, unknown_venues="number")
    assert venues.by_id(run.only(TradeTLV)[0].venue_id).name == "binance:X"


def test_a_market_that_the_table_does_not_list_is_told_with_what_to_add(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", TARDIS_HEADER, ["huobi,BTC-USD,1582329601096000,1,a,buy,5,2"])
    with pytest.raises(UnknownMarketError, match=r'exchange = "huobi", symbol = "BTC-USD" under \[\[venues\]\]'):
        run_feed("trades", path)
    assert run_feed("trades", path, unknown_venues="skip").refused == {"FEED-020": 1}


def test_a_market_gets_the_same_number_in_every_feed_and_run(tmp_path: Path) -> None:
    trades = write_csv(tmp_path / "ltcusdt.csv", HEADER, [ROW])
    header = "timestamp,symbol,ask_size,ask,bid_size,bid"
    quotes = write_csv(tmp_path / "q.csv", header, ["2021-01-08T00:00:00Z,LTC/USDT,1,2,1,1"])
    number = {
        run_feed(feed, path, venues=VenueTable(), unknown_venues="number").messages[0].venue_id  # type: ignore[attr-defined]
        for feed, path in (("trades", trades), ("quotes", quotes))
    }
    assert len(number) == 1
    assert number.pop() > 2**31


def test_a_speed_that_is_none_is_told_before_anything_runs() -> None:
    with pytest.raises(BadSpeedError, match="fast"):
        make_feed("trades", speed="fast")
