"""Errors of links between nodes.

::

    LinkError
      LinkExtraError        LNK-001  the package of a link is not installed             (ImportError)
      LinkDownError         LNK-002  nobody receives at the other end                   (ConnectionError)
      LinkFullError         LNK-003  the other end takes nothing, and there is no room  (TimeoutError)
      LinkClosedError       LNK-004  a link, or an end of one, is used after its close  (RuntimeError)
      LinkFrameError        LNK-005  a frame larger than the link takes, or none        (ValueError)
      ChannelNameError      LNK-006  a name that is none of a channel                   (ValueError)
      ChannelTakenError     LNK-007  a channel has such an end already                  (RuntimeError)
      FrameLateError        LNK-008  a frame came after those that were sent behind it  (ValueError)
      LinkOpenError         LNK-009  what carries a link cannot be opened               (OSError)
      EndpointError         LNK-010  an address of the network that cannot be used      (ValueError)
      InsecureLinkError     LNK-011  frames would leave this host unprotected           (PermissionError)
      LinkKindError         LNK-012  a kind of link that there is not, or not there     (ValueError)
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = [
    "ChannelNameError",
    "ChannelTakenError",
    "EndpointError",
    "FrameLateError",
    "InsecureLinkError",
    "LinkClosedError",
    "LinkDownError",
    "LinkError",
    "LinkExtraError",
    "LinkFrameError",
    "LinkFullError",
    "LinkKindError",
    "LinkOpenError",
]


class LinkError(DeclaredError):
    """Family of the errors of links between nodes."""


class LinkExtraError(
    LinkError,
    ImportError,
    code="LNK-001",
    text="a link of kind {link} needs {package}, which is not installed ({reason})",
    next_step="pip install 'mycelium-actors[{extra}]'",
):
    """The package that carries a link is not installed, or does not load here."""

    link: str
    package: str
    extra: str
    reason: str


class LinkDownError(
    LinkError,
    ConnectionError,
    code="LNK-002",
    text="nobody receives on {channel} ({link}), after {seconds:g} s",
    next_step="see whether the node that receives runs; the frame was not sent, send it again when it does",
    retryable=True,
):
    """There is no receiver at the other end, or it has ended."""

    channel: str
    link: str
    seconds: float


class LinkFullError(
    LinkError,
    TimeoutError,
    code="LNK-003",
    text="no room on {channel} ({link}): {waiting} frames wait for its receiver, for {seconds:g} s",
    next_step="see why the node that receives is slow; the frame was not sent, send it again later",
    retryable=True,
):
    """The receiver takes frames slower than they are sent, or has stopped to take any."""

    channel: str
    link: str
    waiting: int
    seconds: float


class LinkClosedError(
    LinkError,
    RuntimeError,
    code="LNK-004",
    text="{what} is closed",
    next_step="open it again, or end who uses it before it is closed",
):
    """A link, a sender, a receiver or a loan is used after its end."""

    what: str


class LinkFrameError(
    LinkError,
    ValueError,
    code="LNK-005",
    text="{channel} takes no frame of {size} bytes: {reason}",
    next_step="send smaller frames, or open both ends with a larger frame_size",
):
    """A frame is larger than what the link was opened for, or has no bytes."""

    channel: str
    size: int
    reason: str


class ChannelNameError(
    LinkError,
    ValueError,
    code="LNK-006",
    text="{name!r} is no name of a channel: {reason}",
    next_step="take letters, digits, '_', '-' and '.', with '/' between the parts, 128 characters at most",
):
    """A channel cannot be called so on every kind of link."""

    name: str
    reason: str


class ChannelTakenError(
    LinkError,
    RuntimeError,
    code="LNK-007",
    text="{channel} has a {end} already ({link})",
    next_step="close that one first; a channel joins one sender to one receiver",
    retryable=True,
):
    """A second sender or receiver wants to use a channel."""

    channel: str
    end: str
    link: str


class FrameLateError(
    LinkError,
    ValueError,
    code="LNK-008",
    text="{link}: frame {got} of source {origin} came when {expected} was expected, after it had been missed",
    next_step="see what carries the frames: a link keeps their order",
):
    """A frame that was counted as missing came after all, behind later ones."""

    link: str
    origin: int
    expected: int
    got: int


class LinkOpenError(
    LinkError,
    OSError,
    code="LNK-009",
    text="{what} cannot be opened ({link}): {reason}",
    next_step="see that both ends have the same settings and version, that there is memory and a short path, and try again",
    retryable=True,
):
    """What carries a link (iceoryx2, Zenoh) refuses to open a node, a channel or a session."""

    link: str
    what: str
    reason: str


class EndpointError(
    LinkError,
    ValueError,
    code="LNK-010",
    text="{endpoint!r} is no endpoint of a link: {reason}",
    next_step="write tls/HOST:PORT and give certificates, or, within this host, tcp/127.0.0.1:PORT",
):
    """An endpoint that cannot be understood, or lacks what it needs."""

    endpoint: str
    reason: str


class InsecureLinkError(
    LinkError,
    PermissionError,
    code="LNK-011",
    text="{endpoint} is plain TCP that leaves this host: anyone on the way could read and change the frames",
    next_step="write tls/HOST:PORT and give certificates, or say insecure = true where the network itself is trusted",
):
    """Plain TCP beyond this host needs to be allowed."""

    endpoint: str


class LinkKindError(
    LinkError,
    ValueError,
    code="LNK-012",
    text="no link of kind {wanted!r} between {here!r} and {there!r}: {reason}",
    next_step="say auto, or net; ipc joins processes of one host",
):
    """A kind of link that is unknown, or that cannot join these two hosts."""

    wanted: str
    here: str
    there: str
    reason: str
