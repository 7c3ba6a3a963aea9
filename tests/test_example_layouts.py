"""The examples that read bytes of others: they run with and without the real files, and read them right."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from examples import databento_dbn as dbn
from examples import uniswap_logs as uniswap
from tests.zero_copy import zero_copy

ROOT = Path(__file__).resolve().parent.parent
UNDEFINED = 2**63 - 1

DBN_FILES = {
    "esh4-glbx-mdp3-20231224.mbo.dbn.zst": 8725,
    "esm4-glbx-mdp3-20240508T000000-000002.mbo.dbn.zst": 13796,
    "esu4-glbx-mdp3-20240701T2358-20240702T0002.mbp-1.dbn.zst": 2288,
    "dbn_repo_samples_v3/test_data.mbo.v3.dbn.zst": 2,
    "dbn_repo_samples_v3/test_data.mbp-1.v3.dbn.zst": 2,
    "dbn_repo_samples_v3/test_data.tbbo.v3.dbn.zst": 2,
    "dbn_repo_samples_v3/test_data.trades.v3.dbn.zst": 2,
}
COMMON = ("size", "flags", "ts_recv", "ts_in_delta", "sequence")


def assert_same(ours: Any, theirs: Any) -> None:
    """Field for field, as databento-dbn decodes it."""
    header = ours.header
    assert header.length * 4 == theirs.record_size()
    assert (header.rtype, header.instrument_id, header.ts_event) == (
        int(theirs.rtype),
        theirs.instrument_id,
        theirs.ts_event,
    )
    assert header.publisher_id == int(theirs.publisher_id)
    assert (UNDEFINED if ours.price is None else ours.price) == theirs.price
    for name in COMMON:
        assert getattr(ours, name) == int(getattr(theirs, name)), name
    assert (ours.action, ours.side) == (str(theirs.action.value), str(theirs.side.value))
    if isinstance(ours, dbn.Mbo):
        assert (ours.order_id, ours.channel_id) == (theirs.order_id, theirs.channel_id)
    else:
        assert ours.depth == theirs.depth
    if isinstance(ours, dbn.Mbp1):
        (level,) = theirs.levels
        prices = [UNDEFINED if price is None else price for price in (ours.level.bid_px, ours.level.ask_px)]
        assert prices == [level.bid_px, level.ask_px]
        for name in ("bid_sz", "ask_sz", "bid_ct", "ask_ct"):
            assert getattr(ours.level, name) == getattr(level, name)


@pytest.mark.parametrize("name, count", DBN_FILES.items())
def test_every_dbn_record_equals_what_databento_decodes(shared_data: Path, name: str, count: int) -> None:
    databento = pytest.importorskip("databento_dbn")
    data = dbn.load(shared_data / "dbn" / name)
    decoder = databento.DBNDecoder()
    decoder.write(data)
    metadata, *theirs = decoder.decode()
    prefix, head = dbn.metadata(data)
    assert prefix.version in {1, 3}
    assert (head.dataset, head.start) == (metadata.dataset, metadata.start)
    ours = list(dbn.records(data))
    assert len(ours) == len(theirs) == count
    for our, their in zip(ours, theirs, strict=True):
        assert not isinstance(our, dbn.RecordHeader)
        assert_same(our, their)


@pytest.mark.parametrize("name, count", DBN_FILES.items())
def test_a_dbn_file_of_one_kind_is_one_batch(shared_data: Path, name: str, count: int) -> None:
    data = dbn.load(shared_data / "dbn" / name)
    batch = dbn.one_kind(data)
    assert batch is not None
    assert list(batch) == list(dbn.records(data))
    assert len(batch) == count
    assert batch.column("size").tolist() == [record.size for record in batch]
    first = len(data) - count * batch[0].header.length * 4
    for at, byte in ((first, b"\0"), (first + 1, b"\xff")):
        assert dbn.one_kind(data[:at] + byte + data[at + 1 :]) is None
    assert dbn.one_kind(data[:first]) is None


def test_a_dbn_file_of_several_kinds_is_not_one_batch() -> None:
    """The second record says that it is a trade."""
    data = bytearray(dbn.EMBEDDED)
    assert dbn.one_kind(bytes(data)) is not None
    data[-55] = dbn.Trade.RTYPE
    assert dbn.one_kind(bytes(data)) is None
    assert dbn.one_kind(bytes(data[:-1])) is None


def test_an_undefined_price_is_none(shared_data: Path) -> None:
    data = dbn.load(shared_data / "dbn" / "esm4-glbx-mdp3-20240508T000000-000002.mbo.dbn.zst")
    cleared = [record for record in dbn.records(data) if isinstance(record, dbn.Mbo) and record.action == "R"]
    assert [record.price for record in cleared] == [None]


@zero_copy
def test_dbn_records_are_read_in_place() -> None:
    buffer = bytearray(dbn.EMBEDDED)
    record = next(dbn.records(buffer))  # type: ignore[arg-type]
    assert isinstance(record, dbn.Mbo)
    before = record.sequence
    buffer[42 + 52 : 42 + 56] = (before + 1).to_bytes(4, "little")
    assert record.sequence == before + 1


def test_the_dbn_example_shows_something_without_files(capsys: pytest.CaptureFixture[str]) -> None:
    dbn.describe_file("embedded", dbn.EMBEDDED)
    assert "records: Mbo 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "not a DBN file"),
        (b"DBN\x03\x00\x00\x00\x00", "not a DBN file"),
        (b"DBN\x09" + bytes(60), "version 9"),
        (dbn.EMBEDDED[:-1], "the file ends at"),
        (dbn.EMBEDDED[:42] + bytes(60), "0 bytes"),
        (dbn.ZSTD_MAGIC + b"nonsense", "is damaged"),
    ],
)
def test_the_dbn_example_says_what_is_wrong_with_a_file(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.dbn"
    path.write_bytes(content)
    if content[:4] == dbn.ZSTD_MAGIC:
        pytest.importorskip("zstandard")
    with pytest.raises(SystemExit, match=said):
        dbn.main([str(path)])
    with pytest.raises(SystemExit, match="cannot be read"):
        dbn.main([str(tmp_path / "nowhere")])


def test_zstd_files_name_the_package_that_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.dbn.zst"
    path.write_bytes(dbn.ZSTD_MAGIC)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(SystemExit, match="install the package zstandard"):
        dbn.load(path)


def test_event_words_equal_the_decoded_table(shared_data: Path) -> None:
    base = shared_data / "dex" / "uniswap_v3_ethereum_0x88e6a0c2_usdc_weth_5bp_2024-01-05_00h-12h"
    with Path(f"{base}.raw.csv").open() as raw, Path(f"{base}.decoded.csv").open() as decoded:
        for (topic, data), row in zip(uniswap.logs_of_csv(raw), csv.DictReader(decoded), strict=True):
            words: Any = uniswap.EVENTS[topic].ref_from(data)
            assert (words.amount0, words.amount1) == (int(row["amount0"]), int(row["amount1"]))
            if row["tx_type"] == "SWAP":
                assert words.sqrt_price_x96 == int(row["sqrtPriceX96"])
                assert words.tick == int(float(row["current_tick"]))
                assert words.liquidity == int(row["total_liquidity"])


def test_the_event_example_describes_each_shape_of_file(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uniswap.main([])
    said = capsys.readouterr().out
    assert "V2Swap 313, V2Sync 288, V3Swap 33" in said
    assert "V3Flash 1" in said
    assert "V3Swap 2,842" in said


def test_the_event_example_shows_something_without_files(capsys: pytest.CaptureFixture[str]) -> None:
    uniswap.describe_logs("embedded", uniswap.logs_of_csv(iter(uniswap.EMBEDDED.splitlines())))
    assert "embedded: V3Swap 2, V2Sync 1" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["{", json.dumps({"topics": [next(iter(uniswap.EVENTS))], "data": "0x123"}), "[1]"])
def test_the_event_example_says_what_is_wrong_with_a_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "logs.jsonl"
    path.write_text(content)
    with pytest.raises(SystemExit, match="cannot be read"):
        uniswap.main([str(path)])


@pytest.mark.parametrize("program", ["uniswap_logs.py", "databento_dbn.py"])
def test_the_program_runs_by_itself(program: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / program], capture_output=True, text=True, check=False, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
