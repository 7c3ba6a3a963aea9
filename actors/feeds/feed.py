"""`Feed`: what all feeds share. It finds the files, reads them in the order of time, and says what it did."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from actors.errors import FeedError
from actors.pacing import paced, speed_factor
from configs.feeds import FeedConfig
from mycelium.actor.source import Source
from tlv import TLV, error_with_code

from .files import InputFile, find_files, first_to_announce, take_inventory
from .markets import Markets
from .reading import Policy, Reading, quiet

__all__ = ["Feed", "left_out_text"]

_FILES_SHOWN = 20
_NAMES_SHOWN = 3


class Feed(Source):
    """A source that reads recorded files.

    A subclass says in `feed` which formats are its own (see `formats`), in `messages` how to read
    them, and in `first_time` how early a file begins. Faults follow the config, see `Reading`.
    """

    feed = ""

    def __init__(self, config: FeedConfig) -> None:
        super().__init__()
        self.config = config
        speed_factor(config.speed)  # refuses what is none, before anything runs
        self.markets = Markets(self.venues, config.unknown_venues, self.log)
        self.readings: list[Reading] = []
        self.refused: Counter[str] = Counter()
        self.not_read: tuple[tuple[str, str], ...] = ()
        self.progress.label = "bytes"

    def policy(self) -> Policy:
        """What to do with faults."""
        return Policy(on_malformed=self.config.on_malformed)

    @abstractmethod
    def messages(self, readings: Sequence[Reading]) -> Iterator[TLV]:
        """The messages of all files."""

    @abstractmethod
    def first_time(self, reading: Reading) -> int:
        """When the first usable row of a file happened, for the order of the files."""

    def produce(self) -> Iterator[TLV]:
        files = find_files(self.feed, self.config.input, self.config.files)
        self._tell_not_read()
        if not files:
            self.log.info("nothing to read", formats=self.feed, input=str(self.config.input or "not set"))
        policy = self.policy()
        self.progress.total = sum(file.size for file in files)
        for file in sorted(files, key=lambda file: (self._first_time(file), str(file.path))):
            if file.sniffed.wrong_columns is not None:
                reading = Reading(file, policy, self.log, refused=self.refused)
                self.readings.append(reading)
                reading.refuse(file.sniffed.wrong_columns)
                continue
            self.readings.append(Reading(file, policy, self.log, self._progress_of(), self.refused))
        usable = [reading for reading in self.readings if reading.file.sniffed.wrong_columns is None]
        return paced(self.messages(usable), self.config.speed, self.wait_until)

    def summary(self) -> str:
        """What was read, file by file, and what was left out, by error code."""
        rows = sum(reading.rows for reading in self.readings)
        lines = [f"{_count(len(self.readings), 'file')}, {_count(rows, 'row')}"]
        lines += [f"  {_reading_text(reading)}" for reading in self.readings[:_FILES_SHOWN]]
        if len(self.readings) > _FILES_SHOWN:
            lines.append(f"  and {_count(len(self.readings) - _FILES_SHOWN, 'more file')}")
        if self.not_read:
            names = [name.rpartition("/")[2] for name, _ in self.not_read]
            more = ", ..." if len(names) > _NAMES_SHOWN else ""
            shown = ", ".join(names[:_NAMES_SHOWN])
            lines.append(f"  not read by any feed: {_count(len(names), 'file')} ({shown}{more})")
        return "\n".join(lines)

    def _first_time(self, file: InputFile) -> int:
        try:
            return self.first_time(Reading(file, Policy(on_malformed="skip"), quiet))
        except FeedError:
            return 0

    def _progress_of(self) -> Callable[[int], None]:
        reached = 0

        def advance(position: int) -> None:
            nonlocal reached
            self.progress.done += position - reached
            reached = position

        return advance

    def _tell_not_read(self) -> None:
        directory: Path | None = self.config.input
        if directory is None or not directory.exists():
            return
        inventory = take_inventory(directory)
        if inventory.not_read and first_to_announce(inventory):
            self.not_read = inventory.not_read
            for name, reason in inventory.not_read:
                self.log.debug("not read", file=name, reason=reason)
            self.log.info("files that no feed reads", count=len(self.not_read), input=str(directory))


def _reading_text(reading: Reading) -> str:
    text = f"{reading.file.path.name}: {reading.file.format_name}, {_count(reading.rows, 'row')}"
    return text + f", {_count(reading.messages, 'message')}" + left_out_text(reading)


def left_out_text(reading: Reading) -> str:
    """What was left out, by error code, and what was of no use; begins with a semicolon, or is empty."""
    text = ""
    for title, counter in (("left out", reading.skipped), ("stream", reading.notes)):
        if counter:
            text += f"; {title}: " + ", ".join(_code_text(code, number) for code, number in counter.most_common())
    if reading.ignored:
        text += "; no use here: " + ", ".join(f"{kind} {number:,}" for kind, number in reading.ignored.most_common())
    return text


def _code_text(code: str, number: int) -> str:
    return f"{number:,} {code} {error_with_code(code).__name__}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
