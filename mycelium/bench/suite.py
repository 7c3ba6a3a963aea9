"""All contests by name, in the order of the report. The next one is added here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .allocations import allocations
from .asking import asking
from .columns import columns, long_columns
from .contest import Contest
from .dbn import databento
from .fan_out import fan_out
from .footprint import footprint, starting
from .frames import dispatch, writing
from .hops import hops
from .hot_path import hot_path
from .links import link_frames, link_hops
from .many_actors import many_actors
from .nodes import idle_nodes, starting_nodes
from .observing import observing
from .operations import construction, field_access, parsing, validation
from .savina import SAVINA
from .sharding import sharding
from .streams import streams, streams_paced
from .supervising import supervising
from .telling import telling

__all__ = ["CONTESTS"]

_MAKERS: tuple[Callable[[], Contest], ...] = (
    construction,
    parsing,
    field_access,
    validation,
    writing,
    dispatch,
    columns,
    long_columns,
    databento,
    telling,
    supervising,
    observing,
    asking,
    *SAVINA,
    hops,
    fan_out,
    link_frames,
    link_hops,
    streams,
    streams_paced,
    sharding,
    allocations,
    hot_path,
    many_actors,
    footprint,
    starting,
    starting_nodes,
    idle_nodes,
)

CONTESTS: Mapping[str, Contest] = {contest.name: contest for contest in (make() for make in _MAKERS)}
