"""How often an operation calls CPython's allocators, counted by a hook on all three of their domains.

What net memory does not tell: a block that comes and goes within one operation leaves nothing behind,
and is paid for all the same. Every ``malloc``, ``calloc``, ``realloc`` and ``free`` is counted that
CPython and its extensions ask of the raw, the mem and the object domain while the operation runs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol, cast

from mycelium.errors import AllocatorHookError

from .timing import _no_collector

__all__ = ["AllocatorCalls", "DomainCalls", "count_allocations", "is_hook_built"]

Operation = Callable[[], object]
#: For each domain.
Counts = tuple[tuple[int, int, int, int], ...]


class _Hook(Protocol):
    def count(self, operation: Operation, times: int, /) -> Counts | None: ...


@dataclass(frozen=True, slots=True)
class DomainCalls:
    """Calls of the four functions of one domain."""

    malloc: int = 0
    calloc: int = 0
    realloc: int = 0
    free: int = 0

    @property
    def total(self) -> int:
        """All four."""
        return self.malloc + self.calloc + self.realloc + self.free

    def __sub__(self, other: DomainCalls) -> DomainCalls:
        return DomainCalls(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class AllocatorCalls:
    """What ``operations`` runs asked of each domain.

    ``boxing`` is how many of them make the integers that an operation yields, at most as many as CPython
    itself takes for these; `own` is the rest. An `int` beyond the small ones is an object of CPython,
    whoever reads it from where.
    """

    operations: int
    raw: DomainCalls
    mem: DomainCalls
    object: DomainCalls
    boxing: int = 0

    @property
    def total(self) -> int:
        """All calls in all domains."""
        return self.raw.total + self.mem.total + self.object.total

    @property
    def own(self) -> int:
        """All calls but those that box integers."""
        return self.total - self.boxing

    @property
    def own_each(self) -> float:
        """Calls of one operation, without those that box its integers."""
        return self.own / self.operations

    @property
    def boxing_each(self) -> float:
        """Calls that box the integers of one operation."""
        return self.boxing / self.operations


def is_hook_built() -> bool:
    """Whether `count_allocations` can count here."""
    try:
        _hook()
    except AllocatorHookError:
        return False
    return True


def count_allocations(
    operation: Operation, count: int = 1_000, *, boxing: Operation | None = None, warm_up: int = 1_000
) -> AllocatorCalls:
    """Count the allocator calls of ``count`` runs of ``operation`` in this thread, in the steady state.

    It runs ``warm_up`` times before, so that freelists are filled and bytecode is specialised; the
    collector of garbage rests meanwhile. The loop runs in C and calls no allocator: an operation that
    does nothing counts 0. What the operation returns is dropped at once, within the count.

    ``boxing`` tells integers apart: an operation of nothing but CPython's own that makes the same
    ones, such as ``lambda: (half + half, other + 1)`` without the tuple. It is counted the same way.

    Raises `AllocatorHookError` where the hook was not built, or while another thread counts.

    Example: ``count_allocations(lambda: TradeTLV.ref_from(data)).total == 0``.
    """
    hook = _hook()
    with _no_collector():
        counted = _count(hook, operation, count, warm_up)
        boxed = 0 if boxing is None else sum(map(sum, _count(hook, boxing, count, warm_up)))
    raw, mem, objects = (DomainCalls(*domain) for domain in counted)
    return AllocatorCalls(count, raw, mem, objects, min(boxed, raw.total + mem.total + objects.total))


def _count(hook: _Hook, operation: Operation, count: int, warm_up: int) -> Counts:
    hook.count(operation, warm_up)
    counts = hook.count(operation, count)
    if counts is None:
        raise AllocatorHookError(
            reason="another count runs in this process", remedy="let one thread count after the other"
        )
    return counts


def _hook() -> _Hook:
    try:
        return cast("_Hook", importlib.import_module("mycelium.bench._allocator_hook"))
    except ImportError as cause:
        raise AllocatorHookError(
            reason=f"the hook was not built ({cause})", remedy="install again where there is a C compiler"
        ) from cause
