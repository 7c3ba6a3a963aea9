"""Outlet: the near end of a stream. A mailbox that local actors send into, and what takes frames out of it.

It has the bound and the policy of the actor that receives, so that who sends meets the same mailbox as if
that actor ran here. As many messages are under way as the receiver has given credit for: what it does not
take waits here, and in the end its sender does, while the other streams of the link go on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mycelium.contracts.contract import Contract, open_mailbox
from mycelium.dead_letters import DeadLetterKind, publish
from mycelium.errors.cluster import FrameRefusedError, MessageTooLargeError, PeerMismatchError
from mycelium.ledger.latency import now_ns
from mycelium.mailbox.bounds import Bounded
from mycelium.mailbox.mail import Keyed, Sampled, unwrapped
from mycelium.mailbox.mailbox import Mailbox
from mycelium.topology.nodes import Stream
from tlv import TLV, DeclaredError, FrameFullError, FrameWriter

from .items import Asked, Steering, envelope_in
from .messages import OPENED

if TYPE_CHECKING:
    from .talk import Talk

__all__ = ["FRAME_MESSAGES", "WINDOW", "Outlet"]

#: Messages of one stream that are under way, at most.
WINDOW = 8192
#: Messages of one frame, at most.
FRAME_MESSAGES = 2048


class OutletMailbox(Mailbox):
    """A mailbox that tells a peer, and not a dispatcher, that there is mail in it.

    While a frame waits for more it looks asleep, so that every sender looks whether the frame is full by now.
    """

    __slots__ = ("_announce", "_enough", "urgent")

    def __init__(self, announce: Callable[[], None]) -> None:
        super().__init__()
        self._announce = announce
        #: With so many messages a frame waits no longer for more; 0 where none waits.
        self._enough = 0
        #: There is something in it that somebody waits for.
        self.urgent = False
        self.started = True
        self.asleep = True

    def wake(self) -> None:
        """For whoever appended and then found ``asleep``."""
        if self.closed:
            self.sweep()
        elif not self._enough or self.urgent or self.has(self._enough):
            self.asleep = False
            self._announce()

    def has(self, enough: int) -> bool:
        """Whether so many messages wait, or so many that senders might soon have to."""
        waiting = len(self.items)
        return waiting >= enough or 2 * waiting >= self.capacity

    def gather(self, enough: int) -> None:
        """Say nothing until so many messages wait, or something is urgent. The peer's sending thread."""
        self._enough = enough
        self.rest()

    def hurry(self) -> None:
        """What was just put in waits for nothing more."""
        self.urgent = True
        if self.asleep:
            self.wake()

    def rest(self) -> None:
        """Say it when there is mail. First asleep, then the look."""
        self.asleep = True
        if self.items:
            self.wake()

    def sleep(self) -> None:
        """It is empty: say it as soon as there is mail."""
        self._enough = 0
        self.rest()


class Outlet:
    """Takes what goes over one stream; `mailbox` is where. All but that is for the peer's sending thread."""

    def __init__(
        self, stream: Stream, contract: Contract, bound: Bounded | None, announce: Callable[[Outlet], None]
    ) -> None:
        self.stream = stream
        self.mailbox = OutletMailbox(lambda: announce(self))
        self.mailbox.tally.name = str(stream)
        open_mailbox(self.mailbox, contract, bound)
        self.mailbox.tally.receives = ()
        #: Who speaks here, by name; nobody in a stream of what is sent outside of actors.
        self.speaker = stream.sender
        #: What puts questions, and what is told for others, into messages of the wire; the peer's.
        self.talk: Talk | None = None
        #: It is not in the plan: opened for what is told and asked by refs, and ends when nothing is left in it.
        self.opened_late = stream.number >= OPENED
        #: The peer has heard of it, where it is not in the plan.
        self.announced = False
        #: The sending actor has ended: what is left in the mailbox is the rest.
        self.ending = False
        self.end_told = False
        #: Messages that went over the link and did not arrive, as far as is known, by type.
        self.lost: Counter[type[TLV]] = Counter()
        self._taken = frozenset((*stream.messages, *contract.receives))
        #: What may lie in the mailbox, and go over the link, as it is; and what the peer reads otherwise.
        self._bare = self._taken
        self._unreadable: Mapping[type[TLV], PeerMismatchError] = {}
        self._sent = 0
        self._arrived = 0
        #: Messages have been taken out that are not counted as sent yet.
        self._in_hand = False
        #: What was sent and has not been heard of: runs of one type.
        self._unheard: deque[tuple[type[Any], int]] = deque()

    @property
    def sent(self) -> int:
        """Messages sent in this life of the peer."""
        return self._sent

    @property
    def room(self) -> int:
        """How many messages may be sent now."""
        return WINDOW - (self._sent - self._arrived)

    @property
    def drained(self) -> bool:
        """Whether the sender has ended, all that it sent has arrived, and the receiver was told. Any thread.

        In this order: what is no more in the mailbox is in hand, and what is no more in hand was sent.
        """
        told = self.end_told or self.opened_late
        return told and not self.mailbox.items and not self._in_hand and self._sent == self._arrived

    def note_unreadable(self, kinds: Mapping[type[TLV], PeerMismatchError]) -> None:
        """The peer reads these otherwise: they do not go there, and what to say of each."""
        self._unreadable = kinds
        self._bare = self._taken - kinds.keys()

    def rest(self) -> None:
        """It is empty: be announced again as soon as there is mail."""
        self.mailbox.sleep()

    def begin(self) -> None:
        """The peer begins a new life: what had not arrived in the old one is lost."""
        for kind, count in self._unheard:
            if kind is not Steering:
                self.lost[kind] += count
        self._unheard.clear()
        self._sent = self._arrived = 0
        self.end_told = self.announced = False

    def credit(self, arrived: int) -> None:
        """So many messages of this life have arrived. Raises `FrameRefusedError` where they cannot have."""
        passed = arrived - self._arrived
        if not 0 <= passed <= self._sent - self._arrived:
            reason = f"{arrived:,} messages of {self.stream} have arrived, of {self._sent:,} that were sent"
            raise FrameRefusedError(peer=self.stream.receiver_node, reason=reason)
        self._arrived = arrived
        while passed > 0 and self._unheard:
            kind, count = self._unheard.popleft()
            if count > passed:
                self._unheard.appendleft((kind, count - passed))
            passed -= count

    def bury(self) -> None:
        """The peer is given up: what waits, and what comes, becomes dead letters, and holds up nobody."""
        self.mailbox.sweep()
        self.mailbox.make_room_known()
        self.rest()

    def say_position(self, buffer: memoryview) -> int:
        """Build a frame that only says how many messages were sent; how many bytes it has."""
        writer = FrameWriter(source=self.stream.number, sequence=self._sent, checksum=False, buffer=buffer)
        return len(writer.finish())

    def fill(self, buffer: memoryview) -> int:
        """Build a frame of what waits, as far as there is room; how many bytes it has, 0 for none.

        Its sequence is the number of messages that were sent before it: so the receiver knows how many are missing.
        """
        writer = FrameWriter(source=self.stream.number, sequence=self._sent, checksum=False, buffer=buffer)
        mailbox = self.mailbox
        mailbox.high_water_mark = max(mailbox.high_water_mark, len(mailbox.items))
        runs: list[tuple[type[Any], int]] = []
        sampled: list[Sampled] = []
        self._in_hand = True
        try:
            self._pour(writer, len(buffer), runs, sampled)
        finally:  # what was taken out counts as sent, also where it does not get out
            self._note(runs)
            self._in_hand = False
        self._record(sampled)
        mailbox.make_room_known()
        return len(writer.finish()) if writer.message_count else 0

    def _pour(self, writer: FrameWriter, limit: int, runs: list[tuple[type[Any], int]], sampled: list[Sampled]) -> None:
        """Take out and write what waits, as far as there is room in the frame, of so many bytes, and at the receiver."""
        items = self.mailbox.items
        left = min(len(items), self.room, FRAME_MESSAGES)
        while left > 0:
            before = len(runs)
            try:
                items.pour(self._bare, writer.append, left, runs, sampled)
            except FrameFullError:
                if writer.message_count:
                    break
            left -= sum(count for _, count in runs[before:])
            if left > 0 and not self._write_next(writer, runs, limit):
                break
            left -= 1

    def _write_next(self, writer: FrameWriter, runs: list[tuple[type[Any], int]], limit: int) -> bool:
        """Write what does not lie bare, or refuse what fits into no frame; False where this frame is to go first."""
        items = self.mailbox.items
        try:
            item = items.popleft()
        except IndexError:
            return False  # a sender has made room meanwhile
        message: Any = item if isinstance(item, TLV) else unwrapped(item)
        try:
            gone = self._append(writer, item, message)
        except FrameFullError:
            if writer.message_count:
                items.appendleft(item)
                return False
            gone = self._too_large(message, limit)
        except BaseException:
            items.appendleft(item)
            raise
        inner = item.take() if type(item) is Keyed else item
        if type(inner) is Sampled:
            self._record((inner,))
        if gone is None:
            runs.append((type(message), 1))
        else:
            self._refuse(item, message, gone)
        return True

    def _append(self, writer: FrameWriter, item: Any, message: Any) -> DeclaredError | str | None:
        """Append what is no bare message, or is not read alike at both ends; or why it does not go over the link."""
        if type(message) in self._unreadable:
            return self._unreadable[type(message)]
        envelope = envelope_in(item)
        spoken = message if envelope is None or self.talk is None else self.talk.spoken(envelope, self.speaker)
        if spoken is None:
            return "nobody waits for its answer any more"
        writer.append(spoken)
        return None

    def _record(self, sampled: Iterable[Sampled]) -> None:
        """How long these have waited."""
        now = now_ns()
        for item in sampled:
            self.mailbox.tally.latency.record(now - item.sent_at)

    def _note(self, runs: Iterable[tuple[type[Any], int]]) -> None:
        for kind, these in groupby(runs, itemgetter(0)):
            count = sum(count for _, count in these)
            self._unheard.append((kind, count))
            self._sent += count
            if kind is not Steering:
                self.mailbox.tally.cell(kind).handled += count

    def _too_large(self, message: Any, limit: int) -> MessageTooLargeError:
        return MessageTooLargeError(
            message=type(message).__name__,
            size=len(message.as_bytes()) if isinstance(message, TLV) else 0,
            sender=self.stream.sender,
            receiver=self.stream.receiver,
            limit=limit,
        )

    def _refuse(self, item: Any, message: Any, reason: DeclaredError | str) -> None:
        """It does not go over the link: a dead letter, and whoever asked is told."""
        envelope = envelope_in(item)
        if type(envelope) is Asked and isinstance(reason, DeclaredError) and self.talk is not None:
            self.talk.refuse(envelope.number, reason)
        if isinstance(message, TLV):
            self.mailbox.tally.count_dead(type(message))
            # Of a message that is read otherwise there, the log has told once.
            told = isinstance(reason, PeerMismatchError)
            publish(DeadLetterKind.UNHANDLED, self.mailbox.tally.name, message, str(reason), told=told)

    def passed(self) -> dict[type[TLV], int]:
        """How many messages of each type went over the link, over all lives."""
        return {kind: cell.handled for kind, cell in tuple(self.mailbox.tally.cells.items())}
