"""What people write by hand today."""

from __future__ import annotations

import threading
from collections.abc import Callable


class LockedBatcher:
    """A list, a lock, and the handler called by the put that fills the batch."""

    def __init__(self, handler: Callable[[list[object]], object], batch_items_max: int) -> None:
        self.handler = handler
        self.batch_items_max = batch_items_max
        self.lock = threading.Lock()
        self.items: list[object] = []

    def put(self, item: object) -> None:
        with self.lock:
            self.items.append(item)
            if len(self.items) < self.batch_items_max:
                return
            full, self.items = self.items, []
        self.handler(full)

    def flush(self) -> None:
        with self.lock:
            rest, self.items = self.items, []
        if rest:
            self.handler(rest)
