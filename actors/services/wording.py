"""How the services write markets and numbers in logs and summaries."""

from __future__ import annotations

from decimal import Decimal

from mycelium.venues import VenueTable

__all__ = ["count_text", "decimal_text", "venue_text"]


def venue_text(venues: VenueTable, venue_id: int) -> str:
    """The name of a market, or its number where the venue table does not list it."""
    venue = venues.find_id(venue_id)
    return venue.name if venue else f"venue {venue_id}"


def decimal_text(units: int) -> str:
    """A number of 1e-8 units, exact and without needless zeros: ``39,432.48``."""
    return f"{Decimal(units).scaleb(-8).normalize():,f}"


def count_text(count: int, one: str, many: str = "") -> str:
    """A number of things: ``1 book``, ``2,000 books``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
