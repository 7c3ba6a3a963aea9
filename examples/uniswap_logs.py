"""Somebody else's bytes in place: the data words of Uniswap event logs.

The data of an EVM log is a row of big-endian words of 256 bits. A declared class with
``byteorder="big"`` is such a row, and `ref_from` reads it where it lies.

Run it: ``python examples/uniswap_logs.py [FILE...]``, with logs as JSON-RPC objects or answers one
a line, or as CSV with the columns ``topics`` and ``data``. Without files it reads those of
``../shared/data/dex``, or three logs that are embedded here.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from tlv import TLV, Doc, TLVError, i256, u256

Word = Annotated[u256, Doc(unit="raw token units")]
Price = Annotated[u256, Doc("price after the event", unit="sqrt(token1/token0) Q64.96")]
AddressWord = Annotated[u256, Doc("address in the low 160 bits")]


class V2Sync(TLV, byteorder="big"):
    """Sync(uint112 reserve0, uint112 reserve1)."""

    reserve0: Word
    reserve1: Word


class V2Swap(TLV, byteorder="big"):
    """Swap(address indexed sender, uint amount0In, amount1In, amount0Out, amount1Out, address indexed to)."""

    amount0_in: Word
    amount1_in: Word
    amount0_out: Word
    amount1_out: Word


class V2Mint(TLV, byteorder="big"):
    """Mint(address indexed sender, uint amount0, uint amount1)."""

    amount0: Word
    amount1: Word


class V2Burn(TLV, byteorder="big"):
    """Burn(address indexed sender, uint amount0, uint amount1, address indexed to)."""

    amount0: Word
    amount1: Word


class V3Swap(TLV, byteorder="big"):
    """Swap(address indexed sender, address indexed recipient, int256, int256, uint160, uint128, int24)."""

    amount0: Annotated[i256, Doc("into the pool; negative: out of it", unit="raw token units")]
    amount1: Annotated[i256, Doc("into the pool; negative: out of it", unit="raw token units")]
    sqrt_price_x96: Price
    liquidity: Annotated[u256, Doc("liquidity in range", unit="liquidity")]
    tick: Annotated[i256, Doc("tick after the swap", unit="tick")]


class V3Mint(TLV, byteorder="big"):
    """Mint(address sender, address indexed owner, int24 indexed, int24 indexed, uint128, uint256, uint256)."""

    sender: AddressWord
    liquidity: Annotated[u256, Doc("liquidity added", unit="liquidity")]
    amount0: Word
    amount1: Word


class V3Burn(TLV, byteorder="big"):
    """Burn(address indexed owner, int24 indexed, int24 indexed, uint128, uint256, uint256)."""

    liquidity: Annotated[u256, Doc("liquidity removed", unit="liquidity")]
    amount0: Word
    amount1: Word


class V3Collect(TLV, byteorder="big"):
    """Collect(address indexed owner, address recipient, int24 indexed, int24 indexed, uint128, uint128)."""

    recipient: AddressWord
    amount0: Word
    amount1: Word


class V3Flash(TLV, byteorder="big"):
    """Flash(address indexed sender, address indexed recipient, uint256, uint256, uint256, uint256)."""

    amount0: Word
    amount1: Word
    paid0: Word
    paid1: Word


class V3Initialize(TLV, byteorder="big"):
    """Initialize(uint160 sqrtPriceX96, int24 tick)."""

    sqrt_price_x96: Price
    tick: i256


#: By topic 0, the hash of the signature, which says what the words mean.
EVENTS: dict[str, type[TLV]] = {
    "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1": V2Sync,
    "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822": V2Swap,
    "0x4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f": V2Mint,
    "0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496": V2Burn,
    "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67": V3Swap,
    "0x7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde": V3Mint,
    "0x0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c": V3Burn,
    "0x70935338e69775456a85ddef226c395fb668b63fa0115f5f20610b388e6ca9c0": V3Collect,
    "0xbdbdb71d7860376ba52b25a5028beea23581364a40522f6bcfb86bb1f2dca633": V3Flash,
    "0x98636036cb66a9c19a37435efc1e90142190214e8abeb821bdba3f2990dd4c95": V3Initialize,
}

# Logs of the USDC/WETH pool 0x88e6a0c2 on 2024-01-05, and of a V2 pair in Ethereum block 12000000.
EMBEDDED = """\
topics,data
"['0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67']",0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffea5d662000000000000000000000000000000000000000000000000002386f26fc1000000000000000000000000000000000000000051fdf2fd9b2526872a9b723450f2000000000000000000000000000000000000000000000000acd43e0e7cf808c50000000000000000000000000000000000000000000000000000000000030985
"['0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67']",0x000000000000000000000000000000000000000000000000000000006a143deefffffffffffffffffffffffffffffffffffffffffffffffff51fb666300f5b1800000000000000000000000000000000000051fde2e16df48cb7232e401582a8000000000000000000000000000000000000000000000000acd43e0e7cf808c50000000000000000000000000000000000000000000000000000000000030985
"['0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1']",0x000000000000000000000000000000000000000000001a5c534553cf62356a480000000000000000000000000000000000000000000000173220f671cb397b2f
"""


def logs_of_csv(lines: Iterator[str]) -> Iterator[tuple[str, bytes]]:
    """Topic 0 and data of each row."""
    for row in csv.DictReader(lines):
        topics = (row.get("topics") or row.get("pool_topics") or "").strip("[]").split(",")
        yield topics[0].strip(" '\""), bytes.fromhex((row.get("data") or row.get("pool_data") or "")[2:])


def logs_of_json(lines: Iterator[str]) -> Iterator[tuple[str, bytes]]:
    """Topic 0 and data of each log in each line, however deep: a log, an answer of a node, a list of either."""
    for line in filter(str.strip, lines):
        yield from logs_inside(json.loads(line))


def logs_inside(found: object) -> Iterator[tuple[str, bytes]]:
    """Topic 0 and data of each log in a JSON value."""
    if isinstance(found, list):
        for item in found:
            yield from logs_inside(item)
    elif isinstance(found, dict) and isinstance(topics := found.get("topics"), list):
        yield str(topics[0]) if topics else "", bytes.fromhex(str(found.get("data"))[2:])
    elif isinstance(found, dict):
        yield from logs_inside(list(found.values()))


def describe_logs(name: str, logs: Iterator[tuple[str, bytes]]) -> None:
    """Print what the logs hold, read in place."""
    kinds: Counter[str] = Counter()
    last: dict[str, TLV] = {}
    for topic, data in logs:
        event = EVENTS.get(topic.lower())
        if event is None:
            kinds["other"] += 1
            continue
        if len(data) != event.layout.size:  # anybody may emit any topic
            kinds["look-alike"] += 1
            continue
        words = event.ref_from(data)
        kinds[event.__name__] += 1
        last[event.__name__] = words
    if not kinds:
        raise ValueError("it holds no logs")
    print(f"{name}: {', '.join(f'{kind} {number:,}' for kind, number in kinds.most_common())}")
    for words in last.values():
        print(f"  last {words}")
        if isinstance(words, (V3Swap, V3Initialize)):
            price = Fraction(words.sqrt_price_x96**2, 2**192)
            print(f"    token1 per token0, in raw units: {float(price):.6g}")


def main(arguments: list[str]) -> None:
    """Describe the files that are named, those of the shared data, or the embedded logs."""
    shared = Path(__file__).resolve().parents[2] / "shared" / "data" / "dex"
    paths = [Path(argument) for argument in arguments] or [*shared.glob("*.raw.csv"), *shared.glob("*.jsonl")]
    if not paths:
        describe_logs("embedded", logs_of_csv(iter(EMBEDDED.splitlines())))
    for path in sorted(paths):
        try:
            with path.open(encoding="utf-8") as lines:
                describe_logs(path.name, logs_of_csv(lines) if path.suffix == ".csv" else logs_of_json(lines))
        except (OSError, ValueError, RecursionError, csv.Error, TLVError) as error:
            sys.exit(f"{path} cannot be read: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
