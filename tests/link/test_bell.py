"""The bell on which the ends of a channel sleep: none that rings is lost, and who rings never waits."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mycelium.link.bell import Bell

LONG = 60.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bell"


@pytest.fixture
def bell(file: Path) -> Iterator[Bell]:
    made = Bell(file)
    yield made
    made.close()


def test_it_rings_until_it_is_made_still(bell: Bell) -> None:
    assert not bell.sleep(0)
    bell.ring()
    bell.ring()
    assert bell.sleep(LONG)
    assert bell.sleep(LONG)
    bell.still()
    assert not bell.sleep(0)
    bell.still()
    bell.ring()
    assert bell.sleep(LONG)


def test_nobody_waits_who_rings_a_bell_that_nobody_hears(bell: Bell) -> None:
    for _ in range(10_000):  # more than it keeps
        bell.ring()
    assert bell.sleep(LONG)
    bell.still()
    assert not bell.sleep(0)


def test_it_wakes_a_thread_that_sleeps(bell: Bell, file: Path) -> None:
    """Whoever makes it still before looking misses nothing, whenever it rings."""
    other, seen, missed = Bell(file), [0], []
    given = 0
    looked = threading.Semaphore(0)

    def hear() -> None:
        while seen[0] < 2_000:
            bell.still()
            if given > seen[0]:
                seen[0] = given
                looked.release()
            elif not bell.sleep(LONG):
                missed.append(given)
                return

    thread = threading.Thread(target=hear)
    thread.start()
    for number in range(1, 2_001):
        given = number
        other.ring()
        assert looked.acquire(timeout=LONG)
    thread.join(LONG)
    assert seen == [2_000]
    assert not missed
    other.close()


def test_it_wakes_another_process(bell: Bell, file: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from mycelium.link.bell import Bell; Bell(Path(sys.argv[1])).ring()"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(file)]):
        assert bell.sleep(LONG)


def test_it_is_for_its_owner_only(bell: Bell, file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not os.get_inheritable(bell._pipe)


def test_what_is_no_pipe_is_refused(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"something")
    with pytest.raises(FileExistsError, match="not a named pipe"):
        Bell(file)
    assert file.read_bytes() == b"something"
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(OSError, match="symbolic links"):
        Bell(link)


def test_a_closed_one_may_be_closed_again(file: Path) -> None:
    bell = Bell(file)
    bell.close()
    bell.close()
    del bell
