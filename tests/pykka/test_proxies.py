"""Proxies."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock, Mock, NonCallableMock

import pykka
import pytest
from pykka.typing import ActorMemberMixin, proxy_field, proxy_method

from tests.pykka.kinds import DEADLINE, Gate, Service, as_actor, waited_for_by


def test_a_proxy_reads_writes_and_calls(kind: type[Any]) -> None:
    proxy = as_actor(Service, kind).start(1).proxy()
    assert proxy.add(2, times=2).get(timeout=DEADLINE) == 5
    assert proxy.colour.get(timeout=DEADLINE) == "red"
    proxy.colour = "blue"
    assert proxy.colour.get(timeout=DEADLINE) == "blue"
    assert proxy.nested.double().get(timeout=DEADLINE) == 4
    proxy.add.defer(10)
    assert proxy.numbers.get(timeout=DEADLINE) == [1, 2, 2, 10]
    assert "add" in dir(proxy)
    with pytest.raises(AttributeError, match="has no attribute '_secret'"):
        proxy._secret
    with pytest.raises(LookupError, match="as asked"):
        proxy.fail().get(timeout=DEADLINE)


def test_an_actor_can_hold_a_proxy_to_itself_and_proxies_are_equal(kind: type[Any]) -> None:
    class Later:
        def __init__(self) -> None:
            super().__init__()
            self._later = cast("Any", self).actor_ref.proxy()
            self.done = pykka.ThreadingFuture[str]()

        def begin(self) -> pykka.Future[str]:
            self._later.finish()
            return self.done

        def finish(self) -> None:
            self.done.set("done")

    ref = as_actor(Later, kind).start()
    assert ref.proxy() == ref.proxy()
    assert ref.proxy().begin().get(timeout=DEADLINE).get(timeout=DEADLINE) == "done"


class Holder:
    """An actor with all kinds of attributes."""

    shared = "of the class"
    _hidden = "private"
    tree = pykka.traversable(SimpleNamespace())

    def __init__(self) -> None:
        super().__init__()
        self.own = "of the instance"
        self._level = 1

    @property
    def fixed(self) -> str:
        return "read only"

    @property
    def level(self) -> int:
        return self._level

    @level.setter
    def level(self, level: int) -> None:
        if level < 0:
            raise ValueError(level)
        self._level = level

    @classmethod
    def of_class(cls) -> str:
        return cls.__name__

    @staticmethod
    def twice(number: int) -> int:
        return 2 * number

    def learn(self, name: str) -> None:
        setattr(self, name, lambda: f"by {name}")

    def use(self, name: str) -> Any:
        return getattr(cast("Any", self).actor_ref.proxy(), name)()

    def wait_at(self, gate: Gate) -> None:
        gate(self)


def test_attributes_of_class_and_instance_are_read_as_futures(kind: type[Any]) -> None:
    proxy = as_actor(Holder, kind).start().proxy()
    assert isinstance(proxy.shared, pykka.Future)
    assert proxy.shared.get(timeout=DEADLINE) == "of the class"
    assert proxy.own.get(timeout=DEADLINE) == "of the instance"


def test_what_is_private_or_missing_is_refused_at_once(kind: type[Any]) -> None:
    proxy = as_actor(Holder, kind).start().proxy()
    for name in ("_hidden", "_level", "missing"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(proxy, name)


def test_properties_are_read_and_set_in_the_actor(kind: type[Any]) -> None:
    proxy = as_actor(Holder, kind).start().proxy()
    assert proxy.fixed.get(timeout=DEADLINE) == "read only"
    proxy.level = 5
    assert proxy.level.get(timeout=DEADLINE) == 5
    with pytest.raises(AttributeError):
        proxy.fixed = "changed"
    with pytest.raises(ValueError, match="-1"):
        proxy.level = -1
    assert proxy.level.get(timeout=DEADLINE) == 5


def test_making_a_proxy_reads_no_property(kind: type[Any]) -> None:
    class Costly:
        @property
        def dear(self) -> None:
            msg = "was read"
            raise LookupError(msg)

    proxy = as_actor(Costly, kind).start().proxy()
    with pytest.raises(LookupError, match="was read"):
        proxy.dear.get(timeout=DEADLINE)


def test_class_methods_and_static_methods_are_called_like_others(kind: type[Any]) -> None:
    proxy = as_actor(Service, kind).start().proxy()
    assert proxy.add(1).get(timeout=DEADLINE) == 1
    ref = as_actor(Holder, kind).start()
    assert ref.ask(pykka.messages.ProxyCall(("of_class",), (), {}), timeout=DEADLINE) == "Holder"
    assert ref.ask(pykka.messages.ProxyCall(("twice",), (4,), {}), timeout=DEADLINE) == 8


def test_calls_keep_their_order_without_waiting_for_each(kind: type[Any]) -> None:
    proxy = as_actor(Service, kind).start().proxy()
    for number in range(50):
        proxy.add(number)
    proxy.numbers = [*proxy.numbers.get(timeout=DEADLINE), "set"]
    assert proxy.numbers.get(timeout=DEADLINE) == [*range(50), "set"]


def test_a_call_returns_before_it_is_done(kind: type[Any]) -> None:
    gate = Gate()
    future = as_actor(Holder, kind).start().proxy().wait_at(gate)
    assert gate.entered.wait(DEADLINE)
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0)
    gate.open()
    assert future.get(timeout=DEADLINE) is None


def test_methods_that_are_added_later_can_be_called(kind: type[Any]) -> None:
    proxy = as_actor(Holder, kind).start().proxy()
    proxy.learn("dance").get(timeout=DEADLINE)
    assert proxy.dance().get(timeout=DEADLINE) == "by dance"
    proxy.learn("sing")
    assert proxy.use("sing").get(timeout=DEADLINE).get(timeout=DEADLINE) == "by sing"


def test_a_method_without_its_call_is_a_callable_proxy(kind: type[Any]) -> None:
    proxy = as_actor(Service, kind).start().proxy()
    assert isinstance(proxy.add, pykka.CallableProxy)
    assert proxy.add is proxy.add
    assert not hasattr(proxy.add, "get")


def test_a_deferred_call_that_raises_is_the_actor_s_failure(kind: type[Any]) -> None:
    class Fragile(Service):
        def on_failure(self, *error: Any) -> None:
            failed.set(error[0])

    failed = pykka.ThreadingFuture[Any]()
    ref = as_actor(Fragile, kind).start()
    assert ref.proxy().fail.defer() is None
    assert failed.get(timeout=DEADLINE) is LookupError
    assert ref.actor_stopped.wait(DEADLINE)


def test_a_call_with_wrong_arguments_raises_where_its_answer_is_read(kind: type[Any]) -> None:
    ref = as_actor(Service, kind).start()
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        ref.proxy().add(1, wrong=2).get(timeout=DEADLINE)
    assert ref.is_alive()


def test_a_proxy_of_a_dead_actor_raises_where_the_answer_is_read(kind: type[Any]) -> None:
    ref = as_actor(Service, kind).start()
    proxy = ref.proxy()
    ref.stop(timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        proxy.add(1).get(timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        proxy.colour.get(timeout=DEADLINE)
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        proxy.colour = "green"
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        proxy.add.defer(1)
    assert not proxy.actor_ref.is_alive()


def test_stop_of_a_proxy_stops_the_actor(kind: type[Any]) -> None:
    ref = as_actor(Service, kind).start()
    assert ref.proxy().stop().get(timeout=DEADLINE) is None
    assert ref.actor_stopped.wait(DEADLINE)


def test_proxies_tell_whose_they_are(kind: type[Any]) -> None:
    ref = as_actor(Service, kind).start()
    proxy = ref.proxy()
    assert repr(proxy) == f"<ActorProxy for {ref}, attr_path=()>"
    assert "nested" in repr(proxy.nested)
    assert proxy == ref.proxy()
    assert hash(proxy) == hash(ref.proxy())
    assert proxy != proxy.nested
    assert proxy != as_actor(Service, kind).start().proxy()
    assert proxy != ref
    assert {"colour", "numbers", "add", "__class__", "actor_ref"} <= set(dir(proxy))
    assert "_secret" not in dir(proxy)


def test_traversable_attributes_are_walked_at_any_depth(kind: type[Any]) -> None:
    class Leaf:
        pykka_traversable = True

        def __init__(self) -> None:
            self.sum = 0

        def add(self, number: int) -> int:
            self.sum += number
            return self.sum

    @pykka.traversable
    class Branch:
        def __init__(self) -> None:
            self.leaf = Leaf()
            self.bare = SimpleNamespace(inside=1)

    class Tree:
        def __init__(self) -> None:
            super().__init__()
            self.branch = Branch()

    proxy = as_actor(Tree, kind).start().proxy()
    assert isinstance(proxy.branch, pykka.ActorProxy)
    assert proxy.branch.leaf is proxy.branch.leaf
    assert proxy.branch.leaf.add(2).get(timeout=DEADLINE) == 2
    proxy.branch.leaf.sum = 40
    assert proxy.branch.leaf.add(2).get(timeout=DEADLINE) == 42
    assert proxy.branch.bare.get(timeout=DEADLINE).inside == 1  # not marked: the object itself


def test_what_has_slots_cannot_be_marked() -> None:
    class Slotted:
        __slots__ = ()

    with pytest.raises(ValueError, match="slots"):
        pykka.traversable(Slotted())


def test_an_attribute_whose_comparison_is_broken_hinders_nobody(kind: type[Any]) -> None:
    class Incomparable:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise LookupError

    class Owner:
        thing = Incomparable()
        other = 1

    assert as_actor(Owner, kind).start().proxy().other.get(timeout=DEADLINE) == 1


def test_a_public_proxy_to_itself_is_left_out_with_a_warning(kind: type[Any], caplog: pytest.LogCaptureFixture) -> None:
    class Narcissus:
        def __init__(self) -> None:
            super().__init__()
            self.me = cast("Any", self).actor_ref.proxy()

    with caplog.at_level(logging.WARNING, logger="pykka"):
        proxy = as_actor(Narcissus, kind).start().proxy()
        with pytest.raises(AttributeError, match="has no attribute 'me'"):
            proxy.me
    assert "attribute 'me' is a proxy to itself. Consider making it private by renaming it to '_me'." in caplog.text


def test_methods_and_properties_can_be_mocked(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    actor_class = as_actor(Holder, kind)
    called = MagicMock(return_value="mocked")
    monkeypatch.setattr(actor_class, "learn", called)
    value = NonCallableMock()
    value.__get__ = Mock(return_value="a value")
    monkeypatch.setattr(actor_class, "level", value)
    proxy = actor_class.start().proxy()
    assert proxy.learn("x").get(timeout=DEADLINE) == "mocked"
    assert proxy.level.get(timeout=DEADLINE) == "a value"
    called.assert_called_once_with("x")
    assert value.__get__.call_count == 1


def test_an_actor_takes_a_mock_for_whoever_it_works_with(kind: type[Any]) -> None:
    class Producer:
        def __init__(self, consumer: Any) -> None:
            super().__init__()
            self._consumer = consumer

        def produce(self) -> None:
            self._consumer.consume({"item": 1})

    consumer = Mock()
    as_actor(Producer, kind).start(consumer).proxy().produce().get(timeout=DEADLINE)
    consumer.consume.assert_called_once_with({"item": 1})


def test_one_actor_uses_another_by_its_proxy(kind: type[Any]) -> None:
    class Bookkeeper:
        def __init__(self, adder: Any) -> None:
            super().__init__()
            self.adder = adder

        def count_to(self, target: int) -> int:
            total = 0
            while total < target:
                total = self.adder.add(1).get(timeout=DEADLINE)
            return total

    adder = as_actor(Service, waited_for_by(kind)).start().proxy()
    assert as_actor(Bookkeeper, kind).start(adder).proxy().count_to(5).get(timeout=DEADLINE) == 5


class TypedHolder(pykka.ThreadingActor):
    """What a typed proxy is declared over; any actor of the same shape fits."""

    shared = "of the class"

    def double(self, number: int) -> int:
        return 2 * number


class HolderProxy(ActorMemberMixin, pykka.ActorProxy[TypedHolder]):
    shared = proxy_field(TypedHolder.shared)
    double = proxy_method(TypedHolder.double)


def test_a_typed_proxy_works_as_the_plain_one(kind: type[Any]) -> None:
    class Doubling:
        shared = "of the class"

        def double(self, number: int) -> int:
            return 2 * number

    proxy = cast("HolderProxy", as_actor(Doubling, kind).start().proxy())
    assert proxy.shared.get(timeout=DEADLINE) == "of the class"
    assert proxy.double(4).get(timeout=DEADLINE) == 8
    assert proxy.stop().get(timeout=DEADLINE) is None
