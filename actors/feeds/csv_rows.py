"""Rows of a CSV file with a header, as parsed columns; every fault names file, line, column, value and rule."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from actors.errors import WrongColumnsError

from .fixed_point import fixed_point
from .lines import read_lines
from .reading import Reading
from .timestamps import text_ns

__all__ = ["boolean", "csv_rows", "csv_start", "market_name", "not_negative", "one_of", "positive", "update_id"]

Parser = Callable[[str], Any]
UINT64_MAX = 2**64 - 1
NAME_MAX = 64


def csv_rows(reading: Reading, columns: Mapping[str, Parser]) -> Iterator[tuple[int, list[Any]]]:
    """Line number and the values of ``columns``, in their order, of each row.

    A parser raises ``ValueError`` with the rule as its text.
    """
    lines = read_lines(reading)
    header = _header(reading, lines, columns)
    if header is None:
        return
    width = len(header)
    wanted = [(header.index(name), parse) for name, parse in columns.items()]
    for number, line in lines:
        fields = line.split(",") if '"' not in line else _quoted(reading, number, line)
        if fields is None:
            continue
        if len(fields) != width:
            rule = f"{width} fields, as in the header; it has {len(fields)}"
            reading.refuse(reading.malformed(number, "the row", line, rule))
            continue
        try:
            values = [parse(fields[index]) for index, parse in wanted]
        except ValueError:
            _refuse_first_fault(reading, number, fields, header, columns)
            continue
        reading.rows += 1
        yield number, values


def csv_start(reading: Reading) -> int:
    """The time of the first row in order, of a file with a column ``timestamp``; 0 without rows."""
    return next((timestamp for _, (timestamp,) in csv_rows(reading, {"timestamp": text_ns})), 0)


def _header(reading: Reading, lines: Iterator[tuple[int, str]], columns: Mapping[str, Parser]) -> list[str] | None:
    number, line = next(lines, (0, ""))
    header = [name.strip() for name in _quoted(reading, number, line) or ()]
    missing = [name for name in columns if name not in header]
    if not missing:
        return header
    error = reading.file.sniffed.wrong_columns or WrongColumnsError(
        path=reading.path,
        format=reading.file.format_name,
        missing=", ".join(missing),
        found=", ".join(header) or "nothing",
        needed=", ".join(columns),
    )
    reading.refuse(error)
    return None


def _quoted(reading: Reading, number: int, line: str) -> list[str] | None:
    """One line by the rules of quoting. A field cannot run over the end of its line in any of our formats."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        reading.refuse(reading.malformed(number, "the row", line, f"one line of CSV ({error})"))
        return None


def _refuse_first_fault(
    reading: Reading, number: int, fields: list[str], header: list[str], columns: Mapping[str, Parser]
) -> None:
    for name, parse in columns.items():
        field = fields[header.index(name)]
        try:
            parse(field)
        except ValueError as error:
            reading.refuse(reading.malformed(number, name, field, str(error)))
            return


def positive(value: str) -> int:
    """A price or a size above zero, in 1e-8 units."""
    number = fixed_point(value)
    if number <= 0:
        msg = "a number above zero"
        raise ValueError(msg)
    return number


def not_negative(value: str) -> int:
    """A price or a size, in 1e-8 units."""
    number = fixed_point(value)
    if number < 0:
        msg = "a number not below zero"
        raise ValueError(msg)
    return number


def market_name(value: str) -> str:
    """The name of an exchange or the symbol of a market."""
    if not 0 < len(value) <= NAME_MAX or not value.isprintable() or " " in value:
        msg = f"a name of 1 to {NAME_MAX} printable characters"
        raise ValueError(msg)
    return value


def boolean(value: str) -> bool:
    """True or False."""
    if value not in {"True", "False", "true", "false", "TRUE", "FALSE"}:
        msg = "True or False"
        raise ValueError(msg)
    return value[0] in "Tt"


def update_id(value: str) -> int:
    """A whole number of 64 bits."""
    if not (value.isdigit() and value.isascii()) or len(value) > 20 or int(value) > UINT64_MAX:
        msg = "a whole number of 64 bits"
        raise ValueError(msg)
    return int(value)


def one_of(*words: str) -> Parser:
    """One of these words."""

    def parse(value: str) -> str:
        if value not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return value

    return parse
