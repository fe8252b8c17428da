"""Methods under ``@batch``: each object gets a batcher of its own, for as long as it lives."""

from __future__ import annotations

import inspect
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar, overload

from ._batched_options import BatchedOptions
from ._item_signature import item_signature, name_of
from .batched import Batched, BatchedSource, describe
from .batched_async import AsyncBatched, AsyncBatchedSource, mark_as_coroutine_function

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")


class SourcePerObject:
    """The sources of all objects of a class, by the object's identity. None keeps its object alive."""

    def __init__(self, kind: type[Any], method: Callable[..., Any], options: BatchedOptions) -> None:
        self._kind = kind
        self._method = method
        self._options = options
        self._sources: dict[int, tuple[weakref.ref[Any], Any]] = {}
        self._lock = threading.RLock()
        _all.add(self)

    def of(self, owner: Any) -> Any:
        """The object's source, made when it is first asked for."""
        known = self._sources.get(id(owner))
        return known[1] if known is not None and known[0]() is owner else self._make(owner)

    def _make(self, owner: Any) -> Any:
        with self._lock:
            known = self._sources.get(id(owner))
            if known is not None and known[0]() is owner:
                return known[1]
            reference = self._watch(owner)
            options = BatchedOptions(**vars(self._options))
            source = self._kind(bound_weakly(self._method, reference), self._method, options)
            self._sources[id(owner)] = (reference, source)
            return source

    def _watch(self, owner: Any) -> weakref.ref[Any]:
        """A weak reference whose end takes the source out, and closes its batcher by that."""
        key = id(owner)
        try:
            return weakref.ref(owner, lambda reference: self._forget(key, reference))
        except TypeError:
            slots = f"{type(owner).__qualname__}.__slots__"
            message = f'{name_of(self._method)} needs weak references to its object: add "__weakref__" to {slots}'
            raise TypeError(message) from None

    def _forget(self, key: int, reference: weakref.ref[Any]) -> None:
        with self._lock:
            known = self._sources.get(key)
            if known is None or known[0] is not reference:
                return
            del self._sources[key]
        # Outside of the lock: this closes a batcher, and nothing of the object's waits in it.
        known[1].drop()

    def start_anew(self) -> None:
        """In a forked child nobody holds the lock."""
        self._lock = threading.RLock()


_all: weakref.WeakSet[SourcePerObject] = weakref.WeakSet()


def _start_all_anew() -> None:
    for sources in list(_all):
        sources.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all_anew)


def bound_weakly(method: Callable[..., Any], reference: weakref.ref[Any]) -> Callable[[list[Any]], Any]:
    """The method as a function of the list. Whoever calls for an item holds the object, so it is there."""

    def function(items: list[Any]) -> Any:
        owner = reference()
        if owner is None:
            raise ReferenceError(f"the object of {name_of(method)} is gone")
        return method(owner, items)

    return function


class BatchedMethod(Generic[S, T, R]):
    """A batched ``def`` in a class: ``model.embed(text)`` is a call of the :class:`Batched` of that ``model``.

    Objects must be weakly referable (with ``__slots__``, add ``"__weakref__"``); they need not be hashable.

    >>> import batchline
    >>> class Model:
    ...     def __init__(self, factor):
    ...         self.factor = factor
    ...     @batchline.batch(linger=0.001)
    ...     def scale(self, numbers: list[float]) -> list[float]:
    ...         return [self.factor * number for number in numbers]
    >>> model = Model(3)
    >>> model.scale(14)
    42
    >>> model.scale.stats().batches
    1
    """

    def __init__(self, method: Callable[..., Any], options: BatchedOptions, is_of_class: bool = False) -> None:
        describe(self, method)
        self._method = method
        self._is_of_class = is_of_class
        self._sources = SourcePerObject(BatchedSource, method, options)

    # For type checkers a class method is one whose ``self`` is the class that it is looked up on.
    @overload
    def __get__(self, owner: object, kind: S, /) -> Batched[T, R]: ...

    @overload
    def __get__(self, owner: None, kind: type[Any], /) -> BatchedMethod[S, T, R]: ...

    @overload
    def __get__(self, owner: S, kind: type[Any] | None = None, /) -> Batched[T, R]: ...

    def __get__(self, owner: Any, kind: Any = None, /) -> Any:
        if self._is_of_class:
            owner = kind
        return self if owner is None else Batched(self._sources.of(owner), owner)

    def __call__(self, owner: S, item: T, /) -> R:
        """``Model.embed(model, text)``, which is also how a class method gets here."""
        bound: Batched[T, R] = Batched(self._sources.of(owner), owner)
        return bound(item)

    @property
    def __signature__(self) -> inspect.Signature:
        return item_signature(self._method)

    def __repr__(self) -> str:
        return f"<batched method {name_of(self._method)}>"


class AsyncBatchedMethod(Generic[S, T, R]):
    """A batched ``async def`` in a class; see :class:`BatchedMethod` and :class:`AsyncBatched`.

    >>> import asyncio, batchline
    >>> class Model:
    ...     @batchline.batch(linger=0)
    ...     async def square(self, numbers: list[int]) -> list[int]:
    ...         return [number * number for number in numbers]
    >>> async def main():
    ...     model = Model()
    ...     return await asyncio.gather(model.square(2), model.square(3))
    >>> asyncio.run(main())
    [4, 9]
    """

    def __init__(self, method: Callable[..., Any], options: BatchedOptions, is_of_class: bool = False) -> None:
        describe(self, method)
        mark_as_coroutine_function(self)
        self._method = method
        self._is_of_class = is_of_class
        self._sources = SourcePerObject(AsyncBatchedSource, method, options)

    # For type checkers a class method is one whose ``self`` is the class that it is looked up on.
    @overload
    def __get__(self, owner: object, kind: S, /) -> AsyncBatched[T, R]: ...

    @overload
    def __get__(self, owner: None, kind: type[Any], /) -> AsyncBatchedMethod[S, T, R]: ...

    @overload
    def __get__(self, owner: S, kind: type[Any] | None = None, /) -> AsyncBatched[T, R]: ...

    def __get__(self, owner: Any, kind: Any = None, /) -> Any:
        if self._is_of_class:
            owner = kind
        return self if owner is None else AsyncBatched(self._sources.of(owner), owner)

    def __call__(self, owner: S, item: T, /) -> Coroutine[Any, Any, R]:
        """``Model.embed(model, text)``, which is also how a class method gets here."""
        bound: AsyncBatched[T, R] = AsyncBatched(self._sources.of(owner), owner)
        return bound(item)

    @property
    def __signature__(self) -> inspect.Signature:
        return item_signature(self._method)

    def __repr__(self) -> str:
        return f"<batched async method {name_of(self._method)}>"
