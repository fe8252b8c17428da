"""``@batch``: single calls in, lists inside. Here a function finds its kind; the kinds are in batched*.py."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

from ._batched_options import BatchedOptions, OnFailure, Overflow
from ._item_signature import check_function, is_async, name_of
from ._results import Answer
from .batched import Batched, BatchedSource
from .batched_async import AsyncBatched, AsyncBatchedSource
from .batched_method import AsyncBatchedMethod, BatchedMethod

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


class BatchDecorator:
    """``batch(...)`` with arguments, before it has a function. May decorate several; each gets a batcher of its own."""

    def __init__(self, options: BatchedOptions) -> None:
        self._options = options

    @overload
    def __call__(self, function: Callable[[list[T]], Coroutine[Any, Any, None]], /) -> AsyncBatched[T, None]: ...
    @overload
    def __call__(self, function: Callable[[list[T]], Coroutine[Any, Any, Answer[R]]], /) -> AsyncBatched[T, R]: ...
    @overload
    def __call__(self, function: Callable[[list[T]], None], /) -> Batched[T, None]: ...
    @overload
    def __call__(self, function: Callable[[list[T]], Answer[R]], /) -> Batched[T, R]: ...
    @overload
    def __call__(
        self, function: Callable[[S, list[T]], Coroutine[Any, Any, None]], /
    ) -> AsyncBatchedMethod[S, T, None]: ...
    @overload
    def __call__(
        self, function: Callable[[S, list[T]], Coroutine[Any, Any, Answer[R]]], /
    ) -> AsyncBatchedMethod[S, T, R]: ...
    @overload
    def __call__(self, function: Callable[[S, list[T]], None], /) -> BatchedMethod[S, T, None]: ...
    @overload
    def __call__(self, function: Callable[[S, list[T]], Answer[R]], /) -> BatchedMethod[S, T, R]: ...

    def __call__(self, function: Any, /) -> Any:
        """Makes a function of lists one of single items."""
        return decorate(function, BatchedOptions(**vars(self._options)))


@overload
def batch(function: Callable[[list[T]], Coroutine[Any, Any, None]], /) -> AsyncBatched[T, None]: ...
@overload
def batch(function: Callable[[list[T]], Coroutine[Any, Any, Answer[R]]], /) -> AsyncBatched[T, R]: ...
@overload
def batch(function: Callable[[list[T]], None], /) -> Batched[T, None]: ...
@overload
def batch(function: Callable[[list[T]], Answer[R]], /) -> Batched[T, R]: ...
@overload
def batch(function: Callable[[S, list[T]], Coroutine[Any, Any, None]], /) -> AsyncBatchedMethod[S, T, None]: ...
@overload
def batch(function: Callable[[S, list[T]], Coroutine[Any, Any, Answer[R]]], /) -> AsyncBatchedMethod[S, T, R]: ...
@overload
def batch(function: Callable[[S, list[T]], None], /) -> BatchedMethod[S, T, None]: ...
@overload
def batch(function: Callable[[S, list[T]], Answer[R]], /) -> BatchedMethod[S, T, R]: ...
@overload
def batch(
    *,
    batch_items_max: int = 1000,
    linger: float | None = 0.01,
    workers: int = 1,
    queue_items_max: int | None = None,
    overflow: Overflow = "block",
    on_failure: OnFailure | None = None,
    name: str | None = None,
) -> BatchDecorator: ...


def batch(function: Any = None, /, **options: Any) -> Any:
    """Turns a function of a list into one of a single item, whose calls are batched.

    Above ``def f(texts: list[str]) -> list[Vec]`` it makes ``f(text) -> Vec``, for callers in many threads; above
    ``async def``, ``await f(text)``, for many tasks. In a class, each object has its own batcher, for as long as it
    lives; with ``@classmethod`` each class; write ``@batch`` above ``@classmethod`` and ``@staticmethod``. The body
    returns one result per item in order (or None); an exception instance in a slot is raised to that caller, an
    exception that the body raises is raised to all callers of that batch.

    Bare (``@batch``) or with arguments:
        batch_items_max: most items in a list, 1 to 2**24.
        linger: seconds the first item waits at most for others; 0: for a free worker only. A lone caller waits this
            long for company, so keep it short.
        workers: how many calls of the body may run at once.
        queue_items_max: most calls that wait; 64 batches if None.
        overflow: ``"block"`` or ``"fail"`` (raise :class:`Full`) when as many wait.
        on_failure: called with the items and the exception of failures that reach no caller.
        name: in logs and metrics; else the function's own.

    The result has ``many(list)`` (a direct call of the body), ``batcher``, ``stats()``, ``set_linger(seconds)``,
    ``close(timeout)`` and ``__wrapped__``.

    Errors: ``TypeError`` when the function takes anything beyond the list; ``ValueError`` for a setting that is out
    of its range.

    >>> import batchline, concurrent.futures
    >>> @batchline.batch(batch_items_max=4, linger=1)
    ... def shout(words: list[str]) -> list[str]:
    ...     return [word.upper() for word in words]
    >>> with concurrent.futures.ThreadPoolExecutor(4) as threads:
    ...     print(list(threads.map(shout, ["a", "b", "c", "d"])))
    ['A', 'B', 'C', 'D']
    >>> shout.stats().batches
    1
    """
    for name in options.keys() - BatchedOptions.__dataclass_fields__.keys():
        raise TypeError(f"batch() got an unexpected keyword argument {name!r}")
    decorator = BatchDecorator(BatchedOptions(**options))
    return decorator if function is None else decorator(function)


def decorate(function: Any, options: BatchedOptions) -> Any:
    """The wrapper that fits: for a function, or a method of an object or a class, with or without ``async``."""
    if isinstance(function, classmethod):
        return of_method(function.__func__, options, is_of_class=True)
    if isinstance(function, staticmethod):
        alone = of_function(function.__func__, options)
        alone._source.is_static = True
        return alone
    if check_function(function) == 2:
        return of_method(function, options)
    return of_function(function, options)


def of_function(function: Callable[..., Any], options: BatchedOptions) -> Any:
    """For a function of the list alone."""
    if check_function(function) != 1:
        raise TypeError(f"{name_of(function)} takes more than the list of items")
    if is_async(function):
        return AsyncBatched(AsyncBatchedSource(function, function, options))
    return Batched(BatchedSource(function, function, options))


def of_method(method: Callable[..., Any], options: BatchedOptions, is_of_class: bool = False) -> Any:
    """For a method of objects, or of classes."""
    if check_function(method) != 2:
        raise TypeError(f"{name_of(method)} takes no class: a class method takes its class and a list of items")
    kind = AsyncBatchedMethod if is_async(method) else BatchedMethod
    return kind(method, options, is_of_class)
