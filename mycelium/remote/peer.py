"""Peer: another node, as this one sees it. One thread sends to it, one receives from it.

**Lives.** A node has a random number for each of its lives, and greets with it. A peer that greets with a new
one has begun anew: its streams begin at nought, and what was on its way to the old one is lost, and counted.
Nothing is sent to a peer that has not greeted, or that reads what goes between the two otherwise.

**The end.** An outlet whose actor has ended says so, with the number of messages that it has sent; so the
receiver knows when it has them all. A node that needs nothing more says goodbye, and goes when its peer has.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

import structlog

from mycelium.attempted_log import try_to_log
from mycelium.errors.cluster import PeerMismatchError
from mycelium.errors.link import ChannelTakenError, LinkClosedError, LinkError
from mycelium.link.ends import FrameReceiver, FrameSender
from mycelium.link.link import Link
from tlv import TLV, FrameWriter, SequenceTracker, TLVError, read_frame

from .inlet import Inlet
from .messages import CONTROL, VERSION, WIRE_MESSAGES, Wire, difference_of, layouts_of
from .outlet import WINDOW, Outlet

__all__ = ["FRAME_SIZE", "Peer"]


#: How long the end of a channel may still be held by a node of the same name that was killed; in seconds.
TAKEN_S = 5.0

_End = TypeVar("_End", FrameSender, FrameReceiver)


class _NothingFoundError(Exception):
    """Gives a loan back."""


#: The largest frame between two nodes, in bytes.
FRAME_SIZE = 256 * 1024
#: How often a thread with nothing to do looks whether its peer is still there; in seconds.
LOOK_S = 0.2
#: How long a receiver may keep to itself that messages have arrived, where there are few of them.
TELL_S = 0.02
#: Messages that arrive before the sender is told at once.
TELL_COUNT = WINDOW // 8
#: How long a frame may take to find room before others have their turn.
ROOM_S = 0.2


class Peer:
    """The link to one node, and all streams from and to it.

    ``changed`` is called, from any thread, whenever something has become true that a node may wait for.
    """

    def __init__(
        self,
        *,
        node: str,
        name: str,
        link: Link,
        channels: tuple[str, str],
        incarnation: int,
        outlets: Iterable[Outlet],
        inlets: Iterable[Inlet],
        changed: Callable[[], None],
    ) -> None:
        self.node = node
        self.name = name
        self.outlets = {outlet.stream.number: outlet for outlet in outlets}
        self.inlets = {inlet.stream.number: inlet for inlet in inlets}
        #: It has greeted, and reads what goes between the two as this node does.
        self.joined = False
        #: It has joined, in some life of it.
        self.met = False
        #: Its actors run.
        self.ready = False
        #: It was there and has gone, since this moment.
        self.lost_at: float | None = None
        #: It needs nothing more from this node.
        self.left = False
        #: Why nothing is exchanged with it.
        self.refused: PeerMismatchError | None = None
        self.rubbish = 0
        self._log: Any = structlog.get_logger(node=node, peer=name)
        self._changed = changed
        self._incarnation = incarnation
        self._their_incarnation: int | None = None
        streams = [*(one.stream for one in self.outlets.values()), *(one.stream for one in self.inlets.values())]
        self._layouts = tuple(layouts_of(sorted(streams, key=lambda stream: stream.number)))
        self._sequences = SequenceTracker()
        self._link = link
        self._channels = channels
        self._ready_here = False
        self._greet_due = True
        self._begin_due = False
        self._accepts = False
        self._leaving = False
        self._goodbye_told = False
        self._closing = False
        self._due: deque[Outlet] = deque()
        self._resumed: deque[Inlet] = deque()
        self._tell_at: float | None = None
        self._wake = threading.Event()
        self._threads: list[threading.Thread] = []

    def open(self) -> None:
        """Open both channels, and begin. Raises `LinkError`."""
        there, here = self._channels
        self._sender = _when_free(lambda: self._link.sender(there, frame_size=FRAME_SIZE))
        self._receiver = _when_free(lambda: self._link.receiver(here, frame_size=FRAME_SIZE))
        for run, what in ((self._send_all, "to"), (self._receive_all, "from")):
            thread = threading.Thread(target=run, name=f"mycelium-{what}-{self.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def announce(self, outlet: Outlet) -> None:
        """There is something to do for this outlet. Any thread."""
        if outlet.mailbox.enter_queue():
            self._due.append(outlet)
        self._wake.set()

    def resume(self, inlet: Inlet) -> None:
        """There is room for this inlet. Any thread."""
        self._resumed.append(inlet)
        self._receiver.wake()

    def tell_ready(self) -> None:
        """The actors of this node run."""
        self._ready_here = self._greet_due = True
        self._wake.set()

    def end(self, outlet: Outlet) -> None:
        """The actor that sends into this outlet has ended."""
        outlet.ending = True
        self.announce(outlet)

    def leave(self) -> None:
        """Say goodbye: nothing more is needed from this peer."""
        self._leaving = True
        self._wake.set()

    def close(self) -> None:
        """End both threads and both channels. What a thread has in hand is ended with it."""
        self._closing = True
        self._wake.set()
        if self._threads:
            self._receiver.wake()
            for thread in self._threads:
                thread.join(5.0)
            self._sender.close()
            self._receiver.close()

    # The sending thread.

    def _send_all(self) -> None:
        try:
            while not self._closing:
                self._wake.wait(self._patience())
                self._wake.clear()
                self._look()
                if self._sender.connected:
                    self._send_due()
        except Exception as error:
            try_to_log(self._log.error, "the link failed", exc_info=error)
            self._lose()

    def _patience(self) -> float:
        return LOOK_S if self._tell_at is None else max(0.0, min(LOOK_S, self._tell_at - time.monotonic()))

    def _look(self) -> None:
        """Whether the peer is still there."""
        if not self._sender.connected and self.joined and not self.left:
            self._lose()

    def _lose(self) -> None:
        self.joined = self.ready = False
        self._greet_due = True
        self.lost_at = time.monotonic()
        try_to_log(self._log.warning, "peer lost")
        self._changed()

    def _send_due(self) -> None:
        try:
            self._send_control()
            for _ in range(len(self._due)):
                outlet = self._due.popleft()
                outlet.mailbox.leave_queue()
                self._give_turn(outlet)
            if self._leaving and not self._goodbye_told and all(one.drained for one in self.outlets.values()):
                self._send(Wire.Goodbye(incarnation=self._incarnation))
                self._goodbye_told = True
                self._changed()
        except LinkClosedError:
            raise
        except LinkError:
            self._wake.set()  # no room, or nobody there: look again

    def _send_control(self) -> None:
        if self._begin_due:
            self._begin_due = False
            for outlet in self.outlets.values():
                outlet.begin()
                self.announce(outlet)
            self.joined = True
            self._changed()
        if self._greet_due:
            greeting = Wire.Greeting(
                incarnation=self._incarnation,
                wire=VERSION,
                ready=self._ready_here,
                answer=not self.joined,
                node=self.node,
            )
            self._greet_due = False
            try:
                self._send(greeting, *self._layouts)
            except LinkError:
                self._greet_due = True
                raise
        if self.joined and self._tell_at is not None and time.monotonic() >= self._tell_at:
            self._tell_at = None
            due = [(inlet, inlet.arrived) for inlet in self.inlets.values() if inlet.arrived != inlet.told]
            if due:
                self._send(
                    *(
                        Wire.Credit(
                            incarnation=self._their_incarnation or 0, arrived=arrived, stream=inlet.stream.number
                        )
                        for inlet, arrived in due
                    )
                )
            for inlet, arrived in due:
                inlet.told = arrived

    def _give_turn(self, outlet: Outlet) -> None:
        """Send one frame of it, and have it come again where there is more."""
        mailbox = outlet.mailbox
        if not (self.joined and self.ready):
            return  # it comes again with the greeting
        try:
            if mailbox.items and outlet.room:
                self._send_of(outlet)
            if not mailbox.items and outlet.ending and not outlet.end_told:
                self._send(Wire.StreamEnd(sent=outlet.sent, stream=outlet.stream.number))
                outlet.end_told = True
        except LinkError:
            self.announce(outlet)
            raise
        if not mailbox.items:
            outlet.rest()
        elif outlet.room:
            self.announce(outlet)
        # else it comes again with the next credit

    def _send_of(self, outlet: Outlet) -> None:
        with suppress(_NothingFoundError), self._sender.loan(FRAME_SIZE, timeout=ROOM_S) as loan:
            loan.size = outlet.fill(loan.buffer)
            if not loan.size:
                raise _NothingFoundError

    def _send(self, *messages: TLV) -> None:
        with self._sender.loan(FRAME_SIZE, timeout=ROOM_S) as loan:
            writer = FrameWriter(source=CONTROL, buffer=loan.buffer)
            for message in messages:
                writer.append(message)
            loan.size = len(writer.finish())

    # The receiving thread.

    def _receive_all(self) -> None:
        try:
            while not self._closing:
                buffer = self._receiver.receive(timeout=LOOK_S)
                while self._resumed:
                    inlet = self._resumed.popleft()
                    inlet.go_on()
                    self._note_arrival(inlet)
                if buffer is not None:
                    self._take(buffer)
        except LinkClosedError:
            return
        except Exception as error:
            try_to_log(self._log.error, "the link failed", exc_info=error)
            self._lose()

    def _take(self, buffer: memoryview) -> None:
        try:
            source = int.from_bytes(buffer[6:8], "little")
            if source == CONTROL:
                self._take_control(list(read_frame(buffer, messages=WIRE_MESSAGES)))
                return
            inlet = self.inlets.get(source)
            if inlet is None or not self._accepts:
                self._refuse(f"a frame of source {source}, which is no stream to this node")
                return
            frame = read_frame(buffer, messages=inlet.stream.messages)
            problem = self._sequences.observe(frame.header)
            if problem is not None:
                try_to_log(self._log.error, "frames are missing or came twice", **problem.to_dict())
            inlet.take(iter(frame))
            self._note_arrival(inlet)
        except TLVError as error:
            self._refuse(str(error))

    def _refuse(self, reason: str) -> None:
        self.rubbish += 1
        try_to_log(self._log.error, "a frame was refused", reason=reason)

    def _note_arrival(self, inlet: Inlet) -> None:
        """Let the sender know soon; at once where it may be waiting for that."""
        if inlet.arrived - inlet.told >= TELL_COUNT or inlet.ended:
            self._tell_at = 0.0
            self._wake.set()
            if inlet.ended:
                self._changed()
        elif self._tell_at is None:
            self._tell_at = time.monotonic() + TELL_S
            self._wake.set()

    def _take_control(self, messages: list[Any]) -> None:
        for message in messages:
            if type(message) is Wire.Greeting:
                theirs = tuple(one for one in messages if type(one) is Wire.GreetedLayout)
                self._greeted(message, theirs)
            elif type(message) is Wire.Credit:
                outlet = self.outlets.get(message.stream)
                if outlet is not None and message.incarnation == self._incarnation and self.joined:
                    outlet.credit(message.arrived)
                    self.announce(outlet)
                    if outlet.drained:
                        self._changed()
            elif type(message) is Wire.StreamEnd:
                inlet = self.inlets.get(message.stream)
                if inlet is not None:
                    inlet.expected = message.sent
                    self._note_arrival(inlet)
            elif type(message) is Wire.Goodbye:
                self.left = True
                self._changed()

    def _greeted(self, greeting: Wire.Greeting, theirs: tuple[Wire.GreetedLayout, ...]) -> None:
        difference = (
            f"version {greeting.wire} of the wire, not {VERSION}"
            if greeting.wire != VERSION
            else difference_of(self._layouts, theirs)
        )
        if difference:
            if self.refused is None:
                self.refused = PeerMismatchError(node=self.node, peer=self.name, difference=difference)
                try_to_log(self._log.error, "peer refused", **self.refused.to_dict())
            self._changed()
            return
        if greeting.incarnation != self._their_incarnation:
            returned = self._their_incarnation is not None
            self._their_incarnation = greeting.incarnation
            self._sequences = SequenceTracker()
            self.joined = False
            self._begin_due = True  # by the sending thread, which has the outlets
            for inlet in self.inlets.values():
                inlet.begin()
            self._greet_due = True
            if returned:
                try_to_log(self._log.info, "peer came back")
        self._accepts = self.met = True
        self.left = False
        self.lost_at = None
        self.ready = bool(greeting.ready)
        if greeting.answer:
            self._greet_due = True
        if not self._begin_due:
            self.joined = True
            for outlet in self.outlets.values():
                self.announce(outlet)
        self._wake.set()
        self._changed()


def _when_free(take: Callable[[], _End]) -> _End:
    """Take the end of a channel, when that which holds it is gone. Raises `LinkError`."""
    until = time.monotonic() + TAKEN_S
    nap = threading.Event()
    while True:
        try:
            return take()
        except ChannelTakenError:
            if time.monotonic() >= until:
                raise
        nap.wait(0.1)
