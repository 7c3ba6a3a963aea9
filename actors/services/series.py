"""A stream of numbers, kept as a picture of bounded size."""

from __future__ import annotations

__all__ = ["Series"]

_BARS = "▁▂▃▄▅▆▇█"
_SAMPLES_MAX = 256


class Series:
    """Count, range and evenly spaced samples of a stream, in bounded memory.

    When the samples are full every second one is dropped and from then on half as many are taken, so
    they always cover the whole stream.
    """

    __slots__ = ("_samples", "_stride", "count", "high", "last", "low")

    def __init__(self) -> None:
        self.count = 0
        self.low = 0
        self.high = 0
        self.last = 0
        self._samples: list[int] = []
        self._stride = 1

    def add(self, value: int) -> None:
        """Count one more number."""
        if not self.count:
            self.low = self.high = value
        elif value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value
        if not self.count % self._stride:
            self._samples.append(value)
            if len(self._samples) == _SAMPLES_MAX:
                del self._samples[1::2]
                self._stride *= 2
        self.count += 1
        self.last = value

    def sparkline(self, width: int = 48) -> str:
        """The stream from its begin to its end, in at most ``width`` bars."""
        samples = self._samples
        width = min(width, len(samples))
        picked = [samples[i * len(samples) // width] for i in range(width)]
        reach = max(1, self.high - self.low)
        return "".join(_BARS[(value - self.low) * (len(_BARS) - 1) // reach] for value in picked)
