"""Errors of the test kit, `mycelium.testing`.

::

    ActorError
      ExpectationError      ACT-045  a probe got something else than expected        (AssertionError)
      ScheduleError         ACT-046  a schedule that cannot be replayed here         (ValueError)
      SimulationError       ACT-047  a simulation that cannot go on                  (RuntimeError)
      InjectedFaultError    ACT-048  what a planned fault raises                     (RuntimeError)
      ExtraMissingError     ACT-049  a package of an extra is not installed          (ImportError)
"""

from __future__ import annotations

from mycelium.errors.actor import ActorError

__all__ = [
    "ExpectationError",
    "ExtraMissingError",
    "InjectedFaultError",
    "ScheduleError",
    "SimulationError",
]


class ExpectationError(
    ActorError,
    AssertionError,
    code="ACT-045",
    text="{probe} expected {expected}, but {came}; before that it got {before}",
    next_step="see what the actor under test emits, or give it more time",
):
    """A probe got something else than expected, or nothing in time."""

    probe: str
    expected: str
    came: str
    before: str


class ScheduleError(
    ActorError,
    ValueError,
    code="ACT-046",
    text="step {step} of the schedule is {wanted}, which has nothing to do; those that have: {ready}",
    next_step="replay a schedule over the same actors, messages and faults as it was recorded with",
):
    """A schedule that does not fit what runs."""

    step: int
    wanted: str
    ready: str


class SimulationError(
    ActorError,
    RuntimeError,
    code="ACT-047",
    text="the simulation {problem}",
    next_step="docs/testing.md tells what a simulation can run",
):
    """A simulation that cannot go on, or is asked for what it cannot do."""

    problem: str


class InjectedFaultError(
    ActorError,
    RuntimeError,
    code="ACT-048",
    text="{actor} was to {action} at message {at}, {message}",
    next_step="nothing is wrong: the fault plan of the simulation has it",
):
    """What a planned fault raises where the plan names no other error."""

    actor: str
    action: str
    at: int
    message: str


class ExtraMissingError(
    ActorError,
    ImportError,
    code="ACT-049",
    text="{what} needs {package}, which is not installed",
    next_step="pip install 'mycelium-actors[{extra}]'",
):
    """A package that only some need, and that an extra installs, is not there."""

    what: str
    package: str
    extra: str
