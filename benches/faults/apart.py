"""The example topology with one node that stands alone: the others reach it over the network only."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from mycelium import Topology, resolve
from mycelium.cluster.merging import merge_reports, report_from_dict

from .cluster import DEADLINE_S, NODES, Cluster, FaultyError, Found, check_ledger, wait_for

__all__ = ["ALONE", "ApartCluster"]

#: The last by name of those who listen nowhere: it calls all others.
ALONE = "strategy"


class ApartCluster(Cluster):
    """Four nodes that are started one by one, as on several hosts. Who sends waits for longer than any fault lasts."""

    def __init__(self, folder: Path, changed: Callable[[str], str]) -> None:
        super().__init__(folder, changed=lambda text: changed(_patient(text)))
        self._nodes: dict[str, subprocess.Popen[str]] = {}

    def file_of(self, node: str) -> Path:
        """The topology as this node reads it."""
        return self.file

    def entered_by(self, node: str) -> tuple[str, ...]:
        """The beginning of the command line that starts it where it is to run."""
        return ()

    def start(self) -> None:
        """Start the nodes, and wait until messages flow."""
        for node in NODES:
            self._nodes[node] = self.launch("--node", node, file=self.file_of(node), entered_by=self.entered_by(node))
        wait_for("messages flow through all nodes", self.flows)

    def stop(self) -> dict[str, Any]:
        """Stop all in order; the report of all."""
        for process in self._nodes.values():
            process.send_signal(signal.SIGINT)
        reports = {}
        until = monotonic() + DEADLINE_S
        for node, process in self._nodes.items():
            try:
                out, _ = process.communicate(timeout=max(1.0, until - monotonic()))
            except subprocess.TimeoutExpired as error:
                raise FaultyError(f"{node} does not end within {DEADLINE_S:g} s") from error
            reports[node] = report_from_dict(json.loads(out))
        whole = merge_reports(resolve(Topology.load(self.file)), reports, seconds=0.0)
        return check_ledger(json.loads(json.dumps(whole.to_dict(), default=str)))

    def recovered(self) -> Found:
        """Wait until messages go to the node that stands alone, and from it; then stop all."""
        began = monotonic()
        self.await_flow()
        took = monotonic() - began
        return self.found(took, self.stop(), notes="from its end")

    def await_flow(self) -> None:
        """Wait until more messages come to the node that stands alone, and more of its own to others."""
        # Of `feeds`, of `books`, and of the node itself.
        ways = (ALONE, "TradeTLV"), (ALONE, "OrderBookTLV"), ("recorder", "SpreadUpdateTLV")
        for way in [self.more_of(*way) for way in ways]:
            wait_for("messages go to it and from it again", way)


def _patient(text: str) -> str:
    return re.sub(r'(?m)^(class = "actors\.services\..*)$', r"\1\nmailbox = { deadline_s = 60.0 }", text)
