"""What a change of a message does to its bytes, read by those who were built before it and the other way round.

The rules are those of docs/evolution.md; tests/test_tlv_evolution.py reads real bytes for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .change import Change, breaking, compatible, one_way
from .fields import added_in_padding, compare_fields, shape_of
from .lock import Facts, Lock

__all__ = ["compare_messages"]

_PAD = re.compile(r"pad\[\d+\]")

#: How many bytes of padding lie behind a layout that is nested in another one, before and now: what it may take.
Behind = tuple[int, int]


@dataclass
class _Pairs:
    """The messages of two locks that are one to those who read them, each compared once."""

    old: Lock
    new: Lock
    done: set[tuple[str, str, Behind]] = field(default_factory=set)
    done_enums: set[tuple[str, str]] = field(default_factory=set)


def compare_messages(old: Lock, new: Lock, names: Mapping[str, str]) -> Iterator[Change]:
    """The changes of all messages, of the layouts inside them, and of their enums.

    ``names`` says which is which; a layout that lies in others is looked at where it lies.
    """
    pairs = _Pairs(old, new)
    before, now = old["messages"], new["messages"]
    for name in sorted(names, key=lambda one: "type" not in before[one]):
        if "type" in before[name] or name not in {one for one, _, _ in pairs.done}:
            yield from _compare(pairs, name, names[name])
    matched_old, matched_new = ({pair[place] for pair in pairs.done} for place in (0, 1))
    missing = [name for name in before if name not in matched_old]
    for name in missing:
        if name in now:
            kind = "is a plain layout now: readers built before wait for type {type}" if "type" in before[name] else ""
            yield breaking(name, kind.format_map(before[name]) or "has a wire type now: as a plain layout it is gone")
        else:
            yield breaking(name, "was removed: nobody writes it for those who read it, nor reads what was written")
    for name in now:
        if name not in matched_new and not (name in missing and name in now):
            yield compatible(name, "is new: readers built before pass over it")


def _compare(pairs: _Pairs, before: str, now: str, behind: Behind = (0, 0)) -> Iterator[Change]:
    if (before, now, behind) in pairs.done:
        return
    pairs.done.add((before, now, behind))
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
    yield from _fields(pairs, now, old, new, behind)


def _rule(name: str, old: Facts, new: Facts) -> Iterator[Change]:
    before, now = old.get("validate"), new.get("validate")
    if before == now:
        return
    if before is None:
        yield one_way(name, "has a rule across fields now", "validated, what was written before may be refused")
    elif now is None:
        yield breaking(name, "has no rule across fields any more: readers built before may refuse what is allowed now")
    else:
        text = "has another rule across fields: readers built before may refuse what is allowed now, and the other way round"
        yield breaking(name, text)


def _fields(pairs: _Pairs, name: str, old: Facts, new: Facts, behind: Behind) -> Iterator[Change]:
    before, now = _values(old), _values(new)
    renamed = _renamed(before, now)
    twin = {field_name: field_name for field_name in before if field_name in now} | renamed
    for field_name, facts in before.items():
        subject = f"{name}.{field_name}"
        if field_name not in twin:
            yield breaking(subject, _gone(facts, new, behind[1]))
            continue
        other = now[twin[field_name]]
        if field_name in renamed:
            text = f"is called {renamed[field_name]} now: the bytes are the same, code and JSON that name it have to change"
            yield compatible(subject, text)
        if facts["offset"] != other["offset"]:
            where = f"moved from offset {facts['offset']} to {other['offset']}"
            yield breaking(subject, f"{where}: readers built before this change get wrong values")
        yield from compare_fields(f"{name}.{twin[field_name]}", facts, other, pairs.old, pairs.new, pairs.done_enums)
        rooms = (_padding_behind(facts, old, behind[0]), _padding_behind(other, new, behind[1]))
        yield from _inside(pairs, facts, other, rooms)
    added = [field_name for field_name in now if field_name not in twin.values()]
    for field_name in added:
        yield _added(f"{name}.{field_name}", now[field_name], old, behind[0])
    appended = any(_end(now[one]) > old["size"] + behind[0] for one in added)
    if not appended and new["size"] - old["size"] > behind[0]:
        yield _longer(name, old, new)
    if len(before) == len(twin) and old["size"] - new["size"] > behind[1]:
        yield breaking(name, f"{_both_sizes(old, new)}: readers built before this change refuse it as too short now")
    if _paddings(old) != _paddings(new) and not added and old["size"] == new["size"] and len(before) == len(twin):
        yield compatible(name, "has its padding under other names or in other parts: the bytes are the same")


def _inside(pairs: _Pairs, old: Facts, new: Facts, behind: Behind) -> Iterator[Change]:
    """The layouts that a nested field or a group is made of. Items of a group and of an array have no room behind."""
    before, now = old.get("of"), new.get("of")
    if before in pairs.old["messages"] and now in pairs.new["messages"]:
        yield from _compare(pairs, str(before), str(now), behind if shape_of(new) == "layout" else (0, 0))


def _padding_behind(facts: Facts, message: Facts, behind: int) -> int:
    """How many bytes behind a field nothing lies in, also behind the message that it is in."""
    nexts = [one["offset"] for one in _values(message).values() if one["offset"] >= _end(facts)]
    return int(min(nexts, default=message["size"] + behind) - _end(facts))


def _end(facts: Facts) -> int:
    return int(facts["offset"] + facts["size"])


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


def _gone(facts: Facts, new: Facts, behind: int) -> str:
    start, end = facts["offset"], _end(facts)
    if end > new["size"] + behind:
        return "was removed from the end: readers built before this change refuse what is written now as too short"
    over = [name for name, one in _values(new).items() if one["offset"] < end and start < one["offset"] + one["size"]]
    if over:
        return f"was removed and {over[0]} lies in its place: readers built before this change get wrong values"
    return "was removed and its bytes are padding: readers built before this change get zeros"


def _added(subject: str, facts: Facts, old: Facts, behind: int) -> Change:
    start, end = facts["offset"], _end(facts)
    if any(one["offset"] < end and start < _end(one) for one in _values(old).values()):
        return breaking(subject, f"was inserted at offset {start}: readers built before this change get wrong values")
    if end <= old["size"] + behind:
        return added_in_padding(subject, facts)
    if _has_data(old):
        text = f"was appended at offset {start}, where data of what was written before begins"
        return breaking(subject, f"{text}: old readers ignore it, the new class reads that data as its value")
    text = f"was appended at the end, at offset {start}: old readers ignore it"
    return one_way(subject, text, "the new class refuses what was written before as too short")


def _longer(name: str, old: Facts, new: Facts) -> Change:
    if _has_data(old) and any(_end(one) > old["size"] for one in _values(new).values()):
        text = f"{_both_sizes(old, new)}: the new class reads the data of what was written before as values"
        return breaking(name, text)
    text = f"{_both_sizes(old, new)}: old readers ignore the rest"
    return one_way(name, text, "the new class refuses what was written before as too short")


def _both_sizes(old: Facts, new: Facts) -> str:
    return f"takes {new['size']} bytes and took {old['size']}"


def _has_data(message: Facts) -> bool:
    """Whether data of a variable size follows the fixed fields."""
    return any(one["type"] in {"bytes", "text"} or shape_of(one) == "group" for one in message["fields"].values())
