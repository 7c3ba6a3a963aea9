"""What becomes of a message that comes to a full mailbox.

As long as there is room, senders append without asking anybody. Who finds the mailbox full comes
here; from then on one sender at a time looks, makes room and appends. So the bound is exceeded by
the number of threads that send at the same moment, at most.

A finalizer or a signal handler may send in the middle of that, in the same thread: its message comes
next, does not wait for room, and where it is refused, that is counted and nobody is told. See `mycelium.one_by_one`.

**Why the owner needs no lock.** It takes from the left, one by one, until it has as many as it
counted or finds the queue empty: a sender that makes room may have appended before the owner
counted, and take an older one out after that. ``deque.remove`` either takes the old one out or finds
that the owner was quicker, and then there is room anyway; so a message is either handled or counted
as dropped, never both.

**Conflation.** Messages to conflate lie in the queue as `Keyed`, and ``_newest`` knows the newest
one of each key. One that is no longer the newest is noted in ``_superseded``, in the order in which
that happened, and is the first to go when there is no room. What survives keeps its order.

Asks and plain objects are never removed; an ask to a full mailbox waits or is refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from mycelium.contracts.message_sets import shown
from mycelium.dead_letters import DeadLetterKind, publish
from mycelium.dispatcher.current import current_ref, now, running
from mycelium.dispatcher.waiting import wait_inside, wait_outside
from mycelium.errors.actor import AskCycleError, MailboxFullError
from mycelium.errors.event_loop import BlockingInLoopError
from mycelium.mailbox.bounds import Bounded, Policy
from mycelium.mailbox.mail import Keyed, is_fixed, sent_by, unwrapped
from mycelium.mailbox.mailbox import Mailbox
from mycelium.mailbox.weights import weigh, weight_of
from mycelium.one_by_one import OneByOne, is_held_here

if TYPE_CHECKING:
    from tlv import TLV

__all__ = ["OverflowPolicy"]


class Offer:
    """A message for a mailbox that was full, and what came of it: empty where it got in, else why it did not."""

    __slots__ = ("item", "late", "policy", "reason")

    def __init__(self, item: Any, policy: str) -> None:
        self.item = item
        self.policy = policy
        self.reason = ""
        #: Its sender has gone on: nobody is to be told of a refusal.
        self.late = False


class OverflowPolicy:
    """The bound of one mailbox at work. `offer` is for who found it full, `put_keyed` for what is conflated."""

    __slots__ = (
        "_bound",
        "_key_of",
        "_lost",
        "_mailbox",
        "_newest",
        "_policies",
        "_steps",
        "_superseded",
        "capacity",
        "removes",
    )

    def __init__(self, mailbox: Mailbox, bound: Bounded, policies: Mapping[type[TLV], Policy]) -> None:
        self.capacity = mailbox.capacity
        self._mailbox = mailbox
        self._bound = bound
        self._policies = {kind: policy for kind, (policy, _) in policies.items()}
        #: Whether senders take messages out to make room.
        self.removes = not {"drop_oldest", "conflate"}.isdisjoint({bound.policy, *self._policies.values()})
        self._key_of: dict[type[Any], Callable[[Any], Any]] = {
            kind: attrgetter(*key) for kind, (policy, key) in policies.items() if policy == "conflate"
        }
        self._newest: dict[tuple[type[Any], Any], Keyed] = {}
        self._superseded: deque[Keyed] = deque()
        self._lost: deque[Any] = deque()
        self._steps: OneByOne[Any] = OneByOne(self._step)

    def put_keyed(self, item: Any) -> None:
        """Append a message to conflate; for who found room, or has made it."""
        self._steps.bring(item)
        if self._lost:
            self._tell_lost()

    def forget(self, keyed: Keyed) -> None:
        """The owner has taken it."""
        keyed.taken = True
        self._steps.bring(keyed)
        if self._lost:
            self._tell_lost()

    def _step(self, brought: Any) -> None:
        """Place what was offered, forget what was taken, append what is to be conflated."""
        if type(brought) is Offer:
            brought.reason = self._place(brought.item, brought.policy)
            if brought.late:
                self._end_late(brought)
        elif type(brought) is Keyed:
            self._unweigh(brought)
            if brought.key is not None and self._newest.get(brought.key) is brought:
                del self._newest[brought.key]
        else:
            self._append_keyed(brought)

    def offer(self, item: Any, timeout: float | None = None) -> MailboxFullError | None:
        """Put a message into a mailbox that was full a moment ago, and wake its owner; or why it was refused.

        ``item`` has been counted as sent. An ask gives up after ``timeout`` seconds, if that is
        sooner than the mailbox's own deadline.
        """
        message = unwrapped(item)
        policy = self._policies.get(type(message), self._bound.policy)
        if type(message) in self._mailbox.wants_sender:
            item = sent_by(item, current_ref())
        if is_fixed(item) and policy in {"conflate", "drop_newest"}:
            policy = "reject"
        in_the_middle = self._steps.is_taking_here or is_held_here(self._mailbox._lock)
        reason = ""
        if policy == "block" and not in_the_middle:
            reason = self._wait_for_room(timeout)
        elif in_the_middle and is_fixed(item) and not self._has_room():
            reason = "it was asked in the middle of another message to the same mailbox"
        if not reason:
            offer = Offer(item, policy)
            if not self._steps.bring(offer):
                offer.late = True
                return None
            self._tell_lost()
            reason = offer.reason
            # Where this one was refused, a late one may have got in.
            if self._mailbox.asleep:
                self._mailbox.wake()
        if not reason:
            return None
        if policy in {"drop_newest", "drop_oldest"} and not is_fixed(item):
            self._lose(message, "dropped")
            self._tell_lost()
            return None
        publish(DeadLetterKind.DROPPED, self._mailbox.tally.name, message, "its mailbox was full", told=True)
        return self._refuse(message, reason)

    def _refuse(self, message: Any, reason: str) -> MailboxFullError:
        self._lose(message, "rejected")
        error = MailboxFullError(
            actor=self._mailbox.tally.name, message=shown(type(message)), capacity=self.capacity, reason=reason
        )
        error.hand_back(message)
        return error

    def _end_late(self, offer: Offer) -> None:
        """What `offer` does at its end, for a sender that has gone on; whoever was in the middle wakes the owner."""
        message = unwrapped(offer.item)
        if not offer.reason:
            return
        if offer.policy in {"drop_newest", "drop_oldest"} and not is_fixed(offer.item):
            self._lose(message, "dropped")
            return
        error = self._refuse(message, offer.reason)
        reply = offer.item.reply_to if isinstance(offer.item, Envelope) else None
        if reply is not None:
            reply.set_exception((type(error), error, None))
        else:
            self._lost.append(message)

    def _place(self, item: Any, policy: str) -> str:
        """As a step: append, and make room for it; or why that cannot be."""
        mailbox = self._mailbox
        if policy == "conflate":
            if self._has_room():
                self._append_keyed(item)
                return ""
            kind = type(unwrapped(item))
            before = self._newest.get((kind, self._key_of[kind](unwrapped(item))))
            if before is None and not self._forget_taken():
                return "no two of the messages that wait have one key"
            if mailbox.weights is not None and not self._makes_room_for(item, before):
                return "the newest of other keys leave no room for its bytes"
            self._append_keyed(item)
            self._drop_superseded()
            return ""
        if policy == "drop_oldest" and not self._has_room():
            oldest = self._oldest()
            if oldest is None and not self._has_room():
                return "there is no older one to drop"
            item = weigh(mailbox, item)
            mailbox.items.append(item)
            while oldest is not None and oldest is not item:
                if self._remove(oldest):
                    self._lose(unwrapped(oldest), "dropped")
                oldest = self._oldest() if self._weighs_too_much() else None
            return ""
        if policy in {"drop_newest", "reject"} and not self._has_room():
            return "its policy is reject" if policy == "reject" else "its policy is drop_newest"
        mailbox.items.append(weigh(mailbox, item))
        return ""

    def _lose(self, message: Any, what: str) -> None:
        self._mailbox.tally.count_overflow(type(message), what)
        if what == "dropped":
            self._lost.append(message)

    def _tell_lost(self) -> None:
        """Publish what was dropped; without the lock, for who listens may send in turn."""
        while self._lost:
            try:
                message = self._lost.popleft()
            except IndexError:
                return  # another sender tells of it
            publish(DeadLetterKind.DROPPED, self._mailbox.tally.name, message, "its mailbox was full")

    def _has_room(self) -> bool:
        mailbox = self._mailbox
        return len(mailbox.items) - len(mailbox.control) < mailbox.capacity or mailbox.closed

    def _weighs_too_much(self, more: int = 0) -> bool:
        weights = self._mailbox.weights
        return weights is not None and weights.is_over(len(self._mailbox.items) - len(self._mailbox.control), more)

    def _makes_room_for(self, item: Any, before: Keyed | None) -> bool:
        """Let go of what is superseded, as far as this message needs it; whether its bytes have room then."""
        weighed = self._mailbox.weights is not None and type(unwrapped(item)) in self._mailbox.weights.kinds
        more = weight_of(unwrapped(item)) - (before.size if before is not None else 0) if weighed else 0
        while self._weighs_too_much(more) and self._forget_taken():
            self._drop_superseded()
        return not self._weighs_too_much(more)

    def _unweigh(self, item: Any) -> None:
        if type(item) is Keyed and self._mailbox.weights is not None:
            self._mailbox.weights.remove(item)

    def _append_keyed(self, item: Any) -> None:
        message = unwrapped(item)
        key = (type(message), self._key_of[type(message)](message))
        keyed = Keyed(item, key, self.forget)
        weights = self._mailbox.weights
        if weights is not None and type(message) in weights.kinds:
            weights.add(keyed)
        self._forget_taken()
        before = self._newest.get(key)
        if before is not None:
            self._superseded.append(before)
        self._newest[key] = keyed
        self._mailbox.items.append(keyed)

    def _forget_taken(self) -> bool:
        """Forget superseded messages that the owner has taken; whether one is left."""
        while self._superseded and self._superseded[0].taken:
            self._superseded.popleft()
        return bool(self._superseded)

    def _drop_superseded(self) -> None:
        while self._forget_taken():
            keyed = self._superseded.popleft()
            if self._remove(keyed):
                self._lose(unwrapped(keyed), "conflated")
                return

    def _oldest(self) -> Any:
        """The oldest message that its policy allows to drop, or None."""
        items = self._mailbox.items
        try:
            first = items[0]  # read once: the owner takes it at any moment, and what comes there may be control
        except IndexError:
            return None
        if self._may_drop(first):
            return first
        return next((item for item in items.copy() if self._may_drop(item)), None)

    def _may_drop(self, item: Any) -> bool:
        if is_fixed(item) or (type(item) is Keyed and item.key is not None):
            return False
        return self._policies.get(type(unwrapped(item)), self._bound.policy) == "drop_oldest"

    def _remove(self, item: Any) -> bool:
        """Take an item out of the queue; False where the owner was quicker."""
        while True:
            try:
                self._mailbox.items.remove(item)
            except ValueError:
                return False
            except IndexError:
                continue  # the queue changed while Python code compared two messages
            self._unweigh(item)
            return True

    def _wait_for_room(self, timeout: float | None) -> str:
        """Wait until there is room; empty, or why it did not come."""
        seconds = self._bound.deadline_s if timeout is None else min(timeout, self._bound.deadline_s)
        deadline = now() + seconds
        mailbox = self._mailbox
        while not self._has_room():
            left = deadline - now()
            if left <= 0:
                return f"no room came within {seconds:g} s"
            waiter = Lock()
            waiter.acquire()
            # Half of it, so that a sender is not woken for each place that becomes free.
            if not mailbox.when_room(min(self.capacity, len(mailbox.items)) // 2, waiter.release):
                break
            actor = running.actor
            try:
                if actor is None:
                    wait_outside(waiter, left)
                else:
                    wait_inside(actor, mailbox, waiter, left)
            except AskCycleError as error:
                if not self._has_room():
                    return f"waiting for room would never end: {error.cycle}"
            except BlockingInLoopError as error:
                if not self._has_room():
                    return f"{error.actor} would wait for room on the event loop that is to make it"
            finally:
                mailbox.forget_waiter(waiter.release)
        return ""
