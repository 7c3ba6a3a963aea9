"""Small actors for the tests of topologies, nodes and `mycelium run`."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from pydantic import Field

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.config import Config
from mycelium.contracts.handlers import handles
from tlv import TLV, DeclaredError, i64


class Tick(TLV, type=1000):
    number: i64


class Price(TLV, type=1001):
    value: i64


class Impostor(TLV, type=1000):
    other: i64


class RowError(DeclaredError, ValueError, code="NODE-001", text="row {row} is wrong", next_step="mend it"):
    row: int


class TickerConfig(Config, prefix="TEST_TICKER_"):
    count: int = Field(100, ge=0, description="how many ticks")
    input: str = Field("", description="where ticks come from")
    speed: str = Field("max", description="how fast")
    wrong_row: int = Field(-1, description="the row at which the input is wrong")


class TapeConfig(Config, prefix="TEST_TAPE_"):
    window_s: float = Field(1.0, gt=0, description="seconds")
    names: list[str] = Field(default_factory=list, description="some names")


class Ticker(Source, emits=Tick):
    def __init__(self, config: TickerConfig) -> None:
        super().__init__()
        self.config = config

    def produce(self) -> Iterator[TLV]:
        self.progress.total = self.config.count
        self.progress.label = "ticks"
        for number in range(self.config.count):
            if number == self.config.wrong_row:
                raise RowError(row=number)
            yield Tick(number=number)
            self.progress.done += 1


class Endless(Source, emits=Tick):
    def produce(self) -> Iterator[TLV]:
        number = 0
        while True:
            yield Tick(number=number)
            number += 1


class Tape(Actor, receives=Tick, emits=Price):
    def __init__(self, config: TapeConfig) -> None:
        super().__init__()
        self.config = config
        self.last = 0

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.last = tick.number
        if tick.number % 2:
            self.emit(Price(value=tick.number))

    def on_stop(self) -> None:
        self.emit(Price(value=-1))


class Board(Actor, receives=Price):
    def __init__(self) -> None:
        super().__init__()
        self.prices: list[int] = []

    @handles
    def on_price(self, price: Price) -> None:
        self.prices.append(price.value)

    def summary(self) -> str | None:
        return f"{len(self.prices)} prices, the last is {self.prices[-1]}" if self.prices else None


class Crashing(Actor, receives=Tick):
    @handles
    def on_tick(self, tick: Tick) -> None:
        if tick.number == 3:
            raise ZeroDivisionError("three")


class Stuck(Actor, receives=Tick):
    """Waits in its handler until the test (or nobody) lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = Event()
        self.go_on = Event()

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.entered.set()
        self.go_on.wait()


class Echo(Actor, receives=Tick, emits=Tick):
    """Two of these send a tick to and fro until it is counted down."""

    @handles
    def on_tick(self, tick: Tick) -> None:
        if tick.number > 0:
            self.emit(Tick(number=tick.number - 1))


class BadBirth(Actor, receives=Tick):
    def __init__(self) -> None:
        super().__init__()
        raise RuntimeError("no such luck")

    @handles
    def on_tick(self, tick: Tick) -> None: ...


class BadStart(Actor, receives=Tick):
    def on_start(self) -> None:
        raise RowError(row=0)

    @handles
    def on_tick(self, tick: Tick) -> None: ...


class Masked(Actor, receives=Impostor):
    @handles
    def on_impostor(self, impostor: Impostor) -> None: ...


class NotAnActor:
    pass


class Announcing(Actor, receives=Tick):
    """Logs its first tick, so that a test knows that everything runs."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    @handles
    def on_tick(self, tick: Tick) -> None:
        if not self.seen:
            self.log.info("first tick")
        self.seen += 1

    def summary(self) -> str | None:
        return f"{self.seen} ticks seen, and this is a long line of words that goes on and on\nand a second line"


class Hanging(Announcing):
    """Hangs in its handler for ever."""

    @handles
    def on_tick(self, tick: Tick) -> None:
        self.log.info("first tick")
        Event().wait()


class Paused(Source, emits=Tick):
    """Emits a tick, then waits until it is stopped."""

    def produce(self) -> Iterator[TLV]:
        self.progress.total = 2
        yield Tick(number=1)
        self.progress.done = 1
        while not self.pause(60):
            pass
