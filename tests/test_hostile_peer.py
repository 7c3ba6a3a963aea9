"""A peer that means harm: what it says by hand is refused and counted, holds nothing for ever, and ends nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.remote.messages import CONTROL, WIRE_MESSAGES, Act, Form, Wire
from mycelium.remote.mismatch import received_layouts
from mycelium.remote.values import told_error
from tests.stranger import Stranger, framed, greeting_of
from tests.talking import DEADLINE_S, Ask, Note, desk_and_book, peers
from tests.waiting import check_nothing_runs
from tlv import TLV

OPENED = 0x8000


class Met:
    """A node with a book, and a stranger whom it takes for its peer."""

    def __init__(self, link: LoopbackLink) -> None:
        self.node = JoinedNode(desk_and_book(), "right", link, drain_s=1.0)
        self.node.start()
        self.book: Any = self.node._actors["book"]
        (self.peer,) = peers(self.node)
        self.stranger = Stranger(link, "left", "right")
        self.say = self.stranger.say
        self.say(greeting_of(7, "left"), *received_layouts((Ask, Note)))
        self.say(Wire.Opening(stream=OPENED, sender="desk", receiver="book"))

    def order(self, number: int, act: int, actor: str = "book") -> None:
        self.say(Wire.Order(number=number, act=act, actor=actor, watcher="desk"))

    def goes_on(self) -> None:
        """A question is answered all the same, in a stream of which no lie was told."""
        self.say(Wire.Opening(stream=OPENED + 100, sender="node left", receiver="book"))
        self.say(question(999), source=OPENED + 100)
        while (answer := self.stranger.hear(Wire.Answer)).number != 999:
            pass
        assert (answer.form, answer.value) == (Form.INTEGER, b"\2")
        assert self.peer.failed is None

    def close(self) -> None:
        self.say(Wire.Goodbye(incarnation=7))
        self.stranger.close()
        self.node.stop()
        assert self.node.report().balanced


def question(number: int) -> Wire.Question:
    message = bytes(Ask(number=1).as_bytes())
    return Wire.Question(number=number, left_us=60_000_000, kind=1010, sender="", message=message)


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> Iterator[Met]:
    monkeypatch.setattr("mycelium.remote.receiving.RUBBISH_S", -1.0)  # so that it is never cut off
    with LoopbackLink() as link:
        made = Met(link)
        yield made
        made.close()
    check_nothing_runs()


def test_it_watches_no_more_ends_than_there_is_room_for(met: Met, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mycelium.remote.orders.WATCHES_MAX", 3)
    for number in range(5):
        met.order(number, Act.WATCH)
    refused = [met.stranger.hear(Wire.Failed) for _ in range(2)]
    assert [(one.number, one.ended, one.code) for one in refused] == [(3, 1, "ACT-077"), (4, 1, "ACT-077")]
    assert "left watches 3 ends of actors of right already" in refused[0].said
    orders = met.peer.talk.orders
    assert (orders.watches, orders.refused) == (3, 2)
    met.order(0, Act.UNWATCH)
    met.order(5, Act.WATCH)
    met.goes_on()
    assert (orders.watches, orders.refused) == (3, 2)
    assert len(met.book.mailbox._watchers) == 3


def test_a_number_watches_once(met: Met) -> None:
    met.order(1, Act.WATCH)
    met.order(1, Act.WATCH_AHEAD)
    met.goes_on()
    assert (met.peer.talk.orders.watches, met.peer.receiving.rubbish) == (1, 1)
    assert len(met.book.mailbox._watchers) == 1


def test_who_takes_no_answers_orders_nothing_more(met: Met, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mycelium.remote.orders.OUTBOX_MAX", 0)
    monkeypatch.setattr("mycelium.remote.hearing.OUTBOX_MAX", 0)
    met.order(1, Act.WATCH, "nobody")
    met.say(Wire.Question(number=2, left_us=1, kind=4711, sender="", message=b""), source=OPENED)
    met.goes_on()
    assert met.peer.receiving.rubbish == 2


def test_a_number_of_a_stream_is_opened_once_and_never_into_that_of_another_peer(met: Met) -> None:
    met.say(Wire.Opening(stream=OPENED, sender="desk", receiver="book"))
    met.say(Wire.Opening(stream=OPENED, sender="another", receiver="book"))
    met.say(Wire.Opening(stream=OPENED + 1, sender="another", receiver="nobody"))
    met.say(Wire.Opening(stream=CONTROL, sender="another", receiver="book"))
    met.goes_on()
    directory = met.node._wiring.directory
    assert [str(one.stream) for one in directory.opened_inlets] == ["desk -> book", "node left -> book"]
    assert met.peer.receiving.rubbish == 3
    other: Any = type("Peer", (), {"name": "third", "inlets": {}, "inlet_of": met.peer.inlet_of})()
    opening = Wire.Opening(stream=OPENED, sender="desk", receiver="book")
    assert directory.inlet_for(other, opening) is not met.peer.inlets[OPENED]


def test_texts_that_are_none_end_nothing(met: Met) -> None:
    """Neither beside the streams nor in one; and what follows there comes."""
    for spoken in (
        Wire.Order(number=1, act=1, actor="x" * 8, watcher=""),
        Wire.Failed(number=1, ended=1, code="x" * 8, error="", said="", parameters="", notes="", traceback=""),
        Wire.Told(kind=1011, sender="x" * 8, message=bytes(Note(number=1).as_bytes())),
    ):
        for source in (CONTROL, OPENED):
            sequence = met.stranger._said[source]
            spoilt = framed(spoken, source=source, sequence=sequence, checksum=False).replace(b"x" * 8, b"\xff" * 8)
            met.stranger.sender.send(spoilt, timeout=DEADLINE_S)
            met.stranger._said[source] += 1
    met.goes_on()
    assert met.peer.receiving.rubbish >= 5
    assert met.book.notes == []


def test_a_told_message_of_an_unknown_type_is_counted(met: Met) -> None:
    met.say(Wire.Told(kind=4711, sender="desk", message=b"\0" * 8), source=OPENED)
    met.goes_on()
    assert met.peer.inlets[OPENED].unknown == 1


def test_notes_and_parameters_that_are_a_maze_are_only_text() -> None:
    maze = "[" * 100_000
    values: dict[str, Any] = {"number": 1, "ended": 0, "error": "KeyError", "said": "gone", "traceback": ""}
    error = told_error(Wire.Failed(code="ACT-001", parameters=maze, notes=maze, **values), "right")
    assert error is not None
    many = json.dumps(["note"] * 10_000)
    error = told_error(Wire.Failed(code="", parameters="{}", notes=many, **values), "right")
    assert error is not None
    assert len(error.__notes__) == 100


def any_message(random: Random) -> TLV:
    """One of those that nodes tell each other, with anything in it; but a goodbye, and what stops the book."""
    kind = random.choice([one for one in WIRE_MESSAGES if one not in (Wire.Goodbye, Wire.Greeting)])
    numbers = (0, 1, 2, 7, OPENED, OPENED + 1, CONTROL, 1010, 1011, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
    texts = ("", "desk", "book", "{}", "[]", "[[", '{"a": 1}', "ACT-001", "NOD-023", "\0", "é" * 500, "a b c\nd")
    values: dict[str, Any] = {}
    for field in kind.layout:
        if field.kind == "text":
            values[field.name] = random.choice(texts)
        elif field.kind == "bytes":
            values[field.name] = random.choice((b"", b"\0", b"\1" * 8, b"[" * 300))
        else:
            bits = int(str(field.kind)[1:])
            values[field.name] = random.choice([one for one in numbers if one < 2**bits])
    if kind is Wire.Order:
        values["act"] = random.choice((Act.WATCH, Act.WATCH_AHEAD, Act.UNWATCH, 0, 9))
    if kind in (Wire.StreamEnd, Wire.Opening, Wire.Credit) and random.random() < 0.5:
        values["stream"] = OPENED + random.randrange(3)
    return kind(**values)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_nodes_may_tell_each_other_ends_one(met: Met, seed: int) -> None:
    random = Random(seed)
    for _ in range(400):
        source = random.choice((CONTROL, OPENED))
        met.say(*(any_message(random) for _ in range(random.randrange(1, 4))), source=source)
        if random.random() < 0.1:
            theirs = (any_message(random) for _ in range(5))
            met.say(greeting_of(7, random.choice(("left", "left", "wrong"))), *received_layouts((Ask, Note)), *theirs)
    met.say(greeting_of(7, "left"), *received_layouts((Ask, Note)))
    met.goes_on()
