"""How many heap blocks a message takes, counted below Python: by valgrind's DHAT, which sees every malloc of the process.

Run it: ``python benches/heap.py`` (a minute or two; on Debian and Ubuntu: ``apt install valgrind``)

Each operation is done N and 2 N times in a process of its own, with CPython's own allocator switched off, and the difference is
told: what the interpreter takes to start and to import cancels. The steady state of the compiled core takes no block at all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

__all__ = ["OPERATIONS", "Blocks", "blocks_of", "main", "table"]

COUNT = 5_000

_BEFORE = """
import sys
from itertools import repeat
from tlv import FrameWriter, read_frame
from tlv.market_data import TradeTLV
count = int(sys.argv[1])
data = bytes(TradeTLV(price=3_943_248_000_000, quantity=-12_500_000, timestamp=1_700_000_000_123_456_789, venue_id=101))
"""

#: A program for each; all are of single messages but the frame, which holds a thousand.
OPERATIONS = {
    "construct": "for _ in repeat(None, count): TradeTLV(3_943_248_000_000, -12_500_000, 1_700_000_000_123_456_789, 101)",
    "ref_from and two fields": "for _ in repeat(None, count):\n    trade = TradeTLV.ref_from(data)\n    trade.price, trade.quantity",
    "as_bytes": "trade = TradeTLV.ref_from(data)\nfor _ in repeat(None, count): trade.as_bytes()",
    "frame into a handler": """
writer = FrameWriter()
for _ in range(1000): writer.append(TradeTLV.ref_from(data))
frame = writer.finish()
table = {TradeTLV: lambda trade: None}
for _ in repeat(None, count // 1000): read_frame(frame).dispatch(table)
""",
}


class Blocks(NamedTuple):
    """What one message takes from the heap."""

    operation: str
    blocks: float
    bytes: float


def blocks_of(operation: str, count: int = COUNT) -> Blocks:
    """Count those of one operation. Raises ``RuntimeError`` where valgrind is not there, or fails."""
    once, twice = (_counted(OPERATIONS[operation], number) for number in (count, 2 * count))
    return Blocks(operation, (twice[0] - once[0]) / count, (twice[1] - once[1]) / count)


def _counted(program: str, count: int) -> tuple[int, int]:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise RuntimeError("there is no valgrind; on Debian and Ubuntu: apt install valgrind")
    with tempfile.TemporaryDirectory(prefix="mycelium-heap-") as folder:
        out = Path(folder, "dhat.json")
        command = [valgrind, "--tool=dhat", "--quiet", f"--dhat-out-file={out}"]
        environment = os.environ | {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [*command, sys.executable, "-c", _BEFORE + program, str(count)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        if done.returncode or not out.exists():
            raise RuntimeError(f"valgrind failed: {done.stderr.strip()[-200:]}")
        points = json.loads(out.read_text(encoding="utf-8"))["pps"]
    return sum(point["tbk"] for point in points), sum(point["tb"] for point in points)


def table(found: list[Blocks]) -> str:
    """The figures as Markdown."""
    lines = ["| operation | heap blocks a message | bytes a message |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.operation} | {row.blocks:.4f} | {row.bytes:.2f} |" for row in found)])


def main() -> None:
    """Count all."""
    found = []
    for operation in OPERATIONS:
        sys.stderr.write(f"counting {operation}\n")
        found.append(blocks_of(operation))
    sys.stdout.write(f"{table(found)}\n")


if __name__ == "__main__":
    main()
