"""AsyncBatcher: the bound of the queue, who may call from where, and settings (conformance C20, C23)."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import pytest
from event_loops import Gate, RUNNERS, on_each_loop, until

from batchline import AsyncBatcher, Full


@on_each_loop
async def test_c20_a_full_queue_refuses_or_waits() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, batch_items_max=2, queue_items_max=4, overflow="fail")
    futures = [batcher.submit(item) for item in range(4)]
    with pytest.raises(Full) as refused:
        batcher.submit(4)
    assert refused.value.item == 4
    with pytest.raises(Full):
        batcher.put_nowait(4)
    with pytest.raises(Full):
        await batcher.put(4)
    assert batcher.stats().live == 4 and batcher.stats().refused == 3
    gate.open.set()
    assert await asyncio.gather(*futures) == [0, 1, 2, 3]
    await batcher.close()


@on_each_loop
async def test_put_nowait_never_waits_whatever_the_choice() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, batch_items_max=1, queue_items_max=1)
    batcher.put_nowait(1)
    with pytest.raises(Full):
        batcher.put_nowait(2)
    gate.open.set()
    await batcher.close()


@on_each_loop
async def test_who_waits_for_room_comes_in_in_order() -> None:
    gate = Gate()
    async with AsyncBatcher(gate, batch_items_max=2, queue_items_max=2) as batcher:
        futures = [batcher.submit(item) for item in range(3)]
        puts = [asyncio.create_task(batcher.put(item)) for item in (3, 4)]
        await asyncio.sleep(0)
        futures.append(batcher.submit(5))
        assert batcher.stats().live == 2
        await asyncio.sleep(0.01)
        gate.open.set()
        await asyncio.gather(*futures, *puts)
    assert [item for batch in gate.seen for item in batch] == [0, 1, 2, 3, 4, 5]
    assert batcher.stats().admission_wait > 0.02


@on_each_loop
async def test_a_put_that_is_cancelled_while_it_waits_has_put_nothing() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, batch_items_max=1, queue_items_max=1)
    first = batcher.submit(1)
    early, late = (asyncio.create_task(batcher.put(item)) for item in (2, 3))
    gone = batcher.submit(4)
    await until(lambda: gate.seen == [[1]])
    early.cancel()
    gone.cancel()
    await asyncio.sleep(0)
    # The second is granted its room, and cancelled before it wakes.
    gate.open.set()
    await first
    late.cancel()
    await asyncio.gather(early, late, return_exceptions=True)
    assert await batcher.submit(5) == 5
    receipt = await batcher.close()
    assert receipt.accepted in (2, 3) and receipt.done == receipt.accepted and receipt.is_balanced()
    assert [2] not in gate.seen and [4] not in gate.seen
    assert late.cancelled() != ([3] in gate.seen)


@on_each_loop
async def test_cancelled_items_make_room_before_anybody_is_refused() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, batch_items_max=4, queue_items_max=6, linger=None, overflow="fail")
    running = [batcher.submit(item) for item in range(4)]
    for future in [batcher.submit(item) for item in (4, 5)]:
        future.cancel()
    kept = [batcher.submit(item) for item in (6, 7)]
    with pytest.raises(Full):
        batcher.submit(8)
    gate.open.set()
    await batcher.flush()
    assert await asyncio.gather(*running, *kept) == [0, 1, 2, 3, 6, 7]
    stats = batcher.stats()
    assert stats.cancelled == 2 and stats.is_balanced()
    await batcher.close()


@on_each_loop
async def test_many_that_give_up_waiting_leave_nothing_behind() -> None:
    gate = Gate()
    batcher = AsyncBatcher(gate, batch_items_max=1, queue_items_max=1)
    first = batcher.submit(0)
    for item in range(1000):
        batcher.submit(item).cancel()
    assert len(batcher._waiters._queue) <= 128
    gate.open.set()
    assert await first == 0
    assert await batcher.submit(1) == 1
    await batcher.close()


@pytest.mark.parametrize("seed", range(20))
@on_each_loop
async def test_every_item_has_one_outcome_under_random_use(seed: int) -> None:
    rng = random.Random(seed)
    handled: list[int] = []
    live_peak = 0

    async def handler(items: list[int]) -> list[Any]:
        nonlocal live_peak
        live_peak = max(live_peak, batcher.stats().live)
        await asyncio.sleep(rng.choice([0, 0, 0.001]))
        handled.extend(items)
        if rng.random() < 0.1:
            raise RuntimeError("a bad batch")
        return [ValueError(str(item)) if rng.random() < 0.1 else item for item in items]

    size = rng.choice([1, 2, 7])
    bound = size * rng.choice([1, 3])
    failed: list[int] = []
    batcher = AsyncBatcher(
        handler,
        batch_items_max=size,
        queue_items_max=bound,
        linger=rng.choice([0, 0.001]),
        workers=rng.choice([1, 3]),
        on_failure=lambda items, error: failed.extend(items),
    )

    async def submit(item: int) -> str:
        try:
            assert await batcher.submit(item) == item
        except (ValueError, RuntimeError):
            return "failed"
        return "done"

    async def put(item: int) -> str:
        await batcher.put(item)
        return "put"

    tasks = [asyncio.create_task(rng.choice([submit, put])(item)) for item in range(200)]
    for task in rng.sample(tasks, 40):
        if rng.random() < 0.5:
            await asyncio.sleep(0)
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    receipt = await batcher.close()
    assert len(handled) == len(set(handled)), "an item was handled twice"
    assert receipt.is_balanced() and batcher.stats().is_balanced() and batcher.stats().live == 0
    for item, outcome in enumerate(outcomes):
        if outcome in ("done", "failed", "put"):
            assert item in handled
        else:
            assert isinstance(outcome, asyncio.CancelledError), outcome
    assert receipt.accepted - receipt.cancelled == len(handled)
    assert live_peak <= bound


WRONG = [
    ({"batch_items_max": 0}, "batch_items_max is 0"),
    ({"batch_items_max": 2**25}, "batch_items_max"),
    ({"workers": 0}, "workers"),
    ({"queue_items_max": 999}, "queue_items_max is 999; allowed: 1000"),
    ({"linger": -1}, "linger"),
    ({"linger": float("nan")}, "linger"),
    ({"linger": 1e6}, "linger"),
    ({"overflow": "explode"}, "overflow"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_c23_nonsense_is_refused_with_the_fields_name_and_range(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        AsyncBatcher(lambda items: None, **settings)
    assert "allowed" in str(refused.value)


@pytest.mark.parametrize(
    "settings", [{"batch_items_max": 1.5}, {"workers": "2"}, {"linger": "1"}, {"on_failure": 3}, {"linger": True}]
)
def test_c23_wrong_types_are_refused(settings: Any) -> None:
    with pytest.raises(TypeError, match=next(iter(settings))):
        AsyncBatcher(lambda items: None, **settings)


def test_c23_a_handler_must_be_callable() -> None:
    with pytest.raises(TypeError, match="handler"):
        AsyncBatcher(3)  # type: ignore[call-overload]


@on_each_loop
async def test_another_thread_is_refused_clearly() -> None:
    errors: list[BaseException] = []
    async with AsyncBatcher(lambda items: None, linger=0.05) as batcher:
        batcher.put_nowait(0)

        def elsewhere() -> None:
            for call in (batcher.submit, batcher.put_nowait):
                try:
                    call(1)
                except BaseException as error:
                    errors.append(error)
            try:
                asyncio.run(batcher.put(1))
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.get_running_loop().run_in_executor(None, thread.join)
        assert batcher.stats().accepted == 1
    assert len(errors) == 3
    assert all(type(error) is RuntimeError and "event loop" in str(error) for error in errors), errors


@pytest.mark.parametrize("run", RUNNERS)
def test_another_loop_is_refused_clearly(run: Any) -> None:
    batcher: AsyncBatcher[int, None] = AsyncBatcher(lambda items: None, linger=0)

    async def use() -> None:
        await batcher.submit(1)

    run(use())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="bound to another event loop"):
            run(use())


def test_without_a_loop_a_batcher_can_be_made_but_not_used() -> None:
    batcher: AsyncBatcher[int, None] = AsyncBatcher(lambda items: None, name="orders")
    with pytest.raises(RuntimeError, match="'orders': no event loop runs"):
        batcher.submit(1)
    asyncio.run(batcher.close())


@on_each_loop
async def test_nobody_overtakes_those_who_wait_for_room() -> None:
    gate = Gate()
    async with AsyncBatcher(gate, batch_items_max=4, queue_items_max=6, linger=None) as batcher:
        running = [batcher.submit(item) for item in range(4)]
        open_ones = [batcher.submit(item) for item in (4, 5)]
        waiting = batcher.submit(6)
        for future in open_ones:
            future.cancel()  # there is room now, and nobody has looked yet
        newcomer = batcher.submit(7)
        gate.open.set()
        await asyncio.gather(*running)
        await batcher.flush()
        assert (await waiting, await newcomer) == (6, 7)
    assert gate.seen == [[0, 1, 2, 3], [6, 7]]
