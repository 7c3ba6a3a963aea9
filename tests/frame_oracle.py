"""The wire format of frames once more, from the design page, with nothing but ``struct`` and ``zlib``.

What the library writes and reads is compared with this; it shares no line with it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

MAGIC = b"MYCL"


class Tlv(NamedTuple):
    """One TLV as it lies in a frame."""

    type_id: int
    payload: bytes
    version: int = 1
    flags: int = 0


class Header(NamedTuple):
    """What a header says, without what follows from it."""

    source: int
    sequence: int
    timestamp: int
    flags: int


def tlv_bytes(tlv: Tlv) -> bytes:
    head = struct.pack("<HBBI", tlv.type_id, tlv.version, tlv.flags, len(tlv.payload))
    return head + tlv.payload + bytes(-len(tlv.payload) % 8)


def frame_bytes(
    tlvs: Iterable[Tlv] = (), *, source: int = 0, sequence: int = 0, timestamp: int = 0, checksum: bool = True
) -> bytes:
    """A frame with these TLVs."""
    return sealed(b"".join(map(tlv_bytes, tlvs)), source, sequence, timestamp, checksum=checksum)


def sealed(payload: bytes, source: int = 0, sequence: int = 0, timestamp: int = 0, *, checksum: bool = True) -> bytes:
    """A frame around any payload, with a checksum that fits."""
    head = MAGIC + struct.pack("<BBHQQI", 1, 1 if checksum else 0, source, sequence, timestamp, len(payload))
    crc = zlib.crc32(head + b"\0\0\0\0" + payload) if checksum else 0
    return head + struct.pack("<I", crc) + payload


def read_bytes(frame: bytes) -> tuple[Header, list[Tlv]]:
    """Header and TLVs of one frame that ends where the bytes end; asserts all that a writer must hold to."""
    assert frame[:4] == MAGIC
    version, flags, source, sequence, timestamp, payload_size, crc = struct.unpack_from("<BBHQQII", frame, 4)
    assert version == 1
    assert payload_size == len(frame) - 32
    assert crc == (zlib.crc32(frame[:28] + b"\0\0\0\0" + frame[32:]) if flags & 1 else 0)
    tlvs, at = [], 32
    while at < len(frame):
        assert at % 8 == 0
        type_id, schema, tlv_flags, length = struct.unpack_from("<HBBI", frame, at)
        end = at + 8 + length
        tlvs.append(Tlv(type_id, frame[at + 8 : end], schema, tlv_flags))
        at = end + -length % 8
        assert frame[end:at] == bytes(at - end), "the filling is not zero"
    assert at == len(frame)
    return Header(source, sequence, timestamp, flags), tlvs
