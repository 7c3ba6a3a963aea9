"""A link within one process that does with frames what the test wants: loses, repeats, turns round or spoils them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import count

from mycelium.link.ends import FrameReceiver, FrameSender, Loan
from mycelium.link.loopback import LoopbackLink, _Channel, _LoopbackReceiver, _LoopbackSender
from mycelium.remote.messages import CONTROL

__all__ = ["CutLink", "Fault", "FaultyLink", "each", "is_of_stream"]

#: What becomes of a frame: those that arrive in its place. May raise.
Fault = Callable[[memoryview], Iterator[memoryview]]


class FaultyLink(LoopbackLink):
    """Asks ``fault`` about every frame that comes to the node called ``receiver``."""

    def __init__(self, receiver: str, fault: Fault) -> None:
        super().__init__()
        self.node = receiver
        self.fault = fault

    def _receiver(self, channel: str, frame_size: int, spin_us: int) -> FrameReceiver:
        if not channel.endswith(f"/{self.node}"):
            return super()._receiver(channel, frame_size, spin_us)
        return _FaultyReceiver(self._channel(channel), channel, spin_us, self)


class _FaultyReceiver(_LoopbackReceiver):
    def __init__(self, shared: _Channel, channel: str, spin_us: int, link: FaultyLink) -> None:
        super().__init__(shared, channel, spin_us)
        self._link = link
        self._come: deque[memoryview] = deque()

    def _take(self) -> memoryview | None:
        while not self._come:
            frame = super()._take()
            if frame is None:
                return None
            self._come.extend(self._link.fault(frame))
        return self._come.popleft()


def is_of_stream(frame: memoryview) -> bool:
    """Whether messages of actors are in it."""
    return int.from_bytes(frame[6:8], "little") != CONTROL


def each(nth: int, change: Fault) -> Fault:
    """Change every so many-th frame of streams, from the second on; control passes."""
    numbers = count(2)

    def fault(frame: memoryview) -> Iterator[memoryview]:
        if is_of_stream(frame) and next(numbers) % nth == 0:
            yield from change(frame)
        else:
            yield frame

    return fault


class CutLink(LoopbackLink):
    """Loses every frame that is sent while it ``swallows``, or those of streams only where it ``spares_control``.

    While it is ``cut``, both ends see that nobody is there. ``swallowed`` counts frames.
    """

    def __init__(self) -> None:
        super().__init__()
        self.swallows = False
        self.spares_control = False
        self.cut = False
        self.swallowed = 0

    def _sender(self, channel: str, frame_size: int) -> FrameSender:
        return _CutSender(self._channel(channel), channel, frame_size, self)


class _CutSender(_LoopbackSender):
    def __init__(self, shared: _Channel, channel: str, frame_size: int, link: CutLink) -> None:
        super().__init__(shared, channel, frame_size, link.capacity)
        self._link = link

    @property
    def connected(self) -> bool:
        return super().connected and not self._link.cut

    def _publish(self, loan: Loan) -> None:
        link = self._link
        if link.swallows and not (link.spares_control and not is_of_stream(loan.buffer)):
            link.swallowed += 1
        else:
            super()._publish(loan)
