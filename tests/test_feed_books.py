"""Books of the recorded captures and files, against a replay that is written here anew."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.errors import MalformedRowError, SequenceGapError
from actors.feeds.books import BooksFeed
from mycelium.venues import VenueTable
from tests.feed_helpers import Run, counts, run_feed, shipped_venues, write_csv
from tlv.market_data import DepthKind, DepthUpdateTLV, QuoteTLV, TradeTLV

FRAMES = "books/cryptofeed_binance_spot_2021-10-12.ws.raw"
SNAPSHOTS = "books/cryptofeed_binance_spot_2021-10-12.http_snapshots.raw"
DEPTH_SNAPSHOT = "books/binance_btcusdt_futures_depth_snap_2022-11-01.csv"
DEPTH_UPDATE = "books/binance_btcusdt_futures_depth_update_2022-11-01.csv"
TARDIS_SNAPSHOTS = "books/tardis_binance-futures_book_snapshot_5_BTCUSDT_2020-09-01.csv"
TARDIS_UPDATES = "books/tardis_deribit_incremental_book_L2_BTC-PERPETUAL_2020-04-01.csv"

Side = dict[Decimal, Decimal]


def books_of(run: Run) -> BooksFeed:
    assert isinstance(run.feed, BooksFeed)
    return run.feed


def applied(messages: Iterable[DepthUpdateTLV]) -> dict[int, tuple[Side, Side]]:
    """The books that our messages build, by venue."""
    books: dict[int, tuple[Side, Side]] = {}
    for message in messages:
        if message.kind == DepthKind.SNAPSHOT:
            books[message.venue_id] = ({}, {})
        for side, levels in zip(books[message.venue_id], (message.bids, message.asks), strict=True):
            for level in levels:
                price, size = Decimal(level.price) / 10**8, Decimal(level.size) / 10**8
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
    return books


def replayed(frames: Path, answers: Path) -> dict[str, tuple[Side, Side]]:
    """The books by Binance's own instructions: snapshots first, then the updates that follow them."""
    books: dict[str, tuple[Side, Side]] = {}
    at: dict[str, int] = {}
    for line in answers.read_text().splitlines():
        if line:
            symbol = re.findall(r"symbol=(\w+)", line)[0]
            found = json.loads(line[line.index("{") :])
            at[symbol] = found["lastUpdateId"]
            bids, asks = ({Decimal(p): Decimal(q) for p, q in found[side]} for side in ("bids", "asks"))
            books[symbol] = (bids, asks)
    joined: set[str] = set()
    for line in filter(None, frames.read_text().splitlines()[1:]):
        data = json.loads(line.split(": ", 1)[1])["data"]
        if data.get("e") != "depthUpdate" or data["u"] <= at[data["s"]]:
            continue
        symbol = data["s"]
        assert data["U"] <= at[symbol] + 1 if symbol not in joined else data["U"] == at[symbol] + 1
        joined.add(symbol)
        at[symbol] = data["u"]
        for side, levels in zip(books[symbol], (data["b"], data["a"]), strict=True):
            side.update((Decimal(p), Decimal(q)) for p, q in levels)
    return {symbol: tuple({p: q for p, q in side.items() if q} for side in books[symbol]) for symbol in joined}  # type: ignore[misc]


def test_the_four_books_synchronise_without_a_gap_and_equal_a_replay(shared_data: Path) -> None:
    run = run_feed("books", shared_data / FRAMES, shared_data / SNAPSHOTS)
    feed, venues = books_of(run), shipped_venues()
    assert (feed.books.synchronised, feed.books.gaps, run.refused) == (4, 0, {})
    ours = {venues.by_id(venue_id).symbol: book for venue_id, book in applied(run.only(DepthUpdateTLV)).items()}
    theirs = replayed(shared_data / FRAMES, shared_data / SNAPSHOTS)
    assert ours.keys() == theirs.keys() == {"NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"}
    for symbol, (bids, asks) in theirs.items():
        assert (max(ours[symbol][0]), min(ours[symbol][1])) == (max(bids), min(asks))
        assert ours[symbol] == (bids, asks)


def test_the_other_frames_of_a_capture_become_quotes_and_trades(shared_data: Path) -> None:
    run = run_feed("books", shared_data / FRAMES, shared_data / SNAPSHOTS)
    # 177 depth updates of which 5 lie before their snapshots, and 4 snapshots.
    assert counts(run.messages) == {"DepthUpdateTLV": 177 - 5 + 4, "QuoteTLV": 84, "TradeTLV": 2}
    (reading,) = (reading for reading in run.feed.readings if reading.file.path.name.endswith("ws.raw"))
    assert (reading.rows, reading.ignored["kline"]) == (265, 2)
    frames = [line.split(": ", 1) for line in (shared_data / FRAMES).read_text().splitlines()[1:] if line]
    tickers = [(time, json.loads(text)["data"]) for time, text in frames if "@bookTicker" in text]
    venues = shipped_venues()
    for quote, (time, data) in zip(run.only(QuoteTLV), tickers, strict=True):
        assert quote.timestamp == round(Decimal(time) * 10**9)
        assert venues.by_id(quote.venue_id).symbol == data["s"]
        told = [round(Decimal(data[name]) * 10**8) for name in "bBaA"]
        assert [quote.bid_price, quote.bid_size, quote.ask_price, quote.ask_size] == told
    trades = [json.loads(text)["data"] for _, text in frames if "@aggTrade" in text]
    for trade, data in zip(run.only(TradeTLV), trades, strict=True):
        sign = -1 if data["m"] else 1
        assert (trade.price, trade.quantity) == (units(data["p"]), sign * units(data["q"]))
        assert trade.timestamp == data["T"] * 1_000_000


def units(text: str) -> int:
    return round(Decimal(text) * 10**8)


def test_without_their_snapshots_the_books_never_begin(shared_data: Path) -> None:
    run = run_feed("books", shared_data / FRAMES)
    assert run.refused == {"FEED-032": 4}
    assert not run.only(DepthUpdateTLV)
    assert sum(reading.ignored["updates without a snapshot to join"] for reading in run.feed.readings) == 177


def changed_capture(shared_data: Path, tmp_path: Path, change: Any) -> tuple[Path, Path]:
    frames = tmp_path / "frames"
    frames.write_text("\n".join(change((shared_data / FRAMES).read_text().splitlines())))
    return frames, shared_data / SNAPSHOTS


def without_tenth_update(lines: list[str]) -> list[str]:
    updates = [line for line in lines if "NKNUSDT" in line and "depthUpdate" in line]
    return [line for line in lines if line != updates[9]]


def test_a_lost_update_is_a_declared_gap_and_the_book_stays_as_it_was(shared_data: Path, tmp_path: Path) -> None:
    frames, snapshots = changed_capture(shared_data, tmp_path, without_tenth_update)
    run = run_feed("books", frames, snapshots)
    assert run.refused == {"FEED-030": 1}
    assert (books_of(run).books.synchronised, books_of(run).books.gaps) == (4, 1)
    nkn = shipped_venues().by_symbol("binance", "NKNUSDT").id
    assert len([m for m in run.only(DepthUpdateTLV) if m.venue_id == nkn]) == 1 + 9 - 1
    with pytest.raises(SequenceGapError, match=r"binance:NKNUSDT expected update \d+, got \d+"):
        run_feed("books", frames, snapshots, gaps="stop")


def test_after_a_gap_the_next_snapshot_is_joined(shared_data: Path, tmp_path: Path) -> None:
    frames, snapshots = changed_capture(shared_data, tmp_path, without_tenth_update)
    updates = [
        json.loads(line.split(": ", 1)[1])["data"] for line in frames.read_text().splitlines() if "depthUpdate" in line
    ]
    nkn = [data for data in updates if data["s"] == "NKNUSDT"]
    again = {"lastUpdateId": nkn[20]["u"], "bids": [["0.35", "1"]], "asks": [["0.36", "2"]]}
    later = tmp_path / "later"
    later.write_text(
        f"https://api.binance.com/api/v3/depth?symbol=NKNUSDT&limit=1000 -> 1633998535.5: {json.dumps(again)}\n"
    )
    run = run_feed("books", frames, snapshots, later)
    assert run.refused == {"FEED-030": 1}
    venue = shipped_venues().by_symbol("binance", "NKNUSDT").id
    ours = [m for m in run.only(DepthUpdateTLV) if m.venue_id == venue]
    assert [m.kind for m in ours].count(DepthKind.SNAPSHOT) == 2
    assert [m.last_update_id for m in ours][-len(nkn[21:]) :] == [data["u"] for data in nkn[21:]]


def test_a_stream_that_was_opened_anew_has_no_gap_but_needs_a_snapshot(tmp_path: Path) -> None:
    def part(at: int, time: int) -> list[str]:
        snapshot = {"lastUpdateId": at, "bids": [["1", "1"]], "asks": [["2", "1"]]}
        return [
            f"wss://stream.binance.com:9443/stream?streams=btcusdt@bookTicker/btcusdt@depth@100ms <-> {time}.1",
            f"https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5 -> {time}.3: {json.dumps(snapshot)}",
            *(
                f"{time}.{i + 1}: {json.dumps({**GOOD_UPDATE, 's': 'BTCUSDT', 'U': at + i, 'u': at + i, 'pu': at + i - 1})}"
                for i in range(1, 4)
            ),
        ]

    path = tmp_path / "capture"
    path.write_text("\n".join([*part(10, 1633998512), *part(90, 1633998600)]))
    run = run_feed("books", path)
    assert (run.refused, books_of(run).books.gaps, books_of(run).books.synchronised) == ({}, 0, 1)
    assert [message.last_update_id for message in run.only(DepthUpdateTLV)] == [10, 11, 12, 13, 90, 91, 92, 93]
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if '"lastUpdateId": 90' not in line))
    again = run_feed("books", path)
    assert [message.last_update_id for message in again.only(DepthUpdateTLV)] == [10, 11, 12, 13]
    assert sum(reading.ignored["updates without a snapshot to join"] for reading in again.feed.readings) == 3


def test_a_repeated_update_is_counted(shared_data: Path, tmp_path: Path) -> None:
    frames, snapshots = changed_capture(
        shared_data, tmp_path, lambda lines: [*lines, next(line for line in reversed(lines) if line)]
    )
    run = run_feed("books", frames, snapshots)
    assert books_of(run).books.gaps == 0
    assert sum(reading.ignored["repeated updates"] for reading in run.feed.readings) == 1


def test_captures_are_joined_by_time_whatever_the_order_of_the_files(shared_data: Path) -> None:
    one = run_feed("books", shared_data / FRAMES, shared_data / SNAPSHOTS)
    other = run_feed("books", shared_data / SNAPSHOTS, shared_data / FRAMES)
    assert one.messages == other.messages


CONNECTION = "wss://fstream.binance.com/stream?streams=sushiusdt@depth@100ms <-> 1626992740.179554"
ANSWER = "https://fapi.binance.com/fapi/v1/depth?symbol=SUSHIUSDT&limit=1000 -> 1626992741.3"
GOOD_UPDATE = {
    "e": "depthUpdate",
    "E": 1626992741037,
    "s": "SUSHIUSDT",
    "U": 5,
    "u": 9,
    "pu": 3,
    "b": [["7.6", "2"]],
    "a": [],
}


def capture(path: Path, *frames: object, connection: str = CONNECTION) -> Path:
    lines = [connection]
    lines += [frame if isinstance(frame, str) else f"1626992741.5: {json.dumps(frame)}" for frame in frames]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_futures_captures_follow_the_previous_update_and_tell_their_times(tmp_path: Path) -> None:
    snapshot = f'{ANSWER}: {{"lastUpdateId": 6, "E": 1, "T": 1, "bids": [["7.5", "1"]], "asks": [["7.7", "3"]]}}'
    ticker = {
        "e": "bookTicker",
        "u": 7,
        "s": "SUSHIUSDT",
        "b": "7.5",
        "B": "1",
        "a": "7.7",
        "A": "3",
        "T": 1,
        "E": 1626992741017,
    }
    after = {**GOOD_UPDATE, "U": 20, "u": 21, "pu": 9}
    path = capture(tmp_path / "c", snapshot, {"stream": "x@depth", "data": GOOD_UPDATE}, {"data": ticker}, after)
    venues = shipped_venues()
    run = run_feed("books", path, venues=venues, unknown_venues="number")
    assert [message.last_update_id for message in run.only(DepthUpdateTLV)] == [6, 9, 21]
    (quote,) = run.only(QuoteTLV)
    assert quote.timestamp == 1626992741017000000
    assert venues.by_id(quote.venue_id).name == "binance-futures:SUSHIUSDT"


@pytest.mark.parametrize(
    "change, column",
    [
        ({"U": 10}, "U"),
        ({"u": -1}, "u"),
        ({"u": "9"}, "u"),
        ({"u": True}, "u"),
        ({"U": 2**64, "u": 2**64}, "U"),
        ({"E": 2**63}, "E"),
        ({"b": None}, "b"),
        ({"b": [["x", "1"]]}, "b"),
        ({"b": [["0", "1"]]}, "b"),
        ({"a": [["1"]]}, "a"),
        ({"a": [["1", "-1"]]}, "a"),
        ({"s": 7}, "s"),
        ({"s": "A\nB"}, "s"),
        ({"s": "A" * 65}, "s"),
        ({"e": "aggTrade"}, "p"),
        ({"e": "aggTrade", "p": "1", "q": "1", "T": 5, "m": "true"}, "m"),
        ({"e": "bookTicker", "b": "2", "B": "1", "a": "1", "A": "1"}, "a"),
    ],
)
def test_a_malformed_event_is_told_with_its_field(tmp_path: Path, change: dict[str, object], column: str) -> None:
    path = capture(tmp_path / "c", GOOD_UPDATE, {**GOOD_UPDATE, **change})
    with pytest.raises(MalformedRowError) as caught:
        run_feed("books", path, unknown_venues="number")
    assert (caught.value.line, caught.value.column) == (3, column)
    run = run_feed("books", path, unknown_venues="number", on_malformed="skip")
    assert run.refused["FEED-005"] == 1


@pytest.mark.parametrize(
    "line",
    [
        '1626992741.5: {"data": ',
        "1626992741.5: {} {}",
        "1626992741.5: NaN",
        "1626992741.5: " + "[" * 100_000,
        "x: {}",
        "just text",
        "99999999999999: {}",
        "wss://fstream.binance.com/stream?streams=a@depth <-> 99999999999999",
        "1626992741.5: [1]",
        f"{ANSWER}: []",
        f'{ANSWER}: {{"lastUpdateId": 1, "bids": []}}',
    ],
)
def test_a_malformed_line_is_told(tmp_path: Path, line: str) -> None:
    path = capture(tmp_path / "c", GOOD_UPDATE, line)
    with pytest.raises(MalformedRowError) as caught:
        run_feed("books", path, unknown_venues="number")
    assert caught.value.line == 3
    assert run_feed("books", path, unknown_venues="number", on_malformed="skip").refused["FEED-005"] == 1


def test_what_is_no_data_is_counted(tmp_path: Path) -> None:
    path = capture(
        tmp_path / "c",
        "configuration: {}",
        "wss://fstream.binance.com/ws <- 1626992741.1: {}",
        'https://fapi.binance.com/fapi/v1/exchangeInfo -> 1626992741.2: {"symbols": []}',
        {"result": None, "id": 1},
        {"e": "24hrTicker", "s": "SUSHIUSDT"},
    )
    (reading,) = run_feed("books", path).feed.readings
    kinds = {"connections": 1, "sent by the recorder": 2, "other answers": 1, "other frames": 1, "24hrTicker": 1}
    assert reading.ignored == kinds


def test_markets_left_out_are_counted(tmp_path: Path) -> None:
    path = capture(tmp_path / "c", GOOD_UPDATE, GOOD_UPDATE)
    run = run_feed("books", path, venues=VenueTable(), unknown_venues="skip")
    assert (run.messages, run.refused) == ([], {"FEED-020": 2})


def test_a_futures_snapshot_and_updates_that_do_not_meet_are_told(shared_data: Path) -> None:
    run = run_feed("books", shared_data / DEPTH_SNAPSHOT, shared_data / DEPTH_UPDATE)
    (snapshot,) = run.only(DepthUpdateTLV)
    rows = list(csv.DictReader((shared_data / DEPTH_SNAPSHOT).read_text().splitlines()))
    assert [(level.price, level.size) for level in snapshot.bids] == [
        (units(r["price"]), units(r["qty"])) for r in rows
    ]
    assert (snapshot.kind, snapshot.timestamp, len(snapshot.asks)) == (DepthKind.SNAPSHOT, 1667346579146000000, 0)
    assert run.refused == {"FEED-031": 1}
    assert "snapshots that no update joins: 1" in (run.feed.summary() or "")


def test_futures_updates_that_follow_are_joined_each_as_one_message(shared_data: Path, tmp_path: Path) -> None:
    rows = (shared_data / DEPTH_UPDATE).read_text().splitlines()
    joined = tmp_path / "joined"
    previous = rows[1].rsplit(",", 1)[1]
    start = f"BTCUSDT,1667347199000,{previous},{previous},b,snap,20000.00,1.5,-1"
    joined.write_text("\n".join([rows[0], start, *rows[1:]]))
    run = run_feed("books", joined)
    assert run.refused == {}
    snapshot, update = run.only(DepthUpdateTLV)
    # 37 of the 100 rows repeat earlier ones, see the notes of the data.
    assert len(update.bids) + len(update.asks) == 63
    assert update.kind == DepthKind.UPDATE
    assert snapshot.last_update_id == int(previous)
    assert run.feed.readings[0].ignored["repeated rows"] == 37


def test_tardis_snapshots_of_any_depth_are_read(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / TARDIS_SNAPSHOTS
    run = run_feed("books", path)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    for message, row in zip(run.only(DepthUpdateTLV), rows, strict=True):
        assert message.kind == DepthKind.SNAPSHOT
        assert message.timestamp == int(row["timestamp"]) * 1000
        for side, levels in (("bids", message.bids), ("asks", message.asks)):
            told = [(units(row[f"{side}[{i}].price"]), units(row[f"{side}[{i}].amount"])) for i in range(5)]
            assert [(level.price, level.size) for level in levels] == told
    header = "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount"
    header += ",asks[1].price,asks[1].amount,bids[1].price,bids[1].amount"
    thin = write_csv(tmp_path / "thin", header, ["deribit,BTC-PERPETUAL,1585699200245000,1,6,1,5,2,,,4,3"])
    (message,) = run_feed("books", thin).only(DepthUpdateTLV)
    assert (len(message.bids), len(message.asks)) == (2, 1)
    broken = write_csv(tmp_path / "broken", header, ["deribit,BTC-PERPETUAL,1585699200245000,1,6,1,5,2,7,,4,3"])
    with pytest.raises(MalformedRowError, match="both, or neither"):
        run_feed("books", broken)


def test_tardis_updates_are_read_message_by_message(shared_data: Path, tmp_path: Path) -> None:
    (message,) = run_feed("books", shared_data / TARDIS_UPDATES).only(DepthUpdateTLV)
    rows = list(csv.DictReader((shared_data / TARDIS_UPDATES).read_text().splitlines()))
    assert [(level.price, level.size) for level in message.asks] == [
        (units(r["price"]), units(r["amount"])) for r in rows
    ]
    assert (message.kind, len(message.bids)) == (DepthKind.SNAPSHOT, 0)
    header = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
    start = "deribit,BTC-PERPETUAL,1585699200245000"
    stream = write_csv(
        tmp_path / "stream",
        header,
        [
            f"{start},1,false,bid,3,1",
            f"{start},2,true,bid,4,1",
            f"{start},2,true,ask,5,1",
            f"{start},3,true,ask,6,1",
            f"{start},4,false,bid,4,0",
            f"{start},4,false,ask,5,2",
            f"{start},5,true,bid,7,1",
        ],
    )
    run = run_feed("books", stream)
    kinds = [message.kind for message in run.only(DepthUpdateTLV)]
    assert kinds == [DepthKind.SNAPSHOT, DepthKind.UPDATE, DepthKind.UPDATE, DepthKind.SNAPSHOT]
    assert run.refused == {"FEED-032": 1}
    assert applied(run.only(DepthUpdateTLV)) == {8: ({Decimal(7): Decimal(1)}, {})}


def test_a_malformed_row_of_a_book_is_told(tmp_path: Path) -> None:
    header = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"
    path = write_csv(tmp_path / "d", header, ["BTCUSDT,1667346579146,9,5,b,snap,20377.00,1.770,-1"])
    with pytest.raises(MalformedRowError, match="not above last_update_id"):
        run_feed("books", path)
    for row in ("BTCUSDT,x,5,5,b,snap,1,1,-1", "BTCUSDT,1,5,5,c,snap,1,1,-1", "BTCUSDT,1,5,5,b,snap,1,1,-2"):
        with pytest.raises(MalformedRowError, match="line 2"):
            run_feed("books", write_csv(tmp_path / "d", header, [row]))


def test_a_message_with_too_many_levels_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("binance_frames", "depth_files"):
        monkeypatch.setattr(f"actors.feeds.{module}.LEVELS_MAX", 2)
    header = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"
    rows = [f"BTCUSDT,1667346579146,5,5,b,snap,{price},1,-1" for price in (1, 2, 3)]
    path = write_csv(tmp_path / "d", header, rows)
    with pytest.raises(MalformedRowError, match="at most 2 levels"):
        run_feed("books", path)
    run = run_feed("books", path, on_malformed="skip")
    assert (len(run.only(DepthUpdateTLV)[0].bids), run.refused) == (2, {"FEED-005": 1})
    with pytest.raises(MalformedRowError, match="at most 2 levels"):
        run_feed("books", capture(tmp_path / "c", {**GOOD_UPDATE, "b": [["1", "1"]] * 3}), unknown_venues="number")


def test_waiting_updates_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.feeds.book_sync.BookSync.__init__.__kwdefaults__", {"waiting_max": 2})
    path = capture(tmp_path / "c", *({**GOOD_UPDATE, "U": i, "u": i} for i in range(5)))
    run = run_feed("books", path, unknown_venues="number")
    assert run.refused == {"FEED-033": 1, "FEED-032": 1}


def test_a_capture_without_its_connection_line_is_read(tmp_path: Path) -> None:
    venues = shipped_venues()
    stream = {
        "stream": "btcusdt@bookTicker",
        "data": {"u": 7, "s": "BTCUSDT", "b": "7.5", "B": "1", "a": "7.7", "A": "3"},
    }
    spot = capture(tmp_path / "spot", stream, connection="")
    assert run_feed("books", spot).only(QuoteTLV)[0].venue_id == venues.by_symbol("binance", "BTCUSDT").id
    snapshot = f'{ANSWER.replace("SUSHIUSDT", "BTCUSDT")}: {{"lastUpdateId": 6, "bids": [], "asks": []}}'
    futures = capture(tmp_path / "futures", snapshot, {**GOOD_UPDATE, "s": "BTCUSDT"}, connection="")
    sent = run_feed("books", futures).only(DepthUpdateTLV)
    assert {message.venue_id for message in sent} == {venues.by_symbol("binance-futures", "BTCUSDT").id}
    assert len(sent) == 2
