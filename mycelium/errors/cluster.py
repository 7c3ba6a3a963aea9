"""Errors of topologies on several nodes.

::

    NodeError
      NodeUnknownError      NOD-020  no such node in the topology
      PeerSilentError       NOD-021  a node that is needed does not get ready
      PeerLostError         NOD-022  a node is gone, and does not come back
      PeerMismatchError     NOD-023  a node runs another topology, or other messages
      NodeDiedError         NOD-024  a node ended without a report
      NodesNotNeededError   NOD-025  --node for a topology that has no nodes
      MessageTooLargeError  NOD-026  a message that no frame of a link takes
      NoNodeHereError       NOD-027  no node of the topology runs on this host
      PeerFailedError       NOD-028  what joins a node to another one has failed
      MessagesMissingError  NOD-029  messages went over a link, and did not arrive
      FrameRefusedError     NOD-030  a peer sent what cannot be
      RunFolderError        NOD-031  nowhere to keep the reports of the nodes
      NamespacesError       NOD-032  network namespaces cannot be made here
      PeerCutOffError       NOD-033  a peer sent too much rubbish, and is not listened to any more
      TopologyRunningError  NOD-034  a topology of this name runs on this host already
      MessagesUnknownError  NOD-035  a peer sends messages of types that are unknown here
"""

from __future__ import annotations

from mycelium.errors.node import NodeError

__all__ = [
    "FrameRefusedError",
    "MessageTooLargeError",
    "MessagesMissingError",
    "MessagesUnknownError",
    "NamespacesError",
    "NoNodeHereError",
    "NodeDiedError",
    "NodeUnknownError",
    "NodesNotNeededError",
    "PeerCutOffError",
    "PeerFailedError",
    "PeerLostError",
    "PeerMismatchError",
    "PeerSilentError",
    "RunFolderError",
    "TopologyRunningError",
]


class NodeUnknownError(
    NodeError,
    ValueError,
    code="NOD-020",
    text="{topology} has no node {node!r} that runs an actor",
    next_step="{hint}",
):
    """The name of a node that the topology does not have, or that runs nobody in this profile."""

    topology: str
    node: str
    hint: str


class PeerSilentError(
    NodeError,
    TimeoutError,
    code="NOD-021",
    text="{node} waited {seconds:g} s for {peer}, which is not ready",
    next_step="start {peer} too (`mycelium run FILE` starts every node), and look into its log",
    retryable=True,
):
    """A node that is to receive from this one did not get ready, so its sources did not begin."""

    node: str
    peer: str
    seconds: float


class PeerLostError(
    NodeError,
    ConnectionError,
    code="NOD-022",
    text="{node} lost {peer}, which did not come back within {seconds:g} s",
    next_step="look into the log of {peer}; what was on its way there is counted as lost on the links",
):
    """A node that this one exchanges messages with is gone."""

    node: str
    peer: str
    seconds: float


class PeerMismatchError(
    NodeError,
    ValueError,
    code="NOD-023",
    text="{node} and {peer} do not run the same topology: {difference}",
    next_step="start both from the same files, profile and version",
):
    """Two nodes that differ: in their streams, and they exchange nothing; or in a message, and they exchange all others."""

    node: str
    peer: str
    difference: str


class NodeDiedError(
    NodeError,
    RuntimeError,
    code="NOD-024",
    text="node {node} ended {how}, without a report",
    next_step="its log stands above; what it had received is not in the ledger",
):
    """The process of a node was killed, or could not start."""

    node: str
    how: str


class NodesNotNeededError(
    NodeError,
    ValueError,
    code="NOD-025",
    text="--node {node}: {topology} has no nodes",
    next_step="leave --node out, or declare [nodes.{node}] and place actors there",
):
    """``--node`` where the topology is one process."""

    topology: str
    node: str


class MessageTooLargeError(
    NodeError,
    ValueError,
    code="NOD-026",
    text="{message} of {size:,} bytes from {sender} to {receiver}: a frame takes {limit:,}",
    next_step="bound its variable fields (MaxLen), or run both actors on one node",
):
    """A message that does not fit into a frame of a link. It is a dead letter."""

    message: str
    size: int
    sender: str
    receiver: str
    limit: int


class NoNodeHereError(
    NodeError,
    ValueError,
    code="NOD-027",
    text="no node of {topology} runs on this host, {host}: {hosts}",
    next_step="run it where its nodes are, or name one that is to run here all the same: --node NAME",
):
    """``mycelium run`` on a host of which the topology knows nothing."""

    topology: str
    host: str
    hosts: str


class PeerFailedError(
    NodeError,
    ConnectionError,
    code="NOD-028",
    text="the link of {node} to {peer} failed: {cause}",
    next_step="start {node} again; if this is not a lack of memory or of room on its disk, please report it",
    retryable=True,
):
    """A thread that sends to a peer, or receives from it, ended by an error that nobody expected. The node stops."""

    node: str
    peer: str
    cause: str


class MessagesMissingError(
    NodeError,
    ConnectionError,
    code="NOD-029",
    text="{stream}: {missing:,} messages before number {got:,} of this stream did not arrive",
    next_step="they are counted as lost on the links; see what carries the frames",
):
    """A link has lost frames, and could not fetch them again."""

    stream: str
    missing: int
    got: int


class FrameRefusedError(
    NodeError,
    ValueError,
    code="NOD-030",
    text="{peer} sent what was refused: {reason}",
    next_step="see that it runs the same version, and that nobody else sends in its name",
):
    """A frame that no sound peer sends: rubbish, a repetition, or figures that cannot be. It is counted, and ignored."""

    peer: str
    reason: str


class RunFolderError(
    NodeError,
    OSError,
    code="NOD-031",
    text="no folder for the reports of the nodes: {reason}",
    next_step="set TMPDIR to a directory that can be written, and see that there is room in it",
):
    """`mycelium run` keeps what its nodes report in a folder among the temporary files, and cannot make it."""

    reason: str


class NamespacesError(
    NodeError,
    OSError,
    code="NOD-032",
    text="network namespaces cannot be made here: {reason}",
    next_step="run it as root on Linux, with addresses for hosts, or try `--all-here loopback`",
):
    """``mycelium run --all-here namespaces`` where the system does not allow it, or a host has no address."""

    reason: str


class PeerCutOffError(
    NodeError,
    ConnectionError,
    code="NOD-033",
    text="{peer} is cut off: {frames:,} of its frames were refused within {seconds:g} s",
    next_step="see what runs there, and that nobody else sends in its name; when it is started again, it is listened to again",
):
    """A peer that sent nothing but rubbish for a while. It counts as gone until it begins a new life."""

    peer: str
    frames: int
    seconds: float


class TopologyRunningError(
    NodeError,
    RuntimeError,
    code="NOD-034",
    text="{topology} runs on this host already: {nodes}",
    next_step="stop it first; or give this one another name under [topology], or a MYCELIUM_RUNTIME_DIR of its own",
    retryable=True,
):
    """Nodes of one name meet in one place: a second run of a topology would take the first one's."""

    topology: str
    nodes: str


class MessagesUnknownError(
    NodeError,
    LookupError,
    code="NOD-035",
    text="{stream}: {unknown:,} messages of types that are unknown here",
    next_step="they are passed over, and those of actors count as lost on the links; bring this node to the other one's version",
):
    """A newer peer sends what this node does not know. Logged once for each stream; the report says how many there were."""

    stream: str
    unknown: int
