"""A roll-out, rehearsed on real processes: half of the services on legacy, the others not, and the work is the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tlv import read_frames

pytest.importorskip("iceoryx2", reason="the extra ipc is not installed")
if not Path("/dev/shm").is_dir():
    pytest.skip("there is no shared memory in /dev/shm", allow_module_level=True)

ROOT = Path(__file__).resolve().parent.parent
LEGACY = ("feeds", "strategy")


def run(file: Path, recording: Path) -> dict[str, Any]:
    settings = ("simulated_venues.messages=2000", "simulated_pools.messages=500", f"recorder.path={recording}")
    options = [word for setting in settings for word in ("--set", setting)]
    environment = {name: value for name, value in os.environ.items() if name != "MYCELIUM_TLV"}
    done = subprocess.run(
        [sys.executable, "-m", "mycelium", "run", str(file), "--json", *options],
        capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_half_of_the_services_on_legacy_do_the_same_work(tmp_path: Path) -> None:
    cluster = (ROOT / "configs/market_data_cluster.toml").read_text(encoding="utf-8")
    for node in LEGACY:
        assert f"[nodes.{node}]\n" in cluster
        cluster = cluster.replace(f"[nodes.{node}]\n", f'[nodes.{node}]\ntlv = "legacy"\n')
    (tmp_path / "half.toml").write_text(cluster, encoding="utf-8")
    half = run(tmp_path / "half.toml", tmp_path / "half.frames")
    one = run(ROOT / "configs/market_data.toml", tmp_path / "one.frames")
    assert half["tlv"] == f"legacy, {one['tlv']}"
    assert half["balanced"]
    assert half["messages"] == one["messages"]
    assert half["verdict"] == one["verdict"]
    assert [(row["actor"], row["handled"]) for row in half["actors"]] == [
        (row["actor"], row["handled"]) for row in one["actors"]
    ]
    recorded = [
        Counter(
            (type(message), bytes(message.as_bytes())) for frame in read_frames(file.read_bytes()) for message in frame
        )
        for file in (tmp_path / "half.frames", tmp_path / "one.frames")
    ]
    assert recorded[0] == recorded[1]
    assert recorded[0].total() > 2000
