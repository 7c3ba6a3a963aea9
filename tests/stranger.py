"""A stranger: it speaks to a node by hand, in the place of its peer."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from mycelium.link.loopback import LoopbackLink
from mycelium.remote.messages import CONTROL, VERSION, WIRE_MESSAGES, Wire
from mycelium.remote.wiring import channel_of
from tests.talking import DEADLINE_S
from tlv import FrameWriter, read_frame

__all__ = ["Stranger", "framed", "greeting_of"]


class Stranger:
    """Speaks to ``node`` of the topology `talk` as the node called ``name``."""

    def __init__(self, link: LoopbackLink, name: str, node: str) -> None:
        self.sender = link.sender(channel_of("talk", name, node))
        self.receiver = link.receiver(channel_of("talk", node, name))
        self._said: Counter[int] = Counter()
        self._heard: deque[Any] = deque()
        assert self.sender.wait_connected(DEADLINE_S)

    def say(self, *messages: Any, source: int = CONTROL) -> None:
        self.sender.send(framed(*messages, source=source, sequence=self._said[source]), timeout=DEADLINE_S)
        self._said[source] += len(messages)

    def hear(self, kind: type[Any], *others: type[Any]) -> Any:
        """The next message of that type; streams hold ``others``, too."""
        while True:
            while self._heard:
                if type(message := self._heard.popleft()) is kind:
                    return message
            frame = self.receiver.receive(timeout=DEADLINE_S)
            assert frame is not None
            self._heard.extend(read_frame(frame, messages=(*WIRE_MESSAGES, *others)))

    def close(self) -> None:
        self.sender.close()
        self.receiver.close()


def framed(*messages: Any, source: int = CONTROL, sequence: int = 0, checksum: bool = True) -> bytes:
    writer = FrameWriter(source=source, sequence=sequence, checksum=checksum)
    for message in messages:
        writer.append(message)
    return bytes(writer.finish())


def greeting_of(incarnation: int, node: str = "right") -> Wire.Greeting:
    return Wire.Greeting(incarnation=incarnation, wire=VERSION, ready=1, answer=1, node=node)
