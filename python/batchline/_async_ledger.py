"""What an AsyncBatcher counts: its statistics and its receipt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

#: The reasons for which a batch is sealed.
SEAL_REASONS = ("size", "bytes", "linger", "demand", "tick", "flush", "close")

#: A batch of up to ``2**i`` items is counted in bucket i.
SIZE_BUCKETS = 25


@dataclass(frozen=True)
class AsyncStats:
    """A snapshot of the counters of an :class:`~batchline.AsyncBatcher`.

    ``accepted == done + failed + cancelled + expired + handed_back + live`` holds in every snapshot. The names are
    those of :class:`batchline.Stats`; what an AsyncBatcher cannot do stays 0 (``expired``, ``dropped``,
    ``duplicates``). All times are in seconds, all others are counts.

    >>> from batchline import AsyncStats
    >>> AsyncStats().is_balanced()
    True
    """

    #: Items taken in.
    accepted: int = 0
    #: Items that stayed with the putter, who got ``Full`` or ``Closed``.
    refused: int = 0
    #: Always 0: there is no deduplication window.
    duplicates: int = 0
    #: Always 0: no overflow choice drops items.
    dropped: int = 0
    #: Items the handler was done with.
    done: int = 0
    #: Items that failed, alone or with their batch.
    failed: int = 0
    #: Items whose awaiter was cancelled before the handler got them.
    cancelled: int = 0
    #: Always 0: items have no deadline of their own.
    expired: int = 0
    #: Items that a close gave back.
    handed_back: int = 0
    #: Items that wait, in the open batch and in sealed ones.
    queued: int = 0
    #: Items in batches that are being handled.
    in_hand: int = 0
    #: Batches handed to the handler.
    batches: int = 0
    #: The same by what sealed them: size, bytes, linger, demand, tick, flush, close.
    batches_by_reason: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SEAL_REASONS, 0))
    #: Items in all batches so far, as they were handed to the handler.
    batch_items_sum: int = 0
    #: Batches by size: place i counts those of up to ``2**i`` items that fit no smaller place.
    batch_items_buckets: tuple[int, ...] = (0,) * SIZE_BUCKETS
    #: Items in the largest batch so far.
    batch_items_peak: int = 0
    #: Calls of the handler.
    handler_calls: int = 0
    #: Batches in which an item failed.
    failed_batches: int = 0
    #: Times the linger timer fired.
    wakeups: int = 0
    #: How long puts and submits have waited for room, together, in seconds.
    admission_wait: float = 0.0
    #: How long the first items of batches have waited for the seal, together, in seconds.
    linger_wait: float = 0.0
    #: How long sealed batches have waited for a free handler, together, in seconds.
    slot_wait: float = 0.0
    #: How long handlers have run, together, in seconds.
    handler_time: float = 0.0

    @property
    def live(self) -> int:
        """Items without an outcome yet: ``accepted`` less the five outcomes."""
        return self.accepted - (self.done + self.failed + self.cancelled + self.expired + self.handed_back)

    def is_balanced(self) -> bool:
        """Whether every accepted item has an outcome or is found where live items are."""
        return self.live == self.queued + self.in_hand


@dataclass(frozen=True)
class AsyncReceipt(Generic[T]):
    """What :meth:`AsyncBatcher.close` returns: what became of every item. The counts are of the batcher's whole life.

    >>> from batchline import AsyncReceipt
    >>> AsyncReceipt(accepted=3, done=1, handed_back=2, items=["b", "c"]).is_balanced()
    True
    """

    #: Items taken in.
    accepted: int = 0
    #: Items the handler was done with.
    done: int = 0
    #: Items that failed.
    failed: int = 0
    #: Items that were cancelled.
    cancelled: int = 0
    #: Always 0: items have no deadline of their own.
    expired: int = 0
    #: Items that were handed back, now or by another close.
    handed_back: int = 0
    #: Items in handlers that were still running when the time was over.
    still_running: int = 0
    #: The items that this close hands back, in the order of their puts.
    items: list[T] = field(default_factory=list)
    #: Whether the time limit cut the drain short.
    timed_out: bool = False

    def is_balanced(self) -> bool:
        """Whether ``accepted`` is the sum of the outcomes and of what is still running."""
        settled = self.done + self.failed + self.cancelled + self.expired + self.handed_back
        return self.accepted == settled + self.still_running


class Ledger:
    """The counters themselves. All are written on the loop's thread; other threads may read them."""

    __slots__ = (
        "taken_out", "sealed_items", "refused", "done", "failed", "cancelled", "handed_back", "sealed", "in_hand",
        "batches", "by_reason", "sum", "buckets", "peak", "calls", "failed_batches", "wakeups", "admission_wait",
        "linger_wait", "slot_wait", "handler_time",
    )  # fmt: skip

    def __init__(self) -> None:
        self.taken_out = self.sealed_items = self.refused = self.done = self.failed = self.cancelled = 0
        self.handed_back = self.sealed = self.in_hand = self.batches = self.sum = self.peak = self.calls = 0
        self.failed_batches = self.wakeups = 0
        self.by_reason: dict[str, int] = dict.fromkeys(SEAL_REASONS, 0)
        self.buckets = [0] * SIZE_BUCKETS
        self.admission_wait = self.linger_wait = self.slot_wait = self.handler_time = 0.0

    def note_batch(self, reason: str, items: int) -> None:
        """A batch of so many items goes to the handler."""
        self.batches += 1
        self.calls += 1
        self.sum += items
        self.peak = max(self.peak, items)
        self.by_reason[reason] += 1
        self.buckets[min((items - 1).bit_length(), SIZE_BUCKETS - 1)] += 1

    def stats(self, open_items: int) -> AsyncStats:
        """A snapshot, with so many items in the open batch."""
        return AsyncStats(
            accepted=self.sealed_items + self.taken_out + open_items,
            refused=self.refused,
            done=self.done,
            failed=self.failed,
            cancelled=self.cancelled,
            handed_back=self.handed_back,
            queued=self.sealed + open_items,
            in_hand=self.in_hand,
            batches=self.batches,
            batches_by_reason=dict(self.by_reason),
            batch_items_sum=self.sum,
            batch_items_buckets=tuple(self.buckets),
            batch_items_peak=self.peak,
            handler_calls=self.calls,
            failed_batches=self.failed_batches,
            wakeups=self.wakeups,
            admission_wait=self.admission_wait,
            linger_wait=self.linger_wait,
            slot_wait=self.slot_wait,
            handler_time=self.handler_time,
        )


def receipt_of(stats: AsyncStats, items: list[T], timed_out: bool) -> AsyncReceipt[T]:
    """The receipt of a close that hands back these items."""
    return AsyncReceipt(
        accepted=stats.accepted,
        done=stats.done,
        failed=stats.failed,
        cancelled=stats.cancelled,
        expired=stats.expired,
        handed_back=stats.handed_back,
        still_running=stats.queued + stats.in_hand,
        items=items,
        timed_out=timed_out,
    )
