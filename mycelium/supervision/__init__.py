"""Supervision: what becomes of an actor that fails, and of those around it.

`supervisor` decides, `policy` says by what rules, `child` carries it out in the failed actor's own
thread, and `rebirth` makes an actor anew without changing its ref.
"""

from __future__ import annotations

from .policy import Backoff, Directive, Mail, Strategy
from .supervisor import Supervisor

__all__ = ["Backoff", "Directive", "Mail", "Strategy", "Supervisor"]
