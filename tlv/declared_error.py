"""Declared errors: a class, a permanent code, a template, typed parameters and the next step.

An error is declared once and everything else follows from the declaration: the text that is
raised, the row in the catalogue, the dictionary that is logged. Three widths of catching::

    DeclaredError            everything that this project raises on purpose
      TLVError               one family (the part of the code before the dash)
        TruncatedError       this one

Where a stock kind fits, an error is also that (``ValueError``, ``TimeoutError``).
"""

from __future__ import annotations

import inspect
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, cast, dataclass_transform

__all__ = ["DeclaredError", "catalogue", "error_from_dict", "error_with_code"]

_CODE = re.compile(r"[A-Z]{3,5}-\d{3}")
_by_code: dict[str, type[DeclaredError]] = {}


@dataclass_transform(kw_only_default=True)
class DeclaredError(Exception):
    """Base of every declared error.

    A subclass with ``code=`` is an error that can be raised; one without is a family, to catch by.
    Its annotations are its parameters; the constructor takes them by keyword only.

    ::

        class FeedError(DeclaredError):
            "Errors of feeds."

        class GapError(
            FeedError,
            ValueError,
            code="FEED-001",
            text="{venue}: update {got} after {expected}",
            next_step="take a new snapshot",
            retryable=True,
        ):
            venue: str
            got: int
            expected: int

        raise GapError(venue="binance", got=7, expected=5)

    Raises ``TypeError`` at import when a code is used twice or has no form ``ABC-001``, when the
    text names an unknown parameter, and when a parameter would hide a part of the API.
    """

    code: ClassVar[str]
    text: ClassVar[str]
    next_step: ClassVar[str]
    retryable: ClassVar[bool]
    parameters: ClassVar[Mapping[str, str]]

    def __init_subclass__(
        cls,
        *,
        code: str | None = None,
        text: str = "",
        next_step: str = "",
        retryable: bool = False,
    ) -> None:
        super().__init_subclass__()
        if code is None:
            return
        own = inspect.get_annotations(cls)
        parameters = {name: _type_name(kind) for name, kind in own.items()}
        _check_declaration(cls, code, text, next_step, parameters)
        cls.code = code
        cls.text = text
        cls.next_step = next_step
        cls.retryable = retryable
        cls.parameters = parameters
        _by_code[code] = cls

    def __init__(self, **values: object) -> None:
        declared = getattr(type(self), "parameters", None)
        if declared is None:
            msg = f"{type(self).__name__} is a family of errors: raise one of its members"
            raise TypeError(msg)
        if values.keys() != declared.keys():
            msg = (
                f"{type(self).__name__} takes {', '.join(declared) or 'nothing'}; got {', '.join(values) or 'nothing'}"
            )
            raise TypeError(msg)
        self.__dict__.update(values)
        super().__init__(self.text.format_map(values))

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of this error by name."""
        return {name: self.__dict__[name] for name in self.parameters}

    def __str__(self) -> str:
        said = f"[{self.code}] {self.args[0]}"
        separator = "\n" if "\n" in said else "; "  # after a list of problems the next step has its own line
        return f"{said}{separator}{self.next_step.format_map(self.values)}" if self.next_step else said

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"{type(self).__name__}({inside})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DeclaredError):
            return NotImplemented
        return type(self) is type(other) and self.values == other.values

    def __hash__(self) -> int:
        return hash((self.code, self.args[0]))

    def __reduce__(self) -> tuple[Any, ...]:
        """Class and parameters, and what was added to it since: notes and other public attributes."""
        added = {
            name: value
            for name, value in self.__dict__.items()
            if name not in self.parameters and (name == "__notes__" or not name.startswith("_"))
        }
        return (_rebuild, (type(self), self.values), added) if added else (_rebuild, (type(self), self.values))

    def to_dict(self) -> dict[str, Any]:
        """Render for a log or a wire: code, error, text, parameters, retryable, next_step.

        Example: ``GapError(...).to_dict()["code"] == "FEED-001"``.
        """
        return {
            "code": self.code,
            "error": type(self).__name__,
            "text": self.args[0],
            "parameters": self.values,
            "retryable": self.retryable,
            "next_step": self.next_step.format_map(self.values),
        }


def catalogue() -> tuple[type[DeclaredError], ...]:
    """Every declared error that has been imported, in the order of the codes."""
    return tuple(_by_code[code] for code in sorted(_by_code))


def error_with_code(code: str) -> type[DeclaredError]:
    """The class declared under ``code``. Raises ``KeyError`` where there is none."""
    return _by_code[code]


def error_from_dict(rendered: Mapping[str, Any]) -> DeclaredError:
    """The inverse of `DeclaredError.to_dict`. Raises ``KeyError`` for an unknown code."""
    return _rebuild(error_with_code(rendered["code"]), rendered["parameters"])


def _rebuild(cls: type[DeclaredError], values: Mapping[str, Any]) -> DeclaredError:
    return cls(**values)


def _type_name(kind: object) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def _placeholders(template: str) -> Iterator[str]:
    for _, name, _, _ in string.Formatter().parse(template):
        if name is not None:
            yield name.partition(".")[0].partition("[")[0]


def _check_declaration(
    cls: type[DeclaredError], code: str, text: str, next_step: str, parameters: Mapping[str, str]
) -> None:
    name = cls.__qualname__
    if not _CODE.fullmatch(code):
        msg = f"{name}: code {code!r} must look like ABC-001"
        raise TypeError(msg)
    taken = _by_code.get(code)
    # A module that is imported again (reload, pickling by another path) declares the same error.
    if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, name):
        msg = f"{name}: code {code} belongs to {cast(type, taken).__qualname__}; codes are never reused"
        raise TypeError(msg)
    if not text:
        msg = f"{name}: text is missing"
        raise TypeError(msg)
    for used in (*_placeholders(text), *_placeholders(next_step)):
        if used not in parameters:
            msg = f"{name}: the template names {used!r}, which is not a parameter"
            raise TypeError(msg)
    for parameter in parameters:
        if hasattr(DeclaredError, parameter) or parameter in DeclaredError.__annotations__:
            msg = f"{name}: a parameter cannot be called {parameter!r}, which is part of every error"
            raise TypeError(msg)
