"""Opens something in a network namespace and hands it to whoever started it there, who is at the other end of stdin.

``python -I -S inside.py tun NAME`` opens a TUN device, ``udp ADDRESS`` a socket. It imports nothing but the standard library.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys

_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000


def _tun(name: str) -> int:
    """A device whose packets this process writes and reads."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def _udp(address: str) -> int:
    """A socket that is bound to a free port."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, 0))
    return one.detach()


def _hand_over() -> None:
    what, name = sys.argv[1:]
    try:
        opened = {"tun": _tun, "udp": _udp}[what](name)
    except OSError as error:
        sys.exit(f"{what} {name}: {error}")
    with socket.socket(fileno=0) as asker:
        socket.send_fds(asker, [b"."], [opened])


if __name__ == "__main__":
    _hand_over()
