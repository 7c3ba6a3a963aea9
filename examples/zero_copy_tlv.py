"""Read messages in place: views, the one copy that you ask for, frames, columns.

Run it: ``python examples/zero_copy_tlv.py``
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from annotated_types import Gt

from tlv import TLV, ColumnsUnavailableError, Doc, FrameWriter, Group, TLVError, describe, i64, read_frame, u32


class Level(TLV):
    """A plain layout: it has no wire type, so it lives inside other messages."""

    price: Annotated[i64, Doc("price of the level", unit="1e-8 USD")]
    size: Annotated[i64, Doc("size at this price", unit="1e-8 BTC")]


class Book(TLV, type=1001):
    """A message: its class is also its layout, its wire format and its route."""

    sequence: Annotated[i64, Gt(0), Doc("last update in the book", unit="update id")]
    bids: Annotated[Group[Level], Doc("bids, highest first")]
    asks: Annotated[Group[Level], Doc("asks, lowest first")]


class Tick(TLV, type=1002):
    """A fixed-size message."""

    price: Annotated[i64, Gt(0), Doc("last price", unit="1e-8 USD")]
    venue_id: Annotated[u32, Doc("where", unit="id")] = 1


def show_views() -> None:
    """A view borrows its bytes; ``read_from`` is the explicit copy."""
    buffer = bytearray(bytes(Tick(price=100)) + bytes(Tick(price=200)))
    view = Tick.ref_from(buffer, Tick.layout.size)
    copy = Tick.read_from(buffer, Tick.layout.size)
    Tick.emplace(buffer, Tick.layout.size, price=300)
    print(f"the view sees {view.price}, the copy keeps {copy.price}")


def show_frame() -> bytes:
    """A frame carries any number of messages; a caller's buffer can be written in place."""
    writer = FrameWriter(source=7)
    writer.append(Book(sequence=1, bids=[Level(99, 5), Level(98, 7)], asks=[Level(101, 4)]))
    for price in range(1, 1001):
        writer.emplace(Tick, price=price)
    frame: bytes = writer.finish()
    read = read_frame(frame, messages=[Book, Tick])
    seen: list[int] = []
    read.dispatch({Tick: lambda tick: seen.append(tick.price)})
    book = next(iter(read))
    print(f"{len(frame)} bytes, {len(seen)} ticks dispatched, and {book}")
    return frame


def show_columns(frame: bytes) -> None:
    """A run of one type is a NumPy column over the frame's own bytes."""
    for batch in read_frame(frame, messages=[Book, Tick]).batches():
        try:
            print(f"{batch}: {', '.join(batch.columns().dtype.names or ())}")
            if batch.message_type is Tick:
                print(f"sum of prices: {batch.column('price').sum()}")
        except ColumnsUnavailableError as error:
            print(error)


def show_errors() -> None:
    """Bad bytes and bad values are declared errors that name field, rule and value."""
    attempts: list[Callable[[], Tick]] = [
        lambda: Tick(price=2**63),
        lambda: Tick.ref_from(b"short"),
        lambda: Tick.ref_from_validated(bytes(Tick.layout.size)),
    ]
    for attempt in attempts:
        try:
            attempt()
        except TLVError as error:
            print(error)


def main() -> None:
    """Show each in turn."""
    print(describe(Tick), end="\n\n")
    show_views()
    show_columns(show_frame())
    show_errors()


if __name__ == "__main__":
    main()
