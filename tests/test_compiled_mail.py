"""The compiled mail where Python runs in the middle of a step: finalizers, histograms, deep nesting. A fault here is a crash."""

from __future__ import annotations

from typing import Any

import pytest

import mycelium.mailbox.mailbox  # noqa: F401 - tells the core what it asks of Python
from mycelium.core import native
from mycelium.mailbox.mail import Sent

pytestmark = pytest.mark.skipif(native is None, reason="the compiled core does not run")


class Finalized:
    """Calls something when it goes away."""

    def __init__(self, call: Any = None) -> None:
        self.call = call

    def __del__(self) -> None:
        if self.call is not None:
            self.call()


def handled() -> Any:
    """The cell of messages that something handles."""
    cell = native.Cell()
    cell.handle = print
    return cell


def test_a_finalizer_may_begin_the_run_anew() -> None:
    inbox = native.Inbox()
    run = native.Run(inbox, 10)
    table = {Finalized: handled()}
    inbox.put(Finalized(lambda: run.begin({})))
    inbox.put(Finalized())
    run.begin(table)
    next(run)
    came = next(run, None)
    assert type(came) is Finalized
    assert came.call is None


def test_a_finalizer_of_an_envelope_may_begin_the_run_anew() -> None:
    inbox = native.Inbox()
    run = native.Run(inbox, 10)
    table = {Finalized: handled()}
    inbox.put(Sent(Finalized(lambda: run.begin({}))))
    inbox.put(Sent(Finalized()))
    run.begin(table)
    next(run)
    came = next(run, None)
    assert type(came) is Sent
    assert came.message.call is None
    assert (run.message, run.envelope) == (None, None)


def test_an_envelope_may_be_changed_or_emptied_while_it_waits() -> None:
    inbox = native.Inbox()
    for _ in range(3):
        inbox.put(Sent("a message"))
    first, second, third = inbox.items.copy()
    del second.message, third.reply_to
    run = native.Run(inbox, 10)
    table = {str: handled()}
    assert run.begin(table) is print
    first.message = 5
    assert [type(one) for one in run] == [Sent]
    for left in (second, third):
        assert run.begin(table) is None
        assert run.message is left


@pytest.mark.parametrize("accepts", [{str: 5}, {}, {str: None}, {str: native and native.Cell()}])
def test_a_mailbox_whose_cells_are_none_asks_python(accepts: Any) -> None:
    class Ref(native.Teller):  # type: ignore[misc]
        def _tell_otherwise(self, message: Any) -> None:
            told.append(message)

    told: list[Any] = []
    mailbox, ref = native.Inbox(), Ref()
    ref._mailbox = mailbox
    mailbox.accepts = accepts
    ref.tell("a message")
    assert told == ["a message"]


def test_what_records_times_may_begin_the_run_anew() -> None:
    class Recorder:
        armed = False

        def record(self, _: int) -> None:
            if self.armed:
                run.begin({})

    inbox = native.Inbox()
    inbox.handling = Recorder()
    inbox.put(native.Sampled("sampled", 1))
    run = native.Run(inbox, 10)
    run.begin({str: handled()})
    assert next(run) == "sampled"
    inbox.handling.armed = True
    assert next(run, None) is None


def test_what_is_no_route_is_not_emitted_by() -> None:
    class Emitting(native.Emitter):  # type: ignore[misc]
        unrouted: Any = None

        def _emit_unrouted(self, message: Any) -> None:
            self.unrouted = message

    class Taking:
        taken: Any = None

        def __eq__(self, other: object) -> bool:
            self.taken = other
            return True

        __hash__ = None  # type: ignore[assignment]

    emitter, taking = Emitting(), Taking()
    emitter._routes = {}
    assert emitter._routes == taking
    taking.taken[int] = 5
    emitter.emit(3)
    assert emitter.unrouted == 3


@pytest.mark.parametrize("kind", ["Sampled", "Queue"])
def test_deep_nesting_goes_away(kind: str) -> None:
    nested: Any = None
    for _ in range(100_000):
        nested = native.Sampled(nested, 1) if kind == "Sampled" else native.Queue([nested])
    del nested
