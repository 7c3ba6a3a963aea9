"""What two nodes tell each other beside the messages of their actors: in frames of source `CONTROL`.

`Greeting` and `GreetedLayout` keep their layouts for ever, so that any two versions can say that they differ.
"""

from __future__ import annotations

from enum import IntEnum

from mycelium.contracts.domain import Domain
from mycelium.contracts.message_sets import actor_messages, message_set
from tlv import TLV, u8, u32, u64

__all__ = [
    "CONTROL",
    "OPENED",
    "READY",
    "RECEIVED",
    "RESTING",
    "STARTING",
    "STREAM_MESSAGES",
    "VERSION",
    "WIRE_MESSAGES",
    "Act",
    "Form",
    "Wire",
]

#: The source of frames that are from the node itself; streams are numbered below.
CONTROL = 0xFFFF
#: Streams that are opened while a node runs are numbered from here on; those of the plan lie below.
OPENED = 0x8000
#: In place of the number of a stream: the layout of what some actor of the sender receives, whoever sends it.
RECEIVED = 0xFFFF_FFFF
#: How far the node that greets is: its actors start; run; have ended, but for those that are only told and asked.
STARTING, READY, RESTING = range(3)
#: What this version of the wire is called.
VERSION = 2


class Form(IntEnum):
    """How the answer to a question stands in `Wire.Answer`."""

    NOTHING = 0
    MESSAGE = 1
    TRUTH = 2
    INTEGER = 3
    NUMBER = 4
    TEXT = 5
    BYTES = 6


class Act(IntEnum):
    """What `Wire.Order` asks for."""

    STOP = 1
    STOP_NOW = 2
    WATCH = 3
    WATCH_AHEAD = 4
    UNWATCH = 5


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

    class GreetedFields(TLV, type=107):
        """Beside a greeting: the fields of a message as the sender reads it, to say which one differs."""

        kind: u32
        fields: str

    class Process(TLV, type=108):
        """Beside a greeting: the process of the sender, for those of its host, who can see whether it has died."""

        host: u64
        pid: u64
        started: u64

    class Credit(TLV, type=112):
        """So many messages of a stream have come to the receiver, or to where its policy sent them.

        Of `CONTROL`, beside a greeting: in which life the sender knows the peer.
        """

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

    class Opening(TLV, type=115):
        """A stream that the plan does not know: what ``sender`` tells and asks ``receiver`` by its ref; none is outside of actors."""

        stream: u32
        sender: str
        receiver: str

    class Question(TLV, type=116):
        """In a stream: a message that is asked. The answer is wanted within ``left_us``, and comes with this number."""

        number: u64
        left_us: u64
        kind: u32
        sender: str
        message: bytes

    class Told(TLV, type=117):
        """In a stream: a message that the one who sends here tells in the name of ``sender``."""

        kind: u32
        sender: str
        message: bytes

    class Answer(TLV, type=118):
        """What came of a question or an order; a message with the digest of its layout, and its name."""

        number: u64
        digest: u64
        kind: u32
        form: u8
        name: str
        value: bytes

    class Failed(TLV, type=119):
        """What a question failed with, or (``ended``) a watched actor: the code and parameters of an error.

        ``code`` is empty where it has none, and ``error`` where there is none: the actor was stopped.
        """

        number: u64
        ended: u8
        code: str
        error: str
        said: str
        parameters: str
        notes: str
        traceback: str

    class Order(TLV, type=109):
        """Stop an actor, or tell of its end: `Act`. What comes of it has this number."""

        number: u64
        act: u8
        actor: str
        watcher: str


WIRE_MESSAGES = message_set(Wire).messages
#: Those that stand in streams, among the messages of actors.
STREAM_MESSAGES = (Wire.Question, Wire.Told, Wire.Order, Wire.Failed)
