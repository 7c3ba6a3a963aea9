"""Mismatch: what two nodes read otherwise. That does not go between them, and all else does.

Each tells the other, beside its greeting, the digest of the layout of every message that goes between the two, and
its fields, so that either can say which message it is, and which field of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mycelium.attempted_log import try_to_log
from mycelium.contracts.contract import contract_of
from mycelium.contracts.message_sets import shown
from mycelium.errors.cluster import PeerMismatchError
from mycelium.topology.nodes import Stream
from tlv import TLV

from .messages import RECEIVED, VERSION, Wire

if TYPE_CHECKING:
    from .directory import Directory
    from .peer import Peer

__all__ = [
    "Mismatches",
    "difference_of",
    "differences_of",
    "differing_field",
    "fields_of",
    "layouts_of",
    "received_layouts",
]

#: Of a name that a peer tells, so many letters are repeated.
_NAME_MAX = 100


class Mismatches:
    """Of one peer. Its receiving thread compares; any may read.

    Attributes:
        layouts: How this node reads what goes between the two, and what its actors receive, whoever sends it.
        fields: The fields of these messages.
        unreadable: What actors of the peer receive, and it reads otherwise: what is told and asked there by refs.
        found: What of the streams of the plan was read otherwise, in any life of the peer: an error for each message.
    """

    def __init__(self, peer: Peer, streams: Iterable[Stream], directory: Directory) -> None:
        streams = sorted(streams, key=lambda stream: stream.number)
        received = {one: None for actor in directory.actors.values() for one in contract_of(type(actor)).receives}
        self.layouts = (*layouts_of(streams), *received_layouts(received))
        self.fields = tuple(fields_of((*(message for stream in streams for message in stream.messages), *received)))
        self.unreadable: dict[type[TLV], PeerMismatchError] = {}
        self.found: dict[str, PeerMismatchError] = {}
        self._of_streams: dict[tuple[int, int], PeerMismatchError] = {}
        self._told: set[tuple[int, str]] = set()
        self._peer = peer
        # What actors there receive, as this node knows them.
        self._known = {
            one
            for actor in directory.whole.actors.values()
            if actor.node == peer.name
            for one in contract_of(actor.actor_class).receives
        }

    def why_refused(self, greeting: Wire.Greeting, theirs: Iterable[Wire.GreetedLayout]) -> str:
        """Why nothing can go between the two; empty where something can."""
        name = str(greeting.node)
        if name != self._peer.name:
            return f"what greets in its place is called {name[:_NAME_MAX]!r}"
        if greeting.wire != VERSION:
            return f"version {greeting.wire} of the wire, not {VERSION}"
        return difference_of(self.layouts, theirs)

    def compare(self, theirs: tuple[Wire.GreetedLayout, ...], fields: Iterable[Wire.GreetedFields]) -> None:
        """Find what the two read otherwise, and tell of each message once."""
        here, there = ({one.kind: str(one.fields) for one in side} for side in (self.fields, fields))

        def error(kind: int, name: str, alone: str = "") -> PeerMismatchError:
            what = alone or differing_field(here.get(kind, ""), there.get(kind, "")) or " has another layout"
            made = PeerMismatchError(node=self._peer.node, peer=self._peer.name, difference=f"{name}{what}")
            if (kind, what) not in self._told:
                self._told.add((kind, what))
                try_to_log(self._peer.log.error, "a message is read otherwise there", **made.to_dict())
            return made

        planned = differences_of(self.layouts, theirs)
        self._of_streams = {key: error(key[1], name, alone) for key, (name, alone) in planned.items()}
        self.found |= {one.difference: one for one in self._of_streams.values()}
        digests = {one.kind: one.digest for one in theirs if one.stream == RECEIVED}
        self.unreadable = {
            one: error(kind, shown(one), "" if kind in digests else " is received by nobody there")
            for one in self._known
            if digests.get(kind := one.type_id or 0) != int(one.layout.digest, 16)
        }

    def of(self, stream: Stream) -> Mapping[type[TLV], PeerMismatchError]:
        """What does not go over this stream to the peer, and what to say of each."""
        planned = ((one, self._of_streams.get((stream.number, one.type_id or 0))) for one in stream.messages)
        return self.unreadable | {one: error for one, error in planned if error is not None}


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


def received_layouts(messages: Iterable[type[TLV]]) -> Iterator[Wire.GreetedLayout]:
    """How this process reads what its actors receive."""
    for message in messages:
        yield Wire.GreetedLayout(
            digest=int(message.layout.digest, 16), stream=RECEIVED, kind=message.type_id or 0, name=message.__name__
        )


def fields_of(messages: Iterable[type[TLV]]) -> Iterator[Wire.GreetedFields]:
    """The fields of these, a line each: name, offset, type."""
    for message in dict.fromkeys(messages):
        lines = (f"{field.name} {field.offset} {field.kind}" for field in message.layout)
        yield Wire.GreetedFields(kind=message.type_id or 0, fields="\n".join(lines))


def differing_field(ours: str, theirs: str) -> str:
    """What is otherwise in the first field that differs; empty where all agree, or one side did not tell."""
    here, there = ({name: rest for name, *rest in map(_parts, text.splitlines())} for text in (ours, theirs))
    if not here or not there:
        return ""
    for name, (offset, kind) in here.items():
        if name not in there:
            return f".{name} is not there at all"
        other_offset, other_kind = there[name]
        if offset != other_offset:
            return f".{name} lies at offset {offset} here and at {other_offset} there"
        if kind != other_kind:
            return f".{name} is {kind} here and {other_kind} there"
    extra = next((name for name in there if name not in here), "")
    return f".{extra} is not here at all" if extra else ""


def _parts(line: str) -> tuple[str, str, str]:
    """Name, offset and type of a field; of a peer it may be any text."""
    name, _, rest = line.partition(" ")
    offset, _, kind = rest.partition(" ")
    return name[:_NAME_MAX], offset[:_NAME_MAX], kind[:_NAME_MAX]


def difference_of(ours: Iterable[Wire.GreetedLayout], theirs: Iterable[Wire.GreetedLayout]) -> str:
    """In which stream between two nodes they differ altogether; empty where they have the same ones.

    Of a message that they read otherwise `differences_of` tells: the others of its stream go all the same.
    """
    here, there = ({(one.stream, _pair(one)) for one in side if one.stream != RECEIVED} for side in (ours, theirs))
    for _, pair in sorted(here ^ there):
        return f"{pair} is in the topology of one of them only"
    return ""


def differences_of(
    ours: Iterable[Wire.GreetedLayout], theirs: Iterable[Wire.GreetedLayout]
) -> dict[tuple[int, int], tuple[str, str]]:
    """The messages of streams that two nodes read otherwise, by stream and type id.

    Of each what to call it; and what to say of it where only one of them knows it in that stream, else an empty text.
    """
    here, there = ({(one.stream, one.kind): one for one in side if one.stream != RECEIVED} for side in (ours, theirs))
    found: dict[tuple[int, int], tuple[str, str]] = {}
    for key in sorted({*here, *there}):
        one, other = here.get(key), there.get(key)
        if one is None or other is None or one.digest != other.digest:
            alone = "" if one is not None and other is not None else " is in the topology of one of them only"
            found[key] = str((there[key] if one is None else one).name)[: 3 * _NAME_MAX], alone
    return found


def _pair(one: Wire.GreetedLayout) -> str:
    return str(one.name).rpartition(": ")[0][: 2 * _NAME_MAX]
