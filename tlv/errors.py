"""Errors of the message layer.

::

    DeclaredError
      TLVError
        DeclarationError          TLV-001  a class cannot be laid out (also TypeError)
        TruncatedError            TLV-002  fewer bytes than the layout needs (also ValueError)
        BufferTypeError           TLV-003  not a contiguous buffer of bytes (also TypeError)
        FieldValueError           TLV-004  a value does not fit its field (also ValueError)
        ConstraintError           TLV-005  a declared constraint does not hold (also ValueError)
        RuleError                 TLV-006  a validate() method refused (also ValueError)
        FieldBoundsError          TLV-007  variable data lies outside its message (also ValueError)
        TextEncodingError         TLV-008  text is not UTF-8 (also ValueError)
        LayoutMismatchError       TLV-009  pickled under another layout (also ValueError)
        JsonError                 TLV-010  text is not this message (also ValueError)
        BufferSpaceError          TLV-011  the target buffer is too small or read-only (also ValueError)
        ImmutableError            TLV-012  messages do not change (also AttributeError)
        ImplementationError       TLV-013  MYCELIUM_TLV asks for what is not there (also ImportError)
        FrameHeaderError          TLV-020  not a frame (also ValueError)
        FrameVersionError         TLV-021  a frame of another version (also ValueError)
        FrameTruncatedError       TLV-022  the frame ends early (also ValueError)
        ChecksumError             TLV-023  bytes were changed (also ValueError)
        FrameLimitError           TLV-024  larger than the declared limit (also ValueError)
        FrameFullError            TLV-025  no room for one more message (also ValueError)
        FrameContentError         TLV-026  a TLV inside the frame is malformed (also ValueError)
        SequenceGapError          TLV-027  frames are missing
        SequenceRepeatError       TLV-028  a frame came twice or late
        UntypedMessageError       TLV-029  a plain layout cannot travel by itself (also TypeError)
        ColumnsUnavailableError   TLV-030  NumPy is not installed (also ImportError)
        ColumnsShapeError         TLV-031  these messages have no common stride (also ValueError)
        BatchBoundsError          TLV-038  records do not fit their buffer (also ValueError)
"""

from __future__ import annotations

from .declared_error import DeclaredError

__all__ = [
    "BatchBoundsError",
    "BufferSpaceError",
    "BufferTypeError",
    "ChecksumError",
    "ColumnsShapeError",
    "ColumnsUnavailableError",
    "ConstraintError",
    "DeclarationError",
    "FieldBoundsError",
    "FieldValueError",
    "FrameContentError",
    "FrameFullError",
    "FrameHeaderError",
    "FrameLimitError",
    "FrameTruncatedError",
    "FrameVersionError",
    "ImmutableError",
    "ImplementationError",
    "JsonError",
    "LayoutMismatchError",
    "RuleError",
    "SequenceGapError",
    "SequenceRepeatError",
    "TLVError",
    "TextEncodingError",
    "TruncatedError",
    "UntypedMessageError",
]


class TLVError(DeclaredError):
    """Errors of the message layer."""


class DeclarationError(
    TLVError,
    TypeError,
    code="TLV-001",
    text="{where}: {reason}",
    next_step="{remedy}",
):
    """A message class cannot be laid out; raised when the class is created."""

    where: str
    reason: str
    remedy: str


class TruncatedError(
    TLVError,
    ValueError,
    code="TLV-002",
    text="{message} needs {needed} bytes at offset {offset}, there are {available}",
    next_step="pass the whole payload, or the right offset",
):
    """Fewer bytes than the layout needs."""

    message: str
    needed: int
    offset: int
    available: int


class BufferTypeError(
    TLVError,
    TypeError,
    code="TLV-003",
    text="{message} cannot read {kind}: {reason}",
    next_step="pass bytes, bytearray, memoryview or another contiguous buffer",
):
    """The source is not a contiguous buffer of bytes."""

    message: str
    kind: str
    reason: str


class FieldValueError(
    TLVError,
    ValueError,
    code="TLV-004",
    text="{message}.{field} = {value}: {rule}",
    next_step="pass a value that fits {kind}",
):
    """A value does not fit its field."""

    message: str
    field: str
    kind: str
    value: str
    rule: str


class ConstraintError(
    TLVError,
    ValueError,
    code="TLV-005",
    text="{message}.{field} = {value} breaks the rule {rule}",
    next_step="mend the sender, or the constraint in the declaration",
):
    """A declared constraint does not hold."""

    message: str
    field: str
    value: str
    rule: str


class RuleError(
    TLVError,
    ValueError,
    code="TLV-006",
    text="{message} breaks its rule: {rule}; it is {value}",
    next_step="mend the sender, or the validate() method of the declaration",
):
    """The validate() method of a message refused it."""

    message: str
    rule: str
    value: str


class FieldBoundsError(
    TLVError,
    ValueError,
    code="TLV-007",
    text="{message}.{field}: {count} items or bytes at offset {offset} do not fit into {available} bytes",
    next_step="the bytes are damaged or of another layout: compare the sender's declaration",
):
    """The variable data of a message lies outside its bytes, or is more than the limit."""

    message: str
    field: str
    offset: int
    count: int
    available: int


class TextEncodingError(
    TLVError,
    ValueError,
    code="TLV-008",
    text="{message}.{field} holds {value}, which is not UTF-8",
    next_step="declare the field as bytes, or mend the sender",
):
    """The bytes of a text field are not UTF-8."""

    message: str
    field: str
    value: str


class LayoutMismatchError(
    TLVError,
    ValueError,
    code="TLV-009",
    text="{message} was stored under layout {stored}, the class now has {current}",
    next_step="read it with the declaration that wrote it",
):
    """A pickle was made under another layout."""

    message: str
    stored: str
    current: str


class JsonError(
    TLVError,
    ValueError,
    code="TLV-010",
    text="{message} cannot be read from this JSON: {reason}",
    next_step="pass what to_json() writes",
):
    """A text is not the JSON of this message."""

    message: str
    reason: str


class BufferSpaceError(
    TLVError,
    ValueError,
    code="TLV-011",
    text="{message} needs {needed} writable bytes at offset {offset}, there are {available}",
    next_step="pass a writable buffer that is large enough",
):
    """The target buffer is too small or read-only."""

    message: str
    needed: int
    offset: int
    available: int


class ImmutableError(
    TLVError,
    AttributeError,
    code="TLV-012",
    text="{message}.{field} cannot be changed: messages are immutable",
    next_step="make a new one with replace({field}=...)",
):
    """A message was asked to change."""

    message: str
    field: str


class ImplementationError(
    TLVError,
    ImportError,
    code="TLV-013",
    text="MYCELIUM_TLV={choice} cannot be had: {reason}",
    next_step="{remedy}",
):
    """The implementation of the message layer that the environment asks for is not there."""

    choice: str
    reason: str
    remedy: str


class FrameHeaderError(
    TLVError,
    ValueError,
    code="TLV-020",
    text="no frame at offset {offset}: {reason}",
    next_step="check that the bytes are frames and that the offset is the start of one",
):
    """The bytes are not a frame."""

    offset: int
    reason: str


class FrameVersionError(
    TLVError,
    ValueError,
    code="TLV-021",
    text="the frame at offset {offset} has version {version}, this reader knows {known}",
    next_step="update the reader",
):
    """A frame of another wire version."""

    offset: int
    version: int
    known: int


class FrameTruncatedError(
    TLVError,
    ValueError,
    code="TLV-022",
    text="the frame at offset {offset} needs {needed} bytes, there are {available}",
    next_step="wait for the rest; a file that ends so was cut while it was written",
    retryable=True,
):
    """The bytes end inside a frame."""

    offset: int
    needed: int
    available: int


class ChecksumError(
    TLVError,
    ValueError,
    code="TLV-023",
    text="the frame at offset {offset} says checksum {stored:#010x}, its bytes give {computed:#010x}",
    next_step="the bytes were changed on the way: have the frame sent again",
    retryable=True,
):
    """The bytes of a frame were changed."""

    offset: int
    stored: int
    computed: int


class FrameLimitError(
    TLVError,
    ValueError,
    code="TLV-024",
    text="a frame of {size} bytes is larger than the limit of {limit}",
    next_step="send smaller frames, or raise the limit on both ends",
):
    """A frame is larger than the declared limit."""

    size: int
    limit: int


class FrameFullError(
    TLVError,
    ValueError,
    code="TLV-025",
    text="{message} needs {needed} bytes in the frame, {available} are left",
    next_step="finish() the frame and append to the next one",
    retryable=True,
):
    """There is no room for one more message in a frame."""

    message: str
    needed: int
    available: int


class FrameContentError(
    TLVError,
    ValueError,
    code="TLV-026",
    text="the TLV at offset {offset} (type {type_id}, length {length}) is malformed: {reason}",
    next_step="the sender is faulty or the frame has no checksum: compare the declarations",
):
    """A TLV inside a frame is malformed."""

    offset: int
    type_id: int
    length: int
    reason: str


class SequenceGapError(
    TLVError,
    code="TLV-027",
    text="source {origin}: {missing} frames are missing before sequence {got}, {expected} was expected",
    next_step="ask the source for them, or take a new snapshot",
    retryable=True,
):
    """Frames of a source are missing."""

    origin: int
    expected: int
    got: int
    missing: int


class SequenceRepeatError(
    TLVError,
    code="TLV-028",
    text="source {origin}: sequence {got} came again or late, {expected} was expected",
    next_step="drop the frame: what it holds was taken already or is out of order",
):
    """A frame of a source came twice or late."""

    origin: int
    expected: int
    got: int


class UntypedMessageError(
    TLVError,
    TypeError,
    code="TLV-029",
    text="{message} is a plain layout and cannot travel by itself",
    next_step="declare it with a type, as in class {message}(TLV, type=1000)",
):
    """A class without type= was used as a message."""

    message: str


class ColumnsUnavailableError(
    TLVError,
    ImportError,
    code="TLV-030",
    text="columns of {message} need NumPy, which is not installed",
    next_step='install it: pip install "mycelium-actors[columns]"',
):
    """NumPy is not installed."""

    message: str


class ColumnsShapeError(
    TLVError,
    ValueError,
    code="TLV-031",
    text="{message}.{field} has no column: {reason}",
    next_step="read it message by message",
):
    """These messages cannot be read as columns."""

    message: str
    field: str
    reason: str


class BatchBoundsError(
    TLVError,
    ValueError,
    code="TLV-038",
    text="{message} records do not fit: {reason}",
    next_step="pass the offset of the first record, the bytes from one to the next, and how many there are",
):
    """Records do not fit the buffer that is said to hold them."""

    message: str
    reason: str
