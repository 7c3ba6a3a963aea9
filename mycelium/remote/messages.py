"""What two nodes tell each other beside the messages of their actors: in frames of source `CONTROL`.

`Greeting` and `GreetedLayout` keep their layouts for ever, so that any two versions can say that they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mycelium.domain import Domain
from mycelium.message_sets import actor_messages, message_set
from mycelium.topology.nodes import Stream
from tlv import TLV, u8, u32, u64

__all__ = ["CONTROL", "VERSION", "WIRE_MESSAGES", "Wire", "difference_of", "layouts_of"]

#: The source of frames that are from the node itself; streams are numbered below.
CONTROL = 0xFFFF
#: What this version of the wire is called.
VERSION = 1


@actor_messages(domain=Domain.SYSTEM)
class Wire:
    """The messages between two nodes."""

    class Greeting(TLV, type=110):
        """Who sends: the first frame of a node in each of its lives, and again when it is ready or wants an ``answer``."""

        incarnation: u64
        wire: u32
        ready: u8
        answer: u8
        node: str

    class GreetedLayout(TLV, type=111):
        """Beside a greeting: how the sender reads a message that goes over a stream between the two."""

        digest: u64
        stream: u32
        kind: u32
        name: str

    class Credit(TLV, type=112):
        """So many messages of a stream have come to the receiver, or to where its policy sent them."""

        incarnation: u64
        arrived: u64
        stream: u32

    class StreamEnd(TLV, type=113):
        """The sending actor has ended; so many messages of this stream were sent in this life."""

        sent: u64
        stream: u32

    class Goodbye(TLV, type=114):
        """The node needs nothing more from its peer, and sends nothing more."""

        incarnation: u64


WIRE_MESSAGES = message_set(Wire).messages


def layouts_of(streams: Iterable[Stream]) -> Iterator[Wire.GreetedLayout]:
    """How this process reads what goes over these streams."""
    for stream in streams:
        for message in stream.messages:
            yield Wire.GreetedLayout(
                digest=int(message.layout.digest, 16),
                stream=stream.number,
                kind=message.type_id or 0,
                name=f"{stream}: {message.__name__}",
            )


def difference_of(ours: tuple[Wire.GreetedLayout, ...], theirs: tuple[Wire.GreetedLayout, ...]) -> str:
    """What two nodes see otherwise in the streams between them; empty where they agree."""
    here = {(one.stream, one.kind, str(one.name)): one.digest for one in ours}
    there = {(one.stream, one.kind, str(one.name)): one.digest for one in theirs}
    for key in sorted({*here, *there}):
        if here.get(key) != there.get(key):
            what = "has another layout" if key in here and key in there else "is in the topology of one of them only"
            return f"{key[2]} {what}"
    return ""
