"""The messages as Rust structs over bytes that are borrowed: no copy, no dependency, asserts on every size and offset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from .tokens import Record, Token, enums_of, snake

__all__ = ["rust_module"]

_SUPPORT = Path(__file__).with_name("support.rs")

#: Words that nothing can be called.
_KEYWORDS = frozenset(
    [
        "as",
        "async",
        "await",
        "break",
        "const",
        "continue",
        "crate",
        "dyn",
        "else",
        "enum",
        "extern",
        "false",
        "fn",
        "for",
        "if",
        "impl",
        "in",
        "let",
        "loop",
        "match",
        "mod",
        "move",
        "mut",
        "pub",
        "ref",
        "return",
        "self",
        "Self",
        "static",
        "struct",
        "super",
        "trait",
        "true",
        "type",
        "unsafe",
        "use",
        "where",
        "while",
        "abstract",
        "become",
        "box",
        "do",
        "final",
        "macro",
        "override",
        "priv",
        "try",
        "typeof",
        "unsized",
        "virtual",
        "yield",
        "gen",
    ]
)


def rust_module(records: Iterable[Record], name: str) -> str:
    """The module; ``name`` is for its first line."""
    records = tuple(records)
    parts = [
        f"//! {name}, written by `mycelium contract export --to rust`. Reads messages in place.",
        "#![allow(dead_code, non_camel_case_types, non_snake_case, non_upper_case_globals)]",
        _SUPPORT.read_text(encoding="utf-8").strip(),
        *(part for enum in enums_of(records) if (part := "\n".join(_enum(enum)))),
        *("\n".join(_record(one)) for one in records),
    ]
    return "\n\n".join(parts) + "\n"


def _enum(enum: type) -> Iterator[str]:
    for name, member in enum.__members__.items():  # type: ignore[attr-defined]
        yield f"pub const {snake(enum.__name__).upper()}_{name.upper()}: i128 = {member.value};"


def _record(record: Record) -> Iterator[str]:
    name = record.name
    yield "#[repr(C, packed)]"
    yield f"struct {name}Layout {{"
    yield from (f"    {_named(one)}: [u8; {one.size}]," for one in record.tokens)
    yield "}"
    yield f"const _: () = assert!(core::mem::size_of::<{name}Layout>() == {record.size});"
    for one in record.tokens:
        yield f"const _: () = assert!(core::mem::offset_of!({name}Layout, {_named(one)}) == {one.offset});"
    yield ""
    yield f"/// {record.doc or name}"
    yield "#[derive(Clone, Copy, Debug)]"
    yield f"pub struct {name}<'a>(&'a [u8]);"
    yield ""
    yield f"impl<'a> {name}<'a> {{"
    yield f"    pub const SIZE: usize = {record.size};"
    if record.type_id is not None:
        yield f"    pub const TYPE: u16 = {record.type_id};"
    yield from ("", "    /// The message that these bytes begin with; none where they are too short.")
    yield "    pub fn new(bytes: &'a [u8]) -> Option<Self> {"
    yield "        (bytes.len() >= Self::SIZE).then_some(Self(bytes))"
    yield "    }"
    for token in record.values:
        yield ""
        yield from (f"    {line}" for line in _accessor(token, str(record.big).lower()))
    yield "}"


def _named(token: Token) -> str:
    return f"{token.name}_" if token.name in _KEYWORDS else token.name


def _accessor(token: Token, big: str) -> Iterator[str]:
    if token.note:
        yield f"/// {token.note}"
    if token.digits is not None:
        yield f"/// The stored number, of units of 1e-{token.digits}."
    name = _named(token)
    if token.what == "group":
        yield f"pub fn {name}(&self) -> Option<Group<'a>> {{"
        yield f"    group(self.0, {token.offset}, {token.item}::SIZE, {big})"
        yield "}"
        return
    if token.is_variable:
        yield f"pub fn {name}(&self) -> Option<&'a [u8]> {{"
        yield f"    data(self.0, {token.offset}, {big})"
        yield "}"
        return
    index, start = ("", str(token.offset)) if token.count is None else (", index: usize", "start")
    result, read = _reading(token, big)
    optional = token.null is not None
    yield f"pub fn {name}(&self{index}) -> {f'Option<{result}>' if optional else result} {{"
    if token.count is not None:
        yield f"    assert!(index < {token.count});"
        yield f"    let start = {token.offset} + index * {token.width};"
    yield f"    let at = &self.0[{start}..{start} + {token.width}];"
    if not optional:
        yield f"    {read}"
    elif token.null:
        octets = ", ".join(f"0x{octet:02x}" for octet in token.null)
        yield f"    if at == [{octets}] {{ None }} else {{ Some({read}) }}"
    else:
        yield f"    let value = {read};"
        yield "    if value.is_nan() { None } else { Some(value) }"
    yield "}"


def _reading(token: Token, big: str) -> tuple[str, str]:
    """The type of a value in Rust, and the expression that reads it from `at`."""
    if token.what == "int" and token.width > 16:
        return "Wide", f"wide(at, {str(token.signed).lower()}, {big})"
    if token.what == "int":
        bits = next(bits for bits in (8, 16, 32, 64, 128) if bits >= token.width * 8)
        kind = f"{'i' if token.signed else 'u'}{bits}"
        return kind, f"{'signed' if token.signed else 'unsigned'}(at, {big}) as {kind}"
    if token.what == "float":
        bits = token.width * 8
        return f"f{bits}", f"f{bits}::from_bits(unsigned(at, {big}) as u{bits})"
    if token.what == "bool":
        return "bool", "at[0] != 0"
    if token.what == "layout":
        return f"{token.item}<'a>", f"{token.item}(at)"
    return "&'a [u8]", "text(at)" if token.what == "text" else "at"
