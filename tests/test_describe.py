"""What is told of a layout: as text, as data, and as a page."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Annotated

from annotated_types import Ge, Gt, MaxLen

from tlv import (
    TLV,
    Doc,
    Group,
    Size,
    describe,
    describe_dict,
    describe_markdown,
    i16,
    i64,
    pad,
    padding,
    u8,
    u256,
)
from tlv.market_data import MARKET_DATA_MESSAGES, OrderLevel, TradeTLV


class Side(IntEnum):
    BUY = 1
    SELL = 2


class Fill(TLV):
    """One fill of an order."""

    price: Annotated[i64, Gt(0), Doc("price | of the fill", unit="1e-8 quote", source="exchange")]


class Order(TLV, type=1020, version=3, byteorder="big"):
    """An order
    as the exchange sends it.

    This part is for readers of the code.
    """

    side: Annotated[Side, u8, Doc("who began")]
    _padding: pad[7] = padding()
    limit: Annotated[i64 | None, Ge(0), Doc("price limit", unit="1e-8 quote", source="client")]
    total: u256
    first: Fill
    legs: Annotated[tuple[i16, ...], Size(4)]
    fills: Annotated[Group[Fill], MaxLen(100), Doc("what was filled", source="exchange")] = ()


class Bare(TLV):
    number: i64


TRADE_TEXT = """
TradeTLV: type 1, version 1, 32 bytes, little-endian, digest f725e1850e88a843
One trade of a market.

offset  size  field      type    unit                     description
0       8     price      i64     1e-8 quote               price of the trade (> 0) [exchange]
8       8     quantity   i64     1e-8 base                size; negative when the seller was the aggressor (!= 0) [exchange]
16      8     timestamp  i64     ns since the epoch, UTC  when it happened, by the clock of the source (>= 0) [exchange]
24      4     venue_id   u32     id                       market in the topology's venue table (>= 1) [topology]
28      4     _padding   pad[4]
"""


def test_the_text_of_a_trade() -> None:
    assert describe(TradeTLV) == TRADE_TEXT.strip()


def test_the_text_of_a_big_endian_message_of_every_shape() -> None:
    lines = describe(Order).splitlines()
    assert lines[0].startswith("Order: type 1020, version 3, 72 bytes, big-endian, digest ")
    assert lines[1:3] == ["An order", "as the exchange sends it."]
    table = [line.split() for line in lines[4:]]
    assert [row[:4] for row in table] == [
        ["offset", "size", "field", "type"],
        ["0", "1", "side", "Side:u8"],
        ["1", "7", "_padding", "pad[7]"],
        ["8", "8", "limit", "i64?"],
        ["16", "32", "total", "u256"],
        ["48", "8", "first", "Fill"],
        ["56", "8", "legs", "i16[4]"],
        ["64", "8", "fills", "group[Fill]"],
    ]
    assert lines[-1].endswith("what was filled (length <= 100) [exchange]")


def test_a_plain_layout_without_words_is_told_too() -> None:
    assert describe(Bare).splitlines() == [
        f"Bare: plain layout, version 1, 8 bytes, little-endian, digest {Bare.layout.digest}",
        "",
        "offset  size  field   type  unit  description",
        "0       8     number  i64",
    ]


def test_the_data_of_a_level() -> None:
    told = describe_dict(OrderLevel)
    assert told == {
        "name": "OrderLevel",
        "type_id": None,
        "version": 1,
        "byteorder": "little",
        "size": 24,
        "digest": "f1b0f489971136d1",
        "doc": "One price level of a book; in an update, size 0 deletes the level.",
        "fields": [
            {
                "name": "price",
                "offset": 0,
                "size": 8,
                "type": "i64",
                "unit": "1e-8 quote",
                "description": "price of the level",
                "source": "exchange",
                "constraints": [">= 0"],
            },
            {
                "name": "size",
                "offset": 8,
                "size": 8,
                "type": "i64",
                "unit": "1e-8 base",
                "description": "size resting at this price",
                "source": "exchange",
                "constraints": [">= 0"],
            },
            {
                "name": "order_count",
                "offset": 16,
                "size": 4,
                "type": "u32",
                "unit": "orders",
                "description": "orders at this price, 0 if not told",
                "source": "exchange",
                "constraints": [],
            },
            {
                "name": "_padding",
                "offset": 20,
                "size": 4,
                "type": "pad[4]",
                "unit": "",
                "description": "",
                "source": "",
                "constraints": [],
            },
        ],
    }


def test_the_data_of_every_message_is_json() -> None:
    messages: list[type[TLV]] = [*MARKET_DATA_MESSAGES, Order, Bare]
    for message in messages:
        told = describe_dict(message)
        assert json.loads(json.dumps(told)) == told
        assert sum(field["size"] for field in told["fields"]) == told["size"]


def test_only_the_first_part_of_a_docstring_is_told() -> None:
    assert describe_dict(Order)["doc"] == "An order\nas the exchange sends it."
    assert describe_dict(Bare)["doc"] == ""


def test_the_page_has_an_overview_and_a_section_for_each_layout() -> None:
    page = describe_markdown([Order, Bare], title="Orders", text="What this is.")
    lines = page.splitlines()
    assert lines[:12] == [
        "# Orders",
        "",
        "What this is.",
        "",
        "Written from the declarations; change those, not this page.",
        "",
        "| type | message | bytes | |",
        "|---|---|---|---|",
        "| 1020 | [Order](#order) | 72 + data | An order as the exchange sends it. |",
        "| - | [Fill](#fill) | 8 | One fill of an order. |",
        "| - | [Bare](#bare) | 8 |  |",
        "",
    ]
    assert [line for line in lines if line.startswith("## ")] == ["## Order", "## Fill", "## Bare"]
    digest = Order.layout.digest
    assert f"Type 1020, version 3, 72 bytes and variable data, big-endian, digest `{digest}`." in lines
    assert "| 8 | 8 | `limit` | `i64?` | 1e-8 quote | price limit | >= 0 | client |" in lines
    assert "| 0 | 8 | `price` | `i64` | 1e-8 quote | price \\| of the fill | > 0 | exchange |" in lines
    assert "`Side`: 1 BUY, 2 SELL." in lines
    assert "\n\n\n" not in page
    assert page.endswith("|\n")


def test_a_layout_that_is_used_twice_has_one_section() -> None:
    page = describe_markdown(MARKET_DATA_MESSAGES)
    assert page.startswith("# Messages\n")
    assert page.count("## OrderLevel\n") == 1
    assert page.count("\n## ") == 18
