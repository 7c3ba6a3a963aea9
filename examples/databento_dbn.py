"""Somebody else's records in place: Databento DBN files, without its library.

DBN is a packed little-endian format: a header, metadata, then records that begin with their length.
A declared class describes such bytes as well as our own; `ref_from` reads them where they lie, and
`Batch.over` a whole run of one kind, record by record or as columns.
MBO, MBP-1 and trade records are the same in versions 1, 2 and 3 of the format.

Run it: ``python examples/databento_dbn.py [FILE...]``. Without files it reads those of
``../shared/data/dbn``, or two records that are embedded here. Files that end in ``.zst`` need the
package ``zstandard``. Layout: https://databento.com/docs/standards-and-conventions/databento-binary-encoding
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from tlv import TLV, Batch, Doc, Null, Size, TLVError, i32, i64, u8, u16, u32, u64

Price = Annotated[i64 | None, Null(2**63 - 1), Doc("price, none if undefined", unit="1e-9")]
Time = Annotated[u64, Doc(unit="ns since the epoch, UTC")]
Letter = Annotated[str, Size(1)]


class Prefix(TLV):
    """What every DBN file begins with."""

    magic: Annotated[bytes, Size(3)]
    version: u8
    metadata_size: Annotated[u32, Doc("bytes of metadata that follow", unit="bytes")]


class Metadata(TLV):
    """The beginning of the metadata; symbols and their mappings follow, which are not needed here."""

    dataset: Annotated[str, Size(16)]
    schema: u16
    start: Time
    end: Time


class RecordHeader(TLV):
    """What every record begins with."""

    length: Annotated[u8, Doc("size of the record", unit="4 bytes")]
    rtype: Annotated[u8, Doc("kind of the record")]
    publisher_id: u16
    instrument_id: u32
    ts_event: Time


class Mbo(TLV):
    """One change of one order (market by order)."""

    RTYPE: ClassVar[int] = 0xA0

    header: RecordHeader
    order_id: u64
    price: Price
    size: u32
    flags: u8
    channel_id: u8
    action: Annotated[Letter, Doc("A add, C cancel, M modify, R clear, T trade, F fill")]
    side: Annotated[Letter, Doc("B bid, A ask, N none")]
    ts_recv: Time
    ts_in_delta: i32
    sequence: u32


class Trade(TLV):
    """One trade."""

    RTYPE: ClassVar[int] = 0x00

    header: RecordHeader
    price: Price
    size: u32
    action: Letter
    side: Letter
    flags: u8
    depth: u8
    ts_recv: Time
    ts_in_delta: i32
    sequence: u32


class BidAskPair(TLV):
    """One level of a book."""

    bid_px: Price
    ask_px: Price
    bid_sz: u32
    ask_sz: u32
    bid_ct: u32
    ask_ct: u32


class Mbp1(TLV):
    """A change of the best prices, or a trade, and the best prices after it (market by price, one level)."""

    RTYPE: ClassVar[int] = 0x01

    header: RecordHeader
    price: Price
    size: u32
    action: Letter
    side: Letter
    flags: u8
    depth: u8
    ts_recv: Time
    ts_in_delta: i32
    sequence: u32
    level: BidAskPair


ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
RECORDS: dict[int, type[Mbo | Trade | Mbp1]] = {kind.RTYPE: kind for kind in (Mbo, Trade, Mbp1)}

# Two records of a public sample of the databento/dbn repository (Apache-2.0), with the first part of
# its metadata: ESH1, 2020-12-28.
EMBEDDED = bytes.fromhex(
    "44424e0322000000474c42582e4d44503300000000000000000020a0acdbe2541600008fc4df06551602"
    "0ea001006a15000007afa6acdbe254168945fed29600000080fb30c56203000001000000800043413cdeaaacdbe25416d1590000b0db1100"
    "0ea001006a15000031b6a6acdbe254163f45fed29600000000ae17d4620300000100000080004341b0faaaacdbe25416a54c0000b1db1100"
)


def load(path: Path) -> bytes:
    """The bytes of a DBN file, unpacked where it is compressed."""
    try:
        packed = path.read_bytes()
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}")
    if packed[:4] != ZSTD_MAGIC:
        return packed
    try:
        import zstandard
    except ImportError:
        sys.exit(f"{path} is compressed with zstd: install the package zstandard, or unpack the file first")
    try:
        return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
    except zstandard.ZstdError as error:
        sys.exit(f"{path} is damaged: {error}")


def metadata(data: bytes) -> tuple[Prefix, Metadata]:
    """The beginning of a file."""
    if data[:3] != b"DBN" or len(data) < Prefix.layout.size + Metadata.layout.size:
        sys.exit(f"not a DBN file: it begins with {data[:4]!r} and has {len(data)} bytes")
    prefix = Prefix.ref_from(data)
    if prefix.version not in {1, 2, 3}:
        sys.exit(f"DBN version {prefix.version} is not known here, versions 1 to 3 are")
    if Prefix.layout.size + prefix.metadata_size > len(data):
        sys.exit(f"the metadata says that it has {prefix.metadata_size} bytes; the file ends at {len(data)}")
    return prefix, Metadata.ref_from(data, Prefix.layout.size)


def records(data: bytes) -> Iterator[Mbo | Trade | Mbp1 | RecordHeader]:
    """Every record in place; of a kind that is not declared here, its header."""
    offset = Prefix.layout.size + Prefix.ref_from(data).metadata_size
    while offset < len(data):
        size = 4 * data[offset]
        if size < RecordHeader.layout.size or offset + size > len(data):
            sys.exit(f"the record at byte {offset} says that it has {size} bytes; the file ends at {len(data)}")
        header = RecordHeader.ref_from(data, offset)
        kind = RECORDS.get(header.rtype)
        # A longer record is fine: a live session may append the time of sending.
        yield header if kind is None or kind.layout.size > size else kind.ref_from(data, offset, size)
        offset += size


def one_kind(data: bytes) -> Batch[Mbo | Trade | Mbp1] | None:
    """All records of a file as one batch where they are of one kind and one length, as they are in most files."""
    start = Prefix.layout.size + Prefix.ref_from(data).metadata_size
    length, rtype = data[start : start + 2] if start + 2 <= len(data) else (0, 0)
    stride, kind = 4 * length, RECORDS.get(rtype)
    if kind is None or stride < kind.layout.size or (len(data) - start) % stride:
        return None
    count = (len(data) - start) // stride
    # The first two bytes of each record. As long as all have this length, the next one is where it is looked for.
    if data[start::stride] != bytes([length]) * count or data[start + 1 :: stride] != bytes([rtype]) * count:
        return None
    return Batch.over(kind, data, start, stride=stride)


def describe_file(name: str, data: bytes) -> None:
    """Print what a file holds."""
    prefix, head = metadata(data)
    kinds: Counter[str] = Counter()
    actions: Counter[str] = Counter()
    last: TLV | None = None
    for record in records(data):
        kinds[type(record).__name__] += 1
        if not isinstance(record, RecordHeader):
            actions[record.action] += 1
            last = record
    print(f"{name}: DBN version {prefix.version}, {head.dataset}, {len(data):,} bytes unpacked")
    print(f"  records: {', '.join(f'{kind} {number:,}' for kind, number in kinds.most_common())}")
    batch = one_kind(data)
    if batch is not None:
        print(f"  one run: {batch}, sizes add up to {sum(record.size for record in batch):,}")
    if last is not None:
        print(f"  actions: {', '.join(f'{action} {number:,}' for action, number in sorted(actions.items()))}")
        print(f"  last:    {last}")


def main(arguments: list[str]) -> None:
    """Describe the files that are named, those of the shared data, or the embedded records."""
    shared = Path(__file__).resolve().parents[2] / "shared" / "data" / "dbn"
    paths = [Path(argument) for argument in arguments] or sorted(shared.glob("**/*.dbn.zst"))
    if not paths:
        describe_file("embedded", EMBEDDED)
    for path in paths:
        try:
            describe_file(path.name, load(path))
        except TLVError as error:
            sys.exit(f"{path} is damaged: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
