"""The contests over links: what a message costs from one process to another, and how long a small one takes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from time import perf_counter

from mycelium.link import FrameSender
from tlv import FrameWriter
from tlv.market_data import TradeTLV

from .asking import P50, P99, quantiles
from .contest import Contest, Contestant
from .link_peer import BACK, FORTH, LOOK_US, PATIENCE_S, SPIN_US, open_link, open_zenoh
from .messages import VALUES

__all__ = [
    "IPC_FRAMES",
    "PIPE",
    "POLLING",
    "TCP_FRAMES",
    "TCP_WAITING",
    "WAITING",
    "ZENOH",
    "ZMQ",
    "counted_by_zmq",
    "echoed",
    "echoed_by_pipe",
    "link_frames",
    "link_hops",
]

IPC_FRAMES = "shared memory, frames of 1,000"
ZMQ = "pyzmq, PUSH and PULL over ipc"
POLLING = "shared memory, polling"
WAITING = "shared memory, waiting"
PIPE = "an OS pipe"
TCP_FRAMES = "TCP within the host, frames of 1,000"
TCP_WAITING = "TCP within the host, waiting"
ZENOH = "zenoh-python, put and recv over TCP"

_IN_A_FRAME = 1_000


def link_frames() -> Contest:
    """Into a handler in Python that reads two fields."""
    return Contest(
        name="link_frames",
        question="What does a message cost from one process to a handler in another?",
        contestants=(
            Contestant(IPC_FRAMES, lambda: partial(_counted, "ipc", _send_copies), ours=True, needs="iceoryx2"),
            Contestant(
                f"{IPC_FRAMES}, built in place",
                lambda: partial(_counted, "ipc", _send_built),
                ours=True,
                needs="iceoryx2",
            ),
            Contestant(
                TCP_FRAMES,
                lambda: partial(_counted, "net", _send_copies),
                ours=True,
                needs="zenoh",
            ),
            Contestant(ZMQ, lambda: counted_by_zmq, needs="zmq", fewer=10),
        ),
        references=(ZMQ,),
        count=1_000_000,
        rounds=5,
        note="from the first message to the last, by the clock of who receives; pyzmq sends them one by one, and a frame "
        "that is not built in place is copied from one that was made beforehand",
    )


def link_hops() -> Contest:
    """One frame at a time, there and back."""
    return Contest(
        name="link_hops",
        question="How long does a small frame take from one process to another?",
        contestants=(
            Contestant(POLLING, lambda: partial(echoed, "ipc", SPIN_US), ours=True, needs="iceoryx2"),
            Contestant(WAITING, lambda: partial(echoed, "ipc", 0), ours=True, needs="iceoryx2"),
            Contestant(
                "shared memory, waiting after a look",
                lambda: partial(echoed, "ipc", LOOK_US),
                ours=True,
                needs="iceoryx2",
            ),
            Contestant(TCP_WAITING, lambda: partial(echoed, "net", 0), ours=True, needs="zenoh"),
            Contestant(ZENOH, lambda: _echoed_by_zenoh, needs="zenoh"),
            Contestant(PIPE, lambda: echoed_by_pipe),
        ),
        references=(PIPE, ZENOH),
        figures=(P50, P99),
        count=3_000,
        rounds=5,
        note="64 bytes; half the time there and back",
    )


@contextmanager
def _place(kind: str) -> Iterator[str]:
    """Where the two processes meet."""
    if kind == "net":
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        yield f"tcp/127.0.0.1:{port}"
        return
    with TemporaryDirectory(prefix="lnk") as directory:
        yield directory


@contextmanager
def _peer(kind: str, work: str, place: str, count: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "mycelium.bench.link_peer", kind, work, place, str(count)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0) as peer:  # noqa: S603 - this interpreter
        try:
            yield peer
        finally:
            peer.kill()


def _line(peer: subprocess.Popen[bytes]) -> str:
    assert peer.stdout is not None
    return peer.stdout.readline().decode().strip()


def _counted(kind: str, send: Callable[[FrameSender, int], None], count: int) -> tuple[float]:
    frames = max(2, count // _IN_A_FRAME)
    with (
        _place(kind) as place,
        open_link(kind, place, first=True) as link,
        _peer(kind, "count", place, frames * _IN_A_FRAME) as peer,
        link.sender(FORTH) as sender,
    ):
        sender.wait_connected(PATIENCE_S)
        _line(peer)
        send(sender, frames)
        return (float(_line(peer)) / (frames * _IN_A_FRAME),)


def _send_copies(sender: FrameSender, frames: int) -> None:
    writer = FrameWriter(checksum=False)
    for _ in range(_IN_A_FRAME):
        writer.append(TradeTLV(*VALUES))
    frame = writer.finish()
    for _ in range(frames):
        sender.send(frame, timeout=PATIENCE_S)


def _send_built(sender: FrameSender, frames: int) -> None:
    trades = [TradeTLV(*VALUES) for _ in range(_IN_A_FRAME)]
    for number in range(frames):
        with sender.loan(65_536, timeout=PATIENCE_S) as loan:
            writer = FrameWriter(sequence=number, buffer=loan.buffer, checksum=False)
            for trade in trades:
                writer.append(trade)
            loan.size = len(writer.finish())


def counted_by_zmq(count: int) -> tuple[float]:
    """One by one; the seconds of one, by the clock of who receives."""
    import zmq

    data = TradeTLV(*VALUES).as_bytes()
    with _place("zmq") as place, _peer("zmq", "count", place, count) as peer:
        _line(peer)
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.connect(f"ipc://{place}/zmq")
            for _ in range(count):
                push.send(data)
            return (float(_line(peer)) / count,)


def echoed(kind: str, spin_us: int, count: int) -> tuple[float, float]:
    """p50 and p99 of half the time there and back, over a link of that kind."""
    frame, taken = bytes(64), []
    with (
        _place(kind) as place,
        open_link(kind, place, first=True) as link,
        _peer(kind, {0: "echo", LOOK_US: "look"}.get(spin_us, "spin"), place, count) as peer,
        link.receiver(BACK, spin_us=spin_us) as receiver,
        link.sender(FORTH) as sender,
    ):
        sender.wait_connected(PATIENCE_S)
        _line(peer)
        for _ in range(count):
            began = perf_counter()
            sender.send(frame, timeout=PATIENCE_S)
            if receiver.receive(PATIENCE_S) is None:
                msg = f"no answer within {PATIENCE_S:g} s"
                raise TimeoutError(msg)
            taken.append((perf_counter() - began) / 2)
    return quantiles(taken)


def _echoed_by_zenoh(count: int) -> tuple[float, float]:
    data, taken = bytes(64), []
    with (
        _place("net") as place,
        open_zenoh(place, first=True) as session,
        session.declare_subscriber(BACK) as back,
        session.declare_publisher(FORTH, express=True) as forth,
        _peer("zenoh", "echo", place, count) as peer,
    ):
        _line(peer)
        while not forth.matching_status.matching:
            pass
        for _ in range(count):
            began = perf_counter()
            forth.put(data)
            back.recv().payload.to_bytes()
            taken.append((perf_counter() - began) / 2)
    return quantiles(taken)


def echoed_by_pipe(count: int) -> tuple[float, float]:
    """The same over pipes of the operating system."""
    data, taken = bytes(64), []
    with _peer("pipe", "echo", "", count) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        there, back = peer.stdin.fileno(), peer.stdout.fileno()
        for _ in range(count):
            began = perf_counter()
            os.write(there, data)
            os.read(back, 4096)
            taken.append((perf_counter() - began) / 2)
    return quantiles(taken)
