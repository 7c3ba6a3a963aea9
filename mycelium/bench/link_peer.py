"""The process at the other end of the contests over links: ``python -m mycelium.bench.link_peer KIND WORK PLACE COUNT``.

``count`` reads two fields of every trade that comes and prints the seconds from the first one to the
last; ``echo``, ``spin`` and ``look`` send every frame back: sleeping until the next one, looking
for it, or first one and then the other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from mycelium.link import FrameReceiver, Link
from mycelium.link.endpoints import zenoh_settings
from tlv import TLV, read_frame
from tlv.market_data import TradeTLV

__all__ = ["BACK", "FORTH", "LOOK_US", "PATIENCE_S", "SPIN_US", "open_link", "open_zenoh", "trades_read"]

FORTH = "bench/forth"
BACK = "bench/back"

#: How long an end that polls looks for the next frame.
SPIN_US = 1_000_000
#: And one that looks for a while before it sleeps.
LOOK_US = 100

#: A bench that hangs must not hang its user.
PATIENCE_S = 300.0


def open_link(kind: str, place: str, *, first: bool) -> Link:
    """A link of that kind; of two over the network the first listens."""
    if kind == "ipc":
        from mycelium.link.ipc import IpcLink

        return IpcLink(directory=Path(place))
    from mycelium.link.net import NetLink

    return NetLink(listen=[place] if first else [], connect=[] if first else [place])


def trades_read(total: list[int], trade: TradeTLV) -> None:
    """The handler: reads two fields."""
    total[0] += trade.price + trade.quantity


def _taken(receiver: FrameReceiver) -> memoryview:
    frame = receiver.receive(PATIENCE_S)
    if frame is None:
        sys.exit("nothing came")
    return frame


def _count(receiver: FrameReceiver, count: int) -> float:
    total, left = [0], count
    handlers: dict[type[TLV], Callable[[Any], object]] = {TradeTLV: partial(trades_read, total)}
    began = 0.0
    while left > 0:
        frame = read_frame(_taken(receiver), messages=(TradeTLV,))
        began = began or perf_counter()
        left -= frame.dispatch(handlers)
    return perf_counter() - began


def _count_zmq(place: str, count: int) -> float:
    import zmq

    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        socket.bind(f"ipc://{place}/zmq")
        print("ready", flush=True)  # noqa: T201 - the parent reads it
        total, began = [0], 0.0
        for _ in range(count):
            data = socket.recv()
            began = began or perf_counter()
            trades_read(total, TradeTLV.ref_from(data))
        return perf_counter() - began


def open_zenoh(place: str, *, first: bool) -> Any:
    """A session of Zenoh without anything of ours but how it is set up."""
    import zenoh

    config = zenoh.Config()
    for key, value in zenoh_settings([place] if first else [], [] if first else [place], None, 10_000, routed=False):
        config.insert_json5(key, value)
    return zenoh.open(config)


def _echo_zenoh(place: str, count: int) -> None:
    with (
        open_zenoh(place, first=False) as session,
        session.declare_subscriber(FORTH) as forth,
        session.declare_publisher(BACK, express=True) as back,
    ):
        while not back.matching_status.matching:
            pass
        print("ready", flush=True)  # noqa: T201 - the parent reads it
        for _ in range(count):
            back.put(forth.recv().payload.to_bytes())
        sys.stdin.read()


def _echo_pipe() -> None:
    while data := os.read(0, 4096):
        os.write(1, data)


def main(kind: str, work: str, place: str, count: int) -> None:
    """Do the work."""
    if kind == "pipe":
        _echo_pipe()
    elif kind == "zenoh":
        _echo_zenoh(place, count)
    elif kind == "zmq":
        print(_count_zmq(place, count))  # noqa: T201
    else:
        with open_link(kind, place, first=False) as link:
            receiver = link.receiver(FORTH, spin_us={"spin": SPIN_US, "look": LOOK_US}.get(work, 0))
            if work == "count":
                print("ready", flush=True)  # noqa: T201
                print(_count(receiver, count))  # noqa: T201
                return
            with link.sender(BACK) as sender:
                print("ready", flush=True)  # noqa: T201
                for _ in range(count):
                    sender.send(_taken(receiver), timeout=PATIENCE_S)
                receiver.receive(0.2)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
