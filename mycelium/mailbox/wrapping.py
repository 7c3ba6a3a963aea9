"""How a message gets into a queue in which its type does not lie bare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mycelium.dispatcher.current import current_ref
from mycelium.mailbox.mail import sent_by, unwrapped
from mycelium.mailbox.weights import weigh

if TYPE_CHECKING:
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["put_signed", "put_wrapped"]


def put_signed(mailbox: Mailbox, item: Any) -> None:
    """Append what lies in the queue with its sender, and is not wrapped otherwise."""
    mailbox.items.append(sent_by(item, current_ref()))


def put_wrapped(mailbox: Mailbox, item: Any) -> None:
    """Append what does not lie bare in the queue: by its key or weighed, and with its sender where that is asked for."""
    kind = type(unwrapped(item))
    if kind in mailbox.wants_sender:
        item = sent_by(item, current_ref())
    if mailbox.conflates(kind):
        mailbox.overflow.put_keyed(item)
    else:
        mailbox.items.append(weigh(mailbox, item))
