"""Annotations taken apart: where their names are found, and what they say about a field."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, ForwardRef, Union, get_args, get_origin

from annotated_types import BaseMetadata, GroupedMetadata

from .types import Doc, FloatType, GroupType, IntType, NonZero

__all__ = ["Declared", "Namespace", "shown", "take_apart"]


@dataclass(frozen=True, slots=True)
class Declared:
    """An annotation taken apart: the plain type, everything that Annotated adds, and ``| None``."""

    base: Any
    metadata: tuple[Any, ...]
    optional: bool = False

    def find(self, kind: type[Any]) -> Any:
        """The last metadata of a class, so that an outer annotation overrides an inner one."""
        return next((one for one in reversed(self.metadata) if isinstance(one, kind)), None)

    @property
    def text(self) -> str:
        """The type for an error text: ``i64``, not ``int``."""
        number = self.find(IntType) or self.find(FloatType)
        return number.name if number and self.base in (int, float) else shown(self.base)

    @property
    def doc(self) -> Doc:
        """All Docs merged: what an outer one leaves out comes from the inner."""
        merged = Doc()
        for one in self.metadata:
            if isinstance(one, Doc):
                merged = Doc(one.text or merged.text, one.unit or merged.unit, one.source or merged.source)
        return merged

    @property
    def constraints(self) -> tuple[Any, ...]:
        """The annotated-types constraints, groups taken apart, each once."""
        said = (NonZero() if one is NonZero else one for one in self.metadata)  # it reads well without ()
        flat = chain.from_iterable(
            one if isinstance(one, GroupedMetadata) else (one,)
            for one in said
            if isinstance(one, BaseMetadata | GroupedMetadata)
        )
        return tuple(dict.fromkeys(flat))


class Namespace:
    """Where the names of annotations are looked up: class body, enclosing scopes, module.

    A caller's frame counts only where its code holds the code of the frame that it called: names
    are looked up where the class is written, not where it happens to be made.
    """

    def __init__(self, body: Mapping[str, Any], module: str, frame: types.FrameType | None) -> None:
        # Code that exec runs has globals of its own, whatever sys.modules holds under their name.
        is_there = frame is not None and frame.f_globals.get("__name__") == module
        self.module = frame.f_globals if frame and is_there else vars(sys.modules.get(module, types))
        self.scopes: dict[str, Any] = {}
        outer: list[Mapping[str, Any]] = [body]
        inner: types.CodeType | None = None
        while frame is not None and frame.f_globals is self.module and frame.f_locals is not self.module:
            if inner is not None and inner not in frame.f_code.co_consts:
                break
            outer.append(frame.f_locals)
            inner, frame = frame.f_code, frame.f_back
        for scope in reversed(outer):
            self.scopes.update(scope)

    def resolve(self, annotation: Any) -> Any:
        """The object that a (possibly quoted) annotation means; raises what evaluation raises."""
        while isinstance(annotation, str | ForwardRef):
            text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
            annotation = eval(text, self.module, self.scopes)
        return annotation


def take_apart(annotation: Any, namespace: Namespace) -> Declared:
    """Unwrap Annotated, aliases and ``| None`` down to the plain type; raises what evaluation raises."""
    annotation = namespace.resolve(annotation)
    metadata: tuple[Any, ...] = ()
    optional = False
    while True:
        inner = _optional_part(annotation)
        if inner is not None:
            optional = True
            annotation = namespace.resolve(inner)
        elif get_origin(annotation) is Annotated:
            base, *extra = get_args(annotation)
            # An alias in the metadata, as in Annotated[Side, u8], stands for what it carries.
            flat = chain.from_iterable(get_args(one)[1:] if get_origin(one) is Annotated else (one,) for one in extra)
            metadata = (*flat, *metadata)
            annotation = namespace.resolve(base)
        else:
            return Declared(annotation, metadata, optional)


def _optional_part(base: Any) -> Any:
    if get_origin(base) not in (Union, types.UnionType):
        return None
    rest = [one for one in get_args(base) if one is not types.NoneType]
    return rest[0] if len(rest) == 1 and len(rest) < len(get_args(base)) else None


def shown(annotation: Any) -> str:
    """An annotation as its author wrote it, more or less: ``i64``, ``tuple[u8, ...]``, ``Group[Level]``."""
    if isinstance(annotation, GroupType):
        return f"Group[{shown(annotation.item)}]"
    if annotation is types.NoneType:
        return "None"
    if annotation is Ellipsis:
        return "..."
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        number = next((one for one in arguments[1:] if isinstance(one, IntType | FloatType)), None)
        return number.name if number else shown(arguments[0])
    if origin in (Union, types.UnionType):
        return " | ".join(map(shown, arguments))
    if origin is not None:
        return f"{shown(origin)}[{', '.join(map(shown, arguments))}]"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
