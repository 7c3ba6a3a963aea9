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
    from mycelium.actor import Actor
    from mycelium.async_source import AsyncSource
    from mycelium.bounds import Bounded
    from mycelium.config import Config
    from mycelium.context import ActorContext
    from mycelium.contract import Contract, contract_of
    from mycelium.dead_letters import DeadLetter, DeadLetterKind
    from mycelium.death_watch import Terminated
    from mycelium.dispatcher import Clock, Dispatcher, current_actor, declare_dispatcher
    from mycelium.domain import Domain
    from mycelium.handlers import handles
    from mycelium.latency import Latency
    from mycelium.ledger import ActorRow, ActorTimes, Ledger, LedgerReading, LedgerRow, OverflowRow, wait_until_quiet
    from mycelium.mailbox import Mailbox
    from mycelium.message_sets import MessageSet, actor_messages, message_set
    from mycelium.node import Node
    from mycelium.piping import PipeFailed
    from mycelium.ref import ActorRef
    from mycelium.reply import Reply
    from mycelium.report import Report
    from mycelium.route_plan import Edge, RoutePlan, plan_routes
    from mycelium.router import connect
    from mycelium.source import Progress, Source
    from mycelium.supervision import Backoff, Supervisor
    from mycelium.timers import Timer, Timers
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
    "Actor": "mycelium.actor",
    "ActorContext": "mycelium.context",
    "ActorRef": "mycelium.ref",
    "ActorRow": "mycelium.ledger",
    "ActorSpec": "mycelium.topology",
    "ActorTimes": "mycelium.ledger",
    "AsyncSource": "mycelium.async_source",
    "Backoff": "mycelium.supervision",
    "Batch": "tlv",
    "Bounded": "mycelium.bounds",
    "Config": "mycelium.config",
    "Contract": "mycelium.contract",
    "Clock": "mycelium.dispatcher",
    "DeadLetter": "mycelium.dead_letters",
    "DeadLetterKind": "mycelium.dead_letters",
    "Dispatcher": "mycelium.dispatcher",
    "DispatcherSpec": "mycelium.topology",
    "Domain": "mycelium.domain",
    "Edge": "mycelium.route_plan",
    "Latency": "mycelium.latency",
    "Ledger": "mycelium.ledger",
    "LedgerReading": "mycelium.ledger",
    "LedgerRow": "mycelium.ledger",
    "Mailbox": "mycelium.mailbox",
    "MailboxSpec": "mycelium.topology",
    "MessageSet": "mycelium.message_sets",
    "Node": "mycelium.node",
    "OverflowRow": "mycelium.ledger",
    "PipeFailed": "mycelium.piping",
    "Progress": "mycelium.source",
    "Reply": "mycelium.reply",
    "Report": "mycelium.report",
    "ResolvedTopology": "mycelium.topology",
    "RoutePlan": "mycelium.route_plan",
    "Source": "mycelium.source",
    "Supervisor": "mycelium.supervision",
    "SupervisorSpec": "mycelium.topology",
    "Terminated": "mycelium.death_watch",
    "Timer": "mycelium.timers",
    "Timers": "mycelium.timers",
    "Topology": "mycelium.topology",
    "Venue": "mycelium.venues",
    "VenueTable": "mycelium.venues",
    "actor_messages": "mycelium.message_sets",
    "connect": "mycelium.router",
    "contract_of": "mycelium.contract",
    "current_actor": "mycelium.dispatcher",
    "declare_dispatcher": "mycelium.dispatcher",
    "handles": "mycelium.handlers",
    "message_set": "mycelium.message_sets",
    "plan_routes": "mycelium.route_plan",
    "resolve": "mycelium.topology",
    "wait_until_quiet": "mycelium.ledger",
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
