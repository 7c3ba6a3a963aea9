"""Venues: the markets of a topology, and the table that finds them.

A venue is one market: an instrument on an exchange, or a pool on a chain. Messages carry its
``venue_id``; everything else about it is here.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from .errors.topology import UnknownVenueError
from .nearest import did_you_mean

__all__ = ["Venue", "VenueTable", "duplicate_venues"]

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")


class Venue(BaseModel):
    """One market of the venue table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[int, Field(ge=1, le=0xFFFF_FFFF, strict=True)]
    name: Annotated[str, Field(min_length=1)]
    exchange: str = ""
    symbol: str = ""
    address: bytes | None = None
    tokens: tuple[str, str] | None = None
    decimals: tuple[Annotated[int, Field(ge=0, le=77)], Annotated[int, Field(ge=0, le=77)]] | None = None

    @field_validator("address", mode="before")
    @classmethod
    def _read_address(cls, given: Any) -> Any:
        if isinstance(given, str):
            if not _ADDRESS.fullmatch(given):
                msg = "an address is 0x and 40 hex digits"
                raise ValueError(msg)
            return bytes.fromhex(given[2:])
        if isinstance(given, bytes) and len(given) != 20:
            msg = f"an address has 20 bytes, not {len(given)}"
            raise ValueError(msg)
        return given

    @property
    def address_text(self) -> str:
        """The address as ``0x`` and hex digits, empty where the venue has none."""
        return "" if self.address is None else f"0x{self.address.hex()}"


class VenueTable:
    """Finds venues by id, by exchange and symbol, by address or by name.

    The plain calls raise `UnknownVenueError` for what the table does not list; those that begin
    with ``find_`` return None.
    """

    def __init__(self, venues: Iterable[Venue] = (), *, topology: str = "this topology") -> None:
        self._venues = tuple(venues)
        self._topology = topology
        self._lock = threading.Lock()
        self._by_id = {venue.id: venue for venue in self._venues}
        self._by_name = {venue.name: venue for venue in self._venues}
        self._by_symbol = {(venue.exchange, venue.symbol): venue for venue in self._venues if venue.symbol}
        self._by_address = {venue.address: venue for venue in self._venues if venue.address is not None}

    def __len__(self) -> int:
        return len(self._venues)

    def __iter__(self) -> Iterator[Venue]:
        return iter(self._venues)

    def __repr__(self) -> str:
        return f"VenueTable({len(self)} venues of {self._topology})"

    def by_id(self, venue_id: int) -> Venue:
        """The venue with this id."""
        return self._by_id.get(venue_id) or self._refuse(
            f"venue {venue_id}", str(venue_id), lambda venue: str(venue.id)
        )

    def by_name(self, name: str) -> Venue:
        """The venue of this name."""
        return self._by_name.get(name) or self._refuse(f"venue {name!r}", name, lambda venue: venue.name)

    def by_symbol(self, exchange: str, symbol: str) -> Venue:
        """The market of ``symbol`` on ``exchange``."""
        found = self._by_symbol.get((exchange, symbol))
        return found or self._refuse(
            f"market {symbol!r} of exchange {exchange!r}",
            f"{exchange}:{symbol}",
            lambda venue: f"{venue.exchange}:{venue.symbol}" if venue.symbol else "",
        )

    def by_address(self, address: bytes) -> Venue:
        """The pool or contract at this address of 20 bytes."""
        found = self._by_address.get(bytes(address))
        return found or self._refuse(f"pool 0x{address.hex()}", f"0x{address.hex()}", lambda venue: venue.address_text)

    def find_id(self, venue_id: int) -> Venue | None:
        """The venue with this id, or None."""
        return self._by_id.get(venue_id)

    def find_symbol(self, exchange: str, symbol: str) -> Venue | None:
        """The market of ``symbol`` on ``exchange``, or None."""
        return self._by_symbol.get((exchange, symbol))

    def find_address(self, address: bytes) -> Venue | None:
        """The pool or contract at this address, or None."""
        return self._by_address.get(bytes(address))

    def number(self, exchange: str, symbol: str) -> Venue:
        """The market of ``symbol`` on ``exchange``; if it is not listed, it is now, under an id of its own.

        The id is made from the two names, so every run and every process comes to the same one.
        """
        with self._lock:
            found = self.find_symbol(exchange, symbol)
            if found is None:
                venue_id = 0x8000_0000 | zlib.crc32(f"{exchange}:{symbol}".encode())
                while venue_id in self._by_id:
                    venue_id = 0x8000_0000 | (venue_id + 1) & 0xFFFF_FFFF
                found = Venue(id=venue_id, name=f"{exchange}:{symbol}", exchange=exchange, symbol=symbol)
                self._venues += (found,)
                self._by_id[found.id] = found
                self._by_name.setdefault(found.name, found)
                self._by_symbol[exchange, symbol] = found
            return found

    def name(self, venue_id: int) -> str:
        """The name of the venue with this id."""
        return self.by_id(venue_id).name

    def _refuse(self, wanted: str, given: str, spelled: Callable[[Venue], str]) -> Venue:
        known = [text for venue in self._venues if (text := spelled(venue))]
        hint = f"{did_you_mean(given, known, 'venues with one')} Venues stand under [[venues]]"
        raise UnknownVenueError(topology=self._topology, wanted=wanted, hint=hint)


def duplicate_venues(venues: Sequence[Venue]) -> list[tuple[int, str, str]]:
    """The venues that an earlier one already stands for: index, what they share, and with which.

    Each id, name, address and pair of exchange and symbol belongs to one venue.
    """
    found = []
    seen: dict[tuple[str, object], int] = {}
    for index, venue in enumerate(venues):
        keys: list[tuple[str, object]] = [("id", venue.id), ("name", venue.name)]
        if venue.symbol:
            keys.append(("symbol", f"{venue.exchange}:{venue.symbol}"))
        if venue.address is not None:
            keys.append(("address", venue.address_text))
        for key in keys:
            first = seen.setdefault(key, index)
            if first != index:
                found.append((index, f"{key[0]} {key[1]!r}", f" (no. {first + 1} and no. {index + 1})"))
    return found
