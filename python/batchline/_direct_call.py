"""Calling a batched function's body without a batcher: what ``many`` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from ._async_batch import checked_results

T = TypeVar("T")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of up to so many items."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def results_or_raise(results: Any, size: int) -> list[Any]:
    """The results of one call, one per item; raises the first exception that stands for one."""
    checked = checked_results(results, size)
    if checked is None:
        return [None] * size
    for result in checked:
        if isinstance(result, BaseException):
            raise result
    return list(checked)
