"""The example topology as life treats it: small mailboxes, slow actors, and handlers that raise by chance."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from mycelium import Actor, ActorSpec, Source, Topology
from mycelium.errors import MailboxFullError
from mycelium.supervision import Strategy
from mycelium.topology import MailboxSpec, resolve

__all__ = ["ROUGH", "CrashError", "Treatment", "rough_topology"]

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "configs" / "market_data.toml"


class CrashError(RuntimeError):
    """What an actor is made to raise."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """How an actor is treated: its mailbox, who runs it, how often it raises and how often it is slow."""

    mailbox: MailboxSpec
    dispatcher: str = ""
    crash: float = 0.0
    slow: float = 0.0
    team: Strategy = Strategy.ONE_FOR_ONE


#: Every policy of a full mailbox and every strategy of a supervisor, on shared and pinned actors and one on an event loop.
ROUGH = {
    "book_builder": Treatment(MailboxSpec(capacity=128, overflow="block"), crash=0.0002, team=Strategy.REST_FOR_ONE),
    "pool_state": Treatment(MailboxSpec(capacity=64, overflow="block"), "pinned", crash=0.002),
    "tape": Treatment(MailboxSpec(capacity=128, overflow="drop_oldest"), "pinned", crash=0.002, slow=0.002),
    "spread": Treatment(
        MailboxSpec(capacity=64, overflow="conflate", key=("venue_id",)), crash=0.002, team=Strategy.ALL_FOR_ONE
    ),
    "arbitrage": Treatment(
        MailboxSpec(capacity=96, overflow="drop_newest"), "asyncio", crash=0.002, team=Strategy.ALL_FOR_ONE
    ),
    "monitor": Treatment(
        MailboxSpec(capacity=64, overflow="reject"), crash=0.002, slow=0.002, team=Strategy.REST_FOR_ONE
    ),
    "recorder": Treatment(MailboxSpec(capacity=256, overflow="drop_oldest"), slow=0.0005),
}

_SLOW_S = 0.002
#: A team restarts whoever fails, together with those whom its strategy touches, without an end.
_SUPERVISORS: dict[str, dict[str, Any]] = {
    strategy.value: {
        "strategy": strategy,
        "limit": 1_000_000_000,
        "backoff": {"first_s": 0.001, "max_s": 0.004},
        "attempts": 2,
        "on_error": {MailboxFullError.code: "resume"},
    }
    for strategy in Strategy
}


def rough_topology(seed: int, messages: int, recording: Path) -> Topology:
    """The topology of the example, its actors treated as `ROUGH` says."""
    example = Topology.load(FILE)
    changed: dict[str, ActorSpec] = {}
    for name, resolved in resolve(example).actors.items():
        spec = example.actors[name]
        settings = dict(spec.config or {})
        if issubclass(resolved.actor_class, Source):
            settings |= {"seed": seed, "messages": messages if name == "simulated_venues" else max(1, messages // 8)}
            changed[name] = spec.model_copy(update={"config": settings})
            continue
        if name == "recorder":
            settings["path"] = str(recording)
        treatment = ROUGH[name]
        treated = _treated(resolved.actor_class, treatment)
        treated.random = Random(f"{name}/{seed}")
        update = {
            "actor_class": treated,
            "mailbox": treatment.mailbox,
            "dispatcher": treatment.dispatcher,
            "supervisor": treatment.team,
            "config": settings,
        }
        changed[name] = spec.model_copy(update=update)
    return Topology(
        name="soak",
        actors=changed,
        venues=example.venues,
        supervisors=_SUPERVISORS,
        profile="simulated",
        slow_handler_ms=0,
    )


@cache
def _treated(actor_class: type[Actor], treatment: Treatment) -> Any:
    """A subclass whose handlers raise and dawdle by chance, drawn from its ``random``. Made once: classes stay."""
    nap = threading.Event()

    def rough(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def handle(self: Any, message: Any) -> Any:
            drawn = made.random.random()
            if drawn < treatment.crash:
                raise CrashError(f"{self.name} was to crash here")
            if drawn < treatment.crash + treatment.slow:
                nap.wait(_SLOW_S)
            return handler(self, message)

        return handle

    names = {handler.method for handler in actor_class.__contract__.table.values()}
    made: Any = type(actor_class.__name__, (actor_class,), {name: rough(getattr(actor_class, name)) for name in names})
    return made
