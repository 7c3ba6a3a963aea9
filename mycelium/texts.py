"""The text of values that may fail to tell it: a log or a report never fails because of them."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["text_of"]


def text_of(value: object, render: Callable[[object], str] = str) -> str:
    """``str(value)``, or what can be said of a value whose own ``__str__`` or ``__repr__`` raises."""
    try:
        return render(value)
    except Exception as error:
        return f"<{type(value).__name__}, whose text cannot be shown: {type(error).__name__}>"
