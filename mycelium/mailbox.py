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

**Why no message is lost at the end.** A dead owner sets ``closed`` and ``asleep`` and then empties
the queue; a sender that is late by a hair appends, finds ``asleep``, and empties the queue itself.
What is left is dead-lettered and counted, by exactly one of them, since ``popleft`` gives a message
to one caller only.

Both arguments need that a store before an append, or before a look at an empty queue, is seen by
those who look at the queue after it, and that an append or a ``popleft`` is one step. The GIL gives
both, to the twin and to the compiled core, which lets go of it in none of these steps: between its
count, its append and its look at ``asleep`` nothing runs but what may run between any two lines of
the twin. Without a GIL, the twin runs, and the deque's own lock does it.

What every message goes through is `mycelium.inbox` (here), `mycelium.telling` and
`mycelium.emitting` (at the senders), and `mycelium.queue`: all of it compiled where that was built.

What lies in the queue: see `mycelium.mail`. A bound is looked at by senders, with one comparison; who
finds the mailbox full goes to `mycelium.overflow`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock, RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

import pykka
from pykka._envelope import Envelope

from mycelium.bounds import NO_POLICY, Bounded, Policy
from mycelium.dead_letters import DeadLetterKind, publish
from mycelium.errors.actor import StoppedFirstError
from mycelium.inbox import Inbox
from mycelium.mail import Keyed, Sampled, is_control, unwrapped
from mycelium.message_sets import shown
from mycelium.signals import Turn, add_control, left_in
from mycelium.tally import NOTHING, Tally
from mycelium.weights import Weights
from mycelium.wrapping import put_signed, put_wrapped
from tlv import TLV

if TYPE_CHECKING:
    from mycelium.actor import Actor
    from mycelium.counter import SharedCounter
    from mycelium.dispatcher.shared import Dispatcher
    from mycelium.dispatcher.waiting import Awaited
    from mycelium.overflow import OverflowPolicy

__all__ = ["Mailbox"]


#: Held for a few steps, when somebody begins to wait for room or for the end of an actor: one for all mailboxes.
#: Its own thread may come in again: a finalizer or a signal handler that sends in the middle of them. It does no harm there.
_lock = RLock()

#: One for all: the order is that of the lane.
_turn: Envelope[Any] = Envelope(Turn())


class Mailbox(Inbox):
    """The inbox of one actor; also pykka's ``ActorInbox`` (`put`, `get`, `empty`)."""

    __slots__ = (
        "_ending",
        "_gate",
        "_lock",
        "_overflow",
        "_sweeping",
        "_waiting_for_room",
        "_watchers",
        "bound",
        "closed",
        "control",
        "dispatcher",
        "engaged",
        "high_water_mark",
        "kind",
        "owner",
        "paused",
        "queued",
        "refusing",
        "running",
        "signed",
        "started",
        "tally",
        "urn",
        "waits_for",
        "wants_sender",
        "weights",
    )

    def __init__(self) -> None:
        super().__init__()
        #: The owner will take no more (it may still be in its last hook).
        self.refusing = False
        #: The owner is gone: whoever puts something in empties the mailbox.
        self.closed = False
        #: The owner's loop has begun.
        self.started = False
        #: The owner has work that is not mail: a source that has not finished.
        self.engaged = False
        #: The bound, and each message's policy and key.
        self.bound: tuple[Bounded, Mapping[type[TLV], Policy]] | None = None
        self._overflow: OverflowPolicy | None = None
        self._sweeping = 0  #: Threads that are burying what is left: what each has in hand is not counted yet.
        self.control: tuple[Envelope[Any], ...] = ()  #: What overtakes the queue, see `mycelium.signals`.
        #: The most that has waited when the owner looked.
        self.high_water_mark = 0
        self.tally = Tally("actor")
        self.latency = self.tally.latency
        self.handling = self.tally.handling
        #: The class and the urn of the owner, by which pykka names it in its errors.
        self.kind: type[Any] = object
        self.urn = ""
        #: The dispatcher that gives the owner its turns; None where the owner has a thread of its own.
        self.dispatcher: Dispatcher | None = None
        #: Whom that dispatcher runs: the owner, from its start to its end.
        self.owner: Actor | None = None
        self.paused = False  #: The owner takes nothing until `resume`: it waits to be made anew.
        #: What the owner is waiting for: the reply of an ask, or room in another mailbox.
        self.waits_for: Awaited | None = None
        self.wants_sender: frozenset[type[Any]] = frozenset()  #: What is put in with who sent it: its handler asks.
        self.signed: Mapping[type[Any], SharedCounter] = NOTHING  #: As `accepts`, of what lies there with its sender.
        self.weights: Weights | None = None  #: What messages of any size take, where the bound is in bytes.
        self._gate = Lock()
        self._gate.acquire()
        self._lock = _lock
        self._waiting_for_room: list[tuple[int, Callable[[], None]]] = []
        #: Who is to be told when the owner has ended, by mailbox.
        self._watchers: dict[Mailbox, Callable[[BaseException | None], None]] | None = None
        #: What the owner failed with, once it has ended.
        self._ending: tuple[BaseException | None] | None = None

    # What senders use, beside `put`.

    def accept(self, kind: type[Any], counter: SharedCounter) -> None:
        """Take messages of this type as they are, or with their sender, counted by this one, until the owner is stopping."""
        with self._lock:
            if not self.refusing and not self._keeps(kind):
                if kind in self.wants_sender:
                    self.signed = {**self.signed, kind: counter}
                else:
                    self.accepts[kind] = counter

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
    def overflow(self) -> OverflowPolicy:
        """What a sender asks that finds the mailbox full; made when the first one does."""
        if self._overflow is None:
            from mycelium.overflow import OverflowPolicy

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
            if self.queued.acquire(blocking=False):
                self.asleep = False
                self.dispatcher.enqueue(self)
            return
        self.asleep = False
        try:  # noqa: SIM105 - half the cost of contextlib.suppress
            self._gate.release()
        except RuntimeError:
            pass  # another sender has opened it

    def attach(self, owner: Actor, dispatcher: Dispatcher) -> None:
        """From now on the owner gets its turns from a dispatcher; `mycelium.dispatcher.shared` tells what the locks do."""
        self.owner = owner
        # Nobody sleeps at the gate of an actor that gets its turns: it is free for another use.
        self.queued = self._gate
        self.queued.release()
        self.running = Lock()
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
            self._waiting_for_room.append(waiter)
            if len(self.items) > room and not self.closed:
                return True
            self._waiting_for_room.remove(waiter)
            return False

    def at_end(self, watcher: Mailbox, tell: Callable[[BaseException | None], None]) -> None:
        """Have ``tell`` called with what the owner failed with, once, when it has ended; now where it has."""
        with self._lock:
            if self._ending is None:
                self._watchers = self._watchers or {}
                self._watchers[watcher] = tell
                return
        tell(self._ending[0])

    def not_at_end(self, watcher: Mailbox) -> None:
        """Forget what `at_end` was told by that one."""
        with self._lock:
            if self._watchers:
                self._watchers.pop(watcher, None)

    def forget_waiter(self, resume: Callable[[], None]) -> None:
        """Do not call ``resume`` any more."""
        with self._lock:
            self._waiting_for_room = [waiter for waiter in self._waiting_for_room if waiter[1] != resume]

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
        while not self._is_due():
            self.asleep = True
            if self._is_due():
                break
            if deadline is None:
                self._gate.acquire()
            elif (left := deadline - monotonic()) <= 0 or not self._gate.acquire(timeout=left):
                break
        self.asleep = False

    def make_room_known(self) -> None:
        """Resume those who waited for room that is there now. Cheap to call when nobody waits."""
        if not self._waiting_for_room:
            return
        with self._lock:
            count = len(self.items)
            due = [waiter for waiter in self._waiting_for_room if count <= waiter[0] or self.closed]
            self._waiting_for_room = [waiter for waiter in self._waiting_for_room if waiter not in due]
        for _, resume in due:
            resume()

    def get(self) -> Envelope[Any]:
        """Wait for one message, and take it. For code that drives an inbox as pykka does."""
        items = self.items
        while not items:
            self.asleep = True
            if not items:
                self._gate.acquire()
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
        self._accept_no_more()
        if self.asleep:
            self.wake()

    def _accept_no_more(self) -> None:
        with self._lock:
            self.refusing = True
            self.accepts = {}
            self.signed = NOTHING

    def resume(self) -> None:
        """The owner's pause is over. Any thread."""
        self.paused = False
        if self.asleep and not self.closed:
            self.wake()

    def close(self) -> int:
        """The owner is gone: bury what is left, and have senders bury what comes too late; how many were left."""
        self._accept_no_more()
        self.closed = True
        self.asleep = True
        left = self.sweep(told=True)
        self.engaged = False
        self.make_room_known()
        return left

    def tell_end(self, failure: BaseException | None) -> None:
        """The owner has ended, all is counted: tell those who watch it."""
        with self._lock:
            self._ending = (failure,)
            watchers, self._watchers = self._watchers, None
        for tell in (watchers or {}).values():
            tell(failure)

    def sweep(self, *, told: bool = False) -> int:
        """Dead-letter everything that waits and answer every ask; how many messages that were."""
        with self._lock:
            self._sweeping += 1
        try:
            return sum(self._bury(item, told=told) for item in left_in(self))
        finally:
            with self._lock:
                self._sweeping -= 1

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

    def _bury(self, item: Any, *, told: bool) -> int:
        reply_to = item.reply_to if isinstance(item, Envelope) else None
        message = unwrapped(item)
        if is_control(message):
            if reply_to is not None:
                reply_to.set(None)
            return 0
        self.tally.count_dead(type(message))
        if reply_to is not None:
            error: pykka.ActorDeadError
            if isinstance(message, TLV):
                error = StoppedFirstError(actor=self.tally.name, message=shown(type(message)))
            else:
                error = pykka.ActorDeadError(f"{self.kind.__name__} ({self.urn}) stopped before handling the message")
            reply_to.set_exception((type(error), error, None))
        told = told or reply_to is not None
        publish(DeadLetterKind.DEAD_RECEIVER, self.tally.name, message, "it stopped before it came to it", told=told)
        return 1
