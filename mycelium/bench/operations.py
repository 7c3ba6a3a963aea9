"""Contests over single messages: making one, reading one in place, reading one field, validating one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Gt

from tlv import TLV, i64, pad, padding, u32
from tlv.market_data import TradeTLV

from . import peers
from .contest import Contest, Contestant, Measure
from .messages import VALUES, Record, Trade, packer
from .timing import answers, expect, snippet

__all__ = ["CheckedTrade", "construction", "field_access", "parsing", "validation"]

#: Where in a buffer of 1,000 records the one lies that is read.
AT = 3_200

_VALUES = dict(zip(("price", "quantity", "timestamp", "venue_id"), VALUES, strict=True))
_FIELDS = ("t.price", "t.quantity", "t.timestamp", "t.venue_id")
_CAPNP_FIELDS = (*_FIELDS[:3], "t.venueId")
_ITEMS = ("t[0]", "t[1]", "t[2]", "t[3]")
_POSITIONAL = "(price, quantity, timestamp, venue_id)"
_KEYWORD = "(price=price, quantity=quantity, timestamp=timestamp, venue_id=venue_id)"

Names = Callable[[], dict[str, Any]]


class CheckedTrade(TLV):
    """TradeTLV with three constraints instead of its four."""

    price: Annotated[i64, Gt(0)]
    quantity: i64
    timestamp: Annotated[i64, Ge(0)]
    venue_id: Annotated[u32, Ge(1)]
    _padding: pad[4] = padding()


def construction() -> Contest:
    """Four integers become a message."""

    def made(name: str, call: str, names: Names, reads: tuple[str, ...] = _FIELDS, **kwargs: Any) -> Contestant:
        def prepare() -> Measure:
            known = _VALUES | names()
            expect(name, answers(f"t = {call}", reads, **known), VALUES)
            return snippet(call, **known)

        return Contestant(name, prepare, **kwargs)

    def ours() -> dict[str, Any]:
        return {"TradeTLV": TradeTLV}

    def plain() -> dict[str, Any]:
        return {"Trade": Trade, "Record": Record, "pack": packer.pack, "unpack": packer.unpack}

    def packed(name: str) -> tuple[str, ...]:
        return tuple(f"{name}[{i}]" for i in range(4))

    return Contest(
        name="construction",
        question="What does it cost to make a message of four integers?",
        contestants=(
            made("TradeTLV, keyword", "TradeTLV" + _KEYWORD, ours, ours=True),
            made("TradeTLV, positional", "TradeTLV" + _POSITIONAL, ours, ours=True),
            made("msgspec.Struct, keyword", "Trade" + _KEYWORD, peers.msgspec_trade, needs="msgspec"),
            made("msgspec.Struct, positional", "Trade" + _POSITIONAL, peers.msgspec_trade, needs="msgspec"),
            made("msgspec.Struct(gc=False), keyword", "Untracked" + _KEYWORD, peers.msgspec_trade, needs="msgspec"),
            made("tuple", _POSITIONAL, dict, _ITEMS),
            made("dataclass(slots), keyword", "Trade" + _KEYWORD, plain),
            made("dataclass(slots), positional", "Trade" + _POSITIONAL, plain),
            made("struct.pack", "pack" + _POSITIONAL, plain, packed("unpack(t)")),
            made("ctypes.Structure, positional", "Record" + _POSITIONAL, plain),
            made("numpy.array", f"array({_POSITIONAL}, dtype)", peers.numpy_trade, packed("t[()]"), needs="numpy"),
            made("protobuf, keyword", "Trade" + _KEYWORD, peers.protobuf_trade, needs="google.protobuf", fewer=5),
            made(
                "pycapnp, keyword",
                "new_message" + _KEYWORD.replace("venue_id=", "venueId="),
                peers.pycapnp_trade,
                _CAPNP_FIELDS,
                needs="capnp",
                fewer=10,
            ),
            Contestant("flatbuffers, CreateTrade", _built_by_flatbuffers, needs="flatbuffers", fewer=50),
            Contestant("databento_dbn.TradeMsg, positional", _made_by_databento, needs="databento_dbn"),
            made("construct.Container, keyword", "Container" + _KEYWORD, peers.construct_trade, needs="construct"),
        ),
        references=(
            "msgspec.Struct, keyword",
            "msgspec.Struct, positional",
            "struct.pack",
            "dataclass(slots), keyword",
        ),
        count=2_000,
        rounds=101,
        note="a tuple, a dataclass and a msgspec.Struct are objects without bytes; struct.pack and flatbuffers give bytes "
        "without an object; TradeMsg is a record of 48 bytes",
    )


def _built_by_flatbuffers() -> Measure:
    known = _VALUES | peers.flatbuffers_trade()
    call = "builder.Clear(); create(builder, price, quantity, timestamp, venue_id)"
    told = answers(call, ["bytes(builder.Bytes[builder.Head():])"], **known)
    expect("flatbuffers, CreateTrade", packer.unpack(told[0]), VALUES)
    return snippet(call, **known)


def _made_by_databento() -> Measure:
    known = _VALUES | peers.databento_trade()
    call = "TradeMsg(1, venue_id, timestamp, price, size, action, side, 0, timestamp)"
    told = answers(f"t = {call}", ["t.price", "-t.size", "t.ts_event", "t.instrument_id"], **known)
    expect("databento_dbn.TradeMsg, positional", told, VALUES)
    return snippet(call, **known)


def parsing() -> Contest:
    """The record at byte 3,200 of a buffer: find it, read two of its fields."""

    def read(
        name: str, statement: str, names: Names, reads: tuple[str, ...] = ("t.price", "t.quantity"), **kwargs: Any
    ) -> Contestant:
        def prepare() -> Measure:
            known = names()
            expect(name, answers(statement, reads, **known), VALUES[:2])
            both = "; ".join(reads)
            timed = statement.format(reads=both) if "{reads}" in statement else f"{statement}; {both}"
            return snippet(timed, **known)

        return Contestant(name, prepare, **kwargs)

    def plain() -> dict[str, Any]:
        data = packer.pack(*VALUES) * peers.RECORDS
        known: dict[str, Any] = {"TradeTLV": TradeTLV, "Record": Record, "unpack_from": packer.unpack_from}
        return known | {"data": data, "buffer": bytearray(data)}

    return Contest(
        name="parsing",
        question="What does it cost to read two fields of a record in a buffer?",
        contestants=(
            read("ref_from, bytes", f"t = TradeTLV.ref_from(data, {AT})", plain, ours=True),
            read("ref_from, bytearray", f"t = TradeTLV.ref_from(buffer, {AT})", plain, ours=True),
            read("struct.unpack_from", f"t = unpack_from(data, {AT})", plain, _ITEMS[:2]),
            read("ctypes.from_buffer", f"t = Record.from_buffer(buffer, {AT})", plain),
            read(
                "numpy.frombuffer",
                f"t = frombuffer(data, dtype, 1, {AT})[0]",
                peers.numpy_trade,
                ("t['price']", "t['quantity']"),
                needs="numpy",
                fewer=2,
            ),
            read("msgspec, msgpack", "t = from_msgpack(msgpack)", peers.msgspec_trade, needs="msgspec"),
            read("msgspec, JSON", "t = from_json(json)", peers.msgspec_trade, needs="msgspec"),
            read("protobuf", "t = from_string(data)", peers.protobuf_trade, needs="google.protobuf"),
            read(
                "flatbuffers",
                f"t = Trade(); t.Init(data, {AT})",
                peers.flatbuffers_trade,
                ("t.Price()", "t.Quantity()"),
                needs="flatbuffers",
                fewer=10,
            ),
            read("pycapnp", "with from_bytes(data) as t: {reads}", peers.pycapnp_trade, needs="capnp", fewer=20),
            read(
                "databento-dbn",
                "t = decode(data)[0]",
                peers.databento_trade,
                ("t.price", "-t.size"),
                needs="databento_dbn",
            ),
            read("construct, compiled", "t = parse(data)", peers.construct_trade, needs="construct", fewer=20),
        ),
        references=("struct.unpack_from", "ctypes.from_buffer"),
        count=2_000,
        rounds=101,
        note="ours, struct, ctypes, NumPy and flatbuffers read one record among 1,000; the others one that is alone",
    )


def field_access() -> Contest:
    """One integer field of a message that is there already."""
    data = packer.pack(*VALUES) * 2

    def read(name: str, statement: str, names: Names, **kwargs: Any) -> Contestant:
        def prepare() -> Measure:
            known = names()
            known.setdefault("t", known.get("record"))
            expect(name, answers("pass", [statement], **known), VALUES[:1])
            return snippet(statement, **known)

        return Contestant(name, prepare, **kwargs)

    def one(record: Any) -> Names:
        return lambda: {"t": record}

    return Contest(
        name="field",
        question="What does it cost to read one integer field?",
        contestants=(
            read("TradeTLV, owned", "t.price", one(TradeTLV(*VALUES)), ours=True),
            read("TradeTLV, view", "t.price", one(TradeTLV.ref_from(data, 32)), ours=True),
            read("msgspec.Struct", "t.price", peers.msgspec_trade, needs="msgspec"),
            read("ctypes", "t.price", one(Record(*VALUES))),
            read("dataclass(slots)", "t.price", one(Trade(*VALUES))),
            read("tuple", "t[0]", one(VALUES)),
            read("struct.unpack_from", "unpack(t, 32)[0]", lambda: {"t": data, "unpack": packer.unpack_from}),
            read("protobuf", "t.price", peers.protobuf_trade, needs="google.protobuf"),
            read("databento-dbn", "t.price", peers.databento_trade, needs="databento_dbn"),
            read("numpy, record", "t['price']", peers.numpy_trade, needs="numpy"),
            read("construct.Container", "t.price", peers.construct_trade, needs="construct"),
            read("pycapnp", "t.price", peers.pycapnp_trade, needs="capnp", fewer=5),
            read("flatbuffers", "t.Price()", peers.flatbuffers_trade, needs="flatbuffers", fewer=10),
            Contestant("the empty loop", lambda: snippet("pass")),
        ),
        references=("msgspec.Struct", "ctypes", "dataclass(slots)"),
        count=2_000,
        rounds=101,
        note="a msgspec.Struct, a dataclass and a tuple hold an int that was made before; the others make one; "
        "the empty loop is in every figure",
    )


def validation() -> Contest:
    """Find a record in a buffer and check what its class demands."""
    known = {
        "data": packer.pack(*VALUES) * peers.RECORDS,
        "TradeTLV": TradeTLV,
        "CheckedTrade": CheckedTrade,
        "unpack_from": packer.unpack_from,
    }

    def read(name: str, statement: str, **kwargs: Any) -> Contestant:
        def prepare() -> Measure:
            reads = _ITEMS if "unpack" in statement else _FIELDS
            expect(name, answers(statement, reads, **known), VALUES)
            return snippet(statement, **known)

        return Contestant(name, prepare, **kwargs)

    return Contest(
        name="validation",
        question="What does it cost to find a record in a buffer and to check its constraints?",
        contestants=(
            read(
                "three constraints, ref_from_validated", f"t = CheckedTrade.ref_from_validated(data, {AT})", ours=True
            ),
            read("TradeTLV, ref_from_validated", f"t = TradeTLV.ref_from_validated(data, {AT})", ours=True),
            read("TradeTLV, ref_from", f"t = TradeTLV.ref_from(data, {AT})", ours=True),
            read(
                "struct.unpack_from, if",
                f"t = unpack_from(data, {AT})\nif t[0] <= 0 or t[2] < 0 or t[3] < 1: raise ValueError",
            ),
        ),
        references=("TradeTLV, ref_from", "struct.unpack_from, if"),
        count=2_000,
        rounds=101,
        note="TradeTLV has a fourth constraint: its quantity is not zero",
    )
