"""A file of frames: the same bytes that links send, one frame after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from actors.services.errors import RecordingError
from tlv import TLV, FrameWriter

__all__ = ["FrameFile"]


class FrameFile:
    """Collects messages and writes a frame whenever ``frame_bytes`` have come together.

    Raises `RecordingError` where the file system refuses: at creation, in `append` and in `close`.
    What was written before stays readable.
    """

    def __init__(self, path: Path, *, append: bool = False, frame_bytes: int = 65_536) -> None:
        self.path = path
        self.message_count = 0
        self.size = 0  # bytes written
        self._frame_bytes = frame_bytes
        self._writer = FrameWriter()
        with self._declared():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab" if append else "wb", buffering=0)

    def append(self, message: TLV) -> None:
        """Add a message to the frame, and the frame to the file once it is big enough."""
        self._writer.append(message)
        self.message_count += 1
        if self._writer.size >= self._frame_bytes:
            self._write()

    def close(self) -> None:
        """Write what is left and close the file; also closes where that fails."""
        try:
            if self._writer.message_count:
                self._write()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file without the frame that was not written yet."""
        self._file.close()

    def _write(self) -> None:
        frame = memoryview(self._writer.finish())
        self.size += len(frame)
        written = 0
        with self._declared():
            try:
                while written < len(frame):  # a nearly full disk may take a part
                    written += self._file.write(frame[written:])
            except OSError:
                self._take_back(written)
                raise

    def _take_back(self, written: int) -> None:
        """Leave no part of a frame in the file: what is appended later could not be read behind it."""
        with suppress(OSError):  # it is no file that could be cut
            if written:
                self._file.truncate(os.fstat(self._file.fileno()).st_size - written)

    @contextmanager
    def _declared(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RecordingError(path=str(self.path), reason=error.strerror or str(error)) from error
