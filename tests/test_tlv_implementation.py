"""The switch between the compiled core and its twin, and what only the compiled core could get wrong."""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import subprocess
import sys
import weakref
from typing import Annotated, Any

import pytest

from tests.zero_copy import zero_copy
from tlv import TLV, FrameWriter, Group, Size, i16, i32, i64, i256, implementation, read_frame

native_only = pytest.mark.skipif(implementation.native is None, reason="the compiled core does not run")


class Point(TLV, type=2001):
    x: i32
    y: i32 = 0


class Path(TLV, type=2002):
    start: Point
    points: Group[Point]


def run(choice: str, *, code: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MYCELIUM_TLV": choice}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


def test_the_environment_chooses_the_implementation() -> None:
    for choice in implementation.available():
        told = run(choice, code="from tlv import implementation; print(implementation.running)")
        assert told.stdout.strip() == choice, told.stderr


def test_an_unknown_implementation_is_a_declared_error() -> None:
    told = run("quick", code="import tlv")
    assert told.returncode != 0
    assert "TLV-013" in told.stderr
    assert "native or python" in told.stderr


def test_native_that_was_not_built_is_a_declared_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ImportError, match=r"TLV-013.*not built"):
        implementation._load("native")
    assert implementation._load("") is None  # the twin takes its place


def test_a_base_that_makes_instances_changeable_is_refused() -> None:
    class Mixin:
        pass

    with pytest.raises(TypeError, match="__dict__"):

        class Changeable(Mixin, TLV):
            x: i32


def test_a_base_without_state_is_welcome() -> None:
    class Mixin:
        __slots__ = ()

        def double(self) -> int:
            return int(self.x) * 2  # type: ignore[attr-defined]

    class Doubled(Mixin, TLV):
        x: i32

    assert Doubled(4).double() == 8


def test_a_replaced_attribute_is_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    point: Any = Point(1, 2)
    assert [point.x for _ in range(20)] == [1] * 20
    monkeypatch.setattr(Point, "x", property(lambda self: "replaced"))
    assert [point.x for _ in range(20)] == ["replaced"] * 20
    monkeypatch.undo()
    assert [point.x for _ in range(20)] == [1] * 20


def test_the_signature_of_a_message_is_that_of_its_fields() -> None:
    assert str(inspect.signature(Point)).startswith("(x, y=0")


def test_a_class_and_its_messages_are_collected() -> None:
    def use() -> weakref.ref[type[TLV]]:
        class Local(TLV):
            x: i32
            points: Group[Point]

        message = Local(1, [Point(1, 2)])
        assert message.points[0].y == 2
        assert Local.ref_from(bytes(message)).x == 1
        return weakref.ref(Local)

    gone = use()
    gc.collect()
    assert gone() is None


@zero_copy
def test_a_bytearray_under_a_part_of_a_view_cannot_be_resized() -> None:
    data = bytearray(bytes(Path(Point(1, 2), [Point(3, 4)])))
    part: Any = Path.ref_from(data).points[0]
    with pytest.raises(BufferError):
        data.append(0)
    assert part.y == 4
    del part
    data.append(0)


def test_a_released_memoryview_leaves_its_views_alone() -> None:
    for source in (bytes(Point(1, 2)), bytearray(bytes(Point(1, 2)))):
        window = memoryview(source)
        view = Point.ref_from(window)
        window.release()
        assert view.y == 2


def test_a_conversion_that_changes_its_own_list_harms_nothing() -> None:
    values: list[Any] = [1, 2]

    class Clearing:
        def __index__(self) -> int:
            values.clear()
            return 7

    values.append(Clearing())

    class Three(TLV):
        items: Annotated[tuple[i16, ...], Size(3)]

    assert Three(values).items == (1, 2, 7)  # type: ignore[arg-type]
    assert values == []


def test_a_handler_may_change_the_handlers() -> None:
    writer = FrameWriter()
    for x in range(3):
        writer.append(Point(x))
    seen: list[int] = []
    handlers: dict[type[TLV], Any] = {}

    def once(point: Point) -> None:
        seen.append(point.x)
        handlers.clear()

    handlers[Point] = once
    assert read_frame(writer.finish(), messages=(Point,)).dispatch(handlers) == 1
    assert seen == [0]


@native_only
def test_a_message_of_another_class_is_never_read_beyond_its_end() -> None:
    class Wide(TLV):
        a: i256

    point: Any = Point(1, 2)
    with pytest.raises(TypeError):
        Wide.a.__get__(point)  # type: ignore[attr-defined]
    point.__class__ = Wide
    with pytest.raises(TypeError):
        point.a


@native_only
def test_what_is_no_message_class_makes_no_message() -> None:
    core: Any = implementation.native
    with pytest.raises(TypeError):
        core.TLV()
    with pytest.raises(TypeError):
        type("Plain", (core.TLV,), {})()
    with pytest.raises(TypeError):
        core.equip(int, None)
    with pytest.raises(ValueError, match="no plan"):
        core.Plan("x", 8, False, (("n", "int", 4, 8, True, None, None, None, None, None, 0, 0, ()),), (0,), None)


@native_only
def test_a_message_is_one_block_and_no_object_of_the_collector() -> None:
    point = Point(1, 2)
    assert sys.getsizeof(point) == 48 + 8
    assert sys.getsizeof(Point.ref_from(bytes(8))) == 48
    assert not gc.is_tracked(point)


def test_a_finalizer_may_keep_the_message() -> None:
    kept: list[Any] = []

    class Kept(TLV):
        x: i64

        def __del__(self) -> None:
            kept.append(self)

    Kept(5)
    gc.collect()
    assert [one.x for one in kept] == [5]
