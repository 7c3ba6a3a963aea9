"""The two ends of a channel: what every kind of link does alike, and what each does in its own way."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, NamedTuple, Self

from mycelium.errors.link import LinkClosedError, LinkFrameError

from .looking import Looking

__all__ = ["TIMEOUT", "FrameReceiver", "FrameSender", "LinkCounts", "Loan"]

#: How long a sender waits for room or for its receiver, where nothing else is said; in seconds.
TIMEOUT = 5.0


class LinkCounts(NamedTuple):
    """What went over one end of a channel so far.

    Attributes:
        frames: Published, or received.
        bytes: Those of the frames.
        waits: How often a sender found no room, or a receiver no frame, and had to wait.
        copied: Frames that a receiver copied out, because too many were still looked at.
        lost: At most so many published frames were never taken, because their receiver ended.
    """

    frames: int = 0
    bytes: int = 0
    waits: int = 0
    copied: int = 0
    lost: int = 0


class Loan:
    """Memory in which one frame is built: what leaves a ``with`` block whole is published.

    A block that ends with an exception publishes nothing. No view of ``buffer`` may be used after the
    block: by then the bytes belong to the receiver.

    Attributes:
        buffer: Writable, and of the size that was asked for; its first bytes are the frame.
        size: How many bytes are published: all, where nothing else is set.
    """

    __slots__ = ("_held", "_sender", "buffer", "size")

    def __init__(self, sender: FrameSender, buffer: memoryview, held: Any = None) -> None:
        self.buffer = buffer
        self.size = len(buffer)
        self._sender: FrameSender | None = sender
        self._held = held

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        sender, self._sender = self._sender, None
        if sender is None:
            raise LinkClosedError(what="a loan")
        if kind is None:
            sender._finish(self)
        else:
            sender._abandon(self)


class FrameSender(ABC):
    """The end that publishes. One thread at a time uses it.

    Attributes:
        channel: Its name.
        frame_size: The largest frame that it takes, in bytes.
        closed: Whether it has been closed.
    """

    def __init__(self, channel: str, frame_size: int) -> None:
        self.channel = channel
        self.frame_size = frame_size
        self.closed = False
        self._frames = 0
        self._bytes = 0
        self._waits = 0
        self._lost = 0

    def loan(self, size: int, *, timeout: float = TIMEOUT) -> Loan:
        """Memory for a frame of up to ``size`` bytes, for a ``with`` block that builds it.

        It waits up to ``timeout`` seconds for a receiver that has room. Raises `LinkDownError` and
        `LinkFullError` when the time is over, also at the end of the block where the receiver was lost
        meanwhile; then the frame was not sent. Raises `LinkFrameError` for a size that is not
        allowed, and `LinkClosedError`.
        """
        self._check(size)
        return self._loan(size, timeout)

    def _check(self, size: int) -> None:
        if not 0 < size <= self.frame_size:
            raise LinkFrameError(channel=self.channel, size=size, reason=f"it takes 1 to {self.frame_size}")
        if self.closed:
            raise LinkClosedError(what=f"the sender of {self.channel}")

    def send(self, frame: bytes | bytearray | memoryview, *, timeout: float = TIMEOUT) -> None:
        """Publish a copy of bytes that stand elsewhere. Raises as `loan`."""
        with self.loan(len(frame), timeout=timeout) as loan:
            loan.buffer[:] = frame

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Whether a receiver is there; that a process has died is noticed within a second."""

    @abstractmethod
    def wait_connected(self, timeout: float) -> bool:
        """Wait until a receiver is there; whether it is, after ``timeout`` seconds at most."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """How many frames were published and, as far as is known, not taken by the receiver yet."""

    @property
    def counts(self) -> LinkCounts:
        """What was published so far."""
        return LinkCounts(frames=self._frames, bytes=self._bytes, waits=self._waits, lost=self._lost)

    def close(self) -> None:
        """No more is sent; what was published still arrives. May be called again."""
        if not self.closed:
            self.closed = True
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _finish(self, loan: Loan) -> None:
        """Publish a loan whose block has ended well."""
        if self.closed:
            self._abandon(loan)
            raise LinkClosedError(what=f"the sender of {self.channel}")
        if not 0 < loan.size <= len(loan.buffer):
            self._abandon(loan)
            raise LinkFrameError(
                channel=self.channel, size=loan.size, reason=f"the loan has room for 1 to {len(loan.buffer)}"
            )
        self._publish(loan)
        self._count(loan.size)

    def _count(self, size: int) -> None:
        self._frames += 1
        self._bytes += size

    @abstractmethod
    def _loan(self, size: int, timeout: float) -> Loan:
        """Memory of that size, when there is room; raises `LinkDownError` or `LinkFullError`."""

    @abstractmethod
    def _publish(self, loan: Loan) -> None:
        """Hand the first ``loan.size`` bytes over; raises `LinkDownError` or `LinkFullError`."""

    @abstractmethod
    def _abandon(self, loan: Loan) -> None:
        """Take a loan back unpublished."""

    @abstractmethod
    def _close(self) -> None: ...


class FrameReceiver(ABC):
    """The end that receives. One thread at a time uses it, but `wake` and `close` are for any.

    Attributes:
        channel: Its name.
        spin_us: How long it looks for a frame before it sleeps, in microseconds, while frames come that soon.
            Looking takes a whole core; sleeping costs the time to be woken, tens of microseconds.
        closed: Whether it has been closed.
    """

    def __init__(self, channel: str, spin_us: int) -> None:
        self.channel = channel
        self.closed = False
        self._looking = Looking(spin_us)
        self._woken = False
        self._frames = 0
        self._bytes = 0
        self._waits = 0
        self._copied = 0

    @property
    def spin_us(self) -> int:
        """See above."""
        return self._looking.spin_us

    def receive(self, timeout: float | None = None) -> memoryview | None:
        """The bytes of the next frame, read-only, or ``None`` where none came.

        It waits up to ``timeout`` seconds, for ever where that is ``None``, not at all for 0; `wake` and
        `close` end the wait. Raises `LinkClosedError` once it is closed.
        """
        if self.closed:
            raise LinkClosedError(what=f"the receiver of {self.channel}")
        frame = self._take()
        if frame is None and timeout != 0:
            frame = self._wait(timeout)
        if frame is not None:
            self._frames += 1
            self._bytes += len(frame)
        return frame

    def _wait(self, timeout: float | None) -> memoryview | None:
        clock = time.perf_counter
        began = clock()
        look_until = began + self._looking.next_us() / 1_000_000
        self._waits += 1
        while not (self._woken or self.closed):
            now = clock()
            left = None if timeout is None else began + timeout - now
            if left is not None and left <= 0:
                self._looking.note((now - began) * 1_000_000)
                return self._take()
            if now >= look_until:
                self._rest(left)
            frame = self._take()
            if frame is not None:
                self._looking.note((clock() - began) * 1_000_000)
                return frame
        self._woken = False
        return None

    def wake(self) -> None:
        """Let the `receive` that waits, or else the next one that would, return ``None`` at once."""
        self._woken = True
        if not self.closed:
            self._rouse()

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Whether a sender is there; that it has come may be noticed after its first frame, that its process has died within a second."""

    @property
    def counts(self) -> LinkCounts:
        """What was received so far."""
        return LinkCounts(frames=self._frames, bytes=self._bytes, waits=self._waits, copied=self._copied)

    def close(self) -> None:
        """Take no more. Buffers that were received stay as they are. May be called again, by any thread."""
        if not self.closed:
            self.closed = True
            self._rouse()
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _take(self) -> memoryview | None:
        """The next frame that is here already."""

    @abstractmethod
    def _rest(self, seconds: float | None) -> None:
        """Sleep until a frame may have come, `_rouse` was called, or the time is over."""

    @abstractmethod
    def _rouse(self) -> None:
        """End the `_rest` that is under way, or else the next one; from any thread."""

    @abstractmethod
    def _close(self) -> None: ...
