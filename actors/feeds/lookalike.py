"""Telling logs of pools from logs of contracts that only carry a pool's topic.

Anybody may emit a log with the topic of ``Swap``. Three things give a look-alike away: topics and
data that do not fit the ABI; values that no pool can have (a price out of bounds, a tick that does
not go with the price, both tokens paid in); and, in V2, a ``Swap``, ``Mint`` or ``Burn`` without the
``Sync`` that a pair always emits as the log right before it.
"""

from __future__ import annotations

from actors.simulator.tick_math import MAX_TICK, sqrt_ratio_at_tick
from tlv import TLV
from tlv.errors import ConstraintError, RuleError

from .dex_events import DexEvent, V3InitializeWords, V3SwapWords
from .dex_log import RawLog

__all__ = ["NotThisEventError", "checked_words", "needs_sync"]

_AFTER_SYNC = frozenset({"V2 Swap", "V2 Mint", "V2 Burn"})


class NotThisEventError(ValueError):
    """The log cannot be this event; the text says why."""


def checked_words(event: DexEvent, log: RawLog) -> TLV:
    """The words of ``log`` in place, if a contract of this kind can have emitted them.

    Raises `NotThisEventError` that says why not.
    """
    if log.address is not None and not any(log.address):
        raise NotThisEventError("no contract has the address zero")
    if len(log.topics) - 1 != event.indexed:
        raise NotThisEventError(f"it has {len(log.topics)} topics and {event.signature} has {event.indexed + 1}")
    if len(log.data) != event.data_size:
        raise NotThisEventError(f"it has {len(log.data)} bytes of data and {event.signature} has {event.data_size}")
    try:
        words = event.words.ref_from_validated(b"".join((*log.topics[1:], log.data)))
    except ConstraintError as error:
        raise NotThisEventError(f"its {error.field} is {error.value}, which is not {error.rule}") from error
    except RuleError as error:
        raise NotThisEventError(f"its values break a rule: {error.rule}") from error
    if isinstance(words, V3SwapWords):
        _check_tick(words.sqrt_price_x96, words.tick, at_boundary=True)
    elif isinstance(words, V3InitializeWords):
        _check_tick(words.sqrt_price_x96, words.tick, at_boundary=False)
    return words


def needs_sync(event: DexEvent) -> bool:
    """Whether a V2 pair emits its ``Sync`` right before this event."""
    return event.name in _AFTER_SYNC


def _check_tick(sqrt_price_x96: int, tick: int, *, at_boundary: bool) -> None:
    """The price lies between its tick and the next.

    A swap that moves down and stops on a boundary reports the tick below it: then the price equals the next tick's.
    """
    upper = sqrt_ratio_at_tick(tick + 1) if tick < MAX_TICK else sqrt_price_x96 + 1
    if not sqrt_ratio_at_tick(tick) <= sqrt_price_x96 <= (upper if at_boundary else upper - 1):
        raise NotThisEventError(f"its tick {tick} does not go with its price {sqrt_price_x96}")
