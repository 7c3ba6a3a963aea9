"""A dispatcher that runs actors in the calling thread, one message at a time, in an order that can be repeated.

Whatever is launched in the thread of a simulation runs in it, also what names another dispatcher, what
is pinned, and what actors start themselves. Nothing happens by itself: `step`, `run`, `advance`, and
every wait for an answer give turns. Who has the next one is drawn from a generator with a seed.

**Waiting.** A handler that waits for an answer stands still, and others have their turns on top of it;
so does the test itself. Where nobody has anything to do, the clock goes on to the next timer, and
at the latest to the deadline: a timeout takes no time. Whoever was left to wait below goes on
only after those on top of him have returned.

**Sources** may pause in the middle of `produce`, which needs a stack of its own: see `mycelium.testing.strand`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from random import Random
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mycelium.actor.source import Source
from mycelium.dispatcher.current import running
from mycelium.dispatcher.shared import Dispatcher
from mycelium.errors.testing import ScheduleError, SimulationError
from mycelium.mailbox.mail import Keyed, unwrapped
from mycelium.mailbox.mailbox import Mailbox
from tlv import TLV

from .faults import Fault, FaultPlan, injected
from .strand import Strand
from .virtual_clock import VirtualClock

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.mailbox.gate import Gate

__all__ = ["Simulation"]

STEPS_MAX = 1_000_000


class Simulation(Dispatcher):
    """Actors on one thread, step by step, on a virtual clock. ::

        with Simulation(seed=7) as simulation:
            ref = Tape.start()
            ref.tell(Trade(price=5))
            simulation.run()
            simulation.advance(60.0)
        print(simulation.schedule)

    ``seed`` decides who has which turn, ``faults`` what goes wrong. ``schedule`` tells the turns taken,
    and `Simulation.replay` takes the same ones again. At its end the actors that still live are
    stopped. Raises `SimulationError` for one simulation inside another, for a wait that cannot end,
    after ``steps_max`` steps without a rest, and for actors that do not stop.
    """

    handles_inside = False
    clock: VirtualClock

    def __init__(self, *, seed: int = 0, faults: FaultPlan | None = None, steps_max: int = STEPS_MAX) -> None:
        super().__init__("simulation", workers=1, throughput=1)
        self.seed = seed
        self.clock = VirtualClock()
        self.faults = faults if faults is not None else FaultPlan()
        self._steps_max = steps_max
        self._random = Random(seed)
        self._taken: list[str] = []
        self._script: deque[str] = deque()
        self._labels: dict[Mailbox, str] = {}
        self._strands: dict[Mailbox, Strand] = {}
        self._held: dict[Mailbox, bool] = {}
        self._closing = False

    @classmethod
    def replay(cls, schedule: Iterable[str], *, seed: int = 0, faults: FaultPlan | None = None) -> Self:
        """A simulation that takes the turns of a recorded schedule, and then goes on by its seed.

        Raises `ScheduleError` in the step whose actor has nothing to do.
        """
        simulation = cls(seed=seed, faults=faults)
        simulation._script.extend(schedule)
        return simulation

    def __enter__(self) -> Self:
        if running.simulation is not None:
            raise SimulationError(problem="cannot run inside another one")
        running.simulation = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._close()
        except SimulationError:
            if value is None:
                raise
        finally:
            running.simulation = None

    # What a test uses.

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self.clock.now()

    @property
    def schedule(self) -> tuple[str, ...]:
        """Who had a turn, step by step, also inside waits, up to the end of the block; by the names of the actors, the second of a name as ``name#2``."""
        return tuple(self._taken)

    @property
    def ready(self) -> tuple[str, ...]:
        """The actors that have something to do."""
        return tuple(self._labels[mailbox] for mailbox in self._able())

    def step(self) -> bool:
        """Let one actor start, handle one message (of a batch handler: one batch), or end; False where nobody has to."""
        able = self._able()
        if not able:
            return False
        mailbox = self._choose(able)
        self._ready.remove(mailbox)
        mailbox.leave_queue()
        if not self._closing:
            self._taken.append(self._labels[mailbox])
        self._run(mailbox)
        return True

    def run(self) -> int:
        """Step until nobody has anything to do now; how many steps. The clock stands still."""
        return self._run_while(lambda: True)

    def advance(self, seconds: float) -> None:
        """Let the clock go on; at each moment at which something is due, `run`."""
        if seconds < 0:
            raise SimulationError(problem=f"cannot go back in time by {-seconds} s")
        end = self.clock.now() + seconds
        self.run()
        while (moment := self.clock.next_at()) is not None and moment <= end:
            self.clock.advance_to(moment)
            self.run()
        self.clock.advance_to(end)

    def run_until(self, holds: Callable[[], bool], seconds: float = inf) -> bool:
        """Step until ``holds()``, and where nobody has anything to do, let the clock go on, for ``seconds`` at most.

        Whether it holds. Raises `SimulationError` where it never can: nothing is left to happen, and no end is set.
        """
        deadline = self.clock.now() + seconds
        while True:
            self._run_while(lambda: not holds())
            if holds():
                return True
            moment = self.clock.next_at()
            if moment is not None and moment <= deadline:
                self.clock.advance_to(moment)
            elif deadline < inf:
                self.clock.advance_to(deadline)
                return holds()
            else:
                waiting = f"{running.actor.name} waits" if running.actor is not None else "it waits"
                raise SimulationError(problem=f"stands still: {waiting} for what nobody in it can bring about")

    # What the runtime uses.

    def attach(self, actor: Actor) -> None:
        """Give this actor its turns from now on."""
        mailbox = actor.mailbox
        if mailbox not in self._labels:
            same = sum(label.partition("#")[0] == actor.name for label in self._labels.values())
            self._labels[mailbox] = f"{actor.name}#{same + 1}" if same else actor.name
        self._attached += 1
        mailbox.attach(actor, self)
        mailbox.wake()

    def wait(self, waiter: Gate | Lock, seconds: float) -> bool:
        """Wait for a lock in the place of a thread, for ``seconds`` or (-1) without end."""
        if waiter.acquire(blocking=False):
            return True
        if self.run_until(lambda: not waiter.locked(), inf if seconds < 0 else seconds):
            return waiter.acquire(blocking=False)
        return False

    def sleep(self, mailbox: Mailbox, moment: float) -> None:
        """For a source that pauses: let others run until the moment, or until there is mail for it."""
        call = self.clock.call_at(moment, mailbox.wake)
        mailbox.asleep = True
        self._strands[mailbox].park()
        call.cancel()

    def _staff(self) -> None:
        """It has no threads."""

    # How it works.

    def _able(self) -> list[Mailbox]:
        return [mailbox for mailbox in self._ready if not mailbox.in_turn or self._is_parked(mailbox)]

    def _is_parked(self, mailbox: Mailbox) -> bool:
        strand = self._strands.get(mailbox)
        return strand is not None and strand.parked

    def _run_while(self, holds: Callable[[], bool]) -> int:
        steps = 0
        while holds() and self.step():
            steps += 1
            if steps > self._steps_max:
                busy = ", ".join(sorted(set(self._taken[-1000:])))
                raise SimulationError(problem=f"has not come to rest after {self._steps_max} steps, busy are {busy}")
        return steps

    def _choose(self, able: list[Mailbox]) -> Mailbox:
        if not self._script:
            return able[self._random.randrange(len(able))]
        wanted = self._script.popleft()
        for mailbox in able:
            if self._labels[mailbox] == wanted:
                return mailbox
        ready = ", ".join(self._labels[mailbox] for mailbox in able)
        raise ScheduleError(step=len(self._taken) + 1, wanted=wanted, ready=ready)

    def _run(self, mailbox: Mailbox) -> None:
        outer = running.actor
        try:
            if self._is_parked(mailbox):
                self._strands[mailbox].resume()
                return
            mailbox.enter_turn()
            if not isinstance(mailbox.owner, Source):
                self._turn(mailbox)
                return
            if mailbox not in self._strands:
                self._strands[mailbox] = Strand(f"simulated-{self._labels[mailbox]}")
            self._strands[mailbox].run(lambda: self._turn(mailbox))
        finally:
            running.actor = outer

    def _turn(self, mailbox: Mailbox) -> None:
        running.simulation = self  # on a strand
        try:
            self._give_turn(mailbox, 1)
        finally:
            self._leave(mailbox)

    def _give_turn(self, mailbox: Mailbox, budget: int) -> None:
        actor = mailbox.owner
        if actor is None or not actor._begun:
            super()._give_turn(mailbox, 0)
            return
        fault = self._fault_of(mailbox)
        if fault is None:
            super()._give_turn(mailbox, budget)
            return
        message = unwrapped(mailbox.items[0])
        if fault.action == "fail":
            self._fail(mailbox, actor, fault, message)
            return
        if fault.action == "delay":
            self._held[mailbox] = True
            self.clock.call_at(self.clock.now() + fault.seconds, lambda: self._let_go(mailbox))
        elif fault.action == "drop":
            item = mailbox.items.popleft()
            if isinstance(item, Keyed):
                item.take()
            mailbox.tally.cell(type(message)).dropped += 1
        else:
            actor.failure = actor.failure or injected(fault, message)
            actor.actor_stopped.set()
        super()._give_turn(mailbox, 0)

    def _fault_of(self, mailbox: Mailbox) -> Fault | None:
        if self._closing or not mailbox.items or self._held.pop(mailbox, None) is not None:
            return None
        message = unwrapped(mailbox.items[0])
        return self.faults.take(self._labels[mailbox], type(message)) if isinstance(message, TLV) else None

    def _fail(self, mailbox: Mailbox, actor: Actor, fault: Fault, message: Any) -> None:
        """The message is handled by what raises, for this turn."""
        kind = type(message)

        def raising(_: Any) -> None:
            raise injected(fault, message)

        cell, batches = actor._tally.cell(kind), actor._batch_table
        handler = cell.handle
        if handler is not None:
            cell.handle = raising
        elif kind in batches:
            actor._batch_table = {**batches, kind: raising}
        super()._give_turn(mailbox, 1)
        if handler is not None and cell.handle is not None:
            cell.handle = handler
        elif kind in batches and actor._batch_table:
            actor._batch_table = batches

    def _leave(self, mailbox: Mailbox) -> None:
        if mailbox in self._held:
            mailbox.leave_turn()  # awake, so that no sender puts it among those who are ready
        else:
            super()._leave(mailbox)

    def _let_go(self, mailbox: Mailbox) -> None:
        """A held message may go on, and meets no other fault."""
        if mailbox in self._held and mailbox.enter_queue():
            self.enqueue(mailbox)

    def _close(self) -> None:
        """Stop whoever lives, without faults and schedule; raises `SimulationError` where somebody goes on."""
        self._closing = True
        self._script.clear()
        for mailbox in tuple(self._held):
            self._let_go(mailbox)
        self._held.clear()
        for mailbox in tuple(self._labels):
            if mailbox.owner is not None and mailbox.owner.actor_ref.is_alive():
                mailbox.owner.actor_ref.stop(block=False)
        self.run()
        while paused := [mailbox for mailbox in self._labels if mailbox.paused and mailbox.owner is not None]:
            for mailbox in paused:
                mailbox.resume()
            self.run()
        for strand in self._strands.values():
            if not strand.parked:
                strand.end()
        left = [label for mailbox, label in self._labels.items() if mailbox.owner is not None]
        if left:
            raise SimulationError(problem=f"has ended, but {', '.join(left)} did not stop")
