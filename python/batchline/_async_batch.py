"""One batch of an AsyncBatcher: its items, the futures that wait for them, and how these get their outcomes."""

from __future__ import annotations

from asyncio import Future, InvalidStateError
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import repeat
from typing import Any, Generic, TypeVar

from .errors import BatchlineError

T = TypeVar("T")

#: An item that was put and not submitted has None in the place of its future.
Waiting = list["Future[Any] | None"]

#: The batches whose handlers the running code is inside of: set in the task of a batch, seen by tasks it starts, too.
inside: ContextVar[tuple[AsyncBatch[Any], ...]] = ContextVar("batchline.inside", default=())

#: Items that failed with nobody waiting for them, and the reason.
Unheard = list[tuple[list[T], BaseException]]


class AsyncBatch(Generic[T]):
    """Items and futures in two lists of equal length, from the seal to the last outcome."""

    __slots__ = ("items", "futures", "has_puts", "reason", "size", "sealed_at", "settled", "on_settled")

    def __init__(self, items: list[T], futures: Waiting, has_puts: bool, reason: str, sealed_at: float) -> None:
        self.items = items
        self.futures = futures
        self.has_puts = has_puts
        self.reason = reason
        self.size = len(items)
        self.sealed_at = sealed_at
        self.settled = False
        self.on_settled: list[Callable[[], None]] = []

    def leave_out_cancelled(self) -> int:
        """Takes out the items whose awaiters are gone, and says how many those were."""
        gone = leave_out_cancelled(self.items, self.futures, self.has_puts)
        self.size -= gone
        return gone

    def succeed(self, results: Sequence[Any] | None) -> tuple[int, Unheard[T]]:
        """Gives each item its result; says how many failed, and which of them unheard."""
        failed = 0
        unheard: Unheard[T] = []
        for item, future, result in zip(self.items, self.futures, repeat(None) if results is None else results):
            if isinstance(result, BaseException):
                failed += 1
                if not tell_error(future, for_future(result)):
                    unheard.append(([item], result))
            elif future is not None:
                try:
                    future.set_result(result)
                except InvalidStateError:
                    pass  # its awaiter was cancelled while the handler had the item
        return failed, unheard

    def fail(self, error: BaseException) -> Unheard[T]:
        """Fails every item with the same error; says which of them unheard."""
        told = for_future(error)
        unheard = [i for i, future in enumerate(self.futures) if not tell_error(future, told)]
        return [([self.items[i] for i in unheard], error)] if unheard else []

    def release(self) -> None:
        """Lets go of items and futures: a traceback may keep this batch alive, and must not keep those."""
        self.settled = True
        self.items, self.futures = [], []
        hooks, self.on_settled = self.on_settled, []
        for hook in hooks:
            hook()


def leave_out_cancelled(items: list[Any], futures: Waiting, has_puts: bool) -> int:
    """Takes what was cancelled out of two lists of equal length, in place; says how many those were."""
    if has_puts:
        kept = [future is None or not future.cancelled() for future in futures]
        if all(kept):
            return 0
    else:
        # Nearly always nothing was cancelled: this line is all a batch pays for it, about 15 ns per item.
        if not any(map(Future.cancelled, futures)):  # type: ignore[arg-type]
            return 0
        kept = [not future.cancelled() for future in futures if future is not None]
    before = len(items)
    items[:] = [item for item, keep in zip(items, kept) if keep]
    futures[:] = [future for future, keep in zip(futures, kept) if keep]
    return before - len(items)


def tell_error(future: Future[Any] | None, error: BaseException) -> bool:
    """Wakes an awaiter with an error; False if nobody waits."""
    if future is None or future.done():
        return False
    future.set_exception(error)
    return True


def for_future(error: BaseException) -> BaseException:
    """The error as awaiters may get it.

    The very exception of the handler, except for those that mean something else to the task that gets them:
    ``StopIteration``, ``CancelledError``, ``KeyboardInterrupt``, ``SystemExit``. They become the cause of another.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    told = BatchlineError(f"the handler ended with {type(error).__name__}")
    told.__cause__ = error
    return told


def checked_results(results: Any, size: int) -> list[Any] | tuple[Any, ...] | None:
    """The handler's return value, if it is one: None, or a sequence of one result per item."""
    if results is None:
        return None
    answer = results if isinstance(results, (list, tuple)) else sequence_of(results)
    if len(answer) != size:
        raise ValueError(f"the handler returned {len(answer)} results for a batch of {size} items")
    return answer


def sequence_of(results: Any) -> list[Any]:
    """Other sequences as a list; what is no sequence, or text, is a mistake."""
    is_sequence = hasattr(results, "__len__") and hasattr(results, "__getitem__") and not hasattr(results, "keys")
    if not is_sequence or isinstance(results, (str, bytes, bytearray)):
        raise TypeError(
            f"the handler returned {type(results).__name__}; allowed: None, or a sequence with one result per item "
            "(an exception among them fails its item)"
        )
    return list(results)
