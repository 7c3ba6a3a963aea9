"""Writing frames: into a buffer of its own, or straight into a caller's (a loaned sample, a file map)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .buffers import as_buffer
from .codegen import short
from .errors import BufferSpaceError, FieldValueError, FrameFullError, UntypedMessageError
from .frame import DEFAULT_LIMITS, FLAG_CHECKSUM, HEADER, MAGIC, TLV_HEADER, VERSION, Limits, checksum
from .implementation import compiled
from .message import TLV
from .variable import aligned

__all__ = ["FrameWriter"]

_START_SIZE = 4096


@compiled
class FrameWriter:
    """Appends messages to a frame.

    ::

        writer = FrameWriter(source=7)
        writer.append(trade)                            # copies its bytes
        writer.emplace(QuoteTLV, bid_price=1, ...)      # packs them in place, makes no object
        frame = writer.finish()                         # and the next frame begins

    Args:
        source: Who writes, 0 to 65535.
        sequence: Of the first frame; each following one has one more.
        checksum: Whether frames carry a CRC-32.
        buffer: Where to write. Each frame begins at its start, so use one before you finish the
            next. By default a buffer of its own that grows, of which `finish` returns copies.
        limits: The largest frame that is allowed.
        clock: Nanoseconds since the epoch, for the timestamp.

    Raises `FieldValueError` for a source or sequence out of range, `BufferTypeError`, and
    `BufferSpaceError` for a buffer that is read-only or smaller than a header.
    """

    def __init__(
        self,
        *,
        source: int = 0,
        sequence: int = 0,
        checksum: bool = True,
        buffer: Any = None,
        limits: Limits = DEFAULT_LIMITS,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        _check("source", source, 16)
        _check("sequence", sequence, 64)
        self.sequence = sequence
        self._source = source
        self._flags = FLAG_CHECKSUM if checksum else 0
        self._own = buffer is None
        self._buf = memoryview(bytearray(_START_SIZE)) if self._own else as_buffer(buffer, "FrameWriter")
        self._limit = limits.frame_size if self._own else min(limits.frame_size, len(self._buf))
        self._clock = clock
        self._at = HEADER.size
        self._count = 0
        available = 0 if self._buf.readonly else len(self._buf)
        if available < HEADER.size:
            raise BufferSpaceError(message="Frame", needed=HEADER.size, offset=0, available=available)

    @property
    def size(self) -> int:
        """Bytes of the frame so far, header included."""
        return self._at

    @property
    def message_count(self) -> int:
        """Messages in the frame so far."""
        return self._count

    def fits(self, message: TLV) -> bool:
        """Whether the message would still fit into this frame."""
        return self._at + TLV_HEADER.size + aligned(len(message._payload())) <= self._limit

    def append(self, message: TLV) -> None:
        """Copy the bytes of a message behind the last one.

        Raises `FrameFullError` (the frame stays as it was) and `UntypedMessageError`.
        """
        payload = message._payload()
        length = len(payload)
        start = self._begin(type(message), length)
        self._buf[start : start + length] = payload
        self._at = start + aligned(length)
        self._count += 1

    _append_any = append  # the compiled ones leave to these what they cannot do: errors, growth, other messages

    def emplace(self, message_type: type[TLV], /, *args: Any, **fields: Any) -> None:
        """Pack the fields of a message straight into the frame; arguments of its constructor.

        Raises as `append`, and `FieldValueError`; the frame stays as it was then.
        """
        if message_type.layout.variable:
            self.append(message_type(*args, **fields))
            return
        length = message_type.layout.size
        start = self._begin(message_type, length)
        message_type.emplace(self._buf, start, *args, **fields)
        self._at = start + aligned(length)
        self._count += 1

    _emplace_any = emplace

    def finish(self) -> Any:
        """Close the frame and begin the next one; returns the bytes of the closed one.

        That is ``bytes`` from a buffer of its own, else a read-only memoryview of the caller's.
        Raises `FieldValueError` when the clock or the sequence has left 64 bits.
        """
        size = self._at
        header = (MAGIC, VERSION, self._flags, self._source, self.sequence, self._clock(), size - HEADER.size)
        _check("sequence", header[4], 64)
        _check("timestamp", header[5], 64)
        HEADER.pack_into(self._buf, 0, *header, 0)
        if self._flags & FLAG_CHECKSUM:
            HEADER.pack_into(self._buf, 0, *header, checksum(self._buf, 0, size))
        self.sequence += 1
        self._at = HEADER.size
        self._count = 0
        view = self._buf[:size]
        return bytes(view) if self._own else view.toreadonly()

    def _begin(self, message_type: type[TLV], length: int) -> int:
        """Make room for a TLV and write its header and the zeros at its end; returns where its payload starts.

        The frame holds it only when the payload is written and the caller moves ``_at`` behind it.
        """
        type_id = message_type.type_id
        if type_id is None:
            raise UntypedMessageError(message=message_type.__name__)
        at, limit, buf = self._at, self._limit, self._buf
        start = at + 8
        end = start + aligned(length)
        if end > limit:
            raise FrameFullError(message=message_type.__name__, needed=end - at, available=limit - at)
        if end > len(buf):
            grown = memoryview(bytearray(min(limit, max(end, 2 * len(buf)))))
            grown[:at] = buf[:at]
            self._buf = buf = grown
        TLV_HEADER.pack_into(buf, at, type_id, message_type.layout.version, 0, length)
        if length % 8:
            buf[start + length : end] = bytes(end - start - length)
        return start


def _check(name: str, value: Any, bits: int) -> None:
    if not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise FieldValueError(
            message="FrameHeader", field=name, kind=f"u{bits}", value=short(value), rule=f"outside 0..{(1 << bits) - 1}"
        )
