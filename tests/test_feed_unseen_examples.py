"""The examples of foreign layouts, with files that are not as they should be: one line says why, no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples import databento_dbn, uniswap_logs

SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
METADATA = databento_dbn.Prefix.layout.size + databento_dbn.Prefix.ref_from(databento_dbn.EMBEDDED).metadata_size


def told(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "file.dbn"
    path.write_bytes(data)
    with pytest.raises(SystemExit) as raised:
        databento_dbn.main([str(path)])
    return str(raised.value)


def changed(offset: int, value: bytes) -> bytes:
    data = bytearray(databento_dbn.EMBEDDED)
    data[offset : offset + len(value)] = value
    return bytes(data)


def test_every_prefix_of_a_dbn_file_is_told_or_read(tmp_path: Path) -> None:
    whole = databento_dbn.EMBEDDED
    ends = {METADATA, METADATA + 56, len(whole)}
    for size in range(len(whole)):
        if size not in ends:
            assert "DBN file" in (text := told(tmp_path, whole[:size])) or "ends at" in text


def test_damaged_text_and_sizes_in_a_dbn_file_are_told(tmp_path: Path) -> None:
    assert "is damaged: [TLV-008]" in told(tmp_path, changed(8, b"\xe9"))
    assert "the metadata says that it has 2147483648 bytes" in told(tmp_path, changed(4, b"\0\0\0\x80"))
    assert "the record at byte" in told(tmp_path, changed(METADATA, b"\1"))


def test_logs_inside_answers_and_of_lookalikes_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = {"topics": [SYNC], "data": "0x" + "00" * 63 + "07"}
    fake = {"topics": [SYNC.upper().replace("0X", "0x")], "data": "0x" + "00" * 65}
    lines = [
        {"jsonrpc": "2.0", "id": 1, "result": [log, fake]},
        {"log": log},
        {"result": []},
        {"topics": [], "data": "0x"},
    ]
    path = tmp_path / "logs.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    uniswap_logs.main([str(path)])
    assert "logs.jsonl: V2Sync 2, look-alike 1, other 1" in capsys.readouterr().out
