"""A batch: a run of one message type, read message by message or as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from .buffers import as_buffer
from .columns import column_makers, strided_columns
from .errors import BatchBoundsError, ColumnsShapeError, DeclarationError
from .implementation import native
from .message import TLV

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .columns import Column, ColumnMaker, StructuredArray

__all__ = ["Batch"]

M = TypeVar("M", bound=TLV)


def _views(message_type: type[TLV], buf: Any, start: int, count: int, step: int) -> Iterator[Any]:
    """Views of ``count`` messages without variable fields, ``step`` bytes apart; the caller knows that they are there."""
    view = message_type._view
    for at in range(start, start + count * step, step):
        yield view(buf, at)


_iterate: Callable[[type[TLV], Any, int, int, int], Iterator[Any]] = _views if native is None else native.Views


class Batch(Sequence[M], Generic[M]):
    """Messages of one type, in order.

    ::

        for batch in frame.batches():
            if batch.message_type is TradeTLV:
                total += batch.column("quantity").sum()

    A batch of a frame reads the frame's bytes in place, `Batch.over` any run of records in a buffer;
    `Batch.of` joins messages that lie apart, once, when the first column is asked for.
    """

    __slots__ = (
        "_buf",
        "_columns",
        "_count",
        "_length",
        "_makers",
        "_messages",
        "_readonly",
        "_start",
        "_step",
        "_type",
    )

    def __init__(self, message_type: type[M], buf: Any, start: int, count: int, step: int, length: int) -> None:
        self._type = message_type
        self._buf = buf
        self._start = start
        self._count = count
        self._step = step
        self._length = length
        self._messages: tuple[M, ...] | None = None
        self._columns: dict[str, Column] = {}
        self._makers: Mapping[str, ColumnMaker] | None = None  # these two when the first column is asked for
        self._readonly: Any = None

    @classmethod
    def over(
        cls, message_type: type[M], buf: Buffer, offset: int = 0, *, stride: int | None = None, count: int | None = None
    ) -> Batch[M]:
        """A batch of records that follow each other in a buffer, from ``offset`` on; copies nothing.

        ``stride`` says how many bytes lie from one record to the next, by default the size of the
        message; ``count`` how many there are, by default all up to the end of the buffer, which must
        not end inside a record. A record is read as its known prefix where the stride is longer.

        Raises `BatchBoundsError` where the records do not fit the buffer, `DeclarationError` for a class
        with variable fields or without bytes, and `BufferTypeError`.

        Example: ``Batch.over(Trade, file_bytes, header_size).column("price").max()``.
        """
        layout = message_type.layout
        size = layout.size
        if layout.variable or not size:
            raise DeclarationError(
                where="Batch.over",
                reason=f"{layout.name} has {'variable fields' if layout.variable else 'no bytes'}, so no stride",
                remedy="read it message by message, with ref_from",
            )
        flat = buf if type(buf) is bytes else as_buffer(buf, layout.name)
        offset, step = index(offset), size if stride is None else index(stride)
        available = len(flat) - offset
        if offset < 0:
            raise BatchBoundsError(message=layout.name, reason=f"the offset is {offset}")
        if step < size:
            raise BatchBoundsError(message=layout.name, reason=f"a record has {size} bytes, the stride is {step}")
        if count is None:
            number, rest = divmod(max(available, 0), step)
            if available < 0 or 0 < rest < size:
                reason = f"{available} bytes at offset {offset} end inside a record of {size} at strides of {step}"
                raise BatchBoundsError(message=layout.name, reason=reason)
            number += rest > 0  # what fills the last one up to a stride need not be there
        else:
            number = index(count)
            needed = (number - 1) * step + size if number else 0
            if number < 0 or needed > available:
                reason = f"{number} records at strides of {step} need {needed} bytes at offset {offset}, there are {available}"
                raise BatchBoundsError(message=layout.name, reason=reason)
        if not number:
            flat, offset = bytes(size), 0
        return cls(message_type, flat, offset, number, step if number > 1 else size, size)

    @classmethod
    def of(cls, messages: Iterable[M]) -> Batch[M]:
        """A batch of messages that are there already; at least one, all of one class.

        Raises `DeclarationError` for none or several classes.
        """
        kept = tuple(messages)
        types = {type(one) for one in kept}
        if len(types) != 1:
            names = ", ".join(sorted(one.__name__ for one in types)) or "nothing"
            raise DeclarationError(
                where="Batch.of", reason=f"a batch holds one message type, got {names}", remedy="group them by type"
            )
        batch = cls(types.pop(), None, 0, len(kept), 0, 0)
        batch._messages = kept
        return batch

    @property
    def message_type(self) -> type[M]:
        """The class of every message here."""
        return self._type

    def column(self, name: str) -> Column:
        """One field of all messages as a NumPy array over their bytes, made once. Raises as `columns`, and
        `ColumnsShapeError` where there is no such field.
        """
        made = self._columns.get(name)
        if made is None:
            made = self._columns[name] = self._column(name)
        return made

    def _column(self, name: str) -> Column:
        makers = self._makers or self._opened()
        if name not in makers:
            raise ColumnsShapeError(
                message=self._type.__name__, field=name, reason=f"the columns are {', '.join(makers)}"
            )
        array, dtype, offset, shape, strides = makers[name]
        made: Column = (
            array((self._count, *shape), dtype, self._readonly, self._start + offset, (self._step, *strides))
            if shape
            else array(self._count, dtype, self._readonly, self._start + offset, self._step)
        )
        return made

    def columns(self) -> StructuredArray:
        """The fixed fields of all messages as a structured NumPy array over their bytes.

        Raises `ColumnsUnavailableError` without NumPy.
        """
        if self._makers is None:
            self._opened()
        return strided_columns(self._type.layout, self._readonly, self._start, self._count, self._step)

    def _opened(self) -> Mapping[str, ColumnMaker]:
        """What makes the columns, and the bytes in one piece that nobody can write through them."""
        layout = self._type.layout
        makers = column_makers(layout)
        if self._messages is not None:
            size = layout.size
            self._buf = b"".join(one.as_bytes()[:size] for one in self._messages)
            self._step = size
        # Messages are immutable, also where their buffer is not.
        self._readonly = self._buf if type(self._buf) is bytes else memoryview(self._buf).toreadonly()
        self._makers = makers
        return makers

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[M]:
        if self._messages is not None:
            return iter(self._messages)
        if self._type.layout.variable:
            return map(self._at, range(self._count))
        return _iterate(self._type, self._buf, self._start, self._count, self._step)

    @overload
    def __getitem__(self, index: int) -> M: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[M]: ...
    def __getitem__(self, index: int | slice) -> M | Sequence[M]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self._count)))
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            msg = f"message {index} of a batch of {self._count}"
            raise IndexError(msg)
        return self._messages[at] if self._messages is not None else self._at(at)

    def __repr__(self) -> str:
        return f"Batch({self._type.__name__} x {self._count})"

    def _at(self, index: int) -> M:
        start = self._start + index * self._step
        if self._type.layout.variable:
            return self._type.ref_from(self._buf, start, self._length)
        view: M = self._type._view(self._buf, start)
        return view
