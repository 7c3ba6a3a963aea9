"""What a link is: one page that every kind of link keeps.

A link carries frames from one node to another; it knows bytes, and nothing of actors. A **channel** is
one direction between two nodes and has a name, one sender and one receiver::

    with link.sender("market/feeds/books") as sender, sender.loan(65536) as loan:
        writer = FrameWriter(source=7, sequence=3, buffer=loan.buffer)
        writer.append(trade)
        loan.size = len(writer.finish())        # leaving the block publishes that many bytes

    with link.receiver("market/feeds/books") as receiver:
        buffer = receiver.receive(timeout=1.0)  # None when nothing came
        if buffer is not None:
            for message in read_frame(buffer): ...

What every kind promises, and `tests/link/` holds for all of them:

- What was published arrives once, whole, and in the order in which it was published.
- Nothing is lost silently: a frame that cannot be published raises in the sender, before it is built
  (`LinkDownError`, `LinkFullError`), and what a receiver that ended had not taken is counted in ``lost``.
- A received buffer is read-only, begins at a multiple of 8 in memory, and stays as it is until the last
  view of it has died, however many frames come meanwhile.
- A receiver that takes nothing holds up the sender of its own channel, and nobody else.
- Nothing is ever pickled.

An end belongs to one thread at a time; `FrameReceiver.wake` and `close` may be called by any.
"""

from __future__ import annotations

import atexit
import re
from abc import ABC, abstractmethod
from typing import ClassVar, Self, TypeVar

from mycelium.errors.link import ChannelNameError, LinkClosedError
from mycelium.link.ends import FrameReceiver, FrameSender

__all__ = ["FRAME_SIZE", "Link", "channel_name"]

E = TypeVar("E", FrameSender, FrameReceiver)

#: The largest frame that a channel takes, where nothing else is said; in bytes.
FRAME_SIZE = 256 * 1024

_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


class Link(ABC):
    """One node's way to others. Use it in a ``with``, or `close` it: that closes its senders and receivers.

    One that is still open when the program ends is closed then, since Zenoh would hold the program up for ever.

    Attributes:
        kind: ``"loopback"``, ``"ipc"`` or ``"net"``.
    """

    kind: ClassVar[str]

    def __init__(self) -> None:
        self.closed = False
        self._is_in_use = False
        self._ends: list[FrameSender | FrameReceiver] = []

    def sender(self, channel: str, *, frame_size: int = FRAME_SIZE) -> FrameSender:
        """The end of a channel that sends; frames of up to ``frame_size`` bytes.

        Raises `ChannelNameError`, `ChannelTakenError` and `LinkClosedError`.
        """
        self._check_open()
        return self._kept(self._sender(channel_name(channel), frame_size))

    def receiver(self, channel: str, *, frame_size: int = FRAME_SIZE, spin_us: int = 0) -> FrameReceiver:
        """The end of a channel that receives. It looks for ``spin_us`` microseconds before it sleeps.

        Raises as `sender`.
        """
        self._check_open()
        return self._kept(self._receiver(channel_name(channel), frame_size, spin_us))

    def close(self) -> None:
        """End this node's part in all its channels. May be called again."""
        if not self.closed:
            self.closed = True
            atexit.unregister(self.close)
            for end in self._ends:
                end.close()
            self._ends.clear()
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _sender(self, channel: str, frame_size: int) -> FrameSender: ...

    @abstractmethod
    def _receiver(self, channel: str, frame_size: int, spin_us: int) -> FrameReceiver: ...

    @abstractmethod
    def _close(self) -> None:
        """Give back what the link itself holds; its ends are closed by then."""

    def _check_open(self) -> None:
        if self.closed:
            raise LinkClosedError(what=f"the link ({self.kind})")

    def _kept(self, end: E) -> E:
        if not self._is_in_use:
            self._is_in_use = True
            atexit.register(self.close)
        self._ends = [other for other in self._ends if not other.closed]
        self._ends.append(end)
        return end


def channel_name(name: str) -> str:
    """The name of a channel, where it is one on every kind of link. Raises `ChannelNameError`."""
    if len(name) > 128:
        raise ChannelNameError(name=name, reason=f"{len(name)} characters")
    if not _NAME.fullmatch(name):
        raise ChannelNameError(name=name, reason="it has other characters, or an empty part")
    return name
