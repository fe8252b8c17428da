"""The future of a submitted item: a ``concurrent.futures.Future`` that is cheap to make and to resolve.

A future of the standard library makes a lock and a condition when it is made, and takes the lock when it is resolved.
Most futures of a batch have nobody who waits when their batch is done: so here the lock is made by the first who wants
to wait (or to be called), and the batch sets the result without one. The order makes that safe:

1. Who wants to wait has the ticket told (``watch``) before the lock is there, then looks at the state under the lock.
2. The batch stores the result, then the state, then asks the ticket; if it was told, it announces under the lock.

So either the waiter sees the state, or the batch sees the waiter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import _base as base
from time import monotonic
from typing import TYPE_CHECKING, Any

_PENDING = base.PENDING
_FINISHED = base.FINISHED
_PRIVATE = {"_condition", "_state", "_result", "_exception", "_waiters", "_done_callbacks"}
#: Whether this Python's futures are made as those that this module knows.
IS_KNOWN = set(vars(Future())) == _PRIVATE


class _OnDemand:
    """An attribute that is made when it is first asked for; of two threads that ask, one makes it for both."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, future: Any, owner: type | None = None) -> Any:
        if future is None:
            return self
        future._ticket.watch()
        return future.__dict__.setdefault(self.name, self.make())


class ItemFuture(Future[Any]):
    """The outcome of one submitted item; see :meth:`batchline.Batcher.submit`."""

    _ticket: Any
    if not TYPE_CHECKING:
        _state = _PENDING
        _result = None
        _exception = None
        _condition = _OnDemand(threading.Condition)
        _waiters = _OnDemand(list)
        _done_callbacks = _OnDemand(list)

    def __init__(self) -> None:
        raise TypeError("futures of items are made by Batcher.submit")

    def cancel(self) -> bool:
        """Takes the item out of its batcher. True: no handler will ever see it."""
        withdrawn: str = self._ticket.cancel()
        if withdrawn == "first":
            super().cancel()
            self.set_running_or_notify_cancel()
        return withdrawn != "late"

    def done(self) -> bool:
        return self._state == _FINISHED or super().done()

    def result(self, timeout: float | None = None) -> Any:
        if self._state == _FINISHED and self._exception is None:
            return self._result
        return super().result(timeout)

    def _announce(self) -> None:
        """The outcome was stored without the lock while somebody began to wait."""
        with self._condition:
            for waiter in self._waiters:
                (waiter.add_exception if self._exception else waiter.add_result)(self)
            self._condition.notify_all()
        invoke_callbacks: Callable[[], None] = getattr(self, "_invoke_callbacks")
        invoke_callbacks()


def results_of(submit: Callable[[Any], Future[Any]], items: Iterable[Any], timeout: float | None) -> Iterator[Any]:
    """Submits every item, then gives the results in order. What nobody will take any more is cancelled."""
    if timeout is not None and timeout != timeout:
        raise ValueError("timeout is nan; allowed: seconds, or None")
    # Longer than the threads of this system can wait, `inf` for one, is as long as it takes.
    until = None if timeout is None or timeout > threading.TIMEOUT_MAX else monotonic() + timeout
    futures = [submit(item) for item in items]
    futures.reverse()
    return _each_result(submit, futures, until)


def _each_result(_keeper: object, futures: list[Future[Any]], until: float | None) -> Iterator[Any]:
    # The keeper is the batcher's method: the batcher lives at least as long as somebody waits for its results.
    try:
        while futures:
            result = futures[-1].result(None if until is None else until - monotonic())
            futures.pop()
            yield result
    finally:
        for future in futures:
            future.cancel()
