"""What a change of a message does to its bytes, read by those who were built before it and the other way round.

The rules are those of docs/evolution.md; tests/test_evolution.py reads real bytes for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .change import Change, breaking, compatible, one_way
from .fields import added_in_padding, compare_fields, shape_of
from .lock import Facts, Lock

__all__ = ["compare_messages"]

_PAD = re.compile(r"pad\[\d+\]")


@dataclass
class _Pairs:
    """The messages of two locks that are one to those who read them, each compared once."""

    old: Lock
    new: Lock
    done: set[tuple[str, str]] = field(default_factory=set)
    done_enums: set[tuple[str, str]] = field(default_factory=set)


def compare_messages(old: Lock, new: Lock) -> Iterator[Change]:
    """The changes of all messages, of the layouts inside them, and of their enums."""
    pairs = _Pairs(old, new)
    before, now = old["messages"], new["messages"]
    by_type = {facts["type"]: name for name, facts in now.items() if "type" in facts}
    missing = []
    for name, facts in before.items():
        type_id = facts.get("type")
        if type_id in by_type:
            yield from _compare(pairs, name, by_type[type_id])
        elif name in now and (type_id is None) == ("type" not in now[name]):
            yield from _compare(pairs, name, name)
        else:
            missing.append(name)
    matched_old, matched_new = ({pair[place] for pair in pairs.done} for place in (0, 1))
    for name in missing:
        if name in matched_old:
            continue  # a layout inside others, which has another name now
        if name in now:
            kind = "is a plain layout now: readers built before wait for type {type}" if "type" in before[name] else ""
            yield breaking(name, kind.format_map(before[name]) or "has a wire type now: as a plain layout it is gone")
        else:
            yield breaking(name, "was removed: nobody writes it for those who read it, nor reads what was written")
    for name in now:
        if name not in matched_new and not (name in missing and name in now):
            yield compatible(name, "is new: readers built before pass over it")


def _compare(pairs: _Pairs, before: str, now: str) -> Iterator[Change]:
    if (before, now) in pairs.done:
        return
    pairs.done.add((before, now))
    old, new = pairs.old["messages"][before], pairs.new["messages"][now]
    if before != now:
        yield compatible(now, f"was called {before}: the bytes are the same, code that names it has to change")
    if old.get("type") != new.get("type"):
        text = f"moved from type {old['type']} to {new['type']}: readers built before take it for another or for none"
        yield breaking(now, text)
    if old["byteorder"] != new["byteorder"]:
        text = f"is {new['byteorder']}-endian and was {old['byteorder']}-endian: every number is read wrong"
        yield breaking(now, text)
        return
    if old["version"] != new["version"]:
        yield compatible(
            now, f"has version {new['version']} and had {old['version']}: readers built before count it as newer"
        )
    yield from _rule(now, old, new)
    yield from _fields(pairs, now, old, new)


def _rule(name: str, old: Facts, new: Facts) -> Iterator[Change]:
    before, now = old.get("validate"), new.get("validate")
    if before == now:
        return
    if before is None:
        yield one_way(name, "has a rule across fields now: validated, what was written before may be refused")
    elif now is None:
        yield breaking(name, "has no rule across fields any more: readers built before may refuse what is allowed now")
    else:
        text = "has another rule across fields: readers built before may refuse what is allowed now, and the other way round"
        yield breaking(name, text)


def _fields(pairs: _Pairs, name: str, old: Facts, new: Facts) -> Iterator[Change]:
    before, now = _values(old), _values(new)
    renamed = _renamed(before, now)
    twin = {field_name: field_name for field_name in before if field_name in now} | renamed
    for field_name, facts in before.items():
        subject = f"{name}.{field_name}"
        if field_name not in twin:
            yield breaking(subject, _gone(facts, new))
            continue
        other = now[twin[field_name]]
        if field_name in renamed:
            text = f"is called {renamed[field_name]} now: the bytes are the same, code and JSON that name it have to change"
            yield compatible(subject, text)
        if facts["offset"] != other["offset"]:
            where = f"moved from offset {facts['offset']} to {other['offset']}"
            yield breaking(subject, f"{where}: readers built before this change get wrong values")
        yield from compare_fields(f"{name}.{twin[field_name]}", facts, other, pairs.old, pairs.new, pairs.done_enums)
        yield from _inside(pairs, facts, other)
    added = [field_name for field_name in now if field_name not in twin.values()]
    for field_name in added:
        yield _added(f"{name}.{field_name}", now[field_name], old)
    appended = any(now[one]["offset"] >= old["size"] for one in added)
    yield from _sizes(name, old, new, appended, len(before) > len(twin))
    if _paddings(old) != _paddings(new) and not added and old["size"] == new["size"] and len(before) == len(twin):
        yield compatible(name, "has its padding under other names or in other parts: the bytes are the same")


def _inside(pairs: _Pairs, old: Facts, new: Facts) -> Iterator[Change]:
    """The layouts that a nested field or a group is made of."""
    before, now = old.get("of"), new.get("of")
    if before in pairs.old["messages"] and now in pairs.new["messages"]:
        yield from _compare(pairs, str(before), str(now))


def _values(message: Facts) -> dict[str, Facts]:
    return {name: facts for name, facts in message["fields"].items() if not _PAD.fullmatch(facts["type"])}


def _paddings(message: Facts) -> list[tuple[str, int]]:
    return [(name, one["offset"]) for name, one in message["fields"].items() if _PAD.fullmatch(one["type"])]


def _renamed(before: dict[str, Facts], now: dict[str, Facts]) -> dict[str, str]:
    """Fields that have another name and are otherwise where and what they were."""
    fresh = {facts["offset"]: name for name, facts in now.items() if name not in before}
    found = {}
    for name, facts in before.items():
        other = fresh.get(facts["offset"])
        if name not in now and other is not None:
            same = now[other]["size"] == facts["size"] and shape_of(now[other]) == shape_of(facts)
            if same and now[other].get("unit") == facts.get("unit"):
                found[name] = other
    return found


def _gone(facts: Facts, new: Facts) -> str:
    start, end = facts["offset"], facts["offset"] + facts["size"]
    if end > new["size"]:
        return "was removed from the end: readers built before this change refuse what is written now as too short"
    over = [name for name, one in _values(new).items() if one["offset"] < end and start < one["offset"] + one["size"]]
    if over:
        return f"was removed and {over[0]} lies in its place: readers built before this change get wrong values"
    return "was removed and its bytes are padding: readers built before this change get zeros"


def _added(subject: str, facts: Facts, old: Facts) -> Change:
    start, end = facts["offset"], facts["offset"] + facts["size"]
    if start >= old["size"] and _has_data(old):
        text = f"was appended at offset {start}, where data of what was written before begins"
        return breaking(subject, f"{text}: old readers ignore it, the new class reads that data as its value")
    if start >= old["size"]:
        text = f"was appended at the end, at offset {start}: old readers ignore it"
        return one_way(subject, f"{text}; what was written before is refused as too short by the new class")
    under = [name for name, one in _values(old).items() if one["offset"] < end and start < one["offset"] + one["size"]]
    if under or end > old["size"]:
        return breaking(subject, f"was inserted at offset {start}: readers built before this change get wrong values")
    return added_in_padding(subject, facts)


def _sizes(name: str, old: Facts, new: Facts, has_appended: bool, has_lost: bool) -> Iterator[Change]:
    if new["size"] < old["size"] and not has_lost:
        sizes = f"takes {new['size']} bytes and took {old['size']}"
        yield breaking(name, f"{sizes}: readers built before this change refuse what is written now as too short")
    if new["size"] > old["size"] and not has_appended:
        sizes = f"takes {new['size']} bytes and took {old['size']}"
        if _has_data(old) and any(one["offset"] + one["size"] > old["size"] for one in _values(new).values()):
            yield breaking(name, f"{sizes}: the new class reads the data of what was written before as values")
        else:
            yield one_way(name, f"{sizes}: old readers ignore the rest; the new class refuses what was written before")


def _has_data(message: Facts) -> bool:
    """Whether data of a variable size follows the fixed fields."""
    return any(one["type"] in {"bytes", "text"} or shape_of(one) == "group" for one in message["fields"].values())
