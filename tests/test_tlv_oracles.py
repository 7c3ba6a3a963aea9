"""The same declaration in NumPy and in ctypes: their bytes are ours, and each reads what the other wrote."""

from __future__ import annotations

import ctypes
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import (
    Declaration,
    FieldType,
    Order,
    Sample,
    bool_types,
    bytes_types,
    declarations,
    float_types,
    int_range,
    samples,
    share,
    stored_field,
    stored_integer,
    whole_numbers,
)
from tlv import TLV, IntType, define_tlv, i24, i64, u8, u16, u128

#: The names that both oracles use for our types.
CTYPES: dict[str, Any] = {
    **{
        f"{sign}{bits}": getattr(ctypes, f"c_{word}{bits}")
        for sign, word in (("i", "int"), ("u", "uint"))
        for bits in (8, 16, 32, 64)
    },
    "f32": ctypes.c_float,
    "f64": ctypes.c_double,
    "bool": ctypes.c_uint8,  # ctypes has no big-endian bool
}
NUMPY = {
    "bool": "?",
    "f32": "f4",
    "f64": "f8",
    **{f"{sign}{8 * size}": f"{sign}{size}" for sign in "iu" for size in (1, 2, 4, 8)},
}


@st.composite
def machine_integers(draw: st.DrawFn, order: Order) -> FieldType:
    bits, signed = draw(st.sampled_from((8, 16, 32, 64))), draw(st.booleans())
    kind = Annotated[int, IntType(bits, signed=signed)]
    return stored_field(kind, bits // 8, whole_numbers(bits, signed), stored_integer(bits, signed, order))


def machine_types(order: Order) -> st.SearchStrategy[FieldType]:
    return st.one_of(machine_integers(order), float_types(order), bool_types(order))


machine_samples = samples(declarations(fixed_only=True, field_types=machine_types, fields_max=9))
numpy_samples = samples(
    declarations(fixed_only=True, field_types=lambda order: machine_types(order) | bytes_types(order), fields_max=9)
)


def structure(declaration: Declaration) -> Any:
    base: Any = ctypes.LittleEndianStructure if declaration.byteorder == "little" else ctypes.BigEndianStructure
    fields = [(field.name, CTYPES[field.kind]) for field in declaration.message_type.layout]
    return type("Foreign", (base,), {"_pack_": 1, "_fields_": fields})


def dtype(declaration: Declaration) -> np.dtype[Any]:
    order = "<" if declaration.byteorder == "little" else ">"
    layout = declaration.message_type.layout
    return np.dtype(
        [(field.name, order + NUMPY[field.kind] if field.kind in NUMPY else f"V{field.size}") for field in layout]
    )


@share(0.4)
@given(machine_samples)
def test_ctypes_lays_out_the_same_bytes_and_reads_ours(sample: Sample) -> None:
    foreign = structure(sample.declaration)
    assert bytes(foreign(**sample.values)) == bytes(sample.make())
    read = foreign.from_buffer_copy(sample.make().as_bytes())
    assert {name: getattr(read, name) for name in sample.values} == sample.values


@share(0.4)
@given(machine_samples)
def test_a_ctypes_structure_is_a_buffer_to_read(sample: Sample) -> None:
    foreign = structure(sample.declaration)(**sample.values)
    assert sample.message_type.ref_from(foreign) == sample.make()


@share(0.4)
@given(numpy_samples)
def test_numpy_lays_out_the_same_bytes_and_reads_ours(sample: Sample) -> None:
    foreign = dtype(sample.declaration)
    record: Any = np.array([tuple(sample.values.values())], foreign)
    assert record.tobytes() == bytes(sample.make())
    assert sample.message_type.ref_from(record) == sample.make()
    read: Any = np.frombuffer(sample.make().as_bytes(), foreign)[0]
    assert [one.tobytes() if one.dtype.kind == "V" else one.item() for one in read] == [*sample.values.values()]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("bits", range(8, 257, 8))
@pytest.mark.parametrize("signed", [True, False])
def test_every_width_is_what_int_to_bytes_makes(order: Order, bits: int, signed: bool) -> None:
    number_type = Annotated[int, IntType(bits, signed=signed)]
    message_type: Any = define_tlv("Wide", {"before": u8, "value": number_type, "after": u8}, byteorder=order)
    for number in (*int_range(bits, signed), 0, 1, int_range(bits, signed)[1] // 3):
        expected = b"\1" + number.to_bytes(bits // 8, order, signed=signed) + b"\2"
        assert bytes(message_type(1, number, 2)) == expected
        view: Any = message_type.ref_from(expected)
        assert (view.before, view.value, view.after) == (1, number, 2)


def test_a_known_message_has_the_bytes_written_down_here() -> None:
    class Known(TLV, type=1000):
        price: i64
        flags: u16
        tiny: i24
        big: u128

    class Reversed(TLV, byteorder="big"):
        price: i64
        flags: u16
        tiny: i24
        big: u128

    values = {"price": -2, "flags": 0x0102, "tiny": -3, "big": 0x0102030405060708090A0B0C0D0E0F10}
    assert bytes(Known(**values)).hex(" ", 1) == (
        "fe ff ff ff ff ff ff ff 02 01 fd ff ff 10 0f 0e 0d 0c 0b 0a 09 08 07 06 05 04 03 02 01"
    )
    assert bytes(Reversed(**values)).hex(" ", 1) == (
        "ff ff ff ff ff ff ff fe 01 02 ff ff fd 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10"
    )
