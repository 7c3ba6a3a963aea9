"""Turns what pydantic found in a part of a topology into declared problems with file and key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mycelium.errors.topology import TopologyValueError, UnknownKeyError
from mycelium.nearest import did_you_mean
from tlv import DeclaredError

__all__ = ["key_text", "keys_of", "problems_of"]

_SECTIONS_OF_TWO = ("actors", "dispatchers", "nodes", "supervisors")


def key_text(*path: str | int) -> str:
    """A key the way the file shows it: ``[actors.tape.config] window_s``, ``[[venues]] 2 id``."""
    if path and path[0] == "venues":
        return " ".join(["[[venues]]", *(f"no. {part + 1}" if isinstance(part, int) else part for part in path[1:])])
    words = [_quoted(str(part)) for part in path]
    if not words:
        return "the file"
    if words[0] in _SECTIONS_OF_TWO:
        depth = 3 if len(words) > 2 and words[2] == "config" else 2
        section, rest = words[:depth], words[depth:]
        return " ".join([f"[{'.'.join(section)}]", *([".".join(rest)] if rest else [])])
    return " ".join([f"[{words[0]}]", *([".".join(words[1:])] if len(words) > 1 else [])])


def _quoted(word: str) -> str:
    """A part of a key; in quotes, and on one line, where TOML has it in quotes."""
    return word if re.fullmatch(r"[A-Za-z0-9_-]+", word) else json.dumps(word, ensure_ascii=False)


def problems_of(
    error: ValidationError, file: str, model: type[BaseModel], prefix: tuple[str | int, ...] = ()
) -> list[DeclaredError]:
    """One declared problem for each thing that pydantic refused."""
    return [_problem(found, file, model, prefix) for found in error.errors()]


def _problem(found: Any, file: str, model: type[BaseModel], prefix: tuple[str | int, ...]) -> DeclaredError:
    where: tuple[str | int, ...] = (*prefix, *(part for part in found["loc"] if not str(part).startswith("is-")))
    if found["type"] == "extra_forbidden":
        name = str(where[-1])
        section = _section_of(model, found["loc"][:-1])
        elsewhere: Mapping[str, str] = getattr(section, "elsewhere", {})
        hint = elsewhere.get(name) or did_you_mean(name, keys_of(section), "keys of this section")
        return UnknownKeyError(file=file, key=key_text(*where[:-1]), name=name, hint=hint)
    if found["type"] == "missing":
        problem = "this key is missing"
    else:
        said = _expected(found) or str(found["msg"]).removeprefix("Value error, ")
        problem = said if found["type"] == "value_error" else f"{said}, got {found['input']!r}"
    return TopologyValueError(file=file, key=key_text(*where), problem=problem)


#: What a file is to say in place of a value of another type, by the beginning of pydantic's name for it.
_EXPECTED = {
    "string": "a text is expected, in quotes",
    "bool": "true or false is expected, without quotes",
    "int": "a whole number is expected, without quotes",
    "float": "a number is expected, without quotes",
    "dict": "a section is expected, or { key = value }",
    "model": "a section is expected, or { key = value }",
}


def _expected(found: Any) -> str:
    """What to write where a value is of another type; empty for all else that may be wrong with it."""
    kind, _, what = str(found["type"]).partition("_")
    if what not in {"type", "parsing", "from_float"}:
        return ""
    if kind in {"tuple", "list", "set", "frozen_set"}:
        given = found["input"]
        shown = json.dumps(given, ensure_ascii=False) if isinstance(given, str) else "..."
        return f"a list is expected, in brackets: write [{shown}]"
    return _EXPECTED.get(kind, "")


def _section_of(model: type[BaseModel], path: Iterable[str | int]) -> type[BaseModel]:
    """The model of the section at this path below ``model``."""
    for part in path:
        for name, field in model.model_fields.items():
            if part in {name, *getattr(field.validation_alias, "choices", ())}:
                kinds = (field.annotation, *get_args(field.annotation))
                model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a section as a file spells them."""
    keys = []
    for name, field in model.model_fields.items():
        choices = getattr(field.validation_alias, "choices", None)
        keys.append(str(choices[0]) if choices else name)
    return keys
