"""Sets up structlog for a program: console lines on a terminal, JSON lines elsewhere, to stderr.

Every line names actor and node where it has them. What other libraries (pykka among them) log
through the standard library comes out the same way.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from mycelium.colour import is_colourless
from mycelium.imports.light_structlog import structlog
from tlv.declared_error import DeclaredError

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["LOG_LEVELS", "configure_logging", "plain_tracebacks", "reset_logging"]

_LOGGED = "__mycelium_logged__"

LOG_LEVELS = ("debug", "info", "warning", "error")


def configure_logging(
    level: str = "info", *, node: str = "", as_json: bool | None = None, tracebacks: bool = False
) -> None:
    """Log from ``level`` up; ``node`` is named in every line that names none.

    ``as_json`` chooses the form; by default it is JSON unless stderr is a terminal. A declared error
    is logged by its text; with ``tracebacks``, or at level debug, by its traceback too, as every other
    error is. Calling it again replaces what was set up before.
    """
    form_json = not sys.stderr.isatty() if as_json is None else as_json
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if form_json else "%H:%M:%S.%f", utc=form_json),
        _NodeName(node),
        _ErrorText(tracebacks=tracebacks or number <= logging.DEBUG),
    ]
    last: list[Processor] = (
        [_dict_tracebacks(), structlog.processors.JSONRenderer(default=str)]
        if form_json
        else [_short_time, _place, _console_renderer()]
    )
    reset_logging()
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_StderrLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
    )
    handler = _StderrHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING) if number > logging.DEBUG else number)


def reset_logging() -> None:
    """Undo `configure_logging`."""
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _StderrHandler)]:
        root.removeHandler(handler)
        root.setLevel(logging.WARNING)


def plain_tracebacks() -> None:
    """In a program that has not set up structlog: print tracebacks as Python does.

    By default structlog has rich draw them, with all locals. That takes up to seconds for one
    actor that fails, and a dispatcher serves nobody else meanwhile.
    """
    if not structlog.is_configured():
        structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback


class _NodeName:
    """Adds the name of the node to lines that do not name one."""

    def __init__(self, node: str) -> None:
        self._node = node

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        del logger, method
        if self._node:
            event.setdefault("node", self._node)
        return event


class _ErrorText:
    """Logs declared errors by their text, and remembers which errors were logged."""

    def __init__(self, *, tracebacks: bool) -> None:
        self._tracebacks = tracebacks

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        del logger, method
        error = _error_in(event.get("exc_info"))
        if error is None:
            return event
        _mark_logged(error)
        if isinstance(error, DeclaredError):
            event["error"] = str(error)
            if not self._tracebacks:
                del event["exc_info"]
        return event


def _error_in(exc_info: object) -> BaseException | None:
    found = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if found is True:
        found = sys.exc_info()[1]
    return found if isinstance(found, BaseException) else None


def _mark_logged(error: BaseException) -> None:
    error.__dict__[_LOGGED] = True


def _dict_tracebacks() -> Processor:
    """Without local variables, which may hold secrets and make long lines."""
    transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return structlog.processors.ExceptionRenderer(transform)


def _short_time(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Milliseconds are enough for eyes."""
    del logger, method
    event["timestamp"] = str(event["timestamp"])[:12]
    return event


def _place(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Node and actor in one column."""
    del logger, method
    where = [str(name) for name in (event.pop("node", None), event.pop("actor", None)) if name]
    if where:
        event["logger"] = "/".join(where)
    return event


def _console_renderer() -> structlog.dev.ConsoleRenderer:
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty() and not is_colourless(), exception_formatter=plain, pad_event_to=0, sort_keys=False
    )


class _StderrLogger:
    """Writes whole lines to whatever stderr is at that moment: a live display may stand in front of it."""

    def __init__(self, *_: Any) -> None:
        pass

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError):  # a full disk or a closed terminal must not kill the actor that logs
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()

    log = debug = info = warn = warning = error = err = exception = critical = fatal = failure = msg


class _StderrHandler(logging.StreamHandler[TextIO]):
    """The same for the standard library's loggers."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.addFilter(_is_news)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def _is_news(record: logging.LogRecord) -> bool:
    """Not pykka's own line about an error which our actor has logged with its message before."""
    error = _error_in(record.exc_info)
    return record.name != "pykka" or error is None or _LOGGED not in error.__dict__
