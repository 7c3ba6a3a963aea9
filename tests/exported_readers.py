"""Programs in C and Rust that read golden vectors with what was exported, and print what they find.

One line a value, in the order of the fields: integers, enums and decimals as 64 hex digits modulo 2**256, floats as the
bits of a double, bytes and text in hex, ``none`` where there is no value. `expected_lines` says what that has to be.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

from mycelium.export.tokens import Record, Token

WIDE = 1 << 256


# What has to be printed -------------------------------------------------------------------------------------------


def expected_lines(record: Record, values: dict[str, Any], records: dict[str, Record]) -> Iterator[str]:
    for token in record.values:
        value = values[token.name]
        if token.what == "group":
            yield f"{token.name} {len(value)}"
            for item in value:
                yield from expected_lines(records[token.item], item, records)
            continue
        for one in flat(value) if token.count is not None else [value]:
            if token.what == "layout":
                yield from expected_lines(records[token.item], one, records)
            else:
                yield f"{token.name} {shown(token, one)}"


def flat(value: Any) -> Iterator[Any]:
    for one in value:
        yield from flat(one) if isinstance(one, list) else [one]


def shown(token: Token, value: Any) -> str:
    if value is None:
        return "none"
    if token.what in {"int", "bool"}:
        return f"{stored(token, value) % WIDE:064x}"
    if token.what == "float":
        return struct.pack(">d", float(value)).hex()
    return bytes.fromhex(value[2:]).hex() if token.what in {"bytes", "data"} else value.encode().hex()


def stored(token: Token, value: Any) -> int:
    if token.digits is None:
        return int(value)
    with localcontext() as context:
        context.prec = 100
        return int(Decimal(value).scaleb(token.digits))


# C ----------------------------------------------------------------------------------------------------------------

C_HEAD = """
#include <stdio.h>
#include "{header}"
static void show_limbs(const char *name, const uint64_t limb[4]) {{
    printf("%s %016llx%016llx%016llx%016llx\\n", name, (unsigned long long)limb[3], (unsigned long long)limb[2],
           (unsigned long long)limb[1], (unsigned long long)limb[0]);
}}
static void show_int(const char *name, int64_t value) {{
    uint64_t rest = value < 0 ? UINT64_MAX : 0;
    const uint64_t limb[4] = {{(uint64_t)value, rest, rest, rest}};
    show_limbs(name, limb);
}}
static void show_uint(const char *name, uint64_t value) {{
    const uint64_t limb[4] = {{value, 0, 0, 0}};
    show_limbs(name, limb);
}}
static void show_float(const char *name, double value) {{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    printf("%s %016llx\\n", name, (unsigned long long)bits);
}}
static void show_bytes(const char *name, const uint8_t *at, size_t size) {{
    printf("%s ", name);
    for (size_t i = 0; i < size; i++)
        printf("%02x", at[i]);
    printf("\\n");
}}
"""


def c_program(header: str, records: dict[str, Record]) -> str:
    """Reads lines of a name and bytes in hex."""
    lines = [C_HEAD.format(header=header)]
    for record in records.values():
        lines.append(f"static void show_{record.snake}(const uint8_t *message, size_t size) {{")
        lines.append("    (void)size;")
        for token in record.values:
            lines.extend(c_token(record, token, records))
        lines.append("}")
    lines.append("int main(void) {")
    lines.append("    static char name[64], hex[8192]; static uint8_t message[4096];")
    lines.append('    while (scanf("%63s %8191s", name, hex) == 2) {')
    lines.append("        size_t size = strlen(hex) / 2; unsigned octet = 0;")
    lines.append("        for (size_t i = 0; i < size; i++) {")
    lines.append('            if (sscanf(hex + 2 * i, "%2x", &octet) != 1) return 1;')
    lines.append("            message[i] = (uint8_t)octet; }")
    shows = [f'if (strcmp(name, "{name}") == 0) show_{one.snake}(message, size);' for name, one in records.items()]
    lines += [f"        {show}" for show in shows]
    return "\n".join([*lines, "    }", "    return 0;", "}", ""])


def c_token(record: Record, token: Token, records: dict[str, Record]) -> Iterator[str]:
    name, call = f'"{token.name}"', f"{record.snake}_{token.name}"
    if token.what == "group":
        item = records[token.item].snake
        yield f'    {{ mycelium_group group; if (!{call}(message, size, &group)) puts({name[:-1]} damaged"); else {{'
        yield f'      printf("%s %zu\\n", {name}, group.count);'
        yield f"      for (size_t i = 0; i < group.count; i++) show_{item}(mycelium_item(&group, i), group.step); }} }}"
        return
    if token.is_variable:
        yield f'    {{ mycelium_bytes bytes; if (!{call}(message, size, &bytes)) puts({name[:-1]} damaged");'
        yield f"      else show_bytes({name}, bytes.data, bytes.size); }}"
        return
    index = ""
    if token.count is not None:
        yield f"    for (size_t i = 0; i < {call.upper()}_COUNT; i++)"
        index = ", i"
    if token.null is not None:
        has = f"{record.snake}_has_{token.name}(message{index})"
        yield f'    if (!{has}) puts({name[:-1]} none"); else'
    read = f"{call}(message{index})"
    if token.what == "layout":
        yield f"    show_{records[token.item].snake}({read}, {records[token.item].size});"
    elif token.what == "int" and token.width > 8:
        yield f"    {{ mycelium_wide wide = {read}; show_limbs({name}, wide.limb); }}"
    elif token.what in {"int", "bool"}:
        yield f"    show_{'int' if token.signed else 'uint'}({name}, {read});"
    elif token.what == "float":
        yield f"    show_float({name}, {read});"
    elif token.what == "text":
        yield f"    {{ mycelium_bytes text = {read}; show_bytes({name}, text.data, text.size); }}"
    else:
        yield f"    show_bytes({name}, {read}, {token.width});"


# Rust -------------------------------------------------------------------------------------------------------------

RUST_HEAD = """
#[path = "{module}"]
mod exported;
use exported::*;
fn show_int(name: &str, value: i128) {{
    let rest = if value < 0 {{ u128::MAX }} else {{ 0 }};
    println!("{{name}} {{rest:032x}}{{value:032x}}");
}}
fn show_uint(name: &str, value: u128) {{
    println!("{{name}} {{:032x}}{{value:032x}}", 0);
}}
fn show_wide(name: &str, value: Wide) {{
    let [a, b, c, d] = value.limbs;
    println!("{{name}} {{d:016x}}{{c:016x}}{{b:016x}}{{a:016x}}");
}}
fn show_float(name: &str, value: f64) {{
    println!("{{name}} {{:016x}}", value.to_bits());
}}
fn show_bytes(name: &str, at: &[u8]) {{
    let hex: String = at.iter().map(|octet| format!("{{octet:02x}}")).collect();
    println!("{{name}} {{hex}}");
}}
"""


def rust_program(module: str, records: dict[str, Record]) -> str:
    """Reads lines of a name and bytes in hex."""
    lines = [RUST_HEAD.format(module=module)]
    for record in records.values():
        lines.append(f"fn show_{record.snake}(message: {record.name}) {{")
        for token in record.values:
            lines.extend(rust_token(token, records))
        lines.append("}")
    lines.append("fn main() {")
    lines.append("    for line in std::io::stdin().lines().map(Result::unwrap) {")
    lines.append("        let (name, hex) = line.split_once(' ').unwrap();")
    lines.append("        let octet = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();")
    lines.append("        let message: Vec<u8> = (0..hex.len()).step_by(2).map(octet).collect();")
    lines.append("        match name {")
    lines += [
        f'            "{name}" => show_{one.snake}({name}::new(&message).unwrap()),' for name, one in records.items()
    ]
    lines.append('            _ => panic!("{name}"),')
    return "\n".join([*lines, "        }", "    }", "}", ""])


def rust_token(token: Token, records: dict[str, Record]) -> Iterator[str]:
    name = f'"{token.name}"'
    if token.what == "group":
        item = records[token.item]
        yield f'    match message.{token.name}() {{ None => println!({name[:-1]} damaged"), Some(group) => {{'
        yield f'      println!("{{}} {{}}", {name}, group.len());'
        yield f"      for i in 0..group.len() {{ show_{item.snake}({item.name}::new(group.get(i).unwrap()).unwrap()); }} }} }}"
        return
    if token.is_variable:
        shown = f'show_bytes({name}, message.{token.name}().expect("damaged"))'
        yield f"    {shown};"
        return
    index = "" if token.count is None else "i"
    if token.what == "layout":
        show = f"show_{records[token.item].snake}(value)"
    elif token.what == "int" and token.width > 16:
        show = f"show_wide({name}, value)"
    elif token.what in {"int", "bool"}:
        kind = ("int", "i128") if token.signed else ("uint", "u128")
        show = f"show_{kind[0]}({name}, value as {kind[1]})"
    elif token.what == "float":
        show = f"show_float({name}, value as f64)"
    else:
        show = f"show_bytes({name}, value)"
    if token.null is not None:
        show = f'match value {{ None => println!({name[:-1]} none"), Some(value) => {show} }}'
    read = f"{{ let value = message.{token.name}({index}); {show}; }}"
    yield f"    {read}" if token.count is None else f"    for i in 0..{token.count} {read}"
