"""Reading an async iterator in a task, so that a batch can be cut off by time while the source is awaited.

Cancelling an ``anext`` would end the source, so the source has a task of its own, which fills one list up to two
batches long; the consumer takes batches from its front. It is woken once per batch, not per item.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SharedAsync(Generic[T]):
    """What the reading task and the consumer share, on one event loop."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.loop = asyncio.get_running_loop()
        self.items: list[T] = []
        #: When each item was read: the linger of a batch counts from its first.
        self.read_at: list[float] = []
        self.ended = False
        #: How many items the consumer waits for; 0 when it does not wait.
        self.wanted = 0
        self.readable = asyncio.Event()
        self.writable = asyncio.Event()

    async def fill(self, source: AsyncIterator[T]) -> None:
        """The reading task's whole life; its result is the source's error."""
        try:
            async for item in source:
                self.items.append(item)
                self.read_at.append(self.loop.time())
                if 0 < self.wanted <= len(self.items):
                    self.readable.set()
                while len(self.items) >= 2 * self.n:
                    self.writable.clear()
                    await self.writable.wait()
        finally:
            self.ended = True
            self.readable.set()

    async def take(self, linger: float) -> list[T]:
        """The next batch; empty at the end."""
        await self._until(1, None)
        if self.items:
            await self._until(self.n, self.read_at[0] + linger)
        batch, self.items = self.items[: self.n], self.items[self.n :]
        del self.read_at[: self.n]
        self.writable.set()
        return batch

    async def _until(self, wanted: int, due_at: float | None) -> None:
        """Waits until so many items are there, the source has ended, or it is time."""
        if len(self.items) >= wanted or self.ended:
            return
        self.wanted = wanted
        self.readable.clear()
        timer = None if due_at is None else self.loop.call_at(due_at, self.readable.set)
        try:
            await self.readable.wait()
        finally:
            self.wanted = 0
            if timer is not None:
                timer.cancel()


async def read_ahead_async(source: AsyncIterator[T], n: int, linger: float) -> AsyncGenerator[list[T], None]:
    """The batches of a source that a task reads, from the first ``anext`` on."""
    shared: SharedAsync[T] = SharedAsync(n)
    reader: asyncio.Task[Any] = asyncio.ensure_future(shared.fill(source))
    try:
        while batch := await shared.take(linger):
            yield batch
        await reader
    finally:
        await stop(reader)


async def stop(reader: asyncio.Task[Any]) -> None:
    """Cancels the reading task and waits until it is over, so that nothing of it outlives the generator."""
    if reader.done():
        if not reader.cancelled():
            reader.exception()  # it was raised to the consumer, or nobody wants it any more
        return
    reader.cancel()
    await asyncio.wait([reader])
