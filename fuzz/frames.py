"""Frames: a header over hostile TLVs, or hostile altogether; walked, dispatched, batched, as columns."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from . import schema
from .choices import HOSTILE, Choices
from .outcomes import Outcome, plain, told

__all__ = ["Frames"]

HEADER = struct.Struct("<IBBHQQII")
MAGIC = 0x4C43594D


class Frames:
    """The target."""

    def __init__(self, t: Any) -> None:
        self.t = t
        self.classes = [cls for cls in schema.declare(t) if cls.layout.byteorder == "little"]
        self.handlers = dict.fromkeys(self.classes[::2], bytes)

    def __call__(self, choices: Choices) -> Outcome:
        seal, several, offset = choices.number(4), choices.flag(), 0
        if choices.number(8) == 1:
            offset = choices.integer()
        changes = [(choices.number(32), choices.number(256)) for _ in range(choices.number(3))]
        payload = b"".join(self._tlv(choices) for _ in range(choices.number(8))) if seal else choices.rest()
        data = _sealed(payload, checksum=seal == 1, changes=changes) if seal else payload
        if several:
            data += data
        source = choices.one((bytes, bytearray, memoryview))(data)
        kinds = tuple(self.classes)
        if several:
            return told(lambda: [self._walks(frame) for frame in self.t.read_frames(source, offset, messages=kinds)])
        return told(lambda: self._walks(self.t.read_frame(source, offset, messages=kinds)))

    def _tlv(self, choices: Choices) -> bytes:
        """A TLV of a known type mostly; its length can be another than that of its payload."""
        type_id = choices.one(self.classes).type_id if choices.number(8) else choices.number(256)
        payload = choices.take(choices.number(256))
        length = choices.one(HOSTILE[:15]) if choices.number(8) == 1 else len(payload)
        return struct.pack("<HBBI", type_id, choices.number(4), 0, length) + payload + bytes(-len(payload) % 8)

    def _walks(self, frame: Any) -> Outcome:
        dispatched: list[Outcome] = []

        def raising(message: Any) -> None:
            dispatched.append(brief(message))
            raise KeyError(type(message).__name__)

        return Outcome(
            (
                plain(tuple(frame.header)),
                told(lambda: [plain(one) for one in frame]),
                (frame.unknown, frame.newer, frame.size, frame.offset),
                told(lambda: list(frame.batches()) and [self._batch(one) for one in frame.batches()]),
                told(frame.dispatch, dict.fromkeys(self.classes, lambda one: dispatched.append(brief(one)))),
                told(frame.dispatch, dict.fromkeys(self.classes, raising), allowed=(KeyError,)),
                told(frame.dispatch, _Choosy(self.handlers)),
                Outcome(dispatched),
            )
        )

    def _batch(self, batch: Any) -> Outcome:
        names: tuple[str, ...] = batch.message_type.__match_args__
        read = told(lambda: [brief(one) for one in batch])
        return Outcome(
            (repr(batch), read, told(batch.columns), told(batch.column, names[0]), told(lambda: brief(batch[-1])))
        )


def brief(message: Any) -> Outcome:
    return Outcome((type(message).__name__, bytes(message)))


class _Choosy(dict[Any, Any]):
    """A mapping of handlers that is no plain dict."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key, default)


def _sealed(payload: bytes, *, checksum: bool, changes: list[tuple[int, int]]) -> bytes:
    """The payload under a header that fits it, then a few bytes of that changed."""
    values = [MAGIC, 1, int(checksum), 3, 5, 7, len(payload), 0]
    if checksum:
        values[-1] = zlib.crc32(payload, zlib.crc32(HEADER.pack(*values)))
    header = bytearray(HEADER.pack(*values))
    for at, value in changes:
        header[at] = value
    return bytes(header) + payload
