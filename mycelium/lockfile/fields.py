"""One field of a message before and now: its kind, enum, unit, rules and default."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .change import Change, breaking, compatible, one_way
from .lock import Facts, Lock
from .rules import allows, allows_zero

__all__ = ["added_in_padding", "compare_fields", "shape_of"]

_ENUM = re.compile(r"\w+:(?=[iu]\d)")
_GROUP = re.compile(r"group\[\w+\]")


def shape_of(facts: Facts) -> str:
    """The kind without the names of classes: what is the same in two fields whose bytes mean the same."""
    kind = str(facts["type"])
    if _GROUP.fullmatch(kind):
        return "group"
    if _ENUM.search(kind):
        return _ENUM.sub("", kind)
    return re.sub(r"^\w+", "layout", kind) if "of" in facts else kind


def compare_fields(
    subject: str, old: Facts, new: Facts, before: Lock, now: Lock, done_enums: set[tuple[str, str]]
) -> Iterator[Change]:
    """The changes of a field that both locks have; where it lies, and layouts inside of it, are not looked at."""
    if shape_of(old) != shape_of(new):
        yield breaking(subject, f"is {new['type']} and was {old['type']}: both sides read wrong values")
        return
    if old["size"] != new["size"] and shape_of(old).endswith("]"):
        sizes = f"has elements of another size ({old['size']} bytes in all, {new['size']} now)"
        yield breaking(subject, f"{sizes}: all but the first are read wrong")
    enums = (old.get("of"), new.get("of"))
    if enums[0] in before["enums"] or enums[1] in now["enums"]:
        yield from _compare_enums(subject, enums, before, now, done_enums)
    if old.get("unit") != new.get("unit"):
        units = f"counts {new.get('unit') or 'nothing that is told'} and counted {old.get('unit') or 'nothing told'}"
        if old.get("unit") and new.get("unit"):
            yield breaking(subject, f"{units}: the same number means something else")
        else:
            yield compatible(subject, units)
    for key, what in (("rules", ""), ("element_rules", "elements: ")):
        yield from _compare_rules(subject, old.get(key, []), new.get(key, []), str(new["type"]), what)
    if old.get("default") != new.get("default"):
        text = f"has the default {new.get('default', 'none')} and had {old.get('default', 'none')}"
        yield compatible(subject, f"{text}: only those who build messages see it")


def added_in_padding(subject: str, facts: Facts) -> Change:
    """A field where zeros were: right if zero bytes mean what a sender that did not know it would have said."""
    told = f"lies in what was padding, at offset {facts['offset']}: old readers ignore it"
    if not _zeros_are_meant(facts):
        return breaking(subject, f"{told}, but what was written before reads as zeros there, which nobody meant")
    if not allows_zero(facts.get("rules", [])) or not allows_zero(facts.get("element_rules", [])):
        return one_way(subject, told, "what was written before has zeros there, which its rules refuse")
    return compatible(subject, f"{told}; what was written before reads as zero")


def _zeros_are_meant(facts: Facts) -> bool:
    kind, default = str(facts["type"]), facts.get("default")
    optional = re.search(r"\?(\((?P<null>.*)\))?$", kind)
    if optional is None:
        return default is None or _is_zero(default)
    null_is_zero = _is_zero(optional["null"]) if optional["null"] else kind.startswith("bytes[")
    return null_is_zero and default in {None, "null"}


def _is_zero(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return _all_zero(value)


def _all_zero(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(map(_all_zero, value.values() if isinstance(value, dict) else value))
    if isinstance(value, str):  # bytes as 0x00, decimals as 0.00, b'\x00' as it is written in a declaration
        return not value.replace("\\x00", "").removeprefix("0x").strip("0.-b'\"")
    return value is not None and not value


def _compare_enums(
    subject: str, names: tuple[Any, Any], before: Lock, now: Lock, done: set[tuple[str, str]]
) -> Iterator[Change]:
    old, new = before["enums"].get(names[0]), now["enums"].get(names[1])
    if old is None or new is None:
        yield compatible(
            subject, f"is {names[1] or 'a number'} and was {names[0] or 'a number'}: the numbers are the same"
        )
        return
    if names[0] != names[1]:
        yield compatible(subject, f"is of {names[1]} and was of {names[0]}: the numbers are the same")
    if (names[0], names[1]) in done:
        return
    done.add((names[0], names[1]))
    numbers = {number: name for name, number in new.items()}
    for name, number in old.items():
        member = f"{names[1]}.{name}"
        if name in new:
            if new[name] != number:
                text = f"is {new[name]} and was {number}: each side takes it for something else"
                yield breaking(member, text)
        elif number in numbers and numbers[number] not in old:
            yield compatible(member, f"is called {numbers[number]} now: the number {number} is the same")
        elif number not in numbers:
            yield compatible(member, f"was removed: {number} is read as a number without a name")
    known = set(old.values())
    for name, number in new.items():
        if name not in old and number not in known:
            yield compatible(f"{names[1]}.{name}", f"is new: readers built before read the number {number}")


def _compare_rules(subject: str, old: list[str], new: list[str], kind: str, what: str) -> Iterator[Change]:
    if sorted(old) == sorted(new):
        return
    tells = f"{what}is {' and '.join(new) or 'free'} and was {' and '.join(old) or 'free'}"
    if not allows(old, new, kind):
        yield breaking(subject, f"{tells}: readers built before this change refuse what is allowed now")
    elif not allows(new, old, kind):
        yield one_way(subject, tells, "validated, what was written before may be refused")
    else:
        yield compatible(subject, f"{tells}: the same values are allowed")
