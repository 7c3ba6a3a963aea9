"""Writers of frames, the compiled one and its twin: the same bytes, errors and counts, and nothing that harms memory."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz import twins
from fuzz.outcomes import told
from tests.strategies import share

pytestmark = pytest.mark.skipif(twins.native() is None, reason="the compiled core was not built")

WRONG = (AttributeError, TypeError, ValueError)
HEADER = 32


def both() -> tuple[Any, Any]:
    return twins.native(), twins.python()


def same(act: Callable[[Any], Any]) -> Any:
    """What both implementations give."""
    compiled, plain = (told(act, t, allowed=WRONG) for t in both())
    assert compiled == plain
    return compiled


@cache
def declared(t: Any, name: str) -> Any:
    """One of the messages of tests about frames, of either implementation."""
    match name:
        case "Tick":
            return t.define_tlv(name, {"price": t.i64, "venue_id": t.u32}, type=1000, version=3)
        case "Flag":
            return t.define_tlv(name, {"value": t.u8}, type=1001)
        case "Note":
            return t.define_tlv(name, {"number": t.u32, "text": str}, type=1002)
        case "Heartbeat":
            return t.define_tlv(name, {}, type=1003)
    return t.define_tlv("Level", {"price": t.i64, "size": t.u64})


def ticking(t: Any, *values: Any) -> Any:
    return declared(t, "Tick")(*values)


@pytest.fixture
def native() -> Any:
    return twins.native()


messages = st.one_of(
    st.tuples(st.just("Tick"), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**32 - 1)),
    st.tuples(st.just("Flag"), st.integers(0, 255)),
    st.tuples(st.just("Note"), st.integers(0, 9), st.text(max_size=40)),
    st.tuples(st.just("Heartbeat")),
    st.tuples(st.just("Level"), st.just(1), st.just(2)),
)
steps = st.one_of(
    st.tuples(st.just("append"), messages),
    st.tuples(st.just("append a view"), messages),
    st.tuples(st.just("emplace"), messages),
    st.tuples(st.just("append what is wrong"), st.sampled_from([None, 7, "text", b"bytes", [1]])),
    st.tuples(st.just("finish"), st.none()),
)


@share(0.5)
@given(
    st.lists(steps, max_size=30),
    st.none() | st.integers(HEADER, 300),
    st.integers(HEADER, 400) | st.just(2**32 + 31),
    st.booleans(),
)
def test_whatever_is_done_to_it_a_writer_does_as_its_twin(
    script: list[tuple[str, Any]], size: int | None, limit: int, checksum: bool
) -> None:
    def run(t: Any) -> list[Any]:
        buffer = None if size is None else bytearray(b"\xff" * size)
        writer = t.FrameWriter(buffer=buffer, limits=t.Limits(limit), checksum=checksum, clock=lambda: 5)
        seen: list[Any] = []
        for what, given_ in script:
            seen.append(told(step, t, writer, what, given_, allowed=WRONG))
            seen.extend((writer.size, writer.message_count, None if buffer is None else bytes(buffer)))
        return [*seen, bytes(writer.finish())]

    def step(t: Any, writer: Any, what: str, given_: Any) -> Any:
        if what == "finish":
            return bytes(writer.finish())
        if what == "append what is wrong":
            return writer.append(given_)
        kind, *values = given_
        kind = declared(t, kind)
        if what == "emplace":
            return writer.emplace(kind, *values)
        message = kind(*values)
        if what == "append a view":
            message = kind.ref_from(bytearray(b"..." + bytes(message)), 3)
        fits = writer.fits(message)
        try:
            writer.append(message)
        except t.FrameFullError:
            assert not fits
            raise
        return fits

    same(run)


@pytest.mark.parametrize("kind", ["Tick", "Flag", "Note", "Heartbeat"])
def test_a_buffer_that_is_too_small_is_told_at_every_byte(kind: str) -> None:
    values = {"Tick": (1, 2), "Flag": (3,), "Note": (4, "five"), "Heartbeat": ()}[kind]

    def run(t: Any, size: int) -> list[Any]:
        buffer = bytearray(b"\xff" * (size + 16))
        writer = t.FrameWriter(buffer=memoryview(buffer)[:size], clock=lambda: 5)
        done = [told(writer.append, declared(t, kind)(*values)) for _ in range(3)]
        assert buffer[size:] == b"\xff" * 16
        return [*done, writer.size, writer.message_count, bytes(buffer)]

    for size in range(HEADER, HEADER + 100):
        same(lambda t, size=size: run(t, size))  # type: ignore[misc]


@share(0.5)
@given(st.integers(0, 100), st.integers(0, 3))
def test_a_view_of_the_very_bytes_that_are_written_is_copied_as_the_twin_does(offset: int, before: int) -> None:
    def run(t: Any) -> bytes:
        buffer = bytearray(range(128))
        writer = t.FrameWriter(buffer=buffer, clock=lambda: 5)
        for number in range(before):
            writer.append(ticking(t, number, number))
        writer.append(declared(t, "Tick").ref_from(buffer, offset))
        return bytes(buffer)

    same(run)


# What a class is called on the wire --------------------------------------------------------------------------------


def test_a_class_that_gets_another_type_is_written_under_that_one() -> None:
    def run(t: Any) -> list[Any]:
        cls = t.define_tlv("Moved", {"x": t.i64}, type=2500)
        writer = t.FrameWriter(clock=lambda: 5)
        done: list[Any] = []
        for type_id in (2500, 2501, 65535, 65536, -1, 2502.0, "x", None, 2503):
            cls.type_id = type_id
            try:
                writer.append(cls(1))
            except Exception as problem:  # whatever it is, the twin has it too
                done.append(type(problem).__name__)
        return [*done, bytes(writer.finish())]

    same(run)


def test_a_class_whose_type_is_asked_of_code_is_asked_each_time() -> None:
    class Growing:
        def __init__(self) -> None:
            self.last = 100

        def __get__(self, instance: object, owner: type) -> int:
            self.last += 1
            owner.touched = self.last  # type: ignore[attr-defined]
            return self.last

    def run(t: Any) -> list[int]:
        cls = t.define_tlv("Asked", {"x": t.i64}, type=2500)
        cls.type_id = Growing()
        buffer = bytearray(128)
        writer = t.FrameWriter(buffer=buffer)
        for number in range(3):
            writer.append(cls(number))
        return [int.from_bytes(buffer[at : at + 2], "little") - 100 for at in range(HEADER, HEADER + 48, 16)]

    compiled, plain = (run(t) for t in both())
    assert plain == [1, 2, 3]
    assert compiled == sorted(set(compiled)), "an answer was used twice"


def test_a_message_that_gives_other_bytes_of_its_own_is_written_with_these() -> None:
    def run(t: Any) -> bytes:
        cls = t.define_tlv("Own", {"x": t.i64}, type=2500)
        writer = t.FrameWriter(clock=lambda: 5)
        writer.append(cls(1))
        cls._payload = lambda self: b"other"
        writer.append(cls(1))
        return bytes(writer.finish())

    assert b"other" in same(run)[1]


def test_a_class_that_emplaces_in_a_way_of_its_own_is_asked_to() -> None:
    def run(t: Any) -> list[Any]:
        cls = t.define_tlv("Own", {"x": t.i64}, type=2500)
        seen: list[Any] = []
        writer = t.FrameWriter(clock=lambda: 5)
        writer.emplace(cls, 1)
        usual = cls.emplace
        cls.emplace = lambda buffer, offset, *args, **fields: seen.append((offset, args, fields))
        writer.emplace(cls, 2, y=3)
        cls.emplace = usual
        writer.emplace(cls, x=4)
        assert seen == [(HEADER + 16 + 8, (2,), {"y": 3})]
        return [bytes(writer.finish())]

    same(run)


# Values whose conversion runs code ---------------------------------------------------------------------------------


class Acting:
    """A number that does something when it is asked for."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __index__(self) -> int:
        self.act()
        return 7


@pytest.mark.parametrize(
    "act",
    [
        lambda writer, t: writer._buf.release(),
        lambda writer, t: delattr(writer, "_buf"),
        lambda writer, t: setattr(writer, "_buf", memoryview(bytearray(HEADER + 3))),
        lambda writer, t: setattr(writer, "_buf", writer._buf.toreadonly()),
        lambda writer, t: setattr(writer, "_at", 2**62),
        lambda writer, t: setattr(writer, "_limit", 0),
        lambda writer, t: writer.append(ticking(t, 1, 2)),
        lambda writer, t: writer.finish(),
        lambda writer, t: setattr(declared(t, "Tick"), "type_id", 1000),
        lambda writer, t: gc.collect(),
    ],
    ids=[
        "released",
        "deleted",
        "too small",
        "read-only",
        "far away",
        "no room",
        "append",
        "finish",
        "class",
        "collect",
    ],
)
def test_a_value_that_spoils_the_writer_while_it_is_converted_harms_no_memory(
    native: Any, act: Callable[[Any, Any], None]
) -> None:
    room = bytearray(b"\xff" * 600)
    writer = native.FrameWriter(buffer=memoryview(room)[200:400], checksum=False)
    for _ in range(20):
        try:
            writer.emplace(declared(native, "Tick"), Acting(lambda: act(writer, native)), 2)
        except Exception:  # whatever it is
            break
    assert room[:200] == room[400:] == b"\xff" * 200


def test_a_value_that_raises_leaves_the_frame_as_it_was() -> None:
    def run(t: Any) -> list[Any]:
        writer = t.FrameWriter(clock=lambda: 5)
        writer.emplace(declared(t, "Tick"), 1, 2)
        done = [told(writer.emplace, declared(t, "Tick"), Acting(lambda: int("x")), 2, allowed=WRONG)]
        return [*done, writer.size, writer.message_count, bytes(writer.finish())]

    same(run)


@pytest.mark.parametrize(
    ("args", "fields"),
    [
        ((), {}),
        ((1,), {}),
        ((1, 2, 3), {}),
        ((1, 2), {"price": 3}),
        ((1, "x"), {}),
        ((1,), {"other": 2}),
        ((1, 2**40), {}),
    ],
)
def test_arguments_that_misfit_are_told_as_the_twin_does(args: tuple[Any, ...], fields: dict[str, Any]) -> None:
    def run(t: Any) -> list[Any]:
        writer = t.FrameWriter(clock=lambda: 5)
        done = [told(partial(writer.emplace, **fields), declared(t, "Tick"), *args, allowed=WRONG)]
        return [*done, writer.size, writer.message_count, bytes(writer.finish())]

    same(run)


def test_what_is_no_message_class_cannot_be_emplaced() -> None:
    def run(t: Any) -> list[str]:
        seen = []
        for args in ((), (None,), (7,), (int, 1), (t.TLV,), (ticking(t, 1, 2),)):
            try:
                t.FrameWriter().emplace(*args)
                seen.append("nothing")
            except Exception as problem:  # whatever it is, the twin has it too
                seen.append(type(problem).__name__)
        return seen

    assert "nothing" not in str(same(run))


@pytest.mark.parametrize("fields", [1, 39, 40, 41, 64, 65, 100])
def test_messages_of_any_number_of_fields_are_emplaced(fields: int) -> None:
    def run(t: Any) -> bytes:
        cls = t.define_tlv("Wide", {f"field_{number}": t.u64 for number in range(fields)}, type=2500)
        writer = t.FrameWriter(clock=lambda: 5)
        writer.emplace(cls, *range(fields))
        writer.emplace(cls, **{f"field_{number}": 2**64 - 1 - number for number in range(fields)})
        return bytes(writer.finish())

    same(run)


# A writer in odd hands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda writer: writer._buf.release(),
        lambda writer: setattr(writer, "_buf", writer._buf.toreadonly()),
        lambda writer: setattr(writer, "_buf", None),
        lambda writer: delattr(writer, "_buf"),
        lambda writer: setattr(writer, "_buf", writer._buf.cast("H")),
        lambda writer: setattr(writer, "_buf", writer._buf[::2]),
        lambda writer: setattr(writer, "_limit", -1),
    ],
    ids=["released", "read-only", "none", "deleted", "of larger items", "with gaps", "no room"],
)
def test_a_writer_without_a_buffer_to_write_in_says_what_its_twin_says(spoil: Callable[[Any], None]) -> None:
    def run(t: Any) -> Any:
        writer = t.FrameWriter(buffer=bytearray(200))
        spoil(writer)
        try:
            writer.append(ticking(t, 1, 2))
        except Exception as problem:  # whatever it is, the twin has it too
            return type(problem).__name__
        return "it was written"

    assert "written" not in same(run)[1]


@pytest.mark.parametrize("at", [-(2**63), -9, -1, 0, 31, 190, 200, 201, 2**63 - 9, 2**63 - 1])
def test_a_place_outside_its_buffer_is_never_written_to(native: Any, at: int) -> None:
    room = bytearray(b"\xff" * 600)
    writer = native.FrameWriter(buffer=memoryview(room)[200:400])
    writer._at = at
    with pytest.raises(Exception):  # noqa: B017 - as long as it is one
        for _ in range(9):
            writer.append(ticking(native, 1, 2))
    assert room[:200] == room[400:] == b"\xff" * 200


def test_the_callers_memoryview_may_be_released_and_its_bytearray_cannot_be_resized(native: Any) -> None:
    buffer = bytearray(200)
    window = memoryview(buffer)
    writer = native.FrameWriter(buffer=window, checksum=False)
    window.release()
    writer.append(ticking(native, 1, 2))
    resizes: tuple[Callable[[], None], ...] = (
        lambda: buffer.append(0),
        buffer.clear,
        lambda: buffer.extend(bytes(9_999)),
    )
    for resize in resizes:
        with pytest.raises(BufferError):
            resize()
    writer.append(ticking(native, 3, 4))
    (one, other) = native.read_frame(writer.finish(), messages=(declared(native, "Tick"),))
    assert (one.price, other.price) == (1, 3)
    del writer, one, other
    gc.collect()
    buffer.append(0)


def test_append_takes_one_message_also_by_name() -> None:
    def run(t: Any, *args: Any, **named: Any) -> Any:
        writer = t.FrameWriter()
        try:
            writer.append(*args, **named)
        except TypeError:
            return "TypeError"
        return writer.message_count

    assert same(lambda t: run(t, message=ticking(t, 1, 2)))[1] == 1
    for wrong in (run, lambda t: run(t, ticking(t, 1, 2), 3), lambda t: run(t, other=1)):
        assert same(wrong)[1] == "TypeError"


def test_a_writer_has_attributes_subclasses_and_weak_references_as_its_twin(native: Any) -> None:
    class Counting(native.FrameWriter):  # type: ignore[misc]
        appended = 0

        def append(self, message: Any) -> None:
            super().append(message)
            self.appended += 1

    writer = Counting()
    writer.note = writer  # a circle
    for number in range(300):  # it grows on the way
        writer.append(ticking(native, number, 0))
    assert (writer.appended, writer.message_count) == (300, 300)
    assert vars(writer)["note"] is writer
    gone = weakref.ref(writer)
    del writer
    gc.collect()
    assert gone() is None


def test_many_threads_append_to_one_writer_and_no_message_is_lost(native: Any) -> None:
    threads, each = 8, 2_000
    writer = native.FrameWriter(buffer=bytearray(HEADER + threads * each * 24), checksum=False)
    start = Barrier(threads, timeout=60)

    def work(thread: int) -> None:
        start.wait()
        for number in range(each):
            writer.append(ticking(native, thread * each + number, thread))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
    finally:
        sys.setswitchinterval(before)
    assert writer.message_count == threads * each
    frame = native.read_frame(writer.finish(), messages=(declared(native, "Tick"),))
    assert sorted(tick.price for tick in frame) == list(range(threads * each))
