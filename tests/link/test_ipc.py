"""What only links over shared memory do: real processes, their death, and the files that they leave."""

from __future__ import annotations

import gc
import importlib.util
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mycelium.errors import (
    ChannelTakenError,
    ControlAccessError,
    LinkDownError,
    LinkExtraError,
    LinkOpenError,
)
from mycelium.link import FrameReceiver, bell, iceoryx, ipc
from mycelium.link.ipc import IpcLink
from tests.waiting import wait_for

if importlib.util.find_spec("iceoryx2") is None:
    pytest.skip("links over shared memory need the extra ipc", allow_module_level=True)

PEER = Path(__file__).parent / "shared_memory_peer.py"
ROOT = Path(__file__).resolve().parent.parent.parent
SHARED_MEMORY = Path("/dev/shm")
CHANNEL = "tests/processes"
LONG = 60.0


@pytest.fixture
def directory() -> Iterator[Path]:
    with TemporaryDirectory(prefix="lnk") as name:
        yield Path(name)


class Peer:
    """A process at the other end."""

    def __init__(self, directory: Path, work: str) -> None:
        command = [sys.executable, str(PEER), str(directory), work, CHANNEL]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
        )

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=LONG)


@pytest.fixture
def start(directory: Path) -> Iterator[Callable[[str], Peer]]:
    peers: list[Peer] = []

    def begin(work: str) -> Peer:
        peers.append(Peer(directory, work))
        return peers[-1]

    yield begin
    for peer in peers:
        peer.kill()
    IpcLink(directory=directory).close()  # which removes what they left


def received(receiver: FrameReceiver) -> memoryview:
    frame = receiver.receive(LONG)
    assert frame is not None
    return frame


def numbers(receiver: FrameReceiver, count: int) -> list[int]:
    return [int.from_bytes(received(receiver), "little") for _ in range(count)]


def seconds_until(arrived: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not arrived():
        assert time.monotonic() - began < LONG, "it never came"
    return time.monotonic() - began


def test_a_sender_that_is_killed_is_noticed_and_another_takes_over(
    directory: Path, start: Callable[[str], Peer]
) -> None:
    with IpcLink(directory=directory, capacity=8) as link:
        receiver = link.receiver(CHANNEL)
        peer = start("send")
        assert numbers(receiver, 500) == list(range(500))
        peer.kill()
        while receiver.receive(0) is not None:
            """What it had sent before is still there."""
        assert seconds_until(lambda: not receiver.connected) < LONG
        start("send")
        assert numbers(receiver, 500) == list(range(500))


def test_a_receiver_that_is_killed_is_noticed_and_what_it_left_is_counted(
    directory: Path, start: Callable[[str], Peer]
) -> None:
    with IpcLink(directory=directory, capacity=8) as link:
        sender = link.sender(CHANNEL)
        peer = start("receive")
        assert peer.said() == "joined"
        for _ in range(100):
            sender.send(b"frame", timeout=LONG)
        seconds_until(lambda: sender.waiting == 0)
        peer.kill()
        with suppress(LinkDownError):  # where it is noticed at once
            for _ in range(3):
                sender.send(b"more", timeout=0)
        seconds_until(lambda: not sender.connected)
        with pytest.raises(LinkDownError):
            sender.send(b"more", timeout=0)
        assert sender.counts.lost == sender.counts.frames - 100
        assert sender.waiting == 0
        again = start("receive")
        assert sender.wait_connected(LONG)
        for _ in range(100):
            sender.send(b"frame", timeout=LONG)
        sender.send(b"last", timeout=LONG)
        assert [again.said(), again.said()] == ["joined", "end"]


def test_nothing_stays_behind_after_a_kill_of_all_and_a_restart(directory: Path, start: Callable[[str], Peer]) -> None:
    receiving, sending = start("receive"), start("send")
    assert [receiving.said(), sending.said()] == ["joined", "joined"]
    prefix = iceoryx.Home(directory).prefix
    assert list(SHARED_MEMORY.glob(f"{prefix}*"))
    sending.kill()  # and the other one, perhaps, while it clears up behind this one
    receiving.kill()
    IpcLink(directory=directory).close()
    assert not list(SHARED_MEMORY.glob(f"{prefix}*"))
    assert sorted(file.name for file in directory.rglob("*")) == ["door", "here"]


def test_what_is_left_for_a_directory_that_is_gone_is_removed_by_whoever_starts_next_anywhere(
    directory: Path, start: Callable[[str], Peer]
) -> None:
    with TemporaryDirectory(prefix="lnk") as name:
        elsewhere = Path(name)
        peer = Peer(elsewhere, "receive")
        assert peer.said() == "joined"
        prefix = iceoryx.Home(elsewhere).prefix
        with IpcLink(directory=directory) as link:
            link.receiver(CHANNEL)
            assert list(SHARED_MEMORY.glob(f"{prefix}*")), "it is in use"
        peer.kill()
    with IpcLink(directory=directory):
        # Or by somebody who has started elsewhere just before, and is about it.
        assert wait_for(lambda: not list(SHARED_MEMORY.glob(f"{prefix}*")))


def test_what_was_half_cleared_up_is_cleared_up_by_the_next_one(directory: Path) -> None:
    """iceoryx2 cannot go on where a process was killed that was just clearing up behind another."""
    with IpcLink(directory=directory) as link:
        link.receiver(CHANNEL)
        prefix = iceoryx.Home(directory).prefix
        half = directory / "nodes" / "158456882676973906030770558686"
        half.mkdir()
        (half / f"{prefix}node.details").touch()
    assert sorted(file.name for file in directory.rglob("*")) == ["door", "here"]
    assert not list(SHARED_MEMORY.glob(f"{prefix}*"))


def test_who_leaves_takes_nothing_from_those_who_stay(directory: Path) -> None:
    with IpcLink(directory=directory) as one:
        receiver = one.receiver(CHANNEL)
        for number in range(3):
            with IpcLink(directory=directory) as other:
                sender = other.sender(CHANNEL)
                assert sender.wait_connected(LONG)
                sender.send(bytes([number]))
                assert bytes(received(receiver)) == bytes([number])


def test_its_files_are_for_this_user_alone(directory: Path) -> None:
    with IpcLink(directory=directory) as link:
        link.sender(CHANNEL)
        link.receiver(CHANNEL)
        files = [*SHARED_MEMORY.glob(f"{iceoryx.Home(directory).prefix}*"), *directory.rglob("*")]
        assert len(files) > 10
        open_to_others = [file for file in files if file.stat().st_mode & 0o077 and not file.is_dir()]
        assert not open_to_others
        assert directory.stat().st_mode & 0o077 == 0  # nobody comes in, so the modes of those inside do not matter


def test_a_directory_that_others_may_use_is_refused(directory: Path) -> None:
    directory.chmod(0o755)
    with pytest.raises(ControlAccessError):
        IpcLink(directory=directory)


def test_the_directory_above_it_is_made_for_this_user_alone_too(directory: Path) -> None:
    """The sockets of nodes are there, and it may be the link that comes first."""
    with IpcLink(directory=directory / "runtime" / "links"):
        modes = [oct(path.stat().st_mode & 0o777) for path in (directory / "runtime", directory / "runtime" / "links")]
        assert modes == ["0o700", "0o700"]


def test_a_directory_that_cannot_be_made_is_told(directory: Path) -> None:
    (directory / "file").touch()
    with pytest.raises(LinkOpenError, match="file/links"):
        IpcLink(directory=directory / "file" / "links")


def test_both_ends_must_have_the_same_settings(directory: Path) -> None:
    with IpcLink(directory=directory, capacity=8) as one, IpcLink(directory=directory, capacity=64) as other:
        one.receiver(CHANNEL)
        with pytest.raises(LinkOpenError, match=CHANNEL):
            other.sender(CHANNEL)


def test_a_signal_that_a_waiting_thread_gets_does_no_harm(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thread of a process that goes on after a SIGSTOP wakes like that."""
    asleep = threading.Semaphore(0)
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    real = bell.Bell.sleep

    def seen(of: bell.Bell, seconds: float) -> bool:
        asleep.release()
        return real(of, seconds)

    def interrupt(thread: threading.Thread) -> None:
        assert asleep.acquire(timeout=LONG)
        for _ in range(20):
            assert thread.ident is not None
            signal.pthread_kill(thread.ident, signal.SIGUSR1)
            thread.join(0.001)
            assert thread.is_alive()

    monkeypatch.setattr(bell.Bell, "sleep", seen)
    monkeypatch.setattr(ipc, "_LOOK", LONG)  # nothing else ends a wait
    try:
        with IpcLink(directory=directory, capacity=1) as link:
            receiver = link.receiver(CHANNEL)
            sender = link.sender(CHANNEL)
            got: list[memoryview | None] = []
            sent: list[int] = []

            def receive() -> None:
                got.append(receiver.receive(LONG))

            def send() -> None:
                for number in range(2):  # the second one finds no room
                    sender.send(bytes([number]), timeout=LONG)
                    sent.append(number)

            waiting = threading.Thread(target=receive)
            waiting.start()
            interrupt(waiting)
            sender.send(b"x")
            waiting.join(LONG)
            assert [bytes(frame or b"") for frame in got] == [b"x"]
            waiting = threading.Thread(target=send)
            waiting.start()
            interrupt(waiting)
            assert sent == [0]
            assert numbers(receiver, 2) == [0, 1]
            waiting.join(LONG)
            assert sent == [0, 1]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_closed_channels_leave_no_descriptor_open(directory: Path) -> None:
    def descriptors() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    with IpcLink(directory=directory) as link:
        gc.collect()
        before = descriptors()
        for number in range(3):
            receiver, sender = link.receiver(f"tests/{number}"), link.sender(f"tests/{number}")
            sender.send(b"x")
            received(receiver)
            with pytest.raises(ChannelTakenError):
                link.sender(f"tests/{number}")
            receiver.close()
            sender.close()
            receiver.wake()
        gc.collect()
        assert descriptors() == before
        assert any(directory.glob("bells/*"))
    assert not list(directory.glob("bells/*"))


@pytest.mark.parametrize("left", ["not yet written", "written, and nothing else made"])
def test_services_that_a_killed_process_left_unfinished_are_made_anew(directory: Path, left: str) -> None:
    with IpcLink(directory=directory) as other:
        other.receiver("tests/other")
        with IpcLink(directory=directory) as link:
            sound = set(directory.glob("services/*"))
            link.receiver(CHANNEL)
            unfinished = {file: file.read_bytes() for file in set(directory.glob("services/*")) - sound}
        assert len(unfinished) == 3
        for file, text in unfinished.items():
            if left == "not yet written":
                file.touch(mode=0o200)
            else:
                file.write_bytes(text)
                file.chmod(0o400)
        with IpcLink(directory=directory) as first, IpcLink(directory=directory) as second:
            sender, receiver = first.sender(CHANNEL), second.receiver(CHANNEL)
            assert sender.wait_connected(LONG)
            sender.send(b"after all", timeout=LONG)
            assert bytes(received(receiver)) == b"after all"


def test_an_end_that_waits_uses_no_processor(directory: Path) -> None:
    with IpcLink(directory=directory) as link:
        receiver = link.receiver(CHANNEL)
        receiver.receive(0.01)
        before = time.thread_time()
        receiver.receive(0.5)
        assert time.thread_time() - before < 0.05


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "iceoryx2._iceoryx2", raising=False)
    with pytest.raises(LinkExtraError, match=r"mycelium-actors\[ipc\]"):
        IpcLink(directory=directory)


def test_loading_it_loads_no_numpy() -> None:
    program = (
        "import sys, mycelium.link.iceoryx as i; i.iceoryx2(); import mycelium.link; sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == 0
