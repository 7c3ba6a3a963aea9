"""A mailbox with a bound: what each policy does when it is full, held against models, and under load."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mycelium import Actor, ActorContext, Bounded, Ledger, dead_letters, handles, wait_until_quiet
from mycelium.dispatcher.shared import Dispatcher
from mycelium.errors import MailboxDeclarationError, MailboxFullError
from mycelium.mailbox.bounds import UNBOUNDED, UNLIMITED, bytes_of
from mycelium.mailbox.mail import unwrapped
from mycelium.mailbox.mailbox import Mailbox
from mycelium.routing.route_plan import plan_routes
from mycelium.routing.router import connect
from tests.strategies import share
from tests.waiting import wait_for
from tlv import TLV, Batch, i64

DEADLINE_S = 60.0


class Quote(TLV, type=1001):
    venue: i64
    number: i64


class Trade(TLV, type=1002):
    number: i64


class Collector(Actor):
    """Keeps what it gets; nothing while the gate is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[TLV] = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def keep(self, message: TLV) -> int:
        self.entered.set()
        assert self.gate.wait(DEADLINE_S)
        self.seen.append(message)
        return len(self.seen)

    @handles
    def on_trade(self, trade: Trade) -> int:
        return self.keep(trade)

    @handles
    def on_quote(self, quote: Quote) -> int:
        return self.keep(quote)


class Oldest(Collector, mailbox=Bounded(3, overflow="drop_oldest")): ...


class Newest(Collector, mailbox=Bounded(3, overflow="drop_newest")): ...


class Rejecting(Collector, mailbox=Bounded(3, overflow="reject")): ...


class Blocking(Collector, mailbox=Bounded(3, deadline_s=DEADLINE_S)): ...


class Impatient(Collector, mailbox=Bounded(3, deadline_s=0.01)): ...


class Conflating(Collector, mailbox=Bounded(3, overflow="drop_oldest")):
    @handles(overflow="conflate", key="venue")
    def on_quote(self, quote: Quote) -> int:
        return self.keep(quote)


def handled_by(actor: Collector) -> list[TLV]:
    """Run a created actor until its mailbox is empty, and stop it; the ledger balances."""
    if not actor.mailbox.started:
        actor.launch()
    actor.gate.set()
    actor.actor_ref.stop(block=False)
    assert actor.ended.wait(DEADLINE_S)
    assert Ledger([actor]).balanced
    return actor.seen


def overflows(actor: Actor) -> dict[tuple[str, str], int]:
    return {(row.message, row.what): row.count for row in Ledger([actor]).read().overflows}


def numbers(messages: list[Any]) -> list[int]:
    return [message.number for message in messages]


def trades(*given: int) -> list[Trade]:
    return [Trade(number=number) for number in given]


def tell_all(actor: Actor, messages: list[Any]) -> list[MailboxFullError]:
    refused = []
    for message in messages:
        try:
            actor.actor_ref.tell(message)
        except MailboxFullError as error:
            refused.append(error)
    return refused


# What each policy does.


def test_drop_oldest_keeps_the_newest_and_counts_the_others() -> None:
    actor = Oldest.create()
    assert not tell_all(actor, trades(*range(10)))
    assert overflows(actor) == {("Trade", "dropped"): 7}
    assert numbers(handled_by(actor)) == [7, 8, 9]


def test_what_is_dropped_is_a_dead_letter_and_what_is_conflated_is_none() -> None:
    letters: list[dead_letters.DeadLetter] = []
    subscription = dead_letters.subscribe(letters.append, every_s=0)
    actor = Conflating.create()
    tell_all(actor, [*trades(1, 2, 3, 4), Quote(venue=1, number=5)])
    subscription.cancel()
    assert [(letter.kind, letter.message) for letter in letters] == [
        (dead_letters.DeadLetterKind.DROPPED, Trade(number=1)),
        (dead_letters.DeadLetterKind.DROPPED, Quote(venue=1, number=5)),
    ]
    assert numbers(handled_by(actor)) == [2, 3, 4]


def test_drop_newest_keeps_what_came_first() -> None:
    actor = Newest.create()
    assert not tell_all(actor, trades(*range(10)))
    assert overflows(actor) == {("Trade", "dropped"): 7}
    assert numbers(handled_by(actor)) == [0, 1, 2]


def test_reject_hands_each_message_back_to_its_sender() -> None:
    actor = Rejecting.create()
    refused = tell_all(actor, trades(*range(5)))
    assert [error.refused for error in refused] == trades(3, 4)
    assert isinstance(refused[0], queue.Full)
    assert "Rejecting is full (3 messages) and refused Trade" in str(refused[0])
    assert overflows(actor) == {("Trade", "rejected"): 2}
    assert numbers(handled_by(actor)) == [0, 1, 2]


def test_block_gives_up_after_the_deadline_of_the_mailbox() -> None:
    actor = Impatient.create()
    (refused,) = tell_all(actor, trades(*range(4)))
    assert refused.refused == Trade(number=3)
    assert refused.reason == "no room came within 0.01 s"
    assert overflows(actor) == {("Trade", "rejected"): 1}
    assert numbers(handled_by(actor)) == [0, 1, 2]


def test_block_waits_for_room_and_loses_nothing() -> None:
    actor = Blocking.create()
    sender = threading.Thread(target=tell_all, args=(actor, trades(*range(1000))), daemon=True)
    sender.start()
    actor.launch()
    sender.join(DEADLINE_S)
    assert not sender.is_alive()
    assert numbers(handled_by(actor)) == list(range(1000))
    assert not overflows(actor)
    assert actor.mailbox.high_water_mark <= 3


def test_conflate_keeps_the_newest_of_each_key_in_the_order_sent() -> None:
    actor = Conflating.create()
    sent = [Quote(venue=number % 3, number=number) for number in range(10)]
    assert not tell_all(actor, sent)
    assert handled_by(actor) == sent[-3:]
    assert overflows(actor) == {("Quote", "conflated"): 7}


def test_conflate_takes_away_what_is_superseded_for_a_new_key() -> None:
    actor = Conflating.create()
    tell_all(actor, [Quote(venue=1, number=1), Quote(venue=1, number=2), Quote(venue=2, number=3)])
    assert not tell_all(actor, [Quote(venue=3, number=4)])
    assert numbers(handled_by(actor)) == [2, 3, 4]


def test_conflate_refuses_a_key_for_which_there_is_no_place() -> None:
    actor = Conflating.create()
    (refused,) = tell_all(actor, [Quote(venue=number, number=number) for number in range(4)])
    assert refused.refused == Quote(venue=3, number=3)
    assert refused.reason == "no two of the messages that wait have one key"
    assert numbers(handled_by(actor)) == [0, 1, 2]


def test_each_message_has_the_policy_of_its_handler() -> None:
    actor = Conflating.create()
    tell_all(actor, [Quote(venue=1, number=1), Trade(number=2), Trade(number=3), Trade(number=4)])
    tell_all(actor, [Quote(venue=1, number=5)])
    assert handled_by(actor) == [Trade(number=3), Trade(number=4), Quote(venue=1, number=5)]
    assert overflows(actor) == {("Quote", "conflated"): 1, ("Trade", "dropped"): 1}


def test_a_newest_quote_that_the_owner_has_taken_is_not_replaced() -> None:
    actor = Conflating.create()
    actor.gate.clear()
    actor.launch()
    tell_all(actor, [Quote(venue=1, number=1)])
    assert actor.entered.wait(DEADLINE_S)
    assert not tell_all(actor, [Quote(venue=1, number=number) for number in range(2, 9)])
    assert numbers(handled_by(actor)) == [1, 6, 7, 8]


def test_asks_are_refused_but_never_dropped() -> None:
    actor = Oldest.create()
    answers = [actor.actor_ref.ask(one, block=False, timeout=DEADLINE_S) for one in trades(0, 1, 2)]
    late = actor.actor_ref.ask(Trade(number=3), block=False, timeout=DEADLINE_S)
    with pytest.raises(MailboxFullError, match="no older one to drop"):
        late.get()
    assert numbers(handled_by(actor)) == [0, 1, 2]
    assert [answer.get() for answer in answers] == [1, 2, 3]


def test_an_ask_waits_for_room_no_longer_than_for_its_answer() -> None:
    actor = Blocking.create()
    tell_all(actor, trades(0, 1, 2))
    with pytest.raises(MailboxFullError, match=r"no room came within 0\.01 s"):
        actor.actor_ref.ask(Trade(number=3), timeout=0.01)
    assert numbers(handled_by(actor)) == [0, 1, 2]


def test_plain_objects_have_no_bound() -> None:
    actor = Rejecting.create()
    for number in range(10):
        actor.actor_ref.tell(number)
    assert len(actor.mailbox) == 10
    actor.actor_ref.stop(block=False)


def test_batches_are_made_of_what_survived() -> None:
    class Batched(Actor, mailbox=Bounded(3)):
        taken: list[int]

        @handles(batch=True, overflow="conflate", key="venue")
        def on_quotes(self, quotes: Batch[Quote]) -> None:
            self.taken = [quote.number for quote in quotes]

    actor = Batched.create()
    tell_all(actor, [Quote(venue=number % 2, number=number) for number in range(8)])
    actor.launch()
    assert wait_until_quiet([actor], DEADLINE_S)
    assert actor.taken == [5, 6, 7]
    assert Ledger([actor]).balanced
    actor.actor_ref.stop(block=False)


def test_without_a_bound_nothing_is_full() -> None:
    class Endless(Collector, mailbox=UNBOUNDED): ...

    actor = Endless.create()
    assert actor.mailbox.capacity == UNLIMITED
    assert not tell_all(actor, trades(*range(20_000)))
    assert len(handled_by(actor)) == 20_000


def test_a_message_to_an_actor_that_stops_while_its_sender_waits_is_a_dead_letter() -> None:
    actor = Blocking.create()
    actor.gate.clear()
    actor.launch()
    tell_all(actor, trades(0))
    assert actor.entered.wait(DEADLINE_S)
    tell_all(actor, trades(1, 2, 3))
    sender = threading.Thread(target=actor.actor_ref.tell, args=(Trade(number=4),), daemon=True)
    sender.start()
    assert wait_for(lambda: actor.mailbox._waiting_for_room)  # who comes later is told that nobody is there
    actor.actor_stopped.set()
    actor.gate.set()
    sender.join(DEADLINE_S)
    assert not sender.is_alive()
    assert actor.ended.wait(DEADLINE_S)
    assert Ledger([actor]).balanced


# Actors that send to each other.


class Flood(Actor, emits=Trade):
    """Emits as many messages as it is told."""

    refused: MailboxFullError | None = None

    @handles
    def on_quote(self, quote: Quote) -> None:
        try:
            for number in range(quote.number):
                self.emit(Trade(number=number))
        except MailboxFullError as error:
            self.refused = error


def wired(**classes: type[Actor]) -> dict[str, Actor]:
    actors = {name: kind.create() for name, kind in classes.items()}
    connect(actors, plan_routes(classes))
    for actor in reversed(actors.values()):
        actor.launch()
    return actors


class OnlyTrades(Actor, mailbox=Bounded(8, deadline_s=DEADLINE_S)):
    count = 0

    @handles
    def on_trade(self, trade: Trade) -> None:
        assert trade.number == self.count
        self.count += 1


def test_a_full_receiver_of_the_same_dispatcher_has_its_turn_inside_the_emitter() -> None:
    actors = wired(flood=Flood, sink=OnlyTrades)
    actors["flood"].actor_ref.tell(Quote(venue=1, number=5000))
    assert wait_until_quiet(actors.values(), DEADLINE_S)
    sink = actors["sink"]
    assert isinstance(sink, OnlyTrades)
    assert sink.count == 5000
    assert sink.mailbox.high_water_mark <= 8
    for actor in actors.values():
        actor.actor_ref.stop()


def test_a_full_receiver_has_turns_of_many_messages_inside_the_emitter(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[int] = []
    give_turn = Dispatcher._give_turn

    def noted(dispatcher: Dispatcher, mailbox: Mailbox, budget: int) -> None:
        if mailbox.tally.name == "sink":
            turns.append(budget)
        give_turn(dispatcher, mailbox, budget)

    class Wide(OnlyTrades, mailbox=Bounded(1_000)): ...

    monkeypatch.setattr(Dispatcher, "_give_turn", noted)
    actors = wired(flood=Flood, sink=Wide)
    actors["flood"].actor_ref.tell(Quote(venue=1, number=20_000))
    assert wait_until_quiet(actors.values(), DEADLINE_S)
    assert len(turns) < 400, turns
    for actor in actors.values():
        actor.actor_ref.stop()


def test_a_circle_of_full_mailboxes_is_refused_at_once_and_named() -> None:
    class Echo(Actor, emits=Trade, mailbox=Bounded(4, deadline_s=1000)):
        refused: MailboxFullError | None = None

        @handles
        def on_trade(self, trade: Trade) -> None:
            try:
                for _ in range(10):
                    self.emit(trade)
            except MailboxFullError as error:
                self.refused = error

    actors = wired(left=Echo, right=Echo)
    actors["left"].actor_ref.tell(Trade(number=1))
    assert wait_for(lambda: any(getattr(actor, "refused", None) for actor in actors.values()))
    said = next(actor.refused for actor in actors.values() if isinstance(actor, Echo) and actor.refused)
    assert said.reason.startswith("waiting for room would never end: ")
    for actor in actors.values():
        actor.actor_stopped.set()
    for actor in actors.values():
        assert actor.ended.wait(DEADLINE_S)
    assert Ledger(actors.values()).balanced


def test_waiting_for_room_that_only_the_own_event_loop_can_make_is_refused() -> None:
    class Awaiting(OnlyTrades, dispatcher="asyncio"):
        @handles
        async def on_trade(self, trade: Trade) -> None:  # type: ignore[override]
            self.count += 1

    class LoopFlood(Flood, dispatcher="asyncio"): ...

    actors = wired(flood=LoopFlood, sink=Awaiting)
    actors["flood"].actor_ref.tell(Quote(venue=1, number=100))
    assert wait_until_quiet(actors.values(), DEADLINE_S)
    flood = actors["flood"]
    assert isinstance(flood, Flood)
    assert flood.refused is not None
    assert flood.refused.reason == "LoopFlood would wait for room on the event loop that is to make it"
    for actor in actors.values():
        actor.actor_ref.stop()
    assert Ledger(actors.values()).balanced


def test_an_emission_that_one_receiver_refuses_reaches_all_others() -> None:
    class First(OnlyTrades, mailbox=Bounded(1, overflow="reject")): ...

    class Second(OnlyTrades): ...

    classes: dict[str, type[Actor]] = {"flood": Flood, "first": First, "second": Second}
    actors = {name: kind.create() for name, kind in classes.items()}
    connect(actors, plan_routes(classes))
    flood = actors["flood"]
    assert isinstance(flood, Flood)
    flood.actor_ref.tell(Quote(venue=1, number=2))
    flood.launch()
    assert wait_until_quiet([flood], DEADLINE_S)
    assert flood.refused is not None
    assert flood.refused.actor == "First"
    assert [len(actors[name].mailbox) for name in ("first", "second")] == [1, 2]
    flood.actor_ref.stop()
    for name in ("first", "second"):
        actors[name].launch()
        actors[name].actor_ref.stop()
    assert Ledger(actors.values()).balanced


# Under load.


class Losing(Collector, mailbox=Bounded(3, overflow="drop_oldest")):
    """Takes out what comes next while it handles a message, as a sender does that makes room."""

    def keep(self, message: TLV) -> int:
        count = super().keep(message)
        if self.mailbox.items and type(unwrapped(self.mailbox.items[0])) is Trade:
            self._tally.count_overflow(type(unwrapped(self.mailbox.items.popleft())), "dropped")
        return count


@pytest.mark.parametrize("place", ["default", "pinned", "asyncio"])
def test_messages_that_senders_take_out_during_a_turn_are_no_failure_of_the_actor(place: str) -> None:
    actor = Losing.create(context=ActorContext(dispatcher=place))
    tell_all(actor, trades(1, 2, 3, 4))
    actor.launch()
    wait_until_quiet([actor], timeout=DEADLINE_S)
    tell_all(actor, trades(5))
    assert numbers(handled_by(actor)) == [2, 4, 5]
    assert actor.failure is None


@pytest.mark.parametrize("kind", [Oldest, Newest, Rejecting, Blocking, Conflating])
@pytest.mark.parametrize("place", ["default", "pinned", "asyncio"])
def test_under_load_the_ledger_balances_and_order_holds(kind: type[Collector], place: str) -> None:
    actor = kind.create(context=ActorContext(dispatcher=place))
    actor.launch()
    senders, each = 4, 3000
    refused: list[MailboxFullError] = []

    def send(sender: int) -> None:
        messages = [Quote(venue=sender, number=number) for number in range(each)]
        refused.extend(tell_all(actor, messages))

    threads = [threading.Thread(target=send, args=(sender,), daemon=True) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    seen: list[Any] = handled_by(actor)
    (row,) = (row for row in Ledger([actor]).read().rows if row.message == "Quote")
    assert row.sent == senders * each == row.handled + row.dropped
    assert row.dropped == sum(overflows(actor).values())
    assert actor.mailbox.high_water_mark <= 3 + senders
    for sender in range(senders):
        own = [quote.number for quote in seen if quote.venue == sender]
        assert own == sorted(set(own))
        if kind in {Oldest, Blocking}:
            assert len(own) == each or kind is Oldest
    assert not refused or kind in {Rejecting, Conflating}


# Declarations.


@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (lambda: Bounded(0), "capacity takes a whole number of 1 or more, 1,073,741,823 at most, got 0"),
        (lambda: Bounded(2.5), "got 2.5"),  # type: ignore[arg-type]
        (lambda: Bounded(inf), "got inf"),  # type: ignore[arg-type]
        (lambda: Bounded(None), "got None"),  # type: ignore[arg-type]
        (lambda: Bounded("3"), "got '3'"),  # type: ignore[arg-type]
        (lambda: Bounded(True), "got True"),
        (lambda: Bounded(1 << 80), "got 1208925819614629174706176"),
        (lambda: Bounded(deadline_s=-1), "deadline_s takes a number above 0, 9.22337e+09 at most, got -1"),
        (lambda: Bounded(deadline_s=inf), "got inf"),
        (lambda: Bounded(deadline_s=nan), "got nan"),
        (lambda: Bounded(deadline_s=1e30), "got 1e+30"),
        (lambda: Bounded(deadline_s=None), "got None"),  # type: ignore[arg-type]
        (lambda: Bounded(bytes_max=0), "bytes_max takes a whole number of 1 or more, got 0"),
        (lambda: Bounded(bytes_max=2.5), "got 2.5"),  # type: ignore[arg-type]
        (lambda: Bounded(overflow="conflate", key=3), "key takes the name of a field, or a tuple of names, got 3"),  # type: ignore[arg-type]
        (lambda: Bounded(overflow="conflate", key=(3,)), "got (3,)"),  # type: ignore[arg-type]
        (lambda: Bounded(overflow="drop_odlest"), "did you mean 'drop_oldest'?"),  # type: ignore[arg-type]
        (lambda: Bounded(overflow="conflate"), "conflate needs key="),
        (lambda: Bounded(key="venue"), "a key is for conflate, not for block"),  # type: ignore[arg-type]
    ],
)
def test_a_bound_that_cannot_be_is_refused(declare: Callable[[], object], told: str) -> None:
    with pytest.raises(MailboxDeclarationError) as caught:
        declare()
    assert told in str(caught.value)


def test_a_key_that_is_no_field_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(MailboxDeclarationError, match="Quote has no field 'venu' to conflate by; did you mean 'venue'"):

        class Wrong(Actor):
            @handles(overflow="conflate", key="venu")
            def on_quote(self, quote: Quote) -> None: ...

    with pytest.raises(MailboxDeclarationError, match="Trade has no field 'venue'"):

        class AlsoWrong(Collector, mailbox=Bounded(5, overflow="conflate", key=("venue",))): ...


def test_what_is_no_bound_is_refused() -> None:
    with pytest.raises(MailboxDeclarationError, match="mailbox= takes a Bounded, got 5"):

        class Wrong(Actor, mailbox=5): ...  # type: ignore[arg-type]


def test_a_bound_in_bytes_is_a_number_of_the_largest_message() -> None:
    class Small(Collector, mailbox=Bounded(bytes_max=10 * bytes_of(Quote))): ...

    assert bytes_of(Quote) > bytes_of(Trade)
    assert Small.create().mailbox.capacity == 10


def test_a_bound_is_inherited() -> None:
    class Heir(Oldest): ...

    actor = Heir.create()
    tell_all(actor, trades(*range(5)))
    assert numbers(handled_by(actor)) == [2, 3, 4]


# Against models: one sender, an owner that takes when it is told.


class PolicyMachine(RuleBasedStateMachine):
    """Tells and takes in any order; the model is a list."""

    kind: type[Collector]

    @initialize()
    def start(self) -> None:
        self.actor = self.kind.create()
        self.model: list[TLV] = []
        self.lost = 0
        self.count = 0

    @rule(venue=st.integers(0, 4))
    def tell_quote(self, venue: int) -> None:
        self.count += 1
        self.tell(Quote(venue=venue, number=self.count))

    @rule()
    def tell_trade(self) -> None:
        self.count += 1
        self.tell(Trade(number=self.count))

    @rule()
    def take(self) -> None:
        if self.model:
            assert self.actor.mailbox.get().message == self.model.pop(0)

    def tell(self, message: TLV) -> None:
        refused = bool(tell_all(self.actor, [message]))
        if len(self.model) < 3:
            assert not refused
            self.model.append(message)
        else:
            self.lost += 1
            assert refused == self.overflow(message)

    def overflow(self, message: TLV) -> bool:
        """What happens to the model when it is full; whether the message is refused."""
        raise AssertionError("each policy says")

    @invariant()
    def same(self) -> None:
        if hasattr(self, "actor"):
            waiting = self.actor.mailbox.waiting()
            assert sum(waiting.values()) == len(self.model)
            assert sum(overflows(self.actor).values()) == self.lost

    def teardown(self) -> None:
        if hasattr(self, "actor"):
            for message in self.model:
                assert self.actor.mailbox.get().message == message


class OldestMachine(PolicyMachine):
    kind = Oldest

    def overflow(self, message: TLV) -> bool:
        self.model = [*self.model[1:], message]
        return False


class NewestMachine(PolicyMachine):
    kind = Newest

    def overflow(self, message: TLV) -> bool:
        return False


class RejectMachine(PolicyMachine):
    kind = Rejecting

    def overflow(self, message: TLV) -> bool:
        return True


class ConflateMachine(PolicyMachine):
    kind = Conflating

    def overflow(self, message: TLV) -> bool:
        if isinstance(message, Trade):
            oldest = next((one for one in self.model if isinstance(one, Trade)), None)
            if oldest is not None:
                self.model.remove(oldest)
                self.model.append(message)
            return False
        newest = {one.venue: one for one in [*self.model, message] if isinstance(one, Quote)}
        stale = [one for one in self.model if isinstance(one, Quote) and newest[one.venue] is not one]
        if not stale:
            return True
        # Superseded in the order in which a newer one of the key came.
        followers = [*self.model, message]
        first = min(stale, key=lambda one: next(n for n, two in enumerate(followers) if follows(two, one)))
        self.model.remove(first)
        self.model.append(message)
        return False


def follows(newer: TLV, older: Quote) -> bool:
    return isinstance(newer, Quote) and newer.venue == older.venue and newer.number > older.number


@pytest.mark.parametrize("machine", [OldestMachine, NewestMachine, RejectMachine, ConflateMachine])
def test_each_policy_does_what_its_model_does(machine: type[PolicyMachine]) -> None:
    run_state_machine_as_test(machine, settings=settings(share(0.6), stateful_step_count=40))
