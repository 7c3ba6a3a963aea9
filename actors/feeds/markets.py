"""Which market a row belongs to: the venue table first, and a rule for what it does not list."""

from __future__ import annotations

import itertools
import re
from pathlib import PurePath
from typing import Literal

from actors.errors import UnknownMarketError, UnknownPoolError, UnnamedMarketError
from mycelium.venues import Venue, VenueTable

from .reading import Logger, Reading

__all__ = ["POSITION_MANAGER", "Markets", "UnknownVenues"]

UnknownVenues = Literal["stop", "skip", "number"]

POSITION_MANAGER = bytes.fromhex("c36442b4a4522e871399cd717abdd847ab11fe88")
"""NonfungiblePositionManager of Uniswap V3: the same address on Ethereum, Polygon, Arbitrum and Optimism."""

_ADDRESS = re.compile(r"0[xX]([0-9a-fA-F]{6,40})")
_QUOTE_ASSETS = ("USDT", "USDC", "BUSD", "TUSD", "FDUSD", "USD", "EUR", "GBP", "TRY", "BRL", "BTC", "ETH", "BNB")
_CURRENCIES = frozenset(
    [
        "USD",
        "EUR",
        "GBP",
        "JPY",
        "CHF",
        "AUD",
        "NZD",
        "CAD",
        "SEK",
        "NOK",
        "DKK",
        "PLN",
        "HUF",
        "CZK",
        "TRY",
        "ZAR",
        "MXN",
        "SGD",
        "HKD",
        "CNH",
        "CNY",
        "RUB",
        "INR",
        "THB",
        "XAU",
        "XAG",
    ]
)


class Markets:
    """Venue ids by exchange and symbol, and by address.

    A market that the table does not list is an error ("stop"), leaves the row out ("skip"), or gets a
    number of its own, which is made from its name and so the same in every run ("number").
    """

    def __init__(self, venues: VenueTable, unknown: UnknownVenues, log: Logger) -> None:
        self._venues = venues
        self._unknown = unknown
        self._log = log
        self._ids: dict[tuple[str, str], int] = {}
        self._listed: dict[tuple[str, str], Venue] = {
            (venue.exchange.lower(), _plain(venue.symbol)): venue for venue in venues if venue.symbol
        }

    def venue_id(self, reading: Reading, exchange: str, symbol: str) -> int:
        """The id of a market, 0 if its rows are to be left out. Raises `UnknownMarketError`."""
        known = self._ids.get((exchange, symbol))
        if known is None:
            known = self._find(reading, exchange, symbol)
            self._ids[exchange, symbol] = known
        if known == 0:
            reading.skip(UnknownMarketError.code)
        return known

    def _find(self, reading: Reading, exchange: str, symbol: str) -> int:
        listed = self._listed.get((exchange.lower(), _plain(symbol)))
        if listed is not None:
            return listed.id
        error = UnknownMarketError(path=reading.path, exchange=exchange, symbol=symbol)
        if self._unknown == "stop":
            raise error
        if self._unknown == "skip":
            self._log.warning("left out", code=error.code, reason=error.args[0])
            return 0
        # BTC/USDT and BTCUSDT are one market, in whatever file they stand.
        numbered = self._venues.number(exchange, symbol.replace("/", "").upper())
        self._log.info(
            "numbered a market that the venue table does not list", venue=numbered.name, venue_id=numbered.id
        )
        return numbered.id

    def symbol_of_file(self, reading: Reading, exchange: str) -> str:
        """The symbol that the name of a file holds, for files without a column for it.

        A word that is a symbol of the venue table comes first, then one that looks like a symbol, then a
        symbol of the table inside a longer word. Raises `UnnamedMarketError`; with "number", a file that
        names nothing is a market under its own name.
        """
        name = PurePath(reading.path).name
        stem = name.partition(".")[0]
        listed = [symbol for known, symbol in self._listed if known == exchange]
        words: list[str] = [word.removeprefix(exchange.upper()) for word in re.split(r"[^A-Z0-9]+", name.upper())]
        pairs = [a + b for a, b in itertools.pairwise(filter(None, words)) if b in _QUOTE_ASSETS or b in _CURRENCIES]
        candidates = (
            *(word for word in (*words, *pairs) if word in listed),
            *(word for word in (*words, *pairs) if _looks_like_symbol(word, exchange)),
            *sorted((symbol for symbol in listed if symbol in _plain(stem)), key=len, reverse=True),
        )
        if candidates:
            return candidates[0]
        if self._unknown == "number":
            self._log.warning("a file names no market: it stands under the name of the file", file=reading.path)
            return stem
        raise UnnamedMarketError(path=reading.path, exchange=exchange)

    def pool_venue_id(self, address: bytes) -> int:
        """The id of a pool, 0 where the table does not list it: its messages carry the address."""
        venue = self._venues.find_address(address)
        return 0 if venue is None else venue.id

    def contract_of_file(self, reading: Reading, otherwise: str = "") -> bytes:
        """The contract whose address, or first digits of it, the name of a file holds, else that of ``otherwise``.

        Raises `UnknownPoolError`.
        """
        found = _ADDRESS.findall(PurePath(reading.path).name) or _ADDRESS.findall(otherwise)
        if not found:
            raise UnknownPoolError(path=reading.path, reason="its name holds no address")
        digits = max(found, key=len).lower()
        if len(digits) == 40:
            return bytes.fromhex(digits)
        listed = self._addresses(digits)
        if len(listed) == 1:
            return listed.pop()
        if listed:
            reason = f"{len(listed)} addresses of the venue table begin with 0x{digits}"
            raise UnknownPoolError(path=reading.path, reason=reason)
        if self._unknown != "number":
            reason = f"no address of the venue table begins with 0x{digits}, which is all that its name holds"
            raise UnknownPoolError(path=reading.path, reason=reason)
        self._log.warning(
            "a file names only the first digits of its pool: the rest of the address is written as zeros",
            file=reading.path,
            pool=f"0x{digits}",
        )
        return bytes.fromhex(digits.ljust(40, "0"))

    def manager_of_file(self, reading: Reading) -> bytes:
        """The position manager of a file of its logs: the one that the name holds, else the one that all chains share."""
        found = _ADDRESS.findall(PurePath(reading.path).name)
        digits = max(found, key=len).lower() if found else ""
        if not digits or POSITION_MANAGER.hex().startswith(digits):
            return POSITION_MANAGER
        if len(digits) == 40:
            return bytes.fromhex(digits)
        listed = self._addresses(digits)
        return listed.pop() if len(listed) == 1 else POSITION_MANAGER

    def _addresses(self, digits: str) -> set[bytes]:
        return {venue.address for venue in self._venues if venue.address and venue.address.hex().startswith(digits)}


def _plain(symbol: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", symbol.upper())


def _looks_like_symbol(word: str, exchange: str) -> bool:
    if exchange == "truefx":
        return len(word) == 6 and word[:3] in _CURRENCIES and word[3:] in _CURRENCIES and word[:3] != word[3:]
    return word.isalnum() and any(word.endswith(asset) and len(word) > len(asset) + 1 for asset in _QUOTE_ASSETS)
