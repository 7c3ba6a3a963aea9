from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Optional, Union

import pytest

from mycelium import Actor, Batch, Domain, actor_messages, contract_of, handles
from mycelium.errors import MessageSetError
from tlv import TLV, i64


@actor_messages(domain=Domain.USER)
class Market:
    class Trade(TLV, type=1001):
        price: i64

    class Quote(TLV, type=1002):
        bid: i64

    class Halt(TLV, type=1003):
        venue: i64


class Level(TLV):
    price: i64


class OtherTrade(TLV, type=1001):
    price: i64


class Settings:
    pass


def methods_of(actor_class: type[Actor]) -> dict[str, str]:
    return {message.__name__: handler.method for message, handler in contract_of(actor_class).table.items()}


class Tape(Actor, receives=Market, ignores=(Market.Halt,), emits=Market.Quote):
    def __init__(self, settings: Settings) -> None:
        super().__init__()

    @handles
    def on_trade(self, trade: Market.Trade) -> None: ...

    @handles(batch=True)
    def on_quotes(self, quotes: Batch[Market.Quote]) -> None: ...


def test_a_contract_says_what_a_class_receives_handles_ignores_and_emits() -> None:
    contract = contract_of(Tape)
    assert contract.receives == (Market.Trade, Market.Quote, Market.Halt)
    assert contract.handled == (Market.Trade, Market.Quote)
    assert contract.ignores == (Market.Halt,)
    assert contract.emits == (Market.Quote,)
    assert methods_of(Tape) == {"Trade": "on_trade", "Quote": "on_quotes"}
    assert [handler.batch for handler in contract.table.values()] == [False, True]


def test_a_union_is_handled_by_one_method() -> None:
    class Either(Actor, receives=Market):
        @handles
        def on_price(self, update: Market.Trade | Market.Quote) -> None: ...

        @handles
        def on_halt(self, halt: Annotated[Union[Market.Halt], "why"]) -> None: ...  # noqa: UP007

    assert methods_of(Either) == {"Trade": "on_price", "Quote": "on_price", "Halt": "on_halt"}


def test_a_batch_handler_may_take_several_types_a_batch_each() -> None:
    class Either(Actor, receives=(Market.Trade, Market.Quote)):
        @handles(batch=True)
        def on_prices(self, updates: Batch[Market.Trade] | Batch[Market.Quote]) -> None: ...

    assert methods_of(Either) == {"Trade": "on_prices", "Quote": "on_prices"}


def test_a_handler_of_tlv_takes_all_that_no_other_names() -> None:
    class Recorder(Actor, receives=Market, ignores=Market.Halt):
        @handles
        def on_rest(self, message: TLV) -> None: ...

        @handles
        def on_trade(self, trade: Market.Trade) -> None: ...

    assert methods_of(Recorder) == {"Trade": "on_trade", "Quote": "on_rest"}


def test_messages_declared_inside_a_function_are_found() -> None:
    class Local(TLV, type=1009):
        price: i64

    class Listener(Actor):
        @handles
        def on_local(self, local: Local) -> None: ...

    assert contract_of(Listener).receives == (Local,)


def test_messages_of_an_outer_function_are_found_too() -> None:
    class Outer(TLV, type=1010):
        price: i64

    def make() -> type[Actor]:
        class Listener(Actor):
            @handles
            def on_outer(self, outer: Outer) -> None: ...

        return Listener

    assert contract_of(make()).receives == (Outer,)


def test_a_message_may_be_declared_in_the_actor_itself() -> None:
    class Clock(Actor):
        class Tick(TLV, type=1011):
            at: i64

        @handles
        def on_tick(self, tick: Tick) -> None: ...

    assert contract_of(Clock).receives == (Clock.Tick,)


def test_without_receives_the_handlers_say_what_is_received() -> None:
    class Listener(Actor):
        @handles
        def on_quote(self, quote: Market.Quote) -> None: ...

    class More(Listener):
        @handles
        def on_trade(self, trade: Market.Trade) -> None: ...

    assert contract_of(Listener).receives == (Market.Quote,)
    assert contract_of(More).receives == (Market.Quote, Market.Trade)


def test_handlers_are_inherited_overridden_and_taken_out() -> None:
    class Louder(Tape):
        def on_trade(self, trade: Market.Trade) -> None: ...

    class OnlyTrades(Tape, receives=Market.Trade, ignores=()):
        on_quotes = None  # type: ignore[assignment]

    class Renamed(Tape, ignores=()):
        @handles
        def on_quotes(self, quotes: Market.Quote | Market.Halt) -> None: ...  # type: ignore[override]

    assert contract_of(Louder).table == contract_of(Tape).table
    assert contract_of(Louder).emits == (Market.Quote,)
    assert methods_of(OnlyTrades) == {"Trade": "on_trade"}
    assert methods_of(Renamed) == {"Trade": "on_trade", "Quote": "on_quotes", "Halt": "on_quotes"}
    assert not contract_of(Renamed).table[Market.Quote].batch


def test_a_mixin_brings_its_handlers_along() -> None:
    class Halts:
        @handles
        def on_halt(self, halt: Market.Halt) -> None: ...

    class Both(Halts, Tape, ignores=()):
        pass

    assert methods_of(Both) == {"Trade": "on_trade", "Quote": "on_quotes", "Halt": "on_halt"}


def test_the_config_class_is_read_from_the_constructor() -> None:
    class Inherits(Tape):
        pass

    class WithoutConfig(Actor):
        def __init__(self) -> None:
            super().__init__()

    class Untyped(Actor):
        def __init__(self, settings) -> None:  # type: ignore[no-untyped-def]
            super().__init__()

    class Optionally(Actor):
        def __init__(self, settings: Optional[Settings] = None) -> None:  # noqa: UP045
            super().__init__()

    class Missing(Actor):
        def __init__(self, settings: NoSuchSettings) -> None:  # type: ignore[name-defined]  # noqa: F821
            super().__init__()

    def said(actor_class: type[Actor]) -> tuple[type[Any] | None, str]:
        return contract_of(actor_class).config_class, contract_of(actor_class).config_problem

    assert said(Tape) == said(Inherits) == (Settings, "")
    assert said(WithoutConfig) == said(Actor) == (None, "")
    assert said(Untyped) == (None, "the parameter 'settings' has no annotation")
    assert said(Optionally) == (None, f"typing.Optional[{__name__}.Settings] is not a class")
    assert said(Missing)[1].startswith("the annotation 'NoSuchSettings' cannot be read (NameError: ")


def test_only_actors_have_a_contract() -> None:
    with pytest.raises(MessageSetError, match=r"contract_of\(\): <class 'dict'> is neither"):
        contract_of(dict)


def unhandled() -> None:
    class Wrong(Actor, receives=Market):
        @handles
        def on_trade(self, trade: Market.Trade) -> None: ...


def outside() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trade(self, trade: Market.Trade) -> None: ...

        @handles
        def on_quote(self, quote: Market.Quote) -> None: ...


def twice() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trade(self, trade: Market.Trade) -> None: ...

        @handles
        def on_trade_too(self, trade: Market.Trade) -> None: ...


def rest_twice() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_any(self, message: TLV) -> None: ...

        @handles
        def on_all(self, message: TLV) -> None: ...


def rest_of_nothing() -> None:
    class Wrong(Actor):
        @handles
        def on_any(self, message: TLV) -> None: ...


def handled_and_ignored() -> None:
    class Wrong(Actor, receives=Market.Trade, ignores=Market.Trade):
        @handles
        def on_trade(self, trade: Market.Trade) -> None: ...


def ignored_not_received() -> None:
    class Wrong(Actor, receives=Market.Trade, ignores=Market.Halt):
        @handles
        def on_trade(self, trade: Market.Trade) -> None: ...


def no_parameter() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trade(self) -> None: ...


def keyword_parameter() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trade(self, *, trade: Market.Trade) -> None: ...


def no_annotation() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trade(self, trade) -> None: ...  # type: ignore[no-untyped-def]


def unknown_name() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trade(self, trade: Market.Trode) -> None: ...  # type: ignore[name-defined]


def no_message() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trade(self, trade: Market.Trade | int) -> None: ...


def plain_layout() -> None:
    class Wrong(Actor):
        @handles
        def on_level(self, level: Level) -> None: ...


def batch_one_by_one() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trades(self, trades: Batch[Market.Trade]) -> None: ...


def messages_in_batches() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles(batch=True)
        def on_trades(self, trade: Market.Trade) -> None: ...


def batch_of_anything() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles(batch=True)
        def on_trades(self, trades: Batch) -> None: ...  # type: ignore[type-arg]


def generator() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trade(self, trade: Market.Trade) -> Any:
            yield


def two_parameters() -> None:
    class Wrong(Actor, receives=Market.Trade):
        @handles
        def on_trade(self, trade: Market.Trade, sender: str, urgent: bool = False) -> None: ...


def misspelt_keyword() -> None:
    class Wrong(Actor, recieves=Market.Trade):
        pass


def domain_by_name() -> None:
    actor_messages("Wrong", Market.Trade, domain="USER")  # type: ignore[call-overload]


def not_a_set() -> None:
    class Wrong(Actor, receives=Settings):
        pass


def plain_layout_in_emits() -> None:
    class Wrong(Actor, emits=(Market.Trade, Level)):
        pass


def clashing_types() -> None:
    class Wrong(Actor, receives=(Market, OtherTrade)):
        pass


_ANNOTATE = "annotate it: `def on_trade(self, trade: Trade) -> None`"
WRONG: dict[Callable[[], None], str] = {
    unhandled: "[MSG-008] Wrong receives, but neither handles nor ignores: Market.Quote, Market.Halt; "
    "add a method with @handles and this annotation, or name the message in ignores=",
    outside: "[MSG-009] Wrong.on_quote handles Market.Quote, which is not in receives=; "
    "add the message to receives=, or remove the handler",
    twice: "[MSG-010] Wrong handles Market.Trade twice, in on_trade and in on_trade_too; "
    "keep one of them; it may call the other",
    rest_twice: "[MSG-010] Wrong handles TLV twice, in on_any and in on_all; keep one of them; it may call the other",
    rest_of_nothing: "[MSG-013] Wrong.on_any: it takes all that is received, but nothing says what is; "
    "write receives= in the class line",
    handled_and_ignored: "[MSG-011] Wrong ignores Market.Trade, but on_trade handles it; "
    "take it out of ignores=, or remove the handler",
    ignored_not_received: "[MSG-012] Wrong ignores Market.Halt, which is not in receives=; "
    "ignore only what receives= brings in",
    no_parameter: f"[MSG-013] Wrong.on_trade: there is no parameter for the message; add one and {_ANNOTATE}",
    keyword_parameter: f"[MSG-013] Wrong.on_trade: there is no parameter for the message; add one and {_ANNOTATE}",
    no_annotation: f"[MSG-013] Wrong.on_trade: the parameter 'trade' has no annotation; {_ANNOTATE}",
    unknown_name: "[MSG-013] Wrong.on_trade: the annotation 'Market.Trode' cannot be read "
    "(AttributeError: type object 'Market' has no attribute 'Trode'); "
    "import the name at run time, not only for the type checker, and before the class",
    no_message: "[MSG-013] Wrong.on_trade: int is not a message; "
    "name a message, several as A | B, or TLV for all the rest",
    plain_layout: "[MSG-013] Wrong.on_level: Level has no type id, so it cannot arrive by itself; give the message a type=",
    batch_one_by_one: "[MSG-013] Wrong.on_trades: it takes a Batch, but gets messages one by one; "
    "write @handles(batch=True)",
    messages_in_batches: "[MSG-013] Wrong.on_trades: it gets batches, but takes Market.Trade; "
    "annotate the parameter with Batch[Trade]",
    batch_of_anything: "[MSG-013] Wrong.on_trades: Batch says no message; annotate the parameter with Batch[Trade]",
    generator: "[MSG-013] Wrong.on_trade: calling it would only make a generator; make it a plain method, or a coroutine",
    two_parameters: "[MSG-013] Wrong.on_trade: it gets a message and nothing else, but needs 'sender' too; "
    "give the others a default, or remove them",
    misspelt_keyword: "[MSG-015] Wrong: there is no class keyword 'recieves'; did you mean 'receives'?",
    domain_by_name: "[MSG-014] Wrong: 'USER' is no domain; pass a member of mycelium.Domain: MARKET_DATA, SIGNALS, "
    "EXECUTION, PORTFOLIO, AUDIT, SYSTEM, USER",
    not_a_set: f"[MSG-007] Wrong receives=: {Settings!r} is neither a message nor a message set; "
    "give a message class, what actor_messages made, or a tuple of these",
    plain_layout_in_emits: "[MSG-002] Wrong emits=: Level has no type id, so it cannot travel by itself; "
    "write `class Level(TLV, type=...)`, or move the plain layout out of the set",
    clashing_types: "[MSG-004] Wrong receives=: Market.Trade and OtherTrade both have type 1001; "
    "give one of them another type id",
}


@pytest.mark.parametrize("declare", WRONG, ids=lambda declare: declare.__name__)
def test_a_wrong_declaration_is_refused_and_told_what_to_change(declare: Callable[[], None]) -> None:
    with pytest.raises(MessageSetError) as refused:
        declare()
    assert str(refused.value) == WRONG[declare]
