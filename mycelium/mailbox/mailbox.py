"""Mailbox: where an actor's messages wait; any thread puts, only the owner takes.

It is a queue, and a gate (a lock used as a binary semaphore) on which the owner sleeps. A put is an
append and the test of one flag; there is no lock around the queue, and a wake-up is paid only by
the sender that finds the owner asleep.

**Why no wake-up is lost.** The owner, before it sleeps, first sets ``asleep`` and then looks at the
queue once more. A sender first appends and then looks at ``asleep``. Whichever comes last sees the
other: either the owner finds the message and does not sleep, or the sender finds the flag and opens
the gate. Whoever clears the flag for the owner opens the gate after that, so while the owner is
blocked either the flag is set and the queue was empty, or somebody is on his way to the gate. Two
senders may open the gate for one sleep; the second opening makes the next sleep end at once, which
only costs a look at the queue.

This argument, and that of `mycelium.mailbox.ending` why no message is lost at the end, need that a store before an append, or before a look at an empty queue, is seen by
those who look at the queue after it, and that an append or a ``popleft`` is one step. The GIL gives
both, to the twin and to the compiled core, which lets go of it in none of these steps: between its
count, its append and its look at ``asleep`` nothing runs but what may run between any two lines of
the twin. Without a GIL, the twin runs, and the deque's own lock does it.

What every message goes through is `mycelium.mailbox.inbox`, `mycelium.routing.telling`, `mycelium.routing.emitting`
and `mycelium.mailbox.queue`: all of it compiled where that was built.

What lies in the queue: see `mycelium.mailbox.mail`. A bound is looked at by senders, with one comparison; who
finds the mailbox full goes to `mycelium.mailbox.overflow`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from mycelium.actor.signals import Turn, add_control
from mycelium.mailbox.bounds import NO_POLICY, Bounded, Policy
from mycelium.mailbox.ending import Ending
from mycelium.mailbox.gate import Gate
from mycelium.mailbox.mail import Keyed, Sampled, unwrapped
from mycelium.mailbox.weights import Weights
from mycelium.mailbox.wrapping import put_signed, put_wrapped
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.dispatcher.shared import Dispatcher
    from mycelium.dispatcher.waiting import Awaited
    from mycelium.mailbox.overflow import OverflowPolicy

__all__ = ["Mailbox"]


#: One for all: the order is that of the lane.
_turn: Envelope[Any] = Envelope(Turn())


class Mailbox(Ending):
    """The inbox of one actor; also pykka's ``ActorInbox`` (`put`, `get`, `empty`)."""

    __slots__ = (
        "_gate",
        "_overflow",
        "_waiting_for_room",
        "bound",
        "dispatcher",
        "high_water_mark",
        "owner",
        "waits_for",
        "wants_sender",
        "weights",
    )

    def __init__(self) -> None:
        super().__init__()
        #: The bound, and each message's policy and key.
        self.bound: tuple[Bounded, Mapping[type[TLV], Policy]] | None = None
        self._overflow: OverflowPolicy | None = None
        #: The most that has waited when the owner looked.
        self.high_water_mark = 0
        #: The dispatcher that gives the owner its turns; None where the owner has a thread of its own.
        self.dispatcher: Dispatcher | None = None
        #: Whom that dispatcher runs: the owner, from its start to its end.
        self.owner: Actor | None = None
        #: What the owner is waiting for: the reply of an ask, or room in another mailbox.
        self.waits_for: Awaited | None = None
        self.wants_sender: frozenset[type[Any]] = frozenset()  #: What is put in with who sent it: its handler asks.
        self.weights: Weights | None = None  #: What messages of any size take, where the bound is in bytes.
        #: Where the owner sleeps that has a thread of its own; made when it first does.
        self._gate: Gate | None = None
        self._waiting_for_room: tuple[tuple[int, Callable[[], None]], ...] = ()

    # What senders use, beside `put`.

    def accept(self, kind: type[Any]) -> None:
        """Take messages of this type as they are, or with their sender, until the owner is stopping."""
        if not self._keeps(kind):
            cell = self.tally.cell(kind)
            if kind in self.wants_sender:
                cell.signed = True
            else:
                cell.accepted = True

    def append_of(self, kind: type[Any]) -> Callable[[Any], None] | None:
        """How a message of this type gets into the queue where there is room, if that is not a plain append."""
        put = put_wrapped if self._keeps(kind) else put_signed if kind in self.wants_sender else None
        return put and partial(put, self)

    def _keeps(self, kind: type[Any]) -> bool:
        """Whether somebody has to be told when a message of this type is taken out: it is weighed, or may be replaced."""
        return (self.weights is not None and kind in self.weights.kinds) or self.conflates(kind)

    def steer(self, envelope: Envelope[Any]) -> None:
        """Put something in front of all mail, behind what was put there before. Never blocks, and has no bound."""
        add_control(self, envelope)
        self.items.appendleft(_turn)
        if self.asleep:
            self.wake()

    @property
    def target(self) -> Mailbox:
        """Who ends the wait of one who waits for room here; a `Reply` has the same."""
        return self

    def conflates(self, kind: type[Any]) -> bool:
        """Whether messages of this type replace older ones of their key."""
        return self.bound is not None and self.bound[1].get(kind, NO_POLICY)[0] == "conflate"

    def blocks(self, kind: type[Any]) -> bool:
        """Whether senders of this type wait for room."""
        return self.bound is not None and self.bound[1].get(kind, (self.bound[0].policy,))[0] == "block"

    @property
    def holds_up(self) -> bool:
        """Whether senders of some message wait for room, or are refused; else those are dropped that have none."""
        if self.bound is None:
            return True
        bound, policies = self.bound
        declared = {policy for policy, _ in policies.values()} or {bound.policy}
        return not declared.isdisjoint({"block", "reject"})

    @property
    def overflow(self) -> OverflowPolicy:
        """What a sender asks that finds the mailbox full; made when the first one does."""
        if self._overflow is None:
            from mycelium.mailbox.overflow import OverflowPolicy

            assert self.bound is not None, "only a mailbox with a bound can be full"
            bound, policies = self.bound
            made = OverflowPolicy(self, bound, policies)
            with self._lock:
                self._overflow = first = getattr(self, "_overflow", None) or made
            return first
        return self._overflow

    def wake(self) -> None:
        """For whoever appended and then found ``asleep``: open the gate, or bury what a dead owner will not take."""
        if self.closed:
            self.sweep()
            return
        if self.paused and not self.refusing:
            return  # `resume` wakes it
        if self.dispatcher is not None:
            if self.enter_queue():
                self.asleep = False
                self.dispatcher.enqueue(self)
            return
        self.asleep = False
        try:  # noqa: SIM105 - half the cost of contextlib.suppress
            self._own_gate().release()
        except RuntimeError:
            pass  # another sender has opened it

    def attach(self, owner: Actor, dispatcher: Dispatcher) -> None:
        """From now on the owner gets its turns from a dispatcher; see `mycelium.dispatcher.shared`."""
        self.owner = owner
        self.dispatcher = dispatcher

    def detach(self) -> None:
        """The owner has ended."""
        self.owner = None

    def when_room(self, room: int, resume: Callable[[], None]) -> bool:
        """Have ``resume`` called, once and by the owner, when at most ``room`` messages wait.

        False, and nothing will be called, where that is so already. The order (first register, then
        look) makes it safe against an owner that takes the last message at the same time.
        """
        waiter = (room, resume)
        with self._lock:
            self._waiting_for_room += (waiter,)
            if len(self.items) > room and not self.closed:
                return True
            self._waiting_for_room = self._waiting_for_room[:-1]
            return False

    def forget_waiter(self, resume: Callable[[], None]) -> None:
        """Do not call ``resume`` any more."""
        with self._lock:
            self._waiting_for_room = tuple(waiter for waiter in self._waiting_for_room if waiter[1] != resume)

    # What the owner uses.

    def wait(self, timeout: float | None = None) -> int:
        """Sleep until there is mail, the owner is to stop, or the time is over; how many messages wait."""
        if not self._is_due():
            self._sleep(timeout)
        count = len(self.items)
        if count > self.high_water_mark:  # noqa: PLR1730 - twice as fast as max()
            self.high_water_mark = count
        return count

    def _is_due(self) -> bool:
        return (bool(self.items) and not self.paused) or self.refusing

    def _sleep(self, timeout: float | None) -> None:
        deadline = None if timeout is None else monotonic() + timeout
        gate = self._own_gate()
        while not self._is_due():
            self.asleep = True
            if self._is_due():
                break
            if deadline is None:
                gate.acquire()
            elif (left := deadline - monotonic()) <= 0 or not gate.acquire(timeout=left):
                break
        self.asleep = False

    def _own_gate(self) -> Gate:
        gate = self._gate
        if gate is None:
            made = Gate()
            with self._lock:
                self._gate = gate = getattr(self, "_gate", None) or made
        return gate

    def make_room_known(self) -> None:
        """Resume those who waited for room that is there now. Cheap to call when nobody waits."""
        if not self._waiting_for_room:
            return
        with self._lock:
            count = len(self.items)
            due = [waiter for waiter in self._waiting_for_room if count <= waiter[0] or self.closed]
            self._waiting_for_room = tuple(waiter for waiter in self._waiting_for_room if waiter not in due)
        for _, resume in due:
            resume()

    def get(self) -> Envelope[Any]:
        """Wait for one message, and take it. For code that drives an inbox as pykka does."""
        items = self.items
        gate = self._own_gate()
        while not items:
            self.asleep = True
            if not items:
                gate.acquire()
        self.asleep = False
        item = items.popleft()
        if type(item) is Keyed:
            item = item.take()
        if type(item) is Sampled:
            item = item.message
        return item if isinstance(item, Envelope) else Envelope(item)

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self.items

    def refuse(self) -> None:
        """The owner is stopping: take no declared messages any more, and let it see that."""
        self.accept_no_more()
        if self.asleep:
            self.wake()

    def resume(self) -> None:
        """The owner's pause is over. Any thread."""
        self.paused = False
        if self.asleep and not self.closed:
            self.wake()

    # What reports use.

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being done. True before the start and after the end, if empty."""
        if self.items or self.engaged or self._sweeping:
            return False
        return self.asleep or self.closed or not self.started

    def waiting(self) -> Mapping[type[Any], int]:
        """How many messages of each type wait, counted one by one."""
        return Counter(type(unwrapped(item)) for item in self.items.copy())
