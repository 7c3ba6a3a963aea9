"""Nodes of different versions: they talk on the messages that both read alike, and say which they do not, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from mycelium import Actor, ActorSpec, Source, Topology, handles
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.remote.messages import Wire
from mycelium.remote.mismatch import received_layouts
from tests.stranger import Stranger, greeting_of
from tests.talking import Ask, Note, desk_and_book, peers
from tests.test_link_faults import join, running, whole
from tests.topology_actors import Price, Tick
from tests.waiting import check_nothing_runs, wait_for
from tlv import TLV, i32

COUNT = 100


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    check_nothing_runs()


@pytest.fixture
def link() -> Iterator[LoopbackLink]:
    with LoopbackLink() as link:
        yield link


class Older:
    """As an older version declares it."""

    class Tick(TLV, type=1000):
        number: i32


class Both(Source, emits=(Tick, Price)):
    def produce(self) -> Iterator[TLV]:
        for number in range(COUNT):
            yield Tick(number=number)
            yield Price(value=number)


class OlderBoth(Source, emits=(Older.Tick, Price)):
    def produce(self) -> Iterator[TLV]:
        return iter(())


class Keeps(Actor, receives=(Tick, Price)):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.kept.append(tick)

    @handles
    def on_price(self, price: Price) -> None:
        self.kept.append(price.value)


class OlderKeeps(Actor, receives=(Older.Tick, Price)):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    @handles
    def on_tick(self, tick: Older.Tick) -> None:
        self.kept.append(tick)

    @handles
    def on_price(self, price: Price) -> None:
        self.kept.append(price.value)


def of_version(sender: type[Source], receiver: type[Actor]) -> Topology:
    return Topology(
        name="versions",
        nodes={"left": {}, "right": {}},
        actors={
            "sender": ActorSpec(actor_class=sender, node="left"),
            "receiver": ActorSpec(actor_class=receiver, node="right"),
        },
    )


def test_what_both_read_alike_flows_and_what_they_do_not_is_named_and_counted(link: LoopbackLink) -> None:
    left = JoinedNode(of_version(Both, Keeps), "left", link)
    right = JoinedNode(of_version(OlderBoth, OlderKeeps), "right", link)
    with capture_logs() as lines:
        join(*running(right, left))
    keeper: Any = right._actors["receiver"]
    assert keeper.kept == list(range(COUNT))
    report = whole(left, right)
    assert report.balanced
    counts = {row.message: (row.sent, row.handled, row.dead_lettered, row.lost) for row in report.messages}
    assert counts == {"Tick": (COUNT, 0, COUNT, 0), "Price": (COUNT, COUNT, 0, 0)}
    said = [(one.actor, one.error, one.message.partition(":")[2].split(";")[0].strip()) for one in report.failures]
    assert said == [
        ("node left", "PeerMismatchError", "sender -> receiver: Tick.number is i64 here and i32 there"),
        ("node right", "PeerMismatchError", "sender -> receiver: Tick.number is i32 here and i64 there"),
    ]
    told = [line for line in lines if line["event"] == "a message is read otherwise there"]
    assert Counter(line["node"] for line in told) == {"left": 1, "right": 1}
    assert not [line for line in lines if line["event"] == "dead letter"], "the log has told of it"


@pytest.fixture
def desk(link: LoopbackLink) -> Iterator[JoinedNode]:
    """A node that expects another one, which a stranger takes the place of."""
    node = JoinedNode(desk_and_book(), "left", link, drain_s=1.0, patience_s=0.1)
    node.start()
    yield node
    node.stop()


def test_what_was_told_before_the_two_met_becomes_a_dead_letter_where_it_is_read_otherwise(
    link: LoopbackLink, desk: JoinedNode
) -> None:
    desk.refs["book"].tell(Note(number=1))
    stranger = Stranger(link, "right", "left")
    stranger.say(greeting_of(7), *received_layouts((Ask,)))
    (peer,) = peers(desk)
    assert wait_for(lambda: desk.report().total.dead_lettered == 1)
    assert desk.report().balanced
    assert "Note is received by nobody there" in str(peer.mismatches.unreadable[Note])
    stranger.close()


class Newer(TLV, type=1999):
    number: i32


def test_messages_of_unknown_types_are_passed_over_and_counted(link: LoopbackLink) -> None:
    node = JoinedNode(desk_and_book(), "right", link, drain_s=1.0)
    node.start()
    book: Any = node._actors["book"]
    stranger = Stranger(link, "left", "right")
    stranger.say(greeting_of(7, "left"), Newer(number=1), *received_layouts((Ask, Note)))
    stranger.say(Wire.Opening(stream=0x8000, sender="desk", receiver="book"))
    stranger.say(Note(number=1), Newer(number=2), Newer(number=3), Note(number=2), source=0x8000)
    stranger.say(Newer(number=4), Note(number=3), source=0x8000)
    while stranger.hear(Wire.Credit).arrived < 6:
        pass
    assert wait_for(lambda: book.notes == [1, 2, 3])
    (peer,) = peers(node)
    assert (peer.receiving.unknown, peer.receiving.rubbish) == (1, 0)
    stranger.say(Wire.Goodbye(incarnation=7))
    stranger.close()
    node.stop()
    (failure,) = node.report().failures
    assert failure.error == "MessagesUnknownError"
    assert "desk -> book: 3 messages of types that are unknown here" in failure.message
    assert node.report().balanced


def test_who_greets_by_another_name_is_refused(link: LoopbackLink, desk: JoinedNode) -> None:
    (peer,) = peers(desk)
    stranger = Stranger(link, "right", "left")
    book = received_layouts((Ask, Note))
    stranger.say(greeting_of(7, "wrong"), *book)
    assert wait_for(lambda: peer.refused)
    assert "what greets in its place is called 'wrong'" in str(peer.refused)
    assert not peer.joined


def test_a_greeting_of_another_name_does_not_part_two_that_have_met(link: LoopbackLink, desk: JoinedNode) -> None:
    (peer,) = peers(desk)
    stranger = Stranger(link, "right", "left")
    stranger.say(greeting_of(7), *received_layouts((Ask, Note)))
    assert wait_for(lambda: peer.joined)
    stranger.say(greeting_of(8, "wrong"))
    assert wait_for(lambda: peer.receiving.rubbish == 1)
    assert (peer.joined, peer.their_incarnation, peer.refused) == (True, 7, None)
    stranger.close()
