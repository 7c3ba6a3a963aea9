"""A roll-out, rehearsed: services under different implementations read each other's frames, and do the same work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.market_data_samples import SAMPLES
from tlv import read_frames
from tlv.implementation import available

ROOT = Path(__file__).resolve().parent.parent

# Writes or reads a file of frames: every market-data message, and one of each kind of field they have not.
PROGRAM = """
import enum, json, sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from tests.market_data_samples import SAMPLES
from tlv import TLV, FrameWriter, Group, Scaled, Size, f32, f64, i16, i32, i64, pad, padding, read_frames, u8, u16
from tlv.market_data import MARKET_DATA_MESSAGES

class Side(enum.IntEnum):
    BUY = 1

class Leg(TLV):
    ratio: f32
    firm: bool
    _gap: pad[3] = padding()

class Order(TLV, type=1000, byteorder="big"):
    side: Annotated[Side, u8]
    symbol: Annotated[str, Size(7)]
    price: Annotated[Decimal, Scaled(i64, 4)]
    limit: f64 | None
    steps: Annotated[tuple[i16, ...], Size(4)]
    first: Leg
    legs: Group[Leg] = ()
    note: str = ""
    proof: bytes = b""

class OrderNow(TLV, type=1000, version=2, byteorder="big"):
    side: Annotated[Side, u8]
    symbol: Annotated[str, Size(7)]
    price: Annotated[Decimal, Scaled(i64, 4)]
    limit: f64 | None
    steps: Annotated[tuple[i16, ...], Size(4)]
    first: Leg
    legs: Group[Leg] = ()
    note: str = ""
    proof: bytes = b""
    desk: u16 = 0
    _rest: pad[6] = padding()

ORDERS = [
    Order(1, "ABC", Decimal("1.25"), None, (1, -2, 3, -4), Leg(0.1, True)),
    Order(77, "", -3, 2.5, (0, 0, 0, 0), Leg(2, False), [Leg(3, True), Leg(4, False)], "note é", b"proof"),
    OrderNow(1, "new", 1, None, (1, 2, 3, 4), Leg(1, True), [Leg(5, True)], "from a newer sender", desk=9),
]

def write(path):
    writer = FrameWriter(source=3, clock=lambda: 1)
    for message in (*SAMPLES, *ORDERS):
        writer.append(message)
    path.write_bytes(writer.finish())

def read(path):
    messages = [one for frame in read_frames(path.read_bytes(), messages=(*MARKET_DATA_MESSAGES, Order)) for one in frame]
    for one in messages:
        one.validate()
    assert messages[:-3] == list(SAMPLES)
    assert messages[-3:-1] == ORDERS[:2]
    return [[type(one).__name__, one.to_json(), bytes(one).hex()] for one in messages]

if sys.argv[1] == "write":
    write(Path(sys.argv[2]))
else:
    print(json.dumps({path: read(Path(path)) for path in sys.argv[2:]}))
"""


def program(choice: str, *arguments: object) -> str:
    environment = os.environ | {"MYCELIUM_TLV": choice, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_frames_of_each_are_the_same_bytes_and_read_the_same_by_each(tmp_path: Path) -> None:
    files = {choice: tmp_path / f"{choice}.frames" for choice in available()}
    for choice, file in files.items():
        program(choice, "-c", PROGRAM, "write", file)
    assert len({file.read_bytes() for file in files.values()}) == 1
    told = {choice: json.loads(program(choice, "-c", PROGRAM, "read", *files.values())) for choice in available()}
    seen = {json.dumps(told[reader][str(files[writer])]) for reader, writer in product(files, files)}
    assert len(seen) == 1
    assert len(json.loads(seen.pop())) == len(SAMPLES) + 3


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], bytes]]:
    """The report of a small demo, and what its recorder wrote, under each implementation."""
    folder = tmp_path_factory.mktemp("demo")
    runs = {}
    for choice in available():
        recording = folder / f"{choice}.frames"
        settings = ("simulated_venues.messages=2_000", "simulated_pools.messages=300", f"recorder.path={recording}")
        options = [word for setting in settings for word in ("--set", setting)]
        told = program(choice, "-m", "mycelium", "run", "configs/market_data.toml", "--json", *options)
        runs[choice] = json.loads(told), recording.read_bytes()
    return runs


def test_the_demo_does_the_same_under_each(demo: dict[str, tuple[dict[str, Any], bytes]]) -> None:
    assert {choice: report["tlv"] for choice, (report, _) in demo.items()} == {name: name for name in available()}
    assert all(report["balanced"] and report["ok"] for report, _ in demo.values())
    assert all(report["total"]["handled"] > 5_000 for report, _ in demo.values())
    rows = {json.dumps(report["messages"]) for report, _ in demo.values()}
    assert len(rows) == 1
    # The recorder names its file, and what the arbitrage watcher finds depends on whose message comes first.
    said = {
        json.dumps(
            {actor: text for actor, text in report["summaries"].items() if actor not in {"recorder", "arbitrage"}}
        )
        for report, _ in demo.values()
    }
    assert len(said) == 1


def test_what_one_recorded_another_reads(demo: dict[str, tuple[dict[str, Any], bytes]]) -> None:
    """Their order is that of threads; the messages are the same, whoever wrote them and whoever reads them here."""
    recorded = [
        Counter((type(one), bytes(one)) for frame in read_frames(recording) for one in frame)
        for _, recording in demo.values()
    ]
    assert recorded[0].total() > 2_000
    assert all(one == recorded[0] for one in recorded)
