"""Peer: another node, as this one sees it. One thread sends to it, one receives from it.

**Lives.** A node has a random number for each of its lives, and greets with it. A peer that greets with a new
one has begun anew: its streams begin at nought, and what was on its way to the old one is lost, and counted.
Nothing is sent to a peer that has not greeted, or that reads what goes between the two otherwise.

**The end.** An outlet whose actor has ended says so, with the number of messages that it has sent; so the
receiver knows when it has them all. A node that needs nothing more says goodbye, and goes when its peer has.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from mycelium.attempted_log import try_to_log
from mycelium.errors.cluster import PeerCutOffError, PeerFailedError, PeerMismatchError
from mycelium.errors.link import ChannelTakenError
from mycelium.imports.light_structlog import structlog
from mycelium.link.ends import FrameReceiver, FrameSender
from mycelium.link.link import Link
from mycelium.texts import text_of
from mycelium.topology.nodes import Stream
from tlv import DeclaredError

from .bucket import Bucket
from .hearing import Hearing
from .inlet import Inlet
from .messages import OPENED, READY, RESTING, Wire
from .mismatch import Mismatches
from .outlet import Outlet
from .process import has_died, host_of_this
from .receiving import PeerReceiver
from .sending import FRAME_SIZE, PeerSender
from .talk import Talk, loss_of

if TYPE_CHECKING:
    from .directory import Directory

__all__ = ["Peer"]


#: How long the end of a channel may still be held by a node of the same name that was killed; in seconds.
TAKEN_S = 5.0
#: How long a process whose end was noticed may take until it is there no more; in seconds.
DYING_S = 0.5

_End = TypeVar("_End", FrameSender, FrameReceiver)


class Peer:
    """The link to one node, and all streams from and to it. `sending` and `receiving` are what its two threads do.

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
        inbound: Iterable[Stream],
        directory: Directory,
        changed: Callable[[], None],
        linger_s: float = 0.0,
        spin_us: int = 0,
        buckets: tuple[Bucket | None, Bucket | None] = (None, None),
    ) -> None:
        self.node = node
        self.name = name
        #: How long a frame that is not full waits for more, and how long the next one is looked for.
        self.linger_s = linger_s
        self.spin_us = spin_us
        self.incarnation = incarnation
        self.outlets = {outlet.stream.number: outlet for outlet in outlets}
        inbound = tuple(inbound)
        #: Which life of the peer greeted last.
        self.their_incarnation: int | None = None
        #: It has greeted, and reads what goes between the two as this node does.
        self.joined = False
        #: It has joined, in some life of it.
        self.met = False
        #: Its actors run.
        self.ready = False
        #: They have ended, but for those that are only told and asked.
        self.rests = False
        #: It was there and has gone, since this moment.
        self.lost_at: float | None = None
        #: It needs nothing more from this node.
        self.left = False
        #: It is not waited for any more: what is for it becomes dead letters, until it comes back.
        self.given_up = False
        #: Whether its process was found dead when it was lost.
        self.died = False
        #: Why nothing is exchanged with it.
        self.refused: PeerMismatchError | None = None
        #: Why it is not listened to any more, in this life of it.
        self.cut_off: PeerCutOffError | None = None
        #: What ended one of the threads.
        self.failed: PeerFailedError | None = None
        self.closing = False
        self.log: Any = structlog.get_logger(node=node, peer=name)
        self.changed = changed
        self.directory = directory
        #: What it reads otherwise than this node.
        streams = (*(one.stream for one in self.outlets.values()), *inbound)
        self.mismatches = Mismatches(self, streams, directory)
        #: What is not told there by refs; at hand for each of them.
        self.unreadable = self.mismatches.unreadable
        self.sending = PeerSender(self)
        self.receiving = PeerReceiver(self, *buckets)
        #: What actors of the two nodes have begun with each other.
        self.talk = Talk(self, directory)
        self.hearing = Hearing(self)
        for outlet in self.outlets.values():
            outlet.talk = self.talk
        self.inlets = {stream.number: self.inlet_of(stream) for stream in inbound}
        self._link = link
        self._channels = channels
        self._process: Wire.Process | None = None
        self._threads: list[threading.Thread] = []

    @property
    def gone(self) -> bool:
        """Whether it has left, and is there no more, or this node has ended."""
        return self.closing or (self.left and self.lost_at is not None)

    @property
    def reachable(self) -> bool:
        """Whether it is there, or has not come yet."""
        return self.lost_at is None and self.refused is None and not self.closing

    @property
    def parted(self) -> bool:
        """Whether the two have said goodbye to each other, or it is there no more to hear it."""
        return self.left and (self.sending.goodbye_told or not self.joined or not self.sending.end.connected)

    @property
    def spared(self) -> bool:
        """Whether this node has said goodbye, and nothing of the plan is left between the two; the other one may go on."""
        return self.sending.goodbye_told and self.settled

    def end_of(self, actor: str) -> DeclaredError | None:
        """Why an actor there can be reached no more; None where its node has ended in order, or is there."""
        if self.reachable or (self.gone and self.failed is None):
            return None
        return self.refused or loss_of(actor, self.name, died=self.died)

    def inlet_of(self, stream: Stream) -> Inlet:
        """What takes in a stream of this peer."""
        return Inlet(
            stream,
            self.directory.actors[stream.receiver],
            self.resume,
            self.receiving.complain,
            find=self.directory.find,
            hearing=self.hearing,
        )

    def add(self, outlet: Outlet) -> None:
        """An outlet that is not in the plan. Any thread."""
        outlet.talk = self.talk
        outlet.note_unreadable(self.mismatches.of(outlet.stream))
        self.outlets[outlet.stream.number] = outlet

    def open(self) -> None:
        """Open both channels, and begin. Raises `LinkError`."""
        there, here = self._channels
        self.sending.end = _when_free(lambda: self._link.sender(there, frame_size=FRAME_SIZE))
        self.receiving.end = _when_free(lambda: self._link.receiver(here, frame_size=FRAME_SIZE, spin_us=self.spin_us))
        for run, what in ((self.sending.run, "to"), (self.receiving.run, "from")):
            thread = threading.Thread(target=run, name=f"mycelium-{what}-{self.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def announce(self, outlet: Outlet) -> None:
        """There is something to do for this outlet. Any thread."""
        self.sending.announce(outlet)

    def resume(self, inlet: Inlet) -> None:
        """There is room for this inlet. Any thread."""
        self.receiving.resume(inlet)

    def tell_ready(self) -> None:
        """The actors of this node run."""
        self.sending.tell_ready()

    def tell_rest(self) -> None:
        """The actors of this node have ended, but for those that are only told and asked."""
        self.sending.tell_rest()

    def end(self, outlet: Outlet) -> None:
        """The actor that sends into this outlet has ended."""
        outlet.ending = True
        self.announce(outlet)

    def leave(self) -> None:
        """Say goodbye: nothing more is needed from this peer."""
        self.sending.leave()

    def close(self) -> None:
        """End both threads and both channels. What a thread has in hand is ended with it."""
        self.closing = True
        self.sending.wake()
        if self._threads:
            self.receiving.end.wake()
            for thread in self._threads:
                thread.join(5.0)
            self.sending.end.close()
            self.receiving.end.close()
        self.talk.end_life()

    def lose(self) -> None:
        """It is not there any more. Either thread."""
        self.joined = self.ready = False
        self.sending.retell_due = self.sending.ask_due = True
        self.died = not self.left and self._process_has_died()
        self.lost_at = time.monotonic()
        if not self.left:
            try_to_log(self.log.warning, "peer lost", process="died" if self.died else "unknown")
        else:
            self.give_up()
        self.talk.end_life()
        self.changed()

    def leaves(self) -> None:
        """It needs nothing more from this node. The receiving thread."""
        self.left = True
        if self.lost_at is not None:
            self.give_up()  # its last word came when it was there no more
        self.changed()

    def _process_has_died(self) -> bool:
        """A moment after its end is noticed, a process may not have ended altogether."""
        process, nap = self._process, threading.Event()
        if process is None or process.host != host_of_this() or process.pid == os.getpid():
            return False
        until = time.monotonic() + DYING_S
        while not (died := has_died(process.pid, process.started)) and time.monotonic() < until:
            nap.wait(0.01)
        return died

    def give_up(self) -> None:
        """Wait for it no longer: what is for it becomes dead letters, until it comes back."""
        self.given_up = True
        self.sending.wake()

    @property
    def settled(self) -> bool:
        """Whether all that goes between the two has ended, and arrived."""
        return all(outlet.drained for outlet in tuple(self.outlets.values())) and all(
            inlet.ended for inlet in tuple(self.inlets.values()) if inlet.stream.number < OPENED
        )

    @property
    def exchanges(self) -> bool:
        """Whether anything goes between the two, or went there in this life of this node."""
        return bool(self.outlets or self.inlets)

    def fail(self, error: Exception) -> None:
        """A thread of this peer cannot go on: both end, and close their ends, and then the node ends."""
        if not self.closing:
            cause = f"{type(error).__name__}: {text_of(error)}"
            self.failed = PeerFailedError(node=self.node, peer=self.name, cause=cause)
            try_to_log(self.log.error, "the link failed", exc_info=error)
            self.closing = True
            self.lose()
        self.sending.wake()
        with suppress(Exception):  # it is told of already
            self.receiving.end.wake()

    def greeted(
        self,
        greeting: Wire.Greeting,
        theirs: tuple[Wire.GreetedLayout, ...],
        process: Wire.Process | None,
        fields: tuple[Wire.GreetedFields, ...] = (),
        *,
        known: int | None = None,
    ) -> None:
        """It says who it is, and how it reads what goes between the two. The receiving thread.

        ``known`` is the life of this node that it has heard of. Where that is another one, what it sends until it hears of this
        one is not for this one: it would stand where the first messages of this life are to be.
        """
        if self.joined and greeting.node != self.name:
            self.receiving.refuse(f"a greeting of {str(greeting.node)[:100]!r}")  # somebody else's: the peer goes on
            return
        if self.cut_off is not None:
            if greeting.incarnation == self.their_incarnation:
                return
            self.cut_off = None
        difference = self.mismatches.why_refused(greeting, theirs)
        if difference:
            self._refuse(greeting, difference)
            return
        self.refused = None
        self._compare(theirs, fields)  # before anything goes to its new life
        if greeting.incarnation != self.their_incarnation:
            self._begin_life(greeting.incarnation)
        self._process = process
        self.receiving.accepts = known in {None, self.incarnation}
        self.met = True
        self.given_up = False
        self.lost_at = None
        self.ready = greeting.ready >= READY
        self.rests = greeting.ready >= RESTING
        if greeting.answer:
            self.sending.greet_due = self.sending.retell_due = True
        if not self.sending.begin_due:
            self.joined = True
            for outlet in tuple(self.outlets.values()):
                self.announce(outlet)
        self.sending.wake()
        self.changed()

    def _refuse(self, greeting: Wire.Greeting, difference: str) -> None:
        """Nothing is exchanged with it in this life of it; what is for it waits, as for one that is lost."""
        before = self.refused
        self.refused = PeerMismatchError(node=self.node, peer=self.name, difference=difference)
        if before is None:
            try_to_log(self.log.error, "peer refused", **self.refused.to_dict())
        elif before != self.refused:
            self.receiving.refuse(difference)
        if greeting.incarnation != self.their_incarnation:
            self.their_incarnation = greeting.incarnation
            self.sending.greet_due = True  # once: it is to know, too
        self.receiving.accepts = self.joined = self.ready = False
        if self.lost_at is None:
            self.lost_at = time.monotonic()
        self.talk.end_life()
        self.changed()

    def cut(self, reason: PeerCutOffError) -> None:
        """Listen to it no more, in this life of it: it is as one that is gone. The receiving thread."""
        self.cut_off = reason
        try_to_log(self.log.error, "peer cut off", **reason.to_dict())
        self.receiving.accepts = self.joined = self.ready = False
        if self.lost_at is None:
            self.lost_at = time.monotonic()
        self.talk.end_life()
        self.changed()

    def _begin_life(self, incarnation: int) -> None:
        returned = self.their_incarnation is not None
        self.left = False  # not by every greeting: one may come behind the goodbye of its life
        self.joined = False
        if returned and self.lost_at is None:
            self.died, self.lost_at = True, time.monotonic()  # before anybody has noticed
            self.talk.end_life()
        self.receiving.begin()  # before anybody may tell the new life what has arrived
        self.their_incarnation = incarnation
        self.sending.begin_due = True  # by the sending thread, which has the outlets
        self.sending.greet_due = True
        if returned:
            try_to_log(self.log.info, "peer came back")

    def _compare(self, theirs: tuple[Wire.GreetedLayout, ...], fields: tuple[Wire.GreetedFields, ...]) -> None:
        """What the two read otherwise: that does not go between them, and all else does."""
        self.mismatches.compare(theirs, fields)
        self.unreadable = self.mismatches.unreadable
        for outlet in tuple(self.outlets.values()):
            outlet.note_unreadable(self.mismatches.of(outlet.stream))


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
