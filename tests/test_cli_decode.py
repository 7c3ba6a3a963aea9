"""`mycelium decode`: recordings as lines, and what is said about damaged ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mycelium.cli import cli
from tlv import TLV, FrameWriter, u8
from tlv.market_data import QuoteTLV, TradeTLV

TRADE = TradeTLV(price=3943248000000, quantity=-5, timestamp=1_610_064_000_278_000_000, venue_id=1)
QUOTE = QuoteTLV(bid_price=1, bid_size=2, ask_price=3, ask_size=4, timestamp=5, venue_id=1)


class Ping(TLV, type=1000):
    n: u8


def recording(tmp_path: Path, *frames: tuple[TLV, ...], first: int = 0) -> Path:
    writer = FrameWriter(source=7, sequence=first, clock=lambda: 1_700_000_000_123_456_789)
    file = tmp_path / "out.tlv"
    with file.open("wb") as out:
        for frame in frames:
            for message in frame:
                writer.append(message)
            out.write(writer.finish())
    return file


def decode(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["decode", *map(str, arguments)])


def test_messages_are_printed_under_their_frame(tmp_path: Path) -> None:
    result = decode(recording(tmp_path, (TRADE, QUOTE), (TRADE,)))
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "# frame 0 of source 7, 2023-11-14T22:13:20.123456789Z, 96 bytes at 0",
        "TradeTLV price=3943248000000 quantity=-5 timestamp=1610064000278000000 venue_id=1",
        "QuoteTLV bid_price=1 bid_size=2 ask_price=3 ask_size=4 timestamp=5 venue_id=1",
        "# frame 1 of source 7, 2023-11-14T22:13:20.123456789Z, 40 bytes at 128",
        "TradeTLV price=3943248000000 quantity=-5 timestamp=1610064000278000000 venue_id=1",
        "# 2 frames, 200 bytes, 3 messages",
        "#            2  TradeTLV",
        "#            1  QuoteTLV",
    ]


def test_json_lines_can_be_read_back(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in decode(recording(tmp_path, (TRADE, QUOTE)), "--json").output.splitlines()]
    assert TradeTLV.from_json(json.dumps(lines[0]["fields"])) == TRADE
    assert (lines[1]["message"], lines[1]["type"], lines[1]["source"], lines[1]["sequence"]) == ("QuoteTLV", 2, 7, 0)
    assert lines[2]["totals"]["messages"] == {"TradeTLV": 1, "QuoteTLV": 1}


def test_the_limit_stops_reading_and_says_so(tmp_path: Path) -> None:
    result = decode(recording(tmp_path, (TRADE, QUOTE), (TRADE,)), "--limit", "1")
    assert "# 1 frames, 128 bytes, 2 messages, 1 printed; 72 bytes not read, because of --limit" in result.output
    assert "QuoteTLV bid" not in result.output


def test_types_can_be_chosen_with_and_without_their_ending(tmp_path: Path) -> None:
    file = recording(tmp_path, (TRADE, QUOTE))
    for name in ("Quote", "QuoteTLV"):
        lines = decode(file, "--type", name).output.splitlines()
        assert [line.split()[0] for line in lines if not line.startswith("#")] == ["QuoteTLV"]
        assert "# 1 frames, 128 bytes, 2 messages, 1 printed" in lines
    result = decode(file, "--type", "Quot")
    assert result.exit_code == 2
    assert "no message 'Quot'; did you mean 'QuoteTLV'?" in result.output


def test_unknown_types_are_counted_and_can_be_declared(tmp_path: Path) -> None:
    file = recording(tmp_path, (TRADE, Ping(n=3)))
    assert "1  of unknown type: name their module with --messages" in decode(file).output
    result = decode(file, "--messages", f"{__name__}:Ping")
    assert "Ping n=3" in result.output
    assert "unknown" not in result.output


def test_missing_and_repeated_frames_are_told(tmp_path: Path) -> None:
    file = tmp_path / "out.tlv"
    parts = [recording(tmp_path, (TRADE,), first=first).read_bytes() for first in (0, 4, 4)]
    file.write_bytes(b"".join(parts))
    output = decode(file).output
    assert "3  frames missing" in output
    assert "1  frames repeated or late" in output


def test_an_empty_recording_has_no_frames(tmp_path: Path) -> None:
    file = tmp_path / "empty.tlv"
    file.touch()
    assert decode(file).output == "# 0 frames, 0 bytes, 0 messages\n"


@pytest.mark.parametrize("cut", [1, 40, 71])
def test_of_a_truncated_file_the_readable_part_is_printed_then_the_error(tmp_path: Path, cut: int) -> None:
    file = recording(tmp_path, (TRADE, QUOTE), (TRADE,))
    file.write_bytes(file.read_bytes()[:-cut])
    result = decode(file)
    assert result.exit_code == 2
    assert "# 1 frames, 128 bytes, 2 messages" in result.output
    assert result.output.splitlines()[-1].startswith("mycelium: [TLV-022]")
    assert "Traceback" not in result.output


def test_a_damaged_frame_is_an_error_that_names_the_checksum(tmp_path: Path) -> None:
    file = recording(tmp_path, (TRADE,), (TRADE,))
    data = bytearray(file.read_bytes())
    data[-10] ^= 1
    file.write_bytes(data)
    result = decode(file, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout.splitlines()[-1])["totals"]["frames"] == 1
    assert result.stderr.startswith("mycelium: [TLV-023]")


@pytest.mark.parametrize("content", [b"not a recording at all, just text that is long enough", b"MYCL"])
def test_a_file_that_is_no_recording_is_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(content)
    result = decode(file)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_a_missing_file_and_a_directory_are_declared_errors(tmp_path: Path) -> None:
    missing = decode(tmp_path / "nothing.tlv")
    assert missing.exit_code == 2
    assert "[NOD-007]" in missing.output
    assert "No such file or directory" in missing.output
    assert "Is a directory" in decode(tmp_path).output


def test_totals_can_be_printed_alone(tmp_path: Path) -> None:
    file = recording(tmp_path, (TRADE, QUOTE), (TRADE,))
    assert decode(file, "--totals").output.splitlines() == [
        "# 2 frames, 200 bytes, 3 messages",
        "#            2  TradeTLV",
        "#            1  QuoteTLV",
    ]
