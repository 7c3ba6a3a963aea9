"""A hook that raises what ends programs (`SystemExit` and its like) fails its actor as any error does, and no more than that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorContext, ActorRef, Backoff, Source, Supervisor, Terminated, handles
from tlv import TLV, i64

DEADLINE_S = 60.0


class Job(TLV, type=1001):
    number: i64


class OwnError(BaseException):
    """No Exception, and nothing that Python knows."""


#: To which hook the error comes; from the second life on it is well.
HOOKS = ("on_start", "post_restart", "pre_restart", "on_failure", "on_stop", "on_terminated", "on_receive")


class Hooked(Actor, receives=Job):
    """Raises in one of its hooks, once."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.told = told
        self.told["lives"] = self.told.get("lives", 0) + 1

    def strike(self, hook: str) -> None:
        if hook == self.told["hook"] and not self.told["raised"]:
            self.told["raised"] = True
            raise self.told["error"]("as it was told")

    def on_start(self) -> None:
        self.strike("on_start")

    def pre_restart(self, error: BaseException) -> None:
        self.strike("pre_restart")

    def post_restart(self, error: BaseException) -> None:
        self.strike("post_restart")

    def on_failure(self, *_: Any) -> None:
        self.told["failures"] = self.told.get("failures", 0) + 1
        self.strike("on_failure")

    def on_stop(self) -> None:
        self.told["stops"] = self.told.get("stops", 0) + 1
        self.strike("on_stop")

    def on_terminated(self, terminated: Terminated) -> None:
        self.strike("on_terminated")
        self.told["terminated"] = True

    def on_receive(self, message: Any) -> None:
        self.strike("on_receive")
        if isinstance(message, pykka.ActorRef):
            self.watch(message)  # type: ignore[arg-type]
        else:
            message.set()

    @handles
    def on_job(self, job: Job) -> int:
        if job.number < 0:
            raise LookupError(job.number)
        return job.number


class HookedLoop(Hooked, dispatcher="asyncio"):
    """With hooks that are coroutines."""

    async def on_start(self) -> None:  # type: ignore[override]
        self.strike("on_start")

    async def pre_restart(self, error: BaseException) -> None:  # type: ignore[override]
        self.strike("pre_restart")

    async def post_restart(self, error: BaseException) -> None:  # type: ignore[override]
        self.strike("post_restart")

    async def on_failure(self, *_: Any) -> None:  # type: ignore[override]
        self.told["failures"] = self.told.get("failures", 0) + 1
        self.strike("on_failure")

    async def on_stop(self) -> None:  # type: ignore[override]
        self.told["stops"] = self.told.get("stops", 0) + 1
        self.strike("on_stop")

    async def on_terminated(self, terminated: Terminated) -> None:  # type: ignore[override]
        self.strike("on_terminated")
        self.told["terminated"] = True


class Bystander(Actor, receives=Job):
    """Shares the dispatcher."""

    @handles
    def on_job(self, job: Job) -> int:
        return job.number


def outcome(kind: type[Hooked], place: str, hook: str, error: type[BaseException], supervised: bool) -> dict[str, Any]:
    """What became of an actor that was started, failed once in a handler, was told of a death, and was stopped."""
    told: dict[str, Any] = {"hook": hook, "error": error, "raised": False}
    context = ActorContext(dispatcher=place)
    bystander = Bystander.create(context=context)
    bystander.launch()
    actor = kind.create(told, context=context)
    if supervised:
        Supervisor(limit=9, backoff=Backoff(first_s=0.0, max_s=0.0))._adopt(actor, (told,), {})
    ref: ActorRef[Hooked] = actor.launch()
    seen: dict[str, Any] = {}
    taken = threading.Event()
    for message in (Job(number=1), Job(number=-1), Job(number=2), bystander.actor_ref, taken):
        try:
            ref.tell(message)
        except pykka.ActorDeadError:
            break
    bystander.actor_ref.stop(timeout=DEADLINE_S)
    try:
        seen["answers"] = ref.ask(Job(number=3), timeout=DEADLINE_S)
    except pykka.ActorDeadError:
        seen["answers"] = "dead"
    stopped = ref.stop(timeout=DEADLINE_S)
    assert actor.ended.wait(DEADLINE_S)
    if seen["answers"] != "dead":
        seen["stopped"] = stopped
    seen["raised"] = told["raised"]
    seen["failed"] = actor.failure is not None
    seen |= {name: told.get(name) for name in ("lives", "stops", "failures", "terminated")}
    seen["ended by it"] = isinstance(actor.failure, error)
    seen["restarts"] = actor.mailbox.tally.restarts
    seen["others live"] = Bystander.start().stop(timeout=DEADLINE_S)
    return seen


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, OwnError])
@pytest.mark.parametrize("supervised", [True, False], ids=["supervised", "alone"])
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("place", ["default", "pinned", "asyncio", "coroutines"])
def test_it_does_what_an_exception_does(place: str, hook: str, supervised: bool, error: type[BaseException]) -> None:
    kind = HookedLoop if place == "coroutines" else Hooked
    place = "asyncio" if place == "coroutines" else place
    usual = outcome(kind, place, hook, RuntimeError, supervised)
    assert outcome(kind, place, hook, error, supervised) == usual


class Numbers(Source, emits=Job):
    """Its generator raises where it is closed."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self.error = error
        self.began = threading.Event()

    def produce(self) -> Iterator[TLV]:
        try:
            self.began.set()
            while True:
                yield Job(number=1)
        finally:
            raise self.error("as it was told")


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, OwnError])
def test_so_does_the_end_of_what_a_source_produces(error: type[BaseException]) -> None:
    actor = Numbers.create(error)
    ref = actor.launch()
    assert actor.began.wait(DEADLINE_S)
    ref.stop(timeout=DEADLINE_S)
    assert actor.ended.wait(DEADLINE_S)
    assert isinstance(actor.failure, error)
    assert actor.finished.is_set()
