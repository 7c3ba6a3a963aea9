"""Links: how frames come from one node to another, on one host or between hosts.

`Link` says what every kind does; `LoopbackLink` is the one within a process, `mycelium.link.ipc.IpcLink`
that over shared memory and `mycelium.link.net.NetLink` that over the network. `FrameSequences` watches
whether the frames of a source came all, once and in order.
"""

from mycelium.link.choose import link_kind
from mycelium.link.ends import FrameReceiver, FrameSender, LinkCounts, Loan
from mycelium.link.link import FRAME_SIZE, Link
from mycelium.link.loopback import LoopbackLink
from mycelium.link.sequence import FrameSequences, SequenceCounts

__all__ = [
    "FRAME_SIZE",
    "FrameReceiver",
    "FrameSender",
    "FrameSequences",
    "Link",
    "LinkCounts",
    "Loan",
    "LoopbackLink",
    "SequenceCounts",
    "link_kind",
]
