"""Batches out of any iterator: ``batches`` and ``abatches``. What has no time limit needs no thread and no task."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable
from typing import TypeVar

from ._async_settings import checked_linger, within
from ._direct_call import chunks
from ._read_ahead import read_ahead
from ._read_ahead_async import read_ahead_async

T = TypeVar("T")


def batches(iterable: Iterable[T], n: int, linger: float | None = None) -> Generator[list[T], None, None]:
    """Lists of up to ``n`` items out of an iterable, in order; only the last is shorter.

    With ``linger`` in seconds, a list also comes when so much time has passed since its first item was read. Then a
    thread reads the source, at most two lists ahead of the consumer. Closing the generator (or dropping it) stops the
    thread: at once when it waits for the consumer, else as soon as the source gives the next item; what was read ahead
    is lost.

    An exception of the source comes after the items before it. Raises ``ValueError`` for ``n`` below 1 or a ``linger``
    outside of 0 to a day, ``TypeError`` for what is not iterable.

    >>> from batchline import batches
    >>> list(batches("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    >>> import time
    >>> def slow():
    ...     yield 1
    ...     yield 2
    ...     time.sleep(0.2)
    ...     yield 3
    >>> list(batches(slow(), 100, linger=0.05))
    [[1, 2], [3]]
    """
    within("n", n, 1, 2**40)
    linger = checked_linger(linger)
    source = iter(iterable)
    return _plain(source, n) if linger is None else read_ahead(source, n, linger)


def _plain(source: Iterable[T], n: int) -> Generator[list[T], None, None]:
    chunk: list[T] = []
    try:
        for item in source:
            chunk.append(item)
            if len(chunk) == n:
                full, chunk = chunk, []
                yield full
    except BaseException:
        # Also an interrupt of the source comes after what it gave. At the yield above there is no chunk: a close of
        # this generator goes straight on.
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def abatches(iterable: AsyncIterable[T], n: int, linger: float | None = None) -> AsyncGenerator[list[T], None]:
    """Lists of up to ``n`` items out of an async iterable, in order; only the last is shorter.

    With ``linger`` in seconds, a list also comes when so much time has passed since its first item was read. Then a
    task reads the source, at most two lists ahead of the consumer; no thread does. Closing the generator cancels the
    task. Leaving an ``async for`` early does not close an async generator at once; ``contextlib.aclosing`` does.

    Errors as for :func:`batches`.

    >>> import asyncio
    >>> from batchline import abatches
    >>> async def numbers():
    ...     for number in range(5):
    ...         yield number
    ...         await asyncio.sleep(0)
    >>> async def main():
    ...     return [batch async for batch in abatches(numbers(), 2, linger=1)]
    >>> asyncio.run(main())
    [[0, 1], [2, 3], [4]]
    """
    within("n", n, 1, 2**40)
    linger = checked_linger(linger)
    if not hasattr(iterable, "__aiter__"):
        raise TypeError(f"{type(iterable).__name__!r} object is not an async iterable")
    source = aiter(iterable)
    return _plain_async(source, n) if linger is None else read_ahead_async(source, n, linger)


async def _plain_async(source: AsyncIterator[T], n: int) -> AsyncGenerator[list[T], None]:
    chunk: list[T] = []
    try:
        async for item in source:
            chunk.append(item)
            if len(chunk) == n:
                full, chunk = chunk, []
                yield full
    except Exception:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk
