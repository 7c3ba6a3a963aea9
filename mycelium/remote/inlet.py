"""Inlet: the far end of a stream. It puts what comes over the link into the mailbox of the actor that receives.

Each message is told as a local one is: counted as sent, and subject to the policy of the mailbox. Where that
is full and its policy is to wait, the stream waits, in order, and no other one does.

Each frame says how many messages of its stream were sent before it in this life of the sender. So the inlet
knows which are missing, and counts them as arrived for the sender, who would wait for them else; and a frame
that came before is refused.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from mycelium.contracts.contract import contract_of
from mycelium.errors.actor import ActorError
from mycelium.errors.cluster import FrameRefusedError, MessagesMissingError, MessagesUnknownError
from mycelium.topology.nodes import Stream
from tlv import TLV, DeclaredError, Frame, TLVError

from .messages import STREAM_MESSAGES
from .outlet import WINDOW

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.ref import ActorRef

    from .hearing import Hearing

__all__ = ["Inlet"]


class _Frame(NamedTuple):
    """The messages of a frame; in which life of the sender it was sent, and how many of it were sent before."""

    life: int
    sequence: int
    messages: Iterator[TLV]
    frame: Frame


class Inlet:
    """Delivers one stream. All of it is for the peer's receiving thread, but the counts, which any may read.

    ``resume`` is called, by any thread, when there is room again: it has `go_on` called. ``complain`` is told
    what is wrong with a frame. ``find`` gives the ref of who sends, for handlers that want to know; ``hearing`` takes
    what is no bare message.
    """

    def __init__(
        self,
        stream: Stream,
        actor: Actor,
        resume: Callable[[Inlet], None],
        complain: Callable[[DeclaredError], None],
        *,
        find: Callable[[str], ActorRef[Any] | None] = lambda name: None,
        hearing: Hearing | None = None,
    ) -> None:
        self.stream = stream
        self.actor = actor
        received = contract_of(type(actor)).receives
        #: What frames of the stream may hold, and what is asked and told in them, by type id.
        self.messages: tuple[type[TLV], ...] = (*dict.fromkeys((*stream.messages, *received)), *STREAM_MESSAGES)
        self.kinds = {kind.type_id: kind for kind in received}
        #: Messages that came to the mailbox, by type, over all lives of the sender.
        self.delivered: Counter[type[TLV]] = Counter()
        #: Messages of types that are unknown here, over all lives of the sender.
        self.unknown = 0
        #: How many of this life have come, or are known to be missing.
        self.arrived = 0
        #: What the sender was told of them.
        self.told = 0
        #: How many are to come in all, where the sender has ended.
        self.expected: int | None = None
        self._ref = actor.actor_ref
        self._mailbox = actor.mailbox
        self._life = 0
        self._frames: deque[_Frame] = deque()
        self._frame: _Frame | None = None
        self._in_hand: TLV | None = None
        self._resume = lambda: resume(self)
        self._complain = complain
        self._find = find
        self._hearing = hearing

    @property
    def ended(self) -> bool:
        """Whether the sender has ended, and all of its messages are in the mailbox."""
        return self.expected is not None and self.arrived >= self.expected

    @property
    def unknown_error(self) -> MessagesUnknownError:
        """What to say of messages of unknown types."""
        return MessagesUnknownError(stream=str(self.stream), unknown=self.unknown)

    def begin(self) -> None:
        """The sender begins a new life. What came of the old one is still delivered, and not counted to the new one."""
        self._life += 1
        self.arrived = self.told = 0
        self.expected = None

    def end(self, sent: int) -> None:
        """The sender has ended, and has sent so many messages in this life."""
        self.expected = sent
        if self._in_hand is None:
            self._note_missing(sent)

    def take(self, frame: Frame) -> None:
        """Deliver the messages of a frame, behind those that wait."""
        if len(self._frames) >= WINDOW:
            self._refuse(f"more frames of {self.stream} than there are messages under way")
            return
        self._frames.append(_Frame(self._life, frame.header.sequence, iter(frame), frame))
        if self._in_hand is None:
            self._deliver()

    def go_on(self) -> None:
        """There is room again."""
        self._deliver()

    def _deliver(self) -> None:
        message, self._in_hand = self._in_hand, None
        while message is not None or (message := self._tell_bare()) is not None:
            if not (self._hear(message) if type(message) in STREAM_MESSAGES else self._tell(message)):
                self._in_hand = message
                return
            message = None
        if self.expected is not None:
            self._note_missing(self.expected)

    def _tell_bare(self) -> TLV | None:
        """Deliver what goes into the mailbox as it is; the first message that has to be told by itself, or None at the end."""
        while True:
            if self._frame is not None:
                runs: list[tuple[type[TLV], int]] = []
                message: TLV | None = None
                try:
                    message = self._ref.tell_each(self._frame.messages, runs)
                except TLVError as error:
                    self._refuse(str(error))
                for kind, count in runs:
                    self._note_delivered(kind, count)
                if message is not None:
                    return message
                if unknown := self._frame.frame.unknown:
                    self.note_unknown(unknown)
                    self.arrived += unknown if self._is_current else 0
            if not self._frames:
                self._frame = None
                return None
            frame = self._frames.popleft()
            self._frame = frame if self._is_in_order(frame) else None

    def _tell(self, message: TLV) -> bool:
        """One message by itself; False where there is no room, and it is to wait for that."""
        kind = type(message)
        if self.must_wait(kind):
            return False
        with suppress(ActorError):  # counted where it was refused: a dead letter, or an overflow
            if kind in self._mailbox.wants_sender:
                self._ref._tell_from(self._find(self.stream.sender), message)
            else:
                self._ref.tell(message)
        self._note_delivered(kind, 1)
        return True

    def _hear(self, message: TLV) -> bool:
        """The same with what is no bare message."""
        if self._hearing is not None and not self._hearing.take(self, message, current=self._is_current):
            return False
        if self._is_current:
            self.arrived += 1
        return True

    @property
    def _is_current(self) -> bool:
        return self._frame is not None and self._frame.life == self._life

    def _note_delivered(self, kind: type[TLV], count: int) -> None:
        self.delivered[kind] += count
        if self._is_current:
            self.arrived += count

    def note_unknown(self, count: int) -> None:
        """Messages of types that are unknown here have come: they are passed over."""
        if count:
            self.unknown += count
            if self.unknown == count:
                self._complain(self.unknown_error)

    def _is_in_order(self, frame: _Frame) -> bool:
        if frame.life != self._life or frame.sequence == self.arrived:
            return True
        if 0 < frame.sequence - self.arrived <= WINDOW:
            self._note_missing(frame.sequence)
            return True
        self._refuse(f"a frame of {self.stream} begins with message {frame.sequence:,}, not {self.arrived:,}")
        return False

    def _note_missing(self, sent: int) -> None:
        """So many were sent: what has not come before does not come any more."""
        missing = sent - self.arrived
        if 0 < missing <= WINDOW:
            self.arrived = sent
            self._complain(MessagesMissingError(stream=str(self.stream), missing=missing, got=sent))

    def _refuse(self, reason: str) -> None:
        self._complain(FrameRefusedError(peer=self.stream.sender_node, reason=reason))

    def must_wait(self, kind: type[Any]) -> bool:
        """Whether there is no room for a message of this type, and its policy is to wait; then it is resumed."""
        mailbox = self._mailbox
        return (
            len(mailbox.items) >= mailbox.capacity
            and not mailbox.refusing
            and mailbox.blocks(kind)
            and mailbox.when_room(mailbox.capacity // 2, self._resume)
        )
