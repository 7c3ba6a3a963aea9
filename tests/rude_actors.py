"""Actors that end in every way but the usual one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

from mycelium.actor.actor import Actor
from mycelium.actor.source import Source
from mycelium.config import Config
from mycelium.contracts.handlers import handles
from tests.topology_actors import Tick
from tlv import TLV


class UnspeakableError(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Receiver(Actor, receives=Tick):
    @handles
    def on_tick(self, tick: Tick) -> None:
        pass


class ExitsInHandler(Actor, receives=Tick):
    @handles
    def on_tick(self, tick: Tick) -> None:
        sys.exit("enough")


class InterruptsInStart(Receiver):
    def on_start(self) -> NoReturn:
        raise KeyboardInterrupt


class ExitsInStop(Receiver):
    def on_stop(self) -> NoReturn:
        sys.exit(4)


class ExitsInBirth(Receiver):
    def __init__(self) -> None:
        super().__init__()
        sys.exit(3)


class InterruptsInBirth(Receiver):
    def __init__(self) -> None:
        super().__init__()
        raise KeyboardInterrupt


class Unspeakable(Actor, receives=Tick):
    @handles
    def on_tick(self, tick: Tick) -> None:
        raise UnspeakableError


class ExitsInSummary(Receiver):
    def summary(self) -> NoReturn:
        sys.exit(9)


class Parent(Receiver):
    """Starts an actor that nobody stops."""

    def on_start(self) -> None:
        Receiver.start()


class LeavesThread(Receiver):
    def on_start(self) -> None:
        threading.Thread(target=threading.Event().wait, name="forgotten").start()


class Logging(Actor, receives=Tick):
    @handles
    def on_tick(self, tick: Tick) -> None:
        self.log.info("tick")


class NoGenerator(Source, emits=Tick):
    def produce(self) -> Any:
        return None


class YieldsText(Source, emits=Tick):
    def produce(self) -> Iterator[TLV]:
        text: Any = "abc"
        yield text


class Stuck(Source, emits=Tick):
    """Its generator does not come to an end before it is released."""

    entered = threading.Event()
    released = threading.Event()

    def produce(self) -> Iterator[TLV]:
        self.entered.set()
        self.released.wait()
        yield from ()


class RaisingConfig(Config, prefix="TEST_RAISING_"):
    secret: str = ""

    def model_post_init(self, context: Any) -> NoReturn:
        raise RuntimeError("not today")


class Configured(Receiver):
    def __init__(self, config: RaisingConfig) -> None:
        super().__init__()
