from __future__ import annotations

from collections.abc import Callable

import pytest

from mycelium import Actor, ActorContext, Domain, Ledger, actor_messages, connect, handles, plan_routes
from mycelium.errors import WiringError
from mycelium.ledger.latency import SAMPLE_MASK
from tlv import TLV, i64

DEADLINE = 60.0


@actor_messages(domain=Domain.USER)
class Flow:
    class Raw(TLV, type=1001):
        number: i64

    class Clean(TLV, type=1002):
        number: i64

    class Alarm(TLV, type=1003):
        number: i64


class Feed(Actor, emits=(Flow.Raw, Flow.Alarm)):
    pass


class Cleaner(Actor, receives=Flow.Raw, emits=Flow.Clean):
    @handles
    def on_raw(self, raw: Flow.Raw) -> None:
        self.emit(Flow.Clean(number=raw.number))


class Sink(Actor, receives=(Flow.Raw, Flow.Clean), ignores=Flow.Raw):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    @handles
    def on_clean(self, clean: Flow.Clean) -> None:
        self.seen.append(clean.number)


class Echo(Actor, receives=Flow.Clean, emits=Flow.Clean):
    @handles
    def on_clean(self, clean: Flow.Clean) -> None: ...


CLASSES: dict[str, type[Actor]] = {"sink": Sink, "cleaner": Cleaner, "feed": Feed}


def test_a_plan_routes_by_type_to_those_who_handle_it() -> None:
    plan = plan_routes(CLASSES)
    assert [(edge.sender, edge.message, edge.receiver) for edge in plan.edges] == [
        ("cleaner", Flow.Clean, "sink"),
        ("feed", Flow.Raw, "cleaner"),
    ]
    assert plan.receivers == {"sink": (), "cleaner": ("sink",), "feed": ("cleaner",)}
    assert plan.upstream_first == ("feed", "cleaner", "sink")
    assert plan.downstream("feed") == ("sink", "cleaner")
    assert plan.downstream("sink") == ()
    assert plan.unreceived == (("feed", Flow.Alarm),)
    assert plan.unfed == ()
    assert plan.cycles == ()


def test_a_receiver_may_listen_to_some_only() -> None:
    classes: dict[str, type[Actor]] = {**CLASSES, "other": Cleaner}
    plan = plan_routes(classes, listens={"sink": ["other"], "cleaner": []})
    assert [(edge.sender, edge.receiver) for edge in plan.edges] == [("feed", "other"), ("other", "sink")]
    assert plan.unreceived == (("cleaner", Flow.Clean), ("feed", Flow.Alarm))
    assert plan.unfed == (("cleaner", Flow.Raw),)


def test_an_actor_hears_itself_only_if_it_says_so() -> None:
    assert plan_routes({"echo": Echo}).edges == ()
    looped = plan_routes({"echo": Echo}, listens={"echo": ["echo"]})
    assert looped.cycles == (("echo",),)
    assert looped.downstream("echo") == ()


def test_circles_stand_together_between_what_feeds_them_and_what_they_feed() -> None:
    plan = plan_routes({"sink": Sink, "left": Echo, "right": Echo, "cleaner": Cleaner, "feed": Feed})
    assert plan.groups == (("feed",), ("cleaner",), ("left", "right"), ("sink",))
    assert plan.cycles == (("left", "right"),)
    assert plan.downstream("left") == ("sink", "right")


def test_the_order_is_the_declared_one_where_nothing_else_decides() -> None:
    assert plan_routes({"a": Feed, "b": Sink, "c": Feed}).upstream_first == ("a", "b", "c")


def created(classes: dict[str, type[Actor]]) -> dict[str, Actor]:
    return {name: actor_class.create(context=ActorContext(name=name)) for name, actor_class in classes.items()}


def test_what_is_emitted_reaches_every_receiver_in_order_and_is_counted() -> None:
    classes: dict[str, type[Actor]] = {**CLASSES, "second": Sink}
    actors = created(classes)
    plan = plan_routes(classes)
    connect(actors, plan)
    for name in reversed(plan.upstream_first):
        actors[name].launch()
    for number in range(300):
        actors["feed"].emit(Flow.Raw(number=number))
    actors["feed"].emit(Flow.Alarm(number=1))
    for name in plan.upstream_first:
        actors[name].actor_ref.stop(timeout=DEADLINE)
    for name in ("sink", "second"):
        sink = actors[name]
        assert isinstance(sink, Sink)
        assert sink.seen == list(range(300))
    reading = Ledger(actors.values()).read()
    assert reading.balanced
    assert {row.message: (row.sent, row.handled) for row in reading.rows if row.sent} == {
        "Raw": (300, 300),
        "Clean": (600, 600),
    }
    assert reading.unrouted == {"Alarm": 1}
    sampled = 300 // (SAMPLE_MASK + 1) + 1
    assert Ledger(actors.values()).latency().samples == 3 * sampled


def test_what_is_emitted_to_a_dead_actor_is_a_dead_letter() -> None:
    actors = created(CLASSES)
    connect(actors, plan_routes(CLASSES))
    actors["cleaner"].launch().stop(timeout=DEADLINE)
    assert actors["cleaner"].ended.wait(DEADLINE)
    actors["feed"].emit(Flow.Raw(number=1))
    reading = Ledger(actors.values()).read()
    assert reading.balanced
    assert [(row.sent, row.dead_lettered) for row in reading.rows if row.message == "Raw"] == [(1, 1)]


def one_missing(actors: dict[str, Actor]) -> None:
    del actors["sink"]


def one_running(actors: dict[str, Actor]) -> None:
    actors["sink"].launch()


@pytest.mark.parametrize(
    "spoil, reason",
    [(one_missing, "the plan names it, but it was not created"), (one_running, "it was launched before")],
)
def test_actors_are_connected_before_any_runs(spoil: Callable[[dict[str, Actor]], None], reason: str) -> None:
    actors = created(CLASSES)
    sink = actors["sink"]
    spoil(actors)
    with pytest.raises(WiringError, match=rf"\[ACT-008\] sink cannot be connected: {reason}"):
        connect(actors, plan_routes(CLASSES))
    sink.actor_ref.actor_stopped.set()
    assert not sink.mailbox.started or sink.ended.wait(DEADLINE)
