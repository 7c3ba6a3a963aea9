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

from mycelium.actor import Actor
from mycelium.config import Config
from mycelium.context import ActorContext
from mycelium.contract import Contract, contract_of
from mycelium.domain import Domain
from mycelium.handlers import handles
from mycelium.latency import Latency
from mycelium.ledger import ActorRow, Ledger, LedgerReading, LedgerRow, wait_until_quiet
from mycelium.mailbox import Mailbox
from mycelium.message_set import MessageSet, actor_messages, message_set
from mycelium.ref import ActorRef
from mycelium.reply import Reply
from mycelium.route_plan import Edge, RoutePlan, plan_routes
from mycelium.router import connect
from mycelium.source import Progress, Source
from tlv import Batch

__all__ = [
    "Actor",
    "ActorContext",
    "ActorRef",
    "ActorRow",
    "Batch",
    "Config",
    "Contract",
    "Domain",
    "Edge",
    "Latency",
    "Ledger",
    "LedgerReading",
    "LedgerRow",
    "Mailbox",
    "MessageSet",
    "Progress",
    "Reply",
    "RoutePlan",
    "Source",
    "actor_messages",
    "connect",
    "contract_of",
    "handles",
    "message_set",
    "plan_routes",
    "wait_until_quiet",
]
