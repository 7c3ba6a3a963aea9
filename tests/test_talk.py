"""Refs across nodes: telling, asking, answering, watching and stopping, here over a loopback in one process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pykka
import pytest

from mycelium import Actor, ActorRef, ActorSpec, Node, Topology, handles
from mycelium.errors.actor import (
    AskTimeoutError,
    DeadActorError,
    DeadlineMissingError,
    MailboxFullError,
    NotReceivedError,
)
from mycelium.errors.talking import (
    ActorUnknownError,
    AnswerKindError,
    NotLinkedError,
    PlainObjectError,
    RemoteError,
)
from mycelium.link.loopback import LoopbackLink
from tests.talking import (
    DEADLINE_S,
    Ask,
    Book,
    Desk,
    Note,
    Reckoned,
    TooMuchError,
    desk_and_book,
    peer,
    running,
)
from tests.topology_actors import Ticker
from tests.waiting import check_nothing_runs, wait_for
from tlv import TLV

DISPATCHERS = ("default", "pinned", "asyncio")


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    check_nothing_runs()


@pytest.fixture
def link() -> Iterator[LoopbackLink]:
    with LoopbackLink() as link:
        yield link


def test_a_question_from_outside_is_answered_by_an_actor_of_another_node(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        book = nodes.ref("book", at="left")
        assert isinstance(book, ActorRef)
        assert book.is_alive()
        assert book.ask(Ask(number=1), timeout=DEADLINE_S) == 2
        future = book.ask(Ask(number=2), block=False, timeout=DEADLINE_S)
        assert future.get() == 3


class Asking(Actor, receives=Ask):
    """Passes a question on to the book of another node, and waits for the answer in its handler."""

    @handles
    def on_ask(self, ask: Ask) -> Any:
        return self.ref_of("book").ask(ask, timeout=DEADLINE_S)


class Awaiting(Actor, receives=Ask, dispatcher="asyncio"):
    """The same in a coroutine."""

    @handles
    async def on_ask(self, ask: Ask) -> Any:
        return await self.ask(self.ref_of("book"), ask, timeout=DEADLINE_S)


class Forwarding(Actor, receives=(Ask, Note)):
    """Has the book take over."""

    @handles
    def on_ask(self, ask: Ask) -> None:
        self.forward(self.ref_of("book"), ask)

    @handles
    def on_note(self, note: Note, sender: ActorRef[Any] | None) -> None:
        self.forward(self.ref_of("book"), note)


@pytest.mark.parametrize(
    ("kind", "dispatcher"),
    [(Asking, "default"), (Asking, "pinned"), (Awaiting, "asyncio"), (Forwarding, "default"), (Forwarding, "asyncio")],
)
def test_a_handler_asks_across_nodes_on_every_dispatcher(link: LoopbackLink, kind: Any, dispatcher: str) -> None:
    """Here it is asked itself from the node where the book is, and the answer goes back through both."""
    with running(desk_and_book(desk=kind, dispatcher=dispatcher), link) as nodes:
        desk = nodes.ref("desk", at="right")
        assert desk.ask(Ask(number=1), timeout=DEADLINE_S) == 2
        with pytest.raises(TooMuchError):
            desk.ask(Ask(number=-1), timeout=DEADLINE_S)
        many = [desk.ask(Ask(number=number), block=False, timeout=DEADLINE_S) for number in range(100)]
        assert [one.get() for one in many] == list(range(1, 101))


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1, 2**70, -(2**63), 1.5, math.inf, "", "f\u00fcnf", "\udc80", b"", b"\x80\x04."],
    ids=repr,
)
def test_plain_values_come_back_as_they_are(link: LoopbackLink, value: Any) -> None:
    with running(desk_and_book(), link) as nodes:
        nodes.actor("book").answers[7] = value
        answer = nodes.ref("book", at="left").ask(Ask(number=7), timeout=DEADLINE_S)
        assert (type(answer), answer) == (type(value), value)


def test_an_answer_may_be_any_declared_message(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        nodes.actor("book").answers[7] = Reckoned(number=3, text="three")
        answer = nodes.ref("book", at="left").ask(Ask(number=7), timeout=DEADLINE_S)
        assert answer == Reckoned(number=3, text="three")


def test_another_kind_of_answer_is_an_error_to_who_asked(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        nodes.actor("book").answers[7] = {"a": 1}
        with pytest.raises(
            AnswerKindError, match=r"book answered Ask with dict: \{'a': 1\}, which does not cross nodes"
        ):
            nodes.ref("book", at="left").ask(Ask(number=7), timeout=DEADLINE_S)


def test_an_error_has_its_class_parameters_notes_and_traceback(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        book = nodes.ref("book", at="left")
        with pytest.raises(TooMuchError) as declared:
            book.ask(Ask(number=-1), timeout=DEADLINE_S)
        assert declared.value == TooMuchError(number=-1)
        assert "raised by actor book while it handled Ask" in declared.value.__notes__
        traceback: Any = declared.value.remote_traceback  # type: ignore[attr-defined]
        assert "in on_ask" in traceback
        with pytest.raises(RemoteError, match="right failed with KeyError: 'no such number'") as other:
            book.ask(Ask(number=404), timeout=DEADLINE_S)
        assert (other.value.node, other.value.declared) == ("right", "")
        assert "in on_ask" in other.value.remote_traceback  # type: ignore[attr-defined]


def test_a_deadline_goes_along_and_a_late_answer_is_counted(link: LoopbackLink) -> None:
    with running(desk_and_book(dispatcher="pinned"), link) as nodes:
        book, actor = nodes.ref("book", at="left"), nodes.actor("book")
        with pytest.raises(AskTimeoutError, match=r"book on right did not answer Ask within 0.01 s"):
            book.ask(Ask(number=5000), timeout=0.01)
        assert actor.entered.wait(DEADLINE_S)
        actor.go_on.set()
        assert wait_for(lambda: peer(nodes, "left").talk.late == 1)


def test_what_cannot_cross_is_refused_where_it_is_said(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        book = nodes.ref("book", at="left")
        with pytest.raises(PlainObjectError, match="'hello' cannot go to book, which runs on right"):
            book.tell("hello")
        with pytest.raises(PlainObjectError):
            book.ask({"a": 1}, timeout=1.0)
        with pytest.raises(PlainObjectError, match="a proxy"):
            book.proxy()
        with pytest.raises(PlainObjectError):
            pykka.ActorProxy(actor_ref=book)
        with pytest.raises(NotReceivedError, match=r"book on right does not receive Reckoned; it receives Ask, Note"):
            book.tell(Reckoned(number=1, text=""))
        with pytest.raises(NotReceivedError):
            book.ask(Reckoned(number=1, text=""), timeout=1.0)
        with pytest.raises(DeadlineMissingError):
            book.ask(Ask(number=1))


def test_a_remote_ref_is_equal_to_every_other_of_the_same_actor(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        book, desk = nodes.ref("book", at="left"), nodes.ref("desk", at="right")
        assert book == nodes.ref("book", at="left")
        assert hash(book) == hash(nodes.ref("book", at="left"))
        assert book not in {desk, nodes.ref("desk", at="left")}
        assert repr(book) == "<ActorRef for Book (book on right)>"
        assert (book.name, nodes.ref("desk", at="left").name) == ("book", "desk")


def test_what_an_actor_tells_comes_in_order_and_from_it(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        desk, book = nodes.actor("desk"), nodes.actor("book")

        def talk(desk: Desk) -> int:
            ref = desk.ref_of("book")
            for number in range(100):
                ref.tell(Note(number=number))
                if number % 10 == 0:
                    ref.ask(Ask(number=1), block=False, timeout=DEADLINE_S)
            return int(ref.ask(Ask(number=1), timeout=DEADLINE_S))

        desk.tasks[1] = talk
        assert nodes.ref("desk", at="right").ask(Ask(number=1), timeout=DEADLINE_S) == 2
        assert book.notes == list(range(100))
        assert {sender.name for sender in book.senders} == {"desk"}
        assert book.senders[0] == nodes.ref("desk", at="right")


def test_a_sender_on_another_node_can_be_told(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        desk = nodes.actor("desk")
        desk.tasks[1] = lambda desk: desk.ref_of("book").tell(Note(number=1000))
        nodes.ref("desk", at="left").tell(Ask(number=1))
        assert wait_for(lambda: desk.notes == [1001])
        nodes.ref("book", at="left").tell(Note(number=1))
        assert wait_for(lambda: len(nodes.actor("book").senders) == 2)
        assert nodes.actor("book").senders[1] is None


def test_who_forwards_hands_the_sender_on(link: LoopbackLink) -> None:
    """The desk of one node tells a forwarder of the other, which tells a book beside the desk."""
    topology = Topology(
        name="forward",
        nodes={"left": {}, "right": {}},
        actors={
            "desk": ActorSpec(actor_class=Desk, node="left", listens_to=()),
            "book": ActorSpec(actor_class=Book, node="left", listens_to=()),
            "forwarder": ActorSpec(actor_class=Forwarding, node="right", listens_to=()),
        },
    )
    with running(topology, link) as nodes:
        nodes.actor("desk").tasks[1] = lambda desk: desk.ref_of("forwarder").tell(Note(number=5))
        nodes.actor("desk").tasks[2] = lambda desk: desk.ref_of("forwarder").ask(Ask(number=5), timeout=DEADLINE_S)
        desk = nodes.ref("desk", at="left")
        desk.tell(Ask(number=1))
        assert desk.ask(Ask(number=2), timeout=DEADLINE_S) == 6
        assert wait_for(lambda: nodes.actor("book").notes == [5])
        assert nodes.actor("book").senders == [desk]


@pytest.mark.parametrize("keys", [{}, {"linger_us": 1_000_000}])
def test_what_is_told_and_what_is_emitted_come_in_the_order_of_their_sender(link: LoopbackLink, keys: Any) -> None:
    class Both(Desk, receives=(Ask, Note), emits=Note):
        pass

    topology = Topology(
        name="order",
        nodes={"left": keys, "right": keys},
        actors={
            "both": ActorSpec(actor_class=Both, node="left", listens_to=()),
            "book": ActorSpec(actor_class=Book, node="right"),
        },
    )

    def talk(both: Both) -> int:
        ref = both.ref_of("book")
        for number in range(0, 300, 3):
            both.emit(Note(number=number))
            ref.tell(Note(number=number + 1))
            both.emit(Note(number=number + 2))
        began = monotonic()
        for number in range(40):
            assert ref.ask(Ask(number=number), timeout=DEADLINE_S) == number + 1
        assert monotonic() - began < DEADLINE_S, "no question waits for a frame to fill"
        return 0

    with running(topology, link) as nodes:
        nodes.actor("both").tasks[1] = talk
        nodes.ref("both", at="left").ask(Ask(number=1), timeout=DEADLINE_S)
        assert nodes.actor("book").notes == list(range(300))


def test_a_full_receiver_holds_up_who_tells_it_and_nobody_else(
    link: LoopbackLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mycelium.remote.outlet.WINDOW", 20)
    mailbox: Any = {"capacity": 10, "deadline_s": 600.0}
    topology = desk_and_book(dispatcher="pinned", mailbox=mailbox)
    topology = topology.model_copy(
        update={
            "actors": {**topology.actors, "other": ActorSpec(actor_class=Book, node="right", listens_to=())},
        }
    )
    with running(topology, link) as nodes:
        book, desk = nodes.actor("book"), nodes.actor("desk")

        def talk(desk: Desk) -> None:
            ref = desk.ref_of("book")
            ref.ask(Ask(number=5000), block=False, timeout=DEADLINE_S)
            for number in range(200):
                ref.tell(Note(number=number))
                desk.got[0] = number

        desk.tasks[1] = talk
        nodes.ref("desk", at="left").tell(Ask(number=1))
        assert book.entered.wait(DEADLINE_S)
        assert wait_for(lambda: desk.got.get(0, 0) >= 30)
        assert nodes.ref("other", at="left").ask(Ask(number=1), timeout=DEADLINE_S) == 2
        assert desk.got[0] < 60
        book.go_on.set()
        assert wait_for(lambda: book.notes == list(range(200)))


def test_a_question_that_a_full_outlet_refuses_is_not_remembered(
    link: LoopbackLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mycelium.remote.outlet.WINDOW", 1)
    with running(desk_and_book(dispatcher="pinned", mailbox={"capacity": 2, "overflow": "reject"}), link) as nodes:
        book, talk = nodes.ref("book", at="left"), peer(nodes, "left").talk
        replies = [book.ask(Ask(number=5000), block=False, timeout=DEADLINE_S)]
        assert nodes.actor("book").entered.wait(DEADLINE_S)
        replies += [book.ask(Ask(number=1), block=False, timeout=DEADLINE_S) for _ in range(100)]
        assert len(talk._waiting) < 20
        nodes.actor("book").go_on.set()
        refused = 0
        for reply in replies:
            try:
                reply.get(timeout=DEADLINE_S)
            except MailboxFullError:
                refused += 1
        assert refused > 80
        assert wait_for(lambda: not talk._waiting)


def test_an_actor_is_told_when_one_of_another_node_has_ended(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        desk = nodes.actor("desk")
        desk.tasks[1] = lambda desk: desk.watch(desk.ref_of("book"))
        desk.tasks[2] = lambda desk: desk.ref_of("book").tell(Note(number=1000))
        ref = nodes.ref("desk", at="left")
        ref.ask(Ask(number=1), timeout=DEADLINE_S)
        ref.ask(Ask(number=2), timeout=DEADLINE_S)
        book = nodes.ref("book", at="left")
        assert book.stop(timeout=DEADLINE_S) is True
        assert wait_for(lambda: desk.told)
        terminated, _ = desk.told[0]
        assert (terminated.ref, terminated.name, terminated.error) == (book, "book", None)
        assert book.stop(timeout=DEADLINE_S) is False
        with pytest.raises(DeadActorError):
            book.ask(Ask(number=1), timeout=DEADLINE_S)
        desk.tasks[3] = lambda desk: desk.watch(book)
        ref.ask(Ask(number=3), timeout=DEADLINE_S)
        assert wait_for(lambda: len(desk.told) == 2)


def test_the_end_comes_after_all_that_the_watched_one_has_sent(link: LoopbackLink) -> None:
    class Parting(Book):
        def on_stop(self) -> None:
            ref = self.ref_of("desk")
            for number in range(200):
                ref.tell(Note(number=number))

    with running(desk_and_book(book=Parting), link) as nodes:
        desk = nodes.actor("desk")
        desk.tasks[1000] = lambda desk: desk.watch(desk.ref_of("book"))
        nodes.ref("desk", at="left").ask(Ask(number=1000), timeout=DEADLINE_S)
        nodes.ref("book", at="left").stop(block=False, now=True)
        assert wait_for(lambda: desk.told)
        assert desk.told[0][1] == list(range(200))


def test_who_fails_elsewhere_is_told_with_its_error(link: LoopbackLink) -> None:
    class Failing(Book):
        @handles
        def on_note(self, note: Note, sender: ActorRef[Any] | None) -> None:
            raise TooMuchError(number=note.number)

    topology = desk_and_book(book=Failing)
    nodes_report: Any = None
    with running(topology, link) as nodes:
        desk = nodes.actor("desk")
        desk.tasks[1] = lambda desk: desk.watch(desk.ref_of("book"), ahead=True)
        nodes.ref("desk", at="left").ask(Ask(number=1), timeout=DEADLINE_S)
        nodes.ref("book", at="left").tell(Note(number=9))
        assert wait_for(lambda: desk.told)
        assert desk.told[0][0].error == TooMuchError(number=9)
        nodes_report = nodes
    assert [failure.actor for failure in nodes_report.report.failures] == ["book"]


def test_who_watches_no_longer_is_not_told(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        desk = nodes.actor("desk")

        def begin_and_end(desk: Desk) -> None:
            desk.watch(desk.ref_of("book"))
            desk.unwatch(desk.ref_of("book"))

        desk.tasks[1] = begin_and_end
        nodes.ref("desk", at="left").ask(Ask(number=1), timeout=DEADLINE_S)
        right = peer(nodes, "right").talk.orders
        nodes.ref("book", at="left").ask(Ask(number=1), timeout=DEADLINE_S)
        assert wait_for(lambda: not right.watches)
        nodes.ref("book", at="left").stop(timeout=DEADLINE_S)
        assert desk.told == []


def test_an_actor_is_found_by_its_name_wherever_it_runs(link: LoopbackLink) -> None:
    class Curious(Desk):
        pass

    with running(desk_and_book(desk=Curious), link) as nodes:
        desk = nodes.actor("desk")
        assert desk.ref_of("desk") is desk.actor_ref
        assert desk.ref_of("book") == nodes.ref("book", at="left")
        with pytest.raises(ActorUnknownError, match=r"desk looks for 'bok'.*talk has none; did you mean 'book'\?"):
            desk.ref_of("bok")
    with Node(desk_and_book(desk=Curious)) as node:
        together: Any = node._actors["desk"]
        assert together.ref_of("book") is node.refs["book"]
        with pytest.raises(ActorUnknownError, match=r"did you mean 'book'\?"):
            together.ref_of("bok")
    ref = Curious.start()
    alone: Any = ref._actor_weakref()
    with pytest.raises(ActorUnknownError, match="it is in no topology itself"):
        alone.ref_of("book")
    ref.stop()


def test_in_a_constructor_not_all_actors_have_been_made_yet() -> None:
    class Hasty(Desk):
        def __init__(self) -> None:
            super().__init__()
            self.ref_of("book")

    with pytest.raises(ActorUnknownError, match=r"not all actors have been made yet; call ref_of\(\) in on_start"):
        Node(desk_and_book(desk=Hasty)).start()


def test_nodes_that_are_not_to_talk_are_not_linked(link: LoopbackLink) -> None:
    topology = desk_and_book().model_copy(
        update={
            "nodes": Topology(
                name="talk", nodes={"left": {"talks_to": []}, "right": {"talks_to": []}}, actors=desk_and_book().actors
            ).nodes
        }
    )
    with running(topology, link) as nodes:
        with pytest.raises(NotLinkedError, match=r"book runs on right, and left has no link there"):
            nodes.actor("desk").ref_of("book")
        assert set(nodes.nodes["left"].refs) == {"desk"}


def test_a_run_that_talks_ends_by_itself_and_its_ledger_balances(link: LoopbackLink) -> None:
    """Whoever is only told and asked keeps no run from ending, and what was said by then is handled."""

    class Telling(Actor, receives=Note):
        @handles
        def on_note(self, note: Note) -> None: ...

    class Talking(Ticker):
        def produce(self) -> Iterator[TLV]:
            ref = self.ref_of("book")
            for tick in super().produce():
                ref.tell(Note(number=self.progress.done))
                yield tick

    topology = Topology(
        name="ends",
        nodes={"left": {}, "right": {}},
        actors={
            "ticker": ActorSpec(actor_class=Talking, node="left", config={"count": 500}),
            "other": ActorSpec(actor_class=Ticker, node="right", config={"count": 1}),
            "book": ActorSpec(actor_class=Book, node="right", listens_to=()),
        },
    )
    with running(topology, link) as nodes:
        for node in nodes.nodes.values():
            assert wait_for(lambda node=node: node.state == "finished")  # type: ignore[misc]
    report: Any = nodes.report  # type: ignore[attr-defined]
    row = next(one for one in report.messages if one.message == "Note")
    assert (row.sent, row.handled) == (500, 500)
    assert report.balanced
