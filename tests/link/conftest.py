"""Every kind of link there is here: one battery of tests runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mycelium.link import Link, LoopbackLink

#: How each kind is made; two calls of what it gives are the links of two nodes that can reach each other.
Links = Callable[[], Link]


def loopback() -> Links:
    link = LoopbackLink(capacity=8)
    return lambda: link


KINDS = {"loopback": loopback}


@pytest.fixture(params=KINDS)
def links(request: pytest.FixtureRequest) -> Iterator[tuple[Link, Link]]:
    """The links of two nodes, of one kind; 8 frames may wait in each of their channels."""
    make = KINDS[request.param]()
    with ExitStack() as stack:
        yield stack.enter_context(make()), stack.enter_context(make())
