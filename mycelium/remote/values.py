"""Values: how what came of a question, an answer or an error, goes over a link and comes off it. Nothing is pickled.

An answer is a declared message, or one of the plain values that `Form` names. An error is its code and its
parameters as JSON, and becomes an error of the same class where this process has declared one under that code;
every other one becomes a `RemoteError` that says what it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from mycelium.contracts.message_sets import shown
from mycelium.errors.cluster import PeerMismatchError
from mycelium.errors.talking import AnswerKindError, RemoteError
from mycelium.texts import text_of
from tlv import TLV, DeclaredError, f64
from tlv.declared_error import error_with_code

from .messages import Form, Wire

__all__ = ["Vocabulary", "answer_of", "failure_of", "told_error", "value_of"]

#: Of a text that tells of an error, so much goes along.
_TEXT_MAX = 16_000
#: Of the notes of an error that was told, so many are kept.
_NOTES_MAX = 100


class Number(TLV):
    """A number with a fraction, as an answer carries it."""

    value: f64


class Vocabulary:
    """The message classes of this process, by type id and layout: by which the answers of others are read."""

    def __init__(self, messages: Iterable[type[TLV]]) -> None:
        self._known = {(message.type_id, message.layout.digest): message for message in messages}

    def find(self, kind: int, digest: int, name: str) -> type[TLV] | None:
        """The class of that layout: of the topology, or whichever this process has imported; None where there is none."""
        key = (kind, f"{digest:016x}")
        found = self._known.get(key)
        if found is None:
            found = next((one for one in _all_messages(TLV) if _key_of(one) == key and one.__name__ == name), None)
            if found is not None:
                self._known[key] = found
        return found


def _all_messages(base: type[TLV]) -> Iterator[type[TLV]]:
    for one in base.__subclasses__():
        if one.type_id is not None:
            yield one
        yield from _all_messages(one)


def _key_of(message: type[TLV]) -> tuple[int | None, str]:
    return message.type_id, message.layout.digest


def answer_of(number: int, value: Any, actor: str, asked: str) -> Wire.Answer:
    """An answer on its way to who asked. Raises `AnswerKindError`."""
    kind = digest = 0
    name = ""
    if isinstance(value, TLV) and type(value).type_id is not None:
        form, data = Form.MESSAGE, bytes(value.as_bytes())
        kind, digest, name = type(value).type_id or 0, int(type(value).layout.digest, 16), type(value).__name__
    elif value is None:
        form, data = Form.NOTHING, b""
    elif type(value) is bool:
        form, data = Form.TRUTH, b"\1" if value else b"\0"
    elif type(value) is int:
        form, data = Form.INTEGER, value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    elif type(value) is float:
        form, data = Form.NUMBER, bytes(Number(value).as_bytes())
    elif type(value) is str:
        form, data = Form.TEXT, value.encode("utf-8", "surrogatepass")
    elif type(value) is bytes:
        form, data = Form.BYTES, value
    else:
        raise AnswerKindError(actor=actor, message=asked, answer=f"{shown(type(value))}: {text_of(value, repr)[:200]}")
    return Wire.Answer(number=number, digest=digest, kind=kind, form=int(form), name=name, value=data)


def value_of(answer: Wire.Answer, vocabulary: Vocabulary, here: str, peer: str) -> Any:
    """What an answer says. Raises `PeerMismatchError` for a message that this process cannot read, and a `TLVError` for bytes that are none."""
    form, data = answer.form, bytes(answer.value)
    if form == Form.MESSAGE:
        name = str(answer.name)
        message = vocabulary.find(answer.kind, answer.digest, name)
        if message is None:
            problem = f"an answer is a {name} (type {answer.kind}), and {here} knows no message of its layout"
            raise PeerMismatchError(node=here, peer=peer, difference=problem)
        return message.read_from(data)
    if form == Form.NOTHING:
        return None
    if form == Form.TRUTH:
        return data == b"\1"
    if form == Form.INTEGER:
        return int.from_bytes(data, "little", signed=True)
    if form == Form.NUMBER and len(data) == Number.layout.size:
        return Number.read_from(data).value
    if form == Form.TEXT:
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8", "surrogatepass")
    if form == Form.BYTES:
        return data
    problem = f"an answer of form {form}, which {here} cannot read"
    raise PeerMismatchError(node=here, peer=peer, difference=problem)


def failure_of(number: int, error: BaseException | None, *, ended: bool = False) -> Wire.Failed:
    """An error on its way to who asked, or to who watches; None where there is none."""
    declared = isinstance(error, DeclaredError)
    traceback = getattr(error, "remote_traceback", "")
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    return Wire.Failed(
        number=number,
        ended=ended,
        code=error.code if isinstance(error, DeclaredError) else "",
        error="" if error is None else shown(type(error)),
        said="" if error is None else _cut(str(error.args[0]) if declared else text_of(error)),
        parameters=_json(error.values) if isinstance(error, DeclaredError) else "{}",
        notes=_json(notes),
        traceback=_cut(traceback) if isinstance(traceback, str) else "",
    )


def told_error(failed: Wire.Failed, node: str) -> Exception | None:
    """The error that was told: of its own class where this process has declared that, else a `RemoteError`."""
    kind, code, said = str(failed.error), str(failed.code), str(failed.said)
    if not kind:
        return None
    error: Exception | None = None
    if code:
        # Of another version its parameters may be others, and what its template does with them is the class's own.
        with suppress(Exception):
            error = error_with_code(code)(**json.loads(str(failed.parameters)))
            str(error)
    if error is None:
        error = RemoteError(node=node, error=kind, said=said, declared=code)
    with suppress(ValueError, RecursionError):
        notes = json.loads(str(failed.notes))
        for note in notes[:_NOTES_MAX] if isinstance(notes, list) else ():
            error.add_note(str(note))
    if str(failed.traceback):
        error.remote_traceback = str(failed.traceback)  # type: ignore[attr-defined]
    return error


def _json(value: Any) -> str:
    try:
        return json.dumps(value, default=lambda one: text_of(one, repr))
    except (TypeError, ValueError):
        return "{}" if isinstance(value, dict) else "[]"


def _cut(text: str) -> str:
    """What of a text goes over a link: what stands at its end, where a traceback says what it was."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= _TEXT_MAX else f"...{clean[-_TEXT_MAX:]}"
