"""Event logs: against the tables that demeter-fetch decoded, the counts of the notes, and words taken apart by hand."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.errors import FeedError, LookalikeLogError, MalformedRowError, UnknownPoolError
from actors.feeds.dex_events import EVENTS, IGNORED
from actors.feeds.dex_log import RawLog
from actors.feeds.dex_sources import topics_of
from actors.feeds.seen import SeenLogs
from mycelium.venues import Venue, VenueTable
from tests.feed_helpers import USDC_WETH, Run, counts, make_feed, run_feed, write_csv
from tests.keccak import keccak_256
from tlv import TLV
from tlv.market_data import (
    LiquidityAddTLV,
    LiquidityRemoveTLV,
    PoolBurnTLV,
    PoolCollectTLV,
    PoolFlashTLV,
    PoolMintTLV,
    PoolSwapTLV,
    PoolSyncTLV,
    PoolTickTLV,
    Protocol,
    TickReason,
)

ETHEREUM = "dex/uniswap_v3_ethereum_0x88e6a0c2_usdc_weth_5bp_2024-01-05_00h-12h"
POLYGON = "dex/uniswap_v3_polygon_0x45dda9cb_usdc_weth_5bp_2021-12-22"
MANAGER = "dex/uniswap_v3_ethereum_position_manager_0xc36442b4_2024-01-05_00h-12h.raw.csv"
LINES = "dex/ethereum_mainnet_dex_logs.jsonl"
BLOCK = "dex/ethereum_block_18000003_all_logs.json"
FIXTURES = "dex/nautilus_parser_fixture_logs.jsonl"
LOOKALIKE = "0xfbd8e260cf7e41830b82aacbe1065277ad8a261b"
CANONICAL_MANAGER = "c36442b4a4522e871399cd717abdd847ab11fe88"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def address(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def expected_of(row: dict[str, str], raw: dict[str, str], pool: bytes, venue_id: int) -> TLV:
    """The message that one decoded row stands for; the owner of a mint is only in the raw row."""
    moment = datetime.fromisoformat(row["block_timestamp"]).replace(tzinfo=UTC)
    place: dict[str, Any] = {
        "pool": pool,
        "block_number": int(row["block_number"]),
        "timestamp": int(moment.timestamp()) * 10**9,
        "log_index": int(row.get("log_index") or row["pool_log_index"]),
        "venue_id": venue_id,
        "protocol": Protocol.UNISWAP_V3,
        "amount0": int(row["amount0"]),
        "amount1": int(row["amount1"]),
    }
    if row["tx_type"] == "SWAP":
        return PoolSwapTLV(
            **place,
            amount0_out=max(0, -place["amount0"]),
            amount1_out=max(0, -place["amount1"]),
            sqrt_price_x96=int(row["sqrtPriceX96"]),
            tick=int(row["current_tick"].removesuffix(".0")),
            liquidity=int(row["total_liquidity"]),
            sender=address(row["sender"]),
            recipient=address(row["receipt"]),
        )
    place["tick_lower"] = int(float(row["tick_lower"]))
    place["tick_upper"] = int(float(row["tick_upper"]))
    if row["tx_type"] == "MINT":
        topics = re.findall("0x[0-9a-f]{64}", raw.get("topics") or raw["pool_topics"])
        owner = bytes.fromhex(topics[1][26:])
        return PoolMintTLV(**place, liquidity=int(row["liquidity"]), sender=address(row["sender"]), owner=owner)
    if row["tx_type"] == "BURN":
        owner = address(row["sender"])
        return PoolBurnTLV(**place, liquidity=int(row["liquidity"]), owner=owner, sender=None, recipient=None)
    assert row["tx_type"] == "COLLECT"
    owner, recipient = address(row["sender"]), address(row["receipt"])
    return PoolCollectTLV(**place, token_id=None, owner=owner, recipient=recipient)


@pytest.mark.parametrize(
    "name, pool, venue_id, rows",
    [(ETHEREUM, USDC_WETH.hex(), 20, 2934), (POLYGON, "45dda9cb7c25131df268515131f647d726f50608", 21, 210)],
)
def test_every_v3_event_equals_the_decoded_table(
    shared_data: Path, name: str, pool: str, venue_id: int, rows: int
) -> None:
    decoded, raw = (table(shared_data / f"{name}.{kind}.csv") for kind in ("decoded", "raw"))
    assert len(decoded) == rows
    pairs = zip(decoded, raw, strict=True)
    expected = [expected_of(row, raw_row, address(pool), venue_id) for row, raw_row in pairs]
    messages = run_feed("dex", shared_data / f"{name}.raw.csv").messages
    of_the_pool = [message for message in messages if getattr(message, "pool", None) is not None]
    assert of_the_pool == expected


def test_the_counts_of_v2_v3_and_manager_events_are_those_of_the_notes(shared_data: Path) -> None:
    run = run_feed("dex", shared_data / LINES)
    swaps, mints, burns = run.only(PoolSwapTLV), run.only(PoolMintTLV), run.only(PoolBurnTLV)
    v2 = Protocol.UNISWAP_V2
    assert len(run.only(PoolSyncTLV)) == 288
    assert run.refused == {"FEED-010": 34}
    assert sum(swap.protocol == v2 for swap in swaps) == 313 - 34 == 279
    assert (sum(mint.protocol == v2 for mint in mints), sum(burn.protocol == v2 for burn in burns)) == (4, 5)
    assert (len(swaps) - 279, len(mints) - 4, len(burns) - 5) == (33, 9, 1)
    assert [tick.reason for tick in run.only(PoolTickTLV)] == [TickReason.INITIALIZE] * 6
    collects = {collect.protocol for collect in run.only(PoolCollectTLV)}
    assert collects == {Protocol.POSITION_MANAGER, Protocol.UNISWAP_V3}
    assert len(run.only(PoolCollectTLV)) == 2
    assert (len(run.only(LiquidityAddTLV)), len(run.only(LiquidityRemoveTLV))) == (9, 1)
    assert run.feed.readings[0].ignored == {"PairCreated": 1, "PoolCreated": 6}


def test_the_counts_of_the_position_manager_are_those_of_the_notes(shared_data: Path) -> None:
    run = run_feed("dex", shared_data / MANAGER)
    assert counts(run.messages) == {"LiquidityAddTLV": 777, "LiquidityRemoveTLV": 597, "PoolCollectTLV": 782}
    assert {message.manager.hex() for message in run.only(LiquidityAddTLV)} == {CANONICAL_MANAGER}


def test_a_joined_file_holds_the_logs_of_pool_and_manager(shared_data: Path) -> None:
    run = run_feed("dex", shared_data / f"{POLYGON}.raw.csv")
    assert counts(run.messages) == {
        "PoolSwapTLV": 199,
        "PoolMintTLV": 7,
        "PoolBurnTLV": 2,
        "PoolCollectTLV": 2 + 2,
        "LiquidityAddTLV": 7,
        "LiquidityRemoveTLV": 1,
    }
    mints = {mint.block_number: mint for mint in run.only(PoolMintTLV)}
    for added in run.only(LiquidityAddTLV):
        mint = mints[added.block_number]
        assert (added.liquidity, added.amount0, added.amount1) == (mint.liquidity, mint.amount0, mint.amount1)
        assert added.log_index > mint.log_index
        assert added.manager.hex() == CANONICAL_MANAGER


def test_a_whole_answer_is_read_and_other_logs_are_counted(shared_data: Path) -> None:
    run = run_feed("dex", shared_data / BLOCK)
    found = counts(run.messages)
    assert found == {"PoolSyncTLV": 26, "PoolSwapTLV": 24 + 1, "PoolMintTLV": 1, "PoolBurnTLV": 1}
    (reading,) = run.feed.readings
    assert reading.rows == 252 == sum(found.values()) + sum(reading.ignored.values())
    assert reading.ignored["PairCreated"] == 1
    assert reading.ignored["Transfer"] > 0


def test_wrapped_logs_of_another_chain_are_read(shared_data: Path) -> None:
    run = run_feed("dex", shared_data / FIXTURES)
    kinds = ["PoolBurnTLV", "PoolCollectTLV", "PoolFlashTLV", "PoolTickTLV", "PoolMintTLV", "PoolSwapTLV"]
    assert [type(message).__name__ for message in run.messages] == kinds
    (flash,) = run.only(PoolFlashTLV)
    log = next(json.loads(line)["log"] for line in (shared_data / FIXTURES).read_text().splitlines() if "flash" in line)
    words = [int(log["data"][2 + 64 * i : 66 + 64 * i], 16) for i in range(4)]
    assert [flash.amount0, flash.amount1, flash.paid0, flash.paid1] == words
    assert (flash.pool, flash.venue_id) == (address(log["address"]), 0)
    assert flash.sender == address(log["topics"][1][26:])


def test_v2_events_carry_the_words_of_their_logs(shared_data: Path) -> None:
    logs = {
        (int(log["blockNumber"], 16), int(log["logIndex"], 16)): log
        for log in map(json.loads, (shared_data / LINES).read_text().splitlines())
    }
    run = run_feed("dex", shared_data / LINES)
    for swap in run.only(PoolSwapTLV):
        if swap.protocol != Protocol.UNISWAP_V2:
            continue
        log = logs[swap.block_number, swap.log_index]
        in0, in1, out0, out1 = (int(log["data"][2 + 64 * i : 66 + 64 * i], 16) for i in range(4))
        assert (swap.amount0, swap.amount1) == (in0 - out0, in1 - out1)
        assert (swap.amount0_out, swap.amount1_out) == (out0, out1)
        assert (swap.sender, swap.recipient) == tuple(address(topic[26:]) for topic in log["topics"][1:])
        assert swap.pool == address(log["address"])
        assert (swap.tick, swap.liquidity, swap.sqrt_price_x96) == (None, None, None)
    for sync in run.only(PoolSyncTLV):
        data = logs[sync.block_number, sync.log_index]["data"]
        assert (sync.reserve0, sync.reserve1) == (int(data[2:66], 16), int(data[66:], 16))


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.name)
def test_a_topic_is_the_hash_of_its_signature(event: Any) -> None:
    assert keccak_256(event.signature.encode()) == event.topic
    words = event.words.layout.size // 32
    assert event.signature.count(",") + 1 == words


def test_the_ignored_topics_are_what_they_are_called() -> None:
    signatures = {
        "Transfer": "Transfer(address,address,uint256)",
        "Approval": "Approval(address,address,uint256)",
        "PairCreated": "PairCreated(address,address,address,uint256)",
        "PoolCreated": "PoolCreated(address,address,uint24,int24,address)",
    }
    assert {topic: name for name, text in signatures.items() for topic in [keccak_256(text.encode())]} == IGNORED


# ---- Look-alikes


def test_each_lookalike_is_told_with_contract_and_place(shared_data: Path) -> None:
    with pytest.raises(
        LookalikeLogError, match=f"line 599: contract {LOOKALIKE} emitted the topic of V2 Swap"
    ) as caught:
        run_feed("dex", shared_data / LINES, lookalikes="stop")
    assert (caught.value.block, caught.value.log_index) == (18100000, 175)


SYNC = next(event for event in EVENTS.values() if event.name == "V2 Sync")
V2_SWAP = next(event for event in EVENTS.values() if event.name == "V2 Swap")
V3_SWAP = next(event for event in EVENTS.values() if event.name == "V3 Swap")
V3_MINT = next(event for event in EVENTS.values() if event.name == "V3 Mint")
PAIR = "0x" + "ab" * 20


def word(number: int) -> str:
    return f"{number % 2**256:064x}"


def log_of(event: Any, index: int, indexed: list[int], words: list[int], contract: str = PAIR, **changes: Any) -> str:
    log = {
        "address": contract,
        "topics": [f"0x{event.topic.hex()}", *(f"0x{word(number)}" for number in indexed)],
        "data": "0x" + "".join(map(word, words)),
        "blockNumber": "0x10",
        "logIndex": hex(index),
        "transactionHash": f"0x{index:064x}",
        "removed": False,
    }
    return json.dumps({**log, **changes})


PRICE, TICK = 2**96, 0
GOOD_SYNC = log_of(SYNC, 1, [], [10, 20])
GOOD_SWAP = log_of(V2_SWAP, 2, [1, 2], [5, 0, 0, 6])
GOOD_V3_SWAP = log_of(V3_SWAP, 5, [1, 2], [7, -8, PRICE, 9, TICK])


def run_lines(tmp_path: Path, *lines: str, **config: Any) -> Run:
    path = tmp_path / "logs.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return run_feed("dex", path, **config)


def test_a_pair_emits_its_sync_right_before_its_swap(tmp_path: Path) -> None:
    assert run_lines(tmp_path, GOOD_SYNC, GOOD_SWAP, lookalikes="stop").refused == {}
    assert run_lines(tmp_path, GOOD_SWAP, GOOD_SYNC, lookalikes="stop").refused == {}


@pytest.mark.parametrize(
    "sync",
    [
        log_of(SYNC, 1, [], [10, 20], contract="0x" + "cd" * 20),
        log_of(SYNC, 0, [], [10, 20]),
        log_of(SYNC, 3, [], [10, 20]),
        log_of(SYNC, 1, [], [10, 20], blockNumber="0xf"),
    ],
    ids=["of another pair", "not right before", "after", "of another block"],
)
def test_a_sync_that_is_not_right_before_does_not_count(tmp_path: Path, sync: str) -> None:
    assert run_lines(tmp_path, sync, GOOD_SWAP).refused == {"FEED-010": 1}
    assert run_lines(tmp_path, sync, GOOD_SWAP, require_sync=False).refused == {}


@pytest.mark.parametrize(
    "log, reason",
    [
        (log_of(V3_SWAP, 5, [1], [2, 7, -8, PRICE, 9, TICK]), "has 2 topics"),
        (log_of(V3_SWAP, 5, [1, 2], [7, -8, PRICE, 9]), "has 128 bytes of data"),
        (log_of(V3_SWAP, 5, [1, 2], [7, -8, PRICE, 9, TICK, 0]), "has 192 bytes of data"),
        (log_of(V3_SWAP, 5, [2**160, 2], [7, -8, PRICE, 9, TICK]), "its sender is"),
        (log_of(V3_SWAP, 5, [1, 2], [7, -8, 2**160, 9, TICK]), "its sqrt_price_x96 is"),
        (log_of(V3_SWAP, 5, [1, 2], [7, -8, 5, 9, TICK]), "its sqrt_price_x96 is 5"),
        (log_of(V3_SWAP, 5, [1, 2], [7, -8, PRICE, 2**128, TICK]), "its liquidity is"),
        (log_of(V3_SWAP, 5, [1, 2], [7, -8, PRICE, 9, 887273]), "its tick is 887273"),
        (log_of(V3_SWAP, 5, [1, 2], [7, -8, PRICE, 9, 1]), "tick 1 does not go with its price"),
        (log_of(V3_SWAP, 5, [1, 2], [7, -8, PRICE, 9, -2]), "tick -2 does not go with its price"),
        (log_of(V3_SWAP, 5, [1, 2], [7, 8, PRICE, 9, TICK]), "one token in and the other out"),
        (log_of(V3_MINT, 5, [1, -10, 10], [3, 2**128, 5, 6]), "its liquidity is"),
        (log_of(V3_MINT, 5, [1, 10, 10], [3, 4, 5, 6]), "tick_lower must be below"),
        (log_of(SYNC, 5, [], [2**112, 1]), "its reserve0 is"),
        (log_of(V2_SWAP, 2, [1, 2], [0, 0, 0, 6]), "something in"),
        (log_of(V2_SWAP, 2, [1, 2], [5, 0, 0, 0]), "something out"),
    ],
)
def test_what_no_pool_can_emit_is_a_lookalike(tmp_path: Path, log: str, reason: str) -> None:
    assert run_lines(tmp_path, GOOD_SYNC, log).refused == {"FEED-010": 1}
    with pytest.raises(LookalikeLogError, match=reason):
        run_lines(tmp_path, GOOD_SYNC, log, lookalikes="stop")


def test_a_swap_down_onto_a_boundary_reports_the_tick_below(tmp_path: Path) -> None:
    (swap,) = run_lines(tmp_path, log_of(V3_SWAP, 5, [1, 2], [7, -8, PRICE, 9, -1])).only(PoolSwapTLV)
    assert swap.tick == -1


# ---- Bad input


@pytest.mark.parametrize(
    "change, column",
    [
        ({"data": "0x123"}, "data"),
        ({"data": "1234"}, "data"),
        ({"data": "0xzz"}, "data"),
        ({"data": 7}, "data"),
        ({"topics": "0x12"}, "topics"),
        ({"topics": ["0x12"]}, "topics"),
        ({"topics": [None, f"0x{word(1)}"]}, "topics"),
        ({"address": "0x12"}, "address"),
        ({"address": None}, "address"),
        ({"blockNumber": "0x"}, "blockNumber"),
        ({"blockNumber": None}, "blockNumber"),
        ({"blockNumber": hex(2**64)}, "blockNumber"),
        ({"logIndex": -1}, "logIndex"),
        ({"logIndex": True}, "logIndex"),
        ({"logIndex": hex(2**32)}, "logIndex"),
        ({"transactionHash": "0x12"}, "transactionHash"),
        ({"blockTimestamp": "soon"}, "blockTimestamp"),
    ],
)
def test_a_malformed_log_is_told_with_its_field(tmp_path: Path, change: dict[str, Any], column: str) -> None:
    bad = log_of(V3_SWAP, 5, [1, 2], [7, -8, PRICE, 9, TICK], **change)
    with pytest.raises(MalformedRowError) as caught:
        run_lines(tmp_path, GOOD_SYNC, bad)
    assert (caught.value.line, caught.value.column) == (2, column)
    run = run_lines(tmp_path, GOOD_SYNC, bad, on_malformed="skip")
    assert (len(run.messages), run.refused) == (1, {"FEED-005": 1})


@pytest.mark.parametrize("line", ['{"address": ', "nonsense", "[" * 100_000, '{"topics": [], "data": NaN}'])
def test_a_line_that_is_no_json_is_told(tmp_path: Path, line: str) -> None:
    with pytest.raises(MalformedRowError, match="line 2"):
        run_lines(tmp_path, GOOD_SYNC, line)
    assert run_lines(tmp_path, GOOD_SYNC, line, on_malformed="skip").refused == {"FEED-005": 1}


def test_a_document_that_ends_early_is_told_with_its_line(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text((shared_data / BLOCK).read_text()[:100_000])
    with pytest.raises(MalformedRowError, match="JSON") as caught:
        run_feed("dex", path)
    assert caught.value.line > 1000
    assert run_feed("dex", path, on_malformed="skip").refused == {"FEED-005": 1}


def test_removed_logs_and_logs_without_topics_are_counted(tmp_path: Path) -> None:
    removed = log_of(SYNC, 7, [], [1, 1], removed=True)
    bare = log_of(SYNC, 8, [], [], topics=[])
    run = run_lines(tmp_path, GOOD_SYNC, removed, bare, '{"jsonrpc": "2.0", "result": []}')
    assert len(run.messages) == 1
    assert run.feed.readings[0].ignored == {"removed": 1, "logs without topic": 1, "JSON without logs": 1}


def test_other_spellings_and_wrappings_are_read(tmp_path: Path) -> None:
    plain = json.loads(GOOD_V3_SWAP)
    names = {"blockNumber": "block_number", "logIndex": "log_index", "transactionHash": "transaction_hash"}
    snake = {names.get(key, key): value for key, value in plain.items()}
    snake["topics"] = [*snake["topics"], None]
    again = {**snake, "transaction_hash": "0x" + "11" * 32, "block_number": 16, "log_index": "5"}
    receipt = {"result": {"receipts": [{"timestamp": 1_600_000_000, "logs": [again]}]}}
    notice = {"method": "eth_subscription", "params": {"result": {**plain, "transactionHash": "0x" + "22" * 32}}}
    run = run_lines(tmp_path, json.dumps(snake), json.dumps([receipt]), json.dumps(notice))
    first, second, third = run.only(PoolSwapTLV)
    assert second.timestamp == 1_600_000_000 * 10**9
    assert first == third == second.replace(timestamp=0)


def test_a_block_time_is_taken_where_the_node_gives_it(tmp_path: Path) -> None:
    (sync,) = run_lines(tmp_path, log_of(SYNC, 1, [], [1, 2], blockTimestamp="0x64ea2693")).only(PoolSyncTLV)
    assert sync.timestamp == 0x64EA2693 * 10**9


def test_a_log_that_came_before_is_counted_and_left_out(shared_data: Path) -> None:
    run = run_feed("dex", shared_data / LINES, shared_data / BLOCK)
    assert sum(reading.ignored["logs read before"] for reading in run.feed.readings) == 53
    assert counts(run.messages)["PoolSyncTLV"] == 288
    twice = run_feed("dex", shared_data / LINES, shared_data / BLOCK, repeated="keep")
    assert len(twice.messages) == len(run.messages) + 53


@pytest.mark.parametrize(
    "text", ["", "0x12", "['0x12']", "[0x12]", "['0x12", "__import__('os')", "[']", '["]', "[,]", "[[]]", "['0x1', ]"]
)
def test_topics_are_parsed_and_never_evaluated(text: str) -> None:
    with pytest.raises(ValueError, match=r"list of topics|quotes|hex digits"):
        topics_of(text)


def test_topics_are_read_as_python_and_as_json_write_them() -> None:
    one, two = f"0x{word(1)}", f"0x{word(2)}"
    assert (
        topics_of(str([one, two]))
        == topics_of(json.dumps([one, two]))
        == (bytes.fromhex(word(1)), bytes.fromhex(word(2)))
    )
    assert topics_of("[]") == topics_of("[ ]") == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda row: row[: len(row) // 2],
        lambda row: row[:-1],
        lambda row: row.replace("0xc42079", "0xc4207"),
        lambda row: row.replace("[", "("),
        lambda row: row.replace("18937382", "block"),
        lambda row: row.replace("2024-01-05", "2024-13-05"),
        lambda row: row.replace('"', ""),
    ],
)
def test_a_malformed_row_of_raw_logs_is_told(shared_data: Path, tmp_path: Path, damage: Callable[[str], str]) -> None:
    lines = (shared_data / f"{ETHEREUM}.raw.csv").read_text().splitlines()[:4]
    path = write_csv(tmp_path / "0x88e6a0c2.csv", lines[0], [lines[1], damage(lines[2]), lines[3]])
    with pytest.raises(MalformedRowError, match="line 3"):
        run_feed("dex", path)
    run = run_feed("dex", path, on_malformed="skip")
    assert (len(run.messages), run.refused) == (2, {"FEED-005": 1})


def test_data_cut_at_a_word_is_no_swap(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / f"{ETHEREUM}.raw.csv").read_text().splitlines()[:2]
    path = write_csv(tmp_path / "0x88e6a0c2.csv", lines[0], [lines[1][:-64]])
    assert run_feed("dex", path).refused == {"FEED-010": 1}


# ---- Which contract a raw file is of


def renamed(shared_data: Path, tmp_path: Path, name: str, source: str = f"{ETHEREUM}.raw.csv") -> Path:
    return Path(shutil.copyfile(shared_data / source, tmp_path / name))


def test_the_whole_address_in_a_name_needs_no_venue_table(shared_data: Path, tmp_path: Path) -> None:
    path = renamed(shared_data, tmp_path, f"ethereum-0x{USDC_WETH.hex().upper()}-2024.csv")
    swap = run_feed("dex", path, venues=VenueTable()).only(PoolSwapTLV)[0]
    assert (swap.pool, swap.venue_id) == (USDC_WETH, 0)


def test_a_name_without_an_address_is_told(shared_data: Path, tmp_path: Path) -> None:
    path = renamed(shared_data, tmp_path, "logs.csv")
    with pytest.raises(UnknownPoolError, match="its name holds no address"):
        run_feed("dex", path)
    assert run_feed("dex", path, on_malformed="skip").refused == {"FEED-011": 1}
    assert run_feed("dex", path, pool=f"0x{USDC_WETH.hex()}").only(PoolSwapTLV)[0].pool == USDC_WETH


def test_the_first_digits_of_an_unknown_pool_are_told_or_carried(shared_data: Path, tmp_path: Path) -> None:
    path = renamed(shared_data, tmp_path, "uniswap_v3_0x12345678_xyz.csv")
    with pytest.raises(UnknownPoolError, match="begins with 0x12345678"):
        run_feed("dex", path)
    swap = run_feed("dex", path, unknown_venues="number").only(PoolSwapTLV)[0]
    assert (swap.pool, swap.venue_id) == (bytes.fromhex("12345678") + bytes(16), 0)


def test_a_manager_file_needs_no_address(shared_data: Path, tmp_path: Path) -> None:
    path = renamed(shared_data, tmp_path, "ethereum-uniswap-proxy-lp-2024-01-05.raw.csv", MANAGER)
    run = run_feed("dex", path, venues=VenueTable())
    assert {message.manager.hex() for message in run.only(LiquidityAddTLV)} == {CANONICAL_MANAGER}


def test_first_digits_that_several_venues_share_are_told(shared_data: Path, tmp_path: Path) -> None:
    venues = VenueTable([Venue(id=i, name=str(i), address=bytes.fromhex("88e6a0c2") + bytes([i] * 16)) for i in (1, 2)])
    path = renamed(shared_data, tmp_path, "0x88e6a0c2.csv")
    with pytest.raises(UnknownPoolError, match="2 addresses of the venue table begin with"):
        run_feed("dex", path, venues=venues)


@pytest.mark.parametrize(
    "name, manager",
    [
        ("positions_0xc36442b4.csv", CANONICAL_MANAGER),
        ("positions_0x" + "ab" * 20 + ".csv", "ab" * 20),
        ("positions_0x51000000.csv", "51" + "00" * 18 + "04"),
        ("positions_0x99999999.csv", CANONICAL_MANAGER),
    ],
)
def test_a_manager_file_may_name_another_manager(shared_data: Path, tmp_path: Path, name: str, manager: str) -> None:
    venues = VenueTable([Venue(id=1, name="m", address=bytes.fromhex("51" + "00" * 18 + "04"))])
    run = run_feed("dex", renamed(shared_data, tmp_path, name, MANAGER), venues=venues)
    assert {message.manager.hex() for message in run.only(LiquidityAddTLV)} == {manager}


def test_a_joined_row_without_the_place_of_its_second_log_is_told(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / f"{POLYGON}.raw.csv").read_text().splitlines()
    joined = next(line for line in lines[1:] if line[-1] != ",")
    for index, refused in (("", {"FEED-005": 1}), ("230.0", {}), ("x", {"FEED-005": 1})):
        row = f"{joined.rpartition(',')[0]},{index}"
        path = write_csv(tmp_path / "0x45dda9cb.csv", lines[0], [row])
        assert run_feed("dex", path, on_malformed="skip").refused == refused


def test_logs_nested_without_end_and_documents_without_bound_are_told(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_lines(tmp_path, "[" * 40 + GOOD_SYNC + "]" * 40, on_malformed="skip").refused == {"FEED-005": 1}
    monkeypatch.setattr("actors.feeds.dex_sources.DOCUMENT_MAX", 1000)
    with pytest.raises(MalformedRowError, match="at most 1000 bytes"):
        run_feed("dex", shared_data / BLOCK)


def test_a_document_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_bytes(b'{\n"result": [\n{"topics": ["\xff"]}\n]\n}')
    with pytest.raises(MalformedRowError, match="line 1: the document"):
        run_feed("dex", path)


def test_a_block_with_more_logs_than_are_kept_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.feeds.dex_logs.BLOCK_LOGS_MAX", 2)
    run = run_lines(tmp_path, *(log_of(SYNC, i, [], [1, 1]) for i in range(5)))
    assert [message.log_index for message in run.only(PoolSyncTLV)] == [0, 1, 2, 3, 4]


def test_only_so_many_logs_are_remembered() -> None:
    seen = SeenLogs(seen_max=2)
    logs = [RawLog(1, None, (), b"", 1, index, 0, bytes([index] * 32)) for index in range(3)]
    assert [seen.has(log) for log in (*logs, logs[2], logs[0])] == [False, False, False, True, False]
    bare = RawLog(1, None, (), b"", 1, 1, 0, b"")
    assert not seen.has(bare)
    assert not seen.has(bare)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_log_is_a_message_or_a_counted_fault(tmp_path: Path, data: st.DataObject) -> None:
    line = data.draw(st.sampled_from([GOOD_SYNC, GOOD_V3_SWAP, log_of(V3_MINT, 5, [1, -10, 10], [3, 4, 5, 6])]))
    at = data.draw(st.integers(0, len(line) - 1))
    damaged = line[:at] + data.draw(st.text(max_size=3)) + line[at + data.draw(st.integers(0, 3)) :]
    path = tmp_path / "logs.jsonl"
    path.write_bytes(f"{GOOD_SYNC}\n".encode() + damaged.encode("utf-8", "surrogatepass") + b"\n")
    feed = make_feed("dex", files=(path,), on_malformed="skip")
    assert 1 <= len(list(feed.produce())) <= 2 or feed.refused
    fault: FeedError | None = None
    try:
        list(make_feed("dex", files=(path,), lookalikes="stop").produce())
    except FeedError as error:
        fault = error
    assert fault is None or feed.refused[fault.code]
