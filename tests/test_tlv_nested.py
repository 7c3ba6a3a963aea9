"""Nested messages, arrays and groups."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import pytest

from tests.zero_copy import zero_copy
from tlv import TLV, DeclarationError, FieldBoundsError, FieldValueError, Group, Size, TruncatedError, i16, i64, u8, u32


class Point(TLV):
    x: i16
    y: i16 = 0


class Place(TLV, byteorder="big"):
    number: u32


class Shape(TLV):
    corner: Point
    place: Place
    path: Annotated[tuple[Point, ...], Size(2)]
    grid: Annotated[tuple[Annotated[tuple[u8, ...], Size(3)], ...], Size(2)] = ((1, 2, 3), (4, 5, 6))


class Track(TLV, type=1000):
    number: u8
    points: Group[Point] = ()
    places: Group[Place] = ()
    note: str = ""


def error(make: Any) -> FieldValueError:
    with pytest.raises(FieldValueError) as caught:
        make()
    return caught.value


SHAPE = Shape(Point(1, -1), Place(0x01020304), (Point(2), Point(3, 4)))


# ---- nested messages and arrays


def test_a_nested_message_lies_in_place_with_its_own_byte_order() -> None:
    expected = "01 00 ff ff 01 02 03 04 02 00 00 00 03 00 04 00 01 02 03 04 05 06"
    assert bytes(SHAPE).hex(" ", 1) == expected


def test_nested_messages_and_arrays_read_as_what_they_were_made_of() -> None:
    assert SHAPE.corner == Point(1, -1)
    assert SHAPE.place.number == 0x01020304
    assert SHAPE.path == (Point(2), Point(3, 4))
    assert SHAPE.grid == ((1, 2, 3), (4, 5, 6))
    assert Shape(**{name: getattr(SHAPE, name) for name in Shape.__match_args__}) == SHAPE


@zero_copy
def test_a_nested_message_is_a_view_of_its_part() -> None:
    buffer = bytearray(bytes(SHAPE))
    view = Shape.ref_from(buffer)
    corner, last = view.corner, view.path[1]
    buffer[0:2] = (77).to_bytes(2, "little")
    buffer[12:14] = (88).to_bytes(2, "little")
    assert (corner.x, last.x) == (77, 88)
    assert bytes(corner.to_owned()) == (77).to_bytes(2, "little") + b"\xff\xff"


def test_nested_messages_become_dictionaries_and_come_back() -> None:
    told = SHAPE.to_dict()
    assert told == {
        "corner": {"x": 1, "y": -1},
        "place": {"number": 0x01020304},
        "path": [{"x": 2, "y": 0}, {"x": 3, "y": 4}],
        "grid": [[1, 2, 3], [4, 5, 6]],
    }
    assert Shape.from_dict(told) == Shape.from_json(SHAPE.to_json()) == SHAPE
    assert Shape.from_dict({**told, "corner": Point(1, -1)}) == SHAPE


@pytest.mark.parametrize("wrong", [Place(1), (1, 2), {"x": 1}, None, 1])
def test_a_nested_field_takes_its_own_class_only(wrong: Any) -> None:
    refused = error(lambda: SHAPE.replace(corner=wrong))
    assert (refused.field, refused.rule, refused.kind) == ("corner", "not a Point", "Point")


def test_a_subclass_is_another_layout_and_is_refused() -> None:
    class Named(Point):
        name: Annotated[str, Size(4)] = ""

    assert error(lambda: SHAPE.replace(corner=Named(1))).rule == "not a Point"


@pytest.mark.parametrize(
    "grid, rule",
    [
        (((1, 2, 3),), "1 elements, not 2"),
        (((1, 2, 3),) * 3, "3 elements, not 2"),
        (((1, 2, 3), (1, 2)), "2 elements, not 3"),
        (((1, 2, 3), (1, 2, 256)), "outside 0..255"),
        ("ab", "not a sequence of elements"),
        (b"ab", "not a sequence of elements"),
    ],
)
def test_an_array_of_another_shape_is_refused(grid: Any, rule: str) -> None:
    refused = error(lambda: SHAPE.replace(grid=grid))
    assert (refused.field, refused.rule, refused.kind) == ("grid", rule, "u8[3][2]")


@pytest.mark.parametrize("wrong", [None, 5, object()])
def test_what_cannot_be_iterated_is_refused_as_array_and_as_group(wrong: Any) -> None:
    assert error(lambda: SHAPE.replace(grid=wrong)).field == "grid"
    assert error(lambda: Track(1, wrong)).field == "points"


def test_lists_and_generators_are_as_good_as_tuples_for_an_array() -> None:
    assert SHAPE.replace(grid=[[1, 2, 3], [4, 5, 6]]) == SHAPE
    assert SHAPE.replace(path=(Point(x, y) for x, y in ((2, 0), (3, 4)))) == SHAPE


def test_a_generator_that_was_used_up_does_not_hide_which_field_is_wrong() -> None:
    class Late(TLV):
        pair: Annotated[tuple[u8, ...], Size(2)]
        items: Group[Point]
        number: u8

    refused = error(lambda: Late((n for n in (1, 2)), (Point(n) for n in (1, 2)), 300))  # type: ignore[arg-type]
    assert refused.field == "number"


def test_arrays_of_arrays_of_messages_are_read_and_written() -> None:
    class Board(TLV):
        points: Annotated[tuple[Annotated[tuple[Point, ...], Size(1)], ...], Size(2)]

    board = Board(((Point(1, 2),), (Point(3, 4),)))
    assert bytes(board).hex(" ", 2) == "0100 0200 0300 0400"
    assert Board.ref_from(bytes(board)).points == ((Point(1, 2),), (Point(3, 4),))
    assert Board.from_dict(board.to_dict()) == Board.from_json(board.to_json()) == board


# ---- groups


def test_a_group_is_a_sequence() -> None:
    points = Track(1, [Point(1), Point(2), Point(3)]).points
    assert isinstance(points, Sequence)
    assert len(points) == 3
    assert points[0] == Point(1)
    assert points[-1] == Point(3)
    assert points[1:] == (Point(2), Point(3))
    assert points[::-2] == (Point(3), Point(1))
    assert [point.x for point in points] == [1, 2, 3]
    assert [point.x for point in reversed(points)] == [3, 2, 1]
    assert Point(2) in points
    assert Point(9) not in points
    assert points.index(Point(2)) == 1
    assert points == [Point(1), Point(2), Point(3)] == list(points)
    assert points != [Point(1)]
    assert points.__eq__("abc") is NotImplemented
    assert hash(points) == hash(Track(2, (Point(1), Point(2), Point(3))).points)
    assert repr(points) == "[Point(x=1, y=0), Point(x=2, y=0), Point(x=3, y=0)]"
    for outside in (3, -4):
        with pytest.raises(IndexError, match="of a group of 3"):
            points[outside]


def test_a_copy_of_a_group_is_a_tuple_of_owned_items() -> None:
    buffer = bytearray(bytes(Track(1, [Point(1), Point(2)])))
    points = Track.ref_from(buffer).points
    copies = [copy.copy(points), copy.deepcopy(points), pickle.loads(pickle.dumps(points))]
    del points
    buffer.clear()
    assert copies == [(Point(1), Point(2))] * 3


def test_an_empty_group_takes_no_room_and_is_still_a_sequence() -> None:
    empty = Track(1)
    assert len(empty.as_bytes()) == 32
    assert len(empty.points) == 0
    assert list(empty.places) == []
    assert bytes(Track(1, [], [])) == bytes(empty)


def test_groups_are_read_in_any_order_and_more_than_once() -> None:
    view = Track.ref_from(bytes(Track(7, [Point(1, 2)], [Place(3), Place(4)], "five")))
    assert view.note == "five"
    assert [place.number for place in view.places] == [3, 4]
    assert view.points[0].y == 2
    assert [place.number for place in view.places] == [3, 4]
    assert view.number == 7


def test_a_generator_fills_a_group() -> None:
    assert Track(1, (Point(x) for x in range(3))).points[2].x == 2  # type: ignore[arg-type]


def test_a_group_of_another_message_fills_a_group() -> None:
    first = Track.ref_from(bytearray(bytes(Track(1, [Point(1), Point(2)]))))
    assert Track(2, first.points).points == first.points
    assert Track(2, first.points[1:]).points[0].x == 2


@pytest.mark.parametrize("wrong", [[Place(1)], [Point(1), (1, 2)], [Point(1), None], [5], "ab"])
def test_an_item_of_another_class_is_refused(wrong: Any) -> None:
    refused = error(lambda: Track(1, wrong))
    assert (refused.field, refused.kind) == ("points", "group[Point]")
    assert refused.rule.endswith("is no Point")


def test_a_wrong_item_of_a_generator_is_refused_by_name_too() -> None:
    def items() -> Iterator[Any]:
        yield Point(1)
        yield "two"
        yield Point(3)

    assert error(lambda: Track(1, items())).rule == "str is no Point"  # type: ignore[arg-type]


def test_a_group_over_the_limit_is_refused_before_it_is_used_up() -> None:
    taken = 0

    def endless() -> Iterator[Point]:
        nonlocal taken
        point = Point(1)
        while True:
            taken += 1
            yield point

    refused = error(lambda: Track(1, endless()))  # type: ignore[arg-type]
    assert (refused.field, refused.rule) == ("points", "more than 65535 items")
    assert taken == 65_536
    assert len(Track(1, [Point(1)] * 65_535).points) == 65_535


def test_group_items_become_dictionaries_and_come_back() -> None:
    track = Track(1, [Point(1, 2)], [Place(3)], "n")
    assert track.to_dict() == {"number": 1, "points": [{"x": 1, "y": 2}], "places": [{"number": 3}], "note": "n"}
    assert Track.from_dict(track.to_dict()) == Track.from_json(track.to_json()) == track
    assert Track.from_dict({"number": 1, "points": track.points}) == Track(1, [Point(1, 2)])


@pytest.mark.parametrize("wrong", [5, None, {"x": 1}, "ab", [5], [{"x": 1}, 5]])
def test_a_dictionary_with_another_shape_names_the_field(wrong: Any) -> None:
    with pytest.raises(FieldValueError) as caught:
        Track.from_dict({"number": 1, "points": wrong})
    assert caught.value.field == "points"


def test_messages_with_equal_items_are_equal_however_their_bytes_lie() -> None:
    # The same track with the data of both groups swapped, as another encoder could lay it out.
    track = Track(1, [Point(1, 2)], [Place(3)])
    swapped = bytearray(bytes(track))
    points, places = swapped[32:48], swapped[48:64]
    swapped[32:48], swapped[48:64] = places, points
    swapped[1:5], swapped[9:13] = swapped[9:13], swapped[1:5]
    view = Track.ref_from(swapped)
    assert bytes(view) != bytes(track)
    assert view == track
    assert hash(view) == hash(track)


# ---- fields that a newer sender appended


def test_an_old_reader_reads_the_prefix_of_a_newer_message() -> None:
    class New(TLV, version=2):
        x: i16
        y: i16
        z: i64

    newer = New(1, 2, 3)
    assert Point.ref_from(newer.as_bytes()) == Point(1, 2)
    assert bytes(Point.ref_from(newer.as_bytes())) == bytes(Point(1, 2))
    with pytest.raises(TruncatedError, match="New needs 12 bytes at offset 0, there are 4"):
        New.ref_from(Point(1, 2).as_bytes())


def test_an_old_reader_reads_groups_whose_items_have_grown() -> None:
    class NewPoint(TLV):
        x: i16
        y: i16
        z: i64

    class NewTrack(TLV, version=2):
        number: u8
        points: Group[NewPoint]
        places: Group[Place]
        note: str
        added: i64
        more: bytes

    newer = NewTrack(7, [NewPoint(1, 2, 3), NewPoint(4, 5, 6)], [Place(8)], "note", 9, b"more")
    older = Track.ref_from(newer.as_bytes())
    assert older == Track(7, [Point(1, 2), Point(4, 5)], [Place(8)], "note")
    assert older.points[1].y == 5
    assert [point.x for point in older.points] == [1, 4]
    assert hash(older) == hash(Track(7, [Point(1, 2), Point(4, 5)], [Place(8)], "note"))
    assert older.replace(number=8).points == older.points


def test_items_smaller_than_declared_are_refused() -> None:
    class Tall(TLV):
        x: i16
        y: i16
        z: i16

    class Wide(TLV):
        number: u8
        points: Group[Tall] = ()
        places: Group[Place] = ()
        note: str = ""

    with pytest.raises(FieldBoundsError) as caught:
        Wide.ref_from(Track(1, [Point(1)]).as_bytes())
    assert caught.value.field == "points"


def test_a_message_without_fields_is_a_message_but_no_item() -> None:
    class Ping(TLV, type=1001):
        pass

    assert bytes(Ping()) == b""
    assert Ping.ref_from(b"") == Ping() == Ping.from_json("{}")
    assert repr(Ping()) == "Ping()"
    with pytest.raises(DeclarationError, match="Ping has no fields"):

        class Pings(TLV):
            pings: Group[Ping]
