"""Bytes and values from anywhere: a declared error or a valid view, never anything else."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market_data_samples import SAMPLES
from tests.strategies import Sample, samples, share
from tests.zero_copy import zero_copy
from tlv import TLV, FieldBoundsError, FieldValueError, Group, JsonError, TLVError, TruncatedError, u8, u64
from tlv.market_data import OrderLevel

MESSAGES: tuple[TLV, ...] = (*SAMPLES, OrderLevel(5, 6, 7))
#: Lengths, offsets and counts that a sender should not send.
HOSTILE = (0, 1, 7, 8, 0x10, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF8, 0xFFFFFFFF)

by_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
#: 18 messages with two readings each, and 60 generated declarations with 20, make 10,200 cases together.
many = share(2.5)


def touch(value: object) -> None:
    """Read a value to the last byte."""
    if isinstance(value, TLV):
        for name in type(value).__match_args__:
            with contextlib.suppress(TLVError):
                touch(getattr(value, name))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for one in value:
            touch(one)


#: What anybody may do with a view; each may raise a declared error and nothing else.
USES: tuple[Callable[[Any], object], ...] = (
    touch,
    lambda view: view.validate(),
    lambda view: view.to_dict(),
    lambda view: type(view).from_json(view.to_json()),
    lambda view: view.replace(),
    hash,
    lambda view: pickle.loads(pickle.dumps(view)) if pickled_by_name(type(view)) else view.__reduce__(),
)


def pickled_by_name(message_type: type[TLV]) -> bool:
    return message_type.__module__ == "tlv.market_data"


def use(message_type: type[TLV], data: bytes, offset: int = 0, length: int | None = None) -> bool:
    """Read and use bytes as a message; whether they were one."""
    try:
        view = message_type.ref_from(data, offset, length)
    except TLVError:
        return False
    size = len(data) - offset if length is None else length
    assert message_type.layout.size <= len(view.as_bytes()) <= size
    assert data[offset:].startswith(bytes(view))
    assert repr(view).startswith(message_type.__name__)
    assert view == message_type.read_from(data, offset, length) == copy.copy(view)
    for one in USES:
        with contextlib.suppress(TLVError):
            one(view)
    return True


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """Anything at all, and good bytes with bytes or whole words of it replaced, cut, or followed by more."""
    places = st.integers(0, max(0, len(data) - 1))
    edits = st.lists(st.tuples(places, st.binary(min_size=1, max_size=1) | st.sampled_from(WORDS)), max_size=6)

    def damage(edits: list[tuple[int, bytes]], cut: int, more: bytes) -> bytes:
        changed = bytearray(data)
        for at, new in edits:
            start = at & ~3 if len(new) == 4 else at
            changed[start : start + len(new)] = new
        return bytes(changed[: len(changed) - cut]) + more

    nearly = st.builds(damage, edits, st.just(0) | places, st.just(b"") | st.binary(max_size=16))
    return nearly | nearly | st.binary(max_size=len(data) + 16)


WORDS = [struct.pack(order, word) for order in ("<I", ">I") for word in HOSTILE]


@by_message
def test_any_bytes_are_refused_or_a_valid_message(message: TLV) -> None:
    @many
    @given(damaged(bytes(message)), st.integers(-1, 9))
    def check(data: bytes, offset: int) -> None:
        use(type(message), data, max(0, offset))
        use(type(message), data, offset, len(data) - offset)

    check()


@share(0.6)
@given(samples(), st.data())
def test_any_bytes_are_refused_or_a_valid_message_of_any_declaration(sample: Sample, data: st.DataObject) -> None:
    assert use(sample.message_type, sample.expected)
    for _ in range(20):
        use(sample.message_type, data.draw(damaged(sample.expected)))


@by_message
def test_every_prefix_of_a_message_is_refused_or_valid(message: TLV) -> None:
    data = bytes(message)
    for cut in range(len(data)):
        assert not use(type(message), data[:cut])
        assert not use(type(message), data, 0, cut)
        use(type(message), data, len(data) - cut)  # the end of a book can be a book
    assert use(type(message), data)


@by_message
def test_a_damaged_word_anywhere_is_refused_or_valid(message: TLV) -> None:
    data = bytes(message)
    for at in range(0, len(data) - 3, 4):
        for word in (0, 8, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF):
            use(type(message), data[:at] + struct.pack("<I", word) + data[at + 4 :])


# ---- lengths, offsets and counts inside a message


class Item(TLV):
    number: u64


class Varied(TLV):
    number: u8
    items: Group[Item] = ()
    data: bytes = b""
    text: str = ""


GOOD = bytes(Varied(1, [Item(1), Item(2), Item(3)], b"data", "text"))
ITEMS, DATA, TEXT, HEAD = 1, 9, 17, 32


def with_words(at: int, *words: int) -> bytes:
    return GOOD[:at] + struct.pack(f"<{len(words)}I", *words) + GOOD[at + 4 * len(words) :]


@pytest.mark.parametrize(
    "data, field",
    [
        pytest.param(with_words(ITEMS, 32, 0xFFFFFFFF), "items", id="more items than fit"),
        pytest.param(with_words(ITEMS, 32, 65_536), "items", id="more items than the limit"),
        pytest.param(with_words(ITEMS, 32, 8), "items", id="items past the end"),
        pytest.param(with_words(ITEMS, 0xFFFFFFFF, 1), "items", id="items far away"),
        pytest.param(with_words(ITEMS, len(GOOD) - 7, 1), "items", id="the head of the group past the end"),
        pytest.param(with_words(HEAD, 0), "items", id="items of no size"),
        pytest.param(with_words(HEAD, 7), "items", id="items smaller than declared"),
        pytest.param(with_words(HEAD, 0xFFFFFFFF), "items", id="items larger than everything"),
        pytest.param(with_words(HEAD, 0x55555556), "items", id="sizes whose product has 33 bits"),
        pytest.param(with_words(DATA, 64, 0xFFFFFFFF), "data", id="more bytes than fit"),
        pytest.param(with_words(DATA, 0xFFFFFFFF, 0xFFFFFFFF), "data", id="bytes far away"),
        pytest.param(with_words(TEXT, len(GOOD), 1), "text", id="text past the end"),
        pytest.param(with_words(TEXT, 0, 0x7FFFFFFF), "text", id="more text than fits"),
    ],
)
def test_variable_data_outside_the_message_is_refused_by_field(data: bytes, field: str) -> None:
    for read in (Varied.ref_from, Varied.read_from, Varied.ref_from_validated):
        with pytest.raises(FieldBoundsError) as caught:
            read(data)
        assert (caught.value.message, caught.value.field, caught.value.available) == ("Varied", field, len(GOOD))


def test_the_refusal_says_where_the_data_would_lie() -> None:
    with pytest.raises(FieldBoundsError) as caught:
        Varied.ref_from(with_words(DATA, 64, 1000))
    assert str(caught.value) == (
        "[TLV-007] Varied.data: 1000 items or bytes at offset 64 do not fit into 80 bytes; "
        "the bytes are damaged or of another layout: compare the sender's declaration"
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(with_words(ITEMS, 0xFFFFFFFF, 0), id="nothing far away"),
        pytest.param(with_words(DATA, 0, len(GOOD)), id="bytes that are the whole message"),
        pytest.param(with_words(TEXT, 33, 3), id="text inside the group"),
        pytest.param(with_words(ITEMS, 32, 1), id="fewer items than there are"),
        pytest.param(with_words(HEAD, 12), id="items with a tail"),
    ],
)
def test_unusual_places_inside_the_message_are_read(data: bytes) -> None:
    assert use(Varied, data)


@zero_copy
def test_a_buffer_that_changes_under_a_view_is_checked_at_each_access() -> None:
    buffer = bytearray(GOOD)
    view = Varied.ref_from(buffer)
    items = view.items
    buffer[:] = with_words(ITEMS, 32, 0xFFFF)
    with pytest.raises(FieldBoundsError):
        view.items
    assert [item.number for item in items] == [1, 2, 3]
    buffer[:] = with_words(DATA, 64, 0xFFFF)
    with pytest.raises(FieldBoundsError):
        view.data
    assert view.number == 1
    assert "do not fit into 80 bytes" in repr(view)
    buffer[:] = GOOD
    assert view == Varied.ref_from(GOOD)


# ---- values


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(2**256), 2**256),
        st.floats(),
        st.complex_numbers(),
        st.decimals(),
        st.fractions(),
        st.text(),
        st.text(st.characters()),
        st.binary(),
        st.sampled_from([object(), Item(1), Item, ..., b"\0" * 20, bytearray(20), memoryview(b"ab")]),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@by_message
@share(0.1)
@given(data=st.data())
def test_any_value_is_refused_by_name_or_taken(message: TLV, data: st.DataObject) -> None:
    for name in type(message).__match_args__:
        value = data.draw(anything)
        for make in (
            lambda name=name, value=value: message.replace(**{name: value}),
            lambda name=name, value=value: type(message).from_dict({**message.to_dict(), name: value}),
            lambda name=name, value=value: type(message).emplace(
                bytearray(1000), 0, **{**{one: getattr(message, one) for one in message.__match_args__}, name: value}
            ),
        ):
            try:
                make()
            except FieldValueError as refusal:
                assert refusal.field == name or refusal.message == "OrderLevel"  # noqa: PT017
            except TypeError as refusal:
                # A dictionary inside from_dict is a call of the nested class.
                assert "OrderLevel.__init__" in str(refusal)  # noqa: PT017


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["0x", "0xab", "nan", "1e9"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@by_message
@share(0.1)
@given(data=st.data())
def test_any_json_is_refused_or_taken(message: TLV, data: st.DataObject) -> None:
    told = json.loads(message.to_json())
    name = data.draw(st.sampled_from(sorted(told)))
    for text in (json.dumps({**told, name: data.draw(json_values)}), json.dumps(data.draw(json_values))):
        with contextlib.suppress(JsonError):
            assert isinstance(type(message).from_json(text), TLV)


def test_reading_at_offsets_that_are_no_place_is_refused() -> None:
    for offset in (-1, -(2**64), 2**31, 2**64, 2**200):
        for read in (Varied.ref_from, Varied.read_from, Item.ref_from):
            with pytest.raises(TruncatedError):
                read(GOOD, offset)
