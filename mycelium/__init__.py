"""Mycelium: typed, message-driven actors on pykka.

::

    from mycelium import Actor, actor_messages, Domain, handles
    from tlv import TLV, i64

    @actor_messages(domain=Domain.USER)
    class Market:
        class Trade(TLV, type=1000):
            price: i64

    class Tape(Actor, receives=Market):
        @handles
        def on_trade(self, trade: Market.Trade) -> None:
            print(trade.price)

    ref = Tape.start()
    ref.tell(Market.Trade(price=5))
    ref.stop()
"""

from __future__ import annotations

# Nothing is imported here, not even `typing`: until the program `mycelium` has done so, Ctrl-C is a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.async_source import AsyncSource
    from mycelium.actor.context import ActorContext
    from mycelium.actor.death_watch import Terminated
    from mycelium.actor.piping import PipeFailed
    from mycelium.actor.ref import ActorRef
    from mycelium.actor.reply import Reply
    from mycelium.actor.source import Progress, Source
    from mycelium.actor.timers import Timer, Timers
    from mycelium.config import Config
    from mycelium.contracts.contract import Contract, contract_of
    from mycelium.contracts.domain import Domain
    from mycelium.contracts.handlers import handles
    from mycelium.contracts.message_sets import MessageSet, actor_messages, message_set
    from mycelium.dead_letters import DeadLetter, DeadLetterKind
    from mycelium.dispatcher import Clock, Dispatcher, current_actor, declare_dispatcher
    from mycelium.ledger.latency import Latency
    from mycelium.ledger.ledger import (
        ActorRow,
        ActorTimes,
        Ledger,
        LedgerReading,
        LedgerRow,
        OverflowRow,
        wait_until_quiet,
    )
    from mycelium.ledger.report import Report
    from mycelium.mailbox.bounds import Bounded
    from mycelium.mailbox.mailbox import Mailbox
    from mycelium.node import Node
    from mycelium.routing.route_plan import Edge, RoutePlan, plan_routes
    from mycelium.routing.router import connect
    from mycelium.supervision import Backoff, Supervisor
    from mycelium.topology import (
        ActorSpec,
        DispatcherSpec,
        MailboxSpec,
        ResolvedTopology,
        SupervisorSpec,
        Topology,
        resolve,
    )
    from mycelium.venues import Venue, VenueTable
    from tlv import Batch

# Where each name lives. They are imported when they are used, so that `mycelium --help`, and whoever needs one of them, do
# not wait for all. No module may be called as one of these names: once imported, it would hide the name.
_HOMES = {
    "Actor": "mycelium.actor.actor",
    "ActorContext": "mycelium.actor.context",
    "ActorRef": "mycelium.actor.ref",
    "ActorRow": "mycelium.ledger.ledger",
    "ActorSpec": "mycelium.topology",
    "ActorTimes": "mycelium.ledger.ledger",
    "AsyncSource": "mycelium.actor.async_source",
    "Backoff": "mycelium.supervision",
    "Batch": "tlv",
    "Bounded": "mycelium.mailbox.bounds",
    "Config": "mycelium.config",
    "Contract": "mycelium.contracts.contract",
    "Clock": "mycelium.dispatcher",
    "DeadLetter": "mycelium.dead_letters",
    "DeadLetterKind": "mycelium.dead_letters",
    "Dispatcher": "mycelium.dispatcher",
    "DispatcherSpec": "mycelium.topology",
    "Domain": "mycelium.contracts.domain",
    "Edge": "mycelium.routing.route_plan",
    "Latency": "mycelium.ledger.latency",
    "Ledger": "mycelium.ledger.ledger",
    "LedgerReading": "mycelium.ledger.ledger",
    "LedgerRow": "mycelium.ledger.ledger",
    "Mailbox": "mycelium.mailbox.mailbox",
    "MailboxSpec": "mycelium.topology",
    "MessageSet": "mycelium.contracts.message_sets",
    "Node": "mycelium.node",
    "OverflowRow": "mycelium.ledger.ledger",
    "PipeFailed": "mycelium.actor.piping",
    "Progress": "mycelium.actor.source",
    "Reply": "mycelium.actor.reply",
    "Report": "mycelium.ledger.report",
    "ResolvedTopology": "mycelium.topology",
    "RoutePlan": "mycelium.routing.route_plan",
    "Source": "mycelium.actor.source",
    "Supervisor": "mycelium.supervision",
    "SupervisorSpec": "mycelium.topology",
    "Terminated": "mycelium.actor.death_watch",
    "Timer": "mycelium.actor.timers",
    "Timers": "mycelium.actor.timers",
    "Topology": "mycelium.topology",
    "Venue": "mycelium.venues",
    "VenueTable": "mycelium.venues",
    "actor_messages": "mycelium.contracts.message_sets",
    "connect": "mycelium.routing.router",
    "contract_of": "mycelium.contracts.contract",
    "current_actor": "mycelium.dispatcher",
    "declare_dispatcher": "mycelium.dispatcher",
    "handles": "mycelium.contracts.handlers",
    "message_set": "mycelium.contracts.message_sets",
    "plan_routes": "mycelium.routing.route_plan",
    "resolve": "mycelium.topology",
    "wait_until_quiet": "mycelium.ledger.ledger",
}

__all__ = [
    "Actor",
    "ActorContext",
    "ActorRef",
    "ActorRow",
    "ActorSpec",
    "ActorTimes",
    "AsyncSource",
    "Backoff",
    "Batch",
    "Bounded",
    "Clock",
    "Config",
    "Contract",
    "DeadLetter",
    "DeadLetterKind",
    "Dispatcher",
    "DispatcherSpec",
    "Domain",
    "Edge",
    "Latency",
    "Ledger",
    "LedgerReading",
    "LedgerRow",
    "Mailbox",
    "MailboxSpec",
    "MessageSet",
    "Node",
    "OverflowRow",
    "PipeFailed",
    "Progress",
    "Reply",
    "Report",
    "ResolvedTopology",
    "RoutePlan",
    "Source",
    "Supervisor",
    "SupervisorSpec",
    "Terminated",
    "Timer",
    "Timers",
    "Topology",
    "Venue",
    "VenueTable",
    "actor_messages",
    "connect",
    "contract_of",
    "current_actor",
    "declare_dispatcher",
    "handles",
    "message_set",
    "plan_routes",
    "resolve",
    "wait_until_quiet",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import an exported name."""
        if name not in _HOMES:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        from importlib import import_module

        found = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})
