"""Any declaration and any values: what is written is what the design page says, and what is read is what was written."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market_data_samples import SAMPLES
from tests.strategies import Sample, samples, share
from tlv import TLV


def as_plain(value: object) -> object:
    """A group as a tuple."""
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else value


def values_of(message: TLV) -> dict[str, object]:
    return {name: as_plain(getattr(message, name)) for name in type(message).__match_args__}


@share(0.4)
@given(samples())
def test_the_bytes_are_those_of_the_design_page(sample: Sample) -> None:
    assert bytes(sample.make()) == sample.expected


@share(0.4)
@given(samples())
def test_an_owned_message_has_the_values_it_was_made_of(sample: Sample) -> None:
    assert values_of(sample.make()) == sample.values


@share(0.4)
@given(samples(), st.binary(max_size=9), st.binary(max_size=9))
def test_a_view_anywhere_in_a_buffer_has_the_values(sample: Sample, before: bytes, after: bytes) -> None:
    buffer = before + sample.expected + after
    view = sample.message_type.ref_from(buffer, len(before))
    assert values_of(view) == sample.values
    exact = sample.message_type.ref_from(buffer, len(before), len(sample.expected))
    assert exact == view == sample.make()
    assert bytes(exact) == bytes(view) == sample.expected
    assert hash(exact) == hash(view) == hash(sample.make())


@share(0.4)
@given(samples())
def test_an_owned_copy_has_the_values(sample: Sample) -> None:
    buffer = bytearray(sample.expected)
    owned = sample.message_type.read_from(buffer)
    buffer[:] = bytes(255 for _ in buffer)
    assert values_of(owned) == sample.values
    assert bytes(owned) == sample.expected


@share(0.4)
@given(samples(), st.integers(0, 9), st.integers(0, 9))
def test_write_into_and_emplace_put_the_same_bytes_and_no_others(sample: Sample, before: int, after: int) -> None:
    size = len(sample.expected)
    written, emplaced = bytearray(b"\xee" * (before + size + after)), bytearray(b"\xee" * (before + size + after))
    assert sample.make().write_into(written, before) == size
    assert sample.message_type.emplace(emplaced, before, **sample.values) == size
    assert written == emplaced == b"\xee" * before + sample.expected + b"\xee" * after


@share(0.4)
@given(samples())
def test_positional_arguments_are_the_fields_in_order(sample: Sample) -> None:
    assert sample.message_type(*sample.values.values()) == sample.make()
    assert list(sample.message_type.__match_args__) == list(sample.values)


@share(0.4)
@given(samples())
def test_what_is_left_out_has_its_default(sample: Sample) -> None:
    defaults = sample.declaration.defaults
    required = {name: value for name, value in sample.values.items() if name not in defaults}
    assert values_of(sample.message_type(**required)) == {**required, **defaults}


@share(0.4)
@given(samples())
def test_a_dictionary_of_it_makes_it_again(sample: Sample) -> None:
    told = sample.make().to_dict()
    assert list(told) == list(sample.values)
    assert sample.message_type.from_dict(told) == sample.make()


@share(0.4)
@given(samples())
def test_its_json_makes_it_again(sample: Sample) -> None:
    text = sample.make().to_json()
    assert "\n" not in text
    assert list(json.loads(text)) == list(sample.values)
    assert sample.message_type.from_json(text) == sample.make()
    assert sample.message_type.from_json(text.encode()) == sample.make()


@share(0.4)
@given(samples())
def test_replacing_nothing_makes_an_equal_message(sample: Sample) -> None:
    assert sample.make().replace() == sample.make()


@share(0.4)
@given(samples(), st.data())
def test_replacing_one_field_changes_that_field_only(sample: Sample, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(sample.values)))
    value = data.draw(sample.declaration.fields[name].values)
    changed = sample.make().replace(**{name: value})
    assert values_of(changed) == {**sample.values, name: value}
    assert bytes(changed) == sample.declaration.expected({**sample.values, name: value})


@share(0.4)
@given(samples())
def test_messages_with_other_values_are_not_equal(sample: Sample) -> None:
    message = sample.make()
    for name, value in sample.values.items():
        for other in (value, sample.declaration.defaults.get(name, value)):
            same = sample.declaration.expected({**sample.values, name: other}) == sample.expected
            assert (message.replace(**{name: other}) == message) is same


@share(0.4)
@given(samples())
def test_fields_lie_one_behind_the_other(sample: Sample) -> None:
    layout = sample.message_type.layout
    fields = sample.declaration.fields
    assert [field.name for field in layout] == list(fields)
    assert [field.size for field in layout] == [field.size for field in fields.values()]
    offsets = [sum(field.size for field in list(fields.values())[:i]) for i in range(len(fields))]
    assert [field.offset for field in layout] == offsets
    assert layout.size == sum(field.size for field in fields.values())


@pytest.fixture(params=SAMPLES, ids=lambda message: type(message).__name__)
def message(request: pytest.FixtureRequest) -> TLV:
    return request.param  # type: ignore[no-any-return]


def test_market_data_survives_every_way_of_copying(message: TLV) -> None:
    view = type(message).ref_from(bytearray(b"\xee" * 3 + bytes(message)), 3)
    for one in (message, view):
        copies = [copy.copy(one), copy.deepcopy(one), one.to_owned(), one.replace(), type(one).read_from(bytes(one))]
        copies += [pickle.loads(pickle.dumps(one, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
        copies += [type(one).from_json(one.to_json()), type(one).from_dict(one.to_dict())]
        for copied in copies:
            assert copied == message
            assert bytes(copied) == bytes(message)
            assert hash(copied) == hash(message)
            assert repr(copied) == repr(message)
