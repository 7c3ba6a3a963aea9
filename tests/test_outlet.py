"""The near end of a stream: what it takes out of its mailbox, writes into frames, and counts."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from mycelium import Actor, handles
from mycelium.contracts.contract import contract_of
from mycelium.mailbox.mail import Keyed, Sampled, Sent
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


@pytest.mark.parametrize("wrapped", [False, True])
def test_at_no_line_does_it_look_drained_before_all_has_arrived(outlet: Outlet, wrapped: bool) -> None:
    """A node that looks in between would leave with messages that are neither in the mailbox nor sent."""
    outlet.end_told = True
    seen: list[bool] = []

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        sys.settrace(None)
        seen.append(outlet.drained)
        sys.settrace(trace)
        return trace

    for number in range(3):
        outlet.mailbox.items.append(Sent(Bid(number)) if wrapped else Bid(number))
    buffer = memoryview(bytearray(4096))
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        outlet.fill(buffer)
    finally:
        sys.settrace(before)
    assert len(seen) > 10
    assert not any(seen)
    outlet.credit(3)
    assert outlet.drained


def test_what_a_frame_could_not_be_built_of_is_counted_as_sent_or_waits(
    outlet: Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that sends ends with it; the ledger still balances."""

    def fail(writer: Any, item: Any, message: Any) -> None:
        raise RuntimeError

    for item in (Bid(0), Bid(1), Sent(Bid(2))):
        outlet.mailbox.items.append(item)
    monkeypatch.setattr(outlet, "_append", fail)
    with pytest.raises(RuntimeError):
        filled(outlet)
    assert counts(outlet) == {"Bid": 2}
    assert [item.message for item in outlet.mailbox.items] == [Bid(2)]
    assert not outlet.drained
