"""Settings that are more than a number: how keys are remembered, and what happens to a batch that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Window:
    """How long keys are remembered, for ``Batcher(dedup=...)``.

    A key is the item itself, or what ``key(item)`` returns: an int, str, bytes, float, bool, UUID, ``None``, or a tuple
    of these. It is remembered for ``seconds``, and at most ``bucket`` seconds longer (default: a 16th of ``seconds``).
    At ``keys_max`` keys (default 2**20) a new one is refused (``WindowFull``), or the oldest are forgotten.

    >>> import batchline
    >>> window = batchline.Window(60, key=lambda event: event["id"])
    >>> with batchline.Batcher(lambda events: print(len(events)), dedup=window) as b:
    ...     b.put({"id": 7})
    ...     try:
    ...         b.put({"id": 7})
    ...     except batchline.Duplicate as refused:
    ...         print("again:", refused.item)
    again: {'id': 7}
    1
    """

    seconds: float
    key: Callable[[Any], Any] | None = None
    bucket: float | None = None
    keys_max: int | None = None
    at_cap: Literal["refuse", "forget_oldest"] = "refuse"


@dataclass(frozen=True)
class Retry:
    """What happens to a batch whose handler raised: it is halved, and the halves are handled again, until the bad items
    are alone, or ``calls_max`` further calls per batch are used up. One bad item of n costs at most
    ``2 * ceil(log2(n))`` calls. The handler must bear to see an item twice after a failure, for example by rolling
    back.

    >>> import batchline
    >>> def store(numbers):
    ...     if 13 in numbers:
    ...         raise ValueError("13")
    >>> with batchline.Batcher(store, retry=batchline.Retry(20), on_failure=lambda items, error: print(items)) as b:
    ...     b.put_many(range(100))
    100
    [13]
    >>> b.stats().done
    99
    """

    calls_max: int = 20
