"""What pykka's ActorRegistry keeps its refs in: a list in which each removal searched through all.

With 100,000 actors, stopping them took quadratic time. The registry's own methods append, iterate,
copy by a slice, look whether a ref is in, and remove it; so they work on this as on a list, and
everything that pykka says of its registry holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pykka

__all__ = ["Refs", "is_registered"]


class Refs:
    """Refs in the order in which they were registered; to add, to find and to remove one takes one step."""

    __slots__ = ("_refs",)

    def __init__(self, refs: Iterable[pykka.ActorRef[Any]] = ()) -> None:
        self._refs: dict[pykka.ActorRef[Any], None] = dict.fromkeys(refs)

    def __len__(self) -> int:
        return len(self._refs)

    def __iter__(self) -> Iterator[pykka.ActorRef[Any]]:
        return iter(self._refs)

    def __contains__(self, ref: object) -> bool:
        return ref in self._refs

    def __getitem__(self, part: slice) -> list[pykka.ActorRef[Any]]:
        return list(self._refs)[part]

    def append(self, ref: pykka.ActorRef[Any]) -> None:
        """Add a ref; one that is there already stays where it is."""
        self._refs[ref] = None

    def remove(self, ref: pykka.ActorRef[Any]) -> None:
        """Remove a ref; raises ``ValueError`` where it is not there, as a list does."""
        try:
            del self._refs[ref]
        except KeyError as missing:
            msg = f"{ref} is not registered"
            raise ValueError(msg) from missing


def is_registered(ref: pykka.ActorRef[Any]) -> bool:
    """Whether pykka's registry has it."""
    with pykka.ActorRegistry._actor_refs_lock:
        return ref in pykka.ActorRegistry._actor_refs


def _install() -> None:
    registry: Any = pykka.ActorRegistry
    with registry._actor_refs_lock:
        registry._actor_refs = Refs(registry._actor_refs)


_install()
