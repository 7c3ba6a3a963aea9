"""Every example is a program that runs by itself, and prints what it is there to show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SHOWN = {
    "actor_messages.py": [
        "<MessageSet Market: Trade, Bar, Question>, digest ",
        "[MSG-008] Forgetful receives, but neither handles nor ignores: Market.Bar, Market.Question;",
        "Bar(high=100, low=98, volume=7, trades=2)",
        "waiting trades, through a pykka proxy: 2",
        "raised by actor Bars while it handled Market.Question",
        "[ACT-001] Bars is not running; Market.Trade became a dead letter;",
        "Trade     10,050 sent  10,050 handled   0 dead letters",
        "board: volume 49,998",
        "the ledger balances: 10,151 sent = 10,151 handled",
    ],
    "databento_dbn.py": [
        "DBN version ",
        "records: Mbo ",
        "one run: Batch(Mbo x ",
        "last: ",
        "Mbo(header=RecordHeader(",
    ],
    "testing_an_actor.py": [
        "one actor by itself: [Bar(high=7, low=5)]",
        "a probe got Bar(high=7, low=5)",
        "[ACT-045] probe expected Bar, but nothing came within 0.05 s; before that it got Bar(high=7, low=5);",
        "an hour of the feed, in no time: 6 trades at 3600 s",
        "the same seed, the same turns: True",
        "another seed, other turns: True",
        "replayed: True",
        "the ledger saw the fault: 3 sent = 2 handled + 1 dropped",
    ],
    "uniswap_logs.py": ["V3Swap ", "last V3Swap(amount0=", "token1 per token0, in raw units: "],
    "validated_config.py": ["mode='live'", "[CFG-001] GatewayConfig: 6 problems", "#GATEWAY_SYMBOLS="],
    "zero_copy_tlv.py": [
        "Tick: type 1002, version 1, 12 bytes",
        "the view sees 300, the copy keeps 200",
        "1000 ticks dispatched, and Book(sequence=1, ",
        "sum of prices: 500500",
        "[TLV-004] Tick.price = 9223372036854775808: ",
    ],
}


# Ends when it is told to; tests/test_websocket_feed.py runs it.
SERVERS = ["replay_server.py"]


def test_every_example_is_here() -> None:
    assert sorted([*SHOWN, *SERVERS]) == sorted(file.name for file in (ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", SHOWN)
def test_the_example_shows_what_it_is_there_for(example: str, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    if example == "databento_dbn.py":
        pytest.importorskip("zstandard")
    variables = {name: value for name, value in os.environ.items() if name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / example],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**variables, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    missing = [text for text in SHOWN[example] if text not in done.stdout]
    assert not missing, done.stdout


@pytest.mark.parametrize("example", SHOWN)
def test_the_example_says_how_to_run_it(example: str) -> None:
    assert f"python examples/{example}" in (ROOT / "examples" / example).read_text()
