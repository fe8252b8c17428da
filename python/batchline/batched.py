"""Batched: what ``@batch`` makes of a ``def``. Callers call it with one item; its body sees lists."""

from __future__ import annotations

import inspect
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._batched_options import BatchedOptions
from ._core import Batcher
from ._direct_call import chunks, results_or_raise
from ._item_signature import item_signature, name_of
from .errors import Closed, WouldWait

if TYPE_CHECKING:
    from ._core import Receipt, Stats

T = TypeVar("T")
R = TypeVar("R")

_this_thread = threading.local()


class BatchedSource(Generic[T, R]):
    """A function and its batcher, which is made by the first call, and again in a forked child."""

    def __init__(self, function: Callable[[list[T]], Any], shown: Callable[..., Any], options: BatchedOptions) -> None:
        self.function = function
        #: The function as it was written: with ``self``, if it is a method.
        self.shown = shown
        self.options = options
        self.batcher: Batcher[T, R] | None = None
        #: Whether it was declared a static method.
        self.is_static = False
        self.is_closed = False
        self._lock = threading.Lock()
        _sources.add(self)

    def start(self) -> Batcher[T, R]:
        """The batcher; one is made if there is none."""
        with self._lock:
            if self.is_closed:
                raise Closed(f"{name_of(self.shown)} is closed")
            if self.batcher is None:
                self.batcher = Batcher(self._handle, **self.options.for_batcher(name_of(self.shown)))
            return self.batcher

    def is_handling(self) -> bool:
        """Whether this thread is inside of the function's body, called by the batcher."""
        return self in getattr(_this_thread, "sources", ())

    def drop(self) -> None:
        """Lets go of the batcher: by its end it is closed."""
        self.batcher = None

    def start_anew(self) -> None:
        """In a forked child: the batcher and whoever held the lock are in the parent."""
        self.batcher = None
        self._lock = threading.Lock()

    def _handle(self, items: list[T]) -> Any:
        outer = getattr(_this_thread, "sources", ())
        _this_thread.sources = (*outer, self)
        try:
            return self.function(items)
        finally:
            _this_thread.sources = outer


_sources: weakref.WeakSet[BatchedSource[Any, Any]] = weakref.WeakSet()


def _start_all_anew() -> None:
    for source in list(_sources):
        source.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all_anew)


class Batched(Generic[T, R]):
    """A function of one item whose body gets lists, from calls of any threads. Made by :func:`batchline.batch`.

    ``embed(text)`` waits until the item's batch is full or has lingered, then for the body, and returns the item's
    result or raises its error. The batcher and its thread begin with the first call. A forked child gets its own.

    >>> import batchline
    >>> @batchline.batch(batch_items_max=64, linger=0.001)
    ... def double(numbers: list[int]) -> list[int]:
    ...     return [2 * number for number in numbers]
    >>> double(21)
    42
    >>> double.many([1, 2, 3])
    [2, 4, 6]
    >>> double.close().done
    1
    """

    __wrapped__: Callable[..., Any]
    __name__: str
    __qualname__: str

    def __init__(self, source: BatchedSource[T, R], owner: object = None) -> None:
        describe(self, source.shown)
        self._source = source
        # A method's object lives at least as long as a call of its method.
        self._owner = owner

    def __call__(self, item: T, /) -> R:
        """The result of this one item, after its batch was handled.

        Raises what the body raised for it, :class:`Closed`, :class:`Full` (with ``overflow="fail"``), and
        :class:`WouldWait` from inside the body itself.
        """
        source = self._source
        if source.is_handling():
            raise WouldWait(f"{self.__name__} was called from its own body, which would wait for itself", item=item)
        future = (source.batcher or source.start()).submit(item)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def many(self, items: Iterable[T], /) -> list[R]:
        """Calls the body itself, on this thread, with lists of up to ``batch_items_max`` items.

        Returns one result per item, in order. Raises the first error. Nothing is queued, and ``workers`` does not
        count these calls.
        """
        results: list[R] = []
        for chunk in chunks(items, self._source.options.batch_items_max):
            size = len(chunk)
            results += results_or_raise(self._source.function(chunk), size)
        return results

    @property
    def batcher(self) -> Batcher[T, R]:
        """The batcher behind it, for ``submit``, ``map`` and ``flush``. Made now, if there was no call before."""
        return self._source.batcher or self._source.start()

    def stats(self) -> Stats:
        """The batcher's counters."""
        return self.batcher.stats()

    def set_linger(self, seconds: float) -> None:
        """How long the first item of a batch waits at most for others, in seconds, from now on."""
        if self._source.batcher is not None:
            self._source.batcher.set_linger(seconds)
        self._source.options.linger = seconds

    def close(self, timeout: float | None = None) -> Receipt[T] | None:
        """Refuses further calls, handles what is queued, at most for ``timeout`` seconds; see :meth:`Batcher.close`.

        None if there was nothing to close.
        """
        self._source.is_closed = True
        batcher = self._source.batcher
        return None if batcher is None else batcher.close(timeout)

    @property
    def __signature__(self) -> inspect.Signature:
        return shown_signature(self._source.shown, self._owner)

    def __set_name__(self, owner: type, name: str) -> None:
        refuse_unless_static(self._source, owner, name)

    def __repr__(self) -> str:
        return f"<batched {name_of(self._source.shown)}>"

    def __reduce__(self) -> str:
        # As a function: by its name, so that it is found again where it is imported.
        return self.__qualname__


def describe(wrapper: Any, function: Callable[..., Any]) -> None:
    """Gives a wrapper the name and the text of what it wraps."""
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        value = getattr(function, attribute, None)
        setattr(wrapper, attribute, type(function).__name__ if value is None and "name" in attribute else value)
    wrapper.__wrapped__ = function


def shown_signature(function: Callable[..., Any], owner: object) -> inspect.Signature:
    """The signature for one item; without ``self`` once there is an object."""
    signature = item_signature(function)
    parameters = list(signature.parameters.values())
    return signature if owner is None else signature.replace(parameters=parameters[1:])


def refuse_unless_static(source: Any, owner: type, name: str) -> None:
    """A function of the list alone, directly in a class, is declared static, or lacks its ``self``."""
    if not source.is_static:
        raise TypeError(f"{owner.__qualname__}.{name} takes no self: add it, or put @staticmethod below @batch")
