"""All contests by name, in the order of the report. The next one is added here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .allocations import allocations
from .asking import asking
from .contest import Contest
from .footprint import footprint, starting
from .frames import columns, dispatch, writing
from .messages import construction, field_access, parsing
from .telling import telling

__all__ = ["CONTESTS"]

_MAKERS: tuple[Callable[[], Contest], ...] = (
    construction,
    parsing,
    field_access,
    writing,
    dispatch,
    columns,
    telling,
    asking,
    allocations,
    footprint,
    starting,
)

CONTESTS: Mapping[str, Contest] = {contest.name: contest for contest in (make() for make in _MAKERS)}
