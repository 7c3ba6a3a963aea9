"""A link over the network, between hosts: Zenoh carries it, from peer to peer.

A channel is two keys, one for the frames and one for what the receiver says it has taken, and a
liveliness token of each end, by which the other sees it come and go. Frames that a broken connection
has swallowed are fetched again from the cache of the publisher.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from mycelium.errors.link import ChannelTakenError, LinkDownError, LinkExtraError, LinkFullError, LinkOpenError
from mycelium.imports.light_structlog import structlog
from mycelium.link.access import Access, access_settings
from mycelium.link.endpoints import Certificates, check_endpoint, is_open_to_others, zenoh_settings
from mycelium.link.ends import TIMEOUT, FrameReceiver, FrameSender, LinkCounts, Loan
from mycelium.link.link import Link
from mycelium.link.window import Acknowledgement, Prefix, Taken, Window

__all__ = ["NetLink"]

_PREFIX = Prefix.layout.size

#: How long a link stays open for frames of which nobody has said that they arrived; in seconds.
_FAREWELL = 0.25

#: How long a receiver keeps to itself what it took last, where no more comes; in seconds. Its sender has room meanwhile.
_TELL_LATER = 0.002

#: How often a publisher says which frame was its last, so that a lost one is noticed when none follows; in seconds.
_HEARTBEAT = 0.5


class NetLink(Link):
    """Joins processes over the network.

    Args:
        listen: Where others reach this node, such as ``tls/0.0.0.0:7447`` or ``tcp/127.0.0.1:7447``.
        connect: Whom it calls, again and again until they answer. Of two nodes one listens and one calls.
        routed: These are routers of Zenoh, which join all who call them; it keeps to the first that answers.
        certificates: What TLS needs.
        access: Who may use which channels, by the names in their certificates: all others are kept out. Without it, and
            for those who are not asked for a certificate, whoever is let in may use all.
        insecure: Allows plain TCP that leaves this host; a warning says so.
        capacity: How many frames may wait in a channel, and how many are kept to be sent again.
        lease_ms: After so many milliseconds without a sign of life a connection is taken for dead.

    Raises `LinkExtraError`, `EndpointError`, `InsecureLinkError` and `LinkOpenError`.
    """

    kind = "net"

    def __init__(
        self,
        *,
        listen: Sequence[str] = (),
        connect: Sequence[str] = (),
        routed: bool = False,
        certificates: Certificates | None = None,
        access: Sequence[Access] | None = None,
        insecure: bool = False,
        capacity: int = 16,
        lease_ms: int = 10_000,
    ) -> None:
        super().__init__()
        self.capacity = capacity
        self._rest_until = 0.0
        zenoh = _zenoh()
        for endpoint in (*listen, *connect):
            check_endpoint(endpoint, insecure=insecure, certificates=certificates)
            if is_open_to_others(endpoint):
                structlog.get_logger("mycelium.link").warning("frames travel unprotected", endpoint=endpoint)
        try:
            config = zenoh.Config()
            for key, value in zenoh_settings(listen, connect, certificates, lease_ms, routed=routed):
                config.insert_json5(key, value)
            if access is not None:
                config.insert_json5("access_control", json.dumps(access_settings(access)))
            self._session = zenoh.open(config)
        except Exception as error:
            what = f"a session that listens at {', '.join(listen) or 'nothing'}"
            if routed:
                what = f"a session that calls {', '.join(connect)}"
            raise LinkOpenError(link="net", what=what, reason=str(error)) from error

    def _sender(self, channel: str, frame_size: int) -> FrameSender:
        return _NetSender(self, channel, frame_size)

    def _receiver(self, channel: str, frame_size: int, spin_us: int) -> FrameReceiver:
        return _NetReceiver(self, channel, spin_us)

    def _close(self) -> None:
        time.sleep(max(0.0, self._rest_until - time.monotonic()))
        self._session.close()


def _zenoh() -> Any:
    """The package of Zenoh. Raises `LinkExtraError`."""
    try:
        import zenoh
        import zenoh.ext
    except ImportError as error:
        raise LinkExtraError(link="net", package="eclipse-zenoh", extra="net", reason=str(error)) from error
    return zenoh


def _called(function: Callable[[Any], object]) -> Any:
    """A callback for Zenoh's own threads: it must be short.

    By default each has a thread that does nothing else: a wake-up more for each sample, and a program that does not close
    its link would wait for it for ever.
    """
    return _zenoh().handlers.Callback(function, indirect=False)


class _Presence:
    """The token of one end, and who is at the other."""

    def __init__(
        self, session: Any, channel: str, end: str, other: str, number: int, tell: Callable[[int, bool], None]
    ) -> None:
        self._session = session
        self._tell = tell
        self._come = _zenoh().SampleKind.PUT
        base = f"mycelium/{channel}"
        alive = session.liveliness()
        if any(reply.ok is not None for reply in alive.get(f"{base}/{end}/*", timeout=5.0)):
            raise ChannelTakenError(channel=channel, end=end, link="net")
        self._token = alive.declare_token(f"{base}/{end}/{number}")
        self._watch = alive.declare_subscriber(f"{base}/{other}/*", history=True)
        self._watching = threading.Thread(target=self._follow, name=f"presence of {channel}", daemon=True)
        self._watching.start()

    def _follow(self) -> None:
        """Tell of all who come and go, in order: who comes back is told of by another thread of Zenoh than who had gone."""
        for sample in self._watch:
            number = str(sample.key_expr).rpartition("/")[2]
            if number.isdecimal():
                self._tell(int(number), sample.kind == self._come)

    def end(self) -> None:
        self._watch.undeclare()
        self._watching.join()
        self._token.undeclare()


class _NetSender(FrameSender):
    def __init__(self, link: NetLink, channel: str, frame_size: int) -> None:
        super().__init__(channel, frame_size)
        zenoh, session = _zenoh(), link._session
        self._link = link
        self._window = Window(link.capacity)
        self._using = threading.RLock()  # entered as such: a condition's own way in is Python
        self._changed = threading.Condition(self._using)
        self._presence = _Presence(session, channel, "sender", "receiver", self._window.incarnation, self._meet)
        self._said = session.declare_subscriber(f"mycelium/{channel}/taken", _called(self._hear))
        self._publisher = zenoh.ext.declare_advanced_publisher(
            session,
            f"mycelium/{channel}/frames",
            congestion_control=zenoh.CongestionControl.BLOCK,
            reliability=zenoh.Reliability.RELIABLE,
            express=True,  # what is put together into one frame is ours to say
            cache=zenoh.ext.CacheConfig(2 * link.capacity),
            sample_miss_detection=zenoh.ext.MissDetectionConfig(heartbeat=None, sporadic_heartbeat=_HEARTBEAT),
        )

    def _meet(self, receiver: int, is_there: bool) -> None:
        with self._changed:
            if is_there:
                self._window.hear(receiver, 0, 0)
            elif receiver == self._window.receiver:
                self._window.leave()
            self._changed.notify_all()

    def _hear(self, sample: Any) -> None:
        said = sample.payload.to_bytes()
        if len(said) != Acknowledgement.layout.size:
            return
        heard = Acknowledgement.ref_from(said)
        with self._changed:
            if heard.receiver == self._window.receiver:
                self._window.hear(heard.receiver, heard.sender, heard.number)
                self._changed.notify_all()

    @property
    def connected(self) -> bool:
        return self._window.receiver != 0

    @property
    def waiting(self) -> int:
        return self._window.waiting

    @property
    def counts(self) -> LinkCounts:
        return super().counts._replace(lost=self._window.lost)

    def wait_connected(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.connected, timeout)

    def send(self, frame: bytes | bytearray | memoryview, *, timeout: float = TIMEOUT) -> None:
        data = frame if type(frame) is bytes else memoryview(frame).tobytes()  # what is no frame takes no number
        size = len(data)
        self._check(size)
        with self._using:
            if not self._window.has_room:
                self._make_room(timeout)
            prefix = Prefix(size, self._window.incarnation, self._next_number()).as_bytes()
        self._publisher.put(b"".join((prefix, data)))
        self._count(size)

    def _next_number(self) -> int:
        if not self.connected:
            raise LinkDownError(channel=self.channel, link="net", seconds=0.0)
        self._window.number += 1
        return self._window.number

    def _loan(self, size: int, timeout: float) -> Loan:
        with self._using:
            if not self._window.has_room:
                self._make_room(timeout)
        whole = bytearray(_PREFIX + size)
        return Loan(self, memoryview(whole)[_PREFIX:], whole)

    def _make_room(self, timeout: float) -> None:
        self._waits += 1
        began = time.monotonic()
        if not self._changed.wait_for(lambda: self._window.has_room, timeout):
            waited = round(time.monotonic() - began, 3)
            if not self.connected:
                raise LinkDownError(channel=self.channel, link="net", seconds=waited)
            raise LinkFullError(channel=self.channel, link="net", waiting=self._window.waiting, seconds=waited)

    def _publish(self, loan: Loan) -> None:
        whole, loan._held = loan._held, None
        with self._using:
            number = self._next_number()
            Prefix.emplace(whole, 0, length=loan.size, sender=self._window.incarnation, number=number)
        self._publisher.put(bytes(memoryview(whole)[: _PREFIX + loan.size]))

    def _abandon(self, loan: Loan) -> None:
        loan._held = None

    def _close(self) -> None:
        if self.connected and self.waiting:
            self._link._rest_until = time.monotonic() + _FAREWELL
        self._presence.end()
        self._publisher.undeclare()
        self._said.undeclare()
        with self._changed:
            self._window.leave()


class _NetReceiver(FrameReceiver):
    def __init__(self, link: NetLink, channel: str, spin_us: int) -> None:
        super().__init__(channel, spin_us)
        zenoh, session = _zenoh(), link._session
        self._taken = Taken(link.capacity)
        self._arrivals: SimpleQueue[Any] = SimpleQueue()  # samples; None wakes
        self._awaited: Any = None
        self._senders: set[int] = set()
        self._using = threading.Lock()
        self._teller = session.declare_publisher(
            f"mycelium/{channel}/taken", congestion_control=zenoh.CongestionControl.BLOCK, express=True
        )
        self._subscriber = zenoh.ext.declare_advanced_subscriber(
            session,
            f"mycelium/{channel}/frames",
            _called(self._arrivals.put),  # in no frame of Python; no more come than the sender's window allows
            recovery=zenoh.ext.RecoveryConfig(periodic_queries=None, heartbeat=True),
        )
        try:
            self._presence = _Presence(session, channel, "receiver", "sender", self._taken.incarnation, self._meet)
        except ChannelTakenError:
            self._subscriber.undeclare()
            self._teller.undeclare()
            raise

    def _meet(self, sender: int, is_there: bool) -> None:
        (self._senders.add if is_there else self._senders.discard)(sender)
        self._arrivals.put(None)

    @property
    def connected(self) -> bool:
        return bool(self._senders)

    @property
    def counts(self) -> LinkCounts:
        return super().counts._replace(lost=self._taken.missed)

    def _take(self) -> memoryview | None:
        while True:
            sample, self._awaited = self._awaited, None
            if sample is None:
                try:
                    sample = self._arrivals.get_nowait()
                except Empty:
                    return None
                if sample is None:
                    continue
            frame = memoryview(sample.payload.to_bytes())
            if len(frame) <= _PREFIX:
                continue
            prefix = Prefix.ref_from(frame)
            if prefix.sender == self._taken.sender and prefix.number <= self._taken.number:
                continue  # it came before: a connection was lost, and this was fetched again
            if self._taken.take(prefix.sender, prefix.number):
                self._tell()
            return frame[_PREFIX : _PREFIX + prefix.length]

    def _tell(self) -> None:
        with self._using:
            if not self.closed:
                self._teller.put(self._taken.say())

    def _rest(self, seconds: float | None) -> None:
        if self._taken.has_news:
            if self._await(_TELL_LATER if seconds is None else min(seconds, _TELL_LATER)):
                return  # a busy channel tells now and then, and not before each wait
            self._tell()
            seconds = None if seconds is None else max(0.0, seconds - _TELL_LATER)
        self._await(seconds)

    def _await(self, seconds: float | None) -> bool:
        """Wait until something has come; whether it has."""
        try:
            self._awaited = self._arrivals.get(timeout=seconds)
        except Empty:
            return False
        return True

    def _rouse(self) -> None:
        self._arrivals.put(None)

    def _close(self) -> None:
        with self._using:
            if self._taken.has_news:
                self._teller.put(self._taken.say())
            self._presence.end()
            self._subscriber.undeclare()
            self._teller.undeclare()
        self._senders.clear()
