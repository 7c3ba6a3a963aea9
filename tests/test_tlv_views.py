"""Views: they copy nothing, keep their buffer, and are made of good bytes only."""

from __future__ import annotations

import array
import ctypes
import gc
import mmap
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import shared_memory
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

from tests.zero_copy import zero_copy
from tlv import TLV, BufferTypeError, Group, Size, TruncatedError, i64, i256, u8, u32


class Item(TLV):
    value: i64


class Fixed(TLV, type=1000):
    number: u32
    wide: i256
    text: Annotated[str, Size(4)]
    data: Annotated[bytes, Size(4)]
    pair: Annotated[tuple[u8, ...], Size(2)]
    maybe: u8 | None
    inner: Item


class Varied(TLV, type=1001):
    number: u32
    items: Group[Item] = ()
    note: str = ""
    blob: bytes = b""


FIXED = Fixed(1, -2, "abcd", b"efgh", (3, 4), 5, Item(6))
OTHER = Fixed(11, -12, "ABCD", b"EFGH", (13, 14), None, Item(16))
VARIED = Varied(1, [Item(2), Item(3)], "note", b"blob")
VARIED_OTHER = Varied(11, [Item(12), Item(13)], "NOTE", b"BLOB")
PAIRS = [pytest.param(FIXED, OTHER, id="fixed"), pytest.param(VARIED, VARIED_OTHER, id="variable")]

# ---- buffers of every kind, each with the bytes in it and a way to change them


Source = tuple[Any, Callable[[bytes], None]]


@contextmanager
def in_bytearray(data: bytes, folder: Path) -> Iterator[Source]:
    buffer = bytearray(data)
    yield buffer, lambda new: buffer.__setitem__(slice(None), new)


@contextmanager
def in_a_slice(data: bytes, folder: Path) -> Iterator[Source]:
    buffer = bytearray(b"\xee" * 5 + data + b"\xee" * 5)
    yield memoryview(buffer)[5:-5], lambda new: buffer.__setitem__(slice(5, -5), new)


@contextmanager
def in_read_only_memory(data: bytes, folder: Path) -> Iterator[Source]:
    buffer = bytearray(data)
    yield memoryview(buffer).toreadonly(), lambda new: buffer.__setitem__(slice(None), new)


@contextmanager
def in_signed_bytes(data: bytes, folder: Path) -> Iterator[Source]:
    buffer = bytearray(data)
    yield memoryview(buffer).cast("b"), lambda new: buffer.__setitem__(slice(None), new)


@contextmanager
def in_an_array(data: bytes, folder: Path) -> Iterator[Source]:
    numbers = array.array("I", data + bytes(-len(data) % 4))
    yield numbers, lambda new: memoryview(numbers).cast("B").__setitem__(slice(len(new)), new)


@contextmanager
def in_ctypes(data: bytes, folder: Path) -> Iterator[Source]:
    buffer = ctypes.create_string_buffer(data, len(data))
    yield buffer, lambda new: setattr(buffer, "raw", new)


@contextmanager
def in_numpy(data: bytes, folder: Path) -> Iterator[Source]:
    numbers = np.frombuffer(data, "u1").copy()
    yield numbers, lambda new: numbers.__setitem__(slice(None), np.frombuffer(new, "u1"))


@contextmanager
def in_a_mapped_file(data: bytes, folder: Path) -> Iterator[Source]:
    path = folder / "mapped"
    path.write_bytes(data)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        yield mapped, lambda new: mapped.__setitem__(slice(None), new)


@contextmanager
def in_shared_memory(data: bytes, folder: Path) -> Iterator[Source]:
    memory = shared_memory.SharedMemory(create=True, size=len(data))
    whole = memory.buf
    assert whole is not None
    try:
        whole[: len(data)] = data
        part = whole[: len(data)]
        yield part, lambda new: whole.__setitem__(slice(len(data)), new)
        part.release()
    finally:
        memory.close()
        memory.unlink()


SOURCES = [
    in_bytearray,
    in_a_slice,
    in_read_only_memory,
    in_signed_bytes,
    in_an_array,
    in_ctypes,
    in_numpy,
    in_a_mapped_file,
    in_shared_memory,
]


@zero_copy
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("message, other", PAIRS)
def test_a_view_copies_no_byte(message: TLV, other: TLV, source: Any, tmp_path: Path) -> None:
    """Proved by changing the buffer under the view: every field, nested and in a group, follows."""
    with source(bytes(message), tmp_path) as (buffer, change):
        view = type(message).ref_from(buffer)
        inner = [getattr(view, "inner", None), *getattr(view, "items", ())]
        assert view == message
        change(bytes(other))
        assert view == other
        assert view.to_dict() == other.to_dict()
        assert inner == [getattr(other, "inner", None), *getattr(other, "items", ())]
        assert view.as_bytes() == other.as_bytes()
        # A view lets go of the buffer when it goes: a mapping or a shared memory cannot be closed before.
        del view, inner


@zero_copy
@pytest.mark.parametrize("message, other", PAIRS)
def test_as_bytes_of_a_view_is_the_memory_itself(message: TLV, other: TLV) -> None:
    buffer = bytearray(bytes(message))
    seen = type(message).ref_from(buffer).as_bytes()
    buffer[:] = bytes(other)
    assert seen == bytes(other)


@pytest.mark.parametrize("message, other", PAIRS)
@pytest.mark.parametrize("copied", [lambda cls, buf: cls.read_from(buf), lambda cls, buf: cls.ref_from(buf).to_owned()])
def test_owned_copies_do_not_follow_the_buffer(message: TLV, other: TLV, copied: Any) -> None:
    buffer = bytearray(bytes(message))
    owned = copied(type(message), buffer)
    buffer[:] = bytes(other)
    assert owned == message
    buffer.clear()
    assert bytes(owned) == bytes(message)


def test_to_owned_gives_back_what_is_owned_already() -> None:
    assert FIXED.to_owned() is FIXED
    assert VARIED.to_owned() is VARIED
    owned = Fixed.read_from(bytearray(bytes(FIXED)))
    assert owned.to_owned() is owned


def test_an_owned_copy_does_not_keep_a_large_buffer() -> None:
    buffer = bytes(FIXED) + bytes(1000)
    for owned in (Fixed.read_from(buffer), Fixed.ref_from(buffer).to_owned()):
        assert buffer not in gc.get_referents(owned)


# ---- how long a buffer lives


class Buffer(bytearray):
    """A bytearray that can be watched."""


@zero_copy
@pytest.mark.parametrize("message, other", PAIRS)
def test_a_view_keeps_its_buffer_and_nothing_keeps_it_longer(message: TLV, other: TLV) -> None:
    buffer = Buffer(bytes(message))
    watched = weakref.ref(buffer)
    view = type(message).ref_from(buffer)
    del buffer
    gc.collect()
    assert watched() is not None
    assert view == message
    del view
    gc.collect()
    assert watched() is None


def test_a_part_of_a_view_keeps_the_buffer_too() -> None:
    parts = [Fixed.ref_from(Buffer(bytes(FIXED))).inner, Varied.ref_from(Buffer(bytes(VARIED))).items[0]]
    gc.collect()
    assert [part.value for part in parts] == [6, 2]


@zero_copy
def test_a_view_of_bytes_holds_one_reference() -> None:
    buffer = bytes(FIXED) + b"tail"
    before = sys.getrefcount(buffer)
    view = Fixed.ref_from(buffer)
    assert sys.getrefcount(buffer) == before + 1
    del view
    assert sys.getrefcount(buffer) == before


@zero_copy
@pytest.mark.parametrize("message, other", PAIRS)
def test_a_bytearray_cannot_be_resized_under_a_view(message: TLV, other: TLV) -> None:
    buffer = bytearray(bytes(message) + bytes(8))
    view = type(message).ref_from(buffer)
    for resize in (buffer.clear, lambda: buffer.extend(b"more"), lambda: buffer.__delitem__(slice(4)), buffer.pop):
        with pytest.raises(BufferError):
            resize()
    assert view == message
    del view
    buffer.clear()


def test_a_memoryview_may_be_released_while_a_view_of_it_lives() -> None:
    buffer = bytearray(bytes(FIXED))
    shown = memoryview(buffer)
    view = Fixed.ref_from(shown)
    shown.release()
    assert view == FIXED


# ---- where a message lies


@pytest.mark.parametrize("message, other", PAIRS)
def test_a_view_starts_at_the_offset(message: TLV, other: TLV) -> None:
    size = len(message.as_bytes())
    buffer = b"abc" + bytes(message) + bytes(other) + b"xyz"
    assert type(message).ref_from(buffer, 3) == message
    assert type(message).ref_from(buffer, 3 + size) == other
    assert type(message).ref_from(buffer, offset=3, length=size) == message
    assert type(message).read_from(buffer, 3, size) == message
    assert type(message).ref_from_validated(buffer, 3, size) == message


@pytest.mark.parametrize("read", ["ref_from", "read_from", "ref_from_validated"])
@pytest.mark.parametrize("message, other", PAIRS)
def test_a_longer_payload_is_read_by_its_prefix(message: TLV, other: TLV, read: str) -> None:
    longer = bytes(message) + b"appended by a newer sender"
    view = getattr(type(message), read)(longer)
    assert view == message
    assert bytes(view) == bytes(message)
    assert bytes(view.to_owned()) == bytes(message)


@pytest.mark.parametrize("read", ["ref_from", "read_from", "ref_from_validated"])
def test_fewer_bytes_than_the_layout_are_refused(read: str) -> None:
    data = bytes(FIXED)
    size = len(data)
    for cut in range(size):
        with pytest.raises(TruncatedError) as caught:
            getattr(Fixed, read)(data[:cut])
        assert caught.value.values == {"message": "Fixed", "needed": size, "offset": 0, "available": cut}
    with pytest.raises(TruncatedError) as last:
        getattr(Fixed, read)(data[:-1])
    assert str(last.value) == (
        "[TLV-002] Fixed needs 55 bytes at offset 0, there are 54; pass the whole payload, or the right offset"
    )


@pytest.mark.parametrize(
    "offset, available",
    [(1, 54), (54, 1), (55, 0), (56, 0), (2**63, 0), (2**100, 0), (-1, 55), (-55, 55), (-(2**100), 55)],
)
@pytest.mark.parametrize("source", [bytes, bytearray])
def test_an_offset_outside_the_buffer_is_refused(offset: int, available: int, source: Any) -> None:
    for read in (Fixed.ref_from, Fixed.read_from, Fixed.ref_from_validated):
        with pytest.raises(TruncatedError) as caught:
            read(source(bytes(FIXED)), offset)
        assert (caught.value.offset, caught.value.available) == (offset, available)


@pytest.mark.parametrize("message, other", PAIRS)
def test_the_length_must_lie_in_the_buffer_and_suffice(message: TLV, other: TLV) -> None:
    data = bytes(message)
    cls = type(message)
    for length in (0, -1, -(2**70), cls.layout.size - 1, len(data) + 1, 2**70):
        with pytest.raises(TruncatedError):
            cls.ref_from(data, 0, length)
    with pytest.raises(TruncatedError):
        cls.ref_from(data, 1, len(data))
    assert cls.ref_from(data, 0, len(data)) == message
    assert cls.ref_from(data + b"more", 0, len(data)) == message


def test_an_empty_buffer_is_refused_as_too_short() -> None:
    for empty in (b"", bytearray(), memoryview(b""), array.array("I"), memoryview(b"abc")[1:1]):
        with pytest.raises(TruncatedError, match="there are 0"):
            Fixed.ref_from(empty)


@pytest.mark.parametrize(
    "wrong", ["text", None, 5, 1.5, [1, 2], object(), (b"abc",)], ids=lambda wrong: type(wrong).__name__
)
def test_what_is_no_buffer_is_refused(wrong: Any) -> None:
    for cls in (Fixed, Varied):
        for read in (cls.ref_from, cls.read_from, cls.ref_from_validated):
            with pytest.raises(BufferTypeError) as caught:
                read(wrong)
            assert (caught.value.message, caught.value.kind) == (cls.__name__, type(wrong).__name__)
            assert isinstance(caught.value, TypeError)


def test_a_released_memoryview_is_refused() -> None:
    released = memoryview(bytes(FIXED))
    released.release()
    with pytest.raises(BufferTypeError, match="released"):
        Fixed.ref_from(released)


def test_memory_with_gaps_is_refused() -> None:
    with pytest.raises(BufferTypeError, match="contiguous"):
        Fixed.ref_from(memoryview(bytes(FIXED) * 2)[::2])
    with pytest.raises(BufferTypeError):
        Fixed.ref_from(np.zeros((9, 9), "u1")[:, ::2])  # type: ignore[arg-type]
    with pytest.raises(BufferTypeError):
        Fixed.ref_from(memoryview(bytes(FIXED))[::-1])


def test_memory_of_several_dimensions_is_read_as_it_lies() -> None:
    square = np.frombuffer(bytes(FIXED) + b"\0", "u1").reshape(7, 8)
    assert Fixed.ref_from(square) == FIXED  # type: ignore[arg-type]


def test_a_fixed_view_reads_each_field_from_its_own_place() -> None:
    """One flipped byte changes the one field that it belongs to."""
    for field in Fixed.layout:
        for at in range(field.offset, field.offset + field.size):
            buffer = bytearray(bytes(FIXED))
            buffer[at] ^= 0x01
            view = Fixed.ref_from(buffer)
            changed = [name for name in Fixed.__match_args__ if getattr(view, name) != getattr(FIXED, name)]
            assert changed == [field.name]
