"""What only links over the network do: endpoints, certificates, and connections that break."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mycelium.errors import EndpointError, InsecureLinkError, LinkDownError, LinkExtraError, LinkOpenError
from mycelium.link import FrameReceiver, endpoints
from mycelium.link.endpoints import Certificates
from mycelium.link.net import NetLink
from tests.link.authority import Authority
from tests.ports import free_port

if importlib.util.find_spec("zenoh") is None:
    pytest.skip("links over the network need the extra net", allow_module_level=True)

CHANNEL = "tests/hosts"
LONG = 60.0
ROOT = Path(__file__).resolve().parent.parent.parent


def received(receiver: FrameReceiver) -> bytes:
    frame = receiver.receive(LONG)
    assert frame is not None
    return bytes(frame)


def wait_until(arrived: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not arrived():
        assert time.monotonic() - began < LONG, "it never came"


@pytest.mark.parametrize("endpoint", ["tcp/0.0.0.0:7447", "tcp/10.0.0.1:1", "tcp/books.example:7447", "tcp/[::]:1"])
def test_plain_tcp_that_leaves_the_host_is_refused(endpoint: str) -> None:
    with pytest.raises(InsecureLinkError, match="insecure = true"):
        NetLink(connect=[endpoint])


def test_where_it_is_allowed_a_warning_says_so() -> None:
    endpoint = f"tcp/0.0.0.0:{free_port()}"
    with capture_logs() as logs, NetLink(listen=[endpoint], insecure=True):
        said = [line for line in logs if line["event"] == "frames travel unprotected"]
        assert [(line["log_level"], line["endpoint"]) for line in said] == [("warning", endpoint)]


@pytest.mark.parametrize("endpoint", ["tcp/127.0.0.1:7447", "tcp/[::1]:1", "tcp/localhost:80", "tls/10.0.0.1:1"])
def test_what_stays_on_the_host_or_is_protected_is_not_open_to_others(endpoint: str) -> None:
    assert not endpoints.is_open_to_others(endpoint)


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:1", "tcp/1", "udp/127.0.0.1:1", "tcp/127.0.0.1:99999", "tls/a:1"])
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(EndpointError):
        NetLink(listen=[endpoint])


def test_an_endpoint_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LinkOpenError, match=str(port)):
            NetLink(listen=[f"tcp/127.0.0.1:{port}"])


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what a process has mapped")
def test_it_leaves_nothing_in_shared_memory_that_a_kill_would_leave_behind() -> None:
    with NetLink() as link:
        link.receiver(CHANNEL)
        mapped = Path("/proc/self/maps").read_text().splitlines()
        assert not [line for line in mapped if line.endswith(".zenoh")]


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zenoh", None)
    with pytest.raises(LinkExtraError, match=r"mycelium-actors\[net\]"):
        NetLink()


class Proxy:
    """Stands between two nodes and cuts the connections that go through it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._lets_through = threading.Event()
        self._lets_through.set()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._server.accept()
                self._lets_through.wait()
                other = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets += [one, other]
            for source, sink in ((one, other), (other, one)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            """It was cut."""

    def mend(self) -> None:
        self._lets_through.set()

    def cut(self) -> None:
        """Nothing goes through from here on, until it is mended."""
        self._lets_through.clear()
        for one in self._sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                """It had ended."""
            one.close()
        self._sockets.clear()

    def close(self) -> None:
        self._server.close()
        self.cut()
        self.mend()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_after_a_cut_frames_go_on_in_order_and_none_comes_twice(stack: ExitStack) -> None:
    port = free_port()
    proxy = Proxy(port)
    stack.callback(proxy.close)
    a = stack.enter_context(NetLink(listen=[f"tcp/127.0.0.1:{port}"]))
    b = stack.enter_context(NetLink(connect=[f"tcp/127.0.0.1:{proxy.port}"]))
    receiver, sender = b.receiver(CHANNEL), a.sender(CHANNEL)
    assert sender.wait_connected(LONG)
    got: list[int] = []
    sent = 0

    def send(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            sender.send(sent.to_bytes(8, "little"), timeout=LONG)
            sent += 1

    send(5)
    got += [int.from_bytes(received(receiver), "little") for _ in range(5)]
    send(3)
    proxy.cut()
    wait_until(lambda: not sender.connected)
    with pytest.raises(LinkDownError):
        sender.send(b"nobody", timeout=0)
    proxy.mend()
    send(5)  # which waits until the connection is there again
    while not got or got[-1] != sent - 1:
        got.append(int.from_bytes(received(receiver), "little"))
    assert got == sorted(set(got))
    assert sent - len(got) == receiver.counts.lost <= sender.counts.lost


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and a certificate of this host that it has signed."""
    return Authority(tmp_path_factory.mktemp("tls")).certificates("localhost")


def test_nodes_with_certificates_talk_over_tls_and_one_without_is_left_out(
    stack: ExitStack, certificates: Certificates
) -> None:
    endpoint = f"tls/localhost:{free_port()}"
    a = stack.enter_context(NetLink(listen=[endpoint], certificates=certificates))
    nobody = Certificates(authority=certificates.authority)
    stranger = stack.enter_context(NetLink(connect=[endpoint], certificates=nobody))
    b = stack.enter_context(NetLink(connect=[endpoint], certificates=certificates))
    sender = a.sender(CHANNEL)
    unheard = stranger.receiver(CHANNEL)
    receiver = b.receiver(CHANNEL)
    assert sender.wait_connected(LONG)
    sender.send(b"secret")
    assert received(receiver) == b"secret"
    assert not unheard.connected
    assert unheard.receive(0) is None


SENDER = """
import sys
from mycelium.link.net import NetLink
link = NetLink(connect=[sys.argv[1]])
sender = link.sender(sys.argv[2])
sender.wait_connected(60)
for number in range(1000):
    sender.send(number.to_bytes(8, "little"), timeout=60)
"""


def test_a_sender_that_is_killed_is_noticed(stack: ExitStack) -> None:
    endpoint = f"tcp/127.0.0.1:{free_port()}"
    link = stack.enter_context(NetLink(listen=[endpoint]))
    receiver = link.receiver(CHANNEL)
    process = subprocess.Popen([sys.executable, "-c", SENDER, endpoint, CHANNEL], cwd=ROOT)
    stack.callback(process.wait)
    stack.callback(process.kill)
    assert [int.from_bytes(received(receiver), "little") for _ in range(20)] == list(range(20))
    wait_until(lambda: receiver.connected)  # the frames may come first
    process.kill()
    wait_until(lambda: not receiver.connected)


FORGETFUL = """
import sys
from mycelium.link.net import NetLink
link = NetLink(connect=[sys.argv[1]])
receiver = link.receiver(sys.argv[2])
for number in range(5):
    assert receiver.receive(60) is not None
sys.exit(7)
"""


def test_a_program_that_does_not_close_its_link_ends_all_the_same(stack: ExitStack) -> None:
    """And its sender sees it leave, while frames still come."""
    endpoint = f"tcp/127.0.0.1:{free_port()}"
    link = stack.enter_context(NetLink(listen=[endpoint]))
    sender = link.sender(CHANNEL)
    process = subprocess.Popen([sys.executable, "-c", FORGETFUL, endpoint, CHANNEL], cwd=ROOT)
    stack.callback(process.wait)
    stack.callback(process.kill)
    assert sender.wait_connected(LONG)
    with suppress(LinkDownError):  # it may have gone by then
        for _ in range(10):
            sender.send(b"x", timeout=LONG)
    assert process.wait(LONG) == 7
    wait_until(lambda: not sender.connected)
