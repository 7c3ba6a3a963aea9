"""The urns of actors: random UUIDs (RFC 4122, version 4), as pykka makes them, but many with one call of the system.

`uuid.uuid4` asks the system for 16 bytes each time, which was half of the time to make an actor
where system calls are slow; and a UUID that is made only to be written down takes as long as the rest of a mailbox.
"""

from __future__ import annotations

import os
from collections import deque

__all__ = ["next_urn"]

_AT_ONCE = 64

_unused: deque[bytes] = deque()
# A child process must not give the urns of its parent to actors of its own.
os.register_at_fork(after_in_child=_unused.clear)


def next_urn() -> str:
    """An urn that no other actor has, in any process."""
    try:
        number = _unused.popleft()
    except IndexError:
        many = os.urandom(16 * _AT_ONCE)
        _unused.extend(many[at : at + 16] for at in range(16, len(many), 16))
        number = many[:16]
    text = number.hex()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"urn:uuid:{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
