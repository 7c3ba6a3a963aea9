"""Who keeps whose bytes: memoryviews, messages and buffers let go of each other in whatever order they end."""

from __future__ import annotations

import array
import gc
import inspect
import mmap
import pickle
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tlv import TLV, BufferTypeError, FrameWriter, Group, i64, implementation, read_frame

native_only = pytest.mark.skipif(
    implementation.running != "native", reason="the twin shows the buffer, not the message"
)


class Level(TLV):
    price: i64


class Quote(TLV, type=2101):
    bid: i64
    ask: i64


class Book(TLV, type=2102):
    best: Level
    levels: Group[Level] = ()


QUOTE = Quote(5, -6)
BYTES = bytes(QUOTE)


class Buffer(bytearray):
    """Can be watched."""


@pytest.fixture(params=["quiet", "collected"])
def step(request: pytest.FixtureRequest) -> Callable[[], object]:
    """Between any two steps: nothing, or a collection."""
    return gc.collect if request.param == "collected" else int


def resizable(buffer: bytearray) -> bool:
    try:
        buffer.append(0)
    except BufferError:
        return False
    del buffer[-1]
    return True


# ---- what as_bytes() gives


@pytest.mark.parametrize("message", [QUOTE, Quote.ref_from(bytes(64), 8), Book(Level(1), [Level(2)])])
def test_as_bytes_is_a_read_only_memoryview_of_the_message(message: TLV) -> None:
    shown = message.as_bytes()
    assert type(shown) is memoryview
    assert shown == bytes(message)
    assert shown.readonly
    assert (shown.format, shown.itemsize, shown.ndim, shown.strides) == ("B", 1, 1, (1,))
    assert shown.shape == (len(shown),) == (shown.nbytes,)
    assert shown.c_contiguous
    assert shown.f_contiguous
    assert shown.suboffsets == ()
    with pytest.raises(TypeError):
        shown[0] = 1


@native_only
def test_the_memoryview_tells_whose_bytes_it_shows(step: Callable[[], object]) -> None:
    message: Any = Quote(1, 2)
    shown = message.as_bytes()
    part = shown[4:]
    assert shown.obj is part.obj is message
    assert not gc.is_tracked(message)
    del message
    step()
    assert shown.obj is part.obj
    assert shown.obj == Quote(1, 2)


def test_two_memoryviews_of_a_message_are_released_each_by_itself() -> None:
    first, second = QUOTE.as_bytes(), QUOTE.as_bytes()
    assert first is not second
    first.release()
    assert second == BYTES
    second.release()
    with pytest.raises(ValueError, match="released"):
        bytes(first)
    assert QUOTE.as_bytes() == BYTES


def test_a_released_memoryview_stays_released() -> None:
    """Also when the message shows its bytes again, or another message does."""
    shown = QUOTE.as_bytes()
    shown.release()
    again = [QUOTE.as_bytes(), *(Quote(i, i).as_bytes() for i in range(200))]
    for use in (bytes, len, lambda view: view[0], lambda view: view.obj, hash, lambda view: view.cast("b")):
        with pytest.raises(ValueError, match="released"):
            use(shown)
    assert again[0] == BYTES


def test_a_with_statement_ends_one_memoryview_and_no_other() -> None:
    for number in range(300):
        message = Quote(number, -number)
        with message.as_bytes() as outer:
            with message.as_bytes() as inner:
                assert inner == outer
            assert outer == bytes(message)
        with pytest.raises(ValueError, match="released"):
            bytes(outer)


def test_a_memoryview_with_an_export_cannot_be_released() -> None:
    message = Quote(1, 2)
    shown = message.as_bytes()
    export = pickle.PickleBuffer(shown)
    with pytest.raises(BufferError):
        shown.release()
    del message, shown
    gc.collect()
    assert [Quote(9, i).as_bytes() for i in range(100)]
    assert bytes(export) == bytes(Quote(1, 2))


@native_only
def test_the_hash_follows_the_bytes() -> None:
    buffer = bytearray(BYTES)
    message = Quote.ref_from(buffer)
    assert hash(message.as_bytes()) == hash(BYTES)
    buffer[:] = bytes(Quote(7, 8))
    assert hash(message.as_bytes()) == hash(bytes(Quote(7, 8)))


# ---- who outlives whom


ENDS = {
    "the memoryview first": ["shown", "message"],
    "the message first": ["message", "shown"],
}


@pytest.mark.parametrize("order", ENDS.values(), ids=list(ENDS))
def test_a_buffer_is_let_go_when_message_and_memoryview_are_gone(order: list[str], step: Callable[[], object]) -> None:
    buffer = bytearray(BYTES)
    held: dict[str, Any] = {"message": Quote.ref_from(buffer)}
    held["shown"] = held["message"].as_bytes()
    for name in order:
        step()
        assert not resizable(buffer)
        assert all(bytes(one) == BYTES for one in held.values())
        del held[name]
    step()
    assert resizable(buffer)


PARTS: dict[str, Callable[[memoryview], Any]] = {
    "slice": lambda shown: shown[8:],
    "cast": lambda shown: shown.cast("q"),
    "a part of a part": lambda shown: shown[4:][4:].cast("b"),
    "read-only": lambda shown: shown.toreadonly(),
    "memoryview": memoryview,
    "numpy": lambda shown: np.frombuffer(shown, "u1"),
    "pickle": pickle.PickleBuffer,
    "message": lambda shown: Level.ref_from(shown, 8),
    "its bytes": lambda shown: Level.ref_from(shown, 8).as_bytes(),
}


@pytest.mark.parametrize("part", PARTS.values(), ids=list(PARTS))
@pytest.mark.parametrize("released", [False, True], ids=["dropped", "released"])
def test_a_part_of_the_memoryview_outlives_both(
    part: Callable[[memoryview], Any], released: bool, step: Callable[[], object]
) -> None:
    buffer = bytearray(bytes(Quote(1, 0x0102030405060708)))
    message = Quote.ref_from(buffer)
    shown = message.as_bytes()
    kept = part(shown)
    if released:
        try:
            shown.release()
        except BufferError:  # it has a buffer of this very memoryview
            assert type(kept) is pickle.PickleBuffer
    del shown
    step()
    del message
    step()
    # Whatever takes its memory would show.
    others = [Quote(i, i).as_bytes() for i in range(200)]
    assert bytes(kept).endswith(bytes.fromhex("0807060504030201"))
    assert not resizable(buffer)
    del kept, others
    step()
    assert resizable(buffer)


def test_a_message_can_be_read_through_the_bytes_of_another(step: Callable[[], object]) -> None:
    buffer = bytearray(BYTES)
    chain: list[Any] = [Quote.ref_from(buffer)]
    for _ in range(20):
        chain.append(Quote.ref_from(chain[-1].as_bytes()))
    last = chain[-1]
    while chain:
        del chain[0]
        step()
        assert last == QUOTE
        assert not resizable(buffer)
    del last
    step()
    assert resizable(buffer)


def test_a_memoryview_that_is_released_lets_go_of_a_message_that_is_gone() -> None:
    buffer = bytearray(BYTES)
    shown = Quote.ref_from(buffer).as_bytes()
    assert shown == BYTES
    assert not resizable(buffer)
    shown.release()
    assert resizable(buffer)


def test_a_part_that_was_released_keeps_nothing() -> None:
    buffer = bytearray(BYTES)
    message = Quote.ref_from(buffer)
    part = message.as_bytes()[1:]
    part.release()
    del message
    assert resizable(buffer)


def test_hundreds_of_memoryviews_are_held_at_once(step: Callable[[], object]) -> None:
    """More than the module has to lend."""
    buffers = [bytearray(bytes(Quote(i, -i))) for i in range(300)]
    messages = [Quote.ref_from(buffer) for buffer in buffers]
    shown = [message.as_bytes() for message in messages]
    step()
    del messages[::2]
    step()
    del shown[::3]
    step()
    expected = [bytes(Quote(i, -i)) for i in range(300)]
    assert [bytes(view) for view in shown] == [one for i, one in enumerate(expected) if i % 3]
    del messages
    step()
    assert [bytes(view) for view in shown] == [one for i, one in enumerate(expected) if i % 3]
    assert [resizable(buffer) for buffer in buffers] == [i % 3 == 0 for i in range(300)]
    del shown
    step()
    assert all(map(resizable, buffers))


def test_the_bytes_of_many_messages_that_stay_cost_no_memory_each() -> None:
    """A message that showed its bytes once keeps no memoryview for ever."""
    messages = [Quote(i, i) for i in range(20_000)]
    for message in messages:
        message.as_bytes()
    gc.collect()
    blocks = sys.getallocatedblocks()
    for message in messages:
        message.as_bytes()
    more = [Quote(i, i) for i in range(100)]
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 1_000
    assert len(more) == 100


# ---- the collector, weak references, finalizers


def test_a_memoryview_found_by_the_collector_never_shows_freed_memory() -> None:
    messages = [Quote(number, number) for number in range(200)]
    for message in messages:
        message.as_bytes()
    del messages, message
    found = [one for one in gc.get_objects() if type(one) is memoryview]
    seen = {bytes(one) for one in found if not _is_released(one)}
    more = [Quote(i, ~i).as_bytes() for i in range(200)]
    assert [bytes(view) for view in more] == [bytes(Quote(i, ~i)) for i in range(200)]
    for view in found:
        if not _is_released(view):
            assert bytes(view) in seen
    del found


@pytest.mark.parametrize("threshold", [1, 2, 3, 7])
def test_a_collection_in_the_middle_of_as_bytes_may_show_bytes_too(threshold: int) -> None:
    """Up to Python 3.11 it comes while a memoryview is made, and can run any code."""
    shared = [Quote(number, -number) for number in range(5)]
    kept: list[tuple[TLV, memoryview]] = []

    def show(phase: str, info: dict[str, int]) -> None:
        kept.extend((message, message.as_bytes()) for message in shared[:2])
        for message in shared:
            message.as_bytes()

    before = gc.get_threshold()
    gc.callbacks.append(show)
    try:
        gc.set_threshold(threshold)
        for number in range(300):
            message = shared[number % 5] if number % 3 else Quote(number, number)
            kept.append((message, message.as_bytes()))
            if number % 50 == 0:
                del kept[::2]
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(show)
    assert all(shown == bytes(message) and shown.obj in {message, bytes(message)} for message, shown in kept)
    shown = [view for _, view in kept]
    expected = [bytes(message) for message, _ in kept]
    kept.clear()
    shared.clear()
    assert shown == expected
    shown.clear()
    assert [bytes(Quote(i, ~i).as_bytes()) for i in range(200)] == [bytes(Quote(i, ~i)) for i in range(200)]


def test_a_message_that_shows_its_bytes_while_it_is_about_to_gets_two_memoryviews() -> None:
    messages = [Quote(number, 0) for number in range(200)]
    held = [message.as_bytes() for message in messages]  # so that the next memoryview has to be made
    message = Quote(1, 2)
    inner: list[memoryview] = []

    def show(phase: str, info: dict[str, int]) -> None:
        inner.append(message.as_bytes())

    before = gc.get_threshold()
    gc.callbacks.append(show)
    try:
        gc.set_threshold(1)
        outer = message.as_bytes()
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(show)
    assert all(one is not outer and one == outer for one in inner)
    inner.clear()
    assert outer == bytes(Quote(1, 2))
    del outer
    message = Quote(3, 4)
    again = [Quote(number, 1).as_bytes() for number in range(200)]
    assert [bytes(one) for one in held + again] == [bytes(Quote(i, k)) for k in (0, 1) for i in range(200)]


def _is_released(view: memoryview) -> bool:
    try:
        view.nbytes
    except ValueError:
        return True
    return False


def test_a_weak_reference_ends_with_the_memoryview_or_its_message() -> None:
    told: list[str] = []
    message = Quote(1, 2)
    shown = message.as_bytes()
    watched = weakref.ref(shown, lambda _: told.append("gone"))
    assert watched() is shown
    del shown
    del message
    gc.collect()
    assert watched() is None
    assert told == ["gone"]
    assert Quote(3, 4).as_bytes() == bytes(Quote(3, 4))


def test_what_a_weak_reference_gives_keeps_the_message() -> None:
    buffer = bytearray(BYTES)
    message = Quote.ref_from(buffer)
    shown = message.as_bytes()
    watched = weakref.ref(shown)
    again: Any = watched()
    del shown, message
    gc.collect()
    assert again == BYTES
    del again
    gc.collect()
    assert watched() is None
    assert resizable(buffer)


def test_a_callback_may_show_bytes_itself() -> None:
    shown: list[memoryview] = []
    kept = []
    for number in range(300):
        message = Quote(number, number)
        view = message.as_bytes()
        kept.append(weakref.ref(view, lambda _: shown.append(Quote(7, 8).as_bytes())))
        del view, message
    gc.collect()
    assert len(shown) == 300
    assert set(map(bytes, shown)) == {bytes(Quote(7, 8))}


@native_only
def test_a_finalizer_runs_once_and_when_nobody_reads_any_more() -> None:
    told: list[int] = []

    class Watched(TLV):
        number: i64

        def __del__(self) -> None:
            told.append(self.number)

    shown = Watched(5).as_bytes()
    assert told == []
    assert shown == bytes(Level(5))
    del shown
    gc.collect()
    assert told == [5]


def test_a_finalizer_may_give_the_bytes_away() -> None:
    kept: list[memoryview] = []

    class Generous(TLV):
        number: i64

        def __del__(self) -> None:
            if not kept:
                kept.append(self.as_bytes())

    Generous(6)
    gc.collect()
    others = [Generous(i).as_bytes() for i in range(100)]
    assert kept[0] == bytes(Level(6))
    del others


def test_a_class_whose_messages_showed_their_bytes_is_collected() -> None:
    def use() -> weakref.ref[type[TLV]]:
        class Local(TLV):
            x: i64

        message = Local(1)
        assert message.as_bytes() == bytes(message)
        with Local(2).as_bytes() as shown:
            assert shown == bytes(Local(2))
        Local(3).as_bytes()
        return weakref.ref(Local)

    gone = use()
    gc.collect()
    assert gone() is None


def test_memoryviews_in_a_cycle_are_collected() -> None:
    buffer = Buffer(BYTES)
    watched = weakref.ref(buffer)
    message = Quote.ref_from(buffer)
    cycle: list[Any] = [message.as_bytes(), message, message.as_bytes()[2:]]
    cycle.append(cycle)
    del cycle, message, buffer
    gc.collect()
    assert watched() is None


def test_threads_show_the_bytes_of_one_message() -> None:
    message = Quote(1 << 40, 2)
    expected, wrong = bytes(message), []
    start = threading.Barrier(4)

    def read() -> None:
        start.wait(30)
        for i in range(3_000):
            with message.as_bytes() as shown:
                if shown != expected or (i % 7 == 0 and message.as_bytes()[8:] != expected[8:]):
                    wrong.append(i)

    threads = [threading.Thread(target=read) for _ in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []


# ---- views over buffers of others


def mapped(data: bytes) -> Iterator[Any]:
    memory = mmap.mmap(-1, len(data))
    memory[:] = data
    yield memory
    memory.close()  # a BufferError if anybody still reads


def numbers(data: bytes) -> Iterator[Any]:
    made = array.array("B", data)
    yield made
    made.append(0)


EXPORTERS = [mapped, numbers]


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("through", [lambda source: source, memoryview, lambda source: memoryview(source)[0:]])
def test_an_exporter_is_free_when_its_views_are_gone(
    exporter: Any, through: Callable[[Any], Any], step: Callable[[], object]
) -> None:
    owner = exporter(BYTES + BYTES)
    source = next(owner)
    given = through(source)
    views = [Quote.ref_from(given, offset) for offset in (0, 16, 0)]
    if isinstance(given, memoryview):
        given.release()
    del given
    step()
    frames = [view.as_bytes() for view in views]
    assert views == [QUOTE] * 3
    del views[1:]
    step()
    assert frames == [BYTES] * 3
    del views
    step()
    assert frames == [BYTES] * 3
    del frames, source
    step()
    next(owner, None)


def test_views_through_one_memoryview_hold_the_buffer_together() -> None:
    buffer = bytearray(BYTES)
    window = memoryview(buffer)
    views = [Quote.ref_from(window) for _ in range(50)]
    window.release()
    while views:
        assert not resizable(buffer)
        views.pop()
    assert resizable(buffer)


def test_a_released_memoryview_is_no_source_even_while_views_through_it_live() -> None:
    window = memoryview(bytearray(BYTES))
    view = Quote.ref_from(window)
    window.release()
    with pytest.raises(BufferTypeError, match="released"):
        Quote.ref_from(window)
    assert view == QUOTE


def test_frames_and_their_messages_hold_a_mapped_file_together(step: Callable[[], object]) -> None:
    writer = FrameWriter()
    for number in range(5):
        writer.append(Quote(number, -number))
    owner = mapped(bytes(writer.finish()))
    frame = read_frame(next(owner), messages=(Quote,))
    messages: list[Any] = list(frame)
    del frame
    step()
    shown = [message.as_bytes() for message in messages]
    assert [message.bid for message in messages] == list(range(5))
    del messages
    step()
    assert shown[4] == bytes(Quote(4, -4))
    del shown
    step()
    next(owner, None)


def test_an_exporter_that_refuses_is_told_as_before() -> None:
    for source in (object(), 5, "text", None):
        with pytest.raises(BufferTypeError):
            Quote.ref_from(source)  # type: ignore[arg-type]
    scattered: Any = np.zeros((4, 4), "u1")[:, ::2]
    with pytest.raises(BufferTypeError):
        Quote.ref_from(scattered)


# ---- methods, which the compiled core binds in its own way


def test_a_bound_method_is_like_any_other() -> None:
    message = Quote(1, 2)
    method: Any = message.as_bytes
    assert method() == bytes(message)
    assert method.__name__ == "as_bytes"
    assert method.__self__ is message
    assert method == message.as_bytes
    assert hash(method) == hash(message.as_bytes)
    assert method != message.validate
    assert method != Quote(1, 2).write_into
    assert "as_bytes" in repr(method)
    with pytest.raises(TypeError):
        method(1)
    with pytest.raises(AttributeError):
        method.absent
    assert callable(method)
    assert inspect.isroutine(method)


@native_only
def test_a_bound_method_is_a_builtin_to_whoever_asks() -> None:
    method = QUOTE.as_bytes
    assert isinstance(method, types.BuiltinMethodType)
    assert pickle.loads(pickle.dumps(method))() == BYTES
    assert method.__doc__ == Quote.as_bytes.__doc__


def test_a_bound_method_takes_its_arguments_in_any_way() -> None:
    target = bytearray(40)
    write: Any = QUOTE.write_into
    assert write(target) == write(target, 8) == write(target, offset=16) == write(buffer=target, offset=24) == 16
    assert write(*[target], offset=0) == 16
    assert target == BYTES + BYTES[:8] + BYTES
    wrong: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), {}),
        ((target, 0, 0), {}),
        ((target,), {"buffer": target}),
        ((target,), {"at": 0}),
    ]
    for arguments, named in wrong:
        with pytest.raises(TypeError):
            write(*arguments, **named)


def test_a_bound_method_keeps_its_message() -> None:
    buffer = bytearray(BYTES)
    method = Quote.ref_from(buffer).as_bytes
    assert not resizable(buffer)
    assert method() == BYTES
    del method
    assert resizable(buffer)


def test_a_method_that_a_class_replaces_is_what_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    class Louder(TLV):
        x: i64

        def to_owned(self) -> Any:
            return "louder"

    for _ in range(20):
        assert Louder(1).to_owned() == "louder"
        assert Louder(1).as_bytes() == bytes(Level(1))
    monkeypatch.setattr(Louder, "as_bytes", lambda self: b"replaced")
    assert [Louder(1).as_bytes() for _ in range(20)] == [b"replaced"] * 20
    monkeypatch.undo()
    assert Louder(1).as_bytes() == bytes(Level(1))
