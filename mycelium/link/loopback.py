"""A link within one process: for tests, and as the plainest picture of what a link does."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from mycelium.errors.link import ChannelTakenError, LinkDownError, LinkFullError
from mycelium.link.ends import FrameReceiver, FrameSender, Loan
from mycelium.link.link import Link

__all__ = ["LoopbackLink"]


@dataclass(eq=False)
class _Channel:
    """What the two ends share: all of it under the lock, and whoever changes it says so."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    frames: deque[memoryview] = field(default_factory=deque)
    sender: FrameSender | None = None
    receiver: FrameReceiver | None = None


class LoopbackLink(Link):
    """Both ends of its channels are in this process: hand the same object to both nodes.

    Args:
        capacity: How many frames may wait in a channel.

    Example: ``link = LoopbackLink(); link.sender("a/b"); link.receiver("a/b")``.
    """

    kind = "loopback"

    def __init__(self, *, capacity: int = 64) -> None:
        super().__init__()
        self.capacity = capacity
        self._channels: dict[str, _Channel] = {}
        self._lock = threading.Lock()

    def _channel(self, name: str) -> _Channel:
        with self._lock:
            return self._channels.setdefault(name, _Channel())

    def _sender(self, channel: str, frame_size: int) -> FrameSender:
        return _LoopbackSender(self._channel(channel), channel, frame_size, self.capacity)

    def _receiver(self, channel: str, frame_size: int, spin_us: int) -> FrameReceiver:
        return _LoopbackReceiver(self._channel(channel), channel, spin_us)

    def _close(self) -> None:
        self._channels.clear()


class _LoopbackSender(FrameSender):
    def __init__(self, shared: _Channel, channel: str, frame_size: int, capacity: int) -> None:
        super().__init__(channel, frame_size)
        self._shared = shared
        self._capacity = capacity
        with shared.changed:
            if shared.sender is not None:
                raise ChannelTakenError(channel=channel, end="sender", link="loopback")
            shared.sender = self
            shared.changed.notify_all()

    @property
    def connected(self) -> bool:
        return self._shared.receiver is not None

    @property
    def waiting(self) -> int:
        return len(self._shared.frames)

    def wait_connected(self, timeout: float) -> bool:
        with self._shared.changed:
            return self._shared.changed.wait_for(lambda: self.connected, timeout)

    def _has_room(self) -> bool:
        return self.connected and len(self._shared.frames) < self._capacity

    def _loan(self, size: int, timeout: float) -> Loan:
        shared = self._shared
        with shared.changed:
            if not self._has_room():
                self._waits += 1
                began = time.monotonic()
                if not shared.changed.wait_for(self._has_room, timeout):
                    waited = round(time.monotonic() - began, 3)
                    if not self.connected:
                        raise LinkDownError(channel=self.channel, link="loopback", seconds=waited)
                    raise LinkFullError(
                        channel=self.channel, link="loopback", waiting=len(shared.frames), seconds=waited
                    )
        return Loan(self, memoryview(bytearray(size)))

    def _publish(self, loan: Loan) -> None:
        with self._shared.changed:
            if not self.connected:
                raise LinkDownError(channel=self.channel, link="loopback", seconds=0.0)
            self._shared.frames.append(loan.buffer[: loan.size].toreadonly())
            self._shared.changed.notify_all()

    def _abandon(self, loan: Loan) -> None:
        """The memory goes with the loan."""

    def _count_lost(self, frames: int) -> None:
        self._lost += frames

    def _close(self) -> None:
        with self._shared.changed:
            self._shared.sender = None
            self._shared.changed.notify_all()


class _LoopbackReceiver(FrameReceiver):
    def __init__(self, shared: _Channel, channel: str, spin_us: int) -> None:
        super().__init__(channel, spin_us)
        self._shared = shared
        with shared.changed:
            if shared.receiver is not None:
                raise ChannelTakenError(channel=channel, end="receiver", link="loopback")
            shared.receiver = self
            shared.changed.notify_all()

    @property
    def connected(self) -> bool:
        return self._shared.sender is not None

    def _take(self) -> memoryview | None:
        with self._shared.changed:
            if not self._shared.frames:
                return None
            frame = self._shared.frames.popleft()
            self._shared.changed.notify_all()
            return frame

    def _rest(self, seconds: float | None) -> None:
        shared = self._shared
        with shared.changed:
            shared.changed.wait_for(lambda: shared.frames or self._woken or self.closed, seconds)

    def _rouse(self) -> None:
        with self._shared.changed:
            self._shared.changed.notify_all()

    def _close(self) -> None:
        shared = self._shared
        with shared.changed:
            shared.receiver = None
            if isinstance(shared.sender, _LoopbackSender):
                shared.sender._count_lost(len(shared.frames))
            shared.frames.clear()
            shared.changed.notify_all()
