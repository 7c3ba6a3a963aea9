"""The file formats that the feeds know, and how a file is recognised: by its content, never by its name."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from actors.errors import InputUnreadableError, WrongColumnsError

__all__ = ["BINANCE_CAPTURE", "FORMATS", "TARDIS_SNAPSHOT", "CsvFormat", "Format", "Sniffed", "formats_of", "sniff"]

HEAD_BYTES = 65_536
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Format:
    """One kind of input; `feed` reads it, "" means that no feed does (it is derived from others)."""

    name: str
    feed: str


@dataclass(frozen=True)
class CsvFormat(Format):
    """A CSV file with a header that names (at least) these columns."""

    columns: tuple[str, ...]
    exact: bool = False

    def fits(self, header: frozenset[str]) -> bool:
        needed = frozenset(self.columns)
        return needed == header if self.exact else needed <= header

    def nearly_fits(self, header: frozenset[str]) -> bool:
        """Whether the header is this one with a column or two lost or renamed."""
        shared = sum(column in header for column in self.columns)
        missing = len(self.columns) - shared
        mostly = shared >= 2 and shared * 5 >= len(self.columns) * 3 and len(header) <= 2 * len(self.columns)
        return 1 <= missing <= 2 and mostly


BINANCE_TRADES = CsvFormat("Binance trades", "trades", ("timestamp", "trade_id", "price", "quantity", "buyer_maker"))
TARDIS_TRADES = CsvFormat(
    "Tardis trades", "trades", ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount")
)
BINANCE_QUOTES = CsvFormat("Binance quotes", "quotes", ("timestamp", "symbol", "ask_size", "ask", "bid_size", "bid"))
TARDIS_QUOTES = CsvFormat(
    "Tardis quotes",
    "quotes",
    ("exchange", "symbol", "timestamp", "local_timestamp", "ask_amount", "ask_price", "bid_price", "bid_amount"),
)
# Exact: other formats have these three columns too, and more.
TRUEFX_QUOTES = CsvFormat("TrueFX quotes", "quotes", ("timestamp", "bid", "ask"), exact=True)
BINANCE_DEPTH = CsvFormat(
    "Binance futures depth",
    "books",
    ("symbol", "timestamp", "first_update_id", "last_update_id", "side", "update_type", "price", "qty", "pu"),
)
TARDIS_UPDATES = CsvFormat(
    "Tardis incremental_book_L2",
    "books",
    ("exchange", "symbol", "timestamp", "local_timestamp", "is_snapshot", "side", "price", "amount"),
)
TARDIS_SNAPSHOT = CsvFormat(
    "Tardis book_snapshot",
    "books",
    (
        "exchange",
        "symbol",
        "timestamp",
        "local_timestamp",
        "asks[0].price",
        "asks[0].amount",
        "bids[0].price",
        "bids[0].amount",
    ),
)
RAW_LOGS = CsvFormat(
    "raw logs",
    "dex",
    ("block_number", "block_timestamp", "transaction_hash", "transaction_index", "log_index", "topics", "data"),
)
RAW_LOGS_JOINED = CsvFormat(
    "raw logs with position manager",
    "dex",
    (
        "block_number",
        "block_timestamp",
        "transaction_hash",
        "pool_tx_index",
        "pool_log_index",
        "pool_topics",
        "pool_data",
        "proxy_topics",
        "proxy_data",
        "proxy_log_index",
    ),
)
DECODED_LOGS = CsvFormat("decoded logs", "", ("block_number", "tx_type", "transaction_hash"))
BLOCK_INDEX = CsvFormat("index of blocks", "", ("block_number", "kinds", "source_files"))
BINANCE_CAPTURE = Format("Binance capture", "books")
LOG_LINES = Format("JSON-RPC logs, one a line", "dex")
LOG_DOCUMENT = Format("JSON-RPC answer", "dex")

_CSV: tuple[CsvFormat, ...] = (
    BINANCE_TRADES,
    TARDIS_TRADES,
    BINANCE_QUOTES,
    TARDIS_QUOTES,
    TRUEFX_QUOTES,
    BINANCE_DEPTH,
    TARDIS_UPDATES,
    TARDIS_SNAPSHOT,
    RAW_LOGS,
    RAW_LOGS_JOINED,
    DECODED_LOGS,
    BLOCK_INDEX,
)
FORMATS: tuple[Format, ...] = (*_CSV, BINANCE_CAPTURE, LOG_LINES, LOG_DOCUMENT)

_CAPTURE = re.compile(
    r"^(?:wss://\S*binance\S* <-> [0-9.]+\s*$"
    r"|https?://[^\s/]*binance\S* -> [0-9.]+: "
    r'|[0-9]{9,11}(?:\.[0-9]+)?: \{.{0,200}"(?:depthUpdate|aggTrade|kline|[a-z0-9]+@bookTicker)")',
    re.MULTILINE,
)
_ERROR_ANSWER = re.compile(r'"jsonrpc"(?s:.)*"error"\s*:\s*\{|"error"\s*:\s*\{(?s:.)*"jsonrpc"')


@dataclass(frozen=True)
class Sniffed:
    """What a look at the first bytes of a file tells: its format, or the reason why it has none."""

    format: Format | None
    reason: str = ""
    wrong_columns: WrongColumnsError | None = None


def formats_of(feed: str) -> str:
    """The names of what one feed reads, for messages."""
    return ", ".join(known.name for known in FORMATS if known.feed == feed)


def sniff(path: Path) -> Sniffed:
    """Recognise one file by its first bytes. Raises `InputUnreadableError` where it cannot be opened."""
    head = _head(path)
    if not head.strip():
        return Sniffed(None, "it is empty")
    text = head.decode("utf-8-sig", errors="replace")
    if _CAPTURE.search(text):
        return Sniffed(BINANCE_CAPTURE)
    start = text.lstrip()
    if start[0] in "[{" or '"topics"' in text:
        return _sniff_json(text)
    return _sniff_csv(path, text)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        if head.startswith(GZIP_MAGIC):
            with gzip.open(path) as stream:
                head = stream.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise InputUnreadableError(path=str(path), reason=str(error)) from error
    return head


def _sniff_json(text: str) -> Sniffed:
    # A node that answers with an error instead of logs is told by the feed.
    if '"topics"' not in text and '"logs"' not in text and not _ERROR_ANSWER.search(text):
        return Sniffed(None, "it is JSON without logs")
    first, _, rest = text.lstrip().partition("\n")
    # One document over many lines starts with a bracket, or with a bracket and the first key.
    opens = first.rstrip()[-1:] in {"[", "{", ",", ":"}
    if _complete(first) or not rest.strip() or (not opens and _complete(rest.partition("\n")[0])):
        return Sniffed(LOG_LINES)
    return Sniffed(LOG_DOCUMENT)


def _complete(line: str) -> bool:
    line = line.strip()
    return len(line) > 2 and (line[0], line[-1]) in {("{", "}"), ("[", "]")}


def _sniff_csv(path: Path, text: str) -> Sniffed:
    first = text.split("\n", 1)[0].rstrip("\r")
    try:
        names = [name.strip() for name in next(csv.reader([first], strict=True))]
    except (csv.Error, StopIteration):
        return Sniffed(None, "its first line is no header")
    header = frozenset(names)
    fitting = [known for known in _CSV if known.fits(header)]
    if fitting:
        return Sniffed(max(fitting, key=lambda known: len(known.columns)))
    near = [known for known in _CSV if known.feed and known.nearly_fits(header)]
    if not near:
        return Sniffed(None, "its first line is not the header of a known format")
    nearest = max(near, key=lambda known: sum(column in header for column in known.columns) / len(known.columns))
    error = WrongColumnsError(
        path=str(path),
        format=nearest.name,
        missing=", ".join(column for column in nearest.columns if column not in header),
        found=", ".join(names),
        needed=", ".join(nearest.columns),
    )
    return Sniffed(nearest, wrong_columns=error)
