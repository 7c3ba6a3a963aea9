"""The trade of the benches, declared in the words of the peers: what `TradeTLV` is measured beside.

Each function imports its peer, which is an optional dependency (the extra ``peers``), and returns the
names that a statement of a contest uses. What a peer reads from is bytes that it wrote itself.
"""

from __future__ import annotations

import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from .messages import VALUES, packer

__all__ = [
    "RECORDS",
    "construct_trade",
    "databento_trade",
    "flatbuffers_trade",
    "msgspec_trade",
    "numpy_trade",
    "protobuf_trade",
    "pycapnp_trade",
]

#: Records in a buffer that is read at one place, as many as fit a small cache.
RECORDS = 1_000

Names = dict[str, Any]

_FIELDS = ("price", "quantity", "timestamp", "venue_id")
_NAMED = dict(zip(_FIELDS, VALUES, strict=True))

_CAPNP_SCHEMA = """
@0x9a3c5f7e1b2d4c60;
struct Trade {
  price @0 :Int64;
  quantity @1 :Int64;
  timestamp @2 :Int64;
  venueId @3 :UInt32;
}
"""


def msgspec_trade() -> Names:
    """A Struct, one that the collector never visits, and the decoders of its two encodings."""
    msgspec: Any = import_module("msgspec")
    fields = [(name, int) for name in _FIELDS]
    struct = msgspec.defstruct("Trade", fields)
    as_array = msgspec.defstruct("Trade", fields, array_like=True)
    return {
        "Trade": struct,
        "Untracked": msgspec.defstruct("Trade", fields, gc=False),
        "record": struct(*VALUES),
        "msgpack": msgspec.msgpack.encode(as_array(*VALUES)),
        "from_msgpack": msgspec.msgpack.Decoder(as_array).decode,
        "json": msgspec.json.encode(struct(*VALUES)),
        "from_json": msgspec.json.Decoder(struct).decode,
    }


def protobuf_trade() -> Names:
    """A message with fields of fixed width, its class made at run time as protoc would have it made."""
    descriptor_pb2: Any = import_module("google.protobuf.descriptor_pb2")
    kinds: Any = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="mycelium/trade.proto", package="mycelium.bench", syntax="proto3")
    message = file.message_type.add(name="Trade")
    for number, name in enumerate(_FIELDS, 1):
        kind = kinds.TYPE_FIXED32 if name == "venue_id" else kinds.TYPE_SFIXED64
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    pool: Any = import_module("google.protobuf.descriptor_pool").DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName("mycelium.bench.Trade")
    trade: Any = import_module("google.protobuf.message_factory").GetMessageClass(found)
    record = trade(**_NAMED)
    return {"Trade": trade, "from_string": trade.FromString, "data": record.SerializeToString(), "record": record}


def flatbuffers_trade() -> Names:
    """A struct of four fields: the accessor and the builder as flatc writes them."""
    flatbuffers: Any = import_module("flatbuffers")
    kinds: Any = import_module("flatbuffers.number_types")
    table: Any = import_module("flatbuffers.table").Table
    i64, u32, place = kinds.Int64Flags, kinds.Uint32Flags, kinds.UOffsetTFlags.py_type

    class Trade:
        __slots__ = ("_tab",)

        def Init(self, buf: Any, pos: int) -> None:  # noqa: N802 - the names are those of flatc
            self._tab = table(buf, pos)

        def Price(self) -> Any:  # noqa: N802
            return self._tab.Get(i64, self._tab.Pos + place(0))

        def Quantity(self) -> Any:  # noqa: N802
            return self._tab.Get(i64, self._tab.Pos + place(8))

        def Timestamp(self) -> Any:  # noqa: N802
            return self._tab.Get(i64, self._tab.Pos + place(16))

        def VenueId(self) -> Any:  # noqa: N802
            return self._tab.Get(u32, self._tab.Pos + place(24))

    def create(builder: Any, price: int, quantity: int, timestamp: int, venue_id: int) -> Any:
        builder.Prep(8, 32)
        builder.Pad(4)
        builder.PrependUint32(venue_id)
        builder.PrependInt64(timestamp)
        builder.PrependInt64(quantity)
        builder.PrependInt64(price)
        return builder.Offset()

    record = Trade()
    data = packer.pack(*VALUES) * RECORDS
    record.Init(data, 32)
    return {"Trade": Trade, "create": create, "builder": flatbuffers.Builder(1024), "data": data, "record": record}


@cache
def _capnp_trade() -> Any:
    """Loaded once: pycapnp ends the process at a second schema of the same number."""
    capnp: Any = import_module("capnp")
    with tempfile.TemporaryDirectory() as folder:
        schema = Path(folder) / "trade.capnp"
        schema.write_text(_CAPNP_SCHEMA, encoding="utf-8")
        return capnp.load(str(schema)).Trade


def pycapnp_trade() -> Names:
    """A struct of a schema that is compiled when it is loaded."""
    trade = _capnp_trade()
    record = trade.new_message(price=VALUES[0], quantity=VALUES[1], timestamp=VALUES[2], venueId=VALUES[3])
    return {
        "new_message": trade.new_message,
        "from_bytes": trade.from_bytes,
        "data": record.to_bytes(),
        "record": record.as_reader(),
    }


def databento_trade() -> Names:
    """Its own TradeMsg, of 48 bytes: there is no other record with a price and a size."""
    dbn: Any = import_module("databento_dbn")
    price, quantity, timestamp, venue_id = VALUES
    side = dbn.Side.ASK if quantity < 0 else dbn.Side.BID

    def made() -> Any:
        return dbn.TradeMsg(1, venue_id, timestamp, price, -quantity, dbn.Action.TRADE, side, 0, timestamp)

    return {
        "TradeMsg": dbn.TradeMsg,
        "action": dbn.Action.TRADE,
        "side": side,
        "size": -quantity,
        "decode": dbn.DBNDecoder(has_metadata=False).write_and_decode,
        "data": bytes(made()),
        "record": made(),
    }


def construct_trade() -> Names:
    """A compiled Struct of the library `construct`."""
    construct: Any = import_module("construct")
    names = ("price", "quantity", "timestamp")
    fields = [name / construct.Int64sl for name in names] + ["venue_id" / construct.Int32ul, construct.Padding(4)]
    compiled = construct.Struct(*fields).compile()
    data = packer.pack(*VALUES)
    return {
        "Container": construct.Container,
        "parse": compiled.parse,
        "data": data,
        "record": compiled.parse(data),
    }


def numpy_trade() -> Names:
    """A structured type."""
    np: Any = import_module("numpy")
    dtype = np.dtype(
        {
            "names": list(_FIELDS),
            "formats": ["<i8", "<i8", "<i8", "<u4"],
            "offsets": [0, 8, 16, 24],
            "itemsize": packer.size,
        }
    )
    data = packer.pack(*VALUES) * RECORDS
    return {
        "array": np.array,
        "frombuffer": np.frombuffer,
        "dtype": dtype,
        "data": data,
        "record": np.frombuffer(data, dtype)[0],
    }
