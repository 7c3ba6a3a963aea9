"""Which copy a key belongs to: the same everywhere, about as many keys each, and few that move."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from enum import Enum, IntEnum
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mycelium.routing.shards import hash_of, is_key, jump, shard_of
from mycelium.routing.spreading import KEYS_MAX, KeyShards
from tlv import TLV, Size, f64, i64, u8

KEYS = st.none() | st.integers(-(1 << 127), 1 << 128) | st.text() | st.binary() | st.booleans()


class Side(IntEnum):
    BUY = 1


class Colour(Enum):
    RED = 1


class Keyed(TLV, type=1010):
    number: i64
    maybe: i64 | None
    side: Annotated[Side, u8]
    code: Annotated[str, Size(8)]
    mark: Annotated[bytes, Size(4)]
    ratio: f64
    name: str
    data: bytes


#: The hash, and the number among 2, 3, 10 and 1000 copies. Written down once: a change would send the keys of running
#: services elsewhere.
GOLDEN = {
    0: (0x2CB49347FB6D4135, 1, 2, 7, 945),
    1: (0x3AD7F4AD7126BEAA, 0, 0, 0, 736),
    -1: (0x33C7C5B931C7E1F1, 1, 2, 3, 853),
    2**63: (0x1413C698F506CB76, 1, 1, 1, 452),
    2**127: (0x62B202037902366C, 0, 2, 5, 244),
    "": (0xF214D911FC4A3AB2, 0, 0, 8, 716),
    "BTCUSDT": (0xF94F13737FAF4130, 0, 0, 7, 653),
    "наука": (0xFD1BB930E654C9A7, 0, 0, 4, 757),
    b"": (0xFE978F758284723C, 0, 0, 0, 670),
    b"\x00\x01": (0xB33998C9276076A8, 1, 1, 4, 16),
    None: (0x6ED20AFACBB27673, 1, 1, 3, 128),
}


@pytest.mark.parametrize("key", GOLDEN)
def test_a_key_belongs_to_the_same_copy_for_ever(key: object) -> None:
    assert (hash_of(key), *(shard_of(key, count) for count in (2, 3, 10, 1000))) == GOLDEN[key]


def test_another_process_finds_the_same() -> None:
    keys = [0, "BTCUSDT", b"\x01", None, -5]
    program = f"from mycelium.routing.shards import shard_of; print([shard_of(key, 100) for key in {keys!r}])"
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert told.stdout.strip() == str([shard_of(key, 100) for key in keys])


def test_jump_is_that_of_the_paper() -> None:
    # As other implementations of it have them in their tests.
    known = {(1, 1): 0, (42, 57): 43, (0xDEAD10CC, 1): 0, (0xDEAD10CC, 666): 361, (256, 1024): 520}
    assert {pair: jump(*pair) for pair in known} == known


@settings(max_examples=50, deadline=None)
@given(KEYS, st.integers(1, 1000))
def test_every_key_has_one_copy_and_moves_only_to_a_new_one(key: object, count: int) -> None:
    before, after = shard_of(key, count), shard_of(key, count + 1)
    assert 0 <= before < count
    assert after in {before, count}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1 << 40), st.integers(2, 16))
def test_copies_have_about_as_many_keys_each_and_one_more_takes_its_part(first: int, count: int) -> None:
    keys = range(first, first + 1_000)
    found = [shard_of(key, count) for key in keys]
    share = len(keys) / count
    held = Counter(found)
    assert all(abs(held[copy] - share) < 8 * share**0.5 for copy in range(count))
    moved = sum(shard_of(key, count + 1) != old for key, old in zip(keys, found, strict=True))
    part = len(keys) / (count + 1)
    assert abs(moved - part) < 8 * part**0.5


def test_an_enum_is_its_number_and_a_view_its_bytes() -> None:
    assert hash_of(Side.BUY) == hash_of(Colour.RED) == hash_of(True) == hash_of(1)
    assert hash_of(memoryview(b"ab")) == hash_of(bytearray(b"ab")) == hash_of(b"ab")
    assert len({hash_of(key) for key in (1, "1", b"1", None, "", b"")}) == 6


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(TypeError, match="a float is no key"):
        hash_of(0.5)
    assert [is_key(field) for field in Keyed.layout.values] == [field.name != "ratio" for field in Keyed.layout.values]


def test_what_is_remembered_of_keys_is_bounded_and_borrows_nothing() -> None:
    shards = KeyShards(7)
    for key in range(KEYS_MAX + 1):
        assert shards.find(key) == shard_of(key, 7)
    assert len(shards.known) == 1
    assert shards.find(memoryview(b"ab")) == shard_of(b"ab", 7)
    assert all(type(key) is not memoryview for key in shards.known)
