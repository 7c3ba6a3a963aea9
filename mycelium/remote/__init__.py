"""Actors of one topology on several nodes: what one of them sends to another one elsewhere.

`wiring` joins a node to its peers. Of each pair of actors on two nodes one *stream* is made: an
`outlet` takes the messages out of a mailbox at the sender's node, a `peer` carries them over a link, and
an `inlet` puts them into the mailbox of the receiver. `sending` and `receiving` are the two threads of a peer;
what goes over the link beside the messages of actors is in `messages`.
"""

from __future__ import annotations

from .wiring import Wiring

__all__ = ["Wiring"]
