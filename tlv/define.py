"""Messages whose layout is known only at run time."""

from __future__ import annotations

import builtins
import keyword
import sys
from collections.abc import Mapping
from typing import Any

from .errors import DeclarationError
from .kinds import ByteOrder
from .message import TLV
from .message_type import MessageType

__all__ = ["define_tlv"]


def define_tlv(
    name: str,
    fields: Mapping[str, Any],
    *,
    type: int | None = None,
    version: int = 1,
    byteorder: ByteOrder = "little",
    doc: str = "",
    module: str | None = None,
) -> builtins.type[Any]:
    """Declare a message by a call; the same as a class with these annotations.

    ::

        Trade = define_tlv("Trade", {"price": i64, "venue": (u32, 0)}, type=1000)

    Args:
        name: Name of the class.
        fields: Names and types in order, or pairs of type and default.
        type: Wire type, or none for a plain layout.
        version: Schema version.
        byteorder: "little" or "big".
        doc: Docstring of the class.
        module: Module that the class belongs to (where pickle looks for it), by default the caller's.

    Raises `DeclarationError` as the class statement does.
    """
    frame = sys._getframe(1)
    annotations: dict[str, Any] = {}
    namespace: dict[str, Any] = {
        "__module__": module or frame.f_globals.get("__name__", __name__),
        "__qualname__": name,
        "__doc__": doc or None,
        "__annotations__": annotations,
    }
    if not str(name).isidentifier() or keyword.iskeyword(name):
        raise DeclarationError(
            where="define_tlv", reason=f"{name!r} is no name of a class", remedy="choose one that Python can write"
        )
    for field, declared in fields.items():
        if not isinstance(declared, tuple):
            annotations[field] = declared
        elif len(declared) == 2:
            annotations[field], namespace[field] = declared
        else:
            raise DeclarationError(
                where=f"{name}.{field}",
                reason=f"{len(declared)} values stand where a type and a default belong",
                remedy="write (u32, 0), or the type alone",
            )
    made: Any = MessageType(name, (TLV,), namespace, type=type, version=version, byteorder=byteorder, scope=frame)
    return made  # type: ignore[no-any-return]
