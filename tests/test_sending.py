"""The sending thread of a peer: it wakes seldom where there is nothing to do, and a frame that waits for more goes when it is full."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self

import pytest

from mycelium import Actor, handles
from mycelium.contracts.contract import contract_of
from mycelium.mailbox.bounds import Bounded
from mycelium.remote import sending
from mycelium.remote.batching import Batching
from mycelium.remote.outlet import FRAME_MESSAGES, Outlet
from mycelium.remote.sending import FRAME_SIZE, LOOK_S, PeerSender
from mycelium.topology.nodes import Stream
from tlv import TLV, i64


class Bid(TLV, type=1111):
    number: i64


class Text(TLV, type=1112):
    text: str


class Desk(Actor, receives=(Bid, Text)):
    @handles
    def on_bid(self, bid: Bid) -> None: ...

    @handles
    def on_text(self, text: Text) -> None: ...


class World:
    """A clock that goes on while the thread sleeps, and the event on which it does."""

    def __init__(self, peer: Any) -> None:
        self.peer = peer
        self.now = 100.0
        self.until = 110.0
        self.wakes = 0
        self.is_set = False

    def monotonic(self) -> float:
        return self.now

    def set(self) -> None:
        self.is_set = True

    def clear(self) -> None:
        self.is_set = False

    def wait(self, seconds: float) -> None:
        self.wakes += 1
        self.now += 1e-6 if self.is_set else max(seconds, 1e-6)
        self.peer.closing = self.now >= self.until or self.wakes > 10_000


class End:
    """That of a link over which what was built is kept."""

    def __init__(self, *, connected: bool) -> None:
        self.connected = connected
        self.sizes: list[int] = []

    def loan(self, size: int, **_: Any) -> Self:
        self.buffer, self.size = memoryview(bytearray(size)), size
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.sizes.append(self.size)


def sender_to(world: Any, *, connected: bool, joined: bool, linger_s: float = 0.0) -> Any:
    peer: Any = SimpleNamespace(
        closing=False, failed=None, met=True, lost_at=None if connected else 1.0, left=False, given_up=False, joined=joined,
        ready=True, linger_s=linger_s, outlets={}, inlets={}, their_incarnation=1, talk=SimpleNamespace(outbox=[], look=lambda now: None),
    )  # fmt: skip
    world.peer = peer
    sender = PeerSender(peer)
    peer.sender = sender
    sender.end = End(connected=connected)  # type: ignore[assignment]
    sender.greet_due = False
    sender._wake = world
    return sender


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(None)
    monkeypatch.setattr(sending, "time", world)
    return world


@pytest.mark.parametrize("due", ["nothing", "arrivals", "arrivals at once", "a held frame"])
@pytest.mark.parametrize(("connected", "joined"), [(True, True), (True, False), (False, False)])
def test_a_peer_with_nothing_to_send_wakes_seldom(world: World, due: str, connected: bool, joined: bool) -> None:
    sender = sender_to(world, connected=connected, joined=joined)
    if due.startswith("arrivals"):
        sender.tell_arrivals(at_once=due.endswith("once"))
    elif due == "a held frame":
        sender._held[outlet_of(sender)] = world.now - 1.0
    sender.run()
    assert world.wakes <= 10 / LOOK_S + 20
    assert world.wakes >= 10 / LOOK_S - 1, "it looks whether the peer is there"


def outlet_of(sender: Any, bound: Bounded | None = None) -> Outlet:
    stream = Stream(3, "feed", "desk", "here", "there", (Bid, Text))
    return Outlet(stream, contract_of(Desk), bound, sender.announce)


def lingering(world: World, bound: Bounded | None = None) -> tuple[Any, Outlet]:
    """A frame waits for more, with one message in it."""
    sender = sender_to(world, connected=True, joined=True, linger_s=1.0)
    outlet = outlet_of(sender, bound)
    sender._batching[outlet] = Batching(1.0, FRAME_MESSAGES, FRAME_SIZE, world.monotonic)
    outlet.mailbox.put(Bid(0))
    sender.step()
    assert not sender.end.sizes
    assert outlet.mailbox.asleep
    world.clear()
    return sender, outlet


@pytest.mark.parametrize(("bound", "full"), [(None, FRAME_MESSAGES), (Bounded(100), 50)])
def test_a_frame_that_waits_goes_as_soon_as_it_is_full(world: World, bound: Bounded | None, full: int) -> None:
    sender, outlet = lingering(world, bound)
    for number in range(1, full - 1):
        outlet.mailbox.put(Bid(number))
    assert not world.is_set, "nobody is woken before"
    outlet.mailbox.put(Bid(full))
    assert world.is_set
    sender.step()
    assert outlet.sent == full
    assert not sender._held
    assert sender._patience() == LOOK_S


def test_a_frame_of_large_messages_is_full_sooner(world: World) -> None:
    sender, outlet = lingering(world)
    large = FRAME_SIZE // 4
    for _ in range(2):
        outlet.mailbox.put(Text("x" * large))
    world.now += 1.0
    sender.step()
    assert len(sender.end.sizes) == 1
    for count in range(1, 6):
        outlet.mailbox.put(Text("x" * large))
        sender.step()
        assert (len(sender.end.sizes) > 1) == (count == 5), (
            "three messages of the last frame took a bit more than half of one"
        )


def test_what_waits_goes_when_the_linger_is_over_and_the_next_begins_anew(world: World) -> None:
    sender, outlet = lingering(world)
    assert sender._patience() == pytest.approx(LOOK_S)
    world.now += 0.9
    assert sender._patience() == pytest.approx(0.1)
    world.now += 0.1
    sender.step()
    assert outlet.sent == 1
    world.clear()
    outlet.mailbox.put(Bid(1))
    assert world.is_set
    sender.step()
    assert outlet.sent == 1


def test_a_question_waits_for_nothing(world: World) -> None:
    sender, outlet = lingering(world)
    outlet.mailbox.put(Bid(1))
    outlet.mailbox.hurry()
    assert world.is_set
    sender.step()
    assert outlet.sent == 2
    assert not outlet.mailbox.urgent
    world.clear()
    outlet.mailbox.put(Bid(2))
    sender.step()
    assert outlet.sent == 2, "what comes after it waits again"
