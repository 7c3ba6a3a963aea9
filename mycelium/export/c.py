"""The messages as a C11 header: accessors that read the bytes in place, and asserts on every size and offset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from .tokens import Record, Token, enums_of, snake

__all__ = ["c_header"]

_HEAD = """\
/* Written by `mycelium contract export --to c`. Reads messages in place; all reads are by memcpy.
   A message has to have sizeof(NAME_layout) bytes: look at its size before you read a field of it.
   What takes the size too (groups, bytes, text) looks itself. */"""
_SUPPORT = Path(__file__).with_name("support.h")

#: Words that no member of a struct can be called.
_KEYWORDS = frozenset(
    [
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
        "bool",
    ]
)


def c_header(records: Iterable[Record], name: str) -> str:
    """The header. ``name`` is that of its include guard."""
    records = tuple(records)
    guard = f"{snake(name).upper()}_H"
    parts = [
        _HEAD,
        f"#ifndef {guard}\n#define {guard}",
        _SUPPORT.read_text(encoding="utf-8").strip(),
        *(part for enum in enums_of(records) if (part := "\n".join(_enum(enum)))),
        *("\n".join(_record(one)) for one in records),
        f"#endif /* {guard} */",
    ]
    return "\n\n".join(parts) + "\n"


def _enum(enum: type) -> Iterator[str]:
    for name, member in enum.__members__.items():  # type: ignore[attr-defined]
        if -(2**63) < member.value < 2**64:
            number = f"INT64_C({member.value})" if member.value < 2**63 else f"UINT64_C({member.value})"
            yield f"#define {snake(enum.__name__).upper()}_{name.upper()} {number}"


def _record(record: Record) -> Iterator[str]:
    large, struct = record.snake.upper(), f"{record.snake}_layout"
    yield f"/* {record.name}: {_comment(record.doc)} */"
    if record.type_id is not None:
        yield f"#define {large}_TYPE {record.type_id}"
    yield f"#define {large}_SIZE {record.size}"
    if record.tokens:
        yield "typedef struct {"
        yield from (f"    uint8_t {_member(one)}[{one.size}];" for one in record.tokens)
        yield f"}} {struct};"
        yield f'_Static_assert(sizeof({struct}) == {record.size}, "size of {record.name}");'
        for one in record.tokens:
            where = f'"offset of {record.name}.{one.name}"'
            yield f"_Static_assert(offsetof({struct}, {_member(one)}) == {one.offset}, {where});"
    for token in record.values:
        yield from _accessors(record, token)


def _comment(text: str) -> str:
    return text.replace("*/", "* /")


def _member(token: Token) -> str:
    return f"{token.name}_" if token.name in _KEYWORDS else token.name


def _accessors(record: Record, token: Token) -> Iterator[str]:
    name, at, big = f"{record.snake}_{token.name}", f"message + {token.offset}", str(record.big).lower()
    if token.note:
        yield f"/* {_comment(token.note)} */"
    if token.what == "group":
        yield f"static inline bool {name}(const uint8_t *message, size_t size, mycelium_group *group) {{"
        yield f"    return mycelium_read_group(message, size, {token.offset}, {snake(token.item).upper()}_SIZE, {big}, group);"
        yield "}"
        return
    if token.is_variable:
        yield f"static inline bool {name}(const uint8_t *message, size_t size, mycelium_bytes *bytes) {{"
        yield f"    return mycelium_read_bytes(message, size, {token.offset}, {big}, bytes);"
        yield "}"
        return
    if token.digits is not None:
        yield f"#define {name.upper()}_DIGITS {token.digits}"
    index = ""
    if token.count is not None:
        yield f"#define {name.upper()}_COUNT {token.count}"
        index, at = ", size_t index", f"{at} + index * {token.width}"
    if token.null is not None:
        yield f"static inline bool {record.snake}_has_{token.name}(const uint8_t *message{index}) {{"
        if token.null:
            octets = ", ".join(f"0x{octet:02x}" for octet in token.null)
            yield f"    static const uint8_t null[{token.width}] = {{{octets}}};"
            yield f"    return memcmp({at}, null, {token.width}) != 0;"
        else:
            yield f"    double value = mycelium_f{token.width * 8}({at}, {big});"
            yield "    return value == value;"
        yield "}"
    result, read = _reading(token, at, big)
    yield f"static inline {result}{name}(const uint8_t *message{index}) {{"
    yield f"    return {read};"
    yield "}"


def _reading(token: Token, at: str, big: str) -> tuple[str, str]:
    """The type of a value in C, and the expression that reads it."""
    if token.what == "int" and token.width > 8:
        return "mycelium_wide ", f"mycelium_wide_int({at}, {token.width}, {str(token.signed).lower()}, {big})"
    if token.what == "int":
        bits = next(bits for bits in (8, 16, 32, 64) if bits >= token.width * 8)
        kind = f"{'' if token.signed else 'u'}int{bits}_t "
        return kind, f"({kind.strip()})mycelium_{'' if token.signed else 'u'}int({at}, {token.width}, {big})"
    if token.what == "float":
        return ("float " if token.width == 4 else "double "), f"mycelium_f{token.width * 8}({at}, {big})"
    if token.what == "bool":
        return "bool ", f"*({at}) != 0"
    if token.what == "text":
        return "mycelium_bytes ", f"mycelium_text({at}, {token.width})"
    return "const uint8_t *", at
