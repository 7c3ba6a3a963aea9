"""TLV: the base of every declared message."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from . import codegen
from .errors import DeclarationError, FieldValueError, JsonError, LayoutMismatchError, TLVError
from .implementation import native
from .layout import Layout
from .message_type import MessageType
from .variable import GroupView

if TYPE_CHECKING:
    from typing_extensions import Buffer  # from Python 3.12 on: collections.abc.Buffer

    from .columns import StructuredArray

__all__ = ["TLV"]


class TLV(metaclass=MessageType):
    """Base of every message: an immutable value whose bytes are its declaration's layout.

    ::

        class Trade(TLV, type=1000):
            price: i64
            quantity: i64

        trade = Trade(price=5, quantity=7)      # owned: carries its 16 bytes
        view = Trade.ref_from(buffer, offset)   # borrows them, copies nothing

    Class keywords: ``type`` is the wire type (1 to 65535; without it the class is a plain layout: a
    nested message, a group item, or somebody else's bytes), ``version`` the schema version (0 to
    255), ``byteorder`` "little" (default) or "big".

    Two messages are equal when they are of one class and their bytes are equal; for messages with
    variable fields, when all their values are. A view's value follows its buffer.
    """

    __slots__ = ("_buf", "_off")

    layout: ClassVar[Layout] = Layout("TLV", None, 1, "little", 0, ())
    type_id: ClassVar[int | None] = None

    if TYPE_CHECKING:
        # ClassVar, though they are slots of each instance: a checker takes anything else for a field.
        __match_args__: ClassVar[Any]
        _buf: ClassVar[Any]
        _off: ClassVar[int]
        _view: ClassVar[Callable[[Any, int], Any]]

    @classmethod
    def ref_from(cls, buf: Buffer, offset: int = 0, length: int | None = None) -> Self:
        """A view of the message at ``offset`` (bytes): copies nothing, keeps the buffer alive.

        ``length`` says how many bytes belong to the message, by default all that follow. More than
        the layout needs is fine: a newer sender appends fields. Mutable buffers stay mutable: the
        view reads what they hold at that time.

        Raises `TruncatedError`, `BufferTypeError`, and `FieldBoundsError` where variable data
        would lie outside.
        """
        raise _no_layout(cls)

    @classmethod
    def read_from(cls, buf: Buffer, offset: int = 0, length: int | None = None) -> Self:
        """An owned copy of the message at ``offset``; arguments and errors as `ref_from`."""
        return cls.ref_from(buf, offset, length)._copied()

    @classmethod
    def ref_from_validated(cls, buf: Buffer, offset: int = 0, length: int | None = None) -> Self:
        """`ref_from`, then `validate`."""
        message = cls.ref_from(buf, offset, length)
        message.validate()
        return message

    if TYPE_CHECKING:

        @staticmethod
        def emplace(buffer: Buffer, offset: int, /, *args: Any, **fields: Any) -> int:
            """Write the fields of a message straight into ``buffer`` and return how many bytes.

            Takes the arguments of the constructor after the two; makes no message object.
            Raises `BufferSpaceError` and `FieldValueError`; nothing is written then.
            """
            raise _no_layout(TLV)

    else:

        def __init__(self) -> None:
            raise _no_layout(type(self))

    def as_bytes(self) -> memoryview:
        """The bytes of the message, read-only and not copied."""
        return memoryview(self._payload()).toreadonly()

    def write_into(self, buffer: Buffer, offset: int = 0) -> int:
        """Copy the bytes into a writable buffer; returns how many. Raises `BufferSpaceError`."""
        return codegen.write_bytes(self.layout.name, self._payload(), buffer, offset)

    def validate(self) -> None:
        """Check the declared constraints, then the class's own rule.

        A class adds its rule by defining ``validate(self)`` which raises ``ValueError`` with a
        text; the constraints are always checked first. Raises `ConstraintError`, `RuleError`.
        """
        self._check_fields()

    def replace(self, **changes: Any) -> Self:
        """A copy with other values: ``trade.replace(price=6)``. Raises `FieldValueError`."""
        names = self.__match_args__
        for name, value in changes.items():
            if name not in names:
                raise FieldValueError(
                    message=self.layout.name,
                    field=name,
                    kind="one of them",
                    value=codegen.short(value),
                    rule=f"no such field, only {', '.join(names)}",
                )
        return type(self)(**{name: changes[name] if name in changes else getattr(self, name) for name in names})

    def to_owned(self) -> Self:
        """Itself when it carries its bytes, else an owned copy: for keeping a view."""
        buf = self._buf
        return self if type(buf) is bytes and len(buf) == len(self._payload()) else self._copied()

    def raw(self, name: str) -> Any:
        """The stored number of a field: of a decimal, an enum, or an optional that is ``None``.

        Raises ``KeyError`` for an unknown name, ``TypeError`` for a variable field.
        """
        field = self.layout[name]
        if field.codec is None or field.is_variable:
            msg = f"{self.layout.name}.{name} has no stored number"
            raise TypeError(msg)
        return field.codec.raw(codegen.stored(self.layout, field, self._payload(), 0))

    def columns(self, name: str) -> StructuredArray:
        """A group as a NumPy structured array over its bytes, without copying.

        Raises `ColumnsUnavailableError` without NumPy, `ColumnsShapeError` for other fields.
        """
        from .columns import group_columns

        return group_columns(self, name)

    def to_dict(self) -> dict[str, Any]:
        """Field names and values; nested messages and group items as dicts too."""
        return {name: _plain(getattr(self, name)) for name in self.__match_args__}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises `FieldValueError` and ``TypeError`` as the constructor."""
        known = {field.name: field.codec for field in cls.layout.values}
        return cls(**{name: codegen.from_plain(known.get(name), value) for name, value in values.items()})

    def to_json(self) -> str:
        """One line of JSON: bytes as 0x hex, decimals and integers over 64 bits as text."""
        return json.dumps(self._to_json_dict(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of `to_json`. Raises `JsonError`."""
        try:
            return cls._from_json_dict(json.loads(text))
        except JsonError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as cause:
            raise JsonError(message=cls.layout.name, reason=f"{type(cause).__name__}: {cause}") from cause

    def _check_fields(self) -> None:
        """The constraints of the declaration; each class has its own."""

    def _payload(self) -> bytes | memoryview:
        """The bytes of the message as they lie."""
        buf, off = self._buf, self._off
        layout = self.layout
        if layout.variable:
            return buf  # type: ignore[no-any-return]
        size = layout.size
        return buf if off == 0 and len(buf) == size else memoryview(buf)[off : off + size]

    def _copied(self) -> Self:
        return type(self)._view(bytes(self._payload()), 0)  # type: ignore[no-any-return]

    def _canonical(self) -> bytes:
        """The bytes as the constructor would lay them out, so that equal values are equal bytes."""
        if not self.layout.variable:
            return bytes(self._payload())
        return bytes(type(self)(*(getattr(self, name) for name in self.__match_args__))._payload())

    def _to_json_dict(self) -> dict[str, Any]:
        return {
            field.name: field.codec.to_json(getattr(self, field.name))  # type: ignore[union-attr]
            for field in self.layout.values
        }

    @classmethod
    def _from_json_dict(cls, values: Any) -> Self:
        known = {field.name: field.codec for field in cls.layout.values}
        if not isinstance(values, dict) or not values.keys() <= known.keys():
            reason = "not an object" if not isinstance(values, dict) else "no such field: "
            unknown = ", ".join(sorted(values.keys() - known.keys())) if isinstance(values, dict) else ""
            raise JsonError(message=cls.layout.name, reason=reason + unknown)
        return cls(**{name: known[name].from_json(value) for name, value in values.items()})  # type: ignore[union-attr]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        if self._payload() == other._payload():
            return True
        return bool(self.layout.variable) and self._canonical() == other._canonical()

    def __hash__(self) -> int:
        return hash((type(self), self._canonical()))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={_shown(self, name)}" for name in self.__match_args__)
        return f"{type(self).__name__}({inside})"

    def __bytes__(self) -> bytes:
        return bytes(self._payload())

    if sys.version_info >= (3, 12):

        def __buffer__(self, flags: int, /) -> memoryview:
            return self.as_bytes()

    def __copy__(self) -> Self:
        return self.to_owned()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.to_owned()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.layout.digest, bytes(self._payload()))


def _shown(message: TLV, name: str) -> str:
    """The repr of a field, or why it cannot be read: damaged bytes must not spoil a log line."""
    try:
        return repr(getattr(message, name))
    except TLVError as problem:
        return f"<{problem.args[0]}>"


def _plain(value: Any) -> Any:
    if isinstance(value, TLV):
        return value.to_dict()
    return [_plain(one) for one in value] if isinstance(value, tuple | GroupView) else value


def _restore(cls: type[TLV], digest: str, data: bytes) -> TLV:
    if cls.layout.digest != digest:
        raise LayoutMismatchError(message=cls.layout.name, stored=digest, current=cls.layout.digest)
    return cls.read_from(data)


def _no_layout(cls: type[TLV]) -> DeclarationError:
    return DeclarationError(
        where=cls.__name__, reason="the base class has no layout", remedy="call this on a message that you declare"
    )


if native is not None:
    native.register(no_layout=_no_layout, group_class=GroupView)
