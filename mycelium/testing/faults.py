"""What is to go wrong in a simulation: raise in a handler, kill an actor, delay a message, drop one."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Literal, Self

from mycelium.contracts.message_sets import shown
from mycelium.errors.testing import InjectedFaultError, SimulationError
from tlv import TLV

__all__ = ["Fault", "FaultPlan"]

Action = Literal["fail", "kill", "delay", "drop"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, at the ``at``-th message (from 1) that the actor takes; of one type, where one is named."""

    action: Action
    actor: str
    at: int
    message: type[TLV] | None = None
    seconds: float = 0.0
    error: BaseException | None = None


class FaultPlan:
    """Faults for a `Simulation`, each by actor and by the number of the message. ::

        faults = FaultPlan().fail("tape", at=3).delay("book", at=2, seconds=1.5).drop("book", at=5, message=Quote)

    Only declared messages count. Actors are known by their names in the simulation: the second one of a
    name is ``"tape#2"``. ``happened`` tells what has come to pass; ``left`` what has not.
    A plan belongs to one simulation: make it anew for the next one.
    """

    def __init__(self) -> None:
        self.happened: list[Fault] = []
        self._faults: dict[Fault, int] = {}
        self._random: Random | None = None
        self._rates: dict[Action, float] = {}
        self._delay_s_max = 0.0
        self._taken: dict[str, int] = {}

    @classmethod
    def at_random(
        cls,
        seed: int,
        *,
        fail: float = 0.0,
        kill: float = 0.0,
        delay: float = 0.0,
        drop: float = 0.0,
        delay_s_max: float = 1.0,
    ) -> Self:
        """Faults by chance, each given as its probability for one message; the same seed gives the same faults."""
        plan = cls()
        plan._random = Random(seed)
        plan._rates = {"fail": fail, "kill": kill, "delay": delay, "drop": drop}
        if not all(0 <= rate <= 1 for rate in plan._rates.values()) or sum(plan._rates.values()) > 1:
            raise SimulationError(problem=f"cannot have faults with the probabilities {plan._rates}")
        plan._delay_s_max = delay_s_max
        return plan

    @property
    def left(self) -> tuple[Fault, ...]:
        """What has been planned, and has not come to pass."""
        return tuple(self._faults)

    def fail(
        self, actor: str, *, at: int, error: BaseException | None = None, message: type[TLV] | None = None
    ) -> Self:
        """Have the handler raise ``error``, by default an `InjectedFaultError`, instead of handling the message."""
        return self._add(Fault("fail", actor, at, message, error=error))

    def kill(self, actor: str, *, at: int, message: type[TLV] | None = None) -> Self:
        """End the actor in front of the message, without a hook; what is in its mailbox becomes dead letters."""
        return self._add(Fault("kill", actor, at, message))

    def delay(self, actor: str, *, at: int, seconds: float, message: type[TLV] | None = None) -> Self:
        """Hold the message back for virtual seconds, and with it what lies behind it: the order is kept."""
        return self._add(Fault("delay", actor, at, message, seconds=seconds))

    def drop(self, actor: str, *, at: int, message: type[TLV] | None = None) -> Self:
        """Take the message away; the ledger counts it as dropped, and an ask gets no answer."""
        return self._add(Fault("drop", actor, at, message))

    def take(self, actor: str, kind: type[TLV]) -> Fault | None:
        """For the simulation: the fault of the message that ``actor`` is about to take."""
        number = self._taken[actor] = self._taken.get(actor, 0) + 1
        found: Fault | None = None
        for fault, left in tuple(self._faults.items()):
            if fault.actor != actor or fault.message not in (None, kind):
                continue
            if left > 1 or found is not None:
                self._faults[fault] = max(left - 1, 1)
            else:
                del self._faults[fault]
                found = fault
        if found is None and self._random is not None:
            found = self._by_chance(self._random, actor, number, kind)
        if found is not None:
            self.happened.append(found)
        return found

    def _add(self, fault: Fault) -> Self:
        if fault.at < 1 or fault.seconds < 0:
            raise SimulationError(problem=f"cannot have the fault at={fault.at}, seconds={fault.seconds}")
        self._faults[fault] = fault.at
        return self

    def _by_chance(self, random: Random, actor: str, number: int, kind: type[TLV]) -> Fault | None:
        drawn = random.random()
        for action, rate in self._rates.items():
            if drawn < rate:
                seconds = random.uniform(0, self._delay_s_max) if action == "delay" else 0.0
                return Fault(action, actor, number, kind, seconds)
            drawn -= rate
        return None


def injected(fault: Fault, message: Any) -> BaseException:
    """What the fault raises, or what is told as the cause of a death."""
    if fault.error is not None:
        return fault.error
    return InjectedFaultError(actor=fault.actor, at=fault.at, message=shown(type(message)), action=fault.action)
