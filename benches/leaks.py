"""Does the compiled core leak? Millions of operations of each kind; blocks and resident memory must stay flat.

python benches/leaks.py [OPERATIONS]
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

from tlv import TLV, FrameWriter, Group, Scaled, Size, TLVError, f64, i64, implementation, read_frame, u8, u256

Operation = Callable[[], object]
RESIDENT_KB_MAX = 1024
BLOCKS_MAX = 200


class Side(IntEnum):
    BUY = 1
    SELL = 2


class Level(TLV):
    price: i64
    size: u256


class Everything(TLV, type=3000):
    price: i64
    wide: u256
    ratio: f64
    side: Annotated[Side, u8]
    amount: Annotated[Decimal, Scaled(i64, 8)]
    limit: i64 | None
    best: Level
    steps: Annotated[tuple[i64, ...], Size(3)]
    symbol: Annotated[str, Size(12)]
    address: Annotated[bytes, Size(20)]
    levels: Group[Level]
    note: str


class Plain(TLV, type=3001):
    price: i64
    size: i64


def operations() -> dict[str, Operation]:
    """Each kind of operation, also those that fail, by name."""
    plain = Plain(1 << 40, -(1 << 40))
    data, changing = bytes(plain), bytearray(bytes(plain))
    window = memoryview(changing)
    values: dict[str, Any] = {
        "price": 1 << 50,
        "wide": 1 << 200,
        "ratio": 0.5,
        "side": Side.SELL,
        "amount": Decimal("1.25"),
        "limit": None,
        "best": Level(1, 2),
        "steps": [1, 2, 3],
        "symbol": "BTCUSDT",
        "address": bytes(20),
        "levels": [Level(1, 2), Level(3, 4)],
        "note": "naïve",
    }
    whole = Everything(**values)
    stored = bytes(whole)
    view = Everything.ref_from(stored)
    writer = FrameWriter()
    for _ in range(100):
        writer.append(plain)
        writer.append(whole)
    frame = read_frame(writer.finish(), messages=(Plain, Everything))
    handlers: dict[type[TLV], Callable[[Any], object]] = {Plain: lambda m: m.price, Everything: lambda m: m.levels}
    target = bytearray(64)

    def refused(call: Operation) -> Operation:
        def run() -> None:
            try:
                call()
            except (TLVError, TypeError):
                return
            raise AssertionError(call)

        return run

    def declare() -> type[TLV]:
        class Local(TLV):
            price: i64

        Local(1)
        return Local

    made: dict[str, Operation] = {
        "construct by position": lambda: Plain(1 << 40, 2),
        "construct by keyword": lambda: Plain(price=1 << 40, size=2),
        "construct everything": lambda: Everything(**values),
        "ref_from bytes": lambda: Plain.ref_from(data),
        "ref_from bytearray": lambda: Plain.ref_from(changing),
        "ref_from memoryview": lambda: Plain.ref_from(window, 0, 16),
        "ref_from everything": lambda: Everything.ref_from(stored),
        "ref_from_validated": lambda: Plain.ref_from_validated(data),
        "read_from": lambda: Everything.read_from(stored),
        "as_bytes": plain.as_bytes,
        "write_into": lambda: plain.write_into(target),
        "emplace": lambda: Plain.emplace(target, 0, price=1 << 40, size=2),
        "equal": lambda: view in {1: plain, 2: whole}.values(),
        "hash": lambda: hash(plain) ^ hash(view),
        "group items": lambda: [item.size for item in view.levels],
        "group slice": lambda: view.levels[:1],
        "to_owned": view.to_owned,
        "iterate a frame": lambda: sum(1 for _ in frame),
        "dispatch a frame": lambda: frame.dispatch(handlers),
        "a value that does not fit": refused(lambda: Plain("x", 1)),  # type: ignore[arg-type]
        "an argument too many": refused(lambda: Plain(1, 2, 3)),  # type: ignore[call-arg]
        "a short buffer": refused(lambda: Plain.ref_from(b"")),
        "a target too small": refused(lambda: Plain.emplace(target, 60, 1, 2)),
        "a field that is set": refused(lambda: setattr(plain, "price", 1)),
        "a class": declare,
    }
    for name in values:
        made[f"field {name}"] = lambda name=name: getattr(view, name)  # type: ignore[misc]
    return made


def resident_kb() -> int:
    """Resident memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def growth(operation: Operation, count: int) -> tuple[int, int]:
    """Blocks and KB that `count` runs leave behind, after a tenth of them as a warm-up."""
    for _ in range(count // 10 + 1):
        operation()
    gc.collect()
    blocks, memory = sys.getallocatedblocks(), resident_kb()
    for _ in range(count):
        operation()
    gc.collect()
    return sys.getallocatedblocks() - blocks, resident_kb() - memory


#: An operation does the work of that many.
WEIGHTS = {"iterate a frame": 200, "dispatch a frame": 200, "a class": 2000}


def main() -> int:
    """Print one line for each operation; 1 where one leaks."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    print(f"tlv: {implementation.running}, {count:,} operations of each kind")
    leaking = 0
    for name, operation in operations().items():
        blocks, memory = growth(operation, max(count // WEIGHTS.get(name, 1), 50))
        leaks = blocks > BLOCKS_MAX or memory > RESIDENT_KB_MAX
        leaking += leaks
        print(f"{name:28} blocks {blocks:+7}  resident {memory:+7} KB{'  LEAKS' if leaks else ''}", flush=True)
    return 1 if leaking else 0


if __name__ == "__main__":
    sys.exit(main())
