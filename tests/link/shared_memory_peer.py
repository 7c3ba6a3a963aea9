"""A node that a test starts as a process of its own: ``send`` frames without end, or ``receive`` them.

It prints a line once it is joined to the other end, and one for each 100 frames.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mycelium.link.ipc import IpcLink


def main(directory: str, work: str, channel: str) -> None:
    with IpcLink(directory=Path(directory), capacity=8) as link:
        if work == "send":
            sender = link.sender(channel)
            sender.wait_connected(60)
            print("joined", flush=True)
            for number in range(sys.maxsize):
                sender.send(number.to_bytes(8, "little"), timeout=60)
        receiver = link.receiver(channel)
        print("joined", flush=True)
        while (frame := receiver.receive(60)) is not None:
            if bytes(frame[:4]) == b"last":
                break
        print("end", flush=True)


main(*sys.argv[1:])
