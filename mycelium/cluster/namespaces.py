"""Several hosts on one: a network namespace of Linux for each, with its address, and one more that joins them.

Each namespace is held by a process that ends when its stdin closes, and so do the nodes in it: however whoever
made them ends, nothing is left behind. Nothing of the host's own network is touched. Without root it works where the
system lets users make namespaces of their own.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from mycelium.errors.cluster import NamespacesError

__all__ = ["Namespaces"]

_Holder = subprocess.Popen[bytes]
#: How long a process that holds a namespace may take to begin and to end; in seconds.
_PATIENCE_S = 10.0


class Namespaces:
    """A namespace for each of the hosts of these nodes; all reach each other. Use it in a ``with``, or `close` it.

    Raises `NamespacesError` where this system does not allow it, and for a host that is no address.
    """

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self._own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self._holders: list[_Holder] = []
        self._of: dict[str, _Holder] = {}
        self._check_tools()
        places = {host: _address(node, host) for node, host in hosts.items()}
        try:
            self._middle = self._hold(["unshare", *self._own, "--net"])
            self._ip(self._middle, "link", "add", "middle", "type", "bridge")
            self._ip(self._middle, "link", "set", "middle", "up")
            for number, (host, address) in enumerate(places.items()):
                self._of[host] = self._add(number, address)
        except BaseException:
            self.close()
            raise

    def entered_by(self, host: str) -> tuple[str, ...]:
        """The beginning of a command line that is to run in the namespace of this host."""
        return self._into(self._of[host])

    def close(self) -> None:
        """Let go of all; each goes with the last process in it."""
        for holder in self._holders:
            assert holder.stdin is not None
            with suppress(OSError):
                holder.stdin.close()
        for holder in self._holders:
            try:
                holder.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                holder.kill()
                holder.wait()
            assert holder.stdout is not None
            holder.stdout.close()
        self._holders.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_tools(self) -> None:
        if not sys.platform.startswith("linux"):
            raise NamespacesError(reason=f"this is {sys.platform}, and not Linux")
        missing = [tool for tool in ("unshare", "nsenter", "ip") if shutil.which(tool) is None]
        if missing:
            raise NamespacesError(reason=f"there is no {' and no '.join(missing)} (util-linux, iproute2)")

    def _add(self, number: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> _Holder:
        holder = self._hold([*self._into(self._middle), "unshare", "--net"])
        port = f"port{number}"
        self._ip(self._middle, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
        self._ip(self._middle, "link", "set", port, "master", "middle", "up")
        nodad = ["nodad"] if address.version == 6 else []
        self._ip(holder, "address", "add", f"{address}/{address.max_prefixlen}", "dev", "eth0", *nodad)
        for device in ("lo", "eth0"):
            self._ip(holder, "link", "set", device, "up")
        self._ip(holder, f"-{address.version}", "route", "add", "default", "dev", "eth0")
        return holder

    def _into(self, holder: _Holder) -> tuple[str, ...]:
        user = ("--user", "--preserve-credentials") if self._own else ()
        return ("nsenter", "--target", str(holder.pid), *user, "--net", "--")

    def _hold(self, command: list[str]) -> _Holder:
        """Start who makes a namespace, and holds it as long as this process lives."""
        holder = subprocess.Popen(  # noqa: S603 - our own command line
            [*command, "sh", "-c", "echo && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C at the terminal is for the nodes to handle, and they need it until then
        )
        self._holders.append(holder)
        assert holder.stdout is not None
        assert holder.stderr is not None
        with holder.stderr as said:
            if not holder.stdout.readline():
                raise NamespacesError(reason=said.read().decode(errors="replace").strip())
        return holder

    def _ip(self, holder: _Holder, *words: str) -> None:
        command = [*self._into(holder), "ip", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command line
        if done.returncode:
            raise NamespacesError(reason=f"ip {' '.join(words)}: {done.stderr.strip()}")


def _address(node: str, host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError as error:
        raise NamespacesError(reason=f"[nodes.{node}] host = {host!r} is no address") from error
