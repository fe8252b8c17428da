"""``@batch`` over ``async def``: functions and methods, one batcher per event loop."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import weakref
from typing import Any

import pytest
from event_loops import RUNNERS, on_each_loop

import batchline
from batchline import AsyncBatched, Closed, WouldWait


@on_each_loop
async def test_single_awaits_of_tasks_become_one_call_of_the_body() -> None:
    seen: list[list[str]] = []

    @batchline.batch(batch_items_max=4, linger=30)
    async def shout(words: list[str]) -> list[str]:
        """Makes words loud."""
        seen.append(words)
        return [word.upper() for word in words]

    assert isinstance(shout, AsyncBatched)
    # Calls are coroutines: tasks can be made of them.
    tasks = [asyncio.create_task(shout(word)) for word in "abcd"]
    assert await asyncio.gather(*tasks) == ["A", "B", "C", "D"]
    assert seen == [["a", "b", "c", "d"]]
    assert shout.__name__ == "shout" and shout.__doc__ == "Makes words loud."
    assert await shout.__wrapped__(["x"]) == ["X"]
    assert await shout.many("xyz") == ["X", "Y", "Z"]
    receipt = await shout.close()
    assert receipt.done == 4
    with pytest.raises(Closed):
        await shout("late")


@on_each_loop
async def test_it_works_bare_and_by_demand() -> None:
    @batchline.batch
    async def negate(numbers: list[int]) -> list[int]:
        return [-number for number in numbers]

    negate.set_linger(0)
    assert await negate(3) == -3
    negate.set_linger(0.001)
    assert await negate(4) == -4
    assert negate.stats().batches_by_reason["demand"] == 1
    assert negate.stats().batches_by_reason["linger"] == 1


@on_each_loop
async def test_c74_one_callers_cancellation_leaves_the_others_alone() -> None:
    @batchline.batch(linger=0.01)
    async def body(items: list[int]) -> list[int]:
        return items

    tasks = [asyncio.create_task(body(item)) for item in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert (results[0], results[2]) == (0, 2) and isinstance(results[1], asyncio.CancelledError)
    assert body.stats().cancelled == 1


@on_each_loop
async def test_c74_too_few_results_raise_for_all_and_the_next_batch_works() -> None:
    @batchline.batch(linger=0)
    async def body(items: list[int]) -> list[int]:
        return items[1:] if 0 in items else items

    errors = await asyncio.gather(body(0), body(1), return_exceptions=True)
    assert all(isinstance(error, ValueError) for error in errors)
    assert await body(2) == 2


@on_each_loop
async def test_a_call_from_its_own_body_is_refused() -> None:
    @batchline.batch(linger=0)
    async def body(items: list[int]) -> list[int]:
        return [await body(item) for item in items]

    with pytest.raises(WouldWait):
        await asyncio.wait_for(body(1), 5)


class Model:
    """Async methods of all kinds."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    @batchline.batch(linger=0)
    async def scale(self, numbers: list[int]) -> list[int]:
        return [self.factor * number for number in numbers]

    @batchline.batch(linger=0)
    @classmethod
    async def name_all(cls, texts: list[str]) -> list[str]:
        return [f"{cls.__name__}:{text}" for text in texts]

    @batchline.batch(linger=0)
    @staticmethod
    async def double_all(numbers: list[int]) -> list[int]:
        return [2 * number for number in numbers]

    @classmethod
    @batchline.batch(linger=0)
    async def name_below(cls, texts: list[str]) -> list[str]:
        return [f"{cls.__name__}:{text}" for text in texts]


@on_each_loop
async def test_methods_of_all_kinds() -> None:
    three, five = Model(3), Model(5)
    assert await asyncio.gather(*map(three.scale, range(3)), five.scale(1)) == [0, 3, 6, 5]
    assert three.scale.stats().batches == five.scale.stats().batches == 1
    assert await three.scale.many([1, 2]) == [3, 6]
    assert await Model.scale(three, 4) == 12
    assert await Model.name_all("a") == await three.name_all("a") == await Model.name_below("a") == "Model:a"
    assert await Model.double_all(4) == await three.double_all(4) == 8
    assert await Model(7).scale(6) == 42


@on_each_loop
async def test_an_object_goes_when_nobody_holds_it() -> None:
    model = Model(3)
    assert await model.scale(1) == 3
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("run", RUNNERS)
def test_each_loop_has_a_batcher_of_its_own_and_ended_loops_are_dropped(run: Any) -> None:
    @batchline.batch(linger=0)
    async def body(items: list[int]) -> list[int]:
        return items

    async def use(item: int) -> Any:
        assert await body(item) == item
        assert body.stats().accepted == 1
        return weakref.ref(body.batcher)

    batchers = [run(use(item)) for item in range(3)]
    gc.collect()
    assert batchers[0]() is None and batchers[1]() is None
    assert len(body._source.batchers) == 1


@on_each_loop
async def test_frameworks_see_a_coroutine_function_of_one_item() -> None:
    @batchline.batch
    async def embed(texts: list[str]) -> list[float]:
        return [0.0 for _ in texts]

    assert str(inspect.signature(embed)) == "(texts: str, /) -> float"
    if hasattr(inspect, "markcoroutinefunction"):
        assert inspect.iscoroutinefunction(embed) and inspect.iscoroutinefunction(Model(1).scale)
    else:
        assert asyncio.iscoroutinefunction(embed)


def test_outside_of_a_loop_the_batcher_is_not_to_be_had() -> None:
    @batchline.batch
    async def body(items: list[int]) -> list[int]:
        return items

    with pytest.raises(RuntimeError, match="no running event loop"):
        _ = body.batcher


def test_async_generators_and_further_arguments_are_refused() -> None:
    async def generator(items: list[int]) -> Any:
        yield items

    async def further(items: list[int], model: str) -> list[int]:
        return items

    for wrong in (generator, further):
        with pytest.raises(TypeError):
            batchline.batch(wrong)


@batchline.batch(linger=0)
async def echo(items: list[int]) -> list[int]:
    return items


async def use_echo(item: int) -> int:
    return await echo(item)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_c73_a_forked_child_works_on_a_loop_of_its_own() -> None:
    assert asyncio.run(use_echo(1)) == 1
    child = os.fork()
    if child == 0:
        try:
            fine = asyncio.run(use_echo(5)) == 5
        finally:
            os._exit(0 if fine else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
