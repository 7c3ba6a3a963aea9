"""What every kind of link promises, held over all of them: see mycelium/link/link.py."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from mycelium.errors.link import ChannelNameError, ChannelTakenError, LinkClosedError, LinkDownError, LinkFrameError
from mycelium.errors.link import LinkFullError as NoRoom
from mycelium.link import FrameReceiver, FrameSender, Link
from tests.waiting import wait_for
from tlv import TLV, FrameWriter, read_frame
from tlv.market_data import TradeTLV

CHANNEL = "tests/from-a/to-b"
LONG = 30.0

Links = tuple[Link, Link]


def trade(number: int) -> TradeTLV:
    return TradeTLV(price=number + 1, quantity=1, venue_id=1, timestamp=number)


def joined(links: Links, *, spin_us: int = 0) -> tuple[FrameSender, FrameReceiver]:
    a, b = links
    receiver = b.receiver(CHANNEL, spin_us=spin_us)
    sender = a.sender(CHANNEL)
    assert sender.wait_connected(LONG)
    return sender, receiver


def received(receiver: FrameReceiver) -> memoryview:
    frame = receiver.receive(LONG)
    assert frame is not None, "no frame came"
    return frame


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(LONG)
    return not thread.is_alive()


def test_a_frame_is_built_in_the_loan_and_read_where_it_arrives(links: Links) -> None:
    sender, receiver = joined(links)
    with sender.loan(4096) as loan:
        writer = FrameWriter(source=7, sequence=3, buffer=loan.buffer)
        for number in range(5):
            writer.append(trade(number))
        loan.size = len(writer.finish())
    buffer = received(receiver)
    frame = read_frame(buffer)
    assert (frame.header.source, frame.header.sequence) == (7, 3)
    assert [message.to_dict()["timestamp"] for message in frame] == [0, 1, 2, 3, 4]
    assert len(buffer) == frame.size


def test_frames_arrive_once_whole_and_in_order(links: Links) -> None:
    sender, receiver = joined(links)
    sent = [bytes([number % 256]) * (1 + 37 * number % 5000) for number in range(300)]

    def send() -> None:
        for frame in sent:
            sender.send(frame, timeout=LONG)

    sending = in_thread(send)
    assert [bytes(received(receiver)) for _ in sent] == sent
    assert ended(sending)
    assert receiver.receive(0) is None
    assert sender.counts.frames == receiver.counts.frames == 300
    assert sender.counts.bytes == receiver.counts.bytes == sum(map(len, sent))


def test_what_is_received_is_read_only_and_begins_at_a_multiple_of_8(links: Links) -> None:
    sender, receiver = joined(links)
    for size in (1, 7, 100, 4096):
        sender.send(bytes(size), timeout=LONG)
        frame = received(receiver)
        assert frame.readonly
        assert (frame.format, frame.ndim, len(frame)) == ("B", 1, size)
        assert address_of(frame) % 8 == 0


def address_of(view: memoryview) -> int:
    np = pytest.importorskip("numpy")
    address: int = np.frombuffer(view, np.uint8).ctypes.data
    return address


def test_a_view_never_changes_however_many_frames_come_meanwhile(links: Links) -> None:
    """The slow reader keeps views of every third frame; the fast writer goes on over all memory that there is."""
    sender, receiver = joined(links)
    frames = 400

    def send() -> None:
        for number in range(frames):
            sender.send(number.to_bytes(8, "little") * 64, timeout=LONG)

    sending = in_thread(send)
    kept: list[tuple[int, memoryview]] = []
    for number in range(frames):
        frame = received(receiver)
        if number % 3 == 0:
            kept.append((number, frame[8:]))  # a view of a part keeps the whole
        if number % 5 == 0 and kept:
            kept.pop(len(kept) // 2)
        del frame
    assert ended(sending)
    assert len(kept) > 30
    for number, view in kept:
        assert view == number.to_bytes(8, "little") * 63


def test_views_outlive_the_receiver_and_its_link(links: Links) -> None:
    sender, receiver = joined(links)
    sender.send(b"before the end" * 100, timeout=LONG)
    view = received(receiver)[7:]
    receiver.close()
    for link in links:
        link.close()
    assert view.tobytes() == (b"before the end" * 100)[7:]


def test_messages_read_from_a_frame_keep_its_memory(links: Links) -> None:
    sender, receiver = joined(links)
    kept: list[TLV] = []
    for number in range(40):
        writer = FrameWriter()
        writer.append(trade(number))
        sender.send(writer.finish(), timeout=LONG)
        kept.extend(read_frame(received(receiver)))
    assert [message.to_dict()["timestamp"] for message in kept] == list(range(40))


def test_without_a_receiver_nothing_is_sent_and_the_sender_is_told(links: Links) -> None:
    sender = links[0].sender(CHANNEL)
    assert not sender.connected
    with pytest.raises(LinkDownError, match=CHANNEL):
        sender.send(b"nobody", timeout=0)
    assert not sender.wait_connected(0)
    receiver = links[1].receiver(CHANNEL)
    assert sender.wait_connected(LONG)
    sender.send(b"somebody", timeout=LONG)
    assert bytes(received(receiver)) == b"somebody"
    assert sender.counts.frames == 1


def test_a_sender_waits_for_a_receiver_that_is_to_come(links: Links) -> None:
    sender = links[0].sender(CHANNEL)
    sending = in_thread(lambda: sender.send(b"early", timeout=LONG))
    receiver = links[1].receiver(CHANNEL)
    assert bytes(received(receiver)) == b"early"
    assert ended(sending)


def fill(sender: FrameSender) -> int:
    """Send until there is no room; how many frames that took."""
    for sent in range(1000):
        try:
            sender.send(sent.to_bytes(8, "little"), timeout=0)
        except NoRoom:
            return sent
    pytest.fail("a channel takes frames without end")


def test_a_full_channel_refuses_and_loses_nothing(links: Links) -> None:
    sender, receiver = joined(links)
    sent = fill(sender)
    assert sent >= 8
    with pytest.raises(NoRoom, match="frames wait"):
        sender.send(b"too much", timeout=0.01)
    assert sender.counts.waits >= 2
    assert 8 <= sender.waiting <= sent
    assert [int.from_bytes(received(receiver), "little") for _ in range(sent)] == list(range(sent))
    assert receiver.receive(0) is None
    sender.send(b"room again", timeout=LONG)
    assert bytes(received(receiver)) == b"room again"


def test_a_sender_that_waits_for_room_goes_on_when_there_is_some(links: Links) -> None:
    sender, receiver = joined(links)
    sent = fill(sender)
    sending = in_thread(lambda: sender.send(b"the last", timeout=LONG))
    frames = [bytes(received(receiver)) for _ in range(sent + 1)]
    assert frames[-1] == b"the last"
    assert ended(sending)


def test_a_receiver_that_takes_nothing_holds_up_no_other_channel(links: Links) -> None:
    sender, _ = joined(links)
    fill(sender)
    other = links[1].receiver("tests/another")
    with links[0].sender("tests/another") as another:
        assert another.wait_connected(LONG)
        for number in range(100):
            another.send(bytes([number]), timeout=LONG)
            assert bytes(received(other)) == bytes([number])


def test_an_exception_in_the_block_publishes_nothing(links: Links) -> None:
    sender, receiver = joined(links)
    for _ in range(50):  # loans that are not given back would run out
        with pytest.raises(ZeroDivisionError), sender.loan(1000):
            raise ZeroDivisionError
    assert sender.counts.frames == 0
    sender.send(b"after", timeout=LONG)
    assert bytes(received(receiver)) == b"after"


def test_what_is_no_frame_is_refused_and_leaves_no_gap(links: Links) -> None:
    sender, receiver = joined(links)
    refused = []
    for wrong in ("words", 5, "words", None, [1]):
        with pytest.raises(TypeError) as error:
            sender.send(wrong)  # type: ignore[arg-type]
        refused.append(error)  # and what its frames hold
    sender.send(bytearray(b"bytes"), timeout=LONG)
    assert bytes(received(receiver)) == b"bytes"
    assert (sender.counts.frames, receiver.counts.frames, receiver.counts.lost) == (1, 1, 0)


def test_a_loan_publishes_once_and_no_more_than_it_has(links: Links) -> None:
    sender, receiver = joined(links)
    with pytest.raises(LinkFrameError, match="room for 1 to 10"), sender.loan(10) as loan:
        loan.size = 11
    with pytest.raises(LinkFrameError, match="0 bytes"), sender.loan(10) as loan:
        loan.size = 0
    with sender.loan(10) as loan:
        loan.buffer[:] = b"0123456789"
    with pytest.raises(LinkClosedError), loan:
        pass
    assert bytes(received(receiver)) == b"0123456789"
    assert receiver.receive(0) is None


def test_a_frame_has_between_one_byte_and_the_size_the_channel_was_opened_for(links: Links) -> None:
    with links[1].receiver(CHANNEL, frame_size=1000) as receiver, links[0].sender(CHANNEL, frame_size=1000) as sender:
        assert sender.wait_connected(LONG)
        sender.send(bytes(1000), timeout=LONG)
        assert len(received(receiver)) == 1000
        for size in (0, 1001):
            with pytest.raises(LinkFrameError, match="1 to 1000"):
                sender.send(bytes(size), timeout=LONG)


def test_frames_of_the_largest_size_go_over(links: Links) -> None:
    sender, receiver = joined(links)
    large = bytes(range(256)) * (sender.frame_size // 256)
    for _ in range(12):
        sender.send(large, timeout=LONG)
        assert received(receiver) == large


@pytest.mark.parametrize("spin_us", [0, 200])
def test_a_receiver_that_waits_is_woken_by_a_frame(links: Links, spin_us: int) -> None:
    sender, receiver = joined(links, spin_us=spin_us)
    for number in range(20):
        got: list[bytes] = []
        waiting = in_thread(lambda: got.append(bytes(received(receiver))))  # noqa: B023 - ends within this turn
        sender.send(bytes([number]), timeout=LONG)
        assert ended(waiting)
        assert got == [bytes([number])]


def test_nothing_comes_within_the_time(links: Links) -> None:
    _, receiver = joined(links)
    assert receiver.receive(0) is None
    began = time.monotonic()
    assert receiver.receive(0.02) is None
    assert time.monotonic() - began >= 0.019


def test_wake_ends_the_wait_of_another_thread(links: Links) -> None:
    _, receiver = joined(links)
    for _ in range(3):
        waiting = in_thread(receiver.receive)
        receiver.wake()
        assert ended(waiting)


def test_close_ends_the_wait_of_another_thread(links: Links) -> None:
    _, receiver = joined(links)
    waiting = in_thread(receiver.receive)
    while receiver.counts.waits == 0 and waiting.is_alive():
        waiting.join(0.001)
    receiver.close()
    assert ended(waiting)


def test_what_was_published_arrives_after_its_sender_has_closed(links: Links) -> None:
    sender, receiver = joined(links)
    sender.send(b"first", timeout=LONG)
    sender.send(b"last", timeout=LONG)
    sender.close()
    assert bytes(received(receiver)) == b"first"
    assert bytes(received(receiver)) == b"last"


def test_a_receiver_that_ends_is_noticed_and_what_it_left_is_counted(links: Links) -> None:
    sender, receiver = joined(links)
    sender.send(b"taken", timeout=LONG)
    received(receiver)
    for _ in range(3):
        sender.send(b"left", timeout=LONG)
    receiver.close()
    until = time.monotonic() + LONG
    while sender.connected and time.monotonic() < until:
        sender.wait_connected(0)
    with pytest.raises(LinkDownError):
        sender.send(b"nobody", timeout=0)
    assert 3 <= sender.counts.lost <= 4
    again = links[1].receiver(CHANNEL)
    assert sender.wait_connected(LONG)
    for number in range(100):
        sender.send(bytes([number]), timeout=LONG)
        assert bytes(received(again)) == bytes([number])


def test_a_new_sender_takes_over_where_the_old_one_has_closed(links: Links) -> None:
    sender, receiver = joined(links)
    for turn in range(4):
        for number in range(20):
            sender.send(bytes([turn, number]), timeout=LONG)
            assert bytes(received(receiver)) == bytes([turn, number])
        sender.close()
        sender = links[0].sender(CHANNEL)
        assert sender.wait_connected(LONG)


def test_a_receiver_sees_whether_its_sender_is_there(links: Links) -> None:
    receiver = links[1].receiver(CHANNEL)
    assert not receiver.connected
    sender = links[0].sender(CHANNEL)
    assert sender.wait_connected(LONG)
    sender.send(b"here", timeout=LONG)
    received(receiver)
    assert wait_for(lambda: receiver.connected)  # over a network the frame may come first
    sender.close()
    until = time.monotonic() + LONG
    while receiver.connected and time.monotonic() < until:
        receiver.receive(0.001)
    assert not receiver.connected


def test_a_channel_has_one_sender_and_one_receiver(links: Links) -> None:
    joined(links)
    with pytest.raises(ChannelTakenError, match="sender"):
        links[0].sender(CHANNEL)
    with pytest.raises(ChannelTakenError, match="receiver"):
        links[1].receiver(CHANNEL)


def test_closed_ends_say_so(links: Links) -> None:
    sender, receiver = joined(links)
    with pytest.raises(LinkClosedError), sender.loan(10):
        sender.close()
    receiver.close()
    sender.close()
    receiver.close()
    with pytest.raises(LinkClosedError, match="sender of"):
        sender.send(b"late", timeout=LONG)
    with pytest.raises(LinkClosedError, match="receiver of"):
        receiver.receive(0)
    links[0].close()
    links[0].close()
    with pytest.raises(LinkClosedError):
        links[0].sender(CHANNEL)


@pytest.mark.parametrize("name", ["", "/", "a//b", "a b", "a/*", "ä", "a/", "x" * 129, "#", "a?"])
def test_a_name_that_not_every_kind_takes_is_refused(links: Links, name: str) -> None:
    with pytest.raises(ChannelNameError):
        links[0].sender(name)
    with pytest.raises(ChannelNameError):
        links[1].receiver(name)
