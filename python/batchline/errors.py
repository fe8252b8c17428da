"""What Batchline raises. Every class is a :class:`BatchlineError`, can be pickled, and says what was refused."""

from __future__ import annotations

from typing import Any


class BatchlineError(Exception):
    """The base of all that Batchline raises.

    ``item`` is the item that was refused (``None`` where there is none), and ``accepted`` how many items a call that
    puts many had taken before it stopped.

    >>> import batchline
    >>> with batchline.Batcher(None, dispatch="poll", batch_items_max=1, queue_items_max=1, overflow="fail") as b:
    ...     b.put("first")
    ...     try:
    ...         b.put("second")
    ...     except batchline.Full as refused:
    ...         print(refused.item)
    ...     b.next_batch().done()
    second
    """

    def __init__(self, message: str = "", *, item: Any = None, accepted: int = 0) -> None:
        super().__init__(message)
        self.item = item
        self.accepted = accepted


class Full(BatchlineError):
    """The queue is full, and the call was not to wait."""


class TimedOut(BatchlineError, TimeoutError):
    """The time ran out first: for a put the queue stayed full, for a flush the handlers were not done."""


class Closed(BatchlineError):
    """The batcher is closed or closing."""


class Duplicate(BatchlineError):
    """An item of the same key was put within the deduplication window, and did not fail."""


class Duplicates(Duplicate):
    """``put_many`` took everything but the duplicates, which are in ``items``."""

    def __init__(self, message: str = "", *, items: Any = (), accepted: int = 0) -> None:
        super().__init__(message, accepted=accepted)
        self.items = list(items)


class WindowFull(BatchlineError):
    """The deduplication window remembers as many keys as ``keys_max`` allows."""


class TooLarge(BatchlineError):
    """The item alone weighs more than a batch or the queue may hold."""


class WouldWait(BatchlineError):
    """Called from the batcher's own handler, where the call would have to wait for that handler."""


class Forked(BatchlineError):
    """The process was forked after the batcher was made: its threads are in the parent. Make a new one here."""


class Expired(BatchlineError):
    """The item passed its deadline before a handler had it."""


class HandedBack(BatchlineError):
    """The batcher closed before the item was handled. ``item`` is the item, also found in the receipt."""


class Dropped(BatchlineError):
    """``overflow="drop"`` dropped new items, since the queue was full. Only ``on_failure`` sees this."""
