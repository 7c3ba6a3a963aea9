"""Text to whole numbers: against Decimal and datetime, which share no code with ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.feeds.fixed_point import fixed_point
from actors.feeds.timestamps import iso_ns, micros_ns, millis_ns, seconds_ns, text_ns

EXACT = Context(prec=1000)
UNIT = Decimal("1e-8")


def units(text: str) -> Decimal:
    return EXACT.divide(EXACT.create_decimal(text), UNIT)


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_number_of_64_bits_is_read_exactly(number: int) -> None:
    assert fixed_point(format(EXACT.multiply(Decimal(number), UNIT), "f")) == number


@given(st.decimals(allow_nan=False, allow_infinity=False), st.sampled_from(["", "f", "E"]))
@example(Decimal("0.00031099999999999997"), "f")
@example(Decimal("1E-9"), "")
@example(Decimal("0E+400"), "")
@example(Decimal("92233720368.54775808"), "f")
@example(Decimal("1473149.475475905"), "")
def test_a_number_is_read_as_decimal_reads_it_or_refused(number: Decimal, form: str) -> None:
    text = format(number, form) if form else str(number)
    wanted = units(text)
    nearest = int(wanted.quantize(Decimal(1), ROUND_HALF_EVEN, EXACT)) if abs(wanted) < 2**70 else 2**70
    try:
        value = fixed_point(text)
    except ValueError:
        too_fine = wanted != nearest
        assert too_fine or not -(2**63) <= nearest < 2**63 or len(text) > 400
    else:
        assert abs(wanted - value) <= Decimal("0.5"), "the nearest; in the middle between two, either"
        assert abs(wanted - value) <= abs(wanted) / 2**48


@given(st.integers(1, 10**14))
def test_the_shortest_text_of_a_double_is_read_as_the_number_that_was_meant(number: int) -> None:
    sum_of_doubles = repr((number - 1) * 1e-8 + 1e-8)
    assert fixed_point(sum_of_doubles) == number


@pytest.mark.parametrize("text", ["0.123456789", "1e-9", "0.000000005", "1.000000001", "0.3000000001"])
def test_a_ninth_decimal_is_refused_and_not_rounded(text: str) -> None:
    with pytest.raises(ValueError, match="at most 8 decimals"):
        fixed_point(text)


@pytest.mark.parametrize("text", ["92233720368.54775808", "-92233720368.54775809", "1e11", "9" * 30, "1e9999"])
def test_a_number_beyond_64_bits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        fixed_point(text)


@pytest.mark.parametrize(
    "text", ["", ".", "-", "NaN", "inf", "1_000", "1,5", " 1", "1 ", "0x10", "1e", "²", "٣", "1.2.3", "1" * 401]
)
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"plain decimal|at most|64 bits"):
        fixed_point(text)


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    for parse in (fixed_point, iso_ns, seconds_ns, millis_ns, micros_ns, text_ns):
        try:
            result: object = parse(text)
        except ValueError as error:
            result = error
        assert isinstance(result, int) or str(result)


TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2261, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def nanoseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


@given(TIMES, st.sampled_from(["T", " "]), st.sampled_from(["Z", "", "+00:00"]))
def test_dates_are_read_to_the_microsecond(moment: datetime, between: str, zone: str) -> None:
    text = moment.replace(tzinfo=None).isoformat(between, "microseconds") + zone
    assert iso_ns(text) == text_ns(text) == nanoseconds(moment)


@given(TIMES, st.integers(-14, 14))
def test_a_zone_is_taken_into_account(moment: datetime, hours: int) -> None:
    there = moment.astimezone(timezone(timedelta(hours=hours)))
    assert iso_ns(there.isoformat()) == nanoseconds(moment)


@given(st.integers(0, 2**63 - 1))
def test_seconds_keep_every_decimal(number: int) -> None:
    text = f"{number // 10**9}.{number % 10**9:09d}"
    assert seconds_ns(text) == seconds_ns(text.rstrip("0").rstrip(".") or "0") == number


@given(st.integers(10**12, 9 * 10**12))
def test_digits_count_the_unit_that_their_number_tells(millis: int) -> None:
    assert text_ns(str(millis)) == millis_ns(str(millis)) == millis * 1_000_000
    assert text_ns(str(millis * 1000)) == micros_ns(str(millis * 1000)) == millis * 1_000_000
    assert text_ns(str(millis // 1000)) == millis // 1000 * 1_000_000_000


@pytest.mark.parametrize(
    "text",
    [
        "2021-02-30 00:00:00",
        "2021-01-08 24:00:00",
        "2021-01-08 00:60:00",
        "2021-01-08 00:00:60",
        "2021-01-08T00:00:00.1234567890Z",
        "1969-12-31 23:59:59",
        "2263-01-01 00:00:00",
        "2021-01-08",
        "2021-01-08 00:00:00+16:00",
        "0000-01-01 00:00:00",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|day|zone"):
        iso_ns(text)
