"""Spans of OpenTelemetry go along with messages: the handler of what was sent in one runs in a child of it."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry import baggage, trace
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from mycelium import (
    Actor,
    ActorContext,
    ActorRef,
    Backoff,
    Bounded,
    Node,
    Source,
    Supervisor,
    Topology,
    connect,
    handles,
    plan_routes,
)
from mycelium.cli import cli
from mycelium.dispatcher.event_loop import EventLoop
from mycelium.errors.actor import MailboxFullError
from mycelium.errors.conversation import SenderUnknownError
from mycelium.errors.observing import ObservingExtraError
from mycelium.logging import reset_logging
from mycelium.observing import otel
from tests.conversing import DEADLINE, Held, Notes, Ping, Pong, dispatcher, end, named, on
from tests.pages import ROOT
from tlv import TLV, Batch

__all__ = ["dispatcher"]

PROVIDER = TracerProvider()
EXPORTER = InMemorySpanExporter()
PROVIDER.add_span_processor(SimpleSpanProcessor(EXPORTER))
OURS = trace.get_tracer("test", tracer_provider=PROVIDER)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    EXPORTER.clear()
    otel.instrument(PROVIDER)
    yield EXPORTER
    otel.uninstrument()


def path_of(span: ReadableSpan) -> str:
    """The names from the root to this span, with the actor of each."""
    known = {one.context.span_id: one for one in EXPORTER.get_finished_spans() if one.context is not None}
    names: list[str] = []
    at: ReadableSpan | None = span
    while at is not None:
        to = (at.attributes or {}).get("messaging.destination.name")
        names.insert(0, f"{at.name} by {to}" if to else at.name)
        at = known[at.parent.span_id] if at.parent is not None else None
    return " > ".join(names)


def paths() -> list[str]:
    return sorted(path_of(span) for span in EXPORTER.get_finished_spans() if span.name != "root")


def in_span() -> bool:
    return trace.get_current_span().get_span_context().is_valid


class Echo(Actor, receives=(Ping, Pong)):
    def __init__(self) -> None:
        super().__init__()
        self.notes = Notes()

    @handles
    def on_ping(self, ping: Ping) -> int:
        self.notes.add((ping.number, in_span()))
        if ping.number < 0:
            raise LookupError(ping.number)
        return ping.number

    @handles(batch=True)
    def on_pongs(self, pongs: Batch[Pong]) -> None:
        self.notes.add(([pong.number for pong in pongs], in_span()))

    def on_receive(self, message: Any) -> Any:
        self.notes.add((message, in_span()))


class Hop(Actor, receives=Ping, emits=Pong):
    """Asks or tells another actor in its handler, by the number of the ping, and emits."""

    def __init__(self, to: Any) -> None:
        super().__init__()
        self.to = to

    @handles
    def on_ping(self, ping: Ping) -> Any:
        if ping.number == 1:
            self.to.tell(Ping(10))
        elif ping.number == 2:
            self.to.tell("an object")
        elif ping.number == 3:
            self.emit(Pong(30))
        elif ping.number == 4:
            self.forward(self.to, Ping(40))
        return None


def test_the_handler_of_a_tell_and_of_an_ask_runs_in_a_child(spans: InMemorySpanExporter, dispatcher: str) -> None:
    echo = named(on(Echo, dispatcher), "echo")
    with OURS.start_as_current_span("root") as root:
        echo.actor_ref.tell(Ping(1))
        assert echo.actor_ref.ask(Ping(2), timeout=DEADLINE) == 2
        echo.actor_ref.tell("text")
    ledger = end(echo)
    assert paths() == ["root > process Ping by echo"] * 2 + ["root > process str by echo"]
    assert echo.notes.happened == [(1, True), (2, True), ("text", True)]
    assert [(row.sent, row.handled) for row in ledger.read().rows if row.sent] == [(2, 2)]
    first = next(span for span in spans.get_finished_spans() if span.name == "process Ping")
    assert first.kind is SpanKind.CONSUMER
    assert first.status.status_code is StatusCode.UNSET
    assert first.context is not None
    assert first.context.trace_id == root.get_span_context().trace_id
    assert dict(first.attributes or {}) == {
        "messaging.system": "mycelium",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "echo",
        "mycelium.message": "Ping",
    }


def test_spans_go_on_over_several_hops(spans: InMemorySpanExporter, dispatcher: str) -> None:
    last, hop = Echo.create(context=ActorContext(name="last")), on(Hop, dispatcher)
    middle = hop.create(last.actor_ref, context=ActorContext(name="middle"))
    connect({"last": last, "middle": middle}, plan_routes({"last": Echo, "middle": hop}))
    last.launch()
    middle.launch()
    first = named(hop, "first", middle.actor_ref)
    with OURS.start_as_current_span("root"):
        for number in (1, 2, 3):
            middle.actor_ref.tell(Ping(number))
        assert middle.actor_ref.ask(Ping(4), timeout=DEADLINE) == 40
        first.actor_ref.ask(Ping(1), timeout=DEADLINE)
    end(first, middle, last)
    through = "root > process Ping by middle"
    assert paths() == sorted(
        [through] * 4
        + [f"{through} > process {kind} by last" for kind in ("Ping", "Ping", "Pong", "str")]
        + ["root > process Ping by first", "root > process Ping by first > process Ping by middle"]
    )
    assert [what for what, _ in last.notes.happened] == [10, "an object", [30], 40]


def test_an_actor_that_asks_is_a_parent_but_not_of_what_others_handle_meanwhile(
    spans: InMemorySpanExporter, dispatcher: str
) -> None:
    class Asking(Actor, receives=Pong):
        def __init__(self, to: Any) -> None:
            super().__init__()
            self.to = to

        @handles
        def on_pong(self, pong: Pong) -> Any:
            self.tell_both()
            return self.to.ask(Ping(7), timeout=DEADLINE)

        def tell_both(self) -> None:
            # The first wakes the other one up from inside of the span; the second is handled in that turn, and is outside.
            self.to.tell(Ping(1))
            token = attach(Context())
            self.to.tell(Ping(2))
            detach(token)

    class AskingInLoop(Asking, receives=Pong, dispatcher="asyncio"):
        @handles
        async def on_pong(self, pong: Pong) -> Any:
            self.tell_both()
            return await self.ask(self.to, Ping(7), timeout=DEADLINE)

    echo = named(on(Echo, dispatcher), "echo")
    asking = named(AskingInLoop if dispatcher == "asyncio" else on(Asking, dispatcher), "asking", echo.actor_ref)
    with OURS.start_as_current_span("root"):
        assert asking.actor_ref.ask(Pong(7), timeout=DEADLINE) == 7
    end(asking, echo)
    first = "root > process Pong by asking"
    assert paths() == [first, *[f"{first} > process Ping by echo"] * 2]
    assert echo.notes.happened == [(1, True), (2, False), (7, True)]


def test_what_is_sent_outside_of_a_span_has_none(spans: InMemorySpanExporter, dispatcher: str) -> None:
    echo = named(on(Echo, dispatcher), "echo")
    token = attach(baggage.set_baggage("user", "7"))
    echo.actor_ref.tell(Ping(1))
    detach(token)
    with OURS.start_as_current_span("root"):
        echo.actor_ref.tell(Pong(2))
    echo.actor_ref.tell(Pong(3))
    echo.actor_ref.tell(Ping(4))
    assert echo.actor_ref.ask(Ping(5), timeout=DEADLINE) == 5
    end(echo)
    assert paths() == ["root > process Pong by echo"]
    assert echo.notes.happened == [(1, False), ([2], True), ([3], False), (4, False), (5, False)]


def test_an_error_is_noted_in_the_span(spans: InMemorySpanExporter, dispatcher: str) -> None:
    echo = named(on(Echo, dispatcher), "echo")
    with OURS.start_as_current_span("root"):
        with pytest.raises(LookupError):
            echo.actor_ref.ask(Ping(-1), timeout=DEADLINE)
        echo.actor_ref.tell(Ping(-2))
    ledger = end(echo)
    assert [(row.handled, row.failed) for row in ledger.read().rows if row.sent] == [(2, 2)]
    assert isinstance(echo.failure, LookupError)
    failed = [span for span in spans.get_finished_spans() if span.name == "process Ping"]
    assert [span.status.description for span in failed] == ["LookupError: -1", "LookupError: -2"]
    for span in failed:
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "builtins.LookupError"
        (event,) = span.events
        assert (event.attributes or {})["exception.type"] == "LookupError"


def test_the_span_of_a_coroutine_ends_when_that_is_done(spans: InMemorySpanExporter) -> None:
    class Slow(Actor, receives=Ping, dispatcher="asyncio"):
        @handles
        async def on_ping(self, ping: Ping) -> int:
            await asyncio.sleep(0)
            with OURS.start_as_current_span("inside"):
                await asyncio.sleep(0)
            if ping.number < 0:
                raise LookupError(ping.number)
            return ping.number

    slow = named(Slow, "slow")
    with OURS.start_as_current_span("root"):
        assert slow.actor_ref.ask(Ping(1), timeout=DEADLINE) == 1
        with pytest.raises(LookupError):
            slow.actor_ref.ask(Ping(-1), timeout=DEADLINE)
    assert not in_span()
    end(slow)
    one = "root > process Ping by slow"
    assert paths() == [one, one, f"{one} > inside", f"{one} > inside"]
    statuses = [span.status.status_code for span in spans.get_finished_spans() if span.name == "process Ping"]
    assert statuses == [StatusCode.UNSET, StatusCode.ERROR]


def test_an_actor_reads_the_baggage_of_who_sent(spans: InMemorySpanExporter) -> None:
    class Reading(Actor, receives=Ping):
        @handles
        def on_ping(self, ping: Ping) -> Any:
            return baggage.get_baggage("user")

    reading = named(Reading, "reading")
    with OURS.start_as_current_span("root"):
        token = attach(baggage.set_baggage("user", "7"))
        assert reading.actor_ref.ask(Ping(1), timeout=DEADLINE) == "7"
        detach(token)
    assert reading.actor_ref.ask(Ping(1), timeout=DEADLINE) is None
    end(reading)


@pytest.mark.parametrize("policy", ["block", "drop_oldest", "drop_newest", "conflate", "reject"])
def test_a_full_mailbox_does_with_spans_what_it_does_without(spans: InMemorySpanExporter, policy: Any) -> None:
    key = ("number",) if policy == "conflate" else ()

    class Full(Actor, receives=(Ping, Pong), mailbox=Bounded(3, overflow=policy, key=key, deadline_s=0.001)):
        def __init__(self) -> None:
            super().__init__()
            self.held = Held()
            self.seen: list[int] = []

        @handles
        def on_ping(self, ping: Ping) -> None:
            self.seen.append(ping.number)

        @handles(batch=True)
        def on_pongs(self, pongs: Batch[Pong]) -> None:
            self.seen.extend(-pong.number for pong in pongs)

        def on_receive(self, message: Any) -> Any:
            self.held()

    class Emitting(Source, emits=(Ping, Pong)):
        def produce(self) -> Iterator[TLV]:
            yield from ()

    def run(*, in_spans: bool) -> tuple[Any, ...]:
        full, emitting = Full.create(), Emitting.create()
        connect({"full": full, "emitting": emitting}, plan_routes({"full": Full, "emitting": Emitting}))
        full.launch()
        full.actor_ref.tell("hold")
        assert full.held.entered.wait(DEADLINE)
        token = attach(trace.set_span_in_context(OURS.start_span("root")) if in_spans else get_current())
        for send in (full.actor_ref.tell, emitting.emit):
            for message in (Ping(1), Pong(1), Ping(2), Pong(1), Ping(1)):
                with suppress(MailboxFullError):
                    send(message)
        detach(token)
        full.held.gate.set()
        emitting.launch()
        reading = end(full, emitting).read()
        return full.seen, reading.rows, sorted(reading.overflows, key=repr)

    assert run(in_spans=True) == run(in_spans=False)
    assert spans.get_finished_spans()


def test_who_does_not_take_the_sender_knows_no_more_of_it(spans: InMemorySpanExporter, dispatcher: str) -> None:
    class Curious(Actor, receives=(Ping, Pong), dispatcher=dispatcher):
        @handles
        def on_ping(self, ping: Ping) -> Any:
            return self.sender

        @handles
        def on_pong(self, pong: Pong, sender: ActorRef[Any] | None) -> Any:
            return (sender is None, self.sender is None)

    curious = named(Curious, "curious")
    with OURS.start_as_current_span("root"):
        with pytest.raises(SenderUnknownError):
            curious.actor_ref.ask(Ping(1), timeout=DEADLINE)
        assert curious.actor_ref.ask(Pong(1), timeout=DEADLINE) == (True, True)
    end(curious)


def test_a_message_that_is_tried_again_keeps_its_span(spans: InMemorySpanExporter) -> None:
    class Flaky(Actor, receives=Ping):
        tries = 0

        @handles
        def on_ping(self, ping: Ping) -> int:
            type(self).tries += 1
            if type(self).tries == 1:
                raise LookupError
            return type(self).tries

    ref = Supervisor(attempts=2, backoff=Backoff(first_s=0.0)).start(Flaky)
    with OURS.start_as_current_span("root"):
        ref.tell(Ping(1))
        assert ref.ask(Ping(2), timeout=DEADLINE) == 3
    ref.stop(timeout=DEADLINE)
    assert paths() == ["root > process Ping by Flaky"] * 3


def test_an_ignored_message_has_no_span_and_is_dropped_as_ever(spans: InMemorySpanExporter) -> None:
    class Deaf(Actor, receives=(Ping, Pong), ignores=Pong):
        @handles
        def on_ping(self, ping: Ping) -> None: ...

    deaf = named(Deaf, "deaf")
    with OURS.start_as_current_span("root"):
        deaf.actor_ref.tell(Pong(1))
    rows = end(deaf).read().rows
    assert [(row.message, row.sent, row.dropped) for row in rows if row.sent] == [("Pong", 1, 1)]
    assert paths() == []


def test_what_a_source_yields_in_a_span_belongs_to_it(spans: InMemorySpanExporter) -> None:
    class Ticks(Source, emits=Ping):
        def produce(self) -> Iterator[TLV]:
            for number in range(3):
                with OURS.start_as_current_span("root"):
                    yield Ping(number)

    with Node(Topology(name="ticks", actors={"ticks": Ticks, "echo": Echo})) as node:
        assert node.wait(DEADLINE)
    assert node.report().balanced
    assert paths() == ["root > process Ping by echo"] * 3
    assert len({span.context.trace_id for span in spans.get_finished_spans() if span.context is not None}) == 3


def test_off_nothing_is_left_of_it() -> None:
    before = {owner: dict(vars(owner)) for owner in (Actor, ActorRef, EventLoop)}
    otel.instrument(PROVIDER)
    otel.instrument(PROVIDER)
    otel.uninstrument()
    otel.uninstrument()
    assert {owner: dict(vars(owner)) for owner in before} == before
    EXPORTER.clear()
    echo = named(Echo, "echo")
    with OURS.start_as_current_span("root"):
        assert echo.actor_ref.ask(Ping(1), timeout=DEADLINE) == 1
        echo.actor_ref.tell(Ping(2))
    end(echo)
    assert paths() == []
    assert echo.notes.happened == [(1, False), (2, False)]


def test_what_was_sent_before_it_was_switched_off_is_handled_without_a_span() -> None:
    otel.instrument(PROVIDER)
    EXPORTER.clear()
    echo = Echo.create()
    with OURS.start_as_current_span("root"):
        echo.actor_ref.tell(Ping(1))
    otel.uninstrument()
    echo.launch()
    end(echo)
    assert paths() == []
    assert echo.notes.happened == [(1, False)]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "mycelium.observing.otel")
    with pytest.raises(ObservingExtraError, match=r"opentelemetry-api.*mycelium-actors\[otel\]"):
        importlib.import_module("mycelium.observing.otel")


# The command ----------------------------------------------------------------------------------------------------------

DEMO = "".join(
    f'[actors.{name}]\nclass = "tests.{module}:{kind}"\n'
    for name, module, kind in [("ticks", "test_otel", "Spanning"), ("echo", "test_otel", "Counting")]
)


class Spanning(Source, emits=Ping):
    def produce(self) -> Iterator[TLV]:
        with OURS.start_as_current_span("root"):
            yield Ping(1)


class Counting(Actor, receives=Ping):
    in_spans = 0

    @handles
    def on_ping(self, ping: Ping) -> None:
        Counting.in_spans += in_span()


@pytest.mark.parametrize(
    "arguments, environment, expected",
    [([], {}, 0), (["--otel"], {}, 1), ([], {"MYCELIUM_OTEL": "1"}, 1), ([], {"MYCELIUM_OTEL": "0"}, 0)],
)
def test_the_command_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: dict[str, str], expected: int
) -> None:
    monkeypatch.setattr("tests.test_otel.Counting.in_spans", 0)
    kept = importlib.import_module("tests.test_otel").Counting
    file = tmp_path / "demo.toml"
    file.write_text(DEMO)
    result = CliRunner().invoke(cli, ["run", str(file), *arguments], env={"MYCELIUM_OTEL": "", **environment})
    reset_logging()
    assert result.exit_code == 0, result.output
    assert kept.in_spans == expected
    assert "_tell_spanned" not in repr(ActorRef.tell), "it ends with the run"


def test_who_does_not_ask_for_it_loads_nothing_for_it(tmp_path: Path) -> None:
    (tmp_path / "demo.toml").write_text('[actors.t]\nclass = "tests.topology_actors:Ticker"\n')
    program = (
        "import sys; from mycelium import Node, Topology\n"
        f"node = Node(Topology.load({str(tmp_path / 'demo.toml')!r}))\n"
        "with node: node.wait()\n"
        "sys.exit('opentelemetry' in sys.modules or 'mycelium.observing' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT, env=environment).returncode == 0
