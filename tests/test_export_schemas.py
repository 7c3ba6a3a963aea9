"""`mycelium contract export` to JSON Schema, Kaitai Struct and SBE: every golden vector is what the schema says."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from mycelium.cli import cli
from mycelium.export import exported_files, vectors_of
from mycelium.export.json_schema import json_schema
from mycelium.export.sbe import NAMESPACE
from mycelium.export.tokens import Record, Token, records_of
from tests.exported_messages import MESSAGES, Everything
from tests.exported_readers import expected_lines, flat, shown
from tlv import define_tlv, i64
from tlv.market_data import MARKET_DATA_MESSAGES

ALL = (*MARKET_DATA_MESSAGES, *MESSAGES)
RECORDS: dict[str, Record] = {one.name: one for one in records_of(ALL)}
TARGETS = ["tlv.market_data", "tests.exported_messages"]
HERE = Path(__file__).resolve().parent

# JSON Schema ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json_schema(RECORDS.values(), "market_data")
    jsonschema.Draft202012Validator.check_schema(schema)
    return lambda name: jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})


@pytest.mark.parametrize("message", ALL, ids=lambda one: str(one.__name__))
def test_the_json_schema_takes_every_vector_that_keeps_its_rules(message: Any, validator: Any) -> None:
    check = validator(message.__name__)
    for one in vectors_of([message]):
        problems = [problem.message for problem in check.iter_errors(one["values"])]
        assert not (one["valid"] and problems), problems


@pytest.mark.parametrize(
    "name, change",
    [
        ("TradeTLV", {"price": 0}),
        ("TradeTLV", {"price": 2**63}),
        ("TradeTLV", {"price": "5"}),
        ("TradeTLV", {"venue_id": -1}),
        ("TradeTLV", {"colour": 5}),
        ("PoolSwapTLV", {"amount0": 5}),
        ("PoolSwapTLV", {"amount0_out": "-5"}),
        ("PoolSwapTLV", {"pool": "0x00"}),
        ("PoolSwapTLV", {"pool": None}),
        ("OrderBookTLV", {"bids": [{"price": -1, "size": 1, "order_count": 1}]}),
        ("Everything", {"price": "1.5"}),
        ("Everything", {"row": [1, 2]}),
        ("Everything", {"flag": 1}),
    ],
)
def test_the_json_schema_refuses_what_no_message_is(name: str, change: dict[str, Any], validator: Any) -> None:
    right = next(one["values"] for one in vectors_of([RECORDS[name].message]) if one["valid"])
    assert validator(name).is_valid(right)
    assert not validator(name).is_valid(right | change)


# Kaitai -----------------------------------------------------------------------------------------------------------


def lines_of(record: Record, seen: Any) -> Iterator[str]:
    """What a reader made by Kaitai has found, in the lines of the readers in C and Rust."""
    for token in record.values:
        value = getattr(seen, token.name, None)
        if token.what == "group":
            items = value.items if value is not None else []
            yield f"{token.name} {len(items)}"
            for item in items:
                yield from lines_of(RECORDS[token.item], item)
            continue
        for one in value if token.count is not None else [value]:  # type: ignore[union-attr]
            if token.what == "layout":
                yield from lines_of(RECORDS[token.item], one)
            else:
                yield f"{token.name} {found(token, one)}"


def found(token: Token, value: Any) -> str:
    if token.is_variable:
        value = value or ""
        return (value if isinstance(value, bytes) else value.encode()).hex()
    if token.what == "text":
        return str(value.encode().hex())
    if token.what == "float":
        empty = token.null is not None and value != value
        return "none" if empty else struct.pack(">d", value).hex()
    order: Any = "big" if token.big else "little"
    data = value if isinstance(value, bytes) else int(value).to_bytes(token.width, order, signed=token.signed)
    if token.null is not None and data == token.null:
        return "none"
    if token.what == "bytes":
        return data.hex()
    number = int.from_bytes(data, order, signed=token.signed)
    return f"{number % 2**256:064x}"


def test_what_kaitai_makes_of_the_specification_reads_every_vector(tmp_path: Path) -> None:
    kaitaistruct = pytest.importorskip("kaitaistruct")
    node, compiler = shutil.which("node"), Path(sys.prefix) / "kaitai" / "node_modules"
    if node is None or not compiler.is_dir():
        pytest.skip("the compiler of Kaitai is not here: make kaitai")
    files = exported_files(TARGETS, "kaitai")
    (tmp_path / "market_data.ksy").write_text(files["market_data.ksy"])
    done = subprocess.run(
        [node, HERE / "compile_kaitai.js", tmp_path / "market_data.ksy", tmp_path],
        capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "NODE_PATH": str(compiler)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    spec = spec_from_file_location("kaitai_market_data", tmp_path / "market_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for one in json.loads(files["market_data.vectors.json"])["vectors"]:
        record = RECORDS[one["message"]]
        reader = getattr(module.MarketData, "".join(part.capitalize() for part in record.snake.split("_")))
        seen = reader(kaitaistruct.KaitaiStream(kaitaistruct.BytesIO(bytes.fromhex(one["bytes"]))))
        assert list(lines_of(record, seen)) == list(expected_lines(record, one["values"], RECORDS))


def test_a_name_that_kaitai_cannot_write_is_refused() -> None:
    from mycelium.errors.contract import ExportNameError
    from mycelium.export.kaitai import kaitai_text

    with pytest.raises(ExportNameError, match=r"\[CON-006\] 'größe' cannot be written in kaitai"):
        kaitai_text(records_of([define_tlv("Sized", {"größe": i64}, type=1000)]), "sized")


# SBE --------------------------------------------------------------------------------------------------------------

PRIMITIVES = {"char": "s", "float": "f", "double": "d"} | {
    f"{sign}int{bits}": code.upper() if sign else code
    for bits, code in ((8, "b"), (16, "h"), (32, "i"), (64, "q"))
    for sign in ("", "u")
}


class SbeReader:
    """Reads the fixed block of a message with nothing but the schema."""

    def __init__(self, text: str) -> None:
        self.root = ET.fromstring(text)
        types = self.root.find("types")
        assert types is not None
        self.types = {one.get("name", ""): one for one in types}
        self.messages = {one.get("name", ""): one for one in self.root.findall(f"{{{NAMESPACE}}}message")}
        self.order = {"littleEndian": "<", "bigEndian": ">"}[self.root.get("byteOrder", "")]

    def format(self, name: str) -> str:
        """The struct format of a type by name, or of a composite as bytes."""
        if name in PRIMITIVES:
            return PRIMITIVES[name]
        return self.format_of(self.types[name])

    def format_of(self, one: ET.Element) -> str:
        if one.tag in {"enum", "set"}:
            return self.format(one.get("encodingType", ""))
        if one.tag == "composite":
            return f"{self.size(one)}s"
        if one.tag == "ref":
            return self.format(one.get("type", ""))
        length, code = int(one.get("length", "1")), PRIMITIVES[one.get("primitiveType", "")]
        return code if length == 1 else f"{length}{code}"

    def size(self, composite: ET.Element) -> int:
        """To the end of its last member."""
        at = 0
        for one in composite:
            if one.get("presence") != "constant":
                at = int(one.get("offset", at)) + struct.calcsize(f"<{self.format_of(one)}")
        return at

    def read(self, message: str, data: bytes) -> dict[str, tuple[int, int, tuple[Any, ...]]]:
        """Offset, size and stored values of each field."""
        told = {}
        for one in self.messages[message]:
            code = f"{self.order}{self.format(one.get('type', ''))}"
            at = int(one.get("offset", ""))
            told[one.get("name", "")] = at, struct.calcsize(code), struct.unpack_from(code, data, at)
        return told


def stored_values(token: Token, data: bytes) -> tuple[Any, ...]:
    """The same from the tokens: what lies at the place of the field."""
    part = data[token.offset : token.offset + token.size]
    if token.is_variable:
        return (part,)
    if token.what in {"int", "bool"} and token.width in {1, 2, 4, 8}:
        cut = [part[i : i + token.width] for i in range(0, token.size, token.width)]
        return tuple(int.from_bytes(one, "big" if token.big else "little", signed=token.signed) for one in cut)
    if token.what == "float":
        return struct.unpack(f"<{'f' if token.width == 4 else 'd'}", part)
    return (part,) if token.what in {"text", "layout"} and token.count is None else tuple(part)


@pytest.mark.parametrize(
    "targets, messages",
    [(["tlv.market_data"], MARKET_DATA_MESSAGES), (["tests.exported_messages:Everything"], (Everything,))],
    ids=["market data", "every kind"],
)
def test_the_sbe_schema_says_where_every_field_of_a_vector_lies(targets: list[str], messages: Any) -> None:
    files = exported_files(targets, "sbe-xml")
    (text,) = (text for name, text in files.items() if name.endswith(".xml"))
    reader = SbeReader(text.partition("\n")[2])
    assert set(reader.messages) == {one.__name__ for one in messages}
    for one in vectors_of(messages):
        record, data = RECORDS[one["message"]], bytes.fromhex(one["bytes"])
        told = reader.messages[record.name]
        assert (told.get("id"), told.get("blockLength")) == (str(record.type_id), str(record.size))
        seen = reader.read(record.name, data)
        assert set(seen) == {token.name for token in record.values}
        for token in record.values:
            offset, size, values = seen[token.name]
            assert offset == token.offset
            expected = stored_values(token, data)
            if token.what == "layout" and token.count is None:  # padding at its end belongs to no field of it
                expected = (expected[0][:size],)
            assert repr(values) == repr(expected), f"{record.name}.{token.name}"


def test_null_values_and_members_are_in_the_sbe_schema() -> None:
    (text,) = (text for name, text in exported_files(["tlv.market_data"], "sbe-xml").items() if name.endswith(".xml"))
    reader = SbeReader(text.partition("\n")[2])
    tick = next(one for one in reader.messages["PoolSwapTLV"] if one.get("name") == "tick")
    assert tick.get("presence") == "optional"
    assert reader.types[tick.get("type", "")].get("nullValue") == str(-(2**31))
    assert [(one.get("name"), one.text) for one in reader.types["DepthKind"]] == [("UPDATE", "0"), ("SNAPSHOT", "1")]
    header = [one.get("name") for one in reader.types["messageHeader"]]
    assert set(header) >= {"blockLength", "templateId", "schemaId", "version"}


def test_messages_of_two_byte_orders_are_no_sbe_schema(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["contract", "export", TARGETS[1], "--to", "sbe-xml", "--into", str(tmp_path)])
    assert done.exit_code == 2
    assert "[CON-007] Foreign cannot be written in sbe-xml: others have the other byte order" in done.output


def test_the_lines_tell_values_apart() -> None:
    """What the readers are compared by."""
    token = next(one for one in RECORDS["Everything"].values if one.name == "price")
    assert shown(token, "1.5") == f"{150_000_000:064x}"
    assert list(flat([[1, 2], [3]])) == [1, 2, 3]
