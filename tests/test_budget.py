"""Bounds in a topology: what a file may say of them, and the sum that is refused."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from mycelium import Actor, ActorSpec, Bounded, MailboxSpec, Node, Topology, handles, resolve
from mycelium.cli.final import final_lines
from mycelium.errors import MemoryBudgetError, TopologyRefusedError
from mycelium.ledger.report import OverflowCounts
from mycelium.mailbox.bounds import DEFAULT_BOUND, UNBOUNDED, bytes_of
from mycelium.topology.budget import mailbox_bytes
from tlv import TLV, i64

DEADLINE_S = 60.0


class Tick(TLV, type=1001):
    number: i64


class Small(Actor, mailbox=Bounded(10)):
    @handles
    def on_tick(self, tick: Tick) -> None: ...


class Large(Small, mailbox=Bounded(100_000)): ...


class Endless(Small, mailbox=UNBOUNDED): ...


class Held(Actor):
    """Holds its first message until the test lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.go_on = threading.Event()

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.entered.set()
        assert self.go_on.wait(DEADLINE_S)


class Usual(Actor):
    @handles
    def on_tick(self, tick: Tick) -> None: ...


def spec(kind: type[Actor], **mailbox: Any) -> ActorSpec:
    return ActorSpec(actor_class=kind, mailbox=MailboxSpec(**mailbox))


def problems(topology: Topology) -> list[str]:
    with pytest.raises(TopologyRefusedError) as caught:
        resolve(topology)
    return [str(problem) for problem in caught.value.problems]


def test_mailboxes_that_may_hold_too_much_are_refused_and_the_largest_named() -> None:
    each = 100_000 * bytes_of(Tick)
    fits = Topology(name="demo", actors={"one": Large, "two": Large, "tiny": Small}, memory_mb=2.1 * each / 1e6)
    assert resolve(fits).actors.keys() == {"one", "two", "tiny"}
    with pytest.raises(TopologyRefusedError) as caught:
        resolve(Topology(name="demo", actors={"tiny": Small, "one": Large, "two": Large}, memory_mb=1))
    (problem,) = caught.value.problems
    assert isinstance(problem, MemoryBudgetError)
    assert problem.largest == "one 5.6 MB, two 5.6 MB, tiny 0.0 MB"
    assert "the mailboxes may hold 11.2 MB, and 1 MB are allowed" in str(problem)


def test_a_mailbox_without_a_bound_needs_a_service_without_a_budget() -> None:
    (said,) = problems(Topology(name="demo", actors={"endless": Endless}))
    assert "most: endless without limit" in said
    assert resolve(Topology(name="demo", actors={"endless": Endless}, memory_mb=0)).actors


def test_by_default_dozens_of_actors_fit() -> None:
    assert mailbox_bytes(Usual) <= DEFAULT_BOUND.bytes_max if DEFAULT_BOUND.bytes_max else False
    assert resolve(Topology(name="demo", actors={f"actor{number}": Usual for number in range(47)})).actors


def test_a_topology_overrides_the_bound_of_a_class() -> None:
    topology = Topology(name="demo", actors={"large": spec(Large, capacity=3, overflow="drop_oldest")})
    node = Node(topology)
    node.start()
    (actor,) = node._actors.values()
    assert actor.mailbox.capacity == 3
    assert resolve(topology).actors["large"].bound == Bounded(3, overflow="drop_oldest")
    node.stop()


def test_the_report_tells_what_a_full_mailbox_did() -> None:
    node = Node(Topology(name="demo", actors={"held": spec(Held, capacity=2, overflow="drop_newest")}))
    node.start()
    held = node._actors["held"]
    assert isinstance(held, Held)
    held.actor_ref.tell(Tick(number=0))
    assert held.entered.wait(DEADLINE_S)
    for number in range(5):
        held.actor_ref.tell(Tick(number=number))
    held.go_on.set()
    node.stop()
    report = node.report()
    assert report.overflows == (OverflowCounts(actor="held", message="Tick", what="dropped", count=3),)
    assert report.verdict == "the ledger balances: 6 sent = 3 handled + 3 dropped"
    assert "full      held dropped 3 Tick" in list(final_lines(report))


def test_a_file_says_it_in_a_section_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent.parent)
    file = tmp_path / "demo.toml"
    file.write_text(
        """
        [topology]
        memory_mb = 7.5
        [actors.small]
        class = "tests.test_budget:Small"
        [actors.small.mailbox]
        overflow = "conflate"
        key = "number"
        """
    )
    topology = Topology.load(file)
    assert topology.memory_mb == 7.5
    assert resolve(topology).actors["small"].bound == Bounded(10, overflow="conflate", key=("number",))


@pytest.mark.parametrize(
    ("mailbox", "told"),
    [
        ({"overflow": "conflate"}, "[actors.small] mailbox: conflate needs key="),
        ({"overflow": "conflate", "key": "venue"}, "Tick has no field 'venue' to conflate by"),
        ({"key": "number"}, "a key is for conflate, not for block"),
    ],
)
def test_a_bound_that_does_not_fit_the_actor_is_told_with_its_place(mailbox: dict[str, Any], told: str) -> None:
    assert told in "".join(problems(Topology(name="demo", actors={"small": spec(Small, **mailbox)})))


def test_values_that_make_no_bound_are_told_with_their_key() -> None:
    with pytest.raises(ValueError, match="capacity"):
        MailboxSpec(capacity=0)
    with pytest.raises(ValueError, match="overflow"):
        MailboxSpec(overflow="drop")
