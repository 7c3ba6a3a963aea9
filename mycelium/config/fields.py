"""Walks the annotations of a config: what lies under a path of keys, whether it is secret, what it is called.

A path is a tuple: field names, keys of dictionaries, positions in lists. ``("pool", "tokens", 0)``.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

__all__ = [
    "NESTING",
    "Path",
    "accepts_none",
    "alternatives",
    "child",
    "fields_by_key",
    "holds_secret",
    "keys",
    "locate",
]

Path = tuple[str | int, ...]
NESTING = "__"


def alternatives(annotation: Any) -> Iterator[Any]:
    """The types that ``annotation`` allows, without the wrapping of unions, aliases and metadata."""
    if hasattr(annotation, "__value__"):  # type Name = ...
        yield from alternatives(annotation.__value__)
    elif get_origin(annotation) is Annotated:
        yield from alternatives(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for inner in get_args(annotation):
            yield from alternatives(inner)
    else:
        yield annotation


def fields_by_key(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by every key that it may be filled under."""
    known: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        known[name] = field
        alias = field.validation_alias or field.alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        known.update((choice, field) for choice in choices if isinstance(choice, str))
    return known


def child(annotation: Any, key: str | int) -> list[Any]:
    """The annotations of what lies under ``key``; none when the type has no such key."""
    return [inner for kind in alternatives(annotation) for inner in _under(kind, key)]


def locate(annotation: Any, path: Path) -> Any:
    """The annotation of what lies under ``path``: as deep as it is declared."""
    for key in path:
        inner = child(annotation, key)
        if not inner:
            return annotation
        annotation = Union[tuple(inner)]  # noqa: UP007  (made at run time)
    return annotation


def keys(annotation: Any) -> set[str] | None:
    """The names that can stand under ``annotation``; None when any can, empty when none can."""
    known: set[str] = set()
    for kind in alternatives(annotation):
        origin = get_origin(kind) or kind
        if kind is Any or is_dataclass(origin) or (isinstance(origin, type) and issubclass(origin, Mapping)):
            return None
        if isinstance(origin, type) and issubclass(origin, BaseModel):
            if origin.model_config.get("extra") == "allow":
                return None
            known.update(fields_by_key(origin))
    return known


def holds_secret(annotation: Any) -> bool:
    """Whether a value of this type is secret, or has a secret somewhere inside."""
    return _holds_secret(annotation, set())


def accepts_none(annotation: Any) -> bool:
    """Whether the type names None as a value."""
    return any(kind is None or kind is type(None) for kind in alternatives(annotation))


def _under(kind: Any, key: str | int) -> tuple[Any, ...]:
    origin = get_origin(kind) or kind
    if kind is Any:
        return (Any,)
    if not isinstance(origin, type) or issubclass(origin, (str, bytes)):
        return ()
    if issubclass(origin, BaseModel):
        field = fields_by_key(origin).get(str(key))
        if field is not None:
            return (field.annotation,)
        return (Any,) if origin.model_config.get("extra") == "allow" else ()
    if is_dataclass(origin):
        return (Any,)  # pydantic knows its fields, and refuses the others
    arguments = get_args(kind) or (Any,)
    if issubclass(origin, Mapping):
        return arguments[-1:]
    if isinstance(key, int) and issubclass(origin, (Sequence, AbstractSet)):
        return tuple(argument for argument in arguments if argument is not ...)
    return ()


def _holds_secret(annotation: Any, seen: set[int]) -> bool:
    for kind in alternatives(annotation):
        if hasattr(get_origin(kind) or kind, "get_secret_value"):
            return True
        if any(_holds_secret(inner, seen) for inner in get_args(kind)):
            return True
        if isinstance(kind, type) and issubclass(kind, BaseModel) and id(kind) not in seen:
            seen.add(id(kind))  # models may contain themselves
            if any(_holds_secret(field.annotation, seen) for field in kind.model_fields.values()):
                return True
    return False
