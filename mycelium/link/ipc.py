"""A link over shared memory, between processes of one user on one host: iceoryx2 carries it.

A frame is built in a sample of shared memory and read there. The sample goes back to the sender when
the last view of it dies. A channel is three services of iceoryx2: the frames, what the receiver says it
has taken, one that shows whether its sender is there; and two bells, on which the ends sleep.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mycelium.errors.link import ChannelTakenError, LinkClosedError, LinkDownError, LinkFullError, LinkOpenError
from mycelium.link.ends import TIMEOUT, FrameReceiver, FrameSender, LinkCounts, Loan
from mycelium.link.iceoryx import Home, iceoryx2, loan, of_size, opened, send, service_of_bytes, service_of_events
from mycelium.link.lending import Lent, memory_at
from mycelium.link.link import Link
from mycelium.link.window import Acknowledgement, Prefix, Taken, Window
from mycelium.observing.places import runtime_directory

__all__ = ["IpcLink"]

_PREFIX = Prefix.layout.size

#: How often an end that waits looks for processes that have died; in seconds.
_LOOK = 0.25

#: How long a receiver keeps to itself what it took last, where no more comes; in seconds. Its sender has room meanwhile.
_TELL_LATER = 0.002

#: How long a link that closes waits for receivers that have not looked for frames yet; in seconds.
_FAREWELL = 1.0


class IpcLink(Link):
    """Joins processes of one user on one host. Frames take the memory that they really have.

    Args:
        directory: Where the nodes that are to meet have their files; only this user may enter it. By
            default ``links`` in MYCELIUM_RUNTIME_DIR.
        capacity: How many frames may wait in a channel. Both ends say the same.
        borrowed: How many frames the views of a receiver may keep in shared memory; when more are
            looked at, further ones are copied out.

    Raises `LinkExtraError`, `ControlAccessError` and `LinkOpenError`.
    """

    kind = "ipc"

    def __init__(self, *, directory: Path | None = None, capacity: int = 16, borrowed: int = 32) -> None:
        super().__init__()
        self.capacity = capacity
        self.borrowed = borrowed
        self._home = Home(directory or runtime_directory() / "links")
        self._node = self._home.make_node()
        self._lock = threading.Lock()
        self._leaving: list[_IpcSender] = []
        self.look_at = time.monotonic() + _LOOK

    def clean(self) -> None:
        """Remove what nodes of dead processes have left; ends that wait do that four times a second."""
        with self._lock:
            if self._node is not None and time.monotonic() >= self.look_at:
                self._node.try_cleanup_dead_nodes()
                self._leaving = [sender for sender in self._leaving if not sender._leave()]
                self.look_at = time.monotonic() + _LOOK

    def see_off(self, sender: _IpcSender) -> None:
        """Keep a closed sender until its receiver has seen it."""
        with self._lock:
            self._leaving.append(sender)

    def _sender(self, channel: str, frame_size: int) -> FrameSender:
        return _IpcSender(self, channel, frame_size, self._services(channel))

    def _receiver(self, channel: str, frame_size: int, spin_us: int) -> FrameReceiver:
        return _IpcReceiver(self, channel, spin_us, self._services(channel))

    def _services(self, channel: str) -> _Services:
        self.clean()
        with self._home.creating():
            while True:
                try:
                    return _Services(self, channel)
                except LinkOpenError as error:
                    if "HangsInCreation" not in error.reason or not self._home.forget(error.what):
                        raise

    def _close(self) -> None:
        until = time.monotonic() + _FAREWELL
        with self._lock:
            while self._leaving:
                late = time.monotonic() >= until
                self._leaving = [sender for sender in self._leaving if not sender._leave(at_once=late)]
                time.sleep(0.002 if self._leaving else 0)
            self._node = None
        self._home.leave()


class _Services:
    """The services and bells of a channel."""

    def __init__(self, link: IpcLink, channel: str) -> None:
        node = link._node
        self.frames = service_of_bytes(
            node,
            f"{channel}:frames",
            max_publishers=4,  # one, and those that have closed and whose frames the receiver has not seen yet
            max_subscribers=4,  # one, and those that have closed and whose frames are still looked into
            max_nodes=8,
            history_size=0,
            enable_safe_overflow=False,
            # Twice the window: who comes when another has just gone may get frames that the sender counts anew.
            subscriber_max_buffer_size=2 * link.capacity,
            subscriber_max_borrowed_samples=link.borrowed + 2,
        )
        self.taken = service_of_bytes(
            node,
            f"{channel}:taken",
            max_publishers=1,
            max_subscribers=4,
            max_nodes=8,
            history_size=0,
            enable_safe_overflow=True,
            subscriber_max_buffer_size=1,
            subscriber_max_borrowed_samples=2,
        )
        # Nobody listens to it: it shows whether the sender is there.
        self.sender = service_of_events(node, f"{channel}:sender", max_listeners=1)
        self.sent = link._home.bell(f"{channel}:sent")
        self.room = link._home.bell(f"{channel}:room")


def _publisher(service: Any, size: int) -> Any:
    """A publisher of samples of up to ``size`` bytes."""
    iox2 = iceoryx2()
    builder = service.publisher_builder().max_loaned_samples(2)
    builder = builder.backpressure_strategy(iox2.BackpressureStrategy.DiscardData)
    return of_size(builder, size).create()


def _only(end: str, channel: str, make: Callable[[], Any]) -> Any:
    """The port that only one of each end can have. Raises `ChannelTakenError` where another has it."""
    try:
        return make()
    except Exception as error:
        if "ExceedsMaxSupported" in str(error):
            raise ChannelTakenError(channel=channel, end=end, link="ipc") from error
        raise LinkOpenError(link="ipc", what=channel, reason=f"{type(error).__name__}: {error}") from error


class _IpcSender(FrameSender):
    def __init__(self, link: IpcLink, channel: str, frame_size: int, services: _Services) -> None:
        super().__init__(channel, frame_size)
        self._link = link
        self._services: _Services | None = services
        self._window = Window(link.capacity)
        self._whole = _PREFIX + frame_size
        self._next: tuple[Any, memoryview] | None = None
        self._sent = services.sent
        self._room = services.room
        self._presence = _only("sender", channel, lambda: services.sender.listener_builder().create())
        self._publisher = opened(channel, lambda: _publisher(services.frames, self._whole))
        self._heard = opened(channel, lambda: services.taken.subscriber_builder().create())
        self._sent.ring()

    @property
    def connected(self) -> bool:
        self._link.clean()
        self._listen()
        return self._window.receiver != 0

    @property
    def waiting(self) -> int:
        self._listen()
        return self._window.waiting

    @property
    def counts(self) -> LinkCounts:
        return super().counts._replace(lost=self._window.lost)

    def wait_connected(self, timeout: float) -> bool:
        return self._wait_until(lambda: self._window.receiver != 0, timeout)

    def _listen(self) -> None:
        """Hear what the receiver has taken, and whether there is one."""
        services = self._services
        if services is None:
            return
        while (sample := self._heard.receive()) is not None:
            said = Acknowledgement.ref_from(ctypes.string_at(sample.payload_ptr, Acknowledgement.layout.size))
            sample.delete()
            self._window.hear(said.receiver, said.sender, said.number)
        if services.taken.dynamic_config.number_of_publishers:
            self._window.meet()
        elif self._window.receiver:
            self._window.leave()

    def _wait_until(self, arrived: Callable[[], bool], timeout: float) -> bool:
        until = time.monotonic() + timeout
        while True:
            if self.closed:
                raise LinkClosedError(what=f"the sender of {self.channel}")
            self._room.still()
            self._listen()
            if arrived():
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._room.sleep(min(left, _LOOK))
            self._link.clean()

    def send(self, frame: bytes | bytearray | memoryview, *, timeout: float = TIMEOUT) -> None:
        size = len(frame)
        self._check(size)
        sample, whole = self._lend(timeout)
        try:
            whole[_PREFIX : _PREFIX + size] = frame
        except BaseException:
            self._next = sample, whole  # for the next frame
            raise
        self._hand_over(sample, whole, size)
        self._count(size)

    def _loan(self, size: int, timeout: float) -> Loan:
        sample, whole = self._lend(timeout)
        return Loan(self, whole[_PREFIX : _PREFIX + size], (sample, whole))

    def _lend(self, timeout: float) -> tuple[Any, memoryview]:
        """A sample, and all its memory, when there is room."""
        if not self._window.has_room or time.monotonic() >= self._link.look_at:
            self._link.clean()
            self._make_room(timeout)
        lent, self._next = self._next, None
        return lent or self._prepare()

    def _prepare(self) -> tuple[Any, memoryview]:
        sample = loan(self._publisher, self._whole)
        memory = memory_at(sample.payload_ptr, self._whole)
        memory.publisher = self._publisher  # its memory stays mapped as long as this can be reached
        return sample, memoryview(memory).cast("B")

    def _make_room(self, timeout: float) -> None:
        self._listen()
        if self._window.has_room:
            return
        self._waits += 1
        began = time.monotonic()
        if not self._wait_until(lambda: self._window.has_room, timeout):
            waited = round(time.monotonic() - began, 3)
            if self._window.receiver == 0:
                raise LinkDownError(channel=self.channel, link="ipc", seconds=waited)
            raise LinkFullError(channel=self.channel, link="ipc", waiting=self._window.waiting, seconds=waited)

    def _publish(self, loan: Loan) -> None:
        (sample, whole), loan._held = loan._held, None
        self._hand_over(sample, whole, loan.size)

    def _hand_over(self, sample: Any, whole: memoryview, size: int) -> None:
        window = self._window
        Prefix.emplace(whole, 0, length=size, sender=window.incarnation, number=window.number + 1)
        if not send(sample):
            window.leave()
            raise LinkDownError(channel=self.channel, link="ipc", seconds=0.0)
        window.number += 1
        self._sent.ring()
        if self._next is None:
            self._next = self._prepare()  # while the receiver wakes up

    def _abandon(self, loan: Loan) -> None:
        (sample, _), loan._held = loan._held, None
        sample.delete()

    def _close(self) -> None:
        self._presence.delete()  # from here on another may send
        self._sent.ring()
        if not self._leave():
            self._link.see_off(self)

    def _leave(self, *, at_once: bool = False) -> bool:
        """Close what is left, once the receiver has seen this sender: else it would miss what waits."""
        self._listen()
        if not (at_once or self._window.is_settled):
            return False
        self._window.leave()
        if self._next is not None:
            self._next[0].delete()
            self._next = None
        for port in (self._publisher, self._heard):
            port.delete()
        self._sent.close()
        self._room.close()
        self._services = None
        return True


class _IpcReceiver(FrameReceiver):
    def __init__(self, link: IpcLink, channel: str, spin_us: int, services: _Services) -> None:
        super().__init__(channel, spin_us)
        self._link = link
        self._services: _Services | None = services
        self._taken = Taken(link.capacity)
        self._next: Any = None  # a sample
        self._lent = Lent(link.borrowed)
        self._using = threading.Lock()
        self._ringing = threading.Lock()
        self._frames_port = opened(channel, lambda: services.frames.subscriber_builder().create())
        self._teller = _only("receiver", channel, lambda: _publisher(services.taken, Acknowledgement.layout.size))
        self._sent = services.sent
        self._room = services.room
        self._tell()

    @property
    def connected(self) -> bool:
        self._link.clean()
        services = self._services
        return services is not None and bool(services.sender.dynamic_config.number_of_listeners)

    def _take(self) -> memoryview | None:
        with self._using:
            if self.closed:
                return None
            sample, self._next = self._next, None
            if sample is None:
                sample = self._frames_port.receive()
            return None if sample is None else self._look_into(sample)

    def _look_into(self, sample: Any) -> memoryview:
        """The bytes of a frame: where they are, or copied out where too many are looked into already."""
        memory = memory_at(sample.payload_ptr, sample.header.number_of_elements)
        prefix = Prefix.ref_from(memory)
        if self._taken.take(prefix.sender, prefix.number):
            self._sent.still()
            self._tell()
        frame = memoryview(memory).cast("B")[_PREFIX : _PREFIX + prefix.length].toreadonly()
        if self._lent.is_full:
            self._copied += 1
            copy = bytes(frame)
            sample.delete()
            return memoryview(copy)
        self._lent.keep(memory, self._frames_port, sample)
        return frame

    def _tell(self) -> None:
        """Say what was taken, so that the sender knows what room there is."""
        sample = loan(self._teller, Acknowledgement.layout.size)
        ctypes.memmove(sample.payload_ptr, self._taken.say(), Acknowledgement.layout.size)
        send(sample)
        self._room.ring()

    def _rest(self, seconds: float | None) -> None:
        wait = _LOOK if seconds is None else min(seconds, _LOOK)
        with self._using:
            if self.closed:
                return
            self._sent.still()
            self._next = self._frames_port.receive()
            if self._next is not None or self._woken or self.closed:
                return
            if self._taken.has_news:
                if self._sent.sleep(min(wait, _TELL_LATER)):
                    return  # a busy channel tells now and then, and not before each wait
                self._tell()
                wait = max(0.0, wait - _TELL_LATER)
            if self._sent.sleep(wait):
                return
        self._link.clean()

    def _rouse(self) -> None:
        with self._ringing:
            if self._services is not None:
                self._sent.ring()

    def _close(self) -> None:
        with self._using:
            if self._taken.has_news:
                self._tell()
            self._teller.delete()  # from here on the sender knows
            self._room.ring()
            self._room.close()
            if self._next is not None:
                self._next.delete()
                self._next = None
            # Not deleted: whoever still looks into a frame keeps the port, and so its memory.
            self._frames_port = None
            with self._ringing:
                self._services = None
                self._sent.close()
