"""Variable-length data after the fixed block: groups, bytes, text.

In the fixed block each variable field keeps ``offset u32`` (from the start of the message) and
``count u32`` (items or bytes), both 0 when empty, so that fields are read in any order and a
newer sender can append fixed fields without moving what older readers look for. The data of a
group starts with ``item_size u32, reserved u32``: items of a newer sender may be longer too.
All data starts at a multiple of 8 and is followed by zeros to the next one.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from copy import copy
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .errors import FieldBoundsError
from .implementation import compiled
from .kinds import ByteOrder, Kind, listed, unhexed

if TYPE_CHECKING:
    from .message import TLV

__all__ = ["GROUP_COUNT_MAX", "GroupView", "VariableKind"]

#: The most items that a group may hold.
GROUP_COUNT_MAX = 65_535
#: The most bytes that a message may have: a frame must hold it.
VARIABLE_SIZE_MAX = 16 * 1024 * 1024

T = TypeVar("T")
Buffer = bytes | memoryview


def aligned(size: int) -> int:
    """The next multiple of 8."""
    return (size + 7) & ~7


@compiled
class GroupView(Sequence[T]):
    """The items of a group, read in place: each access makes a view of one item."""

    __slots__ = ("_buf", "_count", "_item", "_start", "_step")

    def __init__(self, item: type[TLV], buf: Buffer, start: int, count: int, step: int) -> None:
        self._item = item
        self._buf = buf
        self._start = start
        self._count = count
        self._step = step

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self._count)))
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            msg = f"item {index} of a group of {self._count}"
            raise IndexError(msg)
        return self._item._view(self._buf, self._start + at * self._step)

    def __iter__(self) -> Iterator[T]:
        view, buf = self._item._view, self._buf
        for at in range(self._start, self._start + self._count * self._step, self._step):
            yield view(buf, at)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(list(self))

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy or a pickle is a tuple of owned items.
        return tuple, ([copy(item) for item in self],)

    @property
    def strided(self) -> tuple[Buffer, int, int, int]:
        """Buffer, start, count and step in bytes, for column readers."""
        return self._buf, self._start, self._count, self._step


class VariableKind(Kind):
    """A field whose data stands after the fixed block."""

    size = 8
    format = "II"

    def __init__(self, byteorder: ByteOrder) -> None:
        order = "<" if byteorder == "little" else ">"
        self.pair = struct.Struct(f"{order}II")

    @abstractmethod
    def encode_data(self, value: Any) -> tuple[int, bytes]:
        """Count and bytes, filled to a multiple of 8."""

    def locate(self, buf: Buffer, at: int, where: tuple[str, str]) -> tuple[int, int, int]:
        """Start, count and end of the data of the field that stands at ``at``, checked."""
        offset, count = self.pair.unpack_from(buf, at)
        if count == 0:
            return 0, 0, 0
        if offset + count > len(buf) or count > VARIABLE_SIZE_MAX:
            raise FieldBoundsError(message=where[0], field=where[1], offset=offset, count=count, available=len(buf))
        return offset, count, offset + count

    def read(self, buf: Buffer, at: int, where: tuple[str, str]) -> Any:
        """The value of the field that stands at ``at``."""
        start, _, end = self.locate(buf, at, where)
        return self.decode(bytes(buf[start:end]))


class VariableBytesKind(VariableKind):
    """Bytes of any number."""

    name = "bytes"

    def encode_data(self, value: Any) -> tuple[int, bytes]:
        if not isinstance(value, bytes | bytearray | memoryview):
            msg = "not bytes"
            raise TypeError(msg)
        data = bytes(value)
        if len(data) > VARIABLE_SIZE_MAX:
            msg = f"{len(data)} bytes, more than {VARIABLE_SIZE_MAX}"
            raise ValueError(msg)
        return len(data), data + bytes(-len(data) % 8)

    def to_json(self, value: bytes) -> str:
        return f"0x{value.hex()}"

    def from_json(self, value: Any) -> bytes:
        return unhexed(value)


class VariableTextKind(VariableKind):
    """UTF-8 of any length."""

    name = "text"

    def encode_data(self, value: Any) -> tuple[int, bytes]:
        if not isinstance(value, str):
            msg = "not text"
            raise TypeError(msg)
        data = value.encode()
        if len(data) > VARIABLE_SIZE_MAX:
            msg = f"{len(data)} bytes, more than {VARIABLE_SIZE_MAX}"
            raise ValueError(msg)
        return len(data), data + bytes(-len(data) % 8)

    def decode(self, stored: bytes) -> str:
        return stored.decode()


class GroupKind(VariableKind):
    """Fixed-size items of a number that each message chooses."""

    def __init__(self, message: type[TLV], byteorder: ByteOrder) -> None:
        super().__init__(byteorder)
        self.message = message
        self.item_size = message.layout.size
        self.name = f"group[{message.__name__}]"
        self.head = self.pair.pack(self.item_size, 0)
        self.fill = bytes(-self.item_size % 8)

    def encode_data(self, value: Any) -> tuple[int, bytes]:
        message = self.message
        parts: list[bytes | memoryview] = [self.head]
        for item in islice(value, GROUP_COUNT_MAX + 1):
            if type(item) is not message:
                msg = f"{type(item).__name__} is no {message.__name__}"
                raise TypeError(msg)
            parts.append(item._payload())
        count = len(parts) - 1
        if count > GROUP_COUNT_MAX:
            msg = f"more than {GROUP_COUNT_MAX} items"
            raise ValueError(msg)
        if count == 0:
            return 0, b""
        if self.fill:
            parts.append(bytes(-count * self.item_size % 8))
        return count, b"".join(parts)

    def locate(self, buf: Buffer, at: int, where: tuple[str, str]) -> tuple[int, int, int]:
        offset, count = self.pair.unpack_from(buf, at)
        if count == 0:
            return 0, 0, 0
        size = len(buf)
        if offset + 8 <= size and count <= GROUP_COUNT_MAX:
            step, _ = self.pair.unpack_from(buf, offset)
            end = offset + 8 + count * step
            if step >= self.item_size and end <= size:
                return offset, count, end
        raise FieldBoundsError(message=where[0], field=where[1], offset=offset, count=count, available=size)

    def read(self, buf: Buffer, at: int, where: tuple[str, str]) -> GroupView[Any]:
        offset, count, end = self.locate(buf, at, where)
        step = (end - offset - 8) // count if count else self.item_size
        return GroupView(self.message, buf, offset + 8, count, step)

    def to_json(self, value: Any) -> list[Any]:
        return [item._to_json_dict() for item in value]

    def from_json(self, value: Any) -> list[Any]:
        return [self.message._from_json_dict(item) for item in listed(value)]
