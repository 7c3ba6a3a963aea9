"""Two hosts on one machine, between which IP packets are lost, delayed, turned round and held up. ::

    with TwoHosts() as hosts:
        hosts.relay.weather = Weather(loss=0.05, delay_s=0.05, jitter_s=0.02)
        subprocess.Popen([*hosts.near.entered_by, "my-server", "--listen", hosts.near.address])
        subprocess.Popen([*hosts.far.entered_by, "my-client", hosts.near.address])

Each is a network namespace, whose only way out is a TUN device. A thread reads the packets of either device and gives them
to the other one, or not: what the kernel's netem does, on kernels without it. Chance is seeded.
"""

from __future__ import annotations

import heapq
import os
import select
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Self

from mycelium.cluster.namespaces import Namespaces
from mycelium.errors import NamespacesError

__all__ = ["Host", "PacketRelay", "TwoHosts", "Weather"]

#: No packet of a device is larger than its MTU, which is 1500.
_PACKET = 2048
#: So many packets are read before others are given on.
_BURST = 64


@dataclass(frozen=True)
class Weather:
    """What becomes of packets, in both directions.

    Attributes:
        loss: The share of them that is lost.
        delay_s: How long each is on its way, in seconds.
        jitter_s: And up to so much longer, each by chance: so they overtake each other.
        cut: None comes through, and nobody is told.
    """

    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    cut: bool = False


class PacketRelay:
    """Gives the IPv4 packets of each of two devices to the other one, as the ``weather`` allows, in a thread of its own.

    Attributes:
        weather: How it is; it may be set at any time.
        passed: Packets that came through.
        lost: Packets that did not.
        overtaken: Packets behind which one came through that had been sent later.
    """

    def __init__(self, one: int, other: int, *, seed: int = 5) -> None:
        self.weather = Weather()
        self.passed = 0
        self.lost = 0
        self.overtaken = 0
        self._across = {one: other, other: one}
        self._random = Random(seed)
        self._number = 0
        self._latest = {one: 0, other: 0}
        #: When each is due, its number, the device that it goes to, and itself.
        self._under_way: list[tuple[float, int, int, bytes]] = []
        self._ending, self._end = os.pipe()
        self._thread = threading.Thread(target=self._run, name="packets", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._end)
        self._thread.join()
        os.close(self._ending)

    def _run(self) -> None:
        while True:
            wait = max(0.0, self._under_way[0][0] - monotonic()) if self._under_way else None
            ready = select.select([self._ending, *self._across], [], [], wait)[0]
            if self._ending in ready:
                return
            for device in ready:
                self._take(device)
            self._give()

    def _take(self, device: int) -> None:
        weather, now = self.weather, monotonic()
        with suppress(BlockingIOError):
            for _ in range(_BURST):
                packet = os.read(device, _PACKET)
                if packet[0] >> 4 != 4:
                    continue  # the system itself asks for routers of IPv6
                if weather.cut or self._random.random() < weather.loss:
                    self.lost += 1
                    continue
                self._number += 1
                due = now + weather.delay_s + self._random.random() * weather.jitter_s
                heapq.heappush(self._under_way, (due, self._number, self._across[device], packet))

    def _give(self) -> None:
        now = monotonic()
        while self._under_way and self._under_way[0][0] <= now:
            _, number, device, packet = heapq.heappop(self._under_way)
            if self.weather.cut or not _written(device, packet):
                self.lost += 1
                continue
            self.passed += 1
            self.overtaken += number < self._latest[device]
            self._latest[device] = max(self._latest[device], number)


def _written(device: int, packet: bytes) -> bool:
    """Whether it has gone out: its host may have no room for it, or be about to end."""
    with suppress(OSError):
        return os.write(device, packet) > 0
    return False


@dataclass(frozen=True)
class Host:
    """One of the two: its address, and the beginning of a command line that is to run on it."""

    address: str
    entered_by: tuple[str, ...]

    def udp(self) -> socket.socket:
        """A socket of this host, for the calling process."""
        return socket.socket(fileno=self.opened("udp", self.address))

    def opened(self, what: str, name: str) -> int:
        """What `inside` opens there. Raises ``PermissionError`` where that is refused."""
        command = [*self.entered_by, sys.executable, "-I", "-S", str(Path(__file__).with_name("inside.py")), what, name]
        ours, theirs = socket.socketpair()
        with ours, theirs:
            _done(command, stdin=theirs)
            return socket.recv_fds(ours, 1, 1)[1][0]


class TwoHosts:
    """Two namespaces that reach each other through a `PacketRelay` only; both go with the ``with``.

    Raises ``PermissionError``, and says why, where this system does not allow it.
    """

    def __init__(self, *, seed: int = 5) -> None:
        addresses = ("10.74.0.1", "10.74.0.2")
        with ExitStack() as stack:
            try:
                namespaces = stack.enter_context(Namespaces({address: address for address in addresses}))
            except NamespacesError as refused:
                raise PermissionError(str(refused)) from refused
            self.near, self.far = (Host(address, namespaces.entered_by(address)) for address in addresses)
            devices = []
            for host, other in ((self.near, self.far), (self.far, self.near)):
                devices.append(host.opened("tun", "wire"))
                stack.callback(os.close, devices[-1])
                steps = (
                    "link delete eth0",
                    f"address add {host.address} peer {other.address} dev wire",
                    "link set wire up",
                )
                _done([*host.entered_by, "ip", "-batch", "-"], input="\n".join(steps))
            self.relay = stack.enter_context(PacketRelay(*devices, seed=seed))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _done(command: list[str], **given: Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **given)  # noqa: S603 - our own command line
    if done.returncode:
        raise PermissionError(f"it needs two network namespaces with TUN devices: {done.stderr.strip()}")
