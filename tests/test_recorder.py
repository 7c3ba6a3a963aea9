from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from actors.services.errors import RecordingError
from actors.services.frame_file import FrameFile
from tlv import TLV, read_frames
from tlv.market_data import DepthKind, DepthUpdateTLV, OrderLevel, PriceUpdateTLV, TradeTLV

MESSAGES: list[TLV] = [
    TradeTLV(5, -7, 9, 1),
    DepthUpdateTLV(1, 2, 9, 1, DepthKind.SNAPSHOT, [OrderLevel(4, 1)], [OrderLevel(6, 2, 3), OrderLevel(7, 1)]),
    PriceUpdateTLV(5, 5, 9, 1),
] * 40


def recorded(path: Path) -> list[TLV]:
    return [message for frame in read_frames(path.read_bytes()) for message in frame]


def record(path: Path, messages: list[TLV], *, append: bool = False, frame_bytes: int = 512) -> FrameFile:
    file = FrameFile(path, append=append, frame_bytes=frame_bytes)
    for message in messages:
        file.append(message)
    file.close()
    return file


def test_recorded_frames_decode_to_the_same_messages(tmp_path: Path) -> None:
    file = record(tmp_path / "new" / "directory" / "all.frames", MESSAGES)
    assert recorded(file.path) == MESSAGES
    assert file.message_count == len(MESSAGES)
    assert file.size == file.path.stat().st_size


def test_frames_are_written_as_they_fill_and_numbered(tmp_path: Path) -> None:
    path = tmp_path / "all.frames"
    file = FrameFile(path, frame_bytes=512)
    for message in MESSAGES:
        file.append(message)
    assert 0 < path.stat().st_size == file.size
    file.close()
    sequences = [frame.header.sequence for frame in read_frames(path.read_bytes())]
    assert sequences == list(range(len(sequences)))
    assert len(sequences) > 5


def test_a_recording_of_nothing_is_an_empty_file(tmp_path: Path) -> None:
    assert record(tmp_path / "all.frames", []).path.read_bytes() == b""


def test_a_recording_begins_anew_or_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "all.frames"
    record(path, MESSAGES[:3])
    record(path, MESSAGES[:2])
    assert recorded(path) == MESSAGES[:2]
    record(path, MESSAGES[:1], append=True)
    assert recorded(path) == MESSAGES[:2] + MESSAGES[:1]


def test_a_path_that_cannot_be_written_is_a_declared_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(RecordingError, match=r"SVC-001.*RECORDER_PATH") as caught:
        FrameFile(tmp_path / "file" / "all.frames")
    assert isinstance(caught.value, OSError)
    assert caught.value.__cause__ is not None


def test_a_full_disk_is_a_declared_error_and_closes_the_file() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    file = FrameFile(full)
    file.append(MESSAGES[0])
    with pytest.raises(RecordingError) as caught:
        file.close()
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    with pytest.raises(ValueError, match="closed"):
        file._file.write(b"")


class NearlyFull:
    """A file that takes the first 100 bytes of a frame, and no more."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, data: memoryview) -> int:
        if len(data) < 500:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken: int = self.file.write(data[:100])
        return taken


def test_a_frame_that_a_full_disk_took_a_part_of_is_taken_back_and_the_next_recording_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "all.frames"
    record(path, MESSAGES[:3])
    file: Any = FrameFile(path, append=True, frame_bytes=512)
    file._file = NearlyFull(file._file)
    with pytest.raises(RecordingError, match="No space left"):
        for message in MESSAGES:
            file.append(message)
    file.abandon()
    assert recorded(path) == MESSAGES[:3]
    record(path, MESSAGES[3:6], append=True)
    assert recorded(path) == MESSAGES[:6]
