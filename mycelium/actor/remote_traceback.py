"""What an error tells on its way from a handler to the one who asked: by whom it was raised, and where.

The error itself is passed on, so class, code and parameters are those of the handler's. What would
be lost between two processes, its traceback, is kept as text.
"""

from __future__ import annotations

from contextlib import suppress
from traceback import TracebackException
from types import TracebackType

__all__ = ["sign"]


def sign(error: BaseException, actor: str, message: str) -> None:
    """Add a note that names the actor and the message, and the traceback up to here as ``error.remote_traceback``.

    An error that passes through several actors has a note of each, and the traceback of the last, which holds the others.
    """
    note = f"raised by actor {actor} while it handled {message}"
    with suppress(AttributeError, TypeError):  # a class whose instances take no attributes, or whose notes are its own
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
    with suppress(AttributeError, TypeError):
        error.remote_traceback = _told(error)  # type: ignore[attr-defined]


def _told(error: BaseException) -> str:
    told = TracebackException(type(error), error, _from_the_handler_on(error.__traceback__))
    told.__notes__ = None  # those who print the error see its notes beside this
    return "".join(told.format())


def _from_the_handler_on(trace: TracebackType | None) -> TracebackType | None:
    """Without the calls of the framework that lead to the handler, where there are others."""
    at = trace
    while at is not None and at.tb_frame.f_globals.get("__name__", "").startswith("mycelium."):
        at = at.tb_next
    return at or trace
