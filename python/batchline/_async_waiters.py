"""The items that wait outside of a full AsyncBatcher, first in, first out."""

from __future__ import annotations

from asyncio import Future
from collections import deque
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Waiter:
    """An item that was not accepted yet.

    The future of a submit is the item's own. That of a put only says that there is room now: the put brings in the
    item itself, so that a put that is cancelled at the last moment has put nothing.
    """

    item: Any
    future: Future[Any]
    is_put: bool
    #: When it began to wait, on the loop's clock.
    since: float


class Waiters:
    """A queue whose entries may give up at any time, by the cancellation of their future."""

    __slots__ = ("_queue", "_sweep_at")

    def __init__(self) -> None:
        self._queue: deque[Waiter] = deque()
        self._sweep_at = 64

    def push(self, waiter: Waiter) -> None:
        """Adds one at the end. Those that gave up are swept out whenever the queue has doubled."""
        if len(self._queue) >= self._sweep_at:
            self._queue = deque(old for old in self._queue if not old.future.done())
            self._sweep_at = max(64, 2 * len(self._queue))
        self._queue.append(waiter)

    def any(self) -> bool:
        """Whether somebody still waits."""
        while self._queue and self._queue[0].future.done():
            self._queue.popleft()
        return bool(self._queue)

    def pop(self) -> Waiter:
        """The first, after ``any`` has said that there is one."""
        return self._queue.popleft()
