"""The market of a file that has no column for it, told by the name of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.feed_helpers import run_feed, write_csv
from tlv.market_data import PoolSwapTLV, QuoteTLV, TradeTLV

TRADES = "timestamp,trade_id,price,quantity,buyer_maker"
ROW = "2021-01-09T00:00:00.278Z,1,1224.179999999996,0.00031099999999999997,True"


@pytest.mark.parametrize(
    ("name", "market"),
    [
        ("binance_wbtcusdt_trades.csv", "binance:WBTCUSDT"),  # not the BTCUSDT inside it
        ("ETHUSDT-trades-2021-01-09.csv", "binance:ETHUSDT"),
        ("binance-eth_eur-09.csv", "binance:ETHEUR"),
        ("BINANCE.ADAUSDT.csv", "binance:ADAUSDT"),
        ("binancesolusdt.csv", "binance:SOLUSDT"),
        ("binance_btcusdt_2021.csv", "binance:BTCUSDT"),
        ("btc-usdt.csv", "binance:BTCUSDT"),
        ("spotbtcusdt2021.csv", "binance:BTCUSDT"),
    ],
)
def test_the_name_of_a_file_tells_its_market(tmp_path: Path, name: str, market: str) -> None:
    run = run_feed("trades", write_csv(tmp_path / name, TRADES, [ROW]), unknown_venues="number")
    (trade,) = run.only(TradeTLV)
    assert run.feed.venues.name(trade.venue_id) == market
    assert (trade.price, trade.quantity) == (122418000000, -31100)


@pytest.mark.parametrize("name", ["eurusd-ticks.csv", "TrueFX_EUR_USD_2013.csv", "truefxeurusd.csv"])
def test_a_currency_pair_is_told_by_the_name_too(tmp_path: Path, name: str) -> None:
    path = write_csv(tmp_path / name, "timestamp,bid,ask", ["2013-01-01 22:00:00.295000+00:00,1.31951,1.31963"])
    run = run_feed("quotes", path, unknown_venues="number")
    (quote,) = run.only(QuoteTLV)
    assert run.feed.venues.name(quote.venue_id) == "truefx:EURUSD"
    assert (quote.bid_price, quote.ask_price) == (131951000, 131963000)


def test_six_digits_of_a_listed_pool_are_enough(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "dex/uniswap_v3_polygon_0x45dda9cb_usdc_weth_5bp_2021-12-22.raw.csv"
    path = tmp_path / "polygon-0x45dda9...-2021-12-22.raw.csv"
    path.write_bytes(source.read_bytes())
    pools = {swap.pool.hex() for swap in run_feed("dex", path).only(PoolSwapTLV)}
    assert pools == {"45dda9cb7c25131df268515131f647d726f50608"}


@pytest.mark.parametrize("text", ["True", "true", "TRUE"])
def test_true_is_true_however_a_program_writes_it(tmp_path: Path, text: str) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, [ROW.replace("True", text)])
    assert [trade.quantity for trade in run_feed("trades", path).only(TradeTLV)] == [-31100]
