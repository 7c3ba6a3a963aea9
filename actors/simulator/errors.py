"""What can go wrong in the simulator: the SIM family. The last number given is 001.

::

    SimulatorError
      SimulatedPoolVenueError     SIM-001  a pool that the venue table does not describe well enough
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = ["SimulatedPoolVenueError", "SimulatorError"]


class SimulatorError(DeclaredError):
    """Errors of the simulator."""


class SimulatedPoolVenueError(
    SimulatorError,
    ValueError,
    code="SIM-001",
    text="venue {venue!r} does not say enough to simulate it: it needs {needs}",
    next_step="add it to the venue under [[venues]] of the topology",
):
    venue: str
    needs: str
