"""The venue table: finding markets, and what is said about those that are not there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mycelium.errors.topology import UnknownVenueError
from mycelium.venues import Venue, VenueTable, duplicate_venues

ADDRESS = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
BTC = Venue(id=1, name="binance:BTCUSDT", exchange="binance", symbol="BTCUSDT")
POOL = Venue(
    id=2, name="uniswap:USDC/WETH", address=bytes.fromhex(ADDRESS[2:]), tokens=("USDC", "WETH"), decimals=(6, 18)
)
TABLE = VenueTable([BTC, POOL], topology="demo")


def test_a_venue_is_found_by_id_name_symbol_and_address() -> None:
    assert TABLE.by_id(1) is BTC
    assert TABLE.by_name("uniswap:USDC/WETH") is POOL
    assert TABLE.by_symbol("binance", "BTCUSDT") is BTC
    assert TABLE.by_address(bytes.fromhex(ADDRESS[2:])) is POOL
    assert TABLE.by_address(memoryview(POOL.address or b"").tobytes()) is POOL
    assert TABLE.name(2) == "uniswap:USDC/WETH"
    assert list(TABLE) == [BTC, POOL]
    assert len(TABLE) == 2
    assert repr(TABLE) == "VenueTable(2 venues of demo)"


def test_find_calls_return_none_for_what_is_not_there() -> None:
    assert TABLE.find_id(9) is None
    assert TABLE.find_symbol("binance", "ETHUSDT") is None
    assert TABLE.find_address(bytes(20)) is None
    assert TABLE.find_id(1) is BTC
    assert TABLE.find_symbol("binance", "BTCUSDT") is BTC
    assert TABLE.find_address(POOL.address or b"") is POOL


def test_an_unknown_venue_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UnknownVenueError) as symbol:
        TABLE.by_symbol("binance", "BTCUSD")
    assert str(symbol.value) == (
        "[TOP-030] the venue table of demo has no market 'BTCUSD' of exchange 'binance'; "
        "did you mean 'binance:BTCUSDT'? Venues stand under [[venues]]"
    )
    with pytest.raises(UnknownVenueError, match="did you mean 'uniswap:USDC/WETH'"):
        TABLE.by_name("uniswap:USDC-WETH")
    with pytest.raises(UnknownVenueError, match=f"no pool 0x{'0' * 40}"):
        TABLE.by_address(bytes(20))
    with pytest.raises(LookupError, match="has no venue 77; venues with one: 1, 2"):
        TABLE.by_id(77)
    with pytest.raises(UnknownVenueError, match="there are no venues with one"):
        VenueTable().by_id(1)


def test_an_address_is_read_from_hex_and_shown_as_hex() -> None:
    venue = Venue.model_validate({"id": 3, "name": "pool", "address": ADDRESS.upper().replace("0X", "0x")})
    assert venue.address_text == ADDRESS
    assert BTC.address_text == ""
    assert Venue(id=1, name="x", address=bytes(20)).address == bytes(20)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"id": 0, "name": "x"}, "greater than or equal to 1"),
        ({"id": 2**32, "name": "x"}, "less than or equal to 4294967295"),
        ({"id": "1", "name": "x"}, "valid integer"),
        ({"id": 1, "name": ""}, "at least 1 character"),
        ({"id": 1, "name": "x", "address": "0x12"}, "0x and 40 hex digits"),
        ({"id": 1, "name": "x", "address": b"12"}, "20 bytes, not 2"),
        ({"id": 1, "name": "x", "decimals": [6]}, "Field required"),
        ({"id": 1, "name": "x", "colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_venue_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Venue.model_validate(given)


def test_duplicates_name_what_is_shared_and_where() -> None:
    twins = [
        BTC,
        POOL,
        BTC.model_copy(update={"id": 3}),
        POOL.model_copy(update={"id": 4, "name": "other"}),
    ]
    assert duplicate_venues(twins) == [
        (2, "name 'binance:BTCUSDT'", " (no. 1 and no. 3)"),
        (2, "symbol 'binance:BTCUSDT'", " (no. 1 and no. 3)"),
        (3, f"address '{ADDRESS}'", " (no. 2 and no. 4)"),
    ]
    assert duplicate_venues([BTC, POOL]) == []


def test_a_market_that_is_not_listed_gets_a_number_that_is_always_the_same() -> None:
    first, second = VenueTable([BTC]), VenueTable()
    numbered = first.number("bitmex", "XBTUSD")
    assert numbered == second.number("bitmex", "XBTUSD")
    assert numbered.id >= 0x8000_0000
    assert first.by_id(numbered.id) is first.by_symbol("bitmex", "XBTUSD") is numbered
    assert first.number("binance", "BTCUSDT") is BTC
