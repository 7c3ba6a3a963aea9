"""The contract file: what others rely on, written down, and what a change of it breaks.

`declarations` finds what a target declares, `facts` turns it into a `Lock`, `compare` says what follows from the
difference between two. The contract of a single actor class is `mycelium.contracts.contract`.
"""

from __future__ import annotations

from .change import Change, Verdict
from .compare import Comparison, compare
from .facts import lock_of
from .lock import FORMAT, Lock
from .reading import read_lock, read_lock_of

__all__ = ["FORMAT", "Change", "Comparison", "Lock", "Verdict", "compare", "lock_of", "read_lock", "read_lock_of"]
