"""``python -m benches.faults [NAME ...]``: do each fault, or those that are named, and say what came of it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from mycelium.cli.format import plain_table
from mycelium.cli.page import Page

from . import __doc__ as question
from .cluster import FaultyError, Found
from .connections import CONNECTION_FAULTS
from .processes import PROCESS_FAULTS
from .weather import WEATHER_FAULTS

__all__ = ["main"]

FAULTS: Mapping[str, Callable[[], Found]] = {**PROCESS_FAULTS, **WEATHER_FAULTS, **CONNECTION_FAULTS}
PAGE = Page("faults: written by `make faults`", "faults: end")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the faults; 0 where all was as it has to be, 1 where something was not, 130 after Ctrl-C."""
    asked = _arguments(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows: list[tuple[str, str, str, str]] = []
    wrong: list[str] = []
    try:
        for number, name in enumerate(asked.faults, 1):
            began = monotonic()
            _say(f"{number} of {len(asked.faults)}  {name} ...")
            try:
                rows.append((name, *_told(FAULTS[name]())))
            except PermissionError as error:
                _say(f"    left out: {error}")
            except FaultyError as error:
                wrong.append(f"{name}: {error}")
                _say(f"    WRONG: {error}")
            _say(f"    {monotonic() - began:.0f} s")
    except KeyboardInterrupt:
        _say("stopped")
        return 130
    for line in plain_table(("fault", "recovered", "lost", ""), rows, left=(0, 2, 3)):
        print(line)
    for problem in wrong:
        print(problem)
    if asked.into is not None and not wrong:
        PAGE.renew(asked.into, "\n".join(_markdown(rows)))
    return 1 if wrong else 0


def _told(found: Found) -> tuple[str, str, str]:
    lost = sum(found.lost.values())
    of = f" of {found.sent:,}, of {len(found.lost)} types" if lost else ""
    return f"{found.recovery_s:.1f} s", f"{lost:,}{of}" if found.sent else "-", found.notes


def _markdown(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    lines = ["| fault | what it is | recovered after | messages lost, by the ledger |", "|---|---|---|---|"]
    for name, recovered, lost, notes in rows:
        what = _summary(FAULTS[name])
        lines.append(f"| `{name}` | {what} | {recovered}{f', {notes}' if notes else ''} | {lost} |")
    return lines


def _summary(fault: Callable[[], Found]) -> str:
    return (getattr(fault, "func", fault).__doc__ or "").strip().replace("``", "`")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    names = "\n".join(f"  {name:15} {_summary(fault)}" for name, fault in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="faults",
        description=(question or "").partition("\n\n")[0],
        epilog=f"faults:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("faults", nargs="*", metavar="NAME", default=list(FAULTS), help="which ones (all of them)")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="write the table into this page")
    asked = parser.parse_args(given)
    if unknown := sorted(set(asked.faults) - set(FAULTS)):
        parser.error(f"there is no fault {unknown[0]!r}: {', '.join(FAULTS)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
