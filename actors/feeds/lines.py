"""Lines of a file, one at a time: bounded in memory, plain or gzipped, with every bad byte told."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from actors.errors import InputUnreadableError

from .formats import GZIP_MAGIC
from .reading import Reading

__all__ = ["CSV_LINE_MAX", "JSON_LINE_MAX", "open_input", "read_lines"]

CSV_LINE_MAX = 1 << 20
JSON_LINE_MAX = 1 << 26


@contextmanager
def open_input(path: Path) -> Iterator[tuple[BinaryIO, Callable[[], int]]]:
    """The bytes of a file, unpacked if it is gzipped, and a call that tells the position in the file itself."""
    with path.open("rb") as raw:
        packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        if packed:
            with gzip.open(raw) as unpacked:
                yield cast(BinaryIO, unpacked), raw.tell
        else:
            yield raw, raw.tell


def read_lines(reading: Reading, *, size_max: int = CSV_LINE_MAX) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank, without its end.

    A line that is too long, is not UTF-8 or holds a NUL is refused; a byte order mark is dropped.
    """
    number = 0
    try:
        with open_input(reading.file.path) as (stream, position):
            while line := stream.readline(size_max):
                number += 1
                if number & 63 == 1:
                    reading.on_position(position())
                if len(line) == size_max and line[-1] != 0x0A:
                    _skip_rest(stream, size_max)
                    rule = f"a line has at most {size_max} bytes"
                    reading.refuse(reading.malformed(number, "line", repr(line[:40]), rule))
                    continue
                text = _text(reading, number, line)
                if text is not None:
                    yield number, text
            reading.on_position(position())
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, InputUnreadableError):
            raise
        reading.refuse(InputUnreadableError(path=reading.path, reason=f"after line {number}: {error}"))


def _text(reading: Reading, number: int, line: bytes) -> str | None:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        rule = f"UTF-8 text, which byte {error.start + 1} is not"
        reading.refuse(reading.malformed(number, "line", repr(line[:40]), rule))
        return None
    if "\0" in text:
        reading.refuse(reading.malformed(number, "line", text, "text without NUL bytes"))
        return None
    text = text.rstrip("\r\n")
    return text if text and not text.isspace() else None


def _skip_rest(stream: BinaryIO, size_max: int) -> None:
    while (rest := stream.readline(size_max)) and rest[-1] != 0x0A:
        pass
