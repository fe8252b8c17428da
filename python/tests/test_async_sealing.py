"""AsyncBatcher: when a batch is sealed, how many run at once, in whose context (conformance C21 to C24, C31 to C34)."""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import Any

import pytest
from event_loops import on_each_loop, run_on_asyncio, until

from batchline import AsyncBatcher


class Recorder:
    """A handler that keeps what it saw, and may be held."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.running = 0
        self.running_peak = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: list[Any]) -> list[Any]:
        self.batches.append(items)
        self.running += 1
        self.running_peak = max(self.running_peak, self.running)
        await self.gate.wait()
        await asyncio.sleep(0)
        self.running -= 1
        return items

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


@on_each_loop
async def test_a_full_batch_starts_at_once() -> None:
    handler = Recorder()
    async with AsyncBatcher(handler, batch_items_max=4, linger=None) as batcher:
        await asyncio.wait_for(asyncio.gather(*map(batcher.submit, range(8))), 1)
        assert handler.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert batcher.stats().batches_by_reason["size"] == 2


@on_each_loop
async def test_c24_batches_of_one_never_linger() -> None:
    async with AsyncBatcher(Recorder(), batch_items_max=1, linger=60) as batcher:
        began_at = time.monotonic()
        await asyncio.gather(*map(batcher.submit, range(5)))
        assert time.monotonic() - began_at < 1
        assert batcher.stats().batches == 5


@on_each_loop
async def test_a_lone_item_waits_for_its_linger_and_no_longer() -> None:
    async with AsyncBatcher(Recorder(), linger=0.05) as batcher:
        began_at = time.monotonic()
        await batcher.submit(1)
        assert 0.045 <= time.monotonic() - began_at < 0.5
        assert batcher.stats().batches_by_reason["linger"] == 1
        assert batcher.stats().linger_wait >= 0.045


@on_each_loop
async def test_c34_on_demand_a_lone_item_waits_for_no_timer() -> None:
    async with AsyncBatcher(Recorder(), linger=0) as batcher:
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counter = asyncio.create_task(count_turns())
        await batcher.submit(1)
        counter.cancel()
        assert turns < 10
        assert batcher.stats().batches_by_reason["demand"] == 1


@on_each_loop
async def test_on_demand_what_one_turn_of_the_loop_brings_is_one_batch() -> None:
    handler = Recorder()
    async with AsyncBatcher(handler, linger=0) as batcher:

        async def user(item: int) -> int:
            return await batcher.submit(item)

        await asyncio.gather(*[user(item) for item in range(50)])
    assert handler.sizes == [50]


@on_each_loop
async def test_on_demand_batches_grow_while_the_handler_is_busy() -> None:
    handler = Recorder()
    handler.gate.clear()
    async with AsyncBatcher(handler, linger=0) as batcher:
        first = batcher.submit(0)
        await until(lambda: handler.running == 1)
        rest = [batcher.submit(item) for item in range(1, 10)]
        await asyncio.sleep(0.01)
        assert handler.sizes == [1]
        handler.gate.set()
        await asyncio.gather(first, *rest)
    assert handler.sizes == [1, 9]


@on_each_loop
async def test_a_batch_that_lingered_while_the_handler_is_busy_still_grows() -> None:
    handler = Recorder()
    handler.gate.clear()
    async with AsyncBatcher(handler, linger=0.001) as batcher:
        futures = [batcher.submit(0)]
        await until(lambda: handler.running == 1)
        for item in range(1, 4):
            futures.append(batcher.submit(item))
            await asyncio.sleep(0.005)
        handler.gate.set()
        await asyncio.gather(*futures)
    assert handler.batches == [[0], [1, 2, 3]]


@on_each_loop
async def test_c31_a_new_linger_takes_effect_on_the_open_batch() -> None:
    async with AsyncBatcher(Recorder(), linger=3600) as batcher:
        future = batcher.submit(1)
        batcher.set_linger(0.001)
        await asyncio.wait_for(future, 1)
        batcher.set_linger(3600)
        late = batcher.submit(2)
        await asyncio.sleep(0.02)
        assert not late.done()
        batcher.set_linger(None)
        batcher.set_linger(0)
        await asyncio.wait_for(late, 1)


def test_c33_the_loop_is_called_back_once_per_batch_and_never_when_idle() -> None:
    calls = {"later": 0, "threadsafe": 0}

    class CountingLoop(asyncio.SelectorEventLoop):
        def call_at(self, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
            calls["later"] += 1
            return super().call_at(*args, **kwargs)

        def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> asyncio.Handle:
            calls["threadsafe"] += 1
            return super().call_soon_threadsafe(*args, **kwargs)

    async def main() -> None:
        async with AsyncBatcher(lambda items: None, batch_items_max=100, linger=0.005) as batcher:
            for _ in range(10):
                for item in range(150):
                    batcher.put_nowait(item)
                await batcher.flush()
            assert batcher.stats().batches == 20
            assert calls["later"] == 20
            await batcher.submit(1)
            assert calls["later"] == 21 and batcher.stats().wakeups == 1
            assert not [timer for timer in loop._scheduled if not timer.cancelled()], "an idle batcher has a timer"

    loop: Any = CountingLoop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    assert calls["threadsafe"] == 0


@pytest.mark.parametrize("workers", [1, 3])
@on_each_loop
async def test_c21_no_more_handlers_than_workers(workers: int) -> None:
    handler = Recorder()
    async with AsyncBatcher(handler, batch_items_max=5, linger=0.001, workers=workers) as batcher:
        await asyncio.gather(*map(batcher.submit, range(200)))
    assert handler.running_peak == workers


@on_each_loop
async def test_c22_no_batch_is_too_large_on_any_path() -> None:
    handler = Recorder()
    batcher = AsyncBatcher(handler, batch_items_max=10, linger=0.001, queue_items_max=30)
    puts = [asyncio.create_task(batcher.put(item)) for item in range(95)]
    await asyncio.sleep(0.002)
    await batcher.flush()
    await asyncio.gather(*puts)
    batcher.put_nowait(95)
    await batcher.close()
    assert max(handler.sizes) == 10
    assert sorted(item for batch in handler.batches for item in batch) == list(range(96))
    assert batcher.stats().batch_items_peak == 10


@on_each_loop
async def test_with_one_worker_items_keep_the_order_of_their_puts() -> None:
    handler = Recorder()
    async with AsyncBatcher(handler, batch_items_max=7, linger=0, queue_items_max=14) as batcher:
        for item in range(100):
            await (batcher.put(item) if item % 3 else batcher.submit(item))
    assert [item for batch in handler.batches for item in batch] == list(range(100))


@on_each_loop
async def test_the_handler_runs_in_the_batchers_context_and_not_in_a_callers() -> None:
    request = contextvars.ContextVar("request", default="none")
    seen: list[str] = []

    async def handler(items: list[int]) -> None:
        seen.append(request.get())
        request.set("the handler's")

    async with AsyncBatcher(handler, batch_items_max=2) as batcher:

        async def user(name: str) -> None:
            request.set(name)
            await batcher.submit(1)
            assert request.get() == name

        await asyncio.gather(user("first"), user("second"))
        await asyncio.gather(user("third"), user("fourth"))
    assert seen == ["none", "none"]


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="eager tasks came with Python 3.12")
def test_eager_tasks_work_too() -> None:
    async def main() -> None:
        # Not on uvloop, whose create_task and this factory do not fit together (uvloop 0.23, Python 3.13).
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        batcher: AsyncBatcher[int, int] = AsyncBatcher(
            lambda items: [batcher.put_nowait(9) if item == 0 else item for item in items], batch_items_max=2
        )
        assert await asyncio.gather(*map(batcher.submit, range(4))) == [None, 1, 2, 3]
        receipt = await batcher.close()
        assert receipt.done == 5 and receipt.is_balanced()

    run_on_asyncio(main())
