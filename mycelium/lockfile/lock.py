"""The lock itself: what was promised, as tables, and how it is written and read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mycelium.errors.contract import LockFormatError, LockUnreadableError

from .toml import toml_text

__all__ = ["FORMAT", "SECTIONS", "Facts", "Lock"]

#: The number of the format. It changes when a reader of before would misunderstand the file.
FORMAT = 1

#: The tables, in the order in which they stand in the file.
SECTIONS = ("limits", "domains", "messages", "enums", "sets", "actors", "routes", "configs", "errors")

#: What one section says: a name, and what is true of it.
Facts = dict[str, Any]


#: What git leaves where both sides of a merge changed a line.
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """Everything that a target promises to others. Equal promises are equal texts."""

    targets: tuple[str, ...]
    sections: Mapping[str, Facts] = field(default_factory=dict)

    def __getitem__(self, section: str) -> Facts:
        return self.sections.get(section, {})

    def to_toml(self) -> str:
        """The file."""
        command = f"mycelium contract lock {' '.join(self.targets)}"
        head = f"# What others rely on. Written by `{command}`; `mycelium contract check` compares the code with it.\n"
        told = {name: self[name] for name in SECTIONS if self[name]}
        return head + toml_text({"format": FORMAT, "targets": list(self.targets), **told})

    @classmethod
    def from_toml(cls, text: str, file: str) -> Lock:
        """The lock that a file holds. Raises `LockFormatError` and `LockUnreadableError`."""
        if conflict := _CONFLICT.search(text):
            line = text.count("\n", 0, conflict.start()) + 1
            raise LockUnreadableError(file=file, reason=f"line {line} is a mark of a merge that is not finished")
        try:
            told = tomllib.loads(text)
        except tomllib.TOMLDecodeError as cause:
            raise LockUnreadableError(file=file, reason=f"it is no TOML ({cause})") from cause
        if "format" not in told:
            raise LockUnreadableError(file=file, reason="it does not say its format")
        if told["format"] != FORMAT:
            raise LockFormatError(file=file, found=repr(told["format"]), known=FORMAT)
        targets = told.get("targets")
        if not isinstance(targets, list) or not all(isinstance(one, str) for one in targets):
            raise LockUnreadableError(file=file, reason="targets is not a list of names")
        unknown = sorted(told.keys() - {"format", "targets", *SECTIONS})
        if unknown:
            raise LockUnreadableError(file=file, reason=f"it has a part that is not known here, {unknown[0]!r}")
        sections = {name: told.get(name, {}) for name in SECTIONS}
        for name, facts in sections.items():
            _check(file, name, facts)
        return cls(tuple(targets), sections)


#: What an entry of each section has to say, and what each field of a message.
_NEEDED: dict[str, tuple[tuple[str, type], ...]] = {
    "messages": (("version", int), ("byteorder", str), ("size", int), ("digest", str), ("fields", dict)),
    "sets": (("domain", str), ("members", list)),
    "actors": (("handles", dict), ("emits", list), ("mailbox", dict)),
    "configs": (("type", str), ("config", str)),
    "errors": (("class", str), ("parameters", dict), ("also", list), ("retry", bool)),
    "enums": (),
}
_FIELD = (("offset", int), ("size", int), ("type", str))


def _check(file: str, section: str, facts: Any) -> None:
    if not isinstance(facts, dict):
        raise LockUnreadableError(file=file, reason=f"{section} is not a table")
    if section not in _NEEDED:
        return
    for name, told in facts.items():
        _check_entry(file, f"{section}.{name}", told, _NEEDED[section])
        if section == "messages":
            for field_name, one in told["fields"].items():
                _check_entry(file, f"messages.{name}.fields.{field_name}", one, _FIELD)


def _check_entry(file: str, where: str, told: Any, needed: tuple[tuple[str, type], ...]) -> None:
    if not isinstance(told, dict):
        raise LockUnreadableError(file=file, reason=f"{where} is not a table")
    for key, kind in needed:
        if not isinstance(told.get(key), kind):
            raise LockUnreadableError(file=file, reason=f"{where} does not say its {key}")
