"""What type checkers are to infer of AsyncBatcher and the iterators. Read by mypy and pyright, never run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from typing_extensions import assert_type

from batchline import AsyncBatcher, AsyncReceipt, AsyncStats, abatches, batches, metrics


async def lengths(texts: list[str]) -> list[int]:
    return list(map(len, texts))


async def store(texts: list[str]) -> None:
    """Returns nothing."""


def checked(texts: list[str]) -> list[float | Exception]:
    return [ValueError(text) for text in texts]


async def numbers() -> AsyncIterator[int]:
    yield 1


async def batchers() -> None:
    async with AsyncBatcher(lengths, batch_items_max=64, linger=0.005) as batcher:
        assert_type(batcher, AsyncBatcher[str, int])
        assert_type(batcher.submit("text"), asyncio.Future[int])
        assert_type(await batcher.submit("text"), int)
        assert_type(await asyncio.gather(*map(batcher.submit, ["a", "b"])), list[int])
        assert_type(batcher.stats(), AsyncStats)
        batcher.put_nowait("text")
        await batcher.put("text")
        await batcher.flush(timeout=1)
        receipt = await batcher.close()
        assert_type(receipt, AsyncReceipt[str])
        assert_type(receipt.items, list[str])
    assert_type(AsyncBatcher(store, linger=None), AsyncBatcher[str, None])
    assert_type(await AsyncBatcher(checked).submit("text"), float)
    by_lambda: AsyncBatcher[str, int] = AsyncBatcher(lambda texts: [len(text) for text in texts], overflow="fail")
    assert_type(await by_lambda.submit("text"), int)


async def iterators() -> None:
    for batch in batches(["a", "b"], 2, linger=0.1):
        assert_type(batch, list[str])
    batches("text", 2).close()
    async with aclosing(abatches(numbers(), 2)) as lists:
        async for each in lists:
            assert_type(each, list[int])
    assert_type(metrics(), str)
