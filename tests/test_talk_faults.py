"""What becomes of talk when the other node dies, is lost, or says what makes no sense; and that nothing is ever unpickled."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mycelium
from mycelium.errors.actor import AskTimeoutError
from mycelium.errors.cluster import MessageTooLargeError, PeerMismatchError
from mycelium.errors.talking import LinkLostError, ProcessDiedError, RemoteError
from mycelium.link.loopback import LoopbackLink
from mycelium.node.joined import JoinedNode
from mycelium.remote.messages import CONTROL, WIRE_MESSAGES, Form, Wire
from mycelium.remote.mismatch import received_layouts
from mycelium.remote.process import has_died, host_of_this, started_at
from mycelium.remote.values import answer_of, failure_of, told_error
from tests.stranger import Stranger, framed, greeting_of
from tests.talking import DEADLINE_S, Ask, Note, Reckoned, Running, desk_and_book, peer, peers, running
from tests.waiting import check_nothing_runs, wait_for
from tlv import read_frame


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    yield
    check_nothing_runs()


@pytest.fixture
def link() -> Iterator[LoopbackLink]:
    with LoopbackLink() as link:
        yield link


@pytest.fixture
def nodes(link: LoopbackLink) -> Iterator[Running]:
    """Two nodes, of which the right one may be aborted."""
    made = Running(desk_and_book(dispatcher="pinned"), link, patience_s=0.2)
    try:
        yield made
    finally:
        made.actor("book").go_on.set()
        made.stop()


def ask_and_abort(nodes: Running) -> Any:
    """The error of a question whose node is gone before it is answered."""
    book = nodes.ref("book", at="left")
    asked = book.ask(Ask(number=5000), block=False, timeout=DEADLINE_S)
    watcher = nodes.actor("desk")
    watcher.tasks[1] = lambda desk: desk.watch(book)
    nodes.ref("desk", at="left").ask(Ask(number=1), timeout=DEADLINE_S)
    assert nodes.actor("book").entered.wait(DEADLINE_S)
    assert wait_for(lambda: peer(nodes, "right").talk.orders.watches)
    nodes.nodes["right"].abort()
    with pytest.raises(ConnectionError) as failed:
        asked.get()
    assert wait_for(lambda: watcher.told)
    assert watcher.told[0][0].error == failed.value
    with pytest.raises(type(failed.value)):
        book.ask(Ask(number=1), timeout=DEADLINE_S)
    assert not book.is_alive()
    return failed.value


def test_questions_and_watches_are_told_at_once_when_the_link_is_lost(nodes: Running) -> None:
    assert ask_and_abort(nodes) == LinkLostError(actor="book", node="right")


def test_they_are_told_that_the_process_has_died_where_that_is_so(
    link: LoopbackLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both nodes say that they are another process, which ends."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        named = (host_of_this(), process.pid, started_at(process.pid))
        monkeypatch.setattr("mycelium.remote.sending.this_process", lambda: named)
        nodes = Running(desk_and_book(dispatcher="pinned"), link, patience_s=0.2)
        assert not has_died(*named[1:])
    assert has_died(*named[1:])
    try:
        assert ask_and_abort(nodes) == ProcessDiedError(actor="book", node="right")
    finally:
        nodes.actor("book").go_on.set()
        nodes.stop()


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="only Linux tells of a process that nobody has waited for"
)
def test_a_process_that_nobody_has_waited_for_has_died() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    started = started_at(process.pid)
    assert wait_for(lambda: has_died(process.pid, started))
    process.wait()
    assert has_died(process.pid, started)
    assert not has_died(os.getpid(), started_at(os.getpid()))
    assert has_died(os.getpid(), started_at(os.getpid()) + 1)


def test_a_life_that_begins_anew_means_that_the_last_one_has_died(link: LoopbackLink) -> None:
    node = JoinedNode(desk_and_book(), "left", link, drain_s=1.0)
    node.start()
    stranger = Stranger(link, "right", "left")
    book = RECEIVED_BY_BOOK
    stranger.say(greeting_of(7), *book)
    asked: Any = node.refs["book"].ask(Ask(number=1), block=False, timeout=DEADLINE_S)
    first = stranger.hear(Wire.Question, Ask, Note)
    stranger.say(greeting_of(8), *book)
    with pytest.raises(ProcessDiedError):
        asked.get()
    assert wait_for(node.refs["book"].is_alive)
    again: Any = node.refs["book"].ask(Ask(number=2), block=False, timeout=DEADLINE_S)
    second = stranger.hear(Wire.Question, Ask, Note)
    stranger.say(*(answer_of(number, number, "book", "Ask") for number in (first.number, second.number)))
    assert again.get() == second.number
    stranger.close()
    node.stop()


RECEIVED_BY_BOOK = tuple(received_layouts((Ask, Note)))


def test_an_answer_that_is_lost_is_a_deadline_that_passes(link: LoopbackLink, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(desk_and_book(), link) as nodes:
        monkeypatch.setattr(peer(nodes, "right").talk, "say", lambda message: None)
        monkeypatch.setattr("mycelium.remote.talk.LOOK_S", 0.01)
        with pytest.raises(AskTimeoutError, match="book on right"):
            nodes.ref("book", at="left").ask(Ask(number=1), timeout=0.05)
        assert wait_for(lambda: not peer(nodes, "left").talk._waiting), "and is not waited for any more"
        monkeypatch.undo()
        assert nodes.ref("book", at="left").ask(Ask(number=1), timeout=DEADLINE_S) == 2


def test_what_is_told_to_a_lost_node_waits_for_it(link: LoopbackLink) -> None:
    nodes = Running(desk_and_book(), link)
    left = peer(nodes, "left")
    nodes.nodes["right"].abort()
    assert wait_for(lambda: left.lost_at is not None)
    nodes.ref("book", at="left").tell(Note(number=7))
    again = nodes.again("right", link)
    assert wait_for(lambda: again.notes == [7])
    assert nodes.stop().balanced


def test_an_answer_that_no_frame_takes_is_an_error(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        nodes.actor("book").answers[7] = b"x" * 300_000
        with pytest.raises(MessageTooLargeError):
            nodes.ref("book", at="left").ask(Ask(number=7), timeout=DEADLINE_S)
        assert nodes.ref("book", at="left").ask(Ask(number=1), timeout=DEADLINE_S) == 2


def test_a_message_that_is_read_otherwise_there_is_not_sent(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        left = peer(nodes, "left")
        for number in (1, 2):  # a greeting that is still due comes before the second answer
            assert nodes.ref("book", at="left").ask(Ask(number=number), timeout=DEADLINE_S) == number + 1
        told = tuple(
            Wire.GreetedLayout(digest=5, stream=one.stream, kind=one.kind, name=one.name) if one.name == "Note" else one
            for one in peer(nodes, "right").mismatches.layouts
        )
        left.greeted(greeting_of(left.their_incarnation), told, left._process)
        with pytest.raises(PeerMismatchError, match="Note has another layout"):
            nodes.ref("book", at="left").tell(Note(number=1))
        fields = tuple(
            Wire.GreetedFields(kind=one.kind, fields=f"{one.fields}".replace("i64", "i32"))
            for one in peer(nodes, "right").mismatches.fields
        )
        left.greeted(greeting_of(left.their_incarnation), told, left._process, fields)
        with pytest.raises(PeerMismatchError, match=r"Note\.number is i64 here and i32 there"):
            nodes.ref("book", at="left").tell(Note(number=1))
        assert nodes.ref("book", at="left").ask(Ask(number=1), timeout=DEADLINE_S) == 2


def test_an_answer_that_this_process_cannot_read_is_an_error(link: LoopbackLink) -> None:
    with running(desk_and_book(), link) as nodes:
        nodes.actor("book").answers[7] = Reckoned(number=1, text="")
        talk = peer(nodes, "right").talk
        say = talk.say
        talk.say = lambda one: say(  # as a node of another version would
            Wire.Answer(number=one.number, digest=9, kind=one.kind, form=one.form, name=one.name, value=one.value)
        )
        with pytest.raises(PeerMismatchError, match=r"an answer is a Reckoned \(type 1012\)"):
            nodes.ref("book", at="left").ask(Ask(number=7), timeout=DEADLINE_S)
        talk.say = say
        assert nodes.ref("book", at="left").ask(Ask(number=1), timeout=DEADLINE_S) == 2, "the link goes on"


# Nothing is pickled.


def test_nothing_in_the_package_can_unpickle() -> None:
    root = Path(mycelium.__file__).parent
    found = [
        str(file)
        for folder in (root, root.parent / "tlv")
        for file in folder.rglob("*.py")
        if re.search(
            r"^\s*(?:import|from)\s+(?:pickle|_pickle|cPickle|marshal|shelve|dill|cloudpickle)\b",
            file.read_text(),
            re.MULTILINE,
        )
    ]
    assert found == []


class Evil:
    """Unpickling it would run code."""

    ran = False

    def __reduce__(self) -> Any:
        return (exec, ("import tests.test_talk_faults as faults; faults.Evil.ran = True",))


EVIL = pickle.dumps(Evil())


def test_the_pickle_would_run_if_anybody_unpickled_it() -> None:
    pickle.loads(EVIL)
    assert Evil.ran
    Evil.ran = False


@pytest.mark.parametrize("source", [CONTROL, 0, 0x8000])
def test_a_pickle_on_a_link_is_refused_and_counted_and_nothing_runs(link: LoopbackLink, source: int) -> None:
    """In place of a frame, in a frame of each kind, and wherever bytes and texts of strangers stand."""
    Evil.ran = False
    node = JoinedNode(desk_and_book(), "right", link, drain_s=1.0)
    node.start()
    stranger = Stranger(link, "left", "right")
    stranger.say(greeting_of(7, "left"))
    stranger.say(Wire.Opening(stream=0x8000, sender="desk", receiver="book"))
    text = EVIL.decode("latin-1")
    hidden = EVIL + bytes(-len(EVIL) % 8)
    cut = bytearray(framed(Wire.Goodbye(incarnation=1), source=source))
    cut[32 : 32 + len(hidden)] = hidden
    for rubbish in (EVIL, b"\0" * 6 + source.to_bytes(2, "little") + EVIL, bytes(cut), b"\0" * 40):
        stranger.sender.send(rubbish, timeout=DEADLINE_S)
    stranger.say(Wire.Told(kind=1011, sender=text, message=EVIL), source=source)
    stranger.say(Wire.Question(number=1, left_us=10**6, kind=1010, sender=text, message=b"\x80"), source=source)
    stranger.say(Wire.Order(number=2, act=9, actor=text, watcher=text), source=source)
    stranger.say(Wire.Answer(number=3, digest=1, kind=1, form=9, name=text, value=EVIL))
    stranger.say(
        Wire.Failed(number=4, ended=1, code=text, error=text, said=text, parameters=text, notes=text, traceback=text)
    )
    ask = Ask(number=1)
    stranger.say(
        Wire.Question(number=5, left_us=10**7, kind=1010, sender="", message=bytes(ask.as_bytes())), source=0x8000
    )
    while (answer := stranger.hear(Wire.Answer)).number != 5:
        pass
    assert (answer.form, answer.value) == (Form.INTEGER, b"\2")
    assert peers(node)[0].receiving.rubbish >= 4
    assert not Evil.ran
    stranger.close()
    node.stop()


def test_a_pickle_in_an_answer_and_in_an_error_is_only_bytes_and_text() -> None:
    Evil.ran = False
    failed = Wire.Failed(
        number=1,
        ended=0,
        code="ACT-001",
        error="DeadActorError",
        said="gone",
        parameters=json.dumps({"actor": EVIL.decode("latin-1")}),
        notes="[",
        traceback="",
    )
    error = told_error(failed, "right")
    assert error == RemoteError(node="right", error="DeadActorError", said="gone", declared="ACT-001")
    assert not Evil.ran


def test_an_error_that_only_the_other_process_declares_says_what_it_was() -> None:
    (sent,) = read_frame(
        framed(failure_of(1, PeerMismatchError(node="a", peer="b", difference="c"))), messages=WIRE_MESSAGES
    )
    known: Any = sent
    assert told_error(known, "b") == PeerMismatchError(node="a", peer="b", difference="c")
    unknown = Wire.Failed(
        number=1,
        ended=0,
        code="FEED-999",
        error="FeedError",
        said="no feed",
        parameters="{}",
        notes="[]",
        traceback="there",
    )
    error: Any = told_error(unknown, "b")
    assert error == RemoteError(node="b", error="FeedError", said="no feed", declared="FEED-999")
    assert error.remote_traceback == "there"
