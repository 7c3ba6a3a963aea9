"""What the tests of talk between nodes share: messages, actors, and two nodes of one process over a loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import Any

from mycelium import Actor, ActorRef, ActorSpec, Topology, handles, resolve
from mycelium.cluster.merging import merge_reports, report_from_dict
from mycelium.ledger.report import Report
from mycelium.link.link import Link
from mycelium.node.joined import JoinedNode
from tests.waiting import wait_for
from tlv import TLV, DeclaredError, i64

DEADLINE_S = 30.0


class Ask(TLV, type=1010):
    number: i64


class Note(TLV, type=1011):
    number: i64


class Reckoned(TLV, type=1012):
    """An answer that no actor receives or emits."""

    number: i64
    text: str


class TooMuchError(DeclaredError, ValueError, code="TALK-001", text="{number} is too much", next_step="ask for less"):
    number: int


class Book(Actor, receives=(Ask, Note)):
    """Answers by the number, and keeps notes with who sent them."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[int] = []
        self.senders: list[ActorRef[Any] | None] = []
        self.go_on = Event()
        self.entered = Event()
        self.answers: dict[int, Any] = {}

    @handles
    def on_ask(self, ask: Ask) -> Any:
        if ask.number < 0:
            raise TooMuchError(number=ask.number)
        if ask.number == 404:
            raise KeyError("no such number")
        if ask.number == 5000:
            self.entered.set()
            assert self.go_on.wait(DEADLINE_S)
        return self.answers.get(ask.number, ask.number + 1)

    @handles
    def on_note(self, note: Note, sender: ActorRef[Any] | None) -> None:
        self.senders.append(sender)  # first: who waits for the note looks here, too
        self.notes.append(note.number)
        if sender is not None and note.number >= 1000:
            sender.tell(Note(number=note.number + 1))


class Desk(Actor, receives=(Ask, Note)):
    """Does what a test wants it to do, in its own handler."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[int] = []
        self.told: list[Any] = []
        self.tasks: dict[int, Any] = {}
        self.got: dict[int, Any] = {}

    @handles
    def on_ask(self, ask: Ask) -> Any:
        return self.tasks[ask.number](self)

    @handles
    def on_note(self, note: Note) -> None:
        self.notes.append(note.number)
        task = self.tasks.get(note.number)
        if task is not None:
            self.got[note.number] = task(self)

    def on_terminated(self, terminated: Any) -> None:
        self.told.append((terminated, list(self.notes)))


class Running:
    """Some nodes of a topology, each in a thread of its own, as if in processes."""

    def __init__(self, topology: Topology, link: Link, *, patience_s: float = DEADLINE_S) -> None:
        self.topology = topology
        self.nodes = {name: JoinedNode(topology, name, link, patience_s=patience_s) for name in topology.nodes}
        self._threads = {name: self._thread(node) for name, node in self.nodes.items()}
        for thread in self._threads.values():
            thread.start()
        for node in self.nodes.values():
            assert wait_for(partial(has_met_all, node))

    @staticmethod
    def _thread(node: JoinedNode) -> Thread:
        def run() -> None:
            node.start()
            node.wait()
            node.stop()

        return Thread(target=run)

    def again(self, node: str, link: Link) -> Any:
        """Start a node again that was aborted; its first actor."""
        self._threads[node].join(DEADLINE_S)
        made = self.nodes[node] = JoinedNode(self.topology, node, link)
        self._threads[node] = self._thread(made)
        self._threads[node].start()
        assert wait_for(partial(has_met_all, made))
        return next(iter(made._actors.values()))

    def actor(self, name: str) -> Any:
        """The actor itself, on whichever node."""
        return next(node._actors[name] for node in self.nodes.values() if name in node._actors)

    def ref(self, name: str, at: str) -> Any:
        """Its ref, as one node gives it."""
        return self.nodes[at].refs[name]

    def stop(self) -> Report:
        """Stop all in order, and add up."""
        for node in self.nodes.values():
            node.request_stop()
        for thread in self._threads.values():
            thread.join(DEADLINE_S)
        assert not any(thread.is_alive() for thread in self._threads.values())
        read = {name: report_from_dict(node.report().to_dict()) for name, node in self.nodes.items()}
        return merge_reports(resolve(self.topology), read, seconds=1.0)


def has_met_all(node: JoinedNode) -> bool:
    """Whether a node and its peers run, or have ended already."""
    return node.state != "new" and (node.state != "running" or all(peer.ready for peer in peers(node)))


def peers(node: JoinedNode) -> list[Any]:
    """The peers of a node."""
    return list(node._wiring._peers.values())


def peer(running: Running, node: str) -> Any:
    """What one of two nodes knows of the other."""
    return peers(running.nodes[node])[0]


def desk_and_book(
    *, dispatcher: str = "", desk: type[Actor] = Desk, book: type[Actor] = Book, **book_keys: Any
) -> Topology:
    """A desk on the left, a book on the right, and nothing between them by the plan."""
    return Topology(
        name="talk",
        nodes={"left": {}, "right": {}},
        actors={
            "desk": ActorSpec(actor_class=desk, node="left", dispatcher=dispatcher, listens_to=()),
            "book": ActorSpec(actor_class=book, node="right", dispatcher=dispatcher, listens_to=(), **book_keys),
        },
    )


@contextmanager
def running(topology: Topology, link: Link, **options: Any) -> Iterator[Running]:
    """The nodes while the block runs; after it they have ended, and the ledger of all balances."""
    nodes = Running(topology, link, **options)
    try:
        yield nodes
    finally:
        report = nodes.stop()
        nodes.report = report  # type: ignore[attr-defined]
    assert report.balanced, report
    assert (
        report.total.sent
        == report.total.handled + report.total.dropped + report.total.dead_lettered + report.total.lost
    )
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("mycelium-to", "mycelium-from"))]
