"""Contests over whole processes: what a service holds in memory, and how long a start takes.

Each measure runs a fresh interpreter in which NumPy cannot be imported, so that no figure holds it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

import mycelium

from .contest import Contest, Contestant, Figure, Measure
from .service import TOPOLOGY
from .units import BYTES, LATENCY

__all__ = ["LINKED_SERVICE", "RESIDENT", "SERVICE", "footprint", "output_of", "run_topology", "starting"]

SERVICE = "mycelium run, 3 actors"
LINKED_SERVICE = "the same, links of both kinds open"
BARE = "python, bare"
RESIDENT = Figure("resident", BYTES)
PEAK = Figure("peak", BYTES)
START = Figure("start to end", LATENCY)

_NO_NUMPY = "import sys; sys.modules['numpy'] = None\n"
_RUN = _NO_NUMPY + "from mycelium.cli import main\nmain()"
# One link of each kind, and a frame that has gone over the first of them.
_LINKS = """
import pathlib
from mycelium.link.ipc import IpcLink
from mycelium.link.net import NetLink
ipc = IpcLink(directory=pathlib.Path("links").absolute())
receiver, sender = ipc.receiver("bench/memory"), ipc.sender("bench/memory")
sender.send(bytes(1_000))
receiver.receive(5.0)
net = NetLink(listen=["tcp/127.0.0.1:0"])
"""
_ACTOR = "from mycelium import Actor, Source, handles"
_TLV = "import tlv.market_data"
_RUN_LINKED = _LINKS + _RUN
# What `mycelium.ledger.memory` reads, without an import that would show in the figure.
_TELL = """
import os
if os.path.exists("/proc/self/status"):
    with open("/proc/self/status") as status:
        found = dict(line.split(":", 1) for line in status)
    print([int(found[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM")])
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print([peak, peak])
"""
_PYKKA = """
import pykka
class Echo(pykka.ThreadingActor):
    def on_receive(self, message):
        return message
refs = [Echo.start() for _ in range(3)]
for number in range(COUNT):
    refs[number % 3].ask((number, 1, 2, 3))
"""


def footprint() -> Contest:
    """Resident memory at the end of some work, and at most."""
    return Contest(
        name="memory",
        question="How much memory does a service hold, without NumPy?",
        contestants=(
            Contestant(SERVICE, lambda: partial(_service, _RUN), ours=True),
            Contestant(LINKED_SERVICE, lambda: partial(_service, _RUN_LINKED), ours=True, needs="zenoh"),
            Contestant("import mycelium.Actor", lambda: _program(_ACTOR), ours=True),
            Contestant("import tlv", lambda: _program(_TLV), ours=True),
            Contestant("pykka, 3 actors", lambda: _program(_PYKKA)),
            Contestant(BARE, lambda: _program("")),
        ),
        references=(BARE, "pykka, 3 actors"),
        figures=(RESIDENT, PEAK),
        count=100_000,
        rounds=2,
        note="the service is a topology of a source and two actors with a config, run by the command line to its end; "
        "it has sent 200,000 messages; links bring iceoryx2 and Zenoh, whose code is most of what they add. pykka answers 1 ask in 100 of that, since unbounded tells would pile up",
    )


def starting() -> Contest:
    """From the start of the interpreter to its end."""
    return Contest(
        name="start",
        question="How long does a process take that only imports?",
        contestants=(
            Contestant("import mycelium.Actor", lambda: _started(_ACTOR), ours=True),
            Contestant("import tlv", lambda: _started(_TLV), ours=True),
            Contestant("import pykka", lambda: _started("import pykka")),
            Contestant(BARE, lambda: _started("")),
        ),
        references=(BARE, "import pykka"),
        figures=(START,),
        count=1,
        rounds=3,
    )


def _service(program: str, count: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="mycelium-bench-") as directory:
        topology = Path(directory, "footprint.toml")
        topology.write_text(TOPOLOGY.format(trades=count), encoding="utf-8")
        return run_topology(topology, directory, program)


def run_topology(topology: Path, directory: str | Path, program: str = _RUN) -> tuple[float, float]:
    """Resident memory at the end of a `mycelium run`, and at most, without NumPy."""
    report = json.loads(output_of(program, "run", str(topology), "--json", directory=directory))
    return float(report["resident_bytes"]), float(report["peak_bytes"])


def _program(program: str) -> Measure:
    def measure(count: int) -> tuple[float, float]:
        number = max(1, count // 100)
        resident, peak = json.loads(output_of(f"{_NO_NUMPY}COUNT = {number}\n{program}{_TELL}{_END}"))
        return float(resident), float(peak)

    return measure


# pykka's threads keep an interpreter alive.
_END = "\nsys.stdout.flush()\nos._exit(0)"


def _started(program: str) -> Measure:
    def measure(count: int) -> tuple[float]:
        started = perf_counter()
        for _ in range(count):
            output_of(_NO_NUMPY + program)
        return ((perf_counter() - started) / count,)

    return measure


def output_of(
    program: str, *arguments: str, directory: str | Path | None = None, settings: Mapping[str, str] | None = None
) -> str:
    """What a fresh interpreter prints. It finds the same ``mycelium`` as we do, and of its settings only these."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("MYCELIUM_")}
    ours = str(Path(mycelium.__file__).resolve().parents[1])
    # What is installed has its bytecode beside it; without, each program would compile all that it imports.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= settings or {}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (ours, environment.get("PYTHONPATH"))))
    command: Sequence[str] = (sys.executable, "-c", program, *arguments)
    ended = subprocess.run(  # noqa: S603 - our own interpreter, our own programs
        command, capture_output=True, text=True, check=False, env=environment, cwd=directory
    )
    if ended.returncode:
        msg = (
            f"a process of the bench ended with code {ended.returncode}: {ended.stderr.strip() or ended.stdout.strip()}"
        )
        raise RuntimeError(msg)
    return ended.stdout
