"""Reading an iterator on a thread, so that a batch can be cut off by time while the source blocks.

The thread fills one list under a lock, up to two batches long; the consumer takes batches from its front. The thread
knows the list and never the generator, so dropping the generator ends the thread.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from time import monotonic
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """What the reading thread and the consumer share, under one lock."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.lock = threading.Lock()
        self.readable = threading.Condition(self.lock)
        self.writable = threading.Condition(self.lock)
        self.items: list[T] = []
        #: When each item was read: the linger of a batch counts from its first.
        self.read_at: list[float] = []
        self.ended = False
        self.error: BaseException | None = None
        self.stopped = False

    def add(self, item: T) -> bool:
        """One item more, once there is room for it. False: the consumer has gone."""
        with self.lock:
            while len(self.items) >= 2 * self.n and not self.stopped:
                self.writable.wait()
            if self.stopped:
                return False
            self.items.append(item)
            self.read_at.append(monotonic())
            # The consumer waits for the first item, then for the time or a full batch.
            if len(self.items) in (1, self.n):
                self.readable.notify()
            return True

    def end(self, error: BaseException | None) -> None:
        """The source is exhausted, or has raised."""
        with self.lock:
            self.ended = True
            self.error = error
            self.readable.notify()

    def stop(self) -> None:
        """The consumer has gone."""
        with self.lock:
            self.stopped = True
            self.items, self.read_at = [], []
            self.writable.notify()

    def take(self, linger: float) -> list[T]:
        """The next batch; empty at the end."""
        with self.lock:
            while not self.items and not self.ended:
                self.readable.wait()
            while 0 < len(self.items) < self.n and not self.ended:
                left = self.read_at[0] + linger - monotonic()
                if left <= 0:
                    break
                self.readable.wait(left)
            batch, self.items = self.items[: self.n], self.items[self.n :]
            del self.read_at[: self.n]
            self.writable.notify()
            return batch


def read_ahead(source: Iterator[T], n: int, linger: float) -> Generator[list[T], None, None]:
    """The batches of a source that a thread reads, from the first ``next`` on."""
    shared: Shared[T] = Shared(n)
    reader = threading.Thread(target=read, args=(source, shared), name="batchline-reader", daemon=True)
    # Only the thread holds the source now: when it ends, so does a generator.
    del source
    reader.start()
    try:
        while batch := shared.take(linger):
            yield batch
        if shared.error is not None:
            raise shared.error
    finally:
        shared.error = None
        shared.stop()


def read(source: Iterator[Any], shared: Shared[Any]) -> None:
    """The thread's whole life."""
    error: BaseException | None = None
    try:
        for item in source:
            if not shared.add(item):
                return
    except BaseException as raised:
        error = raised
    shared.end(error)
