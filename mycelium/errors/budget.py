"""The error of a service that might need more memory than it may have.

::

    TopologyError
      MemoryBudgetError           TOP-031  mailboxes that may hold more than the service may (ValueError)
"""

from __future__ import annotations

from mycelium.errors.topology import TopologyError

__all__ = ["MemoryBudgetError"]


class MemoryBudgetError(
    TopologyError,
    ValueError,
    code="TOP-031",
    text="{file}: {key} memory_mb: the mailboxes may hold {needed}, and {memory_mb:g} MB are allowed; most: {largest}",
    next_step="lower capacity or bytes_max in [actors.NAME.mailbox] of these, or raise memory_mb",
):
    """All mailboxes together may hold more than the service's memory budget."""

    file: str
    key: str
    memory_mb: float
    needed: str
    largest: str
