"""The soak: it ends when it is interrupted, says whether all holds, and fails where something does not."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from benches.soak import GROWTH_MB_MAX, MB, WARM_RUNS, Soak, _problems
from mycelium import Actor, ActorSpec, Bounded, Node, Topology, handles
from tlv import TLV, i64

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 60.0


def test_a_soak_that_is_interrupted_drains_and_balances() -> None:
    command = [sys.executable, "-m", "benches.soak", "--seed", "3"]
    soak = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert soak.stderr is not None
    assert "messages" in soak.stderr.readline()
    soak.send_signal(signal.SIGINT)
    out, err = soak.communicate(timeout=DEADLINE)
    told = {line[:22].strip(): line[22:].strip() for line in out.splitlines()}
    assert soak.returncode == 0, out + err
    assert told["verdict"] == "holds"
    assert told["difference"] == "0"
    assert told["messages sent"].endswith("seed 3")
    assert "Traceback" not in err


def test_what_does_not_add_up_or_grows_does_not_hold() -> None:
    flat = [50 * MB] * 2 * WARM_RUNS
    grown = [*flat[:WARM_RUNS], *(size + int(GROWTH_MB_MAX * MB) + 1 for size in flat[WARM_RUNS:])]
    grown[WARM_RUNS - 1] = 50 * MB
    assert Soak(runs=2 * WARM_RUNS, resident=flat, resident_max=50 * MB).holds
    assert not Soak(runs=2 * WARM_RUNS, resident=grown, resident_max=70 * MB).holds
    assert not Soak(runs=1, resident=[1], wrong=["run 1: TradeTLV: difference +1"]).holds
    few = Soak(runs=1, resident=[50 * MB], resident_max=50 * MB)
    assert few.holds
    assert few.memory.startswith("too few runs to compare")


class Tick(TLV, type=1000):
    number: i64


class Full(Actor, receives=Tick, mailbox=Bounded(1, overflow="reject")):
    """Has room for one, and takes nothing before it is let."""

    let = threading.Event()

    @handles
    def on_tick(self, tick: Tick) -> None:
        assert self.let.wait(DEADLINE)


class Insists(Actor, emits=Tick, dispatcher="pinned"):
    """Sends more than there is room for, in a handler or as its last."""

    def on_receive(self, message: Any) -> None:
        self.insist()

    def insist(self) -> None:
        for number in range(3):
            self.emit(Tick(number=number))


class InsistsAtTheEnd(Insists):
    def on_stop(self) -> None:
        self.insist()


def test_only_what_is_refused_to_the_last_words_of_an_actor_is_no_problem() -> None:
    Full.let.clear()
    actors: dict[str, Any] = {
        "early": Insists,
        "last": InsistsAtTheEnd,
        "full": ActorSpec(actor_class=Full, dispatcher="pinned"),
    }
    node = Node(Topology(name="demo", actors=actors, slow_handler_ms=0))
    node.start()
    node.refs["early"].tell("now")
    assert node._actors["early"].ended.wait(DEADLINE)
    node.refs["last"].stop(timeout=DEADLINE)
    Full.let.set()
    node.stop()
    assert {failure.error for failure in node.failures} == {"MailboxFullError"}
    assert list(_problems(node, node.read_ledger())) == ["early failed: MailboxFullError"]
