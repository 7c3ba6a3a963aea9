"""A contest: one question, answered by several contestants that are measured side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from .units import OPERATION, Unit

__all__ = ["TIME", "Contest", "Contestant", "Figure", "Measure"]

#: The extras of modules that are not there to be compared with only.
_EXTRAS = {"numpy": "columns", "iceoryx2": "ipc", "zenoh": "net"}

#: Does a number of operations and returns one value for each figure of its contest.
Measure = Callable[[int], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Figure:
    """What is measured: a name and a unit."""

    name: str
    unit: Unit


#: The figure of most contests: the time of one operation.
TIME = Figure("time", OPERATION)


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the thing. ``prepare`` sets it up outside the clock and returns its measure."""

    name: str
    prepare: Callable[[], Measure]
    #: Whether it is ours; the others are what we compare with.
    ours: bool = False
    #: A module that it takes and that may not be installed.
    needs: str = ""
    #: It does so many times fewer operations in a round, for it is slow: a round is to be one moment.
    fewer: int = 1

    @property
    def is_available(self) -> bool:
        """Whether what it needs is installed."""
        if not self.needs:
            return True
        try:
            return find_spec(self.needs) is not None
        except ModuleNotFoundError:  # of the package that holds it
            return False

    @property
    def extra(self) -> str:
        """The extra of our package that installs what it needs; none for what a compiler builds."""
        if self.needs.startswith("mycelium."):
            return ""
        return _EXTRAS.get(self.needs, "peers")

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Contest:
    """A question and those who answer it.

    ``references`` are the contestants to which every other is put in relation. ``count`` operations
    make one round of one contestant; ``rounds`` is how many the short form takes. The garbage
    collector rests meanwhile.
    """

    name: str
    question: str
    contestants: tuple[Contestant, ...]
    references: tuple[str, ...]
    count: int
    rounds: int
    figures: tuple[Figure, ...] = (TIME,)
    note: str = ""

    def count_of(self, contestant: Contestant) -> int:
        """The operations of one round of a contestant."""
        return max(1, self.count // contestant.fewer)

    @property
    def available(self) -> tuple[Contestant, ...]:
        """Those that can run here."""
        return tuple(one for one in self.contestants if one.is_available)

    @property
    def left_out(self) -> tuple[Contestant, ...]:
        """Those that lack a module."""
        return tuple(one for one in self.contestants if not one.is_available)
