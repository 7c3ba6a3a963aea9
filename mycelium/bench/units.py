"""Units of what is measured: how a value is written, and which way a ratio is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mycelium.cli.format import bytes_text, time_text

__all__ = ["BLOCKS", "BYTES", "CALLS", "LATENCY", "OPERATION", "SHARE", "Unit", "ratio_text"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit. Values are kept in ``base``: seconds, bytes, blocks, calls or a share of a whole, and less is always better.

    A ratio of ``speed`` says how many times faster than the reference something is; every other
    ratio is the plain quotient of the values.
    """

    base: str
    #: What a ratio is a ratio of.
    ratio_of: str
    text: Callable[[float], str]
    #: How many values fit into one second are told too.
    has_rate: bool = False

    def ratio(self, value: float, reference: float) -> float:
        """``value`` in relation to ``reference``."""
        above, below = (reference, value) if self.has_rate else (value, reference)
        return above / below if below else float("inf") if above else 1.0


def ratio_text(ratio: float) -> str:
    """A ratio with as many digits as it deserves: ``0.19x``, ``8.4x``, ``120x``."""
    if ratio >= 99.5:
        return f"{ratio:,.0f}x"
    return f"{ratio:.1f}x" if ratio >= 9.95 else f"{ratio:.2f}x"


def _operation_text(seconds: float) -> str:
    if seconds < 9.95e-9:
        return f"{seconds * 1e9:.1f} ns"
    return f"{seconds * 1e9:,.0f} ns" if seconds < 9.9995e-6 else time_text(seconds * 1e6)


def _size_text(count: float) -> str:
    return bytes_text(round(count)) if count >= 99_950 else f"{count:,.0f} B"


OPERATION = Unit("seconds", "speed", _operation_text, has_rate=True)
LATENCY = Unit("seconds", "time", lambda seconds: time_text(seconds * 1e6))
BYTES = Unit("bytes", "size", _size_text)
BLOCKS = Unit("blocks", "count", lambda count: f"{count:.2f}")
CALLS = Unit("calls", "count", lambda count: f"{count:.2f}")
SHARE = Unit("share", "share", lambda share: f"{share:.2%}")
