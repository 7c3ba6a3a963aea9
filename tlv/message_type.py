"""The metaclass that compiles declarations, and the steps from a class body to a message class."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, dataclass_transform

from . import codegen
from .annotations import Namespace
from .constraints import run_rule
from .declaration import lay_out
from .errors import DeclarationError
from .implementation import compiled, native, running
from .kinds import ByteOrder
from .layout import Layout
from .types import padding

__all__ = ["MessageType"]

if TYPE_CHECKING or running == "python":
    functions = codegen
elif running == "legacy":
    from . import legacy as functions
else:
    from . import native_core as functions

#: Where the type id must lie; 0 is never a type.
TYPE_ID_MAX = 65_535

#: Names that a field cannot have: those of TLV, and what generated code calls its arguments.
_api = {"self", "emplace", "mro"}

#: What the class statement makes, so that a body cannot.
_MADE = frozenset(
    {"__init__", "__match_args__", "__new__", "__slots__", "emplace", "layout", "read_from", "ref_from"}
    | {"ref_from_validated", "type_id"}
)


def build_class(
    mcs: Any,
    name: str,
    bases: tuple[type, ...],
    namespace: dict[str, Any],
    *,
    type: int | None = None,
    version: int = 1,
    byteorder: ByteOrder | None = None,
    scope: Any = None,
) -> Any:
    """What `MessageType` does, in either implementation: reads the declaration and makes the class."""
    messages = [one for one in bases if isinstance(one, MessageType)]
    if not messages:
        root = functions.new_root(mcs, name, bases, namespace)
        _api.update(one for one in dir(root) if not one.startswith("__"))
        return root
    if len(messages) > 1:
        raise DeclarationError(
            where=name, reason="it has two messages as bases", remedy="nest one of them, or repeat its fields"
        )
    _check_class(name, bases, namespace, type, version, byteorder)
    inherited = messages[0].layout
    order: ByteOrder = byteorder or inherited.byteorder
    if order != inherited.byteorder and inherited.fields:
        raise DeclarationError(where=name, reason="its base has another byte order", remedy="repeat the fields instead")
    annotations = _annotations(namespace)
    fields = lay_out(
        name,
        annotations,
        namespace,
        Namespace(namespace, namespace.get("__module__", ""), scope or sys._getframe(1)),
        reserved=frozenset(_api),
        byteorder=order,
        inherited=inherited.fields,
    )
    size = sum(field.size for field in fields)
    layout = Layout(name, type, version, order, size, fields)
    for field in fields:
        namespace.pop(field.name, None)
    namespace["__slots__"] = ()
    namespace["__match_args__"] = tuple(field.name for field in layout.values)
    namespace["layout"] = layout
    namespace["type_id"] = type
    rule = namespace.get("validate")
    if rule is not None:
        namespace["validate"] = run_rule(rule)
    plan = functions.prepare(namespace, layout)
    cls: Any = functions.new_class(mcs, name, bases, namespace)
    functions.finish(cls, layout, plan)
    return cls


build_class.__qualname__ = "MessageType.__new__"  # what Python's own errors about class keywords name


@compiled
@dataclass_transform(frozen_default=True, field_specifiers=(padding,))
class MessageType(type):
    """Compiles a class body into a layout and the functions that work on it.

    A metaclass, because only it can give the class ``__slots__``: a message has two slots and no
    ``__dict__``, which makes it immutable without a slow ``__setattr__``.
    """

    layout: Layout
    type_id: int | None

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **keywords: Any) -> Any:
        keywords.setdefault("scope", sys._getframe(1))
        return build_class(mcs, name, bases, namespace, **keywords)

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any) -> None:
        super().__init__(name, bases, namespace)

    def __repr__(cls) -> str:
        return f"<message {cls.__module__}.{cls.__qualname__}>"


def _annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    declared: dict[str, Any] = namespace.get("__annotations__", {})
    return declared


def _check_class(
    name: str,
    bases: tuple[type, ...],
    namespace: dict[str, Any],
    type_id: int | None,
    version: int,
    byteorder: ByteOrder | None,
) -> None:
    problem = None
    made = sorted(_MADE & (namespace.keys() - _annotations(namespace).keys()))
    if type_id is not None and (type(type_id) is not int or not 1 <= type_id <= TYPE_ID_MAX):
        problem = (f"type={type_id!r} is no wire type", f"choose a number from 1 to {TYPE_ID_MAX}")
    elif type(version) is not int or not 0 <= version <= 255:
        problem = (f"version={version!r} is no schema version", "choose a number from 0 to 255")
    elif byteorder not in (None, "little", "big"):
        problem = (f"byteorder={byteorder!r} is unknown", 'write "little" or "big"')
    elif made:
        problem = (f"messages make their own {', '.join(made)}", "remove it; use defaults, or a method of another name")
    elif any(_adds_state(base) for base in bases):
        problem = ("a base of it gives its instances a __dict__ or slots", "give that base an empty __slots__")
    if problem:
        raise DeclarationError(where=name, reason=problem[0], remedy=problem[1])


def _adds_state(base: Any) -> bool:
    """Whether instances of a base hold more than a message does: they could be changed."""
    return not isinstance(base, MessageType) and bool(
        base.__dictoffset__ or base.__weakrefoffset__ or base.__basicsize__ > object.__basicsize__
    )


if native is not None:
    native.register(build=build_class)
