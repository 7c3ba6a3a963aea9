"""A link over shared memory, between processes of one user on one host: iceoryx2 carries it.

A frame is built in a sample of shared memory and read there. The sample goes back to the sender when
the last view of it dies. A channel is four services of iceoryx2: the frames, what the receiver says it
has taken, and an event for each, on which the other end sleeps.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mycelium.errors.link import ChannelTakenError, LinkDownError, LinkFullError, LinkOpenError
from mycelium.link.ends import FrameReceiver, FrameSender, LinkCounts, Loan
from mycelium.link.iceoryx import Home, iceoryx2, loan, of_size, opened, rest, send, service_of_bytes, service_of_events
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
    """The four services of a channel."""

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
        self.sent = service_of_events(node, f"{channel}:sent")
        self.room = service_of_events(node, f"{channel}:room", max_listeners=1)


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

        self._room = _only("sender", channel, lambda: services.room.listener_builder().create())
        self._publisher = opened(channel, lambda: _publisher(services.frames, _PREFIX + frame_size))
        self._heard = opened(channel, lambda: services.taken.subscriber_builder().create())
        self._bell = opened(channel, lambda: services.sent.notifier_builder().create())
        self._bell.notify()

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
            self._listen()
            if arrived():
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            rest(self._room, min(left, _LOOK))
            self._link.clean()

    def _loan(self, size: int, timeout: float) -> Loan:
        if not self._window.has_room or time.monotonic() >= self._link.look_at:
            self._link.clean()
            self._make_room(timeout)
        sample = loan(self._publisher, _PREFIX + size)
        memory = (ctypes.c_ubyte * size).from_address(sample.payload_ptr + _PREFIX)
        memory.publisher = self._publisher  # type: ignore[attr-defined] # its memory stays mapped as long as this can be reached
        return Loan(self, memoryview(memory).cast("B"), sample)

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
        window, sample = self._window, loan._held
        loan._held = None
        prefix = (ctypes.c_ubyte * _PREFIX).from_address(sample.payload_ptr)
        Prefix.emplace(prefix, 0, length=loan.size, sender=window.incarnation, number=window.number + 1)
        if not send(sample):
            window.leave()
            raise LinkDownError(channel=self.channel, link="ipc", seconds=0.0)
        window.number += 1
        self._bell.notify()

    def _abandon(self, loan: Loan) -> None:
        sample, loan._held = loan._held, None
        sample.delete()

    def _close(self) -> None:
        self._room.delete()  # from here on another may send
        self._bell.notify()
        if not self._leave():
            self._link.see_off(self)

    def _leave(self, *, at_once: bool = False) -> bool:
        """Close what is left, once the receiver has seen this sender: else it would miss what waits."""
        self._listen()
        if not (at_once or self._window.is_settled):
            return False
        self._window.leave()
        for port in (self._publisher, self._heard, self._bell):
            port.delete()
        self._services = None
        return True


class _Borrowed:
    """Keeps a sample, and the receiver's port, until the last view of it dies: then the sender may use its memory again."""

    __slots__ = ("_port", "_returned", "_sample")

    def __init__(self, sample: Any, port: Any, returned: deque[None]) -> None:
        self._sample = sample
        self._port = port
        self._returned = returned

    def __del__(self) -> None:
        self._sample.delete()
        self._returned.append(None)


class _IpcReceiver(FrameReceiver):
    def __init__(self, link: IpcLink, channel: str, spin_us: int, services: _Services) -> None:
        super().__init__(channel, spin_us)
        self._link = link
        self._services: _Services | None = services
        self._taken = Taken(link.capacity)
        self._borrowed = 0
        self._returned: deque[None] = deque()
        self._using = threading.Lock()
        self._ringing = threading.Lock()
        self._frames_port = opened(channel, lambda: services.frames.subscriber_builder().create())
        self._teller = _only("receiver", channel, lambda: _publisher(services.taken, Acknowledgement.layout.size))
        self._sent = opened(channel, lambda: services.sent.listener_builder().create())
        self._own_bell = opened(channel, lambda: services.sent.notifier_builder().create())
        self._bell = opened(channel, lambda: services.room.notifier_builder().create())
        self._tell()

    @property
    def connected(self) -> bool:
        self._link.clean()
        services = self._services
        return services is not None and bool(services.room.dynamic_config.number_of_listeners)

    def _take(self) -> memoryview | None:
        with self._using:
            if self.closed:
                return None
            sample = self._frames_port.receive()
            if sample is None:
                return None
            prefix = Prefix.ref_from(ctypes.string_at(sample.payload_ptr, _PREFIX))
            if self._taken.take(prefix.sender, prefix.number):
                self._tell()
            return self._view(sample, min(prefix.length, sample.header.number_of_elements - _PREFIX))

    def _view(self, sample: Any, length: int) -> memoryview:
        """The bytes of a frame: where they are, or copied out where too many are looked at already."""
        at = sample.payload_ptr + _PREFIX
        returned = self._returned
        while returned:
            returned.popleft()
            self._borrowed -= 1
        if self._borrowed >= self._link.borrowed:
            self._copied += 1
            copy = ctypes.string_at(at, length)
            sample.delete()
            return memoryview(copy)
        self._borrowed += 1
        memory = (ctypes.c_ubyte * length).from_address(at)
        memory.borrowed = _Borrowed(sample, self._frames_port, returned)  # type: ignore[attr-defined]
        return memoryview(memory).cast("B").toreadonly()

    def _tell(self) -> None:
        """Say what was taken, so that the sender knows what room there is."""
        sample = loan(self._teller, Acknowledgement.layout.size)
        ctypes.memmove(sample.payload_ptr, self._taken.say(), Acknowledgement.layout.size)
        send(sample)
        self._bell.notify()

    def _rest(self, seconds: float | None) -> None:
        wait = _LOOK if seconds is None else min(seconds, _LOOK)
        with self._using:
            if self.closed:
                return
            if self._taken.has_news:
                if rest(self._sent, min(wait, _TELL_LATER)):
                    return  # a busy channel tells now and then, and not before each wait
                self._tell()
                wait = max(0.0, wait - _TELL_LATER)
            if rest(self._sent, wait):
                return
        self._link.clean()

    def _rouse(self) -> None:
        with self._ringing:
            if self._own_bell is not None:
                self._own_bell.notify()

    def _close(self) -> None:
        with self._using:
            if self._taken.has_news:
                self._tell()
            self._teller.delete()  # from here on the sender knows
            self._bell.notify()
            for port in (self._sent, self._bell):
                port.delete()
            # Not deleted: whoever still looks into a frame keeps the port, and so its memory.
            self._frames_port = None
            self._services = None
        with self._ringing:
            self._own_bell.delete()
            self._own_bell = None
