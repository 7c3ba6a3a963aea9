"""What the receiving thread of a peer does: it hands frames to the inlets, and takes in what the peer tells."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mycelium.attempted_log import try_to_log
from mycelium.errors.cluster import FrameRefusedError, MessagesUnknownError, PeerCutOffError
from mycelium.link.ends import FrameReceiver
from tlv import DeclaredError, TLVError, read_frame

from .bucket import Bucket
from .inlet import Inlet
from .messages import CONTROL, OPENED, WIRE_MESSAGES, Wire
from .outlet import WINDOW
from .refusals import RefusalLog

if TYPE_CHECKING:
    from .peer import Peer

__all__ = ["PeerReceiver"]

#: How often a thread with nothing to do looks whether it is still needed; in seconds.
LOOK_S = 0.2
#: Messages that arrive before the sender is told at once.
TELL_COUNT = WINDOW // 4
#: A peer of which so many frames were refused within so many seconds is cut off.
RUBBISH_MAX = 1000
RUBBISH_S = 10.0


class PeerReceiver:
    """Receives from one peer. `run` is its thread; `resume` may be called by any.

    Attributes:
        accepts: The peer reads what goes between the two as this node does.
        rubbish: Frames that were refused.
        unknown: Messages of unknown types that the peer itself sent: it is of a newer version, and does without them.
        empty: How often it has looked, and found no frame.
        held_up: How often a limit made it wait before it took the next frame.
        holds: It waits so now.
    """

    end: FrameReceiver

    def __init__(self, peer: Peer, frames: Bucket | None = None, octets: Bucket | None = None) -> None:
        self.peer = peer
        self.held_up = 0
        self.holds = False
        self._frames = frames
        self._octets = octets
        self.accepts = False
        self.rubbish = 0
        self.unknown = 0
        self.empty = 0
        self._resumed: deque[Inlet] = deque()
        self._room = threading.Event()
        self._refused_at: deque[float] = deque(maxlen=RUBBISH_MAX)
        self._refusals = RefusalLog(peer.log)

    def resume(self, inlet: Inlet) -> None:
        """There is room for this inlet."""
        self._resumed.append(inlet)
        self._room.set()
        self.end.wake()

    def begin(self) -> None:
        """The peer has begun a new life."""
        self._refused_at.clear()
        self._refusals.tell_rest()
        for number, inlet in tuple(self.peer.inlets.items()):
            inlet.begin()
            if number >= OPENED:
                del self.peer.inlets[number]

    def run(self) -> None:
        """Until the peer is closed."""
        peer = self.peer
        try:
            while not peer.closing:
                self.step(LOOK_S)
        except Exception as error:
            peer.fail(error)
        finally:
            self._refusals.tell_rest()
            if peer.failed is not None:
                with suppress(Exception):  # so that the peer sees it
                    self.end.close()

    def step(self, timeout: float) -> None:
        """Take one frame, where one comes within so many seconds, and go on with what waited for room."""
        held_up = self._is_held_up()
        buffer = None if held_up else self.end.receive(timeout=timeout)
        while self._resumed:
            inlet = self._resumed.popleft()
            inlet.go_on()
            self._note_arrival(inlet)
        if buffer is None:
            self.empty += not held_up
            self._refusals.look()
        else:
            self._take(buffer)

    def _is_held_up(self) -> bool:
        """Wait, for a moment, where the peer has sent more than its limit. What it sends meanwhile waits with it."""
        seconds = max((bucket.wait_s() for bucket in (self._frames, self._octets) if bucket is not None), default=0.0)
        self.holds = seconds > 0
        if not seconds:
            return False
        self.held_up += 1
        self._room.wait(min(seconds, LOOK_S))
        self._room.clear()
        return True

    def _count(self, size: int) -> None:
        if self._frames is not None:
            self._frames.take(1)
        if self._octets is not None:
            self._octets.take(size)

    def _take(self, buffer: memoryview) -> None:
        try:
            source = int.from_bytes(buffer[6:8], "little")
            if source == CONTROL:
                frame = read_frame(buffer, messages=WIRE_MESSAGES)
                self._take_control(list(frame))
                self._note_unknown(frame.unknown)
                return
            self._count(len(buffer))
            inlet = self.peer.inlets.get(source)
            if inlet is None or not self.accepts:
                self.refuse(f"a frame of source {source}, which is no stream to this node")
                return
            frame = read_frame(buffer, messages=inlet.messages)
            inlet.take(frame)
            self._note_arrival(inlet)
        except FrameRefusedError as error:
            self.complain(error)
        except TLVError as error:
            self.refuse(str(error))

    def refuse(self, reason: str) -> None:
        """Count what makes no sense, and tell of it. The receiving thread."""
        self.complain(FrameRefusedError(peer=self.peer.name, reason=reason))

    def complain(self, problem: DeclaredError) -> None:
        """Something is wrong with what came."""
        if isinstance(problem, FrameRefusedError):
            self.rubbish += 1
            if self.peer.cut_off is not None:
                return  # it was told of
            self._refused_at.append(time.monotonic())
            if len(self._refused_at) == RUBBISH_MAX and self._refused_at[-1] - self._refused_at[0] <= RUBBISH_S:
                self._refusals.tell_rest()
                self.peer.cut(PeerCutOffError(peer=self.peer.name, frames=RUBBISH_MAX, seconds=RUBBISH_S))
                return
            self._refusals.tell(problem)
            return
        try_to_log(self.peer.log.error, "something is wrong with what came", **problem.to_dict())

    def _note_arrival(self, inlet: Inlet) -> None:
        """Let the sender know soon; at once where it may be waiting for that."""
        news = inlet.arrived - inlet.told
        self.peer.sending.tell_arrivals(at_once=news >= TELL_COUNT or inlet.ended)
        if inlet.ended:
            self.peer.changed()

    def _note_unknown(self, count: int) -> None:
        """The peer tells what this version does not know: counted, and passed over."""
        self.unknown += count
        if count and self.unknown == count:
            self.complain(MessagesUnknownError(stream=f"{self.peer.name} itself", unknown=count))

    def _take_control(self, messages: list[Any]) -> None:
        peer = self.peer
        for message in messages:
            if type(message) is Wire.Greeting:
                process = next((one for one in messages if type(one) is Wire.Process), None)
                layouts = tuple(one for one in messages if type(one) is Wire.GreetedLayout)
                fields = tuple(one for one in messages if type(one) is Wire.GreetedFields)
                known = (one.incarnation for one in messages if type(one) is Wire.Credit and one.stream == CONTROL)
                peer.greeted(message, layouts, process, fields, known=next(known, None))
            elif type(message) is Wire.Credit:
                self._take_credit(message)
            elif type(message) is Wire.StreamEnd:
                inlet = peer.inlets.get(message.stream)
                if inlet is not None and self.accepts:
                    inlet.end(message.sent)
                    self._note_arrival(inlet)
            elif type(message) is Wire.Goodbye:
                peer.leaves()
            elif self.accepts:
                self._take_talk(message)

    def _take_talk(self, message: Any) -> None:
        peer = self.peer
        if type(message) is Wire.Answer:
            peer.talk.take_answer(message)
        elif type(message) is Wire.Failed:
            peer.talk.take_failure(message)
        elif type(message) is Wire.Order:
            peer.talk.orders.take(message)
        elif type(message) is Wire.Opening:
            inlet = peer.directory.inlet_for(peer, message)
            if inlet is None:
                self.refuse(f"a stream {message.stream} to {str(message.receiver)[:200]!r}, which there cannot be here")
            else:
                peer.inlets[message.stream] = inlet

    def _take_credit(self, credit: Wire.Credit) -> None:
        peer = self.peer
        outlet = peer.outlets.get(credit.stream)
        if outlet is not None and credit.incarnation == peer.incarnation and peer.joined:
            outlet.credit(credit.arrived)
            peer.announce(outlet)
            if outlet.drained:
                peer.changed()
