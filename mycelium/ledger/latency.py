"""Times of sampled messages: from the tell to the moment when the receiver takes the message, and in its handler.

One of 64 messages is sampled: the sender wraps it together with the time, and the receiver adds what
has passed since, and how long the handler takes, to histograms. Memory is bounded and the rest of the
messages pay a bit test.

**Why a histogram of our own.** The buckets are those of HdrHistogram, logarithmic with 32 linear parts.
Its port on PyPI, ``hdrhistogram``, allocates all buckets at once, which 100,000 actors cannot pay, and takes
1 us to record a value by its own figures; what a live histogram needs of it is the forty lines below.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from time import perf_counter_ns

__all__ = ["SAMPLE_MASK", "Latency", "LatencyHistogram", "now_ns"]

#: A message is sampled when ``count & SAMPLE_MASK`` is zero: 1 of 64.
SAMPLE_MASK = 63

now_ns = perf_counter_ns

# Values below 32 ns have a bucket each; above, every power of two is cut into 32 equal parts, so a bucket is at most
# 1/32 (3 %) wide. 2**40 ns are 18 minutes: what is slower counts there.
_PARTS_LOG2 = 5
_PARTS = 1 << _PARTS_LOG2
_LARGEST = (1 << 40) - 1


def _bucket(value: int) -> int:
    shift = max(value.bit_length() - _PARTS_LOG2 - 1, 0)
    return (shift << _PARTS_LOG2) + (value >> shift)


def _upper_end(bucket: int) -> int:
    if bucket < 2 * _PARTS:
        return bucket
    shift = (bucket >> _PARTS_LOG2) - 1
    return (((bucket & (_PARTS - 1)) + _PARTS + 1) << shift) - 1


_BUCKETS = _bucket(_LARGEST) + 1
#: Samples that are kept one by one before there are buckets.
_FEW = 16
_EMPTY = array("Q")


@dataclass(frozen=True, slots=True)
class Latency:
    """What the samples say, in nanoseconds; all zero without samples. Quantiles are at most 3 % too high."""

    samples: int
    p50_ns: int
    p99_ns: int
    max_ns: int


def _counted(samples: Iterable[int]) -> array[int]:
    buckets = array("Q", bytes(8 * _BUCKETS))
    for sample in samples:
        buckets[_bucket(sample)] += 1
    return buckets


class LatencyHistogram:
    """Counts by logarithmic bucket (9 KB, but a few samples cost a few bytes). One thread records; any may read or merge."""

    __slots__ = ("_few", "_many", "_max", "_total")

    def __init__(self) -> None:
        #: The first samples, 8 bytes each: an actor that has handled little shall not have all the buckets for it.
        self._few = b""
        #: Then the buckets, and from then on the largest sample and the sum of all.
        self._many = _EMPTY
        self._max = self._total = 0

    def record(self, value_ns: int) -> None:
        """Add one latency."""
        value = min(max(value_ns, 0), _LARGEST)
        many = self._many
        if many:
            many[_bucket(value)] += 1
            self._total += value
            if value > self._max:  # noqa: PLR1730 - twice as fast as max()
                self._max = value
        elif len(self._few) < 8 * _FEW:
            self._few += value.to_bytes(8, sys.byteorder)
        else:
            samples = (*self._first(), value)
            self._max, self._total = max(samples), sum(samples)
            self._many = _counted(samples)

    def _first(self) -> array[int]:
        return array("Q", self._few)

    def counts(self) -> array[int]:
        """How many samples each bucket has; empty without samples."""
        return self._many or (_counted(self._first()) if self._few else _EMPTY)

    @property
    def max_ns(self) -> int:
        """The largest that was recorded; 0 without samples."""
        return self._max if self._many else max(self._first(), default=0)

    @property
    def total_ns(self) -> int:
        """The sum of all that was recorded."""
        return self._total if self._many else sum(self._first())

    def cumulative(self, ends_ns: Iterable[int]) -> list[int]:
        """How many samples are at or below each of these ends, which rise, and how many there are in all.

        An end stands for the end of its bucket, which is at most 3 % further up.
        """
        counts = self.counts()
        if not counts:
            return [0 for _ in ends_ns] + [0]
        added = list(accumulate(counts))
        return [added[_bucket(min(end, _LARGEST))] for end in ends_ns] + added[-1:]

    def summary(self) -> Latency:
        """The quantiles of what was recorded so far."""
        return summarize((self,))


def summarize(histograms: Iterable[LatencyHistogram]) -> Latency:
    """The quantiles over several histograms together."""
    merged: list[int] = []
    largest = 0
    for one in histograms:
        buckets = one.counts()
        if buckets:
            merged = [a + b for a, b in zip(merged, buckets, strict=True)] if merged else list(buckets)
            largest = max(largest, one.max_ns)
    samples = sum(merged)
    return Latency(
        samples, _quantile(merged, samples, 0.5, largest), _quantile(merged, samples, 0.99, largest), largest
    )


def _quantile(buckets: list[int], samples: int, share: float, largest: int) -> int:
    rank = share * samples
    passed = 0
    for bucket, held in enumerate(buckets):
        passed += held
        if held and passed >= rank:
            return min(_upper_end(bucket), largest)
    return 0
