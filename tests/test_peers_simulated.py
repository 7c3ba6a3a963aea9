"""Two nodes on one thread: their peers take every step by hand, in an order that is drawn, over a link that fails.

Whatever happens, nothing comes twice or out of order, all that was asked is settled, it ends, and the ledger balances.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from mycelium import Actor, ActorSpec, Topology, handles, resolve
from mycelium.cluster.merging import add_up
from mycelium.errors.actor import ActorError, MailboxFullError
from mycelium.ledger.report import Report
from mycelium.node.joined import JoinedNode
from mycelium.remote.wiring import Wiring
from mycelium.testing import Simulation
from tests.faulty_link import CutLink
from tlv import TLV, DeclaredError, i64

SIDES = ("left", "right")
#: By these the schedules of the suite are drawn.
SEEDS = range(30)
STEPS = 120


class Go(TLV, type=1020):
    count: i64


class Bid(TLV, type=1021):
    way: i64
    life: i64
    number: i64


class Said(TLV, type=1022):
    way: i64
    life: i64
    number: i64


class Feeder(Actor, receives=Go, emits=Bid):
    """Emits as many as it is told, each with its number, and tells half as many by a ref."""

    def __init__(self) -> None:
        super().__init__()
        self.keeper = ""
        self.life = 0
        self.sent = 0

    @handles
    def on_go(self, go: Go) -> None:
        ref = self.ref_of(self.keeper)
        for number in range(go.count):
            self.sent += 1
            bid = Bid(way=0, life=self.life, number=self.sent)
            with suppress(MailboxFullError):
                if number % 3 == 2:
                    ref.tell(bid)
                else:
                    self.emit(bid)


class Keeper(Actor, receives=(Bid, Said)):
    """Knows what came, by the way that it took and the life of its sender."""

    def __init__(self) -> None:
        super().__init__()
        self.got: dict[tuple[int, int], list[int]] = defaultdict(list)

    def keep(self, message: Any) -> int:
        self.got[message.way, message.life].append(message.number)
        return int(message.number)

    @handles
    def on_bid(self, bid: Bid) -> int:
        return self.keep(bid)

    @handles
    def on_said(self, said: Said) -> int:
        return self.keep(said)


class NoThread:
    """In place of those of a peer: the schedule takes their steps."""

    def __init__(self, **_: Any) -> None: ...

    def start(self) -> None: ...

    def join(self, _: float) -> None: ...


def topology(overflow: str) -> Topology:
    mailbox: Any = {"capacity": 6, "overflow": overflow}
    actors: dict[str, Any] = {}
    for side, other in zip(SIDES, reversed(SIDES), strict=True):
        actors[f"{side}_feeder"] = ActorSpec(actor_class=Feeder, node=side)
        actors[f"{side}_keeper"] = ActorSpec(
            actor_class=Keeper, node=side, listens_to=f"{other}_feeder", mailbox=mailbox
        )
    return Topology(name="steps", nodes={"left": {}, "right": {}}, actors=actors)


class Pair:
    """Both nodes, the link between them, and what was said by hand."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.overflow = self.random.choice(("block", "drop_oldest", "reject"))
        self.topology = resolve(topology(self.overflow))
        self.link = CutLink()
        self.link.capacity = self.random.choice((1, 2, 64))
        self.lives = 0
        self.harmed = False
        self.nodes: dict[str, JoinedNode] = {}
        self.ended: list[Report] = []
        self.numbers: dict[str, int] = {}
        self.asked: list[Any] = []
        self.keepers: list[Any] = []
        self.done: list[str] = []
        for side in SIDES:
            self.start(side)

    def start(self, side: str) -> None:
        """A node in a new life."""
        self.lives += 1
        node = self.nodes[side] = JoinedNode(self.topology, side, self.link)
        node.start()
        feeder: Any = node._actors[f"{side}_feeder"]
        feeder.keeper, feeder.life = f"{other_of(side)}_keeper", self.lives
        self.keepers.append(node._actors[f"{side}_keeper"])
        self.numbers[side] = 0

    def peer(self, side: str) -> Any:
        """What a node knows of the other."""
        return self.nodes[side]._wiring._peers[other_of(side)]

    def step(self) -> None:
        """One thing that may happen, drawn by its weight."""
        acts = {
            self.send: 12,
            self.receive: 12,
            self.run: 8,
            self.emit: 6,
            self.tell: 4,
            self.ask: 3,
            self.cut: 1,
            self.restart: 0.3,
            self.give_up: 0.3,
        }
        act = self.random.choices(tuple(acts), tuple(acts.values()))[0]
        side = self.random.choice(SIDES)
        self.done.append(f"{act.__name__} {side}")
        act(side)

    def send(self, side: str) -> None:
        self.peer(side).sending.step()

    def receive(self, side: str) -> None:
        self.peer(side).receiving.step(0.0)

    def run(self, side: str) -> None:
        simulation.step()

    def room(self, side: str) -> int:
        """How many more may be sent from there without a wait, for which there is nobody else here."""
        if self.overflow != "block":
            return 12
        wiring = self.nodes[side]._wiring
        outlets = (*wiring.outlets, *wiring.directory.opened_outlets)
        feeder = self.nodes[side]._actors[f"{side}_feeder"]
        return min(0 if feeder.mailbox.items else 6 - len(outlet.mailbox.items) for outlet in outlets)

    def emit(self, side: str) -> None:
        count = self.random.randint(0, max(0, self.room(side)))
        self.nodes[side].refs[f"{side}_feeder"].tell(Go(count=count))
        if self.overflow == "block":
            while self.nodes[side]._actors[f"{side}_feeder"].mailbox.items:
                simulation.step()

    def tell(self, side: str) -> None:
        self.say(side, ask=False)

    def ask(self, side: str) -> None:
        self.say(side, ask=True)

    def say(self, side: str, *, ask: bool) -> None:
        if self.room(side) <= 0:
            return
        self.numbers[side] += 1
        life = self.nodes[side]._actors[f"{side}_feeder"].life  # type: ignore[attr-defined]
        said = Said(way=1, life=life, number=self.numbers[side])
        ref = self.nodes[side].refs[f"{other_of(side)}_keeper"]
        try:
            if ask:
                self.asked.append((ref.ask(said, block=False, timeout=1e6), said.number))
            else:
                ref.tell(said)
        except ActorError:
            assert self.overflow == "reject" or self.peer(side).gone

    def cut(self, side: str) -> None:
        """The two see each other no more, or do again; before that, all that is sent may be swallowed."""
        self.harmed = True
        if self.link.cut:
            for _ in range(4 if self.link.swallows else 0):
                self.take_steps()  # a link that swallows frames lets both ends know
            self.link.cut = self.link.swallows = False
        elif self.random.random() < 0.5 and not self.link.swallows:
            self.link.swallows = True
        else:
            self.link.cut = True

    def restart(self, side: str) -> None:
        """Its process is killed, and started again."""
        self.harmed = True
        self.nodes[side].abort()
        self.ended.append(self.nodes[side].report())
        self.start(side)

    def give_up(self, side: str) -> None:
        wiring = self.nodes[side]._wiring
        wiring.patience_s = 0.0
        wiring.look()
        wiring.patience_s = 30.0

    def settle(self) -> None:
        """Heal the link, and take all steps until nothing is to be done."""
        if self.link.swallows:
            self.link.cut = True
        for _ in range(8):
            self.take_steps()
        self.link.cut = self.link.swallows = False
        for _ in range(300):
            self.take_steps()
            if all(self.rests(side) for side in SIDES):
                return
        raise AssertionError([self.state(side) for side in SIDES])

    def state(self, side: str) -> dict[str, Any]:
        """For a failure: how a peer is."""
        peer = self.peer(side)
        return {
            "of": side,
            "peer": (peer.joined, peer.ready, peer.left, peer.lost_at, peer.given_up, peer.failed),
            "connected": peer.sending.end.connected,
            "frames": len(peer.receiving.end._shared.frames),
            "due": [str(one.stream) for one in peer.sending._due],
            "tell_at": peer.sending._tell_at,
            "flags": (peer.sending.greet_due, peer.sending.retell_due, peer.sending.begin_due),
            "outbox": len(peer.talk.outbox),
            "outlets": [(str(o.stream), o.sent, o._arrived, len(o.mailbox.items)) for o in peer.outlets.values()],
            "inlets": [(str(i.stream), i.arrived, i.told, i._in_hand, len(i._frames)) for i in peer.inlets.values()],
        }

    def take_steps(self) -> None:
        for side in SIDES:
            self.send(side)
            self.receive(side)
        simulation.run()

    def rests(self, side: str) -> bool:
        peer = self.peer(side)
        return (
            peer.joined
            and all(outlet.sent == outlet._arrived and not outlet.mailbox.items for outlet in peer.outlets.values())
            and not peer.talk.outbox
            and not peer.sending.greet_due
            and not peer.receiving.end._shared.frames
        )

    def end(self) -> None:
        """Both stop their actors, and say goodbye."""
        for side in SIDES:
            for actor in self.nodes[side]._actors.values():
                actor.actor_ref.stop(block=False)
            simulation.run()
            self.nodes[side]._wiring.end(f"{side}_feeder")
        for side in SIDES:
            self.peer(side).leave()
        for _ in range(300):
            self.take_steps()
            if all(self.peer(side).parted for side in SIDES):
                break
        assert all(self.peer(side).settled for side in SIDES)
        assert all(self.peer(side).parted for side in SIDES)
        for side in SIDES:
            self.nodes[side].abort()

    def check(self) -> None:
        """Nothing came twice or out of order, and all is accounted for."""
        for keeper in self.keepers:
            for numbers in keeper.got.values():
                assert numbers == sorted(set(numbers))
        reports = [*self.ended, *(self.nodes[side].report() for side in SIDES)]
        assert all(report.balanced for report in reports)
        for every in (reports, reports[-2:]):
            whole = add_up("steps", self.topology.actors, every, seconds=1.0)
            assert [row.difference for row in whole.messages] == [0] * len(whole.messages)
            assert min(row.lost for row in whole.messages) >= 0
            assert min(row.in_flight for row in whole.messages) >= 0
            if not self.harmed:
                assert whole.total.lost == 0
        for reply, number in self.asked:
            assert reply._outcome is not None
            value, error = reply._outcome
            assert value == number if error is None else isinstance(error[1], DeclaredError)
            assert self.harmed or error is None or self.overflow != "block"


def other_of(side: str) -> str:
    return SIDES[1 - SIDES.index(side)]


simulation: Simulation


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mycelium.remote.peer.threading.Thread", NoThread)
    monkeypatch.setattr("mycelium.node.node._ABORT_S", 0.0)
    monkeypatch.setattr("mycelium.remote.sending.ROOM_S", 0.0)
    monkeypatch.setattr("mycelium.remote.sending.TELL_S", 0.0)
    monkeypatch.setattr("mycelium.remote.peer.DYING_S", 0.0)
    monkeypatch.setattr("mycelium.remote.outlet.WINDOW", 8)
    monkeypatch.setattr("mycelium.remote.inlet.WINDOW", 8)
    monkeypatch.setattr("mycelium.remote.outlet.FRAME_MESSAGES", 3)
    monkeypatch.setattr(Wiring, "await_receivers", lambda wiring, is_stopped: None)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_in_whatever_order_the_ledger_balances_and_it_ends(seed: int) -> None:
    global simulation
    with Simulation(seed=seed) as simulation:
        pair = Pair(seed)
        try:
            for _ in range(STEPS):
                pair.step()
            pair.settle()
            pair.end()
            pair.check()
        except BaseException as error:
            error.add_note(f"seed {seed}: " + ", ".join(pair.done))
            raise
