"""An ask inside a handler, of an actor that rests on the same dispatcher: it handles the question right there.

That is what `mycelium.dispatcher.waiting` comes to in such a case, without the way there: nothing
is put into the mailbox, nobody is woken, and no lock is waited for. The asked one is in a turn meanwhile, and
not asleep, so what others send to it waits for the last look that ends each turn. In every other case
nothing is done here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .current import running
from .waiting import DEPTH_MAX

if TYPE_CHECKING:
    from pykka._envelope import Envelope

    from mycelium.actor.actor import Actor
    from mycelium.mailbox.mailbox import Mailbox

    from .waiting import Awaited

__all__ = ["handle_inside"]


def handle_inside(asking: Actor, mailbox: Mailbox, awaited: Awaited, question: Envelope[Any]) -> bool:
    """Have the owner of a mailbox handle a question in this thread; whether it has, else nothing was done.

    It has been counted as sent. What the handler raises is in the answer.
    """
    dispatcher = mailbox.dispatcher
    if (
        dispatcher is None
        or dispatcher is not asking._mailbox.dispatcher
        or not dispatcher.handles_inside
        or not mailbox.asleep
        or running.depth >= DEPTH_MAX
        or not mailbox.enter_turn()
    ):
        return False
    owner = mailbox.owner
    handled = False
    outer = asking._mailbox.waits_for
    try:
        # Only now: whoever held it before may have ended the actor, or left mail.
        if (
            owner is None
            or mailbox.items
            or mailbox.paused
            or not owner._begun
            or (owner._supervision is not None and owner._supervision.is_due)
            or owner.actor_stopped.is_set()
        ):
            return False
        handled = True
        mailbox.asleep = False
        if not mailbox.high_water_mark:
            mailbox.high_water_mark = 1
        asking._mailbox.waits_for = awaited
        running.depth += 1
        running.actor = owner
        if not owner._answer(question):
            dispatcher._detach(mailbox)
        return True
    finally:
        if handled:
            running.actor = asking
            running.depth -= 1
            asking._mailbox.waits_for = outer
        dispatcher._leave(mailbox)
