"""A batch: a run of one message type, read message by message or as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from .columns import strided_columns
from .errors import ColumnsShapeError, DeclarationError
from .message import TLV

if TYPE_CHECKING:
    from .columns import Column, StructuredArray

__all__ = ["Batch"]

M = TypeVar("M", bound=TLV)


class Batch(Sequence[M], Generic[M]):
    """Messages of one type, in order.

    ::

        for batch in frame.batches():
            if batch.message_type is TradeTLV:
                total += batch.column("quantity").sum()

    A batch of a frame reads the frame's bytes in place; `Batch.of` joins messages that lie apart,
    once, when the first column is asked for.
    """

    __slots__ = ("_buf", "_count", "_length", "_messages", "_start", "_step", "_type")

    def __init__(self, message_type: type[M], buf: Any, start: int, count: int, step: int, length: int) -> None:
        self._type = message_type
        self._buf = buf
        self._start = start
        self._count = count
        self._step = step
        self._length = length
        self._messages: tuple[M, ...] | None = None

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
        """One field of all messages as a NumPy array. Raises as `columns`."""
        array = self.columns()
        names = array.dtype.names or ()
        if name not in names:
            raise ColumnsShapeError(
                message=self._type.__name__, field=name, reason=f"the columns are {', '.join(names)}"
            )
        return array[name]

    def columns(self) -> StructuredArray:
        """The fixed fields of all messages as a structured NumPy array over their bytes.

        Raises `ColumnsUnavailableError` without NumPy.
        """
        layout = self._type.layout
        if self._messages is not None and self._buf is None:
            size = layout.size
            self._buf = b"".join(one.as_bytes()[:size] for one in self._messages)
            self._step = size
        return strided_columns(layout, self._buf, self._start, self._count, self._step)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[M]:
        if self._messages is not None:
            yield from self._messages
        elif self._type.layout.variable:
            for i in range(self._count):
                yield self._at(i)
        else:
            view, buf = self._type._view, self._buf
            for at in range(self._start, self._start + self._count * self._step, self._step):
                yield view(buf, at)

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
