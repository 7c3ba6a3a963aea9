"""``mycelium decode``: the messages of a recording as text or JSON lines."""

from __future__ import annotations

import json
import mmap
import os
import stat
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click

from mycelium.errors.node import RecordingFileError
from mycelium.nearest import did_you_mean
from tlv import TLV, Frame, SequenceTracker, read_frames
from tlv.market_data import MARKET_DATA_MESSAGES

from .targets import messages_at

__all__ = ["decode_command"]


@click.command("decode", short_help="Print the messages of a recording.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Print the first N messages only.")
@click.option("--type", "names", multiple=True, metavar="NAME", help="Print this message only (repeatable).")
@click.option(
    "--messages",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Where messages of your own are declared: package.module, or package.module:Set (repeatable).",
)
@click.option("--totals", "only_totals", is_flag=True, help="Print no message, only how many there are of each.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def decode_command(
    file: Path,
    limit: int | None,
    names: tuple[str, ...],
    targets: tuple[str, ...],
    only_totals: bool,
    as_json: bool,
) -> None:
    """Print the messages of FILE, which a recorder wrote: frames, one after the other.

    Each frame is announced by its header; the totals come last. What can be read of a truncated or
    damaged file is printed, then the error, with exit code 2.
    """
    declared = [message for target in targets for message in messages_at(target) if message.type_id is not None]
    known = tuple(dict.fromkeys([*MARKET_DATA_MESSAGES, *declared]))
    chosen = () if only_totals else _chosen(known, names)
    data = _open(file)
    totals = Totals()
    out = sys.stdout
    show: _TextLines | _JsonLines = _JsonLines(out) if as_json else _TextLines(out)
    try:
        for frame in read_frames(data, messages=known):
            totals.add(frame)
            announced = False
            for message in frame:
                totals.counts[type(message).__name__] += 1
                if type(message) in chosen and (limit is None or totals.printed < limit):
                    if not announced:
                        show.frame(frame)
                        announced = True
                    show.message(frame, message)
                    totals.printed += 1
            totals.unknown += frame.unknown
            if limit is not None and totals.printed >= limit:
                totals.unread = len(data) - frame.offset - frame.size
                break
    finally:
        show.totals(totals)
        out.flush()


@dataclass(slots=True)
class Totals:
    """What was read so far; ``unread`` bytes were left out because of the limit."""

    frames: int = 0
    bytes: int = 0
    printed: int = 0
    unknown: int = 0
    unread: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    sequence: SequenceTracker = field(default_factory=SequenceTracker)

    def add(self, frame: Frame) -> None:
        """Count a frame, its bytes, and what its sequence number says."""
        self.frames += 1
        self.bytes += frame.size
        self.sequence.observe(frame.header)


class _TextLines:
    """A line a message, under a line a frame."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def frame(self, frame: Frame) -> None:
        header = frame.header
        self._out.write(
            f"# frame {header.sequence} of source {header.source}, {_time(header.timestamp)}, "
            f"{header.payload_size:,} bytes at {frame.offset:,}\n"
        )

    def message(self, frame: Frame, message: TLV) -> None:
        del frame
        values = json.loads(message.to_json())
        self._out.write(f"{type(message).__name__} {' '.join(f'{name}={_cell(values[name])}' for name in values)}\n")

    def totals(self, totals: Totals) -> None:
        write = self._out.write
        write(f"# {totals.frames:,} frames, {totals.bytes:,} bytes, {totals.counts.total():,} messages")
        write(f", {totals.printed:,} printed" if 0 < totals.printed < totals.counts.total() else "")
        write(f"; {totals.unread:,} bytes not read, because of --limit\n" if totals.unread else "\n")
        for name, count in totals.counts.items():
            write(f"# {count:>12,}  {name}\n")
        for text, count in (
            ("of unknown type: name their module with --messages", totals.unknown),
            ("frames missing", totals.sequence.gaps),
            ("frames repeated or late", totals.sequence.repeats),
        ):
            if count:
                write(f"# {count:>12,}  {text}\n")


class _JsonLines:
    """An object a message; the last line is an object with the totals."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def frame(self, frame: Frame) -> None:
        """Every message names its frame itself."""

    def message(self, frame: Frame, message: TLV) -> None:
        header = frame.header
        self._out.write(
            f'{{"source":{header.source},"sequence":{header.sequence},"frame_timestamp":{header.timestamp},'
            f'"type":{message.type_id},"message":"{type(message).__name__}","fields":{message.to_json()}}}\n'
        )

    def totals(self, totals: Totals) -> None:
        told = {
            "frames": totals.frames,
            "bytes": totals.bytes,
            "printed": totals.printed,
            "messages": dict(totals.counts),
            "unknown": totals.unknown,
            "unread_bytes": totals.unread,
            "missing_frames": totals.sequence.gaps,
            "repeated_frames": totals.sequence.repeats,
        }
        self._out.write(json.dumps({"totals": told}, separators=(",", ":")) + "\n")


def _chosen(known: Iterable[type[TLV]], names: Collection[str]) -> Collection[type[TLV]]:
    """The messages to print; a name may leave out the ``TLV`` at its end."""
    by_name = {message.__name__: message for message in known}
    if not names:
        return set(by_name.values())
    chosen = set()
    for name in names:
        found = by_name.get(name) or by_name.get(f"{name}TLV")
        if found is None:
            raise click.BadParameter(
                f"no message {name!r}; {did_you_mean(name, by_name, 'messages')}", param_hint="--type"
            )
        chosen.add(found)
    return chosen


def _open(file: Path) -> bytes | mmap.mmap:
    """The bytes of the file, mapped and not read: views of a large recording cost no memory."""
    try:
        with file.open("rb") as opened:
            kind = os.fstat(opened.fileno()).st_mode
            if stat.S_ISFIFO(kind):
                return opened.read()
            if not stat.S_ISREG(kind):
                raise RecordingFileError(file=str(file), reason="it is a device, not a file")
            if not opened.seek(0, 2):
                return b""
            return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except RecordingFileError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RecordingFileError(file=str(file), reason=reason) from error


def _time(nanoseconds: int) -> str:
    """UTC with nanoseconds; a time beyond year 9999 as its number."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
    except (OverflowError, ValueError, OSError):
        return f"{nanoseconds} ns"


def _cell(value: Any) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value, separators=(",", ":"))
