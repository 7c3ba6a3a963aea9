"""iceoryx2 as links use it: loaded without what they do not need, and asked for services of bytes.

The package `iceoryx2` imports flatbuffers, and that NumPy: 15 MB that a service has no use for. Links
need only its compiled module, which takes 4 MB.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from mycelium.errors.link import LinkExtraError, LinkOpenError
from mycelium.link.bell import Bell
from mycelium.observing.places import check_owner
from tlv.digests import blake2b

__all__ = ["Home", "iceoryx2", "loan", "of_size", "opened", "send", "service_of_bytes", "service_of_events"]

T = TypeVar("T")

_NAME = "iceoryx2._iceoryx2"
_loading = threading.Lock()
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where POSIX puts it on Linux
_MARKER = "here"


def iceoryx2() -> Any:
    """The compiled module of iceoryx2. Raises `LinkExtraError`."""
    with _loading:  # Python's own lock is on what `import` loads; two threads in here abort the process
        found = sys.modules.get(_NAME)
        return found if found is not None else _load()


def _load() -> ModuleType:
    package = importlib.util.find_spec("iceoryx2")
    places = list(package.submodule_search_locations or ()) if package else []
    files = [file for place in places for file in sorted(Path(place).glob("_iceoryx2*.so"))]
    if not files:
        raise LinkExtraError(link="ipc", package="iceoryx2", extra="ipc", reason="there is no such package")
    spec = importlib.util.spec_from_file_location(_NAME, files[0])
    if spec is None or spec.loader is None:
        raise LinkExtraError(link="ipc", package="iceoryx2", extra="ipc", reason=f"{files[0]} is no module")
    try:
        module = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = module
        spec.loader.exec_module(module)
        module.set_log_level(module.LogLevel.Fatal)  # what goes wrong is raised, with what it means
    except Exception as error:
        sys.modules.pop(_NAME, None)
        raise LinkExtraError(link="ipc", package="iceoryx2", extra="ipc", reason=str(error)) from error
    return module


def opened(what: str, make: Callable[[], T]) -> T:
    """What ``make`` opens. Raises `LinkOpenError` that says what could not be, and why."""
    try:
        return make()
    except Exception as error:
        raise LinkOpenError(link="ipc", what=what, reason=f"{type(error).__name__}: {error}") from error


class Home:
    """The directory in which nodes of iceoryx2 meet, and what they leave in shared memory. Both are this user's alone.

    Who is here holds a lock, which the system takes back from a process that dies. Whoever comes or goes
    and finds nobody else removes all that is left: also what iceoryx2 itself cannot, after a process
    that was just clearing up behind another was killed too. A file in shared memory is locked as well: by it
    whoever comes anywhere else sees that nobody is here any more, also when the directory is gone.

    Raises `ControlAccessError` where others may use the directory, and `LinkOpenError`.

    Attributes:
        prefix: How the names of its files in shared memory begin.
    """

    def __init__(self, directory: Path) -> None:
        try:
            # The mode is that of the last folder only, and the one above is mostly that of the sockets of nodes.
            directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise LinkOpenError(link="ipc", what=str(directory), reason=error.strerror or str(error)) from error
        check_owner(directory)
        self.directory = directory.resolve()
        place = blake2b(os.fsencode(self.directory), digest_size=4).hexdigest()
        self.prefix = f"myc{os.getuid()}_{place}_"
        self._marker = _SHARED_MEMORY / f"{self.prefix}{_MARKER}"
        self._here: int | None = None
        self._marked: int | None = None

    def make_node(self) -> Any:
        """A node; what dead ones have left here is removed. Raises `LinkExtraError` and `LinkOpenError`."""
        iox2 = iceoryx2()

        def make() -> Any:
            config = iox2.config.default()
            config.global_cfg.root_path = iox2.Path.new(str(self.directory))
            config.global_cfg.prefix = iox2.FileName.new(self.prefix)
            builder = iox2.NodeBuilder.new().config(config)
            builder = builder.signal_handling_mode(iox2.SignalHandlingMode.Disabled)
            return builder.create(iox2.ServiceType.Ipc)

        with self._door():
            here = _open(self.directory / "here")
            try:
                if _is_alone(here):
                    self._remove_all()
                fcntl.flock(here, fcntl.LOCK_SH)
                self._marked = opened(str(self._marker), self._mark)
                _remove_abandoned()
                node = opened(f"a node in {self.directory}", make)
                for file in _SHARED_MEMORY.glob(f"{self.prefix}*.global_mgmt"):
                    file.chmod(0o600)  # the only one that iceoryx2 makes for everybody
            except BaseException:
                os.close(here)
                self._unmark()
                raise
            self._here = here
            return node

    def bell(self, name: str) -> Bell:
        """The bell of this name. Raises `LinkOpenError`."""
        file = self.directory / "bells" / blake2b(name.encode(), digest_size=16).hexdigest()

        def make() -> Bell:
            file.parent.mkdir(mode=0o700, exist_ok=True)
            return Bell(file)

        return opened(name, make)

    def _mark(self) -> int | None:
        """Say in shared memory that somebody is here."""
        if not _SHARED_MEMORY.is_dir():
            return None
        while True:
            marker = _open(self._marker)
            fcntl.flock(marker, fcntl.LOCK_SH)  # waits for who is just removing it
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(marker), self._marker.lstat()):
                    return marker
            os.close(marker)

    def _unmark(self) -> None:
        if self._marked is not None:
            os.close(self._marked)
            self._marked = None

    def leave(self) -> None:
        """Say that the node has gone."""
        if self._here is None:
            return
        with self._door():
            fcntl.flock(self._here, fcntl.LOCK_UN)
            if _is_alone(self._here):
                self._remove_all()
            os.close(self._here)
            self._here = None
            self._unmark()

    def _remove_all(self) -> None:
        for name in ("nodes", "services", "bells"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        for file in (*self.directory.glob(f"{self.prefix}*"), *_SHARED_MEMORY.glob(f"{self.prefix}*")):
            file.unlink(missing_ok=True)

    @contextmanager
    def creating(self) -> Iterator[None]:
        """Services are made one after another: who makes one sees none that somebody else is about to finish.

        So one that is unfinished now will stay so: its maker was killed, and iceoryx2 would wait for it in vain.
        """
        with self._door():
            for file in self.directory.glob("services/*.service"):
                with suppress(FileNotFoundError):  # its last user removes it meanwhile
                    if not file.stat().st_mode & stat.S_IRUSR:  # readable is the last thing it becomes
                        file.unlink()
            yield

    def forget(self, service: str) -> bool:
        """Remove what says that there is a service of this name; whether something did.

        For whoever is `creating`, and has waited in vain: its maker was killed when it had said so, and had not made the rest.
        """
        named = f'service_name = "{service}"\n'.encode()
        found = False
        for file in self.directory.glob("services/*.service"):
            with suppress(FileNotFoundError):
                if named in file.read_bytes():
                    file.unlink()
                    found = True
        return found

    @contextmanager
    def _door(self) -> Iterator[None]:
        """Nobody else comes or goes meanwhile."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        door = _open(self.directory / "door")
        try:
            fcntl.flock(door, fcntl.LOCK_EX)
            yield
        finally:
            os.close(door)


def _remove_abandoned() -> None:
    """Remove what this user's nodes have left in shared memory for other directories, where all of them are gone."""
    for marker in _SHARED_MEMORY.glob(f"myc{os.getuid()}_*_{_MARKER}"):
        with suppress(OSError):  # it is not ours, in use, or being removed
            if marker.lstat().st_uid != os.getuid():
                continue
            lock = os.open(marker, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for file in (*_SHARED_MEMORY.glob(f"{marker.name.removesuffix(_MARKER)}*"), marker):
                    file.unlink(missing_ok=True)
            finally:
                os.close(lock)


def _open(file: Path) -> int:
    return os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _is_alone(here: int) -> bool:
    """Whether nobody else holds this lock; then it is held by who asked."""
    try:
        fcntl.flock(here, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def service_of_bytes(node: Any, name: str, **settings: Any) -> Any:
    """A publish-subscribe service whose samples are bytes; ``settings`` are calls of its builder."""
    iox2 = iceoryx2()
    detail = iox2.TypeDetail.new().size(1).alignment(1)
    payload = detail.type_variant(iox2.TypeVariant.Dynamic).type_name(iox2.TypeName.new("mycelium.bytes"))
    nothing = iox2.TypeDetail.new().size(0).alignment(1)
    header = nothing.type_variant(iox2.TypeVariant.FixedSize).type_name(iox2.TypeName.new("()"))

    def make() -> Any:
        builder = node.service_builder(iox2.ServiceName.new(name)).__publish_subscribe()
        builder = builder.__payload_type_details(payload).__user_header_type_details(header)
        builder = builder.payload_alignment(iox2.Alignment.new(8))
        for setting, value in settings.items():
            builder = getattr(builder, setting)(value)
        return builder.open_or_create()

    return opened(name, make)


def service_of_events(node: Any, name: str, **settings: Any) -> Any:
    """An event service, on which one end waits for the other; ``settings`` are calls of its builder."""
    iox2 = iceoryx2()

    def make() -> Any:
        builder = node.service_builder(iox2.ServiceName.new(name)).event()
        for setting, value in settings.items():
            builder = getattr(builder, setting)(value)
        return builder.open_or_create()

    return opened(name, make)


def of_size(builder: Any, size: int) -> Any:
    """A builder of publishers whose samples have up to ``size`` bytes, all set aside beforehand."""
    iox2 = iceoryx2()
    return builder.__initial_max_slice_len(size).__allocation_strategy(iox2.AllocationStrategy.Static)


def loan(publisher: Any, size: int) -> Any:
    """A sample for that many bytes."""
    return publisher.__loan_slice_uninit(size)


def send(sample: Any) -> int:
    """Hand a loaned sample over; to how many it went."""
    sent: int = sample.__assume_init().send()
    return sent
