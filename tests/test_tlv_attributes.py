"""message.field under odd conditions: changed classes, other classes, values that are kept, names made at run time.

The compiled core reads fields in a way of its own as long as a class is what it was declared; this is where it must not.
"""

from __future__ import annotations

import gc
from typing import Annotated, Any

import pytest
from annotated_types import Gt
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import int_range, share
from tlv import TLV, IntType, define_tlv, i64, implementation, u8, u32

native_only = pytest.mark.skipif(implementation.running != "native", reason="the compiled core does not run")


def point() -> Any:
    """A class of its own, to be changed, and a message of it that was read already."""

    class Point(TLV):
        x: i64
        y: u32

    message: Any = Point(10**12, 7)
    for _ in range(3):
        assert (message.x, message.y) == (10**12, 7)
    return message


# ---- changed classes


def test_a_field_that_is_replaced_is_read_from_what_took_its_place() -> None:
    message = point()
    cls: Any = type(message)
    before = cls.x
    cls.x = property(lambda self: "replaced")
    assert (message.x, message.y) == ("replaced", 7)
    cls.x = before
    assert (message.x, message.y) == (10**12, 7)


def test_a_field_that_is_deleted_is_no_attribute_any_more() -> None:
    message = point()
    del type(message).x
    with pytest.raises(AttributeError):
        _ = message.x
    assert message.y == 7


def test_a_base_that_is_changed_changes_what_inherits_from_it() -> None:
    class Base(TLV):
        x: i64

    class Derived(Base):
        y: u32

    message: Any = Derived(1, 2)
    assert (message.x, message.y) == (1, 2)
    Derived.x = property(lambda self: "of the derived")  # type: ignore[assignment]
    assert (message.x, Base(5).x) == ("of the derived", 5)
    del Derived.x


def test_a_class_that_reads_attributes_itself_is_asked() -> None:
    message = point()
    cls: Any = type(message)
    cls.__getattr__ = lambda self, name: f"no {name}"
    assert (message.x, message.z) == (10**12, "no z")
    cls.__getattribute__ = lambda self, name: "always this"
    assert message.x == "always this"
    del cls.__getattribute__
    del cls.__getattr__
    assert message.x == 10**12


def test_a_class_that_is_changed_again_and_again_stays_right() -> None:
    message = point()
    cls: Any = type(message)
    for number in range(1500):
        cls.note = number
        assert (message.x, message.note) == (10**12, number)


def test_a_replaced_validate_is_called_also_for_nested_messages() -> None:
    class Inner(TLV):
        x: u8

    class Outer(TLV):
        inner: Inner

    data = bytes(1)
    Outer.ref_from_validated(data)

    def refuse(self: TLV) -> None:
        raise ZeroDivisionError

    Inner.validate = refuse  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        Outer.ref_from_validated(data)
    with pytest.raises(ZeroDivisionError):
        Inner.ref_from_validated(data)


# ---- classes that come and go


def gone(number: int) -> Any:
    """A message of a class of its own, read once."""
    message = define_tlv(f"Gone{number}", {"a": i64, f"b{number % 7}": u32})(number * 10**9, number)
    assert (message.a, getattr(message, f"b{number % 7}")) == (number * 10**9, number)
    return message


def test_classes_that_are_gone_leave_nothing_that_others_read() -> None:
    kept = []
    for number in range(300):
        message = gone(number)
        if number % 50 == 0:
            kept.append((number, message))
        if number % 97 == 0:
            gc.collect()
    gc.collect()
    for number, message in kept:
        assert (message.a, getattr(message, f"b{number % 7}")) == (number * 10**9, number)


def test_a_descriptor_outlives_its_class() -> None:
    message = point()
    descriptor = type(message).x
    data = bytes(message)
    del message
    gc.collect()
    again = point()
    assert type(again)(*(type(again).ref_from(data).x, 1)).x == 10**12
    assert descriptor.field.name == "x"


@native_only
def test_a_descriptor_reads_nothing_but_messages_that_are_long_enough() -> None:
    class Long(TLV):
        a: i64
        b: i64

    class Short(TLV):
        a: i64

    assert Long.b.__get__(Long(1, 2), Long) == 2  # type: ignore[attr-defined]
    for other in (Short(1), 5, None, "text", object()):
        if other is not None:
            with pytest.raises(TypeError, match="cannot be read from"):
                Long.b.__get__(other, type(other))  # type: ignore[attr-defined]


@native_only
def test_a_message_given_another_class_is_not_read_beyond_its_bytes() -> None:
    class Short(TLV):
        a: i64

    class Long(TLV):
        a: i64
        b: Annotated[i64, Gt(0)]
        c: bytes

    for message in (Short(1), Short.ref_from(bytes(8))):
        other: Any = message
        other.__class__ = Long
        assert other.a == message.a
        for name in ("b", "c"):
            with pytest.raises(TypeError, match="cannot be read from"):
                getattr(other, name)
        with pytest.raises(TypeError):
            other.validate()
        with pytest.raises(AttributeError):
            _ = other.nothing


# ---- names


@given(st.text(max_size=5))
def test_any_name_is_a_field_or_no_attribute(name: str) -> None:
    message = MANY
    if name in type(message).__match_args__:
        assert getattr(message, name) == int(name[1:])
    else:
        assert hasattr(message, name) == (name in dir(message))


MANY: Any = define_tlv("Many", {f"f{number}": (u32, number) for number in range(200)})()


def test_a_name_that_was_put_together_is_found_as_well() -> None:
    for number in range(200):
        made = "".join(["f", str(number)])
        assert getattr(MANY, made) == number
        assert getattr(MANY, type("Name", (str,), {})(made)) == number


# ---- values


@share(1)
@given(st.data())
def test_values_that_are_kept_do_not_change_when_others_are_read(data: st.DataObject) -> None:
    """Whatever a field gave stays what it was, in any order of reading, keeping and dropping."""
    bits, signed = data.draw(st.sampled_from((8, 16, 24, 32, 48, 56, 64))), data.draw(st.booleans())
    low, high = int_range(bits, signed)
    edges = [0, 1, -1, 255, 256, 257, -256, -257, 2**30 - 1, 2**30, -(2**30), 2**60 - 1, 2**60, -(2**60), low, high]
    numbers = st.sampled_from([one for one in edges if low <= one <= high]) | st.integers(low, high)
    cls: Any = define_tlv("One", {"value": (int_type(bits, signed), 0)}, byteorder=data.draw(ORDERS))
    kept: list[tuple[int, int]] = []
    for number, keep, again in data.draw(st.lists(st.tuples(numbers, st.booleans(), st.booleans()), max_size=30)):
        message = cls(number)
        assert message.value == number
        if again:
            assert message.value + message.value == 2 * number
            assert {message.value: 1}[number] == 1
        if keep:
            kept.append((message.value, number))
        assert all(value == known for value, known in kept)
        assert [value.bit_length() for value, _ in kept] == [known.bit_length() for _, known in kept]


ORDERS: Any = st.sampled_from(("little", "big"))


def int_type(bits: int, signed: bool) -> Any:
    return Annotated[int, IntType(bits, signed=signed)]
