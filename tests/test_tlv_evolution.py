"""What `mycelium contract check` says of a change, beside what readers built before and after it really read.

Each case has a message as it was and as it is. Messages of both are drawn, written into frames and read by the other
class, validated. What came of that has to be what the comparison of the two locks says, by the rules of docs/evolution.md.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from random import Random
from typing import Annotated, Any, cast

import pytest
from annotated_types import Ge, Gt, Le, MaxLen, MultipleOf, Predicate

from mycelium.lockfile import Comparison, Lock, Verdict, compare
from mycelium.lockfile.message_facts import message_facts, with_inner
from tlv import (
    TLV,
    FrameWriter,
    Group,
    NonZero,
    Null,
    Scaled,
    Size,
    TLVError,
    define_tlv,
    f64,
    i32,
    i64,
    pad,
    read_frame,
    u8,
    u16,
    u32,
    u64,
)
from tlv.composites import ArrayKind, NestedKind, OptionalKind
from tlv.kinds import BoolKind, BytesKind, EnumKind, FloatKind, IntKind, ScaledKind, TextKind
from tlv.variable import GroupKind, VariableBytesKind, VariableTextKind

BREAKING, ONE_WAY, COMPATIBLE = Verdict
DRAWN = 60


def message(fields: Mapping[str, Any], name: str = "Quote", type: int | None = 1000, **keywords: Any) -> type[Any]:
    return define_tlv(name, fields, type=type, **keywords)


class Side(IntEnum):
    BUY = 1
    SELL = 2


def side(**members: int) -> Any:
    return IntEnum("Side", members)


# Field types over what is made at run time: not through a type expression, which a checker wants to know.


def group(item: type[TLV]) -> Any:
    declared: Any = Group
    return declared[item]


def pair(item: type[TLV]) -> Any:
    annotated, array = cast("Any", Annotated), cast("Any", tuple)
    return annotated[array[item, ...], Size(2)]


def in_u8(members: Any) -> Any:
    return cast("Any", Annotated)[members, u8]


def even(value: int) -> bool:
    return value % 2 == 0


def small(value: int) -> bool:
    return abs(value) < 2**40


def level(**fields: Any) -> type[Any]:
    return message(fields or {"price": i64, "size": i64}, "Level", None)


def in_order(self: Any) -> None:
    if self.ask < self.bid:
        msg = "ask below bid"
        raise ValueError(msg)


class Free(TLV, type=1000):
    bid: i64
    ask: i64


class Ruled(TLV, type=1000):
    bid: i64
    ask: i64

    def validate(self) -> None:
        in_order(self)


class RuledOtherwise(TLV, type=1000):
    bid: i64
    ask: i64

    def validate(self) -> None:
        if self.bid < self.ask:
            raise ValueError("bid below ask")


@dataclass(frozen=True)
class Case:
    name: str
    old: type[Any]
    new: type[Any]
    verdict: Verdict
    says: str
    renamed: Mapping[str, str] = field(default_factory=dict)


QUOTE = {"bid": i64, "bid_size": i64, "ask": i64}
PADDED = {"venue": u32, "_padding": pad[4], "price": i64}
LEVEL, WIDE = level(), level(price=i64, size=i64, orders=u64)

CASES = [
    Case("nothing", message(QUOTE), message(QUOTE), COMPATIBLE, ""),
    # Where fields lie.
    Case("append", message(QUOTE), message(QUOTE | {"fee": i64}), ONE_WAY,
         "Quote.fee was appended at the end, at offset 24: old readers ignore it (compatible one way: the new class refuses"),
    Case("append with a default", message(QUOTE), message(QUOTE | {"fee": (i64, 0)}), ONE_WAY, "appended"),
    Case("append and raise the version", message(QUOTE), message(QUOTE | {"fee": i64}, version=2), ONE_WAY,
         "Quote has version 2 and had 1"),
    Case("append a group", message(QUOTE), message(QUOTE | {"levels": group(LEVEL)}), ONE_WAY, "appended"),
    Case("append where a group's data was", message({"at": i64, "levels": group(LEVEL)}),
         message({"at": i64, "levels": group(LEVEL), "fee": i64}), BREAKING, "the new class reads that data as its value"),
    Case("pad where a group's data was", message({"at": i64, "levels": group(LEVEL)}),
         message({"at": i64, "levels": group(LEVEL), "_padding": pad[8]}), ONE_WAY, "takes 24 bytes and took 16"),
    Case("grow where text was", message({"at": str, "best": LEVEL}), message({"at": str, "best": WIDE}), BREAKING,
         "the new class reads the data of what was written before as values"),
    Case("insert", message({"bid": i64, "bid_size": i64}), message({"bid": i64, "bid_time": i64, "bid_size": i64}), BREAKING,
         "Quote.bid_size moved from offset 8 to 16: readers built before this change get wrong values (breaking)"),
    Case("swap", message({"bid": i64, "ask": i64}), message({"ask": i64, "bid": i64}), BREAKING, "moved from offset 0 to 8"),
    Case("remove from the end", message(QUOTE), message({"bid": i64, "bid_size": i64}), BREAKING,
         "Quote.ask was removed from the end: readers built before this change refuse"),
    Case("remove from the middle", message(QUOTE), message({"bid": i64, "ask": i64}), BREAKING, "ask lies in its place"),
    Case("turn into padding", message(QUOTE), message({"bid": i64, "_was_size": pad[8], "ask": i64}), BREAKING,
         "its bytes are padding"),
    Case("use padding", message(PADDED), message({"venue": u32, "kind": u32, "price": i64}), COMPATIBLE,
         "lies in what was padding, at offset 4"),
    Case("use a part of padding", message(PADDED), message({"venue": u32, "kind": u16, "_padding": pad[2], "price": i64}),
         COMPATIBLE, "what was written before reads as zero"),
    Case("use padding with a default that is not zero", message({"price": i64, "_padding": pad[8]}),
         message({"price": i64, "kind": (u64, 7)}), BREAKING, "which nobody meant"),
    Case("use padding with a default of zero", message({"price": i64, "_padding": pad[8]}),
         message({"price": i64, "kind": (u64, 0)}), COMPATIBLE, "reads as zero"),
    Case("use padding for a value that may be missing", message(PADDED),
         message({"venue": u32, "tick": i32 | None, "price": i64}), BREAKING, "which nobody meant"),
    Case("use padding for a value whose null is zero", message(PADDED),
         message({"venue": u32, "tick": Annotated[i32 | None, Null(0)], "price": i64}), COMPATIBLE, "reads as zero"),
    Case("use padding for bytes that may be missing", message(PADDED),
         message({"venue": u32, "code": Annotated[bytes | None, Size(4)], "price": i64}), COMPATIBLE, "reads as zero"),
    Case("use padding for a value with a rule against zero", message(PADDED),
         message({"venue": u32, "kind": Annotated[u32, Gt(0)], "price": i64}), ONE_WAY, "which its rules refuse"),
    Case("use padding for text", message(PADDED),
         message({"venue": u32, "code": Annotated[str, Size(4)], "price": i64}), COMPATIBLE, "reads as zero"),
    Case("use padding for a group", message({"price": i64, "_padding": pad[8]}),
         message({"price": i64, "levels": (group(LEVEL), ())}), COMPATIBLE, "reads as zero"),
    Case("padding under another name", message(PADDED), message({"venue": u32, "_spare": pad[4], "price": i64}), COMPATIBLE,
         "padding under other names"),
    Case("padding at the end", message(QUOTE), message(QUOTE | {"_padding": pad[8]}), ONE_WAY,
         "takes 32 bytes and took 24"),
    Case("padding cut from the end", message(QUOTE | {"_padding": pad[8]}), message(QUOTE), BREAKING,
         "takes 24 bytes and took 32"),
    # What they are.
    Case("rename", message({"bid": i64, "amount": i64}), message({"bid": i64, "bid_size": i64}), COMPATIBLE,
         "Quote.amount is called bid_size now", {"bid_size": "amount"}),
    Case("rename to another kind", message({"bid": i64, "amount": i64}), message({"bid": i64, "bid_size": f64}), BREAKING,
         "bid_size lies in its place"),
    Case("another sign", message({"a": i64}), message({"a": u64}), BREAKING, "is u64 and was i64"),
    Case("wider", message({"a": i32}), message({"a": i64}), BREAKING, "is i64 and was i32"),
    Case("wider, in padding", message({"a": u32, "_padding": pad[4]}), message({"a": u64}), BREAKING, "is u64 and was u32"),
    Case("narrower", message({"a": i64}), message({"a": i32, "_padding": pad[4]}), BREAKING, "is i32 and was i64"),
    Case("float for integer", message({"a": i64}), message({"a": f64}), BREAKING, "is f64 and was i64"),
    Case("decimal for integer", message({"a": i64}), message({"a": Annotated[Decimal, Scaled(i64, 8)]}), BREAKING,
         "is decimal(i64, 8) and was i64"),
    Case("other digits", message({"a": Annotated[Decimal, Scaled(i64, 6)]}), message({"a": Annotated[Decimal, Scaled(i64, 8)]}),
         BREAKING, "decimal(i64, 6)"),
    Case("bool for integer", message({"a": u8}), message({"a": bool}), BREAKING, "is bool and was u8"),
    Case("may be missing now", message({"a": i64}), message({"a": i64 | None}), BREAKING, "is i64? and was i64"),
    Case("may not be missing any more", message({"a": i64 | None}), message({"a": i64}), BREAKING, "is i64 and was i64?"),
    Case("another null", message({"a": i64 | None}), message({"a": Annotated[i64 | None, Null(0)]}), BREAKING, "i64?(0)"),
    Case("text for bytes", message({"a": Annotated[bytes, Size(4)]}), message({"a": Annotated[str, Size(4)]}), BREAKING,
         "is text[4] and was bytes[4]"),
    Case("longer text", message({"a": Annotated[str, Size(4)]}), message({"a": Annotated[str, Size(8)]}), BREAKING,
         "is text[8] and was text[4]"),
    Case("text of any length for bytes", message({"a": bytes}), message({"a": str}), BREAKING, "is text and was bytes"),
    Case("array of another length", message({"a": Annotated[tuple[u32, ...], Size(4)]}),
         message({"a": Annotated[tuple[u32, ...], Size(2)], "_padding": pad[8]}), BREAKING, "u32[4]"),
    Case("the other byte order", message(QUOTE), message(QUOTE, byteorder="big"), BREAKING, "is big-endian"),
    Case("another type", message(QUOTE), message(QUOTE, type=1001), BREAKING, "moved from type 1000 to 1001"),
    Case("another name of the class", message(QUOTE), message(QUOTE, "BestQuote"), COMPATIBLE, "was called Quote"),
    Case("another version", message(QUOTE), message(QUOTE, version=2), COMPATIBLE, "has version 2"),
    Case("another default", message({"a": (i64, 0)}), message({"a": (i64, 1)}), COMPATIBLE, "has the default 1 and had 0"),
    # Enums.
    Case("new member", message({"a": in_u8(Side)}), message({"a": in_u8(side(BUY=1, SELL=2, NONE=3))}),
         COMPATIBLE, "Side.NONE is new: readers built before read the number 3"),
    Case("member gone", message({"a": in_u8(side(BUY=1, SELL=2, NONE=3))}), message({"a": in_u8(Side)}),
         COMPATIBLE, "Side.NONE was removed"),
    Case("member renamed", message({"a": in_u8(Side)}), message({"a": in_u8(side(BID=1, SELL=2))}), COMPATIBLE,
         "Side.BUY is called BID now"),
    Case("number instead of enum", message({"a": in_u8(Side)}), message({"a": u8}), COMPATIBLE, "the numbers are the same"),
    # Layouts inside.
    Case("item of a group grows", message({"levels": group(LEVEL)}), message({"levels": group(WIDE)}), ONE_WAY,
         "Level.orders was appended at the end"),
    Case("item of a group shrinks", message({"levels": group(WIDE)}), message({"levels": group(LEVEL)}), BREAKING,
         "Level.orders was removed from the end"),
    Case("item of a group is turned round", message({"levels": group(LEVEL)}),
         message({"levels": group(level(size=i64, price=i64))}), BREAKING, "Level.price moved from offset 0 to 8"),
    Case("item of a group has another name", message({"levels": group(LEVEL)}),
         message({"levels": group(message({"price": i64, "size": i64}, "Row", None))}), COMPATIBLE, "was called Level"),
    Case("nested message grows before others", message({"best": LEVEL, "at": i64}), message({"best": WIDE, "at": i64}), BREAKING,
         "Quote.at moved from offset 16 to 24"),
    Case("nested message grows at the end", message({"at": i64, "best": LEVEL}), message({"at": i64, "best": WIDE}), ONE_WAY,
         "Quote takes 32 bytes and took 24"),
    Case("nested message grows into padding", message({"best": LEVEL, "_spare": pad[8], "at": i64}),
         message({"best": WIDE, "at": i64}), COMPATIBLE, "Level.orders lies in what was padding, at offset 16"),
    Case("nested message grows into padding by what may be missing", message({"best": LEVEL, "_spare": pad[8], "at": i64}),
         message({"best": level(price=i64, size=i64, orders=i64 | None), "at": i64}), BREAKING, "which nobody meant"),
    Case("nested message grows into padding, deeper", message({"best": message({"level": LEVEL}, "Side", None), "_spare": pad[8]}),
         message({"best": message({"level": WIDE}, "Side", None)}), COMPATIBLE, "Level.orders lies in what was padding"),
    Case("nested message grows into padding and over the end", message({"best": LEVEL, "_spare": pad[4]}),
         message({"best": WIDE}), ONE_WAY, "Level.orders was appended at the end"),
    Case("padding moves out of a nested message", message({"best": level(price=i64, _spare=pad[8]), "at": i64}),
         message({"best": level(price=i64), "_spare": pad[8], "at": i64}), COMPATIBLE, "padding under other names"),
    Case("padding moves into a nested message", message({"best": level(price=i64), "_spare": pad[8], "at": i64}),
         message({"best": level(price=i64, _spare=pad[8]), "at": i64}), COMPATIBLE, "padding under other names"),
    Case("nested message loses a field to padding", message({"best": WIDE, "at": i64}),
         message({"best": LEVEL, "_spare": pad[8], "at": i64}), BREAKING, "its bytes are padding"),
    Case("padding and more", message({"a": i64, "_spare": pad[4]}), message({"a": i64, "fee": i64}), ONE_WAY,
         "Quote.fee was appended at the end, at offset 8"),
    Case("nested messages in an array grow", message({"best": pair(LEVEL)}),
         message({"best": pair(WIDE)}), BREAKING, "elements of another size"),
    # Rules.
    Case("new rule", message({"a": i64}), message({"a": Annotated[i64, Ge(0)]}), ONE_WAY, "is >= 0 and was free"),
    Case("rule gone", message({"a": Annotated[i64, Ge(0)]}), message({"a": i64}), BREAKING, "refuse what is allowed now"),
    Case("stricter", message({"a": Annotated[i64, Ge(0)]}), message({"a": Annotated[i64, Gt(10)]}), ONE_WAY, "is > 10"),
    Case("less strict", message({"a": Annotated[i64, Gt(10)]}), message({"a": Annotated[i64, Ge(0)]}), BREAKING, "is >= 0"),
    Case("the same in other words", message({"a": Annotated[i64, Gt(0)]}), message({"a": Annotated[i64, Ge(1)]}), COMPATIBLE,
         "the same values are allowed"),
    Case("what the kind says already", message({"a": u32}), message({"a": Annotated[u32, Ge(0)]}), COMPATIBLE, "the same values"),
    Case("other bound", message({"a": Annotated[i64, Ge(0)]}), message({"a": Annotated[i64, Le(0)]}), BREAKING, "is <= 0"),
    Case("not zero, for positive", message({"a": Annotated[i64, Gt(0)]}), message({"a": Annotated[i64, NonZero()]}), BREAKING,
         "is != 0"),
    Case("positive, for not zero", message({"a": Annotated[i64, NonZero()]}), message({"a": Annotated[i64, Gt(0)]}), ONE_WAY,
         "is > 0"),
    Case("finer steps", message({"a": Annotated[u32, MultipleOf(4)]}), message({"a": Annotated[u32, MultipleOf(2)]}), BREAKING,
         "multiple of 2"),
    Case("wider steps", message({"a": Annotated[u32, MultipleOf(2)]}), message({"a": Annotated[u32, MultipleOf(4)]}), ONE_WAY,
         "multiple of 4"),
    Case("shorter text only", message({"a": Annotated[str, MaxLen(8)]}), message({"a": Annotated[str, MaxLen(2)]}), ONE_WAY,
         "length <= 2"),
    Case("longer text too", message({"a": Annotated[str, MaxLen(2)]}), message({"a": Annotated[str, MaxLen(8)]}), BREAKING,
         "length <= 8"),
    Case("another function", message({"a": Annotated[i64, Predicate(even)]}), message({"a": Annotated[i64, Predicate(small)]}),
         BREAKING, "is small and was even"),
    Case("rule of array elements", message({"a": Annotated[tuple[i64, ...], Size(2)]}),
         message({"a": Annotated[tuple[Annotated[i64, Ge(0)], ...], Size(2)]}), ONE_WAY, "elements: is >= 0"),
    Case("new rule across fields", Free, Ruled, ONE_WAY, "has a rule across fields now"),
    Case("rule across fields gone", Ruled, Free, BREAKING, "has no rule across fields any more"),
    Case("another rule across fields", Ruled, RuledOtherwise, BREAKING, "has another rule across fields"),
]  # fmt: skip


# What really comes of it ------------------------------------------------------------------------------------------


def drawn(kind: Any, random: Random) -> Any:
    """A value of a kind: often a small one, so that rules let some through, and sometimes any."""
    match kind:
        case OptionalKind():
            return None if random.random() < 0.3 else drawn(kind.inner, random)
        case EnumKind():
            return random.choice(list(kind.members))
        case ScaledKind():
            return Decimal(random.randint(0, 2**31)).scaleb(-kind.digits)
        case IntKind():
            low, high = (-20, 20) if random.random() < 0.6 else (kind.low, kind.high)
            return random.randint(max(low, kind.low), min(high, kind.high))
        case FloatKind():
            return random.uniform(-1e9, 1e9)
        case BoolKind():
            return random.random() < 0.5
        case BytesKind() | VariableBytesKind():
            return random.randbytes(getattr(kind, "size", 0) if isinstance(kind, BytesKind) else random.randint(1, 9))
        case TextKind() | VariableTextKind():
            most = kind.size if isinstance(kind, TextKind) else 9
            return "".join(random.choices("abcäß", k=random.randint(1, most)))[: most // 2 or 1]
        case ArrayKind():
            return tuple(drawn(kind.element, random) for _ in range(kind.count))
        case NestedKind():
            return made(kind.message, random)
        case GroupKind():
            return [made(kind.message, random) for _ in range(random.randint(0, 3))]
    raise AssertionError(kind)


def made(cls: type[Any], random: Random) -> TLV:
    return cls(**{one.name: drawn(one.codec, random) for one in cls.layout.values})  # type: ignore[no-any-return]


def written(cls: type[Any]) -> Iterator[TLV]:
    """Messages that keep the rules of their class."""
    random = Random(f"{cls.layout.canonical()}")
    found = 0
    for _ in range(50 * DRAWN):
        try:
            one = made(cls, random)
            one.validate()
        except TLVError:
            continue
        yield one
        found += 1
        if found == DRAWN:
            return
    raise AssertionError(f"{cls} lets nothing through")


def read_by(reader: type[Any], sent: TLV) -> dict[str, Any] | None:
    """What a class reads out of the frame that another has written, as JSON has it; None where it refuses."""
    writer = FrameWriter()
    writer.append(sent)
    try:
        for seen in read_frame(bytes(writer.finish()), messages=[reader]):
            seen.validate()
            return dict(json.loads(seen.to_json()))
    except TLVError:
        return None
    return None  # of a type that the reader does not know


def agrees(seen: Any, sent: Any, missing: Callable[[str], Any], names: Mapping[str, str]) -> bool:
    """Whether everything that the reader sees is what was sent; ``missing`` says what stands for what was not."""
    if isinstance(seen, dict) and isinstance(sent, dict):
        return all(
            agrees(
                value, sent[names.get(name, name)] if names.get(name, name) in sent else missing(name), missing, names
            )
            for name, value in seen.items()
        )
    if isinstance(seen, list) and isinstance(sent, list):
        return len(seen) == len(sent) and all(agrees(a, b, missing, names) for a, b in zip(seen, sent, strict=True))
    return type(seen) is type(sent) and bool(seen == sent)


def nobody_said(reader: type[Any]) -> Callable[[str], Any]:
    """What a new reader makes of what older senders did not know: the default, nothing, or zero."""

    def meant(name: str) -> Any:
        one: Any = next(field for cls in with_inner([reader]) for field in cls.layout.values if field.name == name)
        if not one.is_required:
            return one.codec.to_json(one.default)
        if isinstance(one.codec, OptionalKind):
            return None
        (zero,) = struct.unpack(f"<{one.codec.format}", bytes(one.size))
        return one.codec.to_json(one.codec.decode(zero))

    return meant


def outcomes(case: Case, reader: type[Any], writer: type[Any], missing: Callable[[str], Any], names: Any) -> set[str]:
    found = set()
    for sent in written(writer):
        seen = read_by(reader, sent)
        told = json.loads(sent.to_json())
        found.add("refused" if seen is None else "right" if agrees(seen, told, missing, names) else "wrong")
    return found


def behaviour(case: Case) -> Verdict:
    """The verdict that follows from reading bytes of each side with the class of the other."""
    back = {old: new for new, old in case.renamed.items()}
    forward = outcomes(case, case.old, case.new, lambda name: f"nothing for {name}", back)
    backward = outcomes(case, case.new, case.old, nobody_said(case.new), case.renamed)
    if forward != {"right"} or "wrong" in backward:
        return BREAKING
    return ONE_WAY if "refused" in backward else COMPATIBLE


def told(old: type[Any], new: type[Any]) -> Comparison:
    locks = []
    for one in (old, new):
        messages, enums = message_facts([one])
        text = Lock(("shop",), {"messages": messages, "enums": enums}).to_toml()
        locks.append(Lock.from_toml(text, "contract.lock"))
    return compare(*locks)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_is_what_readers_of_both_sides_find(case: Case) -> None:
    found = told(case.old, case.new)
    lines = "\n".join(map(str, found.changes))
    verdict = next((one for one in Verdict if found.count(one)), COMPATIBLE)
    assert behaviour(case) is case.verdict, f"what was read is not what the table says; check says\n{lines}"
    assert verdict is case.verdict, lines
    assert case.says in lines


def test_renumbered_members_are_taken_for_each_other() -> None:
    """The numbers are read right, which is what makes the members wrong."""
    old, new = message({"side": in_u8(Side)}), message({"side": in_u8(side(BUY=2, SELL=1))})
    (seen,) = read_frame(frame_of(new(new.layout["side"].codec.members.BUY)), messages=[old])
    assert seen.side is Side.SELL  # type: ignore[attr-defined]
    assert "Side.BUY is 2 and was 1: each side takes it for something else (breaking)" in map(
        str, told(old, new).changes
    )


def frame_of(sent: TLV) -> bytes:
    writer = FrameWriter()
    writer.append(sent)
    return bytes(writer.finish())


def test_the_same_number_in_another_unit_is_another_value() -> None:
    from tlv import Doc

    old = message({"price": Annotated[i64, Doc(unit="1e-8 quote")]})
    new = message({"price": Annotated[i64, Doc(unit="1e-6 quote")]})
    (seen,) = read_frame(frame_of(new(5)), messages=[old])
    assert seen.price == 5  # type: ignore[attr-defined]
    (change,) = told(old, new).changes
    assert (
        str(change)
        == "Quote.price counts 1e-6 quote and counted 1e-8 quote: the same number means something else (breaking)"
    )


def test_a_changed_digest_is_told_since_nodes_compare_it() -> None:
    found = told(message(QUOTE), message({"bid": i64, "size": i64, "ask": i64}))
    assert found.digests == ("Quote",)
    assert not told(message(QUOTE), message(QUOTE)).digests
