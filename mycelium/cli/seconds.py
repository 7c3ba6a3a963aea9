"""An option in seconds."""

from __future__ import annotations

from math import isfinite
from typing import Any

import click

__all__ = ["Seconds"]


class Seconds(click.FloatRange):
    """A number of seconds, from ``least`` to a day: neither "inf" nor "nan", which a range of floats takes."""

    def __init__(self, least: float) -> None:
        super().__init__(min=least, max=86_400)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Refuses what is none, as `click.FloatRange` does what is out of range."""
        seconds = click.FLOAT.convert(value, param, ctx)
        if not isfinite(seconds):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return float(super().convert(value, param, ctx))
