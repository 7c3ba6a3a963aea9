"""`mycelium contract export`: readers in other languages find in every golden vector what the message has."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mycelium.cli import cli
from mycelium.export import exported_files, vectors_of
from mycelium.export.tokens import Record, records_of, snake
from tests.exported_messages import MESSAGES, Everything
from tests.exported_readers import c_program, expected_lines, rust_program
from tlv import TLV
from tlv.market_data import MARKET_DATA_MESSAGES

TARGETS = ["tlv.market_data", "tests.exported_messages"]
RECORDS: dict[str, Record] = {one.name: one for one in records_of((*MARKET_DATA_MESSAGES, *MESSAGES))}


def vectors_in(files: dict[str, str]) -> list[dict[str, Any]]:
    (text,) = (text for name, text in files.items() if name.endswith(".vectors.json"))
    found: list[dict[str, Any]] = json.loads(text)["vectors"]
    assert {one["message"] for one in found} == {one.__name__ for one in (*MARKET_DATA_MESSAGES, *MESSAGES)}
    return found


def write(folder: Path, files: dict[str, str]) -> list[dict[str, Any]]:
    for name, text in files.items():
        (folder / name).write_text(text)
    return vectors_in(files)


def run(*command: object, input: str = "") -> str:
    done = subprocess.run(
        list(map(str, command)), input=input, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[:5000]
    return done.stdout


def program_or_skip(*names: str) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is here")
    return found


def sent_and_found(vectors: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """A line for each vector, and one with a group that says it lies elsewhere: what a reader has to say of them."""
    sent = [(one["message"], bytes.fromhex(one["bytes"])) for one in vectors]
    lines = [line for one in vectors for line in expected_lines(RECORDS[one["message"]], one["values"], RECORDS)]
    name, data = next((name, data) for name, data in sent if name == "OrderBookTLV" and data[28:32] != bytes(4))
    at = RECORDS[name].message.layout["bids"].offset
    values = next(one["values"] for one in vectors if bytes.fromhex(one["bytes"]) == data)
    told = list(expected_lines(RECORDS[name], values | {"bids": []}, RECORDS))
    damaged = data[:at] + (len(data) - 4).to_bytes(4, "little") + data[at + 4 :]
    return "".join(f"{one} {octets.hex()}\n" for one, octets in [*sent, (name, damaged)]), [
        *lines,
        *("bids damaged" if line == "bids 0" else line for line in told),
    ]


def test_the_c_header_reads_every_vector(tmp_path: Path) -> None:
    compiler = program_or_skip("gcc", "clang", "cc")
    vectors, lines = sent_and_found(write(tmp_path, exported_files(TARGETS, "c")))
    (tmp_path / "read.c").write_text(c_program("market_data.h", RECORDS))
    flags = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wno-unused-function", "-Werror")
    run(compiler, *flags, tmp_path / "read.c", "-o", tmp_path / "read")
    assert run(tmp_path / "read", input=vectors).splitlines() == lines


def test_the_rust_module_reads_every_vector(tmp_path: Path) -> None:
    compiler = program_or_skip("rustc")
    vectors, lines = sent_and_found(write(tmp_path, exported_files(TARGETS, "rust")))
    (tmp_path / "read.rs").write_text(rust_program("market_data.rs", RECORDS))
    run(compiler, "--edition", "2021", "-D", "warnings", tmp_path / "read.rs", "-o", tmp_path / "read")
    assert run(tmp_path / "read", input=vectors).splitlines() == lines


# The vectors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [*MARKET_DATA_MESSAGES, *MESSAGES], ids=lambda one: one.__name__)
def test_the_vectors_of_a_message_are_its_own(message: type[TLV]) -> None:
    vectors = vectors_of([message])
    assert vectors == vectors_of([message]), "they are the same every time"
    assert sum(one["valid"] for one in vectors) >= 3
    assert len({one["bytes"] for one in vectors}) >= 6
    for one in vectors:
        read = message.read_from(bytes.fromhex(one["bytes"]))
        assert json.loads(read.to_json()) == one["values"]
        assert message.from_json(json.dumps(one["values"])) == read


def test_vectors_have_every_optional_field_with_and_without_a_value() -> None:
    for message in (*MARKET_DATA_MESSAGES, *MESSAGES):
        vectors = vectors_of([message])
        for token in RECORDS[message.__name__].values:
            if token.null is not None:
                found = {one["values"][token.name] is None for one in vectors}
                assert found == {True, False}, f"{message.__name__}.{token.name}"


def test_names_in_small_letters() -> None:
    assert [snake(name) for name in ("OrderBookTLV", "PoolSwapTLV", "Side", "HTTPReply2", "a_b")] == [
        "order_book_tlv", "pool_swap_tlv", "side", "http_reply2", "a_b",
    ]  # fmt: skip


def test_the_layouts_inside_come_before_those_that_need_them() -> None:
    names = [one.name for one in records_of([Everything])]
    assert names == ["Point", "Everything"]


# The command ------------------------------------------------------------------------------------------------------


def test_the_command_writes_messages_and_vectors(tmp_path: Path) -> None:
    into = tmp_path / "out" / "c"
    done = CliRunner().invoke(cli, ["contract", "export", "tlv.market_data:TradeTLV", "--to", "c", "--into", str(into)])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in into.iterdir()) == ["market_data.h", "market_data.vectors.json"]
    assert "_Static_assert(offsetof(trade_tlv_layout, venue_id) == 24" in (into / "market_data.h").read_text()


def test_a_target_without_messages_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["contract", "export", "tlv.errors", "--to", "c", "--into", str(tmp_path)])
    assert done.exit_code == 2
    assert "[CON-005] tlv.errors cannot be looked at: it has no messages to export" in done.output
