"""The messages written by hand, with which the declared ones are compared, are the same: bytes, values, rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from benches.boilerplate import rows, table
from benches.by_hand import BY_HAND, Level
from tests.market_data_samples import SAMPLES, any_message
from tlv import TLV, TLVError


def by_hand(message: TLV) -> Any:
    """The same message, written by hand."""
    return BY_HAND[type(message).__name__](**{
        field.name: [Level(one.price, one.size, one.order_count) for one in getattr(message, field.name)]
        if field.name in {"bids", "asks"}
        else getattr(message, field.name)
        for field in type(message).layout.values
    })  # fmt: skip


def is_valid(message: Any) -> bool:
    try:
        if hasattr(message, "validate"):
            message.validate()
    except (TLVError, ValueError):
        return False
    return True


@given(any_message())
def test_the_bytes_and_the_rules_are_the_same(message: TLV) -> None:
    same = by_hand(message)
    assert same.as_bytes() == bytes(message.as_bytes())
    assert type(same).read_from(same.as_bytes()) == same
    assert is_valid(same) == is_valid(message)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_what_was_read_has_the_values_that_were_written(sample: TLV) -> None:
    read = BY_HAND[type(sample).__name__].read_from(bytes(sample.as_bytes()))
    assert read == by_hand(sample)


def test_there_is_one_for_each_message() -> None:
    assert [type(sample).__name__ for sample in SAMPLES] == list(BY_HAND)


def test_declarations_take_less_than_half_the_lines() -> None:
    *messages, total = rows()
    assert len(messages) == 17
    assert total.ratio < 0.5, table([total])
    assert all(row.ratio < 0.75 for row in messages), table(messages)


@pytest.mark.parametrize("cut", [1, 41, 47, 60])
def test_groups_that_are_cut_are_refused(cut: int) -> None:
    book = by_hand(SAMPLES[2])
    with pytest.raises((ValueError, Exception), match=r"behind the end|requires a buffer"):
        type(book).read_from(book.as_bytes()[:-cut])
