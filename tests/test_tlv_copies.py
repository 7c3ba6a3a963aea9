"""Pickles, dictionaries and JSON of messages."""

from __future__ import annotations

import copy
import json
import math
import pickle
import sys
from decimal import Decimal
from typing import Annotated, Any

import pytest

from tlv import (
    TLV,
    FieldValueError,
    Group,
    JsonError,
    LayoutMismatchError,
    Scaled,
    Size,
    TruncatedError,
    define_tlv,
    f64,
    i64,
    i256,
    u8,
    u64,
    u128,
)


class Level(TLV):
    price: i64
    size: u8 = 0


class Book(TLV, type=1000):
    number: u64
    best: Level
    wide: u128 = 0
    amount: Annotated[Decimal, Scaled(i256, 30)] = Decimal(0)
    ratio: f64 = 0.0
    key: Annotated[bytes, Size(2)] = b"\0\1"
    levels: Group[Level] = ()
    note: str = ""


BOOK = Book(2**64 - 1, Level(-5), 2**128 - 1, Decimal("1.5"), 0.25, b"\xab\xcd", [Level(1, 2), Level(3)], "né")
AS_DICT = {
    "number": 2**64 - 1,
    "best": {"price": -5, "size": 0},
    "wide": 2**128 - 1,
    "amount": Decimal("1.5"),
    "ratio": 0.25,
    "key": b"\xab\xcd",
    "levels": [{"price": 1, "size": 2}, {"price": 3, "size": 0}],
    "note": "né",
}
AS_JSON = (
    '{"number":18446744073709551615,"best":{"price":-5,"size":0},"wide":"340282366920938463463374607431768211455",'
    '"amount":"1.500000000000000000000000000000","ratio":0.25,"key":"0xabcd",'
    '"levels":[{"price":1,"size":2},{"price":3,"size":0}],"note":"n\\u00e9"}'
)


def view_of(message: TLV) -> TLV:
    return type(message).ref_from(bytearray(b"\xee" * 8 + bytes(message)), 8)


# ---- copies


def test_copying_an_owned_message_gives_it_back() -> None:
    assert copy.copy(BOOK) is BOOK
    assert copy.deepcopy(BOOK) is BOOK
    assert copy.deepcopy([BOOK, {"best": BOOK}])[0] is BOOK


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda view: pickle.loads(pickle.dumps(view))])
def test_copying_a_view_makes_it_owned(copied: Any) -> None:
    buffer = bytearray(bytes(BOOK))
    owned = copied(Book.ref_from(buffer))
    buffer.clear()
    assert owned == BOOK
    assert owned.to_owned() is owned


def test_a_pickle_holds_the_bytes_of_the_message_and_no_more_of_the_buffer() -> None:
    small = pickle.dumps(Level(1))
    assert len(pickle.dumps(Level.ref_from(bytes(Level(1)) + bytes(10_000)))) == len(small) < 200
    assert bytes(Level(1)) in small


def test_a_pickle_of_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stored, digest = pickle.dumps(Level(1)), Level.layout.digest
    module = sys.modules[__name__]
    newer = define_tlv("Level", {"price": i64, "size": u8, "count": (u8, 0)})
    monkeypatch.setattr(module, "Level", newer)
    with pytest.raises(LayoutMismatchError) as caught:
        pickle.loads(stored)
    assert caught.value.values == {"message": "Level", "stored": digest, "current": newer.layout.digest}


def test_a_pickle_that_was_cut_is_refused() -> None:
    restore, (cls, digest, data) = Level(1).__reduce__()[:2]
    with pytest.raises(TruncatedError):
        restore(cls, digest, data[:-1])


# ---- dictionaries


def test_a_dictionary_holds_plain_values() -> None:
    assert BOOK.to_dict() == AS_DICT
    assert view_of(BOOK).to_dict() == AS_DICT
    assert type(BOOK.to_dict()["levels"]) is list
    assert type(BOOK.to_dict()["best"]) is dict


def test_a_dictionary_makes_the_message_again() -> None:
    assert Book.from_dict(AS_DICT) == BOOK
    assert Book.from_dict({"number": 1, "best": {"price": 2}}) == Book(1, Level(2))


def test_a_dictionary_with_other_names_or_values_is_refused_as_by_the_constructor() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'numbre'"):
        Book.from_dict({**AS_DICT, "numbre": 1})
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'best'"):
        Book.from_dict({"number": 1})
    with pytest.raises(FieldValueError, match=r"Book\.number = -1"):
        Book.from_dict({**AS_DICT, "number": -1})
    with pytest.raises(FieldValueError, match=r"Level\.size = 256"):
        Book.from_dict({**AS_DICT, "best": {"price": 1, "size": 256}})


# ---- JSON


def test_json_is_one_line_that_keeps_every_number_exact() -> None:
    assert BOOK.to_json() == AS_JSON
    assert view_of(BOOK).to_json() == AS_JSON
    assert Book.from_json(AS_JSON) == BOOK


def test_json_with_spaces_and_in_another_order_is_read_too() -> None:
    told = dict(reversed(json.loads(AS_JSON).items()))
    assert Book.from_json(json.dumps(told, indent=2)) == BOOK
    assert Book.from_json('{"number": 1, "best": {"price": 2}}') == Book(1, Level(2))


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_json_of_a_float_that_json_does_not_know_is_text(number: float) -> None:
    message = Book(1, Level(2), ratio=number)
    assert json.loads(message.to_json(), parse_constant=pytest.fail)["ratio"] == str(number)
    assert bytes(Book.from_json(message.to_json())) == bytes(message)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "JSONDecodeError"),
        ("{", "JSONDecodeError"),
        (b"\xff\xff", "UnicodeDecodeError"),
        ("[]", "not an object"),
        ("null", "not an object"),
        ("5", "not an object"),
        (None, "TypeError"),
        ("{}", "missing 2 required positional arguments: 'number' and 'best'"),
        ('{"numbre":1}', "no such field: numbre"),
        ('{"number":1,"best":{"price":2,"prize":3}}', "no such field: prize"),
        ('{"number":1,"best":[2]}', "not an object"),
        ('{"number":1,"best":null}', "not an object"),
        ('{"number":"x","best":{"price":2}}', "invalid literal for int"),
        ('{"number":1.5,"best":{"price":2}}', "'float' object cannot be interpreted as an integer"),
        ('{"number":-1,"best":{"price":2}}', "outside 0..18446744073709551615"),
        ('{"number":1,"best":{"price":2},"levels":"ab"}', "'ab' is not a list"),
        ('{"number":1,"best":{"price":2},"levels":{}}', "{} is not a list"),
        ('{"number":1,"best":{"price":2},"levels":[5]}', "not an object"),
        ('{"number":1,"best":{"price":2},"amount":"abc"}', "InvalidOperation"),
        ('{"number":1,"best":{"price":2},"amount":1.5}', "not a Decimal or int"),
        ('{"number":1,"best":{"price":2},"key":"0xabc"}', "ValueError"),
        ('{"number":1,"best":{"price":2},"key":"0xabcdef"}', "3 bytes, not 2"),
        ('{"number":1,"best":{"price":2},"note":5}', "not text"),
        ('{"number":' + "9" * 5000 + "}", "ValueError"),
        ("[" * 100_000, "RecursionError"),
    ],
)
def test_json_of_something_else_is_refused(text: Any, reason: str) -> None:
    with pytest.raises(JsonError) as caught:
        Book.from_json(text)
    assert reason in caught.value.reason
    assert isinstance(caught.value, ValueError)
