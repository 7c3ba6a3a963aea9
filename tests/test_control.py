"""The control socket: who looks at a running node is answered, and whatever comes over it harms nobody."""

from __future__ import annotations

import os
import random
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from mycelium import Node
from mycelium.errors.observing import (
    ControlAccessError,
    ControlSocketError,
    NodeAnswerError,
    NodeCrowdedError,
    NodeGoneError,
    NodeSilentError,
    NodesRunningError,
    NodeVersionError,
    NoNodeError,
    TemporaryFilesError,
)
from mycelium.observing import attach as attaching
from mycelium.observing import places
from mycelium.observing import snapshot as snapshots
from mycelium.observing.attach import Attached, attach
from mycelium.observing.control import CLIENTS_MAX, PATIENCE_S, ControlSocket
from mycelium.observing.messages import DIGEST, Watching
from mycelium.observing.places import NodePlace, find_node, running_nodes, socket_name
from mycelium.observing.snapshot import edge_rates, read_snapshot
from tests.watched_node import COUNT, Sum, node_at_rest, runtime_directory, topology
from tlv import FrameWriter

DEADLINE = 60.0


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with runtime_directory(monkeypatch) as made:
        yield made


@pytest.fixture
def control() -> Iterator[ControlSocket]:
    """Of a node that has not started: it has a name, and no actors. Nobody's patience ends, however slow the test."""
    with ControlSocket(Node(topology()), clock=lambda: 100.0) as made:
        yield made


def question(digest: int = DIGEST) -> bytes:
    writer = FrameWriter()
    writer.append(Watching.Look(digest=digest))
    return bytes(writer.finish())


def client_of(control: ControlSocket) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(control.path))  # waits where many do; with a time-out it would not
    client.settimeout(DEADLINE)
    return client


def answers(control: ControlSocket) -> bool:
    with attach() as node:
        return node.look().node.name == control._node.name


def is_dropped(client: socket.socket) -> bool:
    """Whether the node hangs up, after what it has sent already."""
    with suppress(ConnectionError):
        while client.recv(1 << 20):
            pass
    return True


def test_who_looks_is_told_what_the_node_is_doing() -> None:
    with node_at_rest() as (node, board), ControlSocket(node), attach() as attached:
        node.refs["board"].tell(Sum(number=-1))
        said = attached.look()
        assert (said.node.name, said.node.state, said.node.pid) == ("sums", "running", os.getpid())
        assert said.node.balanced
        assert (said.node.sent, said.node.handled, said.node.in_flight) == (2 * COUNT + 1, 2 * COUNT - 1, 2)
        states = {actor.name: actor for actor in said.actors}
        assert list(states) == ["ticks", "adder", "board"]
        assert (states["adder"].handled, states["adder"].waiting, states["adder"].alive) == (COUNT, 0, True)
        assert (states["board"].handled, states["board"].waiting, states["board"].capacity) == (COUNT - 1, 1, 16_384)
        assert 0 < states["adder"].handling_p50 <= states["adder"].handling_p99
        assert {row.name: row.sent for row in said.messages} == {"Tick": COUNT, "Sum": COUNT + 1}
        edges = {(edge.sender, edge.receiver, edge.message): edge.sent for edge in said.edges}
        assert edges == {("ticks", "adder", "Tick"): COUNT, ("adder", "board", "Sum"): COUNT}
        assert said.failures == ()
        board.let.set()
        assert board.ended.wait(DEADLINE)
        with Attached(attached.place) as again:
            (failure,) = _look_after(again).failures
    assert (failure.actor, failure.text) == ("board", "LookupError: a negative sum")


def _look_after(attached: Attached) -> snapshots.Snapshot:
    """A look that is not the answer which others have just got."""
    while not (said := attached.look()).failures:
        pass
    return said


def test_several_look_at_once(control: ControlSocket) -> None:
    failed: list[BaseException] = []

    def look() -> None:
        try:
            with attach() as node:
                for _ in range(20):
                    assert node.look().node.name == "sums"
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert not failed
    assert not any(thread.is_alive() for thread in threads)


def test_who_comes_when_too_many_look_is_told_so(control: ControlSocket) -> None:
    with ExitStack() as open_ends:
        inside = [open_ends.enter_context(attach()) for _ in range(CLIENTS_MAX)]
        for client in inside:
            client.look()
        assert is_dropped(open_ends.enter_context(client_of(control)))
        with attach() as late, pytest.raises(NodeCrowdedError, match=rf"sums \(pid \d+\) .* {CLIENTS_MAX} look at it"):
            late.look()
        inside.pop().close()
        inside.append(open_ends.enter_context(attach()))
        for client in inside:
            client.look()


def test_of_those_that_ask_nothing_the_one_that_has_been_silent_longest_gives_way() -> None:
    clock = SteppedClock()
    with ControlSocket(Node(topology()), clock=clock), ExitStack() as open_ends:
        watching, *silent = [open_ends.enter_context(attach()) for _ in range(CLIENTS_MAX)]
        for client in (watching, *silent):
            client.look()
            clock.now += 0.01
        clock.now += PATIENCE_S - 1
        with attach() as early, pytest.raises(NodeCrowdedError):
            early.look()
        clock.now += 1
        # Each takes the place of one, first that of the one that was answered first.
        guests = [open_ends.enter_context(attach()) for _ in range(2)]
        for guest in guests:
            assert guest.look().node.name == "sums"
        assert watching.look().node.name == "sums", "it connects again"
        assert all(is_dropped(client._socket) for client in silent[:2])
        assert silent[2].look().node.name == "sums"


# Whatever comes ---------------------------------------------------------------------------------------------------

LOOK = question()


def with_payload_size(size: int) -> bytes:
    return LOOK[:24] + size.to_bytes(4, "little") + LOOK[28:]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        bytes(200),
        LOOK[:-1] + b"\1",
        LOOK + LOOK,
        with_payload_size(0),
        with_payload_size(0xFFFF_FFF8),
        FrameWriter().finish(),
        b"x" * 5_000,
    ],
    ids=["http", "zeros", "checksum", "two at once", "another size", "too large", "empty", "too much"],
)
def test_who_asks_otherwise_is_dropped_and_the_others_are_answered(control: ControlSocket, sent: bytes) -> None:
    with client_of(control) as client:
        client.sendall(sent)
        assert is_dropped(client)
        assert answers(control)


def test_random_changes_of_a_question_harm_nobody(control: ControlSocket) -> None:
    rng = random.Random(11)
    for _ in range(200):
        sent = bytearray(LOOK)
        for _ in range(rng.randint(1, 4)):
            sent[rng.randrange(len(sent))] = rng.randrange(256)
        with client_of(control) as client:
            client.sendall(sent[: rng.randint(0, len(sent))])
    assert answers(control)


def test_a_question_may_come_byte_by_byte(control: ControlSocket) -> None:
    with client_of(control) as client:
        for byte in LOOK:
            client.sendall(bytes((byte,)))
        assert client.recv(4)


class SteppedClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("begun", [LOOK, LOOK[:10]], ids=["does not read", "does not ask on"])
def test_a_slow_client_is_dropped_and_not_waited_for(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    long = question() + bytes(64 * 1024 * 1024)
    described = threading.Event()

    def describe(node: Node) -> bytes:
        described.set()
        return long

    clock = SteppedClock()
    node = Node(topology())
    with ControlSocket(node, clock=clock) as control, client_of(control) as slow:
        with monkeypatch.context() as patched:
            patched.setattr(snapshots, "frame_of", describe)
            slow.sendall(begun)
            if begun == LOOK:
                assert described.wait(DEADLINE)
        clock.now += PATIENCE_S / 2
        assert answers(control), "it is not waited for"
        clock.now += PATIENCE_S
        assert answers(control)
        received = 0
        while part := slow.recv(1 << 20):
            received += len(part)
    assert received < len(long)


def test_a_fault_of_the_description_drops_who_asked_and_nobody_else(
    control: ControlSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(node: Node) -> bytes:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "frame_of", fail)
        with pytest.raises(NodeGoneError), attach() as node:
            node.look()
    assert answers(control)


# Who may, and what is left ----------------------------------------------------------------------------------------


def test_the_socket_is_for_its_user_only_and_removed_at_the_end(directory: Path) -> None:
    with ControlSocket(Node(topology())) as control:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE(control.path.stat().st_mode) == 0o600
        assert [path.name for path in directory.iterdir()] == [f"sums-{os.getpid()}.sock"]
        thread = control._thread
    assert list(directory.iterdir()) == []
    assert not thread.is_alive()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_directory_that_others_may_enter_is_refused(directory: Path, mode: int) -> None:
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(ControlSocketError, match=rf"OBS-005.*OBS-004.*mode is {mode:o}"):
        ControlSocket(Node(topology()))
    with pytest.raises(ControlAccessError, match=f"mode is {mode:o}"):
        attach()


def test_a_directory_of_somebody_else_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.mkdir(mode=0o700)
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(ControlAccessError, match=f"belongs to user {owner}, not to {owner + 1}"):
        attach()


def test_a_link_in_place_of_the_directory_is_refused(directory: Path, tmp_path: Path) -> None:
    directory.symlink_to(tmp_path)
    with pytest.raises(ControlAccessError, match="neither a directory nor a socket"):
        attach()


def test_a_socket_that_others_may_use_is_refused(control: ControlSocket) -> None:
    control.path.chmod(0o666)
    with pytest.raises(ControlAccessError, match="mode is 666"):
        attach()


def test_a_path_that_is_too_long_is_a_declared_error(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYCELIUM_RUNTIME_DIR", str(directory / ("long" * 40)))
    with pytest.raises(ControlSocketError, match=r"OBS-005.*path too long.*MYCELIUM_RUNTIME_DIR"):
        ControlSocket(Node(topology()))


def leave_behind(directory: Path, name: str) -> Path:
    """The socket of a node that was killed."""
    directory.mkdir(mode=0o700, exist_ok=True)
    path = directory / socket_name(name, 1)
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
        killed.listen()
        path.chmod(0o600)
    return path


def test_without_a_place_for_temporary_files_that_is_told_and_nothing_is_made_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MYCELIUM_RUNTIME_DIR")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert places.runtime_directory() == tmp_path / f"mycelium-{os.getuid()}"
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    with pytest.raises(TemporaryFilesError, match="missing', and there is no such directory"):
        ControlSocket(Node(topology()))
    assert list(tmp_path.iterdir()) == []


def test_sockets_of_killed_nodes_are_removed_by_who_looks(directory: Path) -> None:
    left = leave_behind(directory, "killed")
    with pytest.raises(NoNodeError, match=r"no node at all runs \(running: none"):
        attach()
    assert not left.exists()


def test_sockets_of_killed_nodes_are_removed_by_the_next_node(directory: Path) -> None:
    left = leave_behind(directory, "killed")
    with ControlSocket(Node(topology())) as control:
        assert list(directory.iterdir()) == [control.path]
    assert not left.exists()


def test_what_is_no_socket_of_a_node_is_left_alone(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "notes.txt").touch()
    assert running_nodes() == []
    assert (directory / "notes.txt").exists()


# Which node -------------------------------------------------------------------------------------------------------


def test_a_node_is_found_by_its_name_or_its_process() -> None:
    with ControlSocket(Node(topology("my sums"))) as first:
        assert find_node(None) == find_node("my sums") == find_node("my-sums") == find_node(str(os.getpid()))
        assert find_node(None).path == first.path
        with ControlSocket(Node(topology("other"))):
            assert find_node("my sums").path == first.path
            with pytest.raises(NodesRunningError, match=rf"my-sums \(pid {os.getpid()}\), other \(pid {os.getpid()}\)"):
                find_node(None)
        with pytest.raises(NoNodeError, match=r"no node called other runs \(running: my-sums"):
            find_node("other")


def test_without_a_directory_no_node_runs() -> None:
    with pytest.raises(NoNodeError):
        find_node(None)


# What the other end says ------------------------------------------------------------------------------------------


def test_another_version_is_told(control: ControlSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attaching, "DIGEST", DIGEST ^ 1)
    with attach() as node, pytest.raises(NodeVersionError, match=r"sums \(pid \d+\) runs mycelium \S+, this is"):
        node.look()


def test_a_node_that_ends_is_told() -> None:
    control = ControlSocket(Node(topology()))
    with attach() as node:
        place = node.place
        node.look()
        control.close()
        with pytest.raises(NodeGoneError, match="has ended"):
            node.look()
    with pytest.raises(ControlAccessError, match="No such file"):
        Attached(place)


def other_end(directory: Path, says: bytes | None) -> tuple[NodePlace, threading.Thread]:
    """Somebody who takes one connection and says this, or nothing until the other one hangs up."""
    directory.mkdir(mode=0o700, exist_ok=True)
    path = directory / "false-1.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen()

    def answer() -> None:
        with listener, listener.accept()[0] as connection:
            if says is not None:
                connection.sendall(says)
                connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while connection.recv(100):
                    pass

    thread = threading.Thread(target=answer)
    thread.start()
    return NodePlace("false", 1, path), thread


def two_nodes() -> bytes:
    writer = FrameWriter()
    said: dict[str, Any] = {field.name: 0 for field in Watching.NodeState.layout.fields}
    said |= {"name": "", "node": "", "profile": "", "state": "", "tlv": "", "balanced": True, "seconds": 0.0}
    for _ in range(2):
        writer.append(Watching.NodeState(**said))
    return bytes(writer.finish())


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n" + bytes(100), "it begins with b'HTTP/1.1'"),
        (with_payload_size(0xFFFF_FFF8), "its frame is to hold 4,294,967,288 bytes"),
        (LOOK[:-1] + b"\1", "TLV-"),
        (two_nodes(), "it describes 2 nodes"),
        (FrameWriter().finish(), "it describes 0 nodes"),
    ],
    ids=["http", "too large", "checksum", "two nodes", "no node"],
)
def test_an_answer_that_cannot_be_read_is_a_declared_error(directory: Path, says: bytes, reason: str) -> None:
    place, thread = other_end(directory, says)
    with Attached(place) as node, pytest.raises(NodeAnswerError, match=reason):
        node.look()
    thread.join(DEADLINE)


def test_an_answer_that_is_cut_short_is_the_end_of_the_node(directory: Path) -> None:
    place, thread = other_end(directory, LOOK[:-4])
    with Attached(place) as node, pytest.raises(NodeGoneError):
        node.look()
    thread.join(DEADLINE)


def test_no_answer_in_time_is_a_declared_error(directory: Path) -> None:
    place, thread = other_end(directory, None)
    with Attached(place, answer_s=0.01) as node, pytest.raises(NodeSilentError, match=r"does not answer within 0.01 s"):
        node.look()
    thread.join(DEADLINE)


def test_rates_of_edges_are_those_between_two_looks() -> None:
    with node_at_rest() as (node, _):
        said = read_snapshot(snapshots.frame_of(node))
    assert isinstance(said, snapshots.Snapshot)
    later = snapshots.Snapshot(
        said.node.replace(seconds=said.node.seconds + 2.0),
        said.actors,
        said.messages,
        tuple(edge.replace(sent=edge.sent + 50) for edge in said.edges),
        (),
    )
    assert edge_rates(said, later) == pytest.approx({("ticks", "adder", "Tick"): 25, ("adder", "board", "Sum"): 25})
    assert set(edge_rates(said, said).values()) == {0.0}
