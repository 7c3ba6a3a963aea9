"""What the sending thread of a peer does: it empties the outlets into frames, and tells what the peer has to know."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from mycelium.errors.link import LinkDownError, LinkError, LinkFullError
from mycelium.link.ends import FrameSender
from tlv import TLV, FrameFullError, FrameWriter

from .batching import Batching
from .messages import CONTROL, READY, RESTING, STARTING, VERSION, Wire
from .outlet import FRAME_MESSAGES, Outlet
from .process import this_process
from .talk import too_large

if TYPE_CHECKING:
    from .peer import Peer

__all__ = ["FRAME_SIZE", "PeerSender"]

#: The largest frame between two nodes, in bytes.
FRAME_SIZE = 256 * 1024
#: How often a thread with nothing to do looks whether its peer is still there; in seconds.
LOOK_S = 0.2
#: How long a receiver may keep to itself that messages have arrived, where there are few of them.
TELL_S = 0.02
#: How long the receiving thread may take to see the last frames of a peer that is there no more; in seconds.
SILENT_S = 1.0
#: How long a frame may take to find room before others have their turn.
ROOM_S = 0.2


class _NothingFoundError(Exception):
    """Gives a loan back."""


class PeerSender:
    """Sends to one peer. `run` is its thread; what else is public may be called by any."""

    end: FrameSender

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        #: The peer is to hear who this is.
        self.greet_due = True
        #: The two have lost each other, and met again: what was said meanwhile may not have been heard.
        self.retell_due = False
        #: The peer is to do so, too: it may not have noticed.
        self.ask_due = False
        #: The peer has begun a new life, and the outlets have not yet.
        self.begin_due = False
        self._stage = STARTING
        self._leaving = False
        #: The peer was told that nothing more is needed from it.
        self.goodbye_told = False
        self._due: deque[Outlet] = deque()
        #: What is left to be told again.
        self._to_retell: deque[Callable[[], None]] = deque()
        #: Outlets whose frames wait for more, and when to look at them again.
        self._held: dict[Outlet, float] = {}
        self._batching: dict[Outlet, Batching] = {}
        self._tell_at: float | None = None
        #: Since when nobody is there, and how often the receiving thread had found nothing then.
        self._silent_since: tuple[float, int] | None = None
        #: The peer was there at the last look.
        self._connected = False
        self._wake = threading.Event()

    def wake(self) -> None:
        """Look what there is to do."""
        self._wake.set()

    def announce(self, outlet: Outlet) -> None:
        """There is something to do for this outlet."""
        if outlet.mailbox.enter_queue():
            self._due.append(outlet)
        self._wake.set()

    def tell_ready(self) -> None:
        """The actors of this node run."""
        self._enter(READY)

    def tell_rest(self) -> None:
        """All actors of this node have ended, but for those that are only told and asked."""
        self._enter(RESTING)

    def _enter(self, stage: int) -> None:
        if stage > self._stage:
            self._stage = stage
            self.greet_due = True
            self._wake.set()

    def leave(self) -> None:
        """Say goodbye as soon as all has arrived."""
        self._leaving = True
        self._wake.set()

    def tell_arrivals(self, *, at_once: bool) -> None:
        """Messages have arrived: let the peer know soon, or at once where it may be waiting for that."""
        if at_once:
            self._tell_at = 0.0
            self._wake.set()
        elif self._tell_at is None:
            self._tell_at = time.monotonic() + TELL_S
            self._wake.set()

    def run(self) -> None:
        """Until the peer is closed."""
        peer = self.peer
        try:
            while not peer.closing:
                self._wake.wait(self._patience())
                self._wake.clear()
                if peer.failed is not None:
                    break
                self.step()
        except Exception as error:
            peer.fail(error)
        finally:
            if peer.failed is not None:
                with suppress(Exception):  # so that the peer sees it
                    self.end.close()

    def step(self) -> None:
        """Look once whether the peer is there, and do what is due."""
        peer = self.peer
        connected = self._connected = self.end.connected
        if connected:
            self._silent_since = None
        else:
            self.greet_due = True
            if peer.met and peer.lost_at is None and (peer.left or self._has_heard_all()):
                peer.lose()
        if connected:
            self._send_due()
        if peer.given_up:
            self._bury_due()
        peer.talk.look(time.monotonic())

    def _patience(self) -> float:
        """How long there is nothing to do. What cannot be sent now does not count: it is due when the peer is back."""
        if self._silent_since is not None:
            return 0.005
        times = list(self._held.values()) if self._connected else []
        if self._tell_at is not None and self._connected and self.peer.joined:
            times.append(self._tell_at)
        return max(0.0, min(LOOK_S, min(times, default=math.inf) - time.monotonic()))

    def _has_heard_all(self) -> bool:
        """Whether the receiving thread has looked at all that the peer sent before it went: a goodbye may be among it."""
        receiving, now = self.peer.receiving, time.monotonic()
        if self._silent_since is None or receiving.holds:
            self._silent_since = (now, receiving.empty)
        since, empty = self._silent_since
        if receiving.empty >= empty + 2 or now - since >= SILENT_S:
            self._silent_since = None
            return True
        receiving.end.wake()
        return False

    def _send_due(self) -> None:
        try:
            self._send_control()
            if self._held:
                self._look_at_held()
            for _ in range(len(self._due)):
                outlet = self._due.popleft()
                outlet.mailbox.leave_queue()
                self._give_turn(outlet)
            if self._leaving and not self.goodbye_told and self._is_drained():
                self._send(Wire.Goodbye(incarnation=self.peer.incarnation))
                self.goodbye_told = True
                self.peer.changed()
        except (LinkDownError, LinkFullError):
            self._wake.set()  # no room, or nobody there: look again

    def _is_drained(self) -> bool:
        """Whether all that the peer is to hear has gone there, and arrived."""
        peer = self.peer
        return not peer.talk.outbox and all(one.drained for one in tuple(peer.outlets.values()))

    def _send_control(self) -> None:
        peer = self.peer
        if self.begin_due:
            self.begin_due = False
            for outlet in tuple(peer.outlets.values()):
                outlet.begin()
                self.announce(outlet)
            peer.joined = True
            peer.changed()
        if self.greet_due:
            self._greet()
        if peer.joined and (self.retell_due or self._to_retell):
            self._tell_again()
        if peer.joined and self._tell_at is not None and time.monotonic() >= self._tell_at:
            self._tell_at = None
            try:
                self._send_credit()
            except LinkError:  # the peer may be waiting for nothing else
                self._tell_at = 0.0
                raise
        if peer.joined and peer.talk.outbox:
            self._send_talk()

    def _greet(self) -> None:
        peer = self.peer
        self.greet_due = False
        greeting = Wire.Greeting(
            incarnation=peer.incarnation,
            wire=VERSION,
            ready=self._stage,
            answer=self.ask_due or not peer.joined,
            node=peer.node,
        )
        try:
            host, pid, started = this_process()
            process = Wire.Process(host=host, pid=pid, started=started)
            life = peer.their_incarnation
            known = () if life is None else (Wire.Credit(incarnation=life, arrived=0, stream=CONTROL),)
            self._send(greeting, process, *known, *peer.mismatches.layouts, as_fits=peer.mismatches.fields)
            self.ask_due = False
        except LinkError:
            self.greet_due = True
            raise

    def _tell_again(self) -> None:
        """Say once more what has arrived, how far each stream has come (in a frame without messages), and who has ended."""
        if self.retell_due:
            self.retell_due = False
            self._to_retell.clear()
            for outlet in tuple(self.peer.outlets.values()):
                if outlet.opened_late and outlet.announced:
                    self._to_retell.append(partial(self._open, outlet))
                if outlet.sent and (outlet.announced or not outlet.opened_late):
                    self._to_retell.append(partial(self._say_position, outlet))
            for inlet in tuple(self.peer.inlets.values()):
                inlet.told = -1
            self._tell_at = 0.0
            self.goodbye_told = False
        while self._to_retell:  # what finds no room is told next time
            self._to_retell[0]()
            self._to_retell.popleft()

    def _say_position(self, outlet: Outlet) -> None:
        with self.end.loan(FRAME_SIZE, timeout=ROOM_S) as loan:
            loan.size = outlet.say_position(loan.buffer)
        outlet.end_told = False
        self.announce(outlet)

    def _send_credit(self) -> None:
        peer = self.peer
        life = peer.their_incarnation or 0  # first: what arrived may be of the next one by now, and is ignored then
        due = [(inlet, inlet.arrived) for inlet in tuple(peer.inlets.values()) if inlet.arrived != inlet.told]
        if due:
            self._send(
                *(Wire.Credit(incarnation=life, arrived=arrived, stream=one.stream.number) for one, arrived in due)
            )
        for inlet, arrived in due:
            inlet.told = arrived

    def _send_talk(self) -> None:
        """What the outbox holds, as much of it as fits into a frame; the rest has its turn behind the streams."""
        outbox = self.peer.talk.outbox
        sent: list[TLV] = []
        with self.end.loan(FRAME_SIZE, timeout=ROOM_S) as loan:
            writer = FrameWriter(source=CONTROL, buffer=loan.buffer)
            for message in tuple(outbox):
                try:
                    writer.append(message)
                except FrameFullError:
                    if sent:
                        break
                    writer.append(too_large(message, FRAME_SIZE))
                sent.append(message)
            loan.size = len(writer.finish())
        for message in sent:
            if outbox and outbox[0] is message:  # else the life of the peer has ended meanwhile
                outbox.popleft()
        if outbox:
            self._wake.set()

    def _give_turn(self, outlet: Outlet) -> None:
        """Send one frame of it, and have it come again where there is more."""
        mailbox = outlet.mailbox
        if not (self.peer.joined and self.peer.ready):
            return  # it comes again with the greeting
        try:
            if mailbox.items and outlet.opened_late and not outlet.announced:
                self._open(outlet)
            if mailbox.items and outlet.room:
                if self.peer.linger_s and self._is_held(outlet):
                    return
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

    def _open(self, outlet: Outlet) -> None:
        """Tell of a stream that is not in the plan."""
        stream = outlet.stream
        self._send(Wire.Opening(stream=stream.number, sender=stream.sender, receiver=stream.receiver))
        outlet.announced = True

    def _is_held(self, outlet: Outlet) -> bool:
        """Whether what waits there is to wait for more; then it comes again in time."""
        batching = self._batching.get(outlet)
        if batching is None:
            batching = self._batching[outlet] = Batching(self.peer.linger_s, FRAME_MESSAGES, FRAME_SIZE)
        mailbox = outlet.mailbox
        urgent = mailbox.urgent or outlet.ending or outlet.opened_late or self._leaving or mailbox.has(batching.full)
        seconds = batching.hold(len(mailbox.items), urgent=urgent)
        if not seconds:
            self._held.pop(outlet, None)
            return False
        self._held[outlet] = time.monotonic() + seconds
        mailbox.gather(batching.full)
        return True

    def _look_at_held(self) -> None:
        now = time.monotonic()
        for outlet in [outlet for outlet, at in self._held.items() if at <= now or self._leaving]:
            del self._held[outlet]
            self.announce(outlet)

    def _bury_due(self) -> None:
        """Nobody takes what waits for this peer any more."""
        for outlet in tuple(self.peer.outlets.values()):
            outlet.bury()

    def _send_of(self, outlet: Outlet) -> None:
        mailbox, before = outlet.mailbox, outlet.sent
        with suppress(_NothingFoundError), self.end.loan(FRAME_SIZE, timeout=ROOM_S) as loan:
            was_urgent, mailbox.urgent = mailbox.urgent, False  # first: what is put in from here on may not be taken
            loan.size = outlet.fill(loan.buffer)
            if was_urgent and mailbox.items:
                mailbox.urgent = True
            if not loan.size:
                raise _NothingFoundError
            if outlet in self._batching:
                self._batching[outlet].note(outlet.sent - before, loan.size)

    def _send(self, *messages: TLV, as_fits: Iterable[TLV] = ()) -> None:
        """Send these in one frame, and with them as many of the others as it takes."""
        with self.end.loan(FRAME_SIZE, timeout=ROOM_S) as loan:
            writer = FrameWriter(source=CONTROL, buffer=loan.buffer)
            for message in messages:
                writer.append(message)
            with suppress(FrameFullError):
                for message in as_fits:
                    writer.append(message)
            loan.size = len(writer.finish())
