"""Memory that is lent: a frame stays as it is while anybody looks into it, and goes back when nobody does."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mycelium.errors import LinkClosedError
from mycelium.link import FrameReceiver, lending
from mycelium.link.ipc import IpcLink

if importlib.util.find_spec("iceoryx2") is None:
    pytest.skip("links over shared memory need the extra ipc", allow_module_level=True)

CHANNEL = "tests/lending"
LONG = 60.0


@pytest.fixture
def directory() -> Iterator[Path]:
    with TemporaryDirectory(prefix="lnk") as name:
        yield Path(name)


def received(receiver: FrameReceiver) -> memoryview:
    frame = receiver.receive(LONG)
    assert frame is not None
    return frame


def test_frames_are_copied_out_when_too_many_are_looked_at(directory: Path) -> None:
    with IpcLink(directory=directory, capacity=8, borrowed=4) as link:
        receiver, sender = link.receiver(CHANNEL), link.sender(CHANNEL)
        kept = []
        for number in range(10):
            sender.send(bytes([number]) * 100)
            kept.append(received(receiver))
        assert receiver.counts.copied == 6
        assert list(map(bytes, kept)) == [bytes([number]) * 100 for number in range(10)]
        kept.clear()
        for number in range(10):
            sender.send(bytes([number]) * 100)
            assert bytes(received(receiver)) == bytes([number]) * 100
        assert receiver.counts.copied == 6


def test_a_view_that_outlives_its_receiver_is_not_written_over(directory: Path) -> None:
    """iceoryx2 takes the samples of a receiver back when its port goes: so the port stays as long as they are seen."""
    with IpcLink(directory=directory, capacity=8, borrowed=8) as link:
        sender = link.sender(CHANNEL)
        first = link.receiver(CHANNEL)
        sender.send(b"a" * 100)
        view = received(first)
        first.close()
        second = link.receiver(CHANNEL)
        kept = []
        for _ in range(200):
            sender.send(b"b" * 100, timeout=LONG)
            kept.append(received(second))
        assert bytes(view) == b"a" * 100
        assert len(kept) == 200
        del view, kept


def test_a_view_that_a_finalizer_keeps_counts_and_keeps_its_frame(directory: Path) -> None:
    saved: list[list[memoryview]] = []

    class Holder:
        def __init__(self) -> None:
            self.views: list[memoryview] = []
            self.itself = self

        def __del__(self) -> None:
            saved.append(self.views)

    with IpcLink(directory=directory, borrowed=4) as link:
        receiver, sender = link.receiver(CHANNEL), link.sender(CHANNEL, frame_size=64)
        holder = Holder()
        for number in range(4):
            sender.send(bytes([number]))
            holder.views.append(received(receiver))
        del holder
        gc.collect()
        kept = []
        for _ in range(8):
            sender.send(b"x")
            kept.append(received(receiver))
        assert receiver.counts.copied == 8
        assert [bytes(view) for view in saved[0]] == [bytes([number]) for number in range(4)]
        kept.clear()
        saved.clear()


def test_frames_come_while_a_collection_takes_those_before_apart(directory: Path) -> None:
    """A finalizer runs between the end of the weak references and that of the views."""
    got: list[memoryview] = []

    class Holder:
        def __init__(self, view: memoryview) -> None:
            self.view = view
            self.itself = self

        def __del__(self) -> None:
            sender.send(b"x")
            got.append(received(receiver))

    with IpcLink(directory=directory, capacity=8, borrowed=4) as link:
        receiver, sender = link.receiver(CHANNEL), link.sender(CHANNEL, frame_size=64)
        for _ in range(5):
            for _ in range(4):
                sender.send(b"x")
                Holder(received(receiver))
            gc.collect()
            got.clear()
        assert receiver.counts.frames == 40


def test_a_closed_sender_waits_for_nobody(directory: Path) -> None:
    with IpcLink(directory=directory) as link:
        sender = link.sender(CHANNEL)
        sender.close()
        with pytest.raises(LinkClosedError):
            sender.wait_connected(LONG)


def test_frames_of_many_lengths_share_one_type_of_memory(directory: Path) -> None:
    """A type takes longer to make than a frame to send."""
    with IpcLink(directory=directory) as link:
        receiver, sender = link.receiver(CHANNEL), link.sender(CHANNEL, frame_size=4096)
        made = lending._type_of.cache_info().misses
        for size in range(1, 200):
            with sender.loan(size) as loan:
                loan.buffer[:] = bytes(size)
            assert len(received(receiver)) == size
            sender.send(bytes(size + 1))
            assert len(received(receiver)) == size + 1
        assert lending._type_of.cache_info().misses <= made + 1
