"""Messages as NumPy columns over their own bytes. NumPy is imported when a column is first asked for.

Integers of up to 64 bits, floats and bools are columns of their own type; wider integers come as
an array of unsigned 64-bit limbs in the byte order of the message, or of bytes where the width is
no multiple of 64; decimals, enums and optionals as their stored numbers; bytes as arrays of u1.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .composites import ArrayKind, NestedKind, OptionalKind
from .errors import ColumnsShapeError, ColumnsUnavailableError
from .kinds import BoolKind, EnumKind, FloatKind, IntKind, Kind, ScaledKind, TextKind
from .layout import Layout
from .variable import GroupKind, VariableKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .message import TLV

    Column = NDArray[Any]
    StructuredArray = NDArray[np.void]

__all__ = ["ColumnMaker", "column_makers", "group_columns", "layout_dtype", "strided_columns"]


class ColumnMaker(NamedTuple):
    """What turns the bytes of a run into the column of one field, worked out once for each layout.

    `Batch.column` makes a column in one call, its arguments by position: on a run of a thousand
    messages a way through a structured array and its field costs as much as the sum over the column.
    """

    array: Any
    dtype: Any
    offset: int
    shape: tuple[int, ...]  # of one cell, as are the strides
    strides: tuple[int, ...]


_makers: dict[str, Mapping[str, ColumnMaker]] = {}


def column_makers(layout: Layout) -> Mapping[str, ColumnMaker]:
    """How to make each column of a layout, by field. Raises `ColumnsUnavailableError`."""
    made = _makers.get(layout.digest)
    if made is None:
        made = _makers[layout.digest] = _column_makers(layout)
    return made


def _column_makers(layout: Layout) -> Mapping[str, ColumnMaker]:
    np = _numpy(layout.name)
    makers = {}
    for name, (dtype, offset, *_) in (layout_dtype(layout).fields or {}).items():
        shape = dtype.shape
        strides = np.empty(shape, dtype.base).strides if shape else ()
        makers[name] = ColumnMaker(np.ndarray, dtype.base, offset, shape, strides)
    return makers


def strided_columns(layout: Layout, buf: Any, start: int, count: int, step: int) -> StructuredArray:
    """``count`` fixed blocks, ``step`` bytes apart, as a structured array over ``buf``."""
    np = _numpy(layout.name)
    # The last record may end before a whole step: so ndarray with strides, not frombuffer.
    array: StructuredArray = np.ndarray(
        shape=(count,), dtype=layout_dtype(layout), buffer=buf, offset=start, strides=(step,)
    )
    array.flags.writeable = False  # messages are immutable, also where their buffer is not
    return array


def group_columns(message: TLV, name: str) -> StructuredArray:
    """The items of a group field as a structured array."""
    field = next((field for field in message.layout.values if field.name == name), None)
    if field is None or not isinstance(field.codec, GroupKind):
        raise ColumnsShapeError(message=message.layout.name, field=name, reason="it is not a group")
    buf, start, count, step = getattr(message, name).strided
    return strided_columns(field.codec.message.layout, buf, start, count, step)


_dtypes: dict[str, Any] = {}


def layout_dtype(layout: Layout) -> np.dtype[np.void]:
    """The NumPy dtype of a fixed block: its fields at their offsets, padding and groups left out."""
    # By digest: a layout itself has no hash where a default has none, and equals one whose nested messages differ.
    made = _dtypes.get(layout.digest)
    if made is None:
        made = _dtypes[layout.digest] = _layout_dtype(layout)
    return made


def _layout_dtype(layout: Layout) -> np.dtype[np.void]:
    np = _numpy(layout.name)
    order = "<" if layout.byteorder == "little" else ">"
    fields = [field for field in layout.values if not isinstance(field.codec, VariableKind)]
    return np.dtype(  # type: ignore[no-any-return]
        {
            "names": [field.name for field in fields],
            "formats": [_dtype(field.codec, order) for field in fields],
            "offsets": [field.offset for field in fields],
            "itemsize": layout.size,
        }
    )


def _dtype(codec: Kind | None, order: str) -> Any:
    match codec:
        case EnumKind() | ScaledKind():
            return _dtype(codec.stored, order)
        case OptionalKind():
            return _dtype(codec.inner, order)
        case IntKind():
            sign = "i" if codec.signed else "u"
            if codec.direct:
                return f"{order}{sign}{codec.size}"
            return (f"{order}u8", (codec.size // 8,)) if codec.size % 8 == 0 else ("u1", (codec.size,))
        case FloatKind():
            return f"{order}f{codec.size}"
        case BoolKind():
            return "?"
        case TextKind():
            return f"S{codec.size}"
        case NestedKind():
            return layout_dtype(codec.message.layout)
        case ArrayKind():
            return (_dtype(codec.element, order), (codec.count,))
        case _:
            return ("u1", (codec.size if codec else 0,))


def _numpy(message: str) -> Any:
    try:
        return importlib.import_module("numpy")
    except ImportError as cause:
        raise ColumnsUnavailableError(message=message) from cause
