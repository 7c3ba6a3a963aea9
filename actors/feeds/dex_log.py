"""One event log as a source tells it, before anything is decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["RawLog", "data_bytes", "fixed_bytes", "quantity"]

_HEX = re.compile(r"0[xX]((?:[0-9a-fA-F]{2})*)")


@dataclass(slots=True)
class RawLog:
    """A log: who emitted it (None where the file tells), its words, and where on the chain it stands."""

    line: int
    address: bytes | None
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    log_index: int
    timestamp: int
    transaction: bytes
    joined: bool = False
    """It is the log of the position manager that stands beside a pool's log."""


def data_bytes(text: str) -> bytes:
    """Bytes from ``0x`` and an even number of hex digits. Raises ``ValueError`` with the rule."""
    found = _HEX.fullmatch(text)
    if found is None:
        msg = "0x and an even number of hex digits"
        raise ValueError(msg)
    return bytes.fromhex(found[1])


def fixed_bytes(text: str, size: int) -> bytes:
    """As `data_bytes`, of exactly ``size`` bytes."""
    value = data_bytes(text)
    if len(value) != size:
        msg = f"0x and {2 * size} hex digits"
        raise ValueError(msg)
    return value


def quantity(value: object, bits: int) -> int:
    """A number of JSON-RPC: hex text as the nodes write it; decimal text and numbers are taken too."""
    number = -1
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and len(value) <= 78 and value.isascii():
        if re.fullmatch(r"0[xX][0-9a-fA-F]+", value):
            number = int(value, 16)
        elif value.isdigit():
            number = int(value)
    if not 0 <= number < 1 << bits:
        msg = f"a hex quantity of at most {bits} bits"
        raise ValueError(msg)
    return number
