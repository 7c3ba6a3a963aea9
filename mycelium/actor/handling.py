"""How a message meets its handler: the dispatch loop, what it counts, and what a failure does."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pykka
from pykka._envelope import Envelope

from mycelium.actor.lives import Lives
from mycelium.actor.remote_traceback import sign
from mycelium.actor.sender import SenderInHand, giving_sender
from mycelium.attempted_log import try_to_log
from mycelium.contracts.message_sets import shown
from mycelium.errors.actor import HandlerFailedError, StoppedFirstError
from mycelium.ledger.latency import SAMPLE_MASK, now_ns
from mycelium.ledger.tally import Cell
from mycelium.mailbox.mail import Keyed, Sampled, unwrapped
from mycelium.mailbox.run import Run
from mycelium.texts import text_of
from tlv import TLV, Batch, DeclaredError

if TYPE_CHECKING:
    from mycelium.actor.actor import Actor
    from mycelium.actor.context import ActorContext
    from mycelium.contracts.contract import Contract
    from mycelium.ledger.tally import Tally
    from mycelium.mailbox.mailbox import Mailbox

__all__ = ["BATCH_MAX", "DRAIN_MAX", "Handling", "cell_of"]

#: Messages handled between two looks at the stop flag and at those who wait for room.
DRAIN_MAX = 256
#: What an actor without batch handlers has of them.
_NO_BATCHES: Mapping[type[Any], Callable[[Batch[Any]], Any]] = {}
#: Messages that a batch handler gets at once, at most.
BATCH_MAX = 1024

pykka_logger = logging.getLogger("pykka")


class Handling(Lives):
    """The receiving half of an actor. Everything here runs in the actor's own thread."""

    __contract__: ClassVar[Contract]
    _mailbox: Mailbox
    _tally: Tally
    _context: ActorContext
    name: str
    failure: BaseException | None
    #: What takes runs of messages; what takes them one by one is in the cells of the tally.
    _batch_table: Mapping[type[Any], Callable[[Batch[Any]], Any]]
    #: What is being handled, for the log of a failure.
    _in_hand: Any = None
    #: What nobody but the first `on_receive` took: a dead letter.
    _unhandled: Any = None
    sender = SenderInHand()
    """Who sent the message in hand: the ref of an actor, or None where it came from elsewhere.

    Known for plain objects, in `on_receive`, and for messages whose handler takes the sender; for others
    reading it raises `SenderUnknownError`."""

    #: The envelope that is being handled, where the message came in one.
    _envelope: Envelope[Any] | None = None
    #: How many envelopes it has taken: what the ledger does not count, it also being told by.
    _envelopes: int = 0
    #: Whether a message of the batch in hand is one whose times are measured.
    _sampled: bool = False

    def _bind_handlers(self) -> None:
        # While the actor runs, and no longer: a bound method kept in the instance is a reference cycle, and a dead actor
        # would wait for the garbage collector.
        contract = self.__contract__
        batches: dict[type[Any], Callable[[Batch[Any]], Any]] = {}
        for message, handler in contract.table.items():
            method = getattr(self, handler.method)
            if handler.batch:
                batches[message] = method
            else:
                self._tally.cell(message).handle = giving_sender(self, method) if handler.takes_sender else method
        self._batch_table = batches or _NO_BATCHES
        if self._context.tracer is not None:
            self._context.tracer.bind(cast("Actor", self))

    def _unbind_handlers(self) -> None:
        self._batch_table = _NO_BATCHES
        for cell in tuple(self._tally.cells.values()):
            cell.handle = None

    def _drain(self, waiting: int) -> int:
        """Handle up to ``waiting`` messages, and tell how many it took.

        Stops early after whatever may have changed the actor's state.

        `Run` takes the messages out of the queue one by one: what has not been handled when a
        handler raises is still in the mailbox.
        """
        run = Run(self._mailbox, waiting if waiting < DRAIN_MAX else DRAIN_MAX)  # noqa: FURB136 - as in Actor._take_turn
        table = self._tally.cells
        try:
            while (handle := run.begin(table)) is not None:
                for message in run:
                    handle(message)
            if run.message is not None:
                self._sampled = run.sampled
                self._handle_otherwise(run.message)
        except BaseException:
            self._fail_run(run)
        return run.taken

    def _fail_run(self, run: Run) -> None:
        """A handler raised, with a message in hand that was counted by the run."""
        outer, self._envelope = self._envelope, run.envelope or self._envelope
        try:
            if isinstance(sys.exc_info()[1], Exception):
                self._fail(run.fail())
            else:
                self._give_up(run.fail())
        finally:
            self._envelope = outer

    def _handle_otherwise(self, item: Any) -> None:
        kind = type(item)
        if kind in self._batch_table:
            self._handle_batch(item)
        elif kind in self.__contract__.ignores:
            self._tally.cell(kind).dropped += 1
        else:
            self._handle_envelope(item if isinstance(item, Envelope) else Envelope(item))

    def _take_batch(self, first: Any) -> Batch[Any]:
        """The run of messages of one type that begins with this one."""
        kind = type(first)
        items = self._mailbox.items
        messages = [first]
        while len(messages) < BATCH_MAX:
            # Taken before it is looked at: a sender may drop what is at the head of a full mailbox meanwhile.
            try:
                head = items.popleft()
            except IndexError:
                break
            if type(unwrapped(head)) is not kind or isinstance(head, Envelope):
                items.appendleft(head)
                break
            if type(head) is Keyed:
                if isinstance(head.item, Envelope):
                    items.appendleft(head)
                    break
                head = head.take()
            if type(head) is Sampled:
                self._tally.latency.record(now_ns() - head.sent_at)
                self._sampled = True
                head = head.message
            messages.append(head)
        return Batch.of(messages)

    def _handle_batch(self, first: Any) -> None:
        kind = type(first)
        batch = self._take_batch(first)
        cell = self._tally.cell(kind)
        count = len(batch)
        began_at = now_ns() if self._sampled else 0
        try:
            self._batch_table[kind](batch)
        except Exception:
            cell.failed += count
            cell.handled += count
            self._fail(first, batch)
        except BaseException:
            cell.failed += count
            cell.handled += count
            self._give_up(first, batch)
        else:
            cell.handled += count
            if began_at:
                self._tally.handling.record((now_ns() - began_at) // count)

    def _handle_envelope(self, envelope: Envelope[Any]) -> None:
        """As in pykka's loop; a declared message is counted, before its sender sees the reply."""
        message = envelope.message
        self._envelopes += 1
        cell = self._tally.cells.get(type(message)) or cell_of(self, message)
        reply = envelope.reply_to
        asked = reply is not None
        if asked and getattr(reply, "abandoned", False):
            cell.dropped += 1
            return
        outer, self._envelope = self._envelope, envelope
        handled = cell.handle is not None
        declared = handled or isinstance(message, TLV)
        began_at = now_ns() if declared and not cell.handled & SAMPLE_MASK else 0
        try:
            response = self._handle_declared(message) if declared else self._handle_receive(message)
        except Exception:
            self._fail_envelope(envelope, cell, asked)
        except BaseException:
            cell.failed += 1
            cell.handled += 1
            if envelope.reply_to is not None:
                stopped = StoppedFirstError(actor=self.name, message=shown(type(message)))
                envelope.reply_to.set_exception((type(stopped), stopped, None))
            self._give_up(message, () if asked else None)
        else:
            if handled and self._unhandled is not message:
                cell.handled += 1
            else:
                self._count_envelope(message, cell)
            if began_at:
                self._tally.handling.record(now_ns() - began_at)
            if envelope.reply_to is not None:  # else the message was told, or forwarded
                envelope.reply_to.set(response)
        finally:
            self._envelope = outer

    def _count_envelope(self, message: Any, cell: Cell) -> None:
        """It was taken, ignored, or nobody wanted it."""
        if type(message) in self.__contract__.ignores:
            cell.dropped += 1
        elif self._unhandled is message:
            self._unhandled = None
            if cell is not _NO_CELL:
                self._tally.count_dead(type(message))
        else:
            cell.handled += 1

    def _fail_envelope(self, envelope: Envelope[Any], cell: Cell, asked: bool) -> None:
        """A handler raised: the caller gets the error, or it is the actor's failure. An ask is not tried again."""
        message = envelope.message
        error = sys.exc_info()[1]
        cell.failed += 1
        cell.handled += 1
        if envelope.reply_to is None:
            self._fail(message, () if asked else None)
            return
        if isinstance(message, TLV) and error is not None:
            sign(error, self.name, shown(type(message)))
        pykka_logger.info("Exception returned from %s to caller:", self, exc_info=sys.exc_info())
        envelope.reply_to.set_exception()

    def _handle_declared(self, message: TLV) -> Any:
        kind = type(message)
        handle = self._tally.cell(kind).handle
        if handle is not None:
            return handle(message)
        if kind in self._batch_table:
            return self._batch_table[kind](Batch.of((message,)))
        return None if kind in self.__contract__.ignores else self.on_receive(message)

    def _fail(self, message: Any, messages: Sequence[Any] | None = None) -> None:
        """What the supervisor says, else what pykka does when a tell fails: log, stop, `on_failure`.

        ``messages`` are those that the handler had in hand, and that may be tried again.
        """
        supervision = self._supervision
        if supervision is not None and supervision.catch(
            cast("Actor", self), message, (message,) if messages is None else messages
        ):
            return
        self._in_hand = message
        self._handle_failure(*sys.exc_info())
        try:
            self.on_failure(*sys.exc_info())
        except KeyboardInterrupt:
            raise
        except BaseException:
            self._handle_failure(*sys.exc_info())

    def _fail_turn(self) -> None:
        """A hook raised what pykka lets through."""
        if not isinstance(sys.exc_info()[1], KeyboardInterrupt):
            self._handle_failure(*sys.exc_info())
            return
        self._note_interrupt()
        self.actor_stopped.set()
        self._pass_interrupt_on()

    def _give_up(self, message: Any, messages: Sequence[Any] | None = None) -> None:
        """On a BaseException: an interrupt stops this actor and what it is part of; all else is this actor's failure.

        pykka stops all actors on each of them. One actor's sys.exit() does not take the others with it here.
        """
        if not isinstance(sys.exc_info()[1], KeyboardInterrupt):
            self._fail(message, messages)
            return
        self._in_hand = message
        self._note_interrupt()
        self._stop()
        self._pass_interrupt_on()

    def _note_interrupt(self) -> None:
        """Say what killed this actor, to pykka's log in pykka's words."""
        error = sys.exc_info()[1]
        self.failure = self.failure or error
        if self._context.interrupted is None:
            pykka_logger.debug("%r in %s. Stopping all actors.", error, self)
        else:
            pykka_logger.debug("%r in %s. Stopping its node.", error, self)
        self._log_failure(error)

    def _pass_interrupt_on(self) -> None:
        """Ask the node to stop; without a node, all actors, as pykka does. Waits for nobody: one may wait for this one."""
        if self._context.interrupted is None:
            pykka.ActorRegistry.stop_all(block=False)
        else:
            self._context.interrupted()

    def _log_failure(self, error: BaseException | None) -> None:
        message, self._in_hand = self._in_hand, None
        kind = shown(type(message)) if message is not None else "no message"
        told = error if isinstance(error, DeclaredError) else None
        died = HandlerFailedError(actor=self.name, message=kind, error=text_of(error, repr))
        try_to_log(
            self.log.error,  # type: ignore[attr-defined]
            "actor failed",
            code=told.code if told else died.code,
            message=text_of(message, repr)[:500],
            error=text_of(error, repr),
            exc_info=error,
        )


def cell_of(actor: Handling, message: Any) -> Cell:
    """Where this message is counted; objects that are no declared messages are not in the ledger."""
    return actor._tally.cell(type(message)) if isinstance(message, TLV) else _NO_CELL


#: Counts what is not in the ledger: objects that are no declared messages.
_NO_CELL = Cell()
