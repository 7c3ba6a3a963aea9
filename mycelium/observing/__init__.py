"""Looking at a running node from outside: metrics, the control socket, traces.

* `metrics` serves what the counters say to Prometheus, `address` is where.
* `control` answers who looks, over a socket of which `places` knows; `attach` asks. `messages` are what goes over it, and
  `snapshot` makes and reads them.
* `trace` follows some messages, hop by hop, into the log; `hops` are those on their way.
* `otel` has handlers run in spans of OpenTelemetry, below those in which their messages were sent.

Nothing here is imported by a node that nobody looks at, and nothing is paid by a message: what is
shown is read off the counters of the ledger when somebody asks.
"""

from __future__ import annotations

__all__: list[str] = []
