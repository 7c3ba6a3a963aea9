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

from mycelium.errors.actor import ActorError
from mycelium.errors.cluster import FrameRefusedError, MessagesMissingError
from mycelium.topology.nodes import Stream
from tlv import TLV, DeclaredError, TLVError

from .outlet import WINDOW

if TYPE_CHECKING:
    from mycelium.actor import Actor

__all__ = ["Inlet"]


class _Frame(NamedTuple):
    """The messages of a frame; in which life of the sender it was sent, and how many of it were sent before."""

    life: int
    sequence: int
    messages: Iterator[TLV]


class Inlet:
    """Delivers one stream. All of it is for the peer's receiving thread, but the counts, which any may read.

    ``resume`` is called, by any thread, when there is room again: it has `go_on` called. ``complain`` is told
    what is wrong with a frame.
    """

    def __init__(
        self,
        stream: Stream,
        actor: Actor,
        resume: Callable[[Inlet], None],
        complain: Callable[[Inlet, DeclaredError], None],
    ) -> None:
        self.stream = stream
        #: Messages that came to the mailbox, by type, over all lives of the sender.
        self.delivered: Counter[type[TLV]] = Counter()
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

    @property
    def ended(self) -> bool:
        """Whether the sender has ended, and all of its messages are in the mailbox."""
        return self.expected is not None and self.arrived >= self.expected

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

    def take(self, sequence: int, messages: Iterator[TLV]) -> None:
        """Deliver the messages of a frame, behind those that wait."""
        if len(self._frames) >= WINDOW:
            self._refuse(f"more frames of {self.stream} than there are messages under way")
            return
        self._frames.append(_Frame(self._life, sequence, messages))
        if self._in_hand is None:
            self._deliver()

    def go_on(self) -> None:
        """There is room again."""
        self._deliver()

    def _deliver(self) -> None:
        message, self._in_hand = self._in_hand, None
        while message is not None or (message := self._tell_bare()) is not None:
            if self._must_wait(type(message)):
                self._in_hand = message
                return
            with suppress(ActorError):  # counted where it was refused: a dead letter, or an overflow
                self._ref.tell(message)
            self._note_delivered(type(message), 1)
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
            if not self._frames:
                self._frame = None
                return None
            frame = self._frames.popleft()
            self._frame = frame if self._is_in_order(frame) else None

    def _note_delivered(self, kind: type[TLV], count: int) -> None:
        self.delivered[kind] += count
        if self._frame is not None and self._frame.life == self._life:
            self.arrived += count

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
            self._complain(self, MessagesMissingError(stream=str(self.stream), missing=missing, got=sent))

    def _refuse(self, reason: str) -> None:
        self._complain(self, FrameRefusedError(peer=self.stream.sender_node, reason=reason))

    def _must_wait(self, kind: type[Any]) -> bool:
        mailbox = self._mailbox
        return (
            len(mailbox.items) >= mailbox.capacity
            and not mailbox.refusing
            and mailbox.blocks(kind)
            and mailbox.when_room(mailbox.capacity // 2, self._resume)
        )
