"""AsyncBatcher: flush and close against everything else (conformance C01 to C07)."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import time
from typing import Any

import pytest
from event_loops import Gate, on_each_loop, until

from batchline import AsyncBatcher, Closed, HandedBack, TimedOut, WouldWait


@on_each_loop
async def test_c01_what_waits_for_room_when_close_begins_comes_back() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, batch_items_max=1, queue_items_max=1)
    inside = batcher.submit("inside")
    put = asyncio.create_task(batcher.put("put"))
    submit = batcher.submit("submit")
    await asyncio.sleep(0)
    closing = asyncio.create_task(batcher.close())
    for waiting, item in ((put, "put"), (submit, "submit")):
        with pytest.raises(Closed) as refused:
            await waiting
        assert refused.value.item == item
    gate.open.set()
    receipt = await closing
    assert await inside == "inside"
    assert (receipt.accepted, receipt.done) == (1, 1) and batcher.stats().refused == 2


@on_each_loop
async def test_c02_close_returns_when_no_handler_runs_and_a_second_close_waits_too() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, batch_items_max=1)
    future = batcher.submit(1)
    first, second = asyncio.create_task(batcher.close()), asyncio.create_task(batcher.close())
    await asyncio.sleep(0.01)
    assert not first.done() and not second.done() and batcher.closed
    gate.open.set()
    receipts = await asyncio.gather(first, second)
    assert [receipt.done for receipt in receipts] == [1, 1] and await future == 1
    assert (await batcher.close()).done == 1


@on_each_loop
async def test_c03_after_close_everything_is_refused_at_once() -> None:
    batcher = AsyncBatcher(lambda items: None)
    await batcher.close()
    with pytest.raises(Closed) as refused:
        batcher.submit("late")
    assert refused.value.item == "late"
    with pytest.raises(Closed):
        batcher.put_nowait(1)
    with pytest.raises(Closed):
        await batcher.put(1)
    with pytest.raises(Closed):
        await batcher.flush()


@on_each_loop
async def test_c03_a_handler_may_put_and_close_but_not_wait_for_itself() -> None:
    seen: list[Any] = []

    async def handler(items: list[int]) -> None:
        seen.append(items)
        if items == [1]:
            batcher.put_nowait(2)
            with pytest.raises(WouldWait):
                await batcher.flush()
            receipt = await batcher.close()
            assert receipt.still_running == 2 and receipt.is_balanced()

    batcher = AsyncBatcher(handler, linger=None)
    batcher.put_nowait(1)
    await batcher.flush()
    receipt = await batcher.close()
    assert seen == [[1], [2]] and receipt.done == 2


@on_each_loop
async def test_c03_a_handler_that_would_wait_for_room_is_told() -> None:
    errors: list[Exception] = []

    async def handler(items: list[int]) -> None:
        for put in (batcher.put, batcher.submit):
            try:
                await put(2)
            except WouldWait as error:
                errors.append(error)

    batcher = AsyncBatcher(handler, batch_items_max=1, queue_items_max=1)
    await batcher.submit(1)
    await batcher.close()
    assert len(errors) == 2


@on_each_loop
async def test_c04_a_close_that_times_out_hands_back_what_no_handler_has() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, batch_items_max=2, linger=None)
    in_hand = [batcher.submit(item) for item in (1, 2)]
    queued = [batcher.submit(item) for item in (3, 4, 5)]
    batcher.put_nowait(6)
    batcher.put_nowait(7)
    queued[1].cancel()
    await until(lambda: gate.seen == [[1, 2]])
    began_at = time.monotonic()
    receipt = await batcher.close(timeout=0.02)
    assert time.monotonic() - began_at < 1
    assert receipt.items == [3, 5, 6, 7] and receipt.timed_out
    assert (receipt.handed_back, receipt.cancelled, receipt.still_running) == (4, 1, 2)
    assert receipt.is_balanced() and batcher.stats().is_balanced()
    with pytest.raises(HandedBack) as handed_back:
        await queued[0]
    assert handed_back.value.item == 3
    assert isinstance(queued[2].exception(), HandedBack)
    gate.open.set()
    assert await asyncio.gather(*in_hand) == [1, 2]
    later = await batcher.close()
    assert later.done == 2 and later.items == [] and not later.timed_out and later.is_balanced()


@on_each_loop
async def test_c05_flush_is_a_barrier_that_later_items_do_not_prolong() -> None:
    gate = Gate()
    gate.open.set()
    async with AsyncBatcher(gate, linger=None) as batcher:
        before = [batcher.submit(item) for item in range(3)]
        gate.open.clear()
        flushing = asyncio.create_task(batcher.flush())
        await until(lambda: len(gate.seen) == 1)
        after = [batcher.submit(item) for item in range(3, 6)]
        assert not flushing.done()
        gate.open.set()
        await flushing
        assert all(future.done() for future in before)
        assert not any(future.done() for future in after)
    assert gate.seen == [[0, 1, 2], [3, 4, 5]]


@on_each_loop
async def test_c05_flush_with_a_time_limit() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, linger=None)
    future = batcher.submit(1)
    with pytest.raises(TimedOut):
        await batcher.flush(timeout=0.01)
    with pytest.raises(TimeoutError):
        await batcher.flush(timeout=0)
    gate.open.set()
    assert await future == 1, "the batch is on its way all the same"
    await batcher.flush(timeout=0)
    await batcher.close()
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="timeout"):
            await batcher.close(timeout=wrong)


@on_each_loop
async def test_a_flush_that_is_cancelled_changes_nothing() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, linger=None)
    future = batcher.submit(1)
    flushing = asyncio.create_task(batcher.flush())
    await until(lambda: len(gate.seen) == 1)
    flushing.cancel()
    gate.open.set()
    assert await future == 1
    await batcher.close()


@pytest.mark.parametrize("linger", [None, 60])
def test_c06_items_that_are_lost_with_their_loop_are_logged(linger: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        batcher: AsyncBatcher[int, None] = AsyncBatcher(lambda items: None, linger=linger, name="orders")
        batcher.put_nowait(1)
        batcher.put_nowait(2)

    with caplog.at_level(logging.ERROR, logger="batchline"):
        asyncio.run(main())
        gc.collect()
    [record] = caplog.records
    assert record.getMessage().startswith("orders: 2 items were lost")


@on_each_loop
async def test_c07_a_close_under_traffic_ends() -> None:
    batcher = AsyncBatcher(lambda items: None, batch_items_max=10, queue_items_max=20)
    refused = 0

    async def traffic() -> None:
        nonlocal refused
        while True:
            try:
                await batcher.put(1)
            except Closed:
                refused += 1
                return
            await asyncio.sleep(0)

    producers = [asyncio.create_task(traffic()) for _ in range(50)]
    await asyncio.sleep(0.02)
    receipt = await batcher.close(timeout=5)
    await asyncio.gather(*producers)
    assert refused == 50 and not receipt.timed_out
    assert receipt.accepted == receipt.done and receipt.is_balanced()


@on_each_loop
async def test_leaving_the_block_by_an_error_closes_too() -> None:
    done: list[int] = []
    with pytest.raises(ZeroDivisionError):
        async with AsyncBatcher(lambda items: done.extend(items)) as batcher:
            batcher.put_nowait(1)
            raise ZeroDivisionError
    assert done == [1] and batcher.closed


@on_each_loop
async def test_closing_a_batcher_that_was_never_used() -> None:
    receipt = await AsyncBatcher(lambda items: None).close()
    assert receipt.accepted == 0 and receipt.items == [] and receipt.is_balanced()


def test_pickling_is_refused_clearly() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(AsyncBatcher(lambda items: None))


@on_each_loop
async def test_c03_a_task_of_the_handler_may_not_wait_for_it_either_and_later_may() -> None:
    background: list[asyncio.Task[None]] = []
    after = asyncio.Event()

    async def later() -> None:
        await after.wait()
        await batcher.flush()

    async def handler(items: list[int]) -> None:
        if items == [1]:
            background.append(asyncio.create_task(later()))
            [error] = await asyncio.gather(batcher.flush(), return_exceptions=True)
            assert isinstance(error, WouldWait)

    batcher = AsyncBatcher(handler, linger=0)
    await batcher.submit(1)
    after.set()
    await background[0]
    receipt = await batcher.close()
    assert receipt.done == 1
