"""Where event logs come from: JSON-RPC objects one a line, whole JSON-RPC answers, and raw CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .csv_rows import csv_rows
from .dex_log import RawLog, data_bytes, fixed_bytes, quantity
from .formats import LOG_DOCUMENT, RAW_LOGS, RAW_LOGS_JOINED
from .lines import JSON_LINE_MAX, open_input, read_lines
from .reading import Reading
from .strict_json import parse_json
from .timestamps import text_ns

__all__ = ["DOCUMENT_MAX", "raw_logs"]

DOCUMENT_MAX = 1 << 28
_NEST_MAX = 32
_SECOND = 1_000_000_000
# Both spellings that nodes and indexers use.
_NAMES = {
    "address": ("address",),
    "topics": ("topics",),
    "data": ("data",),
    "block_number": ("blockNumber", "block_number"),
    "log_index": ("logIndex", "log_index"),
    "transaction": ("transactionHash", "transaction_hash"),
    "timestamp": ("blockTimestamp", "block_timestamp", "timestamp"),
}


def raw_logs(reading: Reading) -> Iterator[RawLog]:
    """Every log of one file, in the order of the file."""
    known = reading.file.sniffed.format
    if known is RAW_LOGS:
        return _csv_logs(reading)
    if known is RAW_LOGS_JOINED:
        return _joined_csv_logs(reading)
    return _document_logs(reading) if known is LOG_DOCUMENT else _line_logs(reading)


def topics_of(text: str) -> tuple[bytes, ...]:
    """Topics from the text of a list of hex texts, as Python or JSON writes one; nothing is evaluated."""
    if text[:1] != "[" or text[-1:] != "]":
        msg = "a list of topics in brackets"
        raise ValueError(msg)
    inside = text[1:-1].strip()
    return tuple(fixed_bytes(_unquoted(item.strip()), 32) for item in inside.split(",")) if inside else ()


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0]:
        msg = "topics between quotes"
        raise ValueError(msg)
    return text[1:-1]


def _count(bits: int) -> Callable[[str], int]:
    return lambda text: quantity(text, bits)


def _csv_logs(reading: Reading) -> Iterator[RawLog]:
    columns: dict[str, Callable[[str], Any]] = {
        "block_number": _count(64),
        "block_timestamp": text_ns,
        "transaction_hash": lambda text: fixed_bytes(text, 32),
        "log_index": _count(32),
        "topics": topics_of,
        "data": data_bytes,
    }
    for line, (block, time, transaction, index, topics, data) in csv_rows(reading, columns):
        yield RawLog(line, None, topics, data, block, index, time, transaction)


def _joined_csv_logs(reading: Reading) -> Iterator[RawLog]:
    columns: dict[str, Callable[[str], Any]] = {
        "block_number": _count(64),
        "block_timestamp": text_ns,
        "transaction_hash": lambda text: fixed_bytes(text, 32),
        "pool_log_index": _count(32),
        "pool_topics": topics_of,
        "pool_data": data_bytes,
        "proxy_topics": lambda text: topics_of(text) if text else (),
        "proxy_data": lambda text: data_bytes(text) if text else b"",
        "proxy_log_index": _joined_index,
    }
    for line, row in csv_rows(reading, columns):
        block, time, transaction, index, topics, data, proxy_topics, proxy_data, proxy_index = row
        yield RawLog(line, None, topics, data, block, index, time, transaction)
        if not proxy_topics:
            continue
        if proxy_index is None:
            reading.refuse(reading.malformed(line, "proxy_log_index", "", "a number where proxy_topics is not empty"))
            continue
        yield RawLog(line, None, proxy_topics, proxy_data, block, proxy_index, time, transaction, joined=True)


def _joined_index(text: str) -> int | None:
    """The join writes the index as it came, or as a float (``86.0``), or not at all."""
    return quantity(text.removesuffix(".0"), 32) if text else None


def _line_logs(reading: Reading) -> Iterator[RawLog]:
    for number, line in read_lines(reading, size_max=JSON_LINE_MAX):
        try:
            value = parse_json(line)
        except ValueError as error:
            reading.refuse(reading.malformed(number, "the line", line, str(error)))
            continue
        before = reading.rows, reading.skipped.total()
        yield from _walk(reading, number, value, None, 0)
        if (reading.rows, reading.skipped.total()) == before:
            reading.ignore("JSON without logs")


def _document_logs(reading: Reading) -> Iterator[RawLog]:
    with open_input(reading.file.path) as (stream, position):
        content = stream.read(DOCUMENT_MAX + 1)
        reading.on_position(position())
    if len(content) > DOCUMENT_MAX:
        rule = f"a document of at most {DOCUMENT_MAX} bytes; write one log a line for more"
        reading.refuse(reading.malformed(1, "the document", "", rule))
        return
    try:
        value = parse_json(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        shown = error.doc[max(0, error.pos - 20) : error.pos + 20]
        reading.refuse(reading.malformed(error.lineno, "the document", shown, f"JSON ({error.msg})"))
        return
    except ValueError as error:
        reading.refuse(reading.malformed(1, "the document", "", str(error)))
        return
    yield from _walk(reading, 1, value, None, 0)


def _walk(reading: Reading, line: int, value: object, timestamp: object, depth: int) -> Iterator[RawLog]:
    """Every log inside an answer, however it is nested: plain, wrapped, in receipts, in lists of answers."""
    if depth > _NEST_MAX:
        reading.refuse(reading.malformed(line, "the answer", "", f"logs nested at most {_NEST_MAX} deep"))
        return
    if isinstance(value, list):
        for item in value:
            yield from _walk(reading, line, item, timestamp, depth + 1)
    elif isinstance(value, dict):
        if "topics" in value and "data" in value:
            log = _log(reading, line, value, timestamp)
            if log is not None:
                yield log
            return
        if "jsonrpc" in value and isinstance(value.get("error"), dict):
            shown = str(value["error"].get("message", value["error"]))
            reading.refuse(
                reading.malformed(line, "error", shown, "an answer with logs; the node refused, ask it again")
            )
            return
        # Receipts of some nodes carry the time of their block, their logs do not.
        timestamp = _first(value, _NAMES["timestamp"]) or timestamp
        for key, item in value.items():
            if key != "request" and isinstance(item, (list, dict)):
                yield from _walk(reading, line, item, timestamp, depth + 1)


def _first(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _log(reading: Reading, line: int, value: Mapping[str, Any], timestamp: object) -> RawLog | None:
    reading.rows += 1
    if value.get("removed") is True:
        reading.ignore("removed")
        return None
    if all(name in value and value[name] is None for name in ("blockNumber", "logIndex")):
        reading.ignore("pending")
        return None
    given = {field: _first(value, names) for field, names in _NAMES.items()}
    column = ""
    try:
        column = "address"
        address = fixed_bytes(_text(given[column]), 20)
        column = "topics"
        topics = _topics(given[column])
        column = "data"
        data = data_bytes(_text(given[column]))
        column = "block_number"
        block = quantity(given[column], 64)
        column = "log_index"
        index = quantity(given[column], 32)
        column = "transaction"
        transaction = fixed_bytes(_text(given[column]), 32) if given[column] is not None else b""
        column = "timestamp"
        time = _time(given[column] if given[column] is not None else timestamp)
    except ValueError as error:
        reading.refuse(reading.malformed(line, _NAMES[column][0], str(given[column]), str(error)))
        return None
    return RawLog(line, address, topics, data, block, index, time, transaction)


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = "hex text"
        raise ValueError(msg)
    return value


def _topics(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        msg = "a list of topics"
        raise ValueError(msg)
    # Some indexers pad the list to four with nulls.
    while value and value[-1] is None:
        value = value[:-1]
    return tuple(fixed_bytes(_text(topic), 32) for topic in value)


def _time(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, str) and value[:2].lower() != "0x":
        return text_ns(value)
    return quantity(value, 33) * _SECOND
