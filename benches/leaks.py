"""Do the compiled cores leak? Millions of operations of each kind; blocks and resident memory must stay flat.

python benches/leaks.py [OPERATIONS]
"""

from __future__ import annotations

import copy
import gc
import mmap
import pickle
import sys
import threading
import weakref
from collections import ChainMap
from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pykka
from annotated_types import Gt

from mycelium import Actor, Bounded, handles
from mycelium.errors import MailboxFullError
from mycelium.mailbox.run import Run
from mycelium.routing.router import connect, plan_routes
from tlv import (
    TLV,
    FrameWriter,
    Group,
    Scaled,
    Size,
    TLVError,
    define_tlv,
    f64,
    i64,
    implementation,
    read_frame,
    u8,
    u256,
)

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


class Longer(TLV, type=3001):
    price: i64
    size: i64
    more: i64


class Other(TLV):
    left: i64
    right: i64


class Ruled(TLV):
    price: Annotated[i64, Gt(0)]
    size: i64

    def validate(self) -> None:
        if self.size > 0:
            raise ValueError("too much")


class Text(TLV):
    text: Annotated[str, Size(8)]


class Finalized(TLV):
    price: i64

    def __del__(self) -> None:
        assert self.price == 1


class Index:
    """As good as an int, or not."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem

    def __index__(self) -> int:
        if self.problem is not None:
            raise self.problem
        return 7


PLAIN = Plain(1 << 40, -(1 << 40))
VALUES: dict[str, Any] = {
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
WHOLE = Everything(**VALUES)


def making() -> dict[str, Operation]:
    """Messages of arguments, and of other messages."""
    target = bytearray(1000)
    writer = FrameWriter()

    def write_frame() -> None:
        writer.append(PLAIN)
        writer.append(WHOLE)
        writer.emplace(Plain, 1 << 40, 2)
        writer.finish()

    return {
        "construct by position": lambda: Plain(1 << 40, 2),
        "construct by keyword": lambda: Plain(price=1 << 40, size=2),
        "construct everything": lambda: Everything(**VALUES),
        "construct of __index__": lambda: Plain(Index(), size=Index()),  # type: ignore[arg-type]
        "construct by type.__call__": lambda: type.__call__(Plain, 1 << 40, size=2),
        "emplace": lambda: Plain.emplace(target, 0, price=1 << 40, size=2),
        "emplace everything": lambda: Everything.emplace(target, 8, **VALUES),
        "replace": lambda: PLAIN.replace(size=3),
        "a message with __del__": lambda: Finalized(1),
        "another class and back": lambda: turned(Plain(1, 2)),
        "write a frame": write_frame,
    }


def reading() -> dict[str, Operation]:
    """Views, copies, and all that is asked of them."""
    data, changing = bytes(PLAIN), bytearray(bytes(PLAIN))
    window, odd = memoryview(changing), memoryview(data).cast("c")
    stored = bytes(WHOLE)
    view, plain_view = Everything.ref_from(stored), Plain.ref_from(changing)
    target, told, text = bytearray(64), WHOLE.to_dict(), WHOLE.to_json()
    pickled = pickle.dumps(WHOLE)
    fields = {f"field {name}": partial(getattr, view, name) for name in VALUES}
    return fields | {
        "ref_from bytes": lambda: Plain.ref_from(data),
        "ref_from bytearray": lambda: Plain.ref_from(changing),
        "ref_from memoryview": lambda: Plain.ref_from(window, 0, 16),
        "ref_from a cast memoryview": lambda: Plain.ref_from(odd, offset=0),
        "ref_from a view": lambda: Plain.ref_from(plain_view.as_bytes()),
        "ref_from everything": lambda: Everything.ref_from(stored),
        "ref_from_validated": lambda: Plain.ref_from_validated(data),
        "ref_from_validated with a rule": lambda: Ruled.ref_from_validated(data),
        "read_from": lambda: Everything.read_from(stored),
        "as_bytes": PLAIN.as_bytes,
        "a part of as_bytes": lambda: view.as_bytes()[8:40],
        "as_bytes of a nested view": lambda: bytes(view.best.as_bytes()),
        "bytes": lambda: bytes(view),
        "write_into": lambda: PLAIN.write_into(target),
        "equal": lambda: view in {1: PLAIN, 2: WHOLE}.values(),
        "hash": lambda: hash(PLAIN) ^ hash(plain_view),
        "hash of everything": lambda: hash(view),
        "repr": lambda: repr(view),
        "validate everything": view.validate,
        "raw": lambda: view.raw("amount"),
        "group items": lambda: [item.size for item in view.levels],
        "group slice": lambda: view.levels[:1],
        "group item": lambda: view.levels[-1],
        "group columns": lambda: view.columns("levels")["price"],
        "to_owned": view.to_owned,
        "copy": lambda: copy.copy(plain_view),
        "to_dict": view.to_dict,
        "from_dict": lambda: Everything.from_dict(told),
        "to_json": view.to_json,
        "from_json": lambda: Everything.from_json(text),
        "pickle": lambda: pickle.dumps(plain_view),
        "unpickle": lambda: pickle.loads(pickled),
    }


def lending() -> dict[str, Operation]:
    """Memoryviews, messages and buffers that outlive each other in every order."""
    changing = bytearray(bytes(PLAIN))
    mapped = mmap.mmap(-1, len(changing))
    mapped_window = memoryview(mapped)
    kept = [Plain(number, 0) for number in range(100)]

    def released() -> None:
        with PLAIN.as_bytes() as shown:
            shown[8:].release()

    def handed_over() -> int:
        shown = Plain.ref_from(changing).as_bytes()
        part = shown[8:]
        del shown
        return len(part)

    def many() -> list[memoryview]:
        return [one.as_bytes() for one in kept] + [Plain(number, 1).as_bytes() for number in range(100)]

    def watched() -> bool:
        message = Plain(1 << 40, 2)
        return weakref.ref(message.as_bytes())() is None

    return {
        "ref_from a mapped file": lambda: Plain.ref_from(mapped),
        "ref_from a mapped memoryview": lambda: Plain.ref_from(mapped_window),
        "as_bytes of a new view": lambda: Plain.ref_from(changing).as_bytes() is None,
        "as_bytes in a with": released,
        "as_bytes of a message with __del__": lambda: Finalized(1).as_bytes(),
        "as_bytes that outlives": handed_over,
        "as_bytes of more than there are to lend": many,
        "as_bytes that is watched": watched,
        "a bound method": lambda: PLAIN.as_bytes.__name__,
    }


def walking() -> dict[str, Operation]:
    """Frames, and batches of them."""
    writer = FrameWriter()
    for _ in range(100):
        writer.append(PLAIN)
        writer.append(WHOLE)
    data = writer.finish()
    for _ in range(200):
        writer.append(PLAIN)
    plains = read_frame(writer.finish(), messages=(Plain,))
    frame = read_frame(data, messages=(Plain, Everything))
    handlers: dict[type[TLV], Callable[[Any], object]] = {Plain: lambda m: m.price, Everything: lambda m: m.levels}
    unfinished: list[Any] = [None]

    def abandon() -> None:
        unfinished[0] = iter(frame)
        next(unfinished[0])

    return {
        "iterate a frame": lambda: sum(1 for _ in frame),
        "an iteration that is abandoned": abandon,
        "dispatch a frame": lambda: frame.dispatch(handlers),
        "dispatch by another mapping": lambda: frame.dispatch(ChainMap(handlers)),
        "iterate the batches of a frame": lambda: sum(len(batch) for batch in plains.batches()),
        "iterate a batch": lambda: [sum(one.size for one in batch) for batch in plains.batches()],
        "columns of a batch": lambda: [batch.column("size") for batch in plains.batches()],
        "read a frame": lambda: read_frame(data, messages=(Plain, Everything)),
    }


def failing() -> dict[str, Operation]:
    """Everything that is refused."""
    data = bytes(PLAIN)
    target = bytearray(64)
    stored = bytes(WHOLE)
    outside = stored[:8] + b"\xff" * (Everything.layout.size - 8) + stored[Everything.layout.size :]
    outside_view = Everything._view(outside, 0)
    bad_text = Text.ref_from(b"\xff" * 8)
    frame = read_frame(framed(PLAIN), messages=(Plain,))
    short = read_frame(framed(PLAIN), messages=(Longer,))
    cut, level = framed(PLAIN)[:40], Level(1, 2)
    closed = memoryview(b"")
    closed.release()

    def broken(message: object) -> None:
        raise KeyError(message)

    attempts: dict[str, Operation] = {
        "a value that does not fit": lambda: Plain("x", 1),  # type: ignore[arg-type]
        "a value out of range": lambda: Plain(1 << 63, 1),
        "a value that raises": lambda: Plain(1, Index(KeyError("no"))),  # type: ignore[arg-type]
        "an array that does not fit": lambda: Everything(**VALUES | {"steps": [1, 2, "x"]}),
        "an item of another class": lambda: Everything(**VALUES | {"levels": [level, PLAIN]}),
        "an argument too many": lambda: Plain(1, 2, 3),  # type: ignore[call-arg]
        "an argument too few": lambda: Plain(1),  # type: ignore[call-arg]
        "an argument of another name": lambda: Plain(price=1, sice=2),  # type: ignore[call-arg]
        "a short buffer": lambda: Plain.ref_from(b""),
        "no buffer": lambda: Plain.ref_from(None),  # type: ignore[arg-type]
        "a released buffer": lambda: Plain.ref_from(closed),
        "an offset too far": lambda: Plain.ref_from(data, 1 << 70),
        "data outside the message": lambda: Everything.ref_from(outside),
        "a group outside the message": lambda: outside_view.levels,
        "text that is none": lambda: bad_text.text,
        "a constraint": lambda: Ruled.ref_from_validated(bytes(16)),
        "a rule": lambda: Ruled.ref_from_validated(bytes(Plain(1, 9))),
        "a target too small": lambda: Plain.emplace(target, 60, 1, 2),
        "a target for reading": lambda: PLAIN.write_into(data),
        "a field that is set": lambda: setattr(PLAIN, "price", 1),
        "a field that is none": lambda: PLAIN.prize,  # type: ignore[attr-defined]
        "an index beyond a group": lambda: WHOLE.levels[2],
        "a handler that raises": lambda: frame.dispatch({Plain: broken}),
        "a message in a frame that is short": lambda: next(iter(short)),
        "a frame that is cut": lambda: read_frame(cut, messages=(Plain,)),
        "JSON that is none": lambda: Plain.from_json("{"),
        "a pickle of another layout": lambda: PLAIN.__reduce__()[0](Level, "0", data),
        "a declaration": lambda: define_tlv("Wrong", {"x": int}),
    }
    return {name: partial(refused, attempt) for name, attempt in attempts.items()}


def mailing() -> dict[str, Operation]:
    """Messages that move from an actor to itself, as its thread would move them."""

    class Mailed(Actor, receives=Plain, emits=(Plain,), mailbox=Bounded(100, overflow="reject")):
        fails = False

        @handles
        def on_plain(self, plain: Plain) -> None:
            if self.fails:
                raise ValueError

    actor = Mailed.create()
    connect({"mailed": actor}, plan_routes({"mailed": Mailed}))
    actor._bind_handlers()
    ref, mailbox = actor.actor_ref, actor.mailbox
    ref.tell(PLAIN)

    def told() -> None:
        ref.tell(PLAIN)
        actor._drain(256)

    def emitted() -> None:
        actor.emit(PLAIN)
        actor._drain(256)

    def failed() -> None:
        ref.tell(PLAIN)
        run = Run(mailbox, 256)
        try:
            actor.fails = True
            handle = run.begin(actor._tally.cells)
            assert handle is not None
            for message in run:
                handle(message)
        except ValueError:
            run.fail()
        finally:
            actor.fails = False

    def full() -> None:
        for _ in range(101):
            try:
                ref.tell(PLAIN)
            except MailboxFullError:
                mailbox.items.clear()

    def removed() -> None:
        for message in (PLAIN, WHOLE, PLAIN):
            mailbox.items.append(message)
        mailbox.items.remove(WHOLE)
        mailbox.items.copy()
        mailbox.items.clear()

    def asked() -> None:
        assert Asked.ref is not None
        Asked.ref.ask(PLAIN, timeout=60)

    class Asked(Actor, receives=Plain):
        ref: Any = None

        @handles
        def on_plain(self, plain: Plain) -> int:
            return plain.price

    Asked.ref = Asked.start()
    return {
        "tell and drain": told,
        "emit and drain": emitted,
        "a handler in a drain that raises": failed,
        "a full mailbox": full,
        "a queue": removed,
        "an ask": asked,
        "an actor": Asked.create,
    }


def rarely() -> dict[str, Operation]:
    """What a program does when it starts and ends."""

    def declare() -> type[TLV]:
        class Local(TLV):
            price: i64
            levels: Group[Level]

        return type(Local(1, [Level(1, 2)]))

    def threads() -> None:
        def read() -> None:
            assert sum(item.price for item in Everything.ref_from(WHOLE.as_bytes()).levels) == 4

        started = [threading.Thread(target=read) for _ in range(4)]
        for one in started:
            one.start()
        for one in started:
            one.join()

    return {"a class": declare, "four threads": threads}


def framed(message: TLV) -> bytes:
    writer = FrameWriter()
    for _ in range(3):
        writer.append(message)
    return bytes(writer.finish())


def turned(message: Any) -> None:
    message.__class__ = Other
    message.__class__ = Plain


def refused(call: Operation) -> None:
    try:
        call()
    except (TLVError, TypeError, KeyError, IndexError, AttributeError):
        return
    raise AssertionError(call)


def operations() -> dict[str, Operation]:
    """Each kind of operation by name."""
    return {**making(), **reading(), **lending(), **walking(), **failing(), **mailing(), **rarely()}


def resident_kb() -> int:
    """Resident memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def growth(operation: Operation, count: int, warm_up: int) -> tuple[int, int]:
    """Blocks and KB that `count` runs leave behind, after others that fill what Python keeps for later."""
    for _ in range(warm_up):
        operation()
    gc.collect()
    blocks, memory = sys.getallocatedblocks(), resident_kb()
    for _ in range(count):
        operation()
    gc.collect()
    return sys.getallocatedblocks() - blocks, resident_kb() - memory


#: An operation does the work of that many, or takes as long.
WEIGHTS = {
    "as_bytes of more than there are to lend": 200,
    "iterate a frame": 200,
    "an iteration that is abandoned": 2,
    "dispatch a frame": 200,
    "dispatch by another mapping": 200,
    "iterate the batches of a frame": 200,
    "iterate a batch": 200,
    "columns of a batch": 200,
    "read a frame": 10,
    "write a frame": 10,
    "a declaration": 100,
    "a handler in a drain that raises": 10,
    "a full mailbox": 200,
    "a queue": 5,
    "an ask": 100,
    "an actor": 100,
    "a class": 5000,
    "four threads": 500,
    **dict.fromkeys(
        ("repr", "to_dict", "from_dict", "to_json", "from_json", "pickle", "unpickle", "group columns"), 10
    ),
}


def main() -> int:
    """Print one line for each operation; 1 where one leaks."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    print(f"tlv: {implementation.running}, {count:,} operations of each kind")
    leaking, errors = 0, failing()
    for name, operation in operations().items():
        weight = WEIGHTS.get(name, 10 if name in errors else 1)  # an error takes Python several microseconds
        runs = max(count // weight, 50)
        # Python's cache of methods, 4,096 of them, keeps the names that it was asked for.
        blocks, memory = growth(operation, runs, max(runs // 10, 20_000 // weight))
        leaks = blocks > BLOCKS_MAX or memory > RESIDENT_KB_MAX
        leaking += leaks
        print(
            f"{name:34} {runs:10,} times  blocks {blocks:+7}  resident {memory:+7} KB{'  LEAKS' if leaks else ''}",
            flush=True,
        )
    pykka.ActorRegistry.stop_all()
    return 1 if leaking else 0


if __name__ == "__main__":
    sys.exit(main())
