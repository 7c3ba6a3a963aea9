"""The contest over a file of somebody else: a Databento DBN file of trades, read by us and by its own library."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

from tlv import TLV, Batch, i32, i64, u8, u16, u32, u64

from .contest import Contest, Contestant, Measure
from .timing import expect, looped

__all__ = ["DBN_RECORDS", "DbnTrade", "databento", "dbn_file", "trades_of"]

DBN_RECORDS = 100_000

#: The library of Databento is fed so many bytes at a time: it is slower with all of them at once.
_PIECE = 48 * 1_000


class DbnTrade(TLV):
    """A trade of DBN, versions 1 to 3; prices in 1e-9, times in ns since the epoch, UTC."""

    length: u8
    rtype: u8
    publisher_id: u16
    instrument_id: u32
    ts_event: u64
    price: i64
    size: u32
    action: u8
    side: u8
    flags: u8
    depth: u8
    ts_recv: u64
    ts_in_delta: i32
    sequence: u32


_RECORD = struct.Struct("<BBHIQqIccBBQiI")
_PREFIX = struct.Struct("<3sBI")


@cache
def dbn_file(count: int = DBN_RECORDS) -> bytes:
    """A file of version 3: trades of one instrument, a microsecond apart."""
    now = 1_700_000_000_000_000_000
    #: dataset, schema, start, end, limit, symbol types, no ts_out, length of a symbol; no symbols.
    metadata = struct.pack("<16sHQQQBBBH53xIIIII", b"GLBX.MDP3", 4, now, 2**64 - 1, 0, 0, 0, 0, 71, 0, 0, 0, 0, 0)
    metadata += bytes(-len(metadata) % 8)
    records = (
        _RECORD.pack(
            _RECORD.size // 4,
            0,
            1,
            5_002,
            now + 1_000 * i,
            3_943_250_000_000 + i % 997 * 250_000_000,
            i % 500 + 1,
            b"T",
            b"A" if i % 3 else b"B",
            0,
            0,
            now + 1_000 * i + 90_000,
            12_345,
            i,
        )
        for i in range(count)
    )
    return _PREFIX.pack(b"DBN", 3, len(metadata)) + metadata + b"".join(records)


class DbnKind(TLV):
    """The first two bytes of a record, its length and its rtype, as one number."""

    kind: u16


_TRADE_LENGTH, _TRADE_RTYPE = _RECORD.size // 4, 0


def trades_of(file: bytes, *, by_column: bool = False) -> Batch[DbnTrade]:
    """The trades of a file that holds nothing else, which is checked: without NumPy, or faster with it.

    As long as every record has one length, the next one is where it is looked for. Raises ``ValueError``.
    """
    magic, _, metadata_size = _PREFIX.unpack_from(file)
    start = _PREFIX.size + metadata_size
    trades = Batch.over(DbnTrade, file, start)
    size, count = DbnTrade.layout.size, len(trades)
    if by_column:
        kinds = Batch.over(DbnKind, file, start, stride=size, count=count).column("kind")
        same = bool((kinds == _TRADE_LENGTH + (_TRADE_RTYPE << 8)).all())
    else:
        lengths, rtypes = file[start::size], file[start + 1 :: size]
        same = lengths == bytes([_TRADE_LENGTH]) * count and rtypes == bytes([_TRADE_RTYPE]) * count
    if magic != b"DBN" or not same:
        msg = "not a DBN file of trades"
        raise ValueError(msg)
    return trades


def databento() -> Contest:
    """Two fields of each trade, read one by one; and the sum of one field."""

    def read(name: str, work: Callable[[], object], told: Callable[[], object], **kwargs: Any) -> Contestant:
        def prepare() -> Measure:
            records = list(_RECORD.iter_unpack(dbn_file()[-DBN_RECORDS * _RECORD.size :]))
            summed = isinstance(got := told(), int)
            expect(name, got, sum(one[5] for one in records) if summed else [(one[5], one[6]) for one in records])
            return looped(work, DBN_RECORDS)

        return Contestant(name, prepare, **kwargs)

    theirs = {"needs": "databento_dbn"}
    return Contest(
        name="databento",
        question="What does a record of a DBN file of 100,000 trades cost: two fields of each, or one field summed?",
        contestants=(
            read("Batch.over, two fields", _walk_ours, lambda: [(one.price, one.size) for one in _ours()], ours=True),
            read("Batch.over, column, sum", _sum_ours, lambda: int(_sum_ours()), ours=True, needs="numpy"),
            read(
                "databento-dbn, two fields",
                _walk_theirs,
                lambda: [(one.price, one.size) for one in _theirs(_PIECE)],
                **theirs,
            ),
            read(
                "databento-dbn, two fields, all at once",
                _walk_theirs_at_once,
                lambda: [(one.price, one.size) for one in _theirs(len(dbn_file()))],
                **theirs,
            ),
            read("databento-dbn, sum", _sum_theirs, _sum_theirs, **theirs),
            read("numpy.frombuffer, sum", _sum_numpy, lambda: int(_sum_numpy()), needs="numpy"),
            read("struct.iter_unpack, two fields", _walk_struct, lambda: [one[5:7] for one in _unpacked()]),
        ),
        references=("databento-dbn, two fields", "databento-dbn, sum"),
        count=DBN_RECORDS,
        rounds=15,
        note="the file lies in memory; databento-dbn is fed 1,000 records at a time, which suits it best, "
        "and has no columns: it decodes each record; numpy and struct check nothing",
    )


def _ours() -> Batch[DbnTrade]:
    return trades_of(dbn_file())


def _walk_ours() -> None:
    for one in _ours():
        one.price  # noqa: B018 - the read is what is measured
        one.size  # noqa: B018


def _sum_ours() -> Any:
    return trades_of(dbn_file(), by_column=True).column("price").sum()


def _theirs(piece: int) -> Iterator[Any]:
    dbn: Any = import_module("databento_dbn")
    file, decoder = dbn_file(), dbn.DBNDecoder()
    for at in range(0, len(file), piece):
        decoder.write(file[at : at + piece])
        for one in decoder.decode():
            if type(one) is not dbn.Metadata:
                yield one


def _walk_theirs() -> None:
    _walk(_PIECE)


def _walk_theirs_at_once() -> None:
    _walk(len(dbn_file()))


def _walk(piece: int) -> None:
    """Without a generator in the way: this is what is timed."""
    dbn: Any = import_module("databento_dbn")
    file, decoder = dbn_file(), dbn.DBNDecoder()
    decoder.write(file[:piece])
    _, *records = decoder.decode()
    at = piece
    while True:
        for one in records:
            one.price  # noqa: B018 - the read is what is measured
            one.size  # noqa: B018
        if at >= len(file):
            return
        decoder.write(file[at : at + piece])
        records = decoder.decode()
        at += piece


def _sum_theirs() -> int:
    dbn: Any = import_module("databento_dbn")
    file, decoder = dbn_file(), dbn.DBNDecoder()
    decoder.write(file[:_PIECE])
    _, *records = decoder.decode()
    total: int = sum([one.price for one in records])
    for at in range(_PIECE, len(file), _PIECE):
        decoder.write(file[at : at + _PIECE])
        total += sum([one.price for one in decoder.decode()])
    return total


def _sum_numpy() -> Any:
    np: Any = import_module("numpy")
    file = dbn_file()
    dtype = np.dtype(
        {
            "names": [field.name for field in DbnTrade.layout.values],
            "formats": ["u1", "u1", "<u2", "<u4", "<u8", "<i8", "<u4", "u1", "u1", "u1", "u1", "<u8", "<i4", "<u4"],
        }
    )
    return np.frombuffer(file, dtype, DBN_RECORDS, len(file) - DBN_RECORDS * dtype.itemsize)["price"].sum()


def _unpacked() -> Iterator[tuple[Any, ...]]:
    file = memoryview(dbn_file())
    return _RECORD.iter_unpack(file[len(file) - DBN_RECORDS * _RECORD.size :])


def _walk_struct() -> None:
    for one in _unpacked():
        one[5]
        one[6]
