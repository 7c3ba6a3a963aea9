"""Any buffer as a flat memoryview of bytes."""

from __future__ import annotations

from typing import Any

from .errors import BufferTypeError

__all__ = ["as_buffer"]


def as_buffer(source: Any, message: str) -> memoryview:
    """A memoryview of ``source`` with one byte an item; it keeps the exporter alive and its size
    fixed. Raises `BufferTypeError` when the source is no buffer, not contiguous or released.
    """
    try:
        view = memoryview(source)
        if view.format == "B" and view.ndim == 1 and view.c_contiguous:
            return view
        if view.nbytes == 0:
            return memoryview(b"")
        return view.cast("B")
    except (TypeError, ValueError, BufferError) as cause:
        raise BufferTypeError(message=message, kind=type(source).__name__, reason=str(cause)) from cause
