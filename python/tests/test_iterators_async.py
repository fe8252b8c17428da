"""``abatches``: the same on an event loop, without threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from event_loops import on_each_loop

from batchline import abatches


class Refusal(Exception):
    """What sources of these tests raise."""


async def numbers(length: int, pause: bool = False) -> AsyncIterator[int]:
    for number in range(length):
        if pause:
            await asyncio.sleep(0)
        yield number


def other_tasks() -> int:
    return len(asyncio.all_tasks() - {asyncio.current_task()})


@pytest.mark.parametrize("pause", [False, True])
@pytest.mark.parametrize("linger", [None, 30])
@pytest.mark.parametrize("length", [0, 1, 3, 7, 500])
@on_each_loop
async def test_all_items_in_order_and_only_the_last_list_is_shorter(linger: Any, length: int, pause: bool) -> None:
    before, threads = other_tasks(), threading.active_count()
    lists = [each async for each in abatches(numbers(length, pause), 3, linger)]
    assert [item for each in lists for item in each] == list(range(length))
    assert all(len(each) == 3 for each in lists[:-1]) and all(lists)
    assert other_tasks() == before and threading.active_count() == threads


@pytest.mark.parametrize("linger", [None, 30])
@on_each_loop
async def test_an_exception_comes_after_the_items_before_it(linger: Any) -> None:
    async def source() -> AsyncIterator[int]:
        async for number in numbers(5):
            yield number
        raise Refusal

    lists = abatches(source(), 3, linger)
    assert [await anext(lists), await anext(lists)] == [[0, 1, 2], [3, 4]]
    with pytest.raises(Refusal):
        await anext(lists)
    with pytest.raises(StopAsyncIteration):
        await anext(lists)


@on_each_loop
async def test_a_list_comes_when_its_first_item_has_lingered() -> None:
    release = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        yield 1
        yield 2
        await release.wait()
        yield 3

    lists = abatches(source(), 100, linger=0.05)
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    assert await anext(lists) == [1, 2]
    assert 0.04 <= loop.time() - began_at < 5
    release.set()
    assert [each async for each in lists] == [[3]]


@on_each_loop
async def test_the_task_reads_at_most_two_lists_ahead() -> None:
    read = 0

    async def source() -> AsyncIterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    async with aclosing(abatches(source(), 5, linger=30)) as lists:
        assert await anext(lists) == [1, 2, 3, 4, 5]
        for _ in range(10):
            await asyncio.sleep(0)
        assert read <= 5 + 10
    assert other_tasks() <= 1  # the test's own timeout


@on_each_loop
async def test_closing_cancels_the_read_and_waits_for_its_end() -> None:
    ended = False

    async def source() -> AsyncIterator[int]:
        nonlocal ended
        try:
            yield 1
            await asyncio.sleep(60)
            yield 2
        finally:
            await asyncio.sleep(0)
            ended = True

    async with aclosing(abatches(source(), 100, linger=0.001)) as lists:
        assert await anext(lists) == [1]
    assert ended


@on_each_loop
async def test_a_consumer_that_is_cancelled_takes_the_reader_along() -> None:
    ended = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        try:
            await asyncio.sleep(60)
            yield 1
        finally:
            ended.set()

    async def consume() -> None:
        async for _ in abatches(source(), 2, linger=1):
            raise AssertionError

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


def test_nonsense_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="n is 0"):
        abatches(numbers(1), 0)
    with pytest.raises(TypeError, match="async iterable"):
        abatches([1, 2], 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="linger"):
        abatches(numbers(1), 2, linger=float("nan"))
