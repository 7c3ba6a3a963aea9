"""Event logs in other forms and orders than the shared ones, and logs that no pool can have emitted."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from actors.errors import MalformedRowError
from tests.feed_helpers import run_feed
from tlv.market_data import PoolMintTLV, PoolSwapTLV, PoolSyncTLV

LINES = "dex/ethereum_mainnet_dex_logs.jsonl"
V2_SWAP = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
V3_MINT = "0x7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde"
INCREASE = "0x3067048beee31b25b2f1681f88dac838c8bba36af25bfb2b7cf7473a5847e35f"
FAKE = "0xfbd8e260cf7e41830b82aacbe1065277ad8a261b"

Log = dict[str, Any]


@pytest.fixture
def logs(shared_data: Path) -> list[Log]:
    return [json.loads(line) for line in (shared_data / LINES).read_text().splitlines()]


def write_lines(path: Path, values: list[Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def swaps_of_pairs(logs: list[Log]) -> int:
    return sum(log["topics"][0] == V2_SWAP and log["address"] != FAKE for log in logs)


def word(number: int) -> str:
    return f"{number:064x}"


def test_a_sync_is_found_whatever_the_order_of_the_logs(logs: list[Log], tmp_path: Path) -> None:
    shuffled = logs.copy()
    random.Random(1).shuffle(shuffled)
    run = run_feed("dex", write_lines(tmp_path / "logs.jsonl", shuffled))
    assert run.refused == {"FEED-010": 34}
    assert sum(swap.tick is None for swap in run.only(PoolSwapTLV)) == swaps_of_pairs(logs)


def test_a_sync_is_found_in_another_file(logs: list[Log], tmp_path: Path) -> None:
    one = write_lines(tmp_path / "swaps.jsonl", [log for log in logs if log["topics"][0] == V2_SWAP])
    other = write_lines(tmp_path / "rest.jsonl", [log for log in logs if log["topics"][0] != V2_SWAP])
    run = run_feed("dex", one, other)
    assert run.refused == {"FEED-010": 34}
    assert sum(swap.tick is None for swap in run.only(PoolSwapTLV)) == swaps_of_pairs(logs)


def test_the_sync_of_another_contract_does_not_count(logs: list[Log], tmp_path: Path) -> None:
    place = next(i for i, log in enumerate(logs) if log["topics"][0] == V2_SWAP)
    sync, swap = logs[place - 1 : place + 1]
    run = run_feed("dex", write_lines(tmp_path / "logs.jsonl", [{**sync, "address": FAKE}, swap]))
    assert run.refused == {"FEED-010": 1}


@pytest.mark.parametrize(
    "form",
    [
        lambda logs: "[\n" + json.dumps(logs[0]) + "\n]\n",
        lambda logs: "[\n" + ",\n".join(map(json.dumps, logs)) + "\n]\n",
        lambda logs: json.dumps({"jsonrpc": "2.0", "id": 1, "result": logs}),
        lambda logs: json.dumps({"jsonrpc": "2.0", "id": 1, "result": logs}, indent=2),
        lambda logs: json.dumps([{"jsonrpc": "2.0", "id": 1, "result": [log]} for log in logs]),
        lambda logs: json.dumps({"result": {"status": "0x1", "to": None, "logs": logs}}),
        lambda logs: '{"jsonrpc":"2.0","result":[\n' + json.dumps(logs[0]) + "\n]}",
    ],
)
def test_an_answer_is_read_in_every_form_in_which_it_is_written(logs: list[Log], tmp_path: Path, form: Any) -> None:
    path = tmp_path / "answer.json"
    path.write_text(form(logs[:4]))
    run = run_feed("dex", path)
    assert run.refused == {}
    assert run.only(PoolSyncTLV)


def test_mixed_case_integer_times_and_nulls_are_read(logs: list[Log], tmp_path: Path) -> None:
    sync = next(log for log in logs if log["topics"][0].startswith("0x1c411e9a"))
    other = {**sync, "address": "0x" + sync["address"][2:].upper(), "logIndex": 9001, "blockTimestamp": 1700000000}
    third = {**sync, "logIndex": "0x2330", "blockTimestamp": "0x6553f100", "removed": None, "transactionHash": None}
    run = run_feed("dex", write_lines(tmp_path / "logs.jsonl", [sync, other, third, sync, {**sync, "removed": True}]))
    messages = run.only(PoolSyncTLV)
    assert len({message.pool for message in messages}) == 1
    assert [message.timestamp for message in messages][1:] == [1700000000 * 10**9] * 2
    (reading,) = run.feed.readings
    assert reading.ignored == {"logs read before": 1, "removed": 1}


def test_a_pending_log_stands_in_no_block_and_is_counted(logs: list[Log], tmp_path: Path) -> None:
    pending = {**logs[0], "blockNumber": None, "blockHash": None, "logIndex": None, "transactionHash": None}
    run = run_feed("dex", write_lines(tmp_path / "logs.jsonl", [logs[0], pending]))
    assert (run.refused, run.feed.readings[0].ignored["pending"]) == ({}, 1)


@pytest.mark.parametrize("before", [0, 2])
def test_an_answer_that_is_an_error_of_the_node_is_told(logs: list[Log], tmp_path: Path, before: int) -> None:
    error = {"jsonrpc": "2.0", "id": 2, "error": {"code": -32005, "message": "more than 10000 results"}}
    path = write_lines(tmp_path / "answers.jsonl", [*logs[:before], error])
    with pytest.raises(MalformedRowError, match=rf"line {before + 1}: error is 'more than 10000 results'"):
        run_feed("dex", path)
    assert run_feed("dex", path, on_malformed="skip").refused == {"FEED-005": 1}


def test_what_no_pool_can_emit_is_a_lookalike_and_ends_nothing(logs: list[Log], tmp_path: Path) -> None:
    mint = next(log for log in logs if log["topics"][0] == V3_MINT)
    increase = next(log for log in logs if log["topics"][0] == INCREASE)
    sender = mint["data"][2:66]
    fakes = [
        {**mint, "data": "0x" + sender + word(2**128 - 1) + word(1) + word(1)},
        {**mint, "data": "0x" + sender + word(2**125) + word(1) + word(1)},
        {**mint, "data": "0x" + sender + word(1) + word(2**254) + word(1)},
        {**mint, "data": mint["data"][:-64]},
        {**mint, "address": "0x" + "0" * 40},
        {**increase, "topics": [INCREASE, "0x" + "f" * 64]},
        {**increase, "data": "0x" + word(2**128 - 1) + word(1) + word(1)},
    ]
    run = run_feed("dex", write_lines(tmp_path / "logs.jsonl", [*fakes, mint]))
    assert run.refused == {"FEED-010": len(fakes)}
    assert len(run.only(PoolMintTLV)) == 1


def test_a_mint_for_the_address_zero_has_no_owner(logs: list[Log], tmp_path: Path) -> None:
    mint = next(log for log in logs if log["topics"][0] == V3_MINT)
    topics = [mint["topics"][0], "0x" + "0" * 64, *mint["topics"][2:]]
    (message,) = run_feed("dex", write_lines(tmp_path / "logs.jsonl", [{**mint, "topics": topics}])).only(PoolMintTLV)
    assert message.owner is None
