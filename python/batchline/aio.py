"""AsyncBatcher: batches for asyncio, on the caller's event loop and nothing else.

It stands on two plain lists, not on the engine in Rust. On one thread there is nobody to hand over to, so the engine's
lanes, credit and wake-ups buy nothing. ``benches/python/async_submit.py`` measured both in their barest form, without
cancellation, bounds and checks: the rows "future per item, by hand" (a list) and "engine, polled". The list was level
or up to a twentieth faster, since an item needs no pair with its future in one place and no call out of Python. What
this class adds to the bare list are those checks; the rest of an awaited call is asyncio's own.

The way of an item: submit or put -> open batch -> seal (size, linger, demand, flush, close) -> a task per batch ->
handler -> outcomes. Nothing wakes the loop per item.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from asyncio import Future, _get_running_loop
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, Generic, Literal, NoReturn, TypeVar, overload

from . import _live
from ._async_barrier import wait_for_all
from ._async_batch import AsyncBatch, Unheard, Waiting, checked_results, inside, leave_out_cancelled
from ._async_home import future_maker, whereabouts
from ._async_ledger import AsyncReceipt, AsyncStats, Ledger, receipt_of
from ._async_settings import checked_linger, checked_settings, checked_timeout
from ._async_waiters import Waiter, Waiters
from ._failure_report import logger, report
from ._results import Answer
from .errors import Closed, Full, HandedBack, TimedOut, WouldWait

T = TypeVar("T")
R = TypeVar("R")


class AsyncBatcher(Generic[T, R]):
    """Collects items of many tasks into batches and hands each batch to a handler, on the running event loop.

    Arguments:
        handler: ``async def`` or ``def``; takes a list of 1 to ``batch_items_max`` items. Returns None, or a sequence
            of one result per item, in order; an exception instance in a slot fails that item alone. An exception that
            it raises fails every item of that batch and no other. So does a wrong number of results (``ValueError``).
            It runs in the context (``contextvars``) in which the batcher was made.
        batch_items_max: most items in a batch, 1 to 2**24. A full batch starts at once.
        linger: seconds the first item of a batch waits at most for others. 0: one turn of the event loop, or until a
            handler is free (what other batchers call *demand*). None: only size, flush and close seal.
        workers: how many batches may be in the handler at once, 1 to 1024. With one, batches keep the order of puts.
        queue_items_max: most items without an outcome, ``batch_items_max`` to 2**40; 64 batches if None.
        overflow: what a full queue does to ``submit`` and ``put``: ``"block"``, they wait their turn; ``"fail"``,
            they raise :class:`Full`.
        on_failure: called as ``on_failure(items, exception)`` for failed items that nobody waits for: those that were
            put, and those whose awaiter is gone. Without it they are logged by the logger ``batchline``.
        name: names the batcher in logs and metrics.

    Errors: ``submit``, ``put`` and ``put_nowait`` raise :class:`Closed`, :class:`Full` (both with the item as
    ``.item``), and ``RuntimeError`` outside of the event loop that the batcher was first used on. From threads use
    :class:`batchline.Batcher`.

    A batcher may be made before there is a loop. Close it, best by ``async with``: what is still queued when its loop
    ends is lost, which is logged. A handler that awaits a ``submit`` to its own batcher waits for ever once all
    workers do so.

    >>> import asyncio, batchline
    >>> async def lengths(texts: list[str]) -> list[int]:
    ...     return [len(text) for text in texts]
    >>> async def main():
    ...     async with batchline.AsyncBatcher(lengths, batch_items_max=100, linger=0.001) as batcher:
    ...         print(await batcher.submit("four"))
    ...         print(await asyncio.gather(*map(batcher.submit, ["a", "bb", "ccc"])))
    ...         return batcher.stats().batches
    >>> asyncio.run(main())
    4
    [1, 2, 3]
    2
    """

    __slots__ = (
        "_handler", "_batch_items_max", "_linger", "_workers", "_queue_items_max", "_blocks", "_on_failure", "_name",
        "_context", "_pid", "_loop", "_home", "_new_future", "_is_closed", "_ledger", "_items", "_futures",
        "_has_puts", "_room", "_opened_at", "_timer", "_due", "_sealed", "_unsettled", "_held", "_granted",
        "_running", "_tasks", "_waiters", "__weakref__",
    )  # fmt: skip

    @overload
    def __init__(
        self,
        handler: Callable[[list[T]], Awaitable[Answer[R]]],
        *,
        batch_items_max: int = 1000,
        linger: float | None = 0.01,
        workers: int = 1,
        queue_items_max: int | None = None,
        overflow: Literal["block", "fail"] = "block",
        on_failure: Callable[[list[T], BaseException], object] | None = None,
        name: str | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self: AsyncBatcher[T, None],
        handler: Callable[[list[T]], Awaitable[None] | None],
        *,
        batch_items_max: int = 1000,
        linger: float | None = 0.01,
        workers: int = 1,
        queue_items_max: int | None = None,
        overflow: Literal["block", "fail"] = "block",
        on_failure: Callable[[list[T], BaseException], object] | None = None,
        name: str | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        handler: Callable[[list[T]], Answer[R]],
        *,
        batch_items_max: int = 1000,
        linger: float | None = 0.01,
        workers: int = 1,
        queue_items_max: int | None = None,
        overflow: Literal["block", "fail"] = "block",
        on_failure: Callable[[list[T], BaseException], object] | None = None,
        name: str | None = None,
    ) -> None: ...

    def __init__(
        self,
        handler: Callable[[list[T]], Any],
        *,
        batch_items_max: int = 1000,
        linger: float | None = 0.01,
        workers: int = 1,
        queue_items_max: int | None = None,
        overflow: Literal["block", "fail"] = "block",
        on_failure: Callable[[list[T], BaseException], object] | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(handler):
            raise TypeError(f"handler must be callable, not {type(handler).__name__}")
        settings = checked_settings(
            batch_items_max, linger, workers, queue_items_max, overflow, on_failure, name
        )
        self._handler = handler
        self._batch_items_max = settings.batch_items_max
        self._linger = settings.linger
        self._workers = settings.workers
        self._queue_items_max = settings.queue_items_max
        self._blocks = settings.overflow == "block"
        self._on_failure = settings.on_failure
        self._name = settings.name
        self._context = contextvars.copy_context()
        self._pid = os.getpid()
        self._begin_empty()
        _live.add(self)

    def _begin_empty(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._home: object = None
        self._new_future: Callable[[], Future[R]]
        self._is_closed = False
        self._ledger = Ledger()
        # The open batch: items and the futures that wait for them, None for a put.
        self._items: list[T] = []
        self._futures: Waiting = []
        self._has_puts = False
        # How long the open batch may get on the fast path; 0 sends the next item the slow way.
        self._room = 0
        self._opened_at = 0.0
        self._timer: asyncio.Handle | None = None
        # Why the open batch is to be sealed as soon as a worker is free.
        self._due: str | None = None
        self._sealed: deque[AsyncBatch[T]] = deque()
        # Sealed and running batches, in order; the values mean nothing.
        self._unsettled: dict[AsyncBatch[T], None] = {}
        # Items in those batches, and room promised to puts that are about to wake.
        self._held = 0
        self._granted = 0
        self._running = 0
        # The loop itself holds tasks weakly.
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters = Waiters()

    # --- putting ---

    def submit(self, item: T) -> Future[R]:
        """Puts an item and returns the future of its result: ``result = await batcher.submit(item)``.

        It is a plain method that returns an ``asyncio.Future``: the item is in when it returns, also if it is awaited
        later, and ``asyncio.gather`` takes it as it is. On a full queue with ``overflow="block"``, the item waits its
        turn outside, and the future takes longer.

        Cancelling the future, or the task that awaits it, takes this one item out unless the handler has it already.

        Raises :class:`Closed`, :class:`Full`, ``RuntimeError`` (another thread or loop); :class:`WouldWait` on a full
        queue from inside the handler. The future raises what the handler raised, or :class:`HandedBack`.

        >>> import asyncio, batchline
        >>> async def main():
        ...     async with batchline.AsyncBatcher(lambda words: [w.upper() for w in words]) as batcher:
        ...         return await batcher.submit("hello")
        >>> asyncio.run(main())
        'HELLO'
        """
        items = self._items
        place = len(items)
        if place >= self._room or whereabouts() != self._home:
            return self._submit_slowly(item)
        new_future = self._new_future
        future = new_future()
        items.append(item)
        self._futures.append(future)
        if place + 1 == self._room:
            self._filled()
        return future

    def put_nowait(self, item: T) -> None:
        """Puts an item for which nobody waits. Never waits itself: raises :class:`Full` on a full queue, whatever
        ``overflow`` says.

        >>> import asyncio, batchline
        >>> async def main():
        ...     async with batchline.AsyncBatcher(print) as batcher:
        ...         batcher.put_nowait(1)
        ...         batcher.put_nowait(2)
        >>> asyncio.run(main())
        [1, 2]
        """
        if len(self._items) < self._room and _get_running_loop() is self._loop:
            self._append(item, None)
            return
        self._check(item)
        if not self._has_room():
            self._refuse(Full("the queue is full", item=item))
        self._append(item, None)

    async def put(self, item: T) -> None:
        """Puts an item for which nobody waits; on a full queue with ``overflow="block"``, waits for room.

        A put that is cancelled while it waits has put nothing.

        >>> import asyncio, batchline
        >>> async def main():
        ...     async with batchline.AsyncBatcher(print, batch_items_max=2) as batcher:
        ...         for number in range(4):
        ...             await batcher.put(number)
        >>> asyncio.run(main())
        [0, 1]
        [2, 3]
        """
        self._check(item)
        if not self._has_room():
            await self._wait_for_room(item)
        self._append(item, None)

    def _submit_slowly(self, item: T) -> Future[R]:
        """The first item of a batch, a full queue, and all that is refused."""
        self._check(item)
        future = self._new_future()
        if self._has_room():
            self._append(item, future)
        else:
            self._queue_up(item, future, is_put=False)
        return future

    def _append(self, item: T, future: Future[R] | None) -> None:
        self._items.append(item)
        self._futures.append(future)
        if future is None:
            self._has_puts = True
        if len(self._items) == 1 and self._batch_items_max > 1:
            self._open()
        if len(self._items) >= self._limit():
            self._filled()

    def _check(self, item: Any) -> None:
        loop = _get_running_loop()
        if loop is not self._loop or loop is None:
            self._bind(loop)
        if self._is_closed:
            self._refuse(Closed("the batcher is closed", item=item))

    def _bind(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """The loop of the first use is the batcher's for life."""
        if loop is not None and self._loop is None:
            self._loop = loop
            self._home = whereabouts()
            self._new_future = future_maker(loop)
            return
        here = "no event loop runs on this thread" if loop is None else "it is bound to another event loop"
        advice = "use it on its own loop, from elsewhere by asyncio.run_coroutine_threadsafe, or use batchline.Batcher"
        raise RuntimeError(f"AsyncBatcher {self._name!r}: {here}; {advice}")

    def _refuse(self, error: Exception) -> NoReturn:
        self._ledger.refused += 1
        raise error

    # --- room ---

    def _limit(self) -> int:
        """How many items the open batch may have: a batch's most, or what the queue still has room for."""
        return min(self._batch_items_max, self._queue_items_max - self._held - self._granted)

    def _has_room(self) -> bool:
        """Whether an item may come in now. Looks for cancelled ones before it says no."""
        if self._waiters.any():
            return False
        if len(self._items) >= self._limit():
            self._compact()
        if len(self._items) >= self._limit():
            return False
        self._room = self._limit()
        return True

    def _queue_up(self, item: T, future: Future[Any], is_put: bool) -> None:
        """Waits outside; whoever waits for room seals what is there."""
        if not self._blocks:
            self._refuse(Full("the queue is full", item=item))
        if self._is_handling():
            self._refuse(WouldWait("the queue is full, and only this handler could make room", item=item))
        assert self._loop is not None
        self._waiters.push(Waiter(item, future, is_put, self._loop.time()))
        self._room = 0
        self._due = self._due or "demand"
        self._start_ready()

    async def _wait_for_room(self, item: T) -> None:
        assert self._loop is not None
        room: Future[Any] = Future(loop=self._loop)
        self._queue_up(item, room, is_put=True)
        try:
            await room
        except asyncio.CancelledError:
            if room.done() and not room.cancelled() and room.exception() is None:
                self._granted -= 1
                self._let_in()
            raise
        self._granted -= 1
        if self._is_closed:
            self._refuse(Closed("the batcher was closed while the item waited for room", item=item))

    def _let_in(self) -> None:
        """Gives free room to those who wait, in their order."""
        while self._waiters.any() and len(self._items) < self._limit():
            assert self._loop is not None
            waiter = self._waiters.pop()
            self._ledger.admission_wait += self._loop.time() - waiter.since
            if waiter.is_put:
                self._granted += 1
                waiter.future.set_result(None)
            else:
                self._append(waiter.item, waiter.future)

    def _compact(self) -> None:
        """Takes cancelled items out of the open batch."""
        gone = leave_out_cancelled(self._items, self._futures, self._has_puts)
        self._ledger.taken_out += gone
        self._ledger.cancelled += gone
        if not self._items:
            self._disarm()

    # --- sealing ---

    def _open(self) -> None:
        """The first item of a batch starts its clock."""
        assert self._loop is not None
        self._opened_at = self._loop.time()
        if self._linger == 0:
            self._timer = self._loop.call_soon(self._on_turn, context=self._context)
        elif self._linger is not None:
            self._timer = self._loop.call_later(self._linger, self._on_linger, context=self._context)

    def _on_turn(self) -> None:
        self._timer = None
        self._due = "demand"
        self._start_ready()

    def _on_linger(self) -> None:
        self._timer = None
        self._ledger.wakeups += 1
        self._due = "linger"
        self._start_ready()

    def _disarm(self) -> None:
        self._room = 0
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _filled(self) -> None:
        """The open batch is as long as it may get now: a full batch goes, another waits for room in the queue."""
        self._room = 0
        if len(self._items) >= self._batch_items_max:
            self._seal("size")
            self._start_ready()

    def _seal(self, reason: str) -> None:
        assert self._loop is not None
        now = self._loop.time()
        batch = AsyncBatch(self._items, self._futures, self._has_puts, reason, now)
        self._items, self._futures, self._has_puts = [], [], False
        if self._batch_items_max > 1:
            self._ledger.linger_wait += now - self._opened_at
        self._disarm()
        self._held += batch.size
        self._ledger.sealed += batch.size
        self._ledger.sealed_items += batch.size
        self._sealed.append(batch)
        self._unsettled[batch] = None

    # --- handling ---

    def _start_ready(self) -> None:
        """Starts what is sealed, or due, while there are free workers."""
        while self._running < self._workers:
            if not self._sealed:
                if self._due is None or not self._items:
                    return
                self._seal(self._due)
            self._start(self._sealed.popleft())

    def _start(self, batch: AsyncBatch[T]) -> None:
        assert self._loop is not None
        self._running += 1
        # In a copy of the batcher's own context: the task that happens to fill a batch must not lend it its variables.
        task = self._context.copy().run(self._loop.create_task, self._handle(batch))
        if not batch.settled:  # an eager task may be over by now
            self._tasks.add(task)
        task.add_done_callback(partial(self._task_ended, batch))

    async def _handle(self, batch: AsyncBatch[T]) -> None:
        inside.set((*inside.get(), batch))
        self._take_in_hand(batch)
        failed = 0
        unheard: Unheard[T] = []
        try:
            try:
                if batch.items:
                    failed, unheard = await self._call_handler(batch)
            except BaseException as error:
                self._fail(batch, error)
                if not isinstance(error, Exception):
                    raise
            else:
                # Here, since what the failure hook raises is no failure of the handler.
                self._count(batch, failed, unheard)
        finally:
            self._settle(batch)

    def _take_in_hand(self, batch: AsyncBatch[T]) -> None:
        ledger = self._ledger
        ledger.sealed -= batch.size
        gone = batch.leave_out_cancelled()
        self._held -= gone
        ledger.cancelled += gone
        ledger.in_hand += batch.size

    async def _call_handler(self, batch: AsyncBatch[T]) -> tuple[int, Unheard[T]]:
        assert self._loop is not None
        ledger = self._ledger
        ledger.note_batch(batch.reason, batch.size)
        began_at = self._loop.time()
        ledger.slot_wait += began_at - batch.sealed_at
        try:
            # A list of its own: a handler may take its list apart.
            results = self._handler(batch.items[:])
            if hasattr(type(results), "__await__"):
                results = await results
        finally:
            ledger.handler_time += self._loop.time() - began_at
        return batch.succeed(checked_results(results, batch.size))

    def _fail(self, batch: AsyncBatch[T], error: BaseException) -> None:
        self._count(batch, batch.size, batch.fail(error))

    def _count(self, batch: AsyncBatch[T], failed: int, unheard: Unheard[T]) -> None:
        ledger = self._ledger
        ledger.in_hand -= batch.size
        ledger.done += batch.size - failed
        ledger.failed += failed
        ledger.failed_batches += failed > 0
        report(self._name, self._on_failure, unheard)

    def _settle(self, batch: AsyncBatch[T]) -> None:
        """Every item of the batch has its outcome: its room and its worker are free."""
        self._running -= 1
        self._held -= batch.size
        del self._unsettled[batch]
        batch.release()
        self._let_in()
        self._start_ready()

    def _task_ended(self, batch: AsyncBatch[T], task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # it is delivered; asyncio is not to warn that nobody looked
        if not batch.settled:
            # Cancelled before its first step, as asyncio.run does at its end.
            self._take_in_hand(batch)
            try:
                self._fail(batch, asyncio.CancelledError())
            finally:
                self._settle(batch)

    def _is_handling(self) -> bool:
        """Whether a handler of this batcher runs this code, or has started the task that does."""
        return any(batch in self._unsettled for batch in inside.get())

    # --- flush and close ---

    async def flush(self, timeout: float | None = None) -> None:
        """Seals what is open, and returns when all that was accepted before has its outcome.

        Items put meanwhile do not prolong it. ``timeout`` in seconds; then :class:`TimedOut`, and the batches are on
        their way all the same. Also raises :class:`Closed`, and :class:`WouldWait` from inside the handler.

        >>> import asyncio, batchline
        >>> async def main():
        ...     batcher = batchline.AsyncBatcher(print, linger=None)
        ...     batcher.put_nowait("a line")
        ...     await batcher.flush()
        ...     await batcher.close()
        >>> asyncio.run(main())
        ['a line']
        """
        timeout = checked_timeout(timeout)
        self._check(None)
        if self._is_handling():
            raise WouldWait("flush from inside the handler would wait for itself")
        self._seal_rest("flush")
        if not await wait_for_all(self._unsettled, timeout):
            raise TimedOut(f"not all batches were handled within {timeout} seconds")

    async def close(self, timeout: float | None = None) -> AsyncReceipt[T]:
        """Refuses further items, handles what is queued, and says what became of everything.

        ``timeout`` in seconds, None for no limit. When it is over, items that no handler has yet are handed back: they
        are in ``receipt.items``, and their futures raise :class:`HandedBack`. A handler that still runs goes on.
        Puts that wait for room raise :class:`Closed` at once. Several closes may run together; each waits.
        From inside the handler, close begins and returns at once.

        >>> import asyncio, batchline
        >>> async def main():
        ...     batcher = batchline.AsyncBatcher(lambda items: None)
        ...     for item in range(5):
        ...         batcher.put_nowait(item)
        ...     receipt = await batcher.close(timeout=5)
        ...     return receipt.accepted, receipt.done, receipt.is_balanced()
        >>> asyncio.run(main())
        (5, 5, True)
        """
        timeout = checked_timeout(timeout)
        if _get_running_loop() is not self._loop:
            self._bind(_get_running_loop())
        self._begin_close()
        if self._is_handling():
            return receipt_of(self.stats(), [], False)
        drained = await wait_for_all(self._unsettled, timeout)
        items = [] if drained else self._hand_back()
        return receipt_of(self.stats(), items, not drained)

    async def __aenter__(self) -> AsyncBatcher[T, R]:
        if _get_running_loop() is not self._loop:
            self._bind(_get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _begin_close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        _live.remove(self)
        while self._waiters.any():
            waiter = self._waiters.pop()
            self._ledger.refused += 1
            message = "the batcher was closed while the item waited for room"
            waiter.future.set_exception(Closed(message, item=waiter.item))
        self._seal_rest("close")

    def _seal_rest(self, reason: str) -> None:
        if self._items:
            self._compact()
        if self._items:
            self._seal(reason)
            self._start_ready()

    def _hand_back(self) -> list[T]:
        """Takes back every batch that no handler has."""
        items: list[T] = []
        while self._sealed:
            batch = self._sealed.popleft()
            self._running += 1  # _settle gives back a worker, which this batch never had
            self._take_in_hand(batch)
            self._ledger.in_hand -= batch.size
            self._ledger.handed_back += batch.size
            for item, future in zip(batch.items, batch.futures):
                if future is not None:
                    future.set_exception(HandedBack("the batcher closed before the item was handled", item=item))
            items += batch.items
            self._settle(batch)
        return items

    # --- looking ---

    @property
    def name(self) -> str:
        """The name in logs and metrics."""
        return self._name

    @property
    def closed(self) -> bool:
        """Whether a close has begun.

        >>> import batchline
        >>> batchline.AsyncBatcher(print).closed
        False
        """
        return self._is_closed

    def stats(self) -> AsyncStats:
        """The counters of this moment. On the loop's thread they are of one moment; another thread may call this too.

        An item whose awaiter was cancelled counts as queued until its batch is looked through.

        >>> import batchline
        >>> batchline.AsyncBatcher(print).stats().accepted
        0
        """
        return self._ledger.stats(len(self._items))

    def set_linger(self, seconds: float | None) -> None:
        """Changes the linger, also of the open batch. Seconds as in the constructor.

        >>> import batchline
        >>> batchline.AsyncBatcher(print).set_linger(0.002)
        """
        self._linger = checked_linger(seconds)
        if not self._items or self._due is not None:
            return
        if _get_running_loop() is not self._loop:
            self._bind(_get_running_loop())
        opened_at, room = self._opened_at, self._room
        self._disarm()
        self._room, self._opened_at = room, opened_at
        self._rearm()

    def _rearm(self) -> None:
        """A new linger counts from the batch's first item, as the old one did."""
        assert self._loop is not None
        if self._linger is not None:
            due_at = self._opened_at + self._linger
            self._timer = self._loop.call_at(due_at, self._on_linger, context=self._context)

    def __repr__(self) -> str:
        stats = self.stats()
        state = "closed" if self._is_closed else "open"
        return f"<AsyncBatcher {self._name!r}, {state}, {stats.queued} queued, {stats.in_hand} in hand>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an AsyncBatcher cannot be pickled or copied: it belongs to an event loop")

    def __del__(self) -> None:
        # Nothing is there if the constructor raised.
        ledger = getattr(self, "_ledger", None)
        lost = 0 if ledger is None else ledger.stats(len(self._items)).live
        if lost and self._pid == os.getpid():  # in a forked child they are the parent's
            logger.error("%s: %d items were lost: dropped, or its event loop ended, before close", self._name, lost)
