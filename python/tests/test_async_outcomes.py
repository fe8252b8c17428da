"""AsyncBatcher: exactly one outcome per item, whoever fails, and nobody else's (conformance C10 to C13, C73, C74)."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
import weakref
from typing import Any

import pytest
from event_loops import on_each_loop, until

from batchline import AsyncBatcher, BatchlineError


class Refusal(Exception):
    """What handlers of these tests raise."""


async def double(items: list[int]) -> list[int]:
    return [2 * item for item in items]


@on_each_loop
async def test_each_submit_gets_its_own_result() -> None:
    async with AsyncBatcher(double, batch_items_max=7, linger=0.001) as batcher:
        results = await asyncio.gather(*map(batcher.submit, range(100)))
        assert results == [2 * item for item in range(100)]
        stats = batcher.stats()
        assert stats.accepted == stats.done == 100
        assert stats.is_balanced() and stats.live == 0


@on_each_loop
async def test_a_plain_function_may_handle() -> None:
    async with AsyncBatcher(lambda items: tuple(-item for item in items), linger=0) as batcher:
        assert await asyncio.gather(batcher.submit(1), batcher.submit(2)) == [-1, -2]


@on_each_loop
async def test_a_handler_that_returns_nothing_is_done_with_all() -> None:
    async with AsyncBatcher(lambda items: None, linger=0) as batcher:
        assert await batcher.submit(1) is None


@pytest.mark.parametrize("trigger", ["size", "linger", "demand", "flush", "close"])
@on_each_loop
async def test_c10_an_error_reaches_its_whole_batch_and_no_other(trigger: str) -> None:
    error = Refusal("not this batch")

    async def handler(items: list[int]) -> list[int]:
        if 1 in items:
            raise error
        return items

    linger = {"linger": 0.002, "demand": 0}.get(trigger)
    batcher = AsyncBatcher(handler, batch_items_max=3 if trigger == "size" else 1000, linger=linger)
    bad = [batcher.submit(item) for item in (1, 2, 3)]
    if trigger == "flush":
        await batcher.flush()
    elif trigger == "close":
        await batcher.close()
    assert await asyncio.gather(*bad, return_exceptions=True) == [error, error, error]
    assert batcher.stats().batches_by_reason[trigger] == 1
    if trigger != "close":
        good = [batcher.submit(item) for item in (4, 5, 6)]
        await batcher.flush()
        assert await asyncio.gather(*good) == [4, 5, 6]
    receipt = await batcher.close()
    assert receipt.failed == 3 and receipt.is_balanced()


@on_each_loop
async def test_c11_a_failure_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def handler(items: list[int]) -> None:
        raise Refusal("lost?")

    with caplog.at_level(logging.ERROR, logger="batchline"):
        async with AsyncBatcher(handler, name="orders") as batcher:
            batcher.put_nowait(1)
            await batcher.put(2)
    [record] = caplog.records
    assert record.getMessage() == "orders: 2 items failed: lost?"
    assert record.exc_info is not None and record.exc_info[0] is Refusal
    assert batcher.stats().failed == 2 and batcher.stats().failed_batches == 1


@on_each_loop
async def test_c11_the_failure_hook_is_told_of_put_items_only() -> None:
    told: list[tuple[list[int], BaseException]] = []
    error = Refusal("bad")

    def handler(items: list[int]) -> None:
        raise error

    async with AsyncBatcher(handler, on_failure=lambda items, error: told.append((items, error))) as batcher:
        batcher.put_nowait(1)
        future = batcher.submit(2)
        batcher.put_nowait(3)
        await batcher.flush()
        assert future.exception() is error
    assert told == [([1, 3], error)]


@on_each_loop
async def test_c11_a_hook_that_raises_is_logged_with_what_it_was_told(caplog: pytest.LogCaptureFixture) -> None:
    def handler(items: list[int]) -> list[BaseException]:
        return [Refusal("the failure")]

    def hook(items: list[int], error: BaseException) -> None:
        raise RuntimeError("the hook's own")

    with caplog.at_level(logging.ERROR, logger="batchline"):
        async with AsyncBatcher(handler, on_failure=hook) as batcher:
            batcher.put_nowait(1)
    assert "the failure" in caplog.text and "the hook's own" in caplog.text


@on_each_loop
async def test_c74_cancelling_one_awaiter_leaves_the_others_alone() -> None:
    seen: list[list[int]] = []

    async def handler(items: list[int]) -> list[int]:
        seen.append(items)
        return items

    async with AsyncBatcher(handler, linger=0.01) as batcher:

        async def awaiter(item: int) -> int:
            return await batcher.submit(item)

        tasks = [asyncio.create_task(awaiter(item)) for item in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[0::2] == [0, 2] and results[3] == 3
    assert isinstance(results[1], asyncio.CancelledError)
    assert seen == [[0, 2, 3]], "the cancelled item went to the handler"
    stats = batcher.stats()
    assert (stats.accepted, stats.done, stats.cancelled) == (4, 3, 1) and stats.is_balanced()


@on_each_loop
async def test_c12_an_item_that_the_handler_has_stays_there_when_its_awaiter_goes() -> None:
    seen: list[list[int]] = []
    begun, release = asyncio.Event(), asyncio.Event()

    async def handler(items: list[int]) -> list[int]:
        seen.append(items)
        begun.set()
        await release.wait()
        return items

    async with AsyncBatcher(handler, batch_items_max=2) as batcher:
        first, second = batcher.submit(1), batcher.submit(2)
        await begun.wait()
        assert first.cancel()
        release.set()
        assert await second == 2
    assert seen == [[1, 2]]
    assert batcher.stats().done == 2 and batcher.stats().cancelled == 0


@on_each_loop
async def test_c12_a_failure_whose_awaiter_has_gone_is_told_to_the_hook() -> None:
    told: list[list[int]] = []
    begun, release = asyncio.Event(), asyncio.Event()

    async def handler(items: list[int]) -> list[int]:
        begun.set()
        await release.wait()
        raise Refusal

    batcher = AsyncBatcher(handler, batch_items_max=2, on_failure=lambda items, error: told.append(items))
    first, second = batcher.submit(1), batcher.submit(2)
    await begun.wait()
    first.cancel()
    release.set()
    with pytest.raises(Refusal):
        await second
    await batcher.close()
    assert told == [[1]]


@on_each_loop
async def test_c12_a_batch_of_cancelled_items_calls_nobody() -> None:
    calls = 0

    def handler(items: list[int]) -> None:
        nonlocal calls
        calls += 1

    async with AsyncBatcher(handler, batch_items_max=3) as batcher:
        futures = [batcher.submit(item) for item in range(3)]
        # The batch is sealed and its task made, but no handler has it before the loop's next turn.
        for future in futures:
            future.cancel()
        await batcher.flush()
    assert calls == 0
    assert batcher.stats().cancelled == 3 and batcher.stats().batches == 0 and batcher.stats().is_balanced()


@pytest.mark.parametrize("returned", [[1], [1, 2, 3, 4], (), [1, 2]])
@on_each_loop
async def test_c13_c74_a_wrong_number_of_results_fails_that_batch_alone(returned: Any) -> None:
    answers = [returned, [10, 20, 30]]
    async with AsyncBatcher(lambda items: answers.pop(0), batch_items_max=3) as batcher:
        errors = await asyncio.gather(*map(batcher.submit, range(3)), return_exceptions=True)
        assert all(isinstance(error, ValueError) for error in errors)
        assert f"{len(returned)} results" in str(errors[0]) and "3 items" in str(errors[0])
        assert await asyncio.gather(*map(batcher.submit, range(3))) == [10, 20, 30]


@pytest.mark.parametrize("returned", ["abc", b"abc", {1: 1, 2: 2, 3: 3}, {1, 2, 3}, (n for n in range(3)), 3])
@on_each_loop
async def test_what_is_no_sequence_of_results_is_refused(returned: Any) -> None:
    async with AsyncBatcher(lambda items: returned, batch_items_max=3) as batcher:
        errors = await asyncio.gather(*map(batcher.submit, range(3)), return_exceptions=True)
        assert all(isinstance(error, TypeError) and "sequence" in str(error) for error in errors)


@on_each_loop
async def test_arrays_are_results() -> None:
    numpy = pytest.importorskip("numpy")
    async with AsyncBatcher(lambda items: numpy.array(items) * 2.5, batch_items_max=2) as batcher:
        assert await asyncio.gather(batcher.submit(1), batcher.submit(2)) == [2.5, 5.0]


@on_each_loop
async def test_an_exception_in_a_slot_fails_that_item_alone() -> None:
    told: list[tuple[list[int], BaseException]] = []

    def handler(items: list[int]) -> list[int | Exception]:
        return [Refusal(str(item)) if item % 2 else item for item in items]

    async with AsyncBatcher(handler, on_failure=lambda items, error: told.append((items, error))) as batcher:
        futures = [batcher.submit(item) for item in range(4)]
        batcher.put_nowait(5)
        batcher.put_nowait(6)
        await batcher.flush()
        results = await asyncio.gather(*futures, return_exceptions=True)
    assert [results[0], results[2]] == [0, 2]
    assert [str(results[1]), str(results[3])] == ["1", "3"]
    assert [(items, str(error)) for items, error in told] == [([5], "5")]
    stats = batcher.stats()
    assert (stats.done, stats.failed, stats.failed_batches) == (3, 3, 1) and stats.is_balanced()


@pytest.mark.parametrize("kind", [StopIteration, asyncio.CancelledError, KeyboardInterrupt, GeneratorExit])
@on_each_loop
async def test_exceptions_that_mean_something_to_tasks_are_told_as_a_cause(kind: type[BaseException]) -> None:
    async with AsyncBatcher(lambda items: [kind(), 2], batch_items_max=2) as batcher:
        bad, good = batcher.submit(1), batcher.submit(2)
        with pytest.raises(BatchlineError) as raised:
            await bad
        assert isinstance(raised.value.__cause__, kind)
        assert await good == 2


@on_each_loop
async def test_a_handler_that_is_cancelled_fails_its_batch() -> None:
    async def handler(items: list[int]) -> list[int]:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(10)
        return items

    async with AsyncBatcher(handler, linger=0) as batcher:
        with pytest.raises(BatchlineError, match="CancelledError"):
            await batcher.submit(1)
        # The worker is free again.
        with pytest.raises(BatchlineError, match="CancelledError"):
            await batcher.submit(2)


def test_items_in_a_batch_that_the_end_of_the_loop_cancels_are_reported() -> None:
    told: list[list[int]] = []

    async def main() -> AsyncBatcher[int, None]:
        batcher: AsyncBatcher[int, None] = AsyncBatcher(
            lambda items: None, batch_items_max=2, on_failure=lambda items, error: told.append(items)
        )
        batcher.put_nowait(1)
        batcher.put_nowait(2)
        # The batch's task has not made a step yet, so nothing of its body will ever run.
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.01)
        return batcher

    batcher = asyncio.run(main())
    assert told == [[1, 2]]
    assert batcher.stats().failed == 2 and batcher.stats().is_balanced()


@on_each_loop
async def test_c73_an_exception_keeps_the_handlers_traceback() -> None:
    def the_guilty_line() -> None:
        raise Refusal("here")

    async def handler(items: list[int]) -> None:
        the_guilty_line()

    async with AsyncBatcher(handler, linger=0) as batcher:
        for future in [batcher.submit(1), batcher.submit(2)]:
            try:
                await future
            except Refusal as error:
                names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
            assert "the_guilty_line" in names


@on_each_loop
async def test_a_handler_may_take_its_list_apart() -> None:
    told: list[list[int]] = []

    def handler(items: list[int]) -> None:
        while items:
            items.pop()
        raise Refusal

    async with AsyncBatcher(handler, on_failure=lambda items, error: told.append(items)) as batcher:
        batcher.put_nowait(1)
        batcher.put_nowait(2)
    assert told == [[1, 2]]


@on_each_loop
async def test_c25_no_reference_to_handled_items_is_kept() -> None:
    class Item:
        live = 0

        def __init__(self) -> None:
            Item.live += 1

        def __del__(self) -> None:
            Item.live -= 1

    async with AsyncBatcher(lambda items: None, batch_items_max=10, linger=0) as batcher:
        await asyncio.gather(*[batcher.submit(Item()) for _ in range(100)])
        await until(lambda: batcher.stats().live == 0)
        gc.collect()
        assert Item.live == 0


@on_each_loop
async def test_c25_an_exception_that_is_kept_does_not_keep_the_items() -> None:
    class Item:
        """Can be referred to weakly."""

    async def handler(items: list[Item]) -> None:
        items.clear()  # else this very frame would keep them
        raise Refusal

    async with AsyncBatcher(handler, batch_items_max=2) as batcher:
        item = Item()
        gone = weakref.ref(item)
        futures = [batcher.submit(item), batcher.submit(item)]
        errors = await asyncio.gather(*futures, return_exceptions=True)
        del item
        gc.collect()
        assert gone() is None and all(isinstance(error, Refusal) for error in errors)


@pytest.mark.parametrize("fails", [False, True])
def test_a_hook_that_ends_the_program_leaves_the_ledger_in_balance(fails: bool) -> None:
    def handler(items: list[int]) -> list[object]:
        if fails:
            raise ValueError("all")
        return [ValueError(str(item)) for item in items]

    def hook(items: list[int], error: BaseException) -> None:
        raise KeyboardInterrupt

    batcher = AsyncBatcher(handler, linger=None, on_failure=hook)

    async def put_two() -> None:
        batcher.put_nowait(1)
        batcher.put_nowait(2)
        await batcher.flush()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(put_two())
    stats = batcher.stats()
    assert (stats.accepted, stats.failed, stats.in_hand, stats.failed_batches) == (2, 2, 0, 1)
    assert stats.is_balanced()
