"""What an annotation of a method means, also where it is a text and names things inside functions."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["Scope", "first_parameter", "needed_besides", "second_parameter"]


class Scope:
    """The names that a class body could see: its own, those of the functions around it, its module's.

    ``from __future__ import annotations`` turns annotations into texts; a text that names a local of
    an enclosing function can only be read while that function runs, which is when the class is made.
    """

    def __init__(self, cls: type[Any]) -> None:
        self._module = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
        self._names = self._enclosing(sys._getframe(1))
        self._names.update(vars(cls))
        self._names.setdefault(cls.__name__, cls)

    def _enclosing(self, frame: FrameType | None) -> dict[str, Any]:
        names: dict[str, Any] = {}
        while frame is not None:
            if frame.f_globals is self._module and frame.f_locals is not frame.f_globals:
                names = {**frame.f_locals, **names}
            frame = frame.f_back
        return names

    def resolve(self, annotation: Any, function: Callable[..., Any]) -> Any:
        """The object that the annotation of ``function`` stands for; raises what evaluating it raises."""
        module = getattr(function, "__globals__", self._module)
        while isinstance(annotation, str):
            annotation = eval(annotation, module, self._names)  # noqa: S307 - what typing.get_type_hints does
        return annotation


def first_parameter(function: Callable[..., Any]) -> inspect.Parameter | None:
    """The first parameter after ``self``, or None where there is none that can be given by position."""
    return _positional(function, 1)


def second_parameter(function: Callable[..., Any]) -> inspect.Parameter | None:
    """The one after that, or None."""
    return _positional(function, 2)


def _positional(function: Callable[..., Any], at: int) -> inspect.Parameter | None:
    parameters = list(inspect.signature(function).parameters.values())[at : at + 1]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return parameters[0] if parameters and parameters[0].kind in positional else None


def needed_besides(function: Callable[..., Any], given: int = 1) -> str:
    """The names of the parameters after those ``given`` that a call cannot leave out; empty where there are none."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    others = list(inspect.signature(function).parameters.values())[given + 1 :]
    return ", ".join(
        repr(other.name) for other in others if other.default is inspect.Parameter.empty and other.kind not in variable
    )
