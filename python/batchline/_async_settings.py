"""The settings of an AsyncBatcher, checked when it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: A day: a longer linger is most likely a mistake of units.
LINGER_MAX = 24 * 3600.0

ITEMS_MAX = 2**40


@dataclass(frozen=True)
class AsyncSettings:
    """What was asked for, with the defaults filled in."""

    batch_items_max: int
    linger: float | None
    workers: int
    queue_items_max: int
    overflow: str
    on_failure: Callable[[list[Any], BaseException], object] | None
    name: str


def checked_settings(
    batch_items_max: int,
    linger: float | None,
    workers: int,
    queue_items_max: int | None,
    overflow: str,
    on_failure: Callable[[list[Any], BaseException], object] | None,
    name: str | None,
) -> AsyncSettings:
    """Refuses nonsense with the field's name and the range that is allowed."""
    within("batch_items_max", batch_items_max, 1, 2**24)
    within("workers", workers, 1, 1024)
    bound = 64 * batch_items_max if queue_items_max is None else queue_items_max
    within("queue_items_max", bound, batch_items_max, ITEMS_MAX)
    if overflow not in ("block", "fail"):
        raise ValueError(f'overflow is {overflow!r}; allowed: "block" or "fail"')
    if on_failure is not None and not callable(on_failure):
        raise TypeError(f"on_failure must be callable, not {type(on_failure).__name__}")
    linger = checked_linger(linger)
    return AsyncSettings(batch_items_max, linger, workers, bound, overflow, on_failure, name or "batchline")


def within(field: str, value: int, least: int, most: int) -> None:
    """Refuses a number outside of its range, and what is no whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{field} must be an int, not {type(value).__name__}")
    if not least <= value <= most:
        raise ValueError(f"{field} is {value}; allowed: {least} to {most}")


def checked_linger(linger: float | None) -> float | None:
    """Seconds within a day, or None for never."""
    if linger is None:
        return None
    if not isinstance(linger, (int, float)) or isinstance(linger, bool):
        raise TypeError(f"linger must be seconds as a number or None, not {type(linger).__name__}")
    if not 0 <= linger <= LINGER_MAX:  # False for NaN, too
        raise ValueError(f"linger is {linger}; allowed: 0 to {LINGER_MAX:.0f} seconds, or None for never")
    return float(linger)


def checked_timeout(timeout: float | None) -> float | None:
    """Seconds from 0, or None for no limit."""
    if timeout is not None and not timeout >= 0:
        raise ValueError(f"timeout is {timeout}; allowed: 0 or more seconds, or None for no limit")
    return timeout
