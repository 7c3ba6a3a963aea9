"""`make faults`: what it can do, and that the page of guarantees tells what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benches.faults.__main__ import FAULTS, PAGE, main
from benches.faults.cluster import FaultyError, Found, check_ledger, wait_for

GUARANTEES = Path(__file__).resolve().parent.parent / "docs" / "guarantees.md"


def test_the_page_of_guarantees_has_every_fault() -> None:
    rows = [line for line in PAGE.written(GUARANTEES).splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(FAULTS)


def test_an_unknown_fault_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["kill-nobody"])
    assert "there is no fault 'kill-nobody': kill-feeds" in capsys.readouterr().err


def test_what_is_wrong_is_told_and_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def wrong() -> Found:
        raise FaultyError("it hangs")

    def unprivileged() -> Found:
        raise PermissionError("it needs to mount a small disk")

    def sound() -> Found:
        return Found(1.25, 1000, {"TradeTLV": 3, "QuoteTLV": 4}, "from its end")

    for name, fault in (("cut", wrong), ("full-disk", unprivileged), ("flap", sound)):
        monkeypatch.setitem(FAULTS, name, fault)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{PAGE.begin}\n{PAGE.end}\nafter\n")
    assert main(["cut", "flap", "--into", str(page)]) == 1
    assert "7 of" not in page.read_text()
    assert main(["full-disk", "flap", "--into", str(page)]) == 0
    told = capsys.readouterr()
    assert "cut: it hangs" in told.out
    assert "left out: it needs to mount" in told.err
    assert "| 1.2 s, from its end | 7 of 1,000, of 2 types |" in page.read_text()


def test_a_ledger_that_does_not_balance_and_a_wait_that_is_in_vain_are_faults() -> None:
    with pytest.raises(FaultyError, match=r"TradeTLV \+1"):
        check_ledger({"messages": [{"message": "TradeTLV", "difference": 1}], "balanced": True, "state": "finished"})
    with pytest.raises(FaultyError, match="never came about: nothing"):
        wait_for("nothing", lambda: 0, 0.01)
