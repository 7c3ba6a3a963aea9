"""Frames: a 32-byte header and one or more TLVs, the unit that links, journals and batches move.

Wire format, all little-endian, everything at a multiple of 8::

    header   magic u32, version u8, flags u8, source u16, sequence u64, timestamp u64 (ns),
             payload_size u32, checksum u32 (CRC-32 of the header with this field 0, then the payload)
    TLV      type u16, schema version u8, flags u8, length u32, payload, zeros to a multiple of 8
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from .batch import Batch
from .buffers import as_buffer
from .errors import (
    ChecksumError,
    DeclarationError,
    FieldValueError,
    FrameContentError,
    FrameHeaderError,
    FrameLimitError,
    FrameTruncatedError,
    FrameVersionError,
    TruncatedError,
    UntypedMessageError,
)
from .implementation import compiled
from .market_data import MARKET_DATA_MESSAGES
from .message import TLV
from .variable import aligned

if TYPE_CHECKING:
    from typing_extensions import Buffer  # from Python 3.12 on: collections.abc.Buffer

__all__ = ["Frame", "FrameHeader", "Limits", "read_frame", "read_frames"]

#: "MYCL" in the first four bytes.
MAGIC = 0x4C43594D
VERSION = 1
#: Flag of the header: the checksum is present.
FLAG_CHECKSUM = 1

HEADER = struct.Struct("<IBBHQQII")
TLV_HEADER = struct.Struct("<HBBI")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader or writer accepts. ``frame_size`` counts header and payload, in bytes.

    Raises `FieldValueError` for a limit below a header or beyond what a header can say.
    """

    frame_size: int = 16 * 1024 * 1024

    def __post_init__(self) -> None:
        least, most = HEADER.size, HEADER.size + 0xFFFF_FFF8
        if not least <= self.frame_size <= most:
            raise FieldValueError(
                message="Limits",
                field="frame_size",
                kind="a frame",
                value=str(self.frame_size),
                rule=f"outside {least}..{most}",
            )


class FrameHeader(NamedTuple):
    """The header of a frame; ``timestamp`` is in ns since the epoch."""

    magic: int
    version: int
    flags: int
    source: int
    sequence: int
    timestamp: int
    payload_size: int
    checksum: int


DEFAULT_LIMITS = Limits()


class Known(NamedTuple):
    """What reading a TLV of a known type takes; ``view`` only where its bytes need no further check."""

    message_type: type[TLV]
    version: int
    size: int
    view: Callable[[Any, int], Any] | None


@compiled
class Frame:
    """A frame that was read: its header, and its messages as views over the same bytes.

    Iterating, dispatching or batching walks the TLVs. Those of a type that is not among
    ``messages`` are passed over and counted in ``unknown``; those of a newer schema version are
    read as their known prefix and counted in ``newer``. The counts are of the last walk.
    """

    __slots__ = ("_buf", "_end", "_start", "_table", "header", "newer", "offset", "size", "unknown")

    def __init__(self, buf: Any, offset: int, header: FrameHeader, table: Mapping[int, Known]) -> None:
        self.header = header
        self.offset = offset
        self.size = HEADER.size + header.payload_size
        self.unknown = 0
        self.newer = 0
        self._buf = buf
        self._start = offset + HEADER.size
        self._end = offset + self.size
        self._table = table

    def __iter__(self) -> Iterator[TLV]:
        """Views of the messages in order. Raises `FrameContentError` at a malformed TLV."""
        buf = self._buf
        for (message_type, _, size, view), at, length in self._walk():
            yield self._ref(message_type, at, length) if view is None or length < size else view(buf, at)

    def dispatch(self, handlers: Mapping[type[TLV], Callable[[Any], object]]) -> int:
        """Call the handler of each message's class with a view of it; returns how many were called.

        Messages without a handler are passed over. What a handler raises comes through.
        """
        called = 0
        buf = self._buf
        for (message_type, _, size, view), at, length in self._walk():
            handler = handlers.get(message_type)
            if handler is not None:
                handler(self._ref(message_type, at, length) if view is None or length < size else view(buf, at))
                called += 1
        return called

    def batches(self) -> Iterator[Batch[Any]]:
        """Runs of TLVs of one type and length, in order. Raises as iterating does."""
        for message_type, start, count, length in self._runs():
            yield Batch(message_type, self._buf, start, count, TLV_HEADER.size + aligned(length), length)

    def _runs(self) -> Iterator[tuple[type[TLV], int, int, int]]:
        """Class, offset of the first payload, number and length of the TLVs of each run."""
        run: tuple[type[TLV], int] | None = None
        start = count = following = 0
        for (message_type, _, size, view), at, length in self._walk():
            if view is None or length < size:
                self._ref(message_type, at, length)
            # An unknown TLV between two of one type ends the run too: the second lies further on than a step.
            if run != (message_type, length) or at != following:
                if run is not None:
                    yield run[0], start, count, run[1]
                run, start, count = (message_type, length), at, 0
            count += 1
            following = at + aligned(length) + TLV_HEADER.size
        if run is not None:
            yield run[0], start, count, run[1]

    def _ref(self, message_type: type[TLV], at: int, length: int) -> TLV:
        try:
            return message_type.ref_from(self._buf, at, length)
        except TruncatedError as cause:
            raise FrameContentError(
                offset=at - 8, type_id=message_type.type_id or 0, length=length, reason=f"too short for {cause.message}"
            ) from cause

    def _walk(self) -> Iterator[tuple[Known, int, int]]:
        """How to read it, offset of the payload and its length for each TLV of a known type."""
        self.unknown = self.newer = 0
        buf, at, end, table = self._buf, self._start, self._end, self._table
        unpack = TLV_HEADER.unpack_from
        while at < end:
            type_id, version, _, length = unpack(buf, at)  # never cut: the payload size is a multiple of 8
            payload = at + 8
            at = payload + ((length + 7) & ~7)
            if at > end:
                raise FrameContentError(
                    offset=payload - 8, type_id=type_id, length=length, reason="it ends after the frame"
                )
            known = table.get(type_id)
            if known is None:
                self.unknown += 1
                continue
            if version > known.version:
                self.newer += 1
            yield known, payload, length


def read_frame(
    buf: Buffer,
    offset: int = 0,
    *,
    messages: Iterable[type[TLV]] = MARKET_DATA_MESSAGES,
    limits: Limits = DEFAULT_LIMITS,
) -> Frame:
    """The frame at ``offset`` of a buffer, checked and not copied.

    Raises `BufferTypeError`, `FrameHeaderError`, `FrameVersionError`, `FrameLimitError`,
    `FrameTruncatedError` and `ChecksumError`.

    Example: ``for message in read_frame(data): print(message)``.
    """
    return _read(_flat(buf), offset, known_types(tuple(messages)), limits)


def read_frames(
    buf: Buffer,
    offset: int = 0,
    *,
    messages: Iterable[type[TLV]] = MARKET_DATA_MESSAGES,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Frame]:
    """The frames that follow each other in a buffer. Raises as `read_frame`, after the good ones."""
    flat, table = _flat(buf), known_types(tuple(messages))
    while offset != len(flat):
        frame = _read(flat, offset, table, limits)
        yield frame
        offset += frame.size


@lru_cache(maxsize=64)
def known_types(messages: tuple[type[TLV], ...]) -> Mapping[int, Known]:
    """How to read each class, by wire type. Raises `UntypedMessageError` for a class without one."""
    table: dict[int, Known] = {}
    for message in messages:
        layout = message.layout
        if layout.type_id is None:
            raise UntypedMessageError(message=layout.name)
        other = table.get(layout.type_id)
        if other is not None and other.message_type is not message:
            raise DeclarationError(
                where="messages",
                reason=f"{other.message_type.__name__} and {layout.name} both have type {layout.type_id}",
                remedy="read with one of them",
            )
        view = None if layout.variable else message._view
        table[layout.type_id] = Known(message, layout.version, layout.size, view)
    return table


def _flat(buf: Any) -> Any:
    return buf if type(buf) is bytes else as_buffer(buf, "Frame")


def _read(buf: Any, offset: int, table: Mapping[int, Known], limits: Limits) -> Frame:
    available = len(buf) - offset
    if offset < 0:
        raise FrameHeaderError(offset=offset, reason="the offset is negative")
    if available < HEADER.size:
        raise FrameTruncatedError(offset=offset, needed=HEADER.size, available=max(0, available))
    header = FrameHeader._make(HEADER.unpack_from(buf, offset))
    if header.magic != MAGIC:
        raise FrameHeaderError(offset=offset, reason=f"magic is {header.magic:#010x}, not {MAGIC:#010x}")
    if header.version != VERSION:
        raise FrameVersionError(offset=offset, version=header.version, known=VERSION)
    size = HEADER.size + header.payload_size
    if size > limits.frame_size:
        raise FrameLimitError(size=size, limit=limits.frame_size)
    if header.payload_size % 8:
        raise FrameHeaderError(offset=offset, reason=f"payload size {header.payload_size} is no multiple of 8")
    if available < size:
        raise FrameTruncatedError(offset=offset, needed=size, available=available)
    if header.flags & FLAG_CHECKSUM:
        computed = checksum(buf, offset, size)
        if computed != header.checksum:
            raise ChecksumError(offset=offset, stored=header.checksum, computed=computed)
    return Frame(buf, offset, header, table)


def checksum(buf: Any, offset: int, size: int) -> int:
    """CRC-32 of a whole frame with the checksum field taken as zero."""
    view = memoryview(buf)
    crc = zlib.crc32(view[offset : offset + HEADER.size - 4])
    return zlib.crc32(view[offset + HEADER.size : offset + size], zlib.crc32(b"\0\0\0\0", crc))
