"""Text and bytes, of a fixed size and of any."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlv import TLV, FieldValueError, JsonError, Size, TextEncodingError, u8


class Named(TLV):
    name: Annotated[str, Size(5)]
    key: Annotated[bytes, Size(3)] = b"abc"


class Note(TLV):
    number: u8
    text: str = ""
    data: bytes = b""


class Lines(TLV):
    lines: Annotated[tuple[Annotated[tuple[Annotated[str, Size(2)], ...], Size(2)], ...], Size(1)]


def rule(text: Any) -> str:
    with pytest.raises(FieldValueError) as caught:
        Named(text)
    assert caught.value.field == "name"
    return caught.value.rule


def test_text_is_filled_with_nul_and_read_without() -> None:
    assert bytes(Named("abc")) == b"abc\0\0abc"
    assert Named("abc").name == "abc"
    assert Named("").name == ""
    assert Named("abcde").name == "abcde"


def test_the_size_of_text_counts_bytes_of_utf_8() -> None:
    assert bytes(Named("gö"))[:5] == b"g\xc3\xb6\0\0"
    assert Named("größ"[1:]).name == "röß"
    assert rule("größ") == "6 bytes of UTF-8, more than 5"


@pytest.mark.parametrize(
    "text, said",
    [
        ("abcdef", "6 bytes of UTF-8, more than 5"),
        ("a\0b", "NUL characters are the filling"),
        ("\0", "NUL characters are the filling"),
        (b"abc", "not text"),
        (None, "not text"),
        (5, "not text"),
    ],
)
def test_text_that_cannot_be_read_back_is_refused(text: Any, said: str) -> None:
    assert rule(text) == said


def test_a_lone_surrogate_is_refused_where_it_is_written() -> None:
    assert "surrogates not allowed" in rule("\ud800")
    with pytest.raises(FieldValueError, match=r"Note\.text = '\\ud800': .*surrogates not allowed"):
        Note(1, "\ud800")


def test_text_that_is_not_utf_8_is_refused_where_it_is_read() -> None:
    view = Named.ref_from(b"\xff\xfe\0\0\0abc")
    assert view.key == b"abc"
    with pytest.raises(TextEncodingError) as caught:
        view.name
    assert str(caught.value) == (
        "[TLV-008] Named.name holds b'\\xff\\xfe\\x00\\x00\\x00', which is not UTF-8; "
        "declare the field as bytes, or mend the sender"
    )
    with pytest.raises(TextEncodingError):
        view.validate()
    with pytest.raises(TextEncodingError):
        view.to_json()


def test_variable_text_that_is_not_utf_8_is_refused_where_it_is_read() -> None:
    damaged = bytearray(bytes(Note(1, "hello", b"world")))
    at = damaged.index(b"hello")
    damaged[at] = 0xFF
    view = Note.ref_from(damaged)
    assert (view.number, view.data) == (1, b"world")
    with pytest.raises(TextEncodingError, match=r"Note\.text holds b'\\xffello'"):
        view.text


def test_text_in_arrays_of_arrays_that_is_not_utf_8_is_refused_too() -> None:
    assert Lines.ref_from(b"ab\xc3\xb6").lines == (("ab", "\xf6"),)
    with pytest.raises(TextEncodingError, match=r"Lines\.lines"):
        Lines.ref_from(b"ab\xff\xff").lines


def test_damaged_text_does_not_spoil_a_log_line() -> None:
    assert repr(Named.ref_from(b"\xff\0\0\0\0abc")) == (
        "Named(name=<Named.name holds b'\\xff\\x00\\x00\\x00\\x00', which is not UTF-8>, key=b'abc')"
    )


def test_the_stored_bytes_of_text_can_be_read_whatever_they_are() -> None:
    assert Named.ref_from(b"\xff\0\0\0\0abc").raw("name") == b"\xff\0\0\0\0"


@pytest.mark.parametrize(
    "data",
    [b"xyz", bytearray(b"xyz"), memoryview(b"xyz"), memoryview(b"x-y-z")[::2]],
    ids=["bytes", "bytearray", "memoryview", "memoryview with gaps"],
)
def test_fixed_bytes_take_every_kind_of_bytes_and_read_as_bytes(data: Any) -> None:
    assert Named("", data).key == b"xyz"
    assert type(Named("", data).key) is bytes


@pytest.mark.parametrize(
    "data, said",
    [
        (b"xy", "2 bytes, not 3"),
        (b"wxyz", "4 bytes, not 3"),
        ("xyz", "not bytes"),
        (None, "not bytes"),
        (3, "not bytes"),
    ],
)
def test_fixed_bytes_that_do_not_fit_are_refused(data: Any, said: str) -> None:
    with pytest.raises(FieldValueError) as caught:
        Named("", data)
    assert (caught.value.field, caught.value.rule, caught.value.kind) == ("key", said, "bytes[3]")


def test_a_released_memoryview_is_refused_as_a_value() -> None:
    released = memoryview(b"xyz")
    released.release()
    for make in (lambda: Named("", released), lambda: Note(1, "", released)):  # type: ignore[arg-type]
        with pytest.raises(FieldValueError, match="released"):
            make()


@pytest.mark.parametrize("wrong", ["text", None, 3, [1]])
def test_variable_bytes_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(FieldValueError) as caught:
        Note(1, "", wrong)
    assert (caught.value.field, caught.value.rule, caught.value.kind) == ("data", "not bytes", "bytes")


@pytest.mark.parametrize("wrong", [b"text", None, 3])
def test_variable_text_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(FieldValueError) as caught:
        Note(1, wrong)
    assert (caught.value.field, caught.value.rule, caught.value.kind) == ("text", "not text", "text")


@given(st.text(), st.binary())
def test_variable_fields_are_read_in_any_order(text: str, data: bytes) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    view = Note.ref_from(bytes(Note(5, text, data)))
    assert (view.data, view.text, view.number, view.data, view.text) == (data, text, 5, data, text)
    assert len(view.as_bytes()) % 8 == 0


def test_variable_text_may_hold_nul() -> None:
    assert Note(1, "a\0b\0").text == "a\0b\0"


def test_more_than_sixteen_mebibytes_are_refused() -> None:
    most = 16 * 1024 * 1024
    with pytest.raises(FieldValueError) as caught:
        Note(1, "", bytes(most + 1))
    assert caught.value.rule == f"{most + 1} bytes, more than {most}"
    with pytest.raises(FieldValueError) as caught:
        Note(1, "x" * (most + 1))
    assert caught.value.field == "text"


@pytest.mark.parametrize(
    "text",
    [
        '{"name":5}',
        '{"name":"a","key":123456}',
        '{"name":"abc","key":"0xzz"}',
        '{"name":"abc","key":"0xabcd"}',
        '{"name":"toolong"}',
        '{"name":null}',
    ],
)
def test_json_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(JsonError) as caught:
        Named.from_json(text)
    assert caught.value.message == "Named"
