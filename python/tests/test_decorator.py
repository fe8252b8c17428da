"""``@batch`` over ``def``: functions, methods, their lives, and what is refused."""

from __future__ import annotations

import functools
import gc
import inspect
import os
import pickle
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import batchline
from batchline import Batched, Closed, WouldWait


class Refusal(Exception):
    """What bodies of these tests raise."""


def in_threads(call: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """One call per thread, all at once; the exceptions as results."""

    def outcome(item: Any) -> Any:
        try:
            return call(item)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(items)) as threads:
        return list(threads.map(outcome, items))


def test_single_calls_of_threads_become_one_call_of_the_body() -> None:
    seen: list[list[str]] = []

    @batchline.batch(batch_items_max=4, linger=30)
    def shout(words: list[str]) -> list[str]:
        """Makes words loud."""
        seen.append(words)
        return [word.upper() for word in words]

    assert in_threads(shout, ["a", "b", "c", "d"]) == ["A", "B", "C", "D"]
    assert len(seen) == 1 and sorted(seen[0]) == ["a", "b", "c", "d"]
    assert shout.stats().batches == 1
    assert shout.__name__ == "shout" and shout.__doc__ == "Makes words loud."
    assert shout.__wrapped__(["direct"]) == ["DIRECT"]
    receipt = shout.close()
    assert receipt is not None and receipt.done == 4


def test_it_works_bare() -> None:
    @batchline.batch
    def negate(numbers: list[int]) -> list[int]:
        return [-number for number in numbers]

    assert isinstance(negate, Batched)
    assert negate(3) == -3
    assert negate.batcher.name.endswith("negate")


def test_nothing_starts_before_the_first_call() -> None:
    before = threading.active_count()

    @batchline.batch(linger=0)
    def body(items: list[int]) -> list[int]:
        return items

    assert body._source.batcher is None and threading.active_count() == before
    assert body(1) == 1
    assert body._source.batcher is not None


def test_one_decorator_for_two_functions_gives_each_its_own_batcher() -> None:
    decorator = batchline.batch(linger=0)
    first, second = decorator(lambda items: items), decorator(lambda items: items)
    assert first(1) == second(1) == 1
    assert first.batcher is not second.batcher


def test_errors_reach_their_callers() -> None:
    error = Refusal("the whole batch")

    @batchline.batch(batch_items_max=2, linger=30)
    def body(items: list[int]) -> list[Any]:
        if min(items) < 0:
            raise error
        return [Refusal("one") if item % 2 else item for item in items]

    assert in_threads(body, [-1, -2]) == [error, error]
    results = in_threads(body, [0, 1])
    assert results[0] == 0 and isinstance(results[1], Refusal)


def test_a_wrong_number_of_results_is_an_error_with_both_numbers() -> None:
    @batchline.batch(linger=0)
    def body(items: list[int]) -> list[int]:
        return [1, 2, 3]

    with pytest.raises(ValueError, match=r"3 results.* 1 items"):
        body(1)


def test_a_body_that_returns_nothing() -> None:
    done: list[int] = []

    @batchline.batch(linger=0)
    def body(items: list[int]) -> None:
        done.extend(items)

    assert body(7) is None and done == [7]
    assert body.many([1, 2]) == [None, None]


def test_many_calls_the_body_directly_in_lists_that_are_not_too_long() -> None:
    sizes: list[int] = []

    @batchline.batch(batch_items_max=3)
    def body(items: list[int]) -> list[Any]:
        sizes.append(len(items))
        return [Refusal("bad") if item == 13 else item + 1 for item in items]

    assert body.many(range(7)) == [1, 2, 3, 4, 5, 6, 7]
    assert sizes == [3, 3, 1]
    assert body.many([]) == []
    with pytest.raises(Refusal):
        body.many([12, 13])
    assert body._source.batcher is None, "many needs no batcher"


def test_a_call_from_its_own_body_is_refused_and_of_another_works() -> None:
    @batchline.batch(linger=0)
    def other(items: list[int]) -> list[int]:
        return [item + 1 for item in items]

    @batchline.batch(linger=0)
    def body(items: list[int]) -> list[int]:
        if items == [0]:
            body(1)
        return [other(item) for item in items]

    with pytest.raises(WouldWait) as refused:
        body(0)
    assert refused.value.item == 1
    assert body(5) == 6


def test_set_linger_before_and_after_the_start() -> None:
    @batchline.batch(linger=30)
    def body(items: list[int]) -> list[int]:
        return items

    body.set_linger(0.001)
    began_at = time.monotonic()
    assert body(1) == 1
    body.set_linger(0.002)
    assert body(2) == 2
    assert time.monotonic() - began_at < 5


def test_after_close_calls_are_refused() -> None:
    @batchline.batch(linger=0)
    def body(items: list[int]) -> list[int]:
        return items

    assert body.close() is None
    with pytest.raises(Closed):
        body(1)

    @batchline.batch(linger=0)
    def used(items: list[int]) -> list[int]:
        return items

    used(1)
    receipt = used.close(timeout=5)
    assert receipt is not None and receipt.done == 1
    with pytest.raises(Closed):
        used(1)


class Model:
    """Methods of all kinds."""

    def __init__(self, factor: int) -> None:
        self.factor = factor
        self.sizes: list[int] = []

    @batchline.batch(batch_items_max=3, linger=0.05)
    def scale(self, numbers: list[int]) -> list[int]:
        """Multiplies."""
        self.sizes.append(len(numbers))
        return [self.factor * number for number in numbers]

    @batchline.batch(linger=0)
    @classmethod
    def name_all(cls, texts: list[str]) -> list[str]:
        return [f"{cls.__name__}:{text}" for text in texts]

    @batchline.batch(linger=0)
    @staticmethod
    def double_all(numbers: list[int]) -> list[int]:
        return [2 * number for number in numbers]

    @classmethod
    @batchline.batch(linger=0)
    def name_below(cls, texts: list[str]) -> list[str]:
        return [f"{cls.__name__}:{text}" for text in texts]

    @staticmethod
    @batchline.batch(linger=0)
    def double_below(numbers: list[int]) -> list[int]:
        return [2 * number for number in numbers]


class Special(Model):
    """A subclass, for class methods."""


def test_each_object_has_a_batcher_of_its_own() -> None:
    three, five = Model(3), Model(5)
    assert in_threads(three.scale, [1, 2, 3]) == [3, 6, 9]
    assert in_threads(five.scale, [1, 2, 3]) == [5, 10, 15]
    assert three.sizes == five.sizes == [3]
    assert three.scale.batcher is three.scale.batcher is not five.scale.batcher
    assert three.scale.many([1, 2, 3, 4]) == [3, 6, 9, 12]
    assert Model.scale(three, 2) == 6
    assert three.scale.__doc__ == "Multiplies." and three.scale.__name__ == "scale"


def test_class_and_static_methods_in_either_order() -> None:
    assert Model.name_all("a") == Model(1).name_all("a") == "Model:a"
    assert Special.name_all("a") == Special(1).name_all("a") == "Special:a"
    assert Model.name_below("a") == "Model:a" and Special.name_below("a") == "Special:a"
    assert Model.double_all(4) == Model(1).double_all(4) == 8
    assert Model.double_below(4) == Model(1).double_below(4) == 8
    assert Model.name_all.batcher is not Special.name_all.batcher


def test_an_object_goes_when_nobody_holds_it_and_takes_its_batcher_along() -> None:
    model = Model(3)
    assert model.scale(1) == 3
    batcher = weakref.ref(model.scale.batcher)
    gone = weakref.ref(model)
    sources = Model.__dict__["scale"]._sources._sources
    assert id(model) in sources
    key = id(model)
    del model
    for _ in range(1000):
        gc.collect()
        if gone() is None and batcher() is None:
            break
        time.sleep(0.001)
    assert gone() is None, "the batcher keeps its object alive"
    assert batcher() is None
    assert key not in sources or sources[key][0]() is not None


def test_an_object_lives_at_least_as_long_as_a_call() -> None:
    assert Model(7).scale(6) == 42


def test_objects_need_not_be_hashable_nor_equal_only_to_themselves() -> None:
    class Same:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

        @batchline.batch(linger=0)
        def identity(self, items: list[int]) -> list[int]:
            return [id(self) for _ in items]

    one, two = Same(), Same()
    assert one.identity(0) == id(one) and two.identity(0) == id(two)


def test_objects_that_cannot_be_referred_to_weakly_are_refused_with_advice() -> None:
    class Slotted:
        __slots__ = ("x",)

        @batchline.batch
        def body(self, items: list[int]) -> list[int]:
            return items

    with pytest.raises(TypeError, match=r'add "__weakref__" to .*Slotted.__slots__'):
        Slotted().body(1)


def two_arguments(items: list[int], model: str) -> list[int]:
    return items


def with_default(items: list[int], model: str = "small") -> list[int]:
    return items


def keyword_only(items: list[int], *, model: str = "small") -> list[int]:
    return items


def star(*items: int) -> list[int]:
    return list(items)


def no_argument() -> list[int]:
    return []


@pytest.mark.parametrize("function", [two_arguments, with_default, keyword_only, star, no_argument])
def test_arguments_beyond_the_list_are_refused_at_decoration(function: Any) -> None:
    with pytest.raises(TypeError, match=f"{function.__name__}.*cannot be batched: .* one list of items") as refused:
        batchline.batch(function)
    assert "functools.partial" in str(refused.value)


def test_methods_with_further_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot be batched"):

        class _Wrong:
            @batchline.batch
            def body(self, items: list[int], model: str) -> list[int]:
                return items


def test_a_method_without_self_is_refused() -> None:
    # Before Python 3.12 an error of __set_name__ comes wrapped in a RuntimeError.
    with pytest.raises((TypeError, RuntimeError)) as refused:

        class _Wrong:
            @batchline.batch
            def body(items: list[int]) -> list[int]:  # type: ignore[misc]
                return items

    error = refused.value if isinstance(refused.value, TypeError) else refused.value.__cause__
    assert isinstance(error, TypeError) and "takes no self" in str(error)


def generator(items: list[int]) -> Any:
    yield from items


@pytest.mark.parametrize("wrong", [generator, 3, "text", int])
def test_what_is_no_function_of_a_list_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError):
        batchline.batch(wrong)


def test_settings_are_checked_at_decoration() -> None:
    with pytest.raises(ValueError, match="batch_items_max"):
        batchline.batch(batch_items_max=0)
    with pytest.raises(TypeError, match="batch_size"):
        batchline.batch(batch_size=3)  # type: ignore[call-overload]


def test_partial_binds_further_arguments() -> None:
    embed = batchline.batch(linger=0)(functools.partial(two_arguments, model="large"))
    assert embed(3) == 3
    assert embed.batcher.name.endswith("test_decorator.two_arguments")
    assert str(inspect.signature(embed)) == "(items: int, /) -> int"


def test_a_callable_object_is_a_function_too() -> None:
    class Doubler:
        def __call__(self, items: list[int]) -> list[int]:
            return [2 * item for item in items]

    assert batchline.batch(linger=0)(Doubler())(4) == 8


def test_callers_see_the_signature_of_one_item() -> None:
    @batchline.batch
    def embed(texts: list[str]) -> list[float]:
        return [0.0 for _ in texts]

    assert str(inspect.signature(embed)) == "(texts: str, /) -> float"
    assert str(inspect.signature(Model(1).scale)) == "(numbers: int, /) -> int"
    assert list(inspect.signature(Model.scale).parameters) == ["self", "numbers"]


@batchline.batch(linger=0)
def importable(items: list[int]) -> list[int]:
    return items


def test_a_batched_function_is_pickled_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(importable)) is importable


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_c73_a_forked_child_gets_a_batcher_of_its_own() -> None:
    model = Model(2)
    assert importable(1) == 1 and model.scale(1) == 2
    child = os.fork()
    if child == 0:
        # No pytest in here: the only way out is _exit.
        try:
            fine = importable(5) == 5 and model.scale(4) == 8 and importable.stats().accepted == 1
        finally:
            os._exit(0 if fine else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert importable(2) == 2
