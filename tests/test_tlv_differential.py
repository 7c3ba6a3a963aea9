"""The compiled core and its twin side by side, in one process, and each beside an oracle that is neither.

Hypothesis draws declarations and values: both must give the same bytes, values, and names and texts of errors. The
bytes are those that `struct` packs, `ctypes` lays out and NumPy reads; of types that these do not have, those that the
design page describes (tests/strategies.py).
"""

from __future__ import annotations

import ctypes
import struct
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz import twins
from fuzz.choices import Choices
from fuzz.messages import use
from fuzz.outcomes import Outcome, plain, told
from fuzz.values import RAISED, odd
from tests.strategies import NAMES, Sample, declarations, fixed_types, ruled_types, samples, share, variable_types
from tests.twin_declarations import message_by, value_by

pytestmark = pytest.mark.skipif(twins.native() is None, reason="the compiled core was not built")


def both() -> tuple[Any, Any]:
    return twins.native(), twins.python()


# ---- scalars beside struct, ctypes and NumPy

#: Name in tlv, letter of struct, type of ctypes and code of NumPy.
SCALARS = (
    ("i8", "b", ctypes.c_int8, "i1"),
    ("u8", "B", ctypes.c_uint8, "u1"),
    ("i16", "h", ctypes.c_int16, "i2"),
    ("u16", "H", ctypes.c_uint16, "u2"),
    ("i32", "i", ctypes.c_int32, "i4"),
    ("u32", "I", ctypes.c_uint32, "u4"),
    ("i64", "q", ctypes.c_int64, "i8"),
    ("u64", "Q", ctypes.c_uint64, "u8"),
    ("f32", "f", ctypes.c_float, "f4"),
    ("f64", "d", ctypes.c_double, "f8"),
)
numbers = st.one_of(
    st.integers(-3, 260),
    st.sampled_from(
        [sign * 2**bits + more for bits in (7, 8, 15, 16, 31, 32, 63, 64) for more in (-1, 0, 1) for sign in (1, -1)]
    ),
    st.floats(),
    st.booleans(),
    st.sampled_from(["7", b"7", None, 1j, [1], np.int32(-5), np.uint64(2**64 - 1), np.float32(0.5)]),
)
mostly_good = st.lists(st.tuples(st.sampled_from(SCALARS), st.integers(0, 100) | numbers), min_size=1, max_size=6)


@share(1.2)
@given(st.sampled_from("<>"), mostly_good)
def test_scalars_are_packed_or_refused_as_by_struct_and_read_as_by_ctypes_and_numpy(
    order: str, fields: list[tuple[tuple[str, str, Any, str], Any]]
) -> None:
    packer = struct.Struct(order + "".join(kind[1] for kind, _ in fields))
    values = [value for _, value in fields]
    try:
        expected = packer.pack(*values)
    except (struct.error, OverflowError):
        expected = None
    outcomes = []
    for t in both():
        cls = t.define_tlv(
            "Made",
            {f"f{i}": getattr(t, kind[0]) for i, (kind, _) in enumerate(fields)},
            byteorder="little" if order == "<" else "big",
        )
        outcomes.append(told(cls, *values))
        if expected is None:
            assert outcomes[-1][:2] == ("error", "FieldValueError")
            continue
        message = cls(*values)
        assert bytes(message) == expected
        read = [getattr(cls.ref_from(expected), name) for name in cls.__match_args__]
        assert repr(read) == repr([*packer.unpack(expected)])
        assert repr(read) == repr(read_by_ctypes(order, [kind for kind, _ in fields], expected))
        assert repr(read) == repr(read_by_numpy(order, [kind for kind, _ in fields], expected))
    assert outcomes[0] == outcomes[1]


def read_by_ctypes(order: str, kinds: list[tuple[str, str, Any, str]], data: bytes) -> list[Any]:
    base: Any = ctypes.LittleEndianStructure if order == "<" else ctypes.BigEndianStructure
    fields = [(f"f{i}", kind[2]) for i, kind in enumerate(kinds)]
    foreign: Any = type("Foreign", (base,), {"_pack_": 1, "_fields_": fields})
    made = foreign.from_buffer_copy(data)
    return [getattr(made, name) for name, _ in fields]


def read_by_numpy(order: str, kinds: list[tuple[str, str, Any, str]], data: bytes) -> list[Any]:
    dtype = np.dtype([(f"f{i}", order + kind[3]) for i, kind in enumerate(kinds)])
    return [one.item() for one in np.frombuffer(data, dtype)[0]]


# ---- any declaration


def ruled(order: Any) -> Any:
    return st.one_of(ruled_types(order), ruled_types(order), fixed_types(order), variable_types(order))


any_samples = samples() | samples(declarations(field_types=ruled))


def made_by(t: Any, sample: Sample) -> Any:
    return message_by(t, sample.message_type)(**{name: value_by(t, one) for name, one in sample.values.items()})


@share(0.3)
@given(any_samples)
def test_any_declaration_has_one_layout_and_any_message_the_bytes_of_the_design_page(sample: Sample) -> None:
    outcomes = []
    for t in both():
        cls = message_by(t, sample.message_type)
        message = made_by(t, sample)
        assert bytes(message) == sample.expected
        view = cls.ref_from(bytearray(sample.expected))
        assert plain(view) == plain(message)
        outcomes.append((cls.layout.digest, t.describe(cls), plain(view), use(view)))
    assert outcomes[0] == outcomes[1]


@share(0.2)
@given(any_samples, st.data())
def test_damaged_bytes_are_the_same_message_or_refused_in_the_same_words(sample: Sample, data: st.DataObject) -> None:
    good = sample.expected
    places = st.integers(0, len(good))
    for _ in range(5):
        at, new = (
            data.draw(places),
            data.draw(st.binary(min_size=1, max_size=4) | st.sampled_from([b"\xff" * 4, b"\0" * 4])),
        )
        bad = good[:at] + new + good[at + len(new) :]
        bad = bad[: len(bad) - data.draw(st.just(0) | places)]
        offset, length = data.draw(st.just((0, None)) | st.tuples(st.integers(-1, 9), st.none() | places))
        outcomes = [read(t, sample, bad, offset, length) for t in both()]
        assert outcomes[0] == outcomes[1]


def read(t: Any, sample: Sample, data: bytes, offset: int, length: int | None) -> Outcome:
    cls = message_by(t, sample.message_type)
    outcome = told(cls.ref_from_validated, data, offset, length)
    try:
        return Outcome((outcome, use(cls.ref_from(data, offset, length))))
    except t.TLVError as refusal:
        return Outcome((outcome, str(refusal)))


@share(0.3)
@given(any_samples, st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=24)), min_size=1, max_size=5))
def test_odd_values_are_taken_or_refused_in_the_same_words(sample: Sample, changes: list[tuple[int, bytes]]) -> None:
    names = sample.message_type.__match_args__
    outcomes = []
    for t in both():
        cls = message_by(t, sample.message_type)
        told_by_it = []
        for at, seed in changes:

            def values(t: Any = t, at: int = at, seed: bytes = seed) -> dict[str, Any]:
                good = {name: value_by(t, one) for name, one in sample.values.items()}
                return good | {names[at % len(names)]: odd(Choices(seed))}

            buffer = bytearray(len(sample.expected))
            told_by_it += [
                told(lambda cls=cls, values=values: cls(**values()), allowed=RAISED),
                told(lambda cls=cls, values=values: cls(*values().values()), allowed=RAISED),
                told(lambda cls=cls, values=values, buffer=buffer: cls.emplace(buffer, 0, **values()), allowed=RAISED),
                plain(buffer),
            ]
        outcomes.append(told_by_it)
    assert outcomes[0] == outcomes[1]


@share(0.12)
@given(any_samples, st.integers(0, 7), st.sampled_from([*NAMES, "other"]))
def test_arguments_that_do_not_fit_the_signature_are_refused_in_the_same_words(
    sample: Sample, count: int, name: str
) -> None:
    outcomes = []
    for t in both():
        cls = message_by(t, sample.message_type)
        given = [value_by(t, one) for one in sample.values.values()][:count]
        outcomes.append(
            [
                told(lambda cls=cls, given=given: cls(*given, *given), allowed=(TypeError,)),
                told(lambda cls=cls, given=given: cls(*given, **{name: 0}), allowed=(TypeError,)),
                told(lambda cls=cls, given=given: cls.emplace(bytearray(9), 0, *given), allowed=(TypeError,)),
            ]
        )
    assert outcomes[0] == outcomes[1]


# ---- declarations that are refused


@pytest.mark.parametrize(
    "field",
    [
        int,
        float,
        object,
        "i65",
        list[int],
        tuple[int, ...],
        Annotated[int, "no width"],
        None,
        (int, 1, 2),
        lambda t: t.pad[4],
        lambda t: Annotated[bytes, t.Size(0)],
        lambda t: Annotated[str, t.Size(2**64)],
        lambda t: Annotated[t.i64, t.Null(0)],
        lambda t: Annotated[t.i64 | None, t.Null(2**63)],
        lambda t: str | None,
        lambda t: t.Group[str],
        lambda t: (t.i8, 128),
        lambda t: (t.Group[t.TLV], ()),
    ],
)
def test_wrong_declarations_are_refused_in_the_same_words(field: Any) -> None:
    native, python = (
        told(t.define_tlv, "Wrong", {"field": field(t) if hasattr(field, "__code__") else field}) for t in both()
    )
    assert native == python
    assert native[:2] == ("error", "DeclarationError")
