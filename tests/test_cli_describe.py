"""`mycelium describe`: layouts of messages as text, JSON and Markdown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mycelium.cli import cli


def describe(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["describe", *arguments])


def test_a_message_is_shown_with_offset_size_type_unit_and_description() -> None:
    result = describe("tlv.market_data:TradeTLV")
    assert result.exit_code == 0
    assert result.output.startswith("TradeTLV: type 1, version 1, 32 bytes")
    price = next(line for line in result.output.splitlines() if "price" in line)
    assert price.split()[:5] == ["0", "8", "price", "i64", "1e-8"]


def test_a_module_shows_all_its_messages_by_type_and_plain_layouts_last() -> None:
    result = describe("tlv.market_data", "--json")
    told = json.loads(result.output)
    assert [one["type_id"] for one in told] == [*range(1, 18), None]
    assert told[-1]["name"] == "OrderLevel"


def test_one_message_is_one_json_object() -> None:
    told = json.loads(describe("tlv.market_data:TradeTLV", "--json").output)
    assert told["name"] == "TradeTLV"
    assert sum(field["size"] for field in told["fields"]) == told["size"] == 32


def test_markdown_is_a_page_with_a_section_for_each_message() -> None:
    lines = describe("tlv.market_data:TradeTLV", "--markdown").output.splitlines()
    assert lines[0] == "# tlv.market_data:TradeTLV"
    assert lines[lines.index("## TradeTLV") + 4].startswith("Type 1, version 1, 32 bytes, little-endian, digest ")
    assert "| 24 | 4 | `venue_id` | `u32` | id |" in "\n".join(lines)


def test_the_page_of_a_module_begins_with_its_docstring() -> None:
    lines = describe("tlv.market_data", "--markdown").output.splitlines()
    assert lines[0] == "# The 17 market-data messages (types 1 to 17) and the level of a book"
    assert lines[2] == "Conventions that hold for every message here:"


def test_a_tuple_of_messages_can_be_named_and_modules_are_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_messages.py").write_text(
        "from mycelium import Domain, actor_messages\n"
        "from tlv import TLV, u8\n"
        "@actor_messages(domain=Domain.USER)\n"
        "class Mine:\n"
        "    class Ping(TLV, type=1000):\n"
        "        n: u8\n"
        "    class Pong(TLV, type=1001):\n"
        "        n: u8\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names = [one["name"] for one in json.loads(describe("my_own_messages:Mine", "--json").output)]
    assert names == ["Ping", "Pong"]
    assert names == [one["name"] for one in json.loads(describe("my_own_messages", "--json").output)]
    assert json.loads(describe("my_own_messages:Mine.Pong", "--json").output)["name"] == "Pong"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere", "[NOD-008] nothing to describe at 'nowhere': there is no module 'nowhere' here"),
        ("tlv.market_data:TradTLV", "there is no 'TradTLV'; did you mean 'TradeTLV'?"),
        ("tlv.market_data:Price", "it is no message and no set of messages"),
        ("tlv.sequence", "the module has no messages"),
    ],
)
def test_a_wrong_target_is_one_line_and_exit_code_2(target: str, said: str) -> None:
    result = describe(target)
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.splitlines()) == 1


def test_a_module_that_fails_to_import_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_messages.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    result = describe("broken_messages")
    assert result.exit_code == 2
    assert "broken_messages fails to import: ZeroDivisionError: division by zero" in result.output


def test_debug_adds_the_traceback() -> None:
    result = describe("nowhere", "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.output
    assert "Traceback" not in describe("nowhere").output


def test_a_topology_file_shows_its_wiring(tmp_path: Path) -> None:
    file = tmp_path / "demo.toml"
    file.write_text(
        '[actors.ticker]\nclass = "tests.topology_actors:Ticker"\nprofile = "made"\n'
        '[actors.tape]\nclass = "tests.topology_actors:Tape"\n'
    )
    text = describe(str(file), "--profile", "made").output
    assert text.startswith("demo (profile made): 2 actors, in the order in which they start\n")
    assert "\nticker  tests.topology_actors:Ticker\n  Tick -> tape\n" in text
    assert "warning: [TOP-020]" in text
    told = json.loads(describe(str(file), "--json").output)
    assert [actor["name"] for actor in told["actors"]] == ["tape"]
    assert [warning["code"] for warning in told["warnings"]] == ["TOP-020", "TOP-021"]
    assert describe(str(file), "--profile", "mad").exit_code == 2
