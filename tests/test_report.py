"""The report: its verdict, its exit code, and its form for machines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mycelium.cli.final import failure_lines, final_lines
from mycelium.cli.format import bytes_text, count_text, plain_table, rate_text, time_text
from mycelium.errors.node import ActorFailedError, LedgerError
from mycelium.ledger import memory
from mycelium.ledger.memory import peak_bytes, resident_bytes
from mycelium.ledger.report import ActorCounts, ActorFailure, MessageCounts, Report, SourceProgress, Times

TRADES = MessageCounts("TradeTLV", 1, 100, 90, 1, 4, 6, 0)
QUOTES = MessageCounts("QuoteTLV", 2, 50, 50, 0, 0, 0, 0)
REPORT = Report(
    topology="demo",
    profile="recorded",
    state="finished",
    seconds=2.0,
    messages=(TRADES, QUOTES),
    actors=(ActorCounts("tape", True, 140, 1, 0),),
    sources=(SourceProgress("trades", "rows", 100, 120, "finished", {"FEED-005": 3}),),
    hand_off=Times(3, 12.34, 4500.0, 5000.0),
    resident_bytes=43_200_000,
    peak_bytes=50_000_000,
    balanced=True,
    unrouted={"PoolTickTLV": 2},
    summaries={"monitor": "BTC up\nETH down"},
)


def test_the_verdict_accounts_for_every_message() -> None:
    assert REPORT.verdict == "the ledger balances: 150 sent = 140 handled + 4 dropped + 6 dead-lettered"
    assert REPORT.rate == 70.0
    assert REPORT.ok
    assert REPORT.exit_code == 0
    REPORT.check()


def test_a_difference_is_named_by_message() -> None:
    lost = replace(REPORT, messages=(replace(TRADES, handled=88), QUOTES), balanced=False)
    assert lost.verdict == "the ledger does not balance: TradeTLV +2"
    assert lost.exit_code == 1
    with pytest.raises(LedgerError, match=r"TradeTLV \+2"):
        lost.check()


def test_a_failed_actor_is_exit_code_1_and_faulty_input_is_2() -> None:
    crash = ActorFailure("tape", "ZeroDivisionError", "division by zero")
    wrong = ActorFailure("trades", "MalformedRowError", "[FEED-005] row 3", by_input=True)
    assert replace(REPORT, failures=(crash,)).exit_code == 1
    assert replace(REPORT, failures=(wrong,)).exit_code == 2
    assert replace(REPORT, failures=(wrong, crash)).exit_code == 1
    assert replace(REPORT, failures=(wrong,), balanced=False).exit_code == 1
    assert replace(REPORT, state="aborted").exit_code == 130
    assert not replace(REPORT, failures=(wrong,)).ok
    with pytest.raises(ActorFailedError, match="tape failed: ZeroDivisionError: division by zero"):
        replace(REPORT, failures=(crash,)).check()


def test_a_report_renders_to_json() -> None:
    told = json.loads(json.dumps(REPORT.to_dict()))
    assert told["messages"][0]["message"] == "TradeTLV"
    assert told["messages"][0]["difference"] == 0
    assert told["total"]["sent"] == 150
    assert told["sources"][0]["refused"] == {"FEED-005": 3}
    assert told["verdict"] == REPORT.verdict
    assert told["ok"] is True


def test_the_final_report_shows_everything() -> None:
    failure = ActorFailure("tape", "ZeroDivisionError", "division by zero")
    text = "\n".join(final_lines(replace(REPORT, failures=(failure,))))
    assert text.splitlines()[0] == "demo (recorded): finished after 2.00 s"
    for part in (
        "  BTC up\n  ETH down",
        "   1  TradeTLV   100       90       1        4              6",
        "      total      150      140       1        4              6",
        "source    trades: 100 of 120 rows, finished; refused: 3 FEED-005",
        "rate      70 messages/s",
        "hand-off  p50 12.3 us, p99 4.5 ms (3 samples)",
        "memory    43.2 MB resident, 50.0 MB at most",
        "unrouted  2 PoolTickTLV were emitted, and nobody receives them",
        "failed    tape: ZeroDivisionError: division by zero",
        "ledger    the ledger balances: 150 sent",
    ):
        assert part in text, part


def test_actors_that_failed_of_the_same_are_told_together() -> None:
    failures = tuple(ActorFailure(name, "RowError", "[TEST-001] row 1", by_input=True) for name in ("a", "b"))
    other = ActorFailure("c", "KeyError", "'x'")
    assert failure_lines(replace(REPORT, failures=(*failures, other))) == ["a, b: [TEST-001] row 1", "c: KeyError: 'x'"]


def test_empty_columns_are_left_out_of_the_table() -> None:
    text = "\n".join(final_lines(replace(REPORT, messages=(QUOTES,))))
    assert "failed" not in text
    assert "in-flight" not in text
    assert "dropped  dead-lettered" in text


def test_numbers_are_short_and_clear() -> None:
    assert [rate_text(rate) for rate in (0, 812.4, 12_345, 1_250_000)] == ["0", "812", "12.3 k", "1.25 M"]
    assert [time_text(value) for value in (3.21, 4_500, 2_000_000)] == ["3.2 us", "4.5 ms", "2.00 s"]
    assert bytes_text(1_500_000) == "1.5 MB"
    assert [count_text(count) for count in (0, 1234)] == [".", "1,234"]
    assert plain_table(["a", "n"], [["xyz", "1"]]) == ["a    n", "xyz  1"]


def test_resident_memory_is_measured() -> None:
    assert 1_000_000 < resident_bytes() <= peak_bytes() * 1.1


def test_where_there_is_no_proc_the_peak_stands_for_the_resident_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_STATUS", Path("/nothing/here"))
    kilobytes = resident_bytes()
    assert kilobytes == peak_bytes() > 1_000_000
    monkeypatch.setattr("sys.platform", "darwin")
    assert peak_bytes() * 1024 == pytest.approx(kilobytes, rel=0.2)
