"""Errors of looking at a running node.

::

    ObservingError
      ObservingExtraError   OBS-001  a package that is needed to look is not installed  (ImportError)
      MetricsAddressError   OBS-002  an address of `--metrics` that is none             (ValueError)
      MetricsServerError    OBS-003  metrics cannot be served at that address           (OSError)
      ControlAccessError    OBS-004  others may use the control socket, or its directory (PermissionError)
      ControlSocketError    OBS-005  a node cannot open its control socket              (OSError)
      NoNodeError           OBS-006  no such node runs                                  (LookupError)
      NodesRunningError     OBS-007  several nodes run, and it is not said which        (LookupError)
      NodeGoneError         OBS-008  the node ended while it was looked at              (ConnectionError)
      NodeVersionError      OBS-009  the node is of another version                     (RuntimeError)
      NodeSilentError       OBS-010  the node does not answer in time                   (TimeoutError)
      NodeAnswerError       OBS-011  the answer of the node cannot be read              (ValueError)
      NodeCrowdedError      OBS-012  so many look at the node that it takes nobody else (ConnectionError)
      TemporaryFilesError   OBS-013  TMPDIR is no directory that can be written         (OSError)
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = [
    "ControlAccessError",
    "ControlSocketError",
    "MetricsAddressError",
    "MetricsServerError",
    "NoNodeError",
    "NodeAnswerError",
    "NodeCrowdedError",
    "NodeGoneError",
    "NodeSilentError",
    "NodeVersionError",
    "NodesRunningError",
    "ObservingError",
    "ObservingExtraError",
    "TemporaryFilesError",
]


class ObservingError(DeclaredError):
    """Family of the errors of looking at a running node."""


class ObservingExtraError(
    ObservingError,
    ImportError,
    code="OBS-001",
    text="{feature} needs {package}, which is not installed",
    next_step="pip install 'mycelium-actors[{extra}]'",
):
    """A package that is needed to look is not installed."""

    feature: str
    package: str
    extra: str


class MetricsAddressError(
    ObservingError,
    ValueError,
    code="OBS-002",
    text="{address!r} is no address to serve metrics at: {reason}",
    next_step="write :PORT for all interfaces, 127.0.0.1:PORT for this machine only, or [::1]:PORT; port 0 is any",
):
    """An address of `--metrics`, of MYCELIUM_METRICS or of a topology that cannot be understood."""

    address: str
    reason: str


class MetricsServerError(
    ObservingError,
    OSError,
    code="OBS-003",
    text="cannot serve metrics at {address}: {reason}",
    next_step="choose another port, or end who uses this one; port 0 is any that is free",
):
    """The port is in use, may not be used, or the host is none of this machine's."""

    address: str
    reason: str


class ControlAccessError(
    ObservingError,
    PermissionError,
    code="OBS-004",
    text="{path} is not for this user alone: {reason}",
    next_step="chown and chmod 700 the directory, or set MYCELIUM_RUNTIME_DIR to one of your own",
):
    """Others may use the control socket of a node or the directory of all of them, or it is not to be read."""

    path: str
    reason: str


class ControlSocketError(
    ObservingError,
    OSError,
    code="OBS-005",
    text="{node} cannot be looked at: no control socket at {path}: {reason}",
    next_step="set MYCELIUM_RUNTIME_DIR to a directory of your own with a short path; the run goes on without it",
):
    """A node cannot open its control socket; it runs all the same."""

    node: str
    path: str
    reason: str


class NoNodeError(
    ObservingError,
    LookupError,
    code="OBS-006",
    text="no node {wanted} runs (running: {running}; looked in {directory})",
    next_step="start one with `mycelium run`, as the same user and with the same MYCELIUM_RUNTIME_DIR",
):
    """There is no such node, or it has ended."""

    wanted: str
    running: str
    directory: str


class NodesRunningError(
    ObservingError,
    LookupError,
    code="OBS-007",
    text="several nodes run: {nodes}",
    next_step="say which, by its name or, where they have the same, by its process id",
):
    """Several nodes fit, and it was not said which is meant."""

    nodes: str


class NodeGoneError(
    ObservingError,
    ConnectionError,
    code="OBS-008",
    text="{node} has ended",
    next_step="its own report says how",
):
    """The node closed the connection: it has ended, or it was killed."""

    node: str


class NodeVersionError(
    ObservingError,
    RuntimeError,
    code="OBS-009",
    text="{node} runs mycelium {theirs}, this is {ours}, and they describe a node differently",
    next_step="look with the version that it runs",
):
    """The node and who looks at it have different declarations of the messages between them."""

    node: str
    theirs: str
    ours: str


class NodeSilentError(
    ObservingError,
    TimeoutError,
    code="OBS-010",
    text="{node} does not answer within {seconds:g} s",
    next_step="try again; where it stays so, a handler may hold the interpreter lock, or the process be stopped",
    retryable=True,
):
    """The node takes the connection, and says nothing."""

    node: str
    seconds: float


class NodeAnswerError(
    ObservingError,
    ValueError,
    code="OBS-011",
    text="{node} answers what cannot be read: {reason}",
    next_step="see who listens at that socket",
):
    """What came over the socket is no answer of a node."""

    node: str
    reason: str


class NodeCrowdedError(
    ObservingError,
    ConnectionError,
    code="OBS-012",
    text="{node} takes nobody else: {looking} look at it already",
    next_step="end a `mycelium top` that nobody reads, or try again",
    retryable=True,
):
    """All places at the control socket of a node are taken by clients that ask."""

    node: str
    looking: int


class TemporaryFilesError(
    ObservingError,
    OSError,
    code="OBS-013",
    text="TMPDIR is {path!r}, and {reason}",
    next_step="set TMPDIR to a directory that can be written, or to nothing",
):
    """Temporary files are kept where TMPDIR says and nowhere else, so that all processes of a user find each other."""

    path: str
    reason: str
