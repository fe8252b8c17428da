"""AsyncBatched: what ``@batch`` makes of an ``async def``. Callers await it with one item; its body sees lists."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from ._async_batch import inside
from ._async_ledger import AsyncReceipt, AsyncStats
from ._batched_options import BatchedOptions
from ._direct_call import chunks, results_or_raise
from ._item_signature import name_of
from .aio import AsyncBatcher
from .batched import describe, refuse_unless_static, shown_signature
from .errors import WouldWait

T = TypeVar("T")
R = TypeVar("R")


class AsyncBatchedSource(Generic[T, R]):
    """A function and its batchers: one per event loop, made by the first call there."""

    def __init__(self, function: Callable[[list[T]], Any], shown: Callable[..., Any], options: BatchedOptions) -> None:
        self.function = function
        #: The function as it was written: with ``self``, if it is a method.
        self.shown = shown
        self.options = options
        #: Whether it was declared a static method.
        self.is_static = False
        self.batchers: dict[asyncio.AbstractEventLoop, AsyncBatcher[T, R]] = {}
        self._lock = threading.Lock()
        _sources.add(self)

    def start(self) -> AsyncBatcher[T, R]:
        """The running loop's batcher. A new one is made where there is none, and those of ended loops are dropped."""
        loop = asyncio.get_running_loop()
        batcher = self.batchers.get(loop)
        return batcher if batcher is not None else self._start_on(loop)

    def drop(self) -> None:
        """Lets go of all batchers."""
        self.batchers = {}

    def start_anew(self) -> None:
        """In a forked child: the loops and whoever held the lock are in the parent."""
        self.batchers = {}
        self._lock = threading.Lock()

    def _start_on(self, loop: asyncio.AbstractEventLoop) -> AsyncBatcher[T, R]:
        batcher: AsyncBatcher[T, R] = AsyncBatcher(
            self.function, **self.options.for_async_batcher(name_of(self.shown))
        )
        with self._lock:
            open_ones = {known: its for known, its in self.batchers.items() if not known.is_closed()}
            self.batchers = {**open_ones, loop: batcher}
        return batcher


_sources: weakref.WeakSet[AsyncBatchedSource[Any, Any]] = weakref.WeakSet()


def _start_all_anew() -> None:
    for source in list(_sources):
        source.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all_anew)


class AsyncBatched(Generic[T, R]):
    """An async function of one item whose body gets lists, from calls of any tasks. Made by :func:`batchline.batch`.

    ``await embed(text)`` waits until the item's batch is full or has lingered, then for the body, and returns the
    item's result or raises its error. The body runs on the callers' event loop; each loop has a batcher of its own,
    made by the first call there and dropped some time after the loop has ended.

    >>> import asyncio, batchline
    >>> @batchline.batch(linger=0)
    ... async def double(numbers: list[int]) -> list[int]:
    ...     return [2 * number for number in numbers]
    >>> async def main():
    ...     return await asyncio.gather(*[double(number) for number in range(5)]), double.stats().batches
    >>> asyncio.run(main())
    ([0, 2, 4, 6, 8], 1)
    """

    __wrapped__: Callable[..., Any]
    __name__: str
    __qualname__: str

    def __init__(self, source: AsyncBatchedSource[T, R], owner: object = None) -> None:
        describe(self, source.shown)
        mark_as_coroutine_function(self)
        self._source = source
        # A method's object lives at least as long as a call of its method.
        self._owner = owner

    async def __call__(self, item: T, /) -> R:
        """The result of this one item, after its batch was handled.

        Raises what the body raised for it, :class:`Closed`, :class:`Full` (with ``overflow="fail"``), and
        :class:`WouldWait` from inside the body itself.
        """
        batcher = self._source.start()
        if inside.get() and batcher._is_handling():
            raise WouldWait(f"{self.__name__} was called from its own body, which would wait for itself", item=item)
        return await batcher.submit(item)

    async def many(self, items: Iterable[T], /) -> list[R]:
        """Calls the body itself, in this task, with lists of up to ``batch_items_max`` items.

        Returns one result per item, in order. Raises the first error. Nothing is queued, and ``workers`` does not
        count these calls.
        """
        results: list[R] = []
        for chunk in chunks(items, self._source.options.batch_items_max):
            size = len(chunk)
            results += results_or_raise(await self._source.function(chunk), size)
        return results

    @property
    def batcher(self) -> AsyncBatcher[T, R]:
        """The running loop's batcher, for ``submit``, ``put`` and ``flush``. ``RuntimeError`` outside of a loop."""
        return self._source.start()

    def stats(self) -> AsyncStats:
        """The counters of the running loop's batcher."""
        return self.batcher.stats()

    def set_linger(self, seconds: float | None) -> None:
        """How long the first item of a batch waits at most for others, in seconds, from now on.

        Loops that run on other threads keep the linger they have.
        """
        self._source.options.linger = seconds
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        batcher = self._source.batchers.get(loop)
        if batcher is not None:
            batcher.set_linger(seconds)

    async def close(self, timeout: float | None = None) -> AsyncReceipt[T]:
        """Closes the running loop's batcher; see :meth:`AsyncBatcher.close`. Further calls on this loop raise
        :class:`Closed`; another loop begins anew."""
        return await self._source.start().close(timeout)

    @property
    def __signature__(self) -> inspect.Signature:
        return shown_signature(self._source.shown, self._owner)

    def __set_name__(self, owner: type, name: str) -> None:
        refuse_unless_static(self._source, owner, name)

    def __repr__(self) -> str:
        return f"<batched async {name_of(self._source.shown)}>"

    def __reduce__(self) -> str:
        # As a function: by its name, so that it is found again where it is imported.
        return self.__qualname__


def mark_as_coroutine_function(wrapper: Any) -> None:
    """Frameworks ask whether a callable is to be awaited, and older Pythons look at another mark."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(wrapper)
    mark = getattr(asyncio.coroutines, "_is_coroutine", None)
    if mark is not None:
        wrapper._is_coroutine = mark
