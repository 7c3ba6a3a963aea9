"""Supervision: what becomes of an actor that fails, and of those around it.

`supervisor` decides, `policy` says by what rules, `child` carries it out in the failed actor's own
thread, and `rebirth` makes an actor anew without changing its ref. Topologies need the rules only,
so whoever has no supervisor loads nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .policy import Backoff, Directive, Mail, Strategy

if TYPE_CHECKING:
    from .supervisor import Supervisor

__all__ = ["Backoff", "Directive", "Mail", "Strategy", "Supervisor"]


def __getattr__(name: str) -> Any:
    if name != "Supervisor":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from .supervisor import Supervisor

    return Supervisor
