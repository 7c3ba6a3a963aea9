"""Refs across processes: over shared memory, with one that is killed between question and answer."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mycelium.errors.talking import ProcessDiedError
from mycelium.node.joined import JoinedNode
from tests.talking import DEADLINE_S, Ask, Note, TooMuchError, desk_and_book, peers
from tests.waiting import check_nothing_runs, wait_for

if importlib.util.find_spec("iceoryx2") is None:
    pytest.skip("the extra ipc is not installed", allow_module_level=True)

ROOT = Path(__file__).parent.parent

THE_OTHER = textwrap.dedent(
    """
    from mycelium.link.ipc import IpcLink
    from mycelium.node.joined import JoinedNode
    from tests.talking import desk_and_book

    with IpcLink() as link, JoinedNode(desk_and_book(dispatcher="pinned"), "right", link) as node:
        node.wait()
    """
)


@pytest.fixture
def left(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[JoinedNode]:
    """The node of the desk, here."""
    from mycelium.link.ipc import IpcLink

    folder = tmp_path_factory.mktemp("run")
    folder.chmod(0o700)
    monkeypatch.setenv("MYCELIUM_RUNTIME_DIR", str(folder))
    with IpcLink() as link, JoinedNode(desk_and_book(), "left", link, patience_s=0.2) as node:
        yield node
    check_nothing_runs()


def test_a_process_that_is_killed_fails_those_who_wait_for_it_at_once(left: JoinedNode) -> None:
    with subprocess.Popen([sys.executable, "-c", THE_OTHER], cwd=ROOT) as process:
        try:
            book: Any = left.refs["book"]
            desk: Any = left._actors["desk"]
            desk.tasks[1] = lambda desk: desk.watch(book)
            desk.tasks[2] = lambda desk: book.tell(Note(number=1000))
            for task in (1, 2):
                left.refs["desk"].ask(Ask(number=task), timeout=DEADLINE_S)
            assert wait_for(lambda: desk.notes == [1001])
            with pytest.raises(TooMuchError):
                book.ask(Ask(number=-1), timeout=DEADLINE_S)
            asked = book.ask(Ask(number=5000), block=False, timeout=DEADLINE_S)
            assert wait_for(lambda: not peers(left)[0].outlets[0x8000 + 1].mailbox.items)
        finally:
            process.kill()
        died = ProcessDiedError(actor="book", node="right")
        with pytest.raises(ProcessDiedError) as failed:
            asked.get()
        assert failed.value == died
        assert wait_for(lambda: desk.told)
        assert desk.told[0][0].error == died
