"""Batchline collects items from many threads into batches, and hands each batch to your handler.

>>> import batchline
>>> with batchline.Batcher(lambda lines: print(len(lines), "lines")) as b:
...     b.put("a line")
...     b.put_many(["another", "and another"])
2
3 lines

No accepted item is lost: each is done, failed, cancelled, expired or handed back, and ``stats()`` adds up.
"""

from ._async_ledger import AsyncReceipt, AsyncStats
from ._core import Batch, Batcher, Claim, Dedup, Receipt, Stats, WindowStats, __version__
from .aio import AsyncBatcher
from .batched import Batched
from .batched_async import AsyncBatched
from .batched_method import AsyncBatchedMethod, BatchedMethod
from .decorator import batch
from .errors import (
    BatchlineError,
    Closed,
    Dropped,
    Duplicate,
    Duplicates,
    Expired,
    Forked,
    Full,
    HandedBack,
    TimedOut,
    TooLarge,
    WindowFull,
    WouldWait,
)
from .iterators import abatches, batches
from .metrics import metrics, prometheus_collector
from .options import Retry, Window

__all__ = [
    "AsyncBatched",
    "AsyncBatchedMethod",
    "AsyncBatcher",
    "AsyncReceipt",
    "AsyncStats",
    "Batch",
    "Batched",
    "BatchedMethod",
    "Batcher",
    "BatchlineError",
    "Claim",
    "Closed",
    "Dedup",
    "Dropped",
    "Duplicate",
    "Duplicates",
    "Expired",
    "Forked",
    "Full",
    "HandedBack",
    "Receipt",
    "Retry",
    "Stats",
    "TimedOut",
    "TooLarge",
    "Window",
    "WindowFull",
    "WindowStats",
    "WouldWait",
    "__version__",
    "abatches",
    "batch",
    "batches",
    "metrics",
    "prometheus_collector",
]
