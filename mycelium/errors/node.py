"""Errors of running a topology.

::

    NodeError
      NodeStateError            NOD-001  a call that does not fit what the node is doing
      ActorStartError           NOD-002  an actor cannot be created, or its on_start raises
      ActorFailedError          NOD-003  an actor failed
      LedgerError               NOD-004  the counts of senders and receivers do not agree
      ActorStuckError           NOD-005  an actor does not stop
      InputMissingError         NOD-006  the directory of --input is not there
      RecordingFileError        NOD-007  a recording cannot be read
      DescribeTargetError       NOD-008  `mycelium describe` cannot find what to describe
      UnexpectedError           NOD-009  a command ended by an error that nobody declared
      ImplementationFixedError  NOD-010  the topology asks for another implementation of tlv than runs
      OutputError               NOD-011  what a command prints cannot be written            (OSError)
      TargetImportError         NOD-036  what a command was asked for fails to import        (ImportError)
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = [
    "ActorFailedError",
    "ActorStartError",
    "ActorStuckError",
    "DescribeTargetError",
    "ImplementationFixedError",
    "InputMissingError",
    "LedgerError",
    "NodeError",
    "NodeStateError",
    "OutputError",
    "RecordingFileError",
    "TargetImportError",
    "UnexpectedError",
]


class NodeError(DeclaredError):
    """Family of the errors of running a topology."""


class NodeStateError(
    NodeError,
    RuntimeError,
    code="NOD-001",
    text="node {node} cannot {call}: it is {state}",
    next_step="make a new Node for each run, and use it as `with Node(topology) as node`",
):
    """Started twice, or waited for before it was started."""

    node: str
    call: str
    state: str


class ActorStartError(
    NodeError,
    RuntimeError,
    code="NOD-002",
    text="{actor} ({kind}) cannot be started: {cause}",
    next_step="mend its __init__, its on_start or its config; --debug shows where it fails",
):
    """The constructor of an actor raised, or its ``on_start``; nothing is left running."""

    actor: str
    kind: str
    cause: str


class ActorFailedError(
    NodeError,
    RuntimeError,
    code="NOD-003",
    text="{actor} failed: {error}: {message}",
    next_step="the log tells the message that it handled; what it left unhandled is counted as dead letters",
):
    """An actor raised and was stopped."""

    actor: str
    error: str
    message: str


class LedgerError(
    NodeError,
    RuntimeError,
    code="NOD-004",
    text="the ledger does not balance: {differences}",
    next_step="this is a fault of the framework: please report it with the topology",
):
    """Messages sent are not messages handled, dropped, dead-lettered or in flight."""

    differences: str


class ActorStuckError(
    NodeError,
    TimeoutError,
    code="NOD-005",
    text="{actor} did not stop: nothing moved for {seconds:g} s, and {waiting} messages wait for it",
    next_step="find what its handler waits for",
):
    """An actor hangs in a handler; it was left behind."""

    actor: str
    seconds: float
    waiting: int


class InputMissingError(
    NodeError,
    OSError,
    code="NOD-006",
    text="--input {directory}: {reason}",
    next_step="give the directory that holds the input files",
):
    """The input directory is not there."""

    directory: str
    reason: str


class RecordingFileError(
    NodeError,
    OSError,
    code="NOD-007",
    text="cannot read the recording {file}: {reason}",
    next_step="give the path of a file that a recorder wrote",
):
    """The recording is not there, or cannot be opened."""

    file: str
    reason: str


class DescribeTargetError(
    NodeError,
    ValueError,
    code="NOD-008",
    text="nothing to describe at {target!r}: {reason}",
    next_step="name a message (package.module:Message), a module, or a topology file (.toml)",
):
    """What `mycelium describe` was asked for is not there."""

    target: str
    reason: str


class UnexpectedError(
    NodeError,
    code="NOD-009",
    text="{error}: {message}",
    next_step="--debug shows where; if that is not in your own code or on your disk, please report it",
):
    """A command ended by an error that nobody declared."""

    error: str
    message: str


class ImplementationFixedError(
    NodeError,
    RuntimeError,
    code="NOD-010",
    text="{node} is to run on tlv = {asked}, and this process runs on {running} already",
    next_step="start it with `mycelium run`, or set MYCELIUM_TLV={asked} before Python starts",
):
    """The implementation of the message layer was fixed when `tlv` was imported."""

    node: str
    asked: str
    running: str


class OutputError(
    NodeError,
    OSError,
    code="NOD-011",
    text="the output cannot be written: {reason}",
    next_step="make room, or write it elsewhere",
):
    """What a command prints goes where no more can be written: a full disk."""

    reason: str


class TargetImportError(
    NodeError,
    ImportError,
    code="NOD-036",
    text="{module} fails to import: {cause}",
    next_step="mend the module, or install what it misses; --debug shows where it fails",
):
    """A module that a command was asked for is there, and raises while it is imported."""

    module: str
    cause: str
