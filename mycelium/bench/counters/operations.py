"""What is counted: the workloads of the contests, and single operations that no contest is held over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from mycelium.bench.contest import Contestant, Measure
from mycelium.bench.frames import FRAME_MESSAGES
from mycelium.bench.messages import VALUES, packer
from mycelium.bench.suite import CONTESTS
from mycelium.bench.telling import Counter
from mycelium.bench.timing import looped, snippet
from tlv.market_data import TradeTLV

__all__ = ["GROUPS", "EmptyLoop", "Group", "empty_loop"]


#: How often a statement is executed in one count: what does not cancel weighs less than a hundredth then.
_STATEMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Group:
    """Operations that one process counts, one after the other; the first of the bare ones is what ours stand beside."""

    name: str
    question: str
    operations: tuple[Contestant, ...]
    #: Operations of one count; another count does twice as many, and the difference is what is told.
    count: int
    #: The operations are statements in a loop, and the cost of the empty loop is taken off.
    inline: bool

    @property
    def beside(self) -> Contestant:
        """The bare primitive."""
        return next(one for one in self.operations if not one.ours)


#: The loop that statements are measured in, with nothing in it.
EmptyLoop = "(the empty loop)"


def empty_loop() -> Measure:
    """The measure of it."""
    return snippet("pass")


def _picked(name: str, *names: str, frames: int = 1, inline: bool = False) -> Group:
    """Some of those who are in a contest."""
    contest = CONTESTS[name]
    by_name = {one.name: one for one in contest.contestants}
    count = _STATEMENTS if inline else frames * FRAME_MESSAGES
    return Group(name, contest.question, tuple(by_name[one] for one in names), count, inline)


def _statements(name: str, question: str, ours: Mapping[str, str], bare: Mapping[str, str], **names: Any) -> Group:
    """Statements that no contest has."""

    def prepare(statement: str) -> Callable[[], Measure]:
        return lambda: snippet(statement, **names)

    operations = (
        *(Contestant(one, prepare(statement), ours=True) for one, statement in ours.items()),
        *(Contestant(one, prepare(statement)) for one, statement in bare.items()),
    )
    return Group(name, question, operations, _STATEMENTS, inline=True)


def _copies() -> Group:
    data = packer.pack(*VALUES) * 1_000
    return _statements(
        "copies",
        "What does it take to get a message out of a buffer, and its bytes into one?",
        {
            "ref_from": "TradeTLV.ref_from(data, 3200)",
            "read_from": "TradeTLV.read_from(data, 3200)",
            "as_bytes": "trade.as_bytes()",
            "write_into": "trade.write_into(buffer, 3200)",
        },
        {"struct.unpack_from": "unpack_from(data, 3200)", "struct.pack_into": "pack_into(buffer, 3200, *values)"},
        TradeTLV=TradeTLV,
        trade=TradeTLV(*VALUES),
        data=data,
        buffer=bytearray(data),
        values=VALUES,
        unpack_from=packer.unpack_from,
        pack_into=packer.pack_into,
    )


def _validation() -> Group:
    """The contest, and the call that checks a message which is there already."""
    picked = _picked(
        "validation",
        "TradeTLV, ref_from_validated",
        "three constraints, ref_from_validated",
        "struct.unpack_from, if",
        inline=True,
    )
    trade = TradeTLV(*VALUES)
    validate = Contestant("TradeTLV, validate", lambda: snippet("trade.validate()", trade=trade), ours=True)
    return replace(picked, operations=(validate, *picked.operations))


def _told_and_handled() -> Callable[[], None]:
    """1,000 messages are made and told to an actor, which then handles them, all in this thread."""
    actor = Counter.create(-1, Event())
    actor._bind_handlers()
    price, quantity, timestamp, venue_id = VALUES
    tell = actor.actor_ref.tell
    items = actor.mailbox.items

    def work() -> None:
        for _ in range(FRAME_MESSAGES):
            tell(TradeTLV(price, quantity, timestamp, venue_id))
        while items:
            actor._drain(len(items))

    return work


def _queued() -> Callable[[], None]:
    """The same with a queue and a function."""
    items: deque[tuple[int, int, int, int]] = deque()
    price, quantity, timestamp, venue_id = VALUES
    total = 0

    def handle(message: tuple[int, int, int, int]) -> None:
        nonlocal total
        total += message[0]

    def work() -> None:
        append, popleft = items.append, items.popleft
        for _ in range(FRAME_MESSAGES):
            append((price, quantity, timestamp, venue_id))
        while items:
            handle(popleft())

    return work


def _telling() -> Group:
    return Group(
        "tell",
        "What does a message take from its making to the end of its handler, without threads?",
        (
            Contestant("tell and handle", lambda: looped(_told_and_handled(), FRAME_MESSAGES), ours=True),
            Contestant("deque and call", lambda: looped(_queued(), FRAME_MESSAGES)),
        ),
        FRAME_MESSAGES,
        inline=False,
    )


GROUPS: Mapping[str, Group] = {
    group.name: group
    for group in (
        _picked("construction", "TradeTLV, keyword", "TradeTLV, positional", "struct.pack", "tuple", inline=True),
        _picked("parsing", "ref_from, bytes", "ref_from, bytearray", "struct.unpack_from", inline=True),
        _picked("field", "TradeTLV, owned", "TradeTLV, view", "struct.unpack_from", "tuple", inline=True),
        _copies(),
        _validation(),
        _picked("writing", "FrameWriter.append", "FrameWriter.emplace", "struct.pack_into"),
        _picked("dispatch", "read_frame, dispatch", "read_frame, for", "struct.iter_unpack, for"),
        _picked("columns", "Batch.column, sum", "read_frame, Batch.column, sum", "numpy.frombuffer, sum", frames=4),
        _telling(),
    )
}
