"""Bad input: every sort of malformed row is a declared error that names its place, or a counted omission."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from actors.errors import FeedError, MalformedRowError
from actors.feeds.lines import CSV_LINE_MAX
from tests.feed_helpers import make_feed, run_feed, write_csv

TRADES = "timestamp,trade_id,price,quantity,buyer_maker"
GOOD = "2021-01-08T00:00:00.278Z,1,100.5,0.25,True"
QUOTES = "timestamp,symbol,ask_size,ask,bid_size,bid"

BAD_TRADES = {
    "2021-01-08T00:00:00.278Z,1,100.5,0.25": "the row",
    "2021-01-08T00:00:00.278Z,1,100.5,0.25,True,": "the row",
    "2021-01-08T00:00:00.278Z,1,abc,0.25,True": "price",
    "2021-01-08T00:00:00.278Z,1,,0.25,True": "price",
    "2021-01-08T00:00:00.278Z,1,0,0.25,True": "price",
    "2021-01-08T00:00:00.278Z,1,-5,0.25,True": "price",
    "2021-01-08T00:00:00.278Z,1,NaN,0.25,True": "price",
    "2021-01-08T00:00:00.278Z,1,1e300,0.25,True": "price",
    "2021-01-08T00:00:00.278Z,1,100.5,0,True": "quantity",
    "2021-01-08T00:00:00.278Z,1,100.5,0.123456789,True": "quantity",
    "2021-01-08T00:00:00.278Z,1,100.5,0.25,yes": "buyer_maker",
    "yesterday,1,100.5,0.25,True": "timestamp",
    "2021-13-08T00:00:00.278Z,1,100.5,0.25,True": "timestamp",
    '"2021-01-08T00:00:00.278Z,1,100.5,0.25,True': "the row",
    '2021-01-08T00:00:00.278Z,1,"100.5"x,0.25,True': "the row",
    "2021-01-08T00:00:00.278Z,1,100.5\0,0.25,True": "line",
    "\ufeff2021-01-08T00:00:00.278Z,1,100.5,0.25,True": "timestamp",
}


@pytest.mark.parametrize("row, column", BAD_TRADES.items())
def test_a_malformed_row_is_told_with_its_place(tmp_path: Path, row: str, column: str) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, [GOOD, row, GOOD])
    with pytest.raises(MalformedRowError) as caught:
        run_feed("trades", path)
    error = caught.value
    assert (error.path, error.line, error.column) == (str(path), 3, column)
    assert error.rule
    assert len(error.value) < 100


@pytest.mark.parametrize("row", BAD_TRADES)
def test_a_malformed_row_is_left_out_and_counted_if_the_config_says_so(tmp_path: Path, row: str) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, [GOOD, row, GOOD])
    run = run_feed("trades", path, on_malformed="skip")
    assert len(run.messages) == 2
    assert run.refused == {"FEED-005": 1}
    assert "1 FEED-005 MalformedRowError" in (run.feed.summary() or "")


def test_bytes_that_are_no_utf8_are_told(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv"
    path.write_bytes(f"{TRADES}\n{GOOD}\n".encode() + b"2021-01-08T00:00:00\xff\n" + f"{GOOD}\n".encode())
    with pytest.raises(MalformedRowError, match=r"line 3.*UTF-8"):
        run_feed("trades", path)
    assert run_feed("trades", path, on_malformed="skip").refused == {"FEED-005": 1}


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv"
    path.write_bytes(f"{TRADES}\n{GOOD}\n".encode() + b"9" * (3 * CSV_LINE_MAX) + f"\n{GOOD}\n".encode())
    with pytest.raises(MalformedRowError, match=r"line 3.*at most"):
        run_feed("trades", path)
    run = run_feed("trades", path, on_malformed="skip")
    assert (len(run.messages), run.refused) == (2, {"FEED-005": 1})


def test_a_huge_field_is_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, [f'2021-01-08T00:00:00.278Z,1,"{"1" * 200_000}",0.25,True'])
    with pytest.raises(MalformedRowError, match="line 2"):
        run_feed("trades", path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_marks_and_ends_of_other_systems_are_taken(tmp_path: Path, end: str, mark: str) -> None:
    path = tmp_path / "btcusdt.csv"
    path.write_bytes((mark + end.join((TRADES, GOOD, "", "  ", GOOD))).encode())
    run = run_feed("trades", path)
    assert (len(run.messages), run.refused) == (2, {})


def test_a_file_with_a_header_only_holds_nothing(tmp_path: Path) -> None:
    assert run_feed("trades", write_csv(tmp_path / "btcusdt.csv", TRADES, [])).messages == []


def test_quotes_that_cross_are_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "q.csv", QUOTES, ["2021-01-08T00:00:00Z,BTC/USDT,1,99.5,1,100"])
    with pytest.raises(MalformedRowError, match=r"ask is '99.50000000'.*not below the bid"):
        run_feed("quotes", path)


def test_the_error_names_the_next_step(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "btcusdt.csv", TRADES, ["x,1,2,3,True"])
    with pytest.raises(MalformedRowError, match='set on_malformed to "skip"'):
        run_feed("trades", path)


LINES = st.lists(
    st.one_of(
        st.just(GOOD.encode()),
        st.binary(max_size=60),
        st.text('0123456789.,-"TZ:eE\0\r', max_size=60).map(str.encode),
    ),
    max_size=12,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES)
@example([b"\x1f\x8b"])
def test_any_bytes_are_rows_or_counted_faults(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "btcusdt.csv"
    path.write_bytes(b"\n".join([TRADES.encode(), *lines]))
    feed = make_feed("trades", files=(path,), on_malformed="skip")
    good = len(list(feed.produce()))
    assert good >= lines.count(GOOD.encode())
    strict = make_feed("trades", files=(path,))
    try:
        assert len(list(strict.produce())) == good
        assert not feed.refused
    except FeedError:
        assert feed.refused
