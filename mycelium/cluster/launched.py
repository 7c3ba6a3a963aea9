"""What a node does besides that was started by a launcher: it leaves its report in a file, and does not outlive the launcher."""

from __future__ import annotations

import json
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mycelium.ledger.report import Report
    from mycelium.node import Node

__all__ = ["has_reported", "leave_report", "stop_with_launcher"]

#: How long a node whose launcher is gone may take to handle what it has; in seconds.
GRACE_S = 10.0


def stop_with_launcher(node: Node, folder: Path) -> None:
    """Stop in order when stdin closes, which nobody but the launcher holds open; and end for certain soon after that.

    The folder for reports is then removed: nobody else is left who would.
    """

    def watch() -> None:
        while os.read(0, 4096):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        node.request_stop()
        threading.Event().wait(GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="mycelium-launcher", daemon=True).start()


def has_reported(folder: Path, node: str) -> bool:
    """Whether a node of this launcher has ended, and left its report."""
    return _report_of(folder, node).exists()


def _report_of(folder: Path, node: str) -> Path:
    return folder / f"{node}.json"


def leave_report(folder: Path, node: str, report: Report) -> None:
    """Write the report where the launcher looks for it: whole, or not at all."""
    begun = folder / f".{node}.json"
    with suppress(FileNotFoundError):  # the launcher is gone, and the folder with it
        begun.write_text(json.dumps(report.to_dict(), default=str), encoding="utf-8")
        begun.rename(_report_of(folder, node))
