from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mycelium import Domain, MessageSet, actor_messages, message_set
from mycelium.errors import MessageSetError
from tlv import TLV, define_tlv, i64
from tlv.market_data import MARKET_DATA_MESSAGES, QuoteTLV, TradeTLV


@actor_messages(domain=Domain.USER)
class Market:
    """Trades and quotes."""

    class Quote(TLV, type=1002):
        bid: i64
        ask: i64

    class Trade(TLV, type=1001):
        price: i64


MarketData = actor_messages("MarketData", *MARKET_DATA_MESSAGES, domain=Domain.MARKET_DATA)


def test_the_decorated_namespace_stays_what_it_was() -> None:
    assert Market.__doc__ == "Trades and quotes."
    assert Market.Trade(price=5).price == 5


def test_a_set_knows_its_messages_by_type_id() -> None:
    declared = message_set(Market)
    assert (declared.name, declared.domain) == ("Market", Domain.USER)
    assert declared.messages == tuple(declared) == (Market.Trade, Market.Quote)
    assert len(declared) == 2
    assert Market.Trade in declared
    assert TradeTLV not in declared
    assert "Trade" not in declared
    assert repr(declared) == "<MessageSet Market: Trade, Quote>"


def test_a_set_assembled_by_a_call_is_one_already() -> None:
    assert isinstance(MarketData, MessageSet)
    assert message_set(MarketData) is MarketData
    assert MarketData.messages == tuple(MARKET_DATA_MESSAGES)


def test_a_message_given_twice_is_in_the_set_once() -> None:
    assert actor_messages("Twice", TradeTLV, TradeTLV, domain=Domain.MARKET_DATA).messages == (TradeTLV,)


def test_messages_of_a_base_namespace_belong_to_the_set() -> None:
    @actor_messages(domain=Domain.USER)
    class More(Market):
        class Status(TLV, type=1003):
            halted: i64

    assert message_set(More).messages == (Market.Trade, Market.Quote, More.Status)
    assert message_set(Market).messages == (Market.Trade, Market.Quote)


def test_the_digest_is_over_layouts_not_over_names_or_order() -> None:
    def trades(field: str) -> MessageSet:
        class Trade(TLV, type=1001):
            __annotations__ = {field: "i64"}

        return actor_messages("Trades", Trade, domain=Domain.USER)

    assert trades("price").digest == trades("price").digest
    assert trades("price").digest != trades("cost").digest
    both = actor_messages("A", TradeTLV, QuoteTLV, domain=Domain.MARKET_DATA)
    assert both.digest == actor_messages("B", QuoteTLV, TradeTLV, domain=Domain.MARKET_DATA).digest
    assert bytes.fromhex(both.digest)


def test_every_domain_has_a_range_of_its_own() -> None:
    ids = [number for domain in Domain for number in range(domain.first, domain.last + 1)]
    assert len(ids) == len(set(ids))
    assert 3 in Domain.MARKET_DATA
    assert 20 not in Domain.MARKET_DATA
    assert "3" not in Domain.MARKET_DATA
    assert str(Domain.SIGNALS) == "SIGNALS (20 to 39)"


class Plain(TLV):
    price: i64


class OtherTrade(TLV, type=1):
    price: i64


def decorate(**members: Any) -> Callable[[], Any]:
    return lambda: actor_messages(domain=Domain.USER)(type("Wrong", (), members))


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a function among the messages": (
        decorate(Trade=Market.Trade, price=len),
        (
            "[MSG-001] Wrong: price is <built-in function len>, not a message; "
            "keep only subclasses of TLV in a message set; put everything else outside"
        ),
    ),
    "an annotation among the messages": (
        decorate(__annotations__={"price": i64}),
        (
            "[MSG-001] Wrong: price is None, not a message; "
            "keep only subclasses of TLV in a message set; put everything else outside"
        ),
    ),
    "an object in a call": (
        lambda: actor_messages("Wrong", TradeTLV, 5, domain=Domain.MARKET_DATA),  # type: ignore[call-overload]
        (
            "[MSG-001] Wrong: a message given is 5, not a message; "
            "keep only subclasses of TLV in a message set; put everything else outside"
        ),
    ),
    "a message without a type id": (
        decorate(Plain=Plain),
        (
            "[MSG-002] Wrong: Plain has no type id, so it cannot travel by itself; "
            "write `class Plain(TLV, type=...)`, or move the plain layout out of the set"
        ),
    ),
    "a type id outside of the domain": (
        lambda: actor_messages("Wrong", TradeTLV, domain=Domain.SIGNALS),
        (
            "[MSG-003] Wrong: type 1 of TradeTLV is outside of the domain SIGNALS (20 to 39); "
            "choose a type id of the domain, or the domain of the type id"
        ),
    ),
    "two messages with one type id": (
        lambda: actor_messages("Wrong", TradeTLV, OtherTrade, domain=Domain.MARKET_DATA),
        "[MSG-004] Wrong: TradeTLV and OtherTrade both have type 1; give one of them another type id",
    ),
    "two messages with one name": (
        decorate(Trade=Market.Trade, Other=define_tlv("Trade", {"price": i64}, type=1007)),
        (
            "[MSG-005] Wrong: two messages are called Trade; "
            "rename one of them: reports and topologies tell messages apart by name"
        ),
    ),
    "no message": (
        decorate(),
        (
            "[MSG-006] Wrong: a message set needs at least one message; "
            "declare a message in it: `class Trade(TLV, type=1000): ...`"
        ),
    ),
    "a class that declares no set": (
        lambda: message_set(dict),
        (
            "[MSG-007] message_set(): <class 'dict'> is neither a message nor a message set; "
            "give a message class, what actor_messages made, or a tuple of these"
        ),
    ),
    "a subclass of a namespace that declares no set of its own": (
        lambda: message_set(type("Quiet", (Market,), {})),
        (
            f"[MSG-007] message_set(): <class '{__name__}.Quiet'> is neither a message nor a message set; "
            "give a message class, what actor_messages made, or a tuple of these"
        ),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_set_is_refused_and_told_what_to_change(case: str) -> None:
    declare, text = WRONG[case]
    with pytest.raises(MessageSetError) as refused:
        declare()
    assert str(refused.value) == text
    assert isinstance(refused.value, TypeError)
