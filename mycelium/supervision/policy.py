"""The rules of a supervisor: whom a failure touches, what follows which error, and how long to wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from random import Random

from mycelium.errors.actor import SupervisionError
from mycelium.numbers import rule_broken
from mycelium.texts import text_of
from tlv import DeclaredError

__all__ = ["CODE", "Backoff", "Directive", "Mail", "Rules", "Strategy", "check"]

#: A code of a declared error, or the family of codes that it belongs to.
CODE = re.compile(r"[A-Z]{3,5}(-\d{3})?")


class Strategy(StrEnum):
    """Whom the failure of one actor touches."""

    ONE_FOR_ONE = "one-for-one"
    """The one that failed."""

    ALL_FOR_ONE = "all-for-one"
    """All actors of the supervisor."""

    REST_FOR_ONE = "rest-for-one"
    """The one that failed, and those that were started after it."""


class Directive(StrEnum):
    """What follows a failure."""

    RESUME = "resume"
    """The actor goes on with the next message and the state that it has."""

    RESTART = "restart"
    """It is made anew, behind the same ref."""

    STOP = "stop"
    """It ends, as an actor without a supervisor does."""

    ESCALATE = "escalate"
    """The supervisor above decides, for all actors of this one; where there is none, they stop."""


class Mail(StrEnum):
    """What becomes of the mail of an actor that is restarted."""

    KEEP = "keep"
    DROP = "drop"
    """It becomes dead letters."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long an actor pauses before it is made anew: longer each time, up to a limit.

    ``first_s`` seconds before the first restart, ``factor`` times as long before each further one,
    ``max_s`` at most; each is changed at random by up to the part ``jitter`` of it, so that actors
    which failed together do not come back together. Raises `SupervisionError` for what cannot be.
    """

    first_s: float = 0.1
    factor: float = 2.0
    max_s: float = 30.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        for name in ("first_s", "factor", "max_s", "jitter"):
            check(f"backoff {name}", getattr(self, name), rule_broken(getattr(self, name), whole=False))
        if not (0 <= self.first_s <= self.max_s < inf and 1 <= self.factor < inf and 0 <= self.jitter <= 1):
            raise SupervisionError(
                setting="backoff",
                value=repr(self),
                expected="0 <= first_s <= max_s, factor of 1 or more, jitter from 0 to 1",
            )

    def delay_s(self, restarts: int, random: Random) -> float:
        """The pause before restart number ``restarts``, counted from 1."""
        usual = self.max_s
        if restarts <= 64:  # beyond that the power may be too large for a float
            usual = min(self.first_s * self.factor ** (restarts - 1), self.max_s)
        return usual * (1 + random.uniform(-self.jitter, self.jitter))


class Rules:
    """Which directive follows which error: by its code, then by its class, then by its family of codes."""

    def __init__(self, rules: Mapping[str | type[BaseException], Directive | str], otherwise: Directive | str) -> None:
        check("on_error", rules, "" if hasattr(rules, "items") else 'a mapping: {"ACT-003": "stop"}')
        self._by_code: dict[str, Directive] = {}
        self._by_class: dict[type[BaseException], Directive] = {}
        self._otherwise = directive_named(otherwise)
        for key, given in rules.items():
            directive = directive_named(given)
            if isinstance(key, str) and CODE.fullmatch(key):
                self._by_code[key] = directive
            elif isinstance(key, type) and issubclass(key, BaseException):
                self._by_class[key] = directive
            else:
                raise SupervisionError(
                    setting="on_error",
                    value=text_of(key, repr),
                    expected='a code ("ACT-003"), a family of codes ("ACT") or a class of errors',
                )

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes and families that the rules name."""
        return tuple(self._by_code)

    def directive_for(self, error: BaseException) -> Directive:
        """What follows this error."""
        code = error.code if isinstance(error, DeclaredError) else ""
        if code in self._by_code:
            return self._by_code[code]
        for kind in type(error).__mro__:
            if kind in self._by_class:
                return self._by_class[kind]
        return self._by_code.get(code.partition("-")[0], self._otherwise)


def directive_named(given: Directive | str) -> Directive:
    """The directive of that name. Raises `SupervisionError`."""
    try:
        return Directive(given)
    except ValueError:
        raise SupervisionError(setting="directive", value=text_of(given, repr), expected=", ".join(Directive)) from None


def check(setting: str, value: object, expected: str) -> None:
    """Raise `SupervisionError` where ``expected``, the rule that the value breaks, is not empty."""
    if expected:
        raise SupervisionError(setting=setting, value=text_of(value, repr), expected=expected)
