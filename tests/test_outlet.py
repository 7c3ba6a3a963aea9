"""The near end of a stream: what it takes out of its mailbox, writes into frames, and counts."""

from __future__ import annotations

from typing import Any

import pytest

from mycelium import Actor, handles
from mycelium.contract import contract_of
from mycelium.mail import Keyed, Sampled, Sent
from mycelium.remote.outlet import Outlet
from mycelium.topology.nodes import Stream
from tlv import TLV, i64, read_frame

HEADER = 32


class Bid(TLV, type=1101):
    number: i64


class Note(TLV, type=1102):
    number: i64
    text: str


class Desk(Actor, receives=(Bid, Note)):
    @handles
    def on_bid(self, bid: Bid) -> None: ...

    @handles
    def on_note(self, note: Note) -> None: ...


@pytest.fixture
def outlet() -> Outlet:
    stream = Stream(3, "feed", "desk", "here", "there", (Bid, Note))
    return Outlet(stream, contract_of(Desk), None, lambda outlet: None)


def filled(outlet: Outlet, size: int = 4096) -> list[Any]:
    """What is in the next frame."""
    buffer = memoryview(bytearray(size))
    length = outlet.fill(buffer)
    return list(read_frame(buffer[:length], messages=(Bid, Note))) if length else []


def counts(outlet: Outlet) -> dict[str, int]:
    return {kind.__name__: count for kind, count in outlet.passed().items() if count}


def test_messages_of_all_kinds_go_in_the_order_in_which_they_came(outlet: Outlet) -> None:
    forgotten: list[Any] = []
    items: list[Any] = [
        Bid(0),
        Bid(1),
        Sampled(Bid(2), 1),
        Note(3, "three"),
        Sent(Bid(4)),
        Keyed(Bid(5), None, forgotten.append),
        Keyed(Sampled(Sent(Bid(6)), 1), None, forgotten.append),
        Sampled(Note(7, "seven"), 1),
        Bid(8),
    ]
    for item in items:
        outlet.mailbox.items.append(item)
    assert [message.number for message in filled(outlet)] == list(range(9))
    assert counts(outlet) == {"Bid": 7, "Note": 2}
    assert outlet.sent == 9
    assert outlet.mailbox.tally.latency.summary().samples == 3
    assert [keyed.item for keyed in forgotten] == [Bid(5), items[6].item]
    assert outlet.mailbox.high_water_mark == 9
    assert filled(outlet) == []


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_has_no_room_in_a_frame_goes_first_in_the_next(outlet: Outlet, wrapped: bool) -> None:
    for number in range(10):
        outlet.mailbox.items.append(Sent(Bid(number)) if wrapped else Bid(number))
    frames = []
    while frame := filled(outlet, HEADER + 3 * 16 + 15):
        frames.append([message.number for message in frame])
    assert frames == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert outlet.sent == 10
    assert counts(outlet) == {"Bid": 10}


def test_a_message_that_fits_into_no_frame_is_a_dead_letter_and_holds_up_nobody(outlet: Outlet) -> None:
    for message in (Bid(0), Note(1, "x" * 500), Bid(2), Note(3, "x" * 500), Note(4, "x" * 500)):
        outlet.mailbox.items.append(message)
    got = [message.number for _ in range(4) for message in filled(outlet, 200)]
    assert got == [0, 2]
    assert counts(outlet) == {"Bid": 2}
    assert outlet.mailbox.tally.dead == {Note: 3}


def test_no_more_go_out_than_the_receiver_has_credit_for(outlet: Outlet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mycelium.remote.outlet.WINDOW", 5)
    for number in range(8):
        outlet.mailbox.items.append(Bid(number))
    assert len(filled(outlet)) == 5
    assert filled(outlet) == []
    outlet.credit(2)
    assert [message.number for message in filled(outlet)] == [5, 6]
    outlet.begin()
    assert outlet.lost == {Bid: 5}
    assert [message.number for message in filled(outlet)] == [7]
