"""What can go wrong with input files and captures: the FEED family. The last number given is 045.

::

    FeedError
      InputMissingError           FEED-001  nothing is at this path
      InputUnreadableError        FEED-002  the system refuses to read it
      InputNotRecognisedError     FEED-003  a file that was asked for is in no known format
      WrongColumnsError           FEED-004  a header that lacks or renames columns
      MalformedRowError           FEED-005  one line, field or record that breaks a rule
      NothingToReadError          FEED-006  a directory without one recognised file
      BadSpeedError               FEED-007  a replay speed that is none
      LookalikeLogError           FEED-010  a log with the topic of an event that its contract cannot have emitted
      UnknownPoolError            FEED-011  a file of logs from which the pool cannot be told
      UnknownMarketError          FEED-020  a market that the venue table does not list
      UnnamedMarketError          FEED-021  a file that names no market at all
      SequenceGapError            FEED-030  updates of a book are missing
      BridgeMissingError          FEED-031  a snapshot and the updates after it do not meet
      SnapshotMissingError        FEED-032  updates of a book before any snapshot
      UpdateOverflowError         FEED-033  too many updates waited for a snapshot
      TradeGapError               FEED-034  trades of a market are missing
      ConnectFailedError          FEED-040  nobody answers at an address, or refuses
      ConnectionLostError         FEED-041  a connection that ended before its time
      FrameTooLargeError          FEED-042  a frame beyond the limit, for which the connection was closed
      MalformedFrameError         FEED-043  one frame, or field of it, that breaks a rule
      UnknownStreamError          FEED-044  a frame of a stream that nobody subscribed to, or a stream that is refused
      SnapshotUnavailableError    FEED-045  a snapshot of a book that cannot be had
"""

from __future__ import annotations

from tlv.declared_error import DeclaredError

__all__ = [
    "BadSpeedError",
    "BridgeMissingError",
    "ConnectFailedError",
    "ConnectionLostError",
    "FeedError",
    "FrameTooLargeError",
    "InputMissingError",
    "InputNotRecognisedError",
    "InputUnreadableError",
    "LookalikeLogError",
    "MalformedFrameError",
    "MalformedRowError",
    "NothingToReadError",
    "SequenceGapError",
    "SnapshotMissingError",
    "SnapshotUnavailableError",
    "TradeGapError",
    "UnknownMarketError",
    "UnknownPoolError",
    "UnknownStreamError",
    "UnnamedMarketError",
    "UpdateOverflowError",
    "WrongColumnsError",
]


class FeedError(DeclaredError):
    """Errors of the feeds."""


class InputMissingError(
    FeedError,
    FileNotFoundError,
    code="FEED-001",
    text="there is nothing at {path}",
    next_step="check the path that was given for `{setting}`",
):
    """Nothing is at this path."""

    path: str
    setting: str


class InputUnreadableError(
    FeedError,
    OSError,
    code="FEED-002",
    text="{path} cannot be read: {reason}",
    next_step="make it readable, or leave it out of the input",
    retryable=True,
):
    """The system refuses to read it."""

    path: str
    reason: str


class InputNotRecognisedError(
    FeedError,
    ValueError,
    code="FEED-003",
    text="{path} is not a file that the {feed} feed reads: {reason}",
    next_step="the {feed} feed reads {formats}",
):
    """A file that was asked for is in no known format."""

    path: str
    feed: str
    reason: str
    formats: str


class WrongColumnsError(
    FeedError,
    ValueError,
    code="FEED-004",
    text="{path} looks like {format} but lacks {missing}; its header has {found}",
    next_step="{format} needs the columns {needed}: name them so, or move the file out of the input",
):
    """A header that lacks or renames columns."""

    path: str
    format: str
    missing: str
    found: str
    needed: str


class MalformedRowError(
    FeedError,
    ValueError,
    code="FEED-005",
    text="{path} line {line}: {column} is {value}, the rule is: {rule}",
    next_step='mend the line, or set on_malformed to "skip" to leave such lines out and count them',
):
    """One line, field or record that breaks a rule."""

    path: str
    line: int
    column: str
    value: str
    rule: str


class NothingToReadError(
    FeedError,
    ValueError,
    code="FEED-006",
    text="no feed recognises any of the {files} files under {path}",
    next_step="feeds read {formats}",
):
    """A directory without one recognised file."""

    path: str
    files: int
    formats: str


class BadSpeedError(
    FeedError,
    ValueError,
    code="FEED-007",
    text="{speed!r} is not a speed",
    next_step='give "max", or a factor such as "1x" (as fast as it was recorded) or "60x"',
):
    """A replay speed that is none."""

    speed: str


class LookalikeLogError(
    FeedError,
    ValueError,
    code="FEED-010",
    text="{path} line {line}: contract {contract} emitted the topic of {event}, but {reason} (block {block}, log {log_index})",
    next_step='nothing, if the contract is not a pool: such logs are left out and counted, unless lookalikes is "stop"',
):
    """A log with the topic of an event that its contract cannot have emitted."""

    path: str
    line: int
    contract: str
    event: str
    reason: str
    block: int
    log_index: int


class UnknownPoolError(
    FeedError,
    LookupError,
    code="FEED-011",
    text="{path}: its rows do not name the pool, and {reason}",
    next_step="put 0x and the address of the pool (or its first 8 digits, with the pool under [[venues]]) in the file name, "
    "or set pool in the config of the feed",
):
    """A file of logs from which the pool cannot be told."""

    path: str
    reason: str


class UnknownMarketError(
    FeedError,
    LookupError,
    code="FEED-020",
    text="{path}: the venue table lists no market {symbol!r} of exchange {exchange!r}",
    next_step='add exchange = "{exchange}", symbol = "{symbol}" under [[venues]] of the topology, '
    'or set unknown_venues to "number" or "skip"',
):
    """A market that the venue table does not list."""

    path: str
    exchange: str
    symbol: str


class UnnamedMarketError(
    FeedError,
    LookupError,
    code="FEED-021",
    text="{path} has no column for the symbol, and its name holds no symbol of exchange {exchange!r}",
    next_step="set symbol in the config of the feed, or put the symbol in the file name",
):
    """A file that names no market at all."""

    path: str
    exchange: str


class SequenceGapError(
    FeedError,
    ValueError,
    code="FEED-030",
    text="{path} line {line}: {market} expected update {expected}, got {got}",
    next_step="the book is left as it was until the next snapshot; record the stream and its snapshots again",
    retryable=True,
):
    """Updates of a book are missing."""

    path: str
    line: int
    market: str
    expected: int
    got: int


class BridgeMissingError(
    FeedError,
    ValueError,
    code="FEED-031",
    text="{path} line {line}: {market} has a snapshot at update {snapshot}, but the updates go on at {got}",
    next_step="the book is left at the snapshot until the next one; record the snapshot after the stream was opened",
    retryable=True,
):
    """A snapshot and the updates after it do not meet."""

    path: str
    line: int
    market: str
    snapshot: int
    got: int


class SnapshotMissingError(
    FeedError,
    ValueError,
    code="FEED-032",
    text="{path} line {line}: {market} has updates but no snapshot before them",
    next_step="put the snapshots of this market into the same input",
):
    """Updates of a book before any snapshot."""

    path: str
    line: int
    market: str


class UpdateOverflowError(
    FeedError,
    ValueError,
    code="FEED-033",
    text="{path} line {line}: {market} has more than {limit} updates waiting for a snapshot; the oldest are left out",
    next_step="put a snapshot of this market, taken while the stream was recorded, into the same input",
):
    """Too many updates waited for a snapshot."""

    path: str
    line: int
    market: str
    limit: int


class TradeGapError(
    FeedError,
    ValueError,
    code="FEED-034",
    text="{path} line {line}: {market} expected trade {expected}, got {got}",
    next_step="the trades between are lost; get them from the exchange by their ids, or record the stream again",
    retryable=True,
):
    """Trades of a market are missing."""

    path: str
    line: int
    market: str
    expected: int
    got: int


class ConnectFailedError(
    FeedError,
    ConnectionError,
    code="FEED-040",
    text="{url} cannot be connected to: {reason}",
    next_step="it is tried again, less and less often; see that the server runs, and that url in the config is its address",
    retryable=True,
):
    """Nobody answers at an address, or refuses."""

    url: str
    reason: str


class ConnectionLostError(
    FeedError,
    ConnectionError,
    code="FEED-041",
    text="{url} was lost after {frames} frames: {reason}",
    next_step="it is connected again, and books that missed updates begin with a new snapshot",
    retryable=True,
):
    """A connection that ended before its time."""

    url: str
    frames: int
    reason: str


class FrameTooLargeError(
    FeedError,
    ValueError,
    code="FEED-042",
    text="{url} sent a frame of more than {size_max} bytes after {frames} others, and the connection was closed for it",
    next_step="where such frames are in order, set frame_bytes_max in the config of the feed",
    retryable=True,
):
    """A frame beyond the limit, for which the connection was closed."""

    url: str
    frames: int
    size_max: int


class MalformedFrameError(
    FeedError,
    ValueError,
    code="FEED-043",
    text="{url} frame {frame}: {column} is {value}, the rule is: {rule}",
    next_step='see that the server sends Binance streams; with on_malformed = "skip" such frames are left out and counted',
):
    """One frame, or field of it, that breaks a rule."""

    url: str
    frame: int
    column: str
    value: str
    rule: str


class UnknownStreamError(
    FeedError,
    LookupError,
    code="FEED-044",
    text="{url} frame {frame}: stream {stream} {problem}",
    next_step="see symbols and channels in the config of the feed",
):
    """A frame of a stream that nobody subscribed to, or a stream that is refused."""

    url: str
    frame: int
    stream: str
    problem: str


class SnapshotUnavailableError(
    FeedError,
    LookupError,
    code="FEED-045",
    text="{url} gives no snapshot of {market}: {reason}",
    next_step="it is asked again, and updates wait meanwhile; see snapshots in the config of the feed",
    retryable=True,
):
    """A snapshot of a book that cannot be had."""

    url: str
    market: str
    reason: str
