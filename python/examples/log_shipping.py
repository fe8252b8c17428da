"""A `logging.Handler` that ships records in batches, and never makes the program wait for the receiver.

Run it: python log_shipping.py [FILE]
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import batchline


class ShippingHandler(logging.Handler):
    """Gives lists of lines to `ship`, on a thread of its own.

    When the receiver is so slow that `queue_items_max` lines wait, new ones are dropped, and counted in `lost`: a log
    must not stop the program. What `ship` could not deliver counts, too.
    """

    def __init__(self, ship: Callable[[list[str]], None], batch_items_max: int = 500, linger: float = 0.2) -> None:
        super().__init__()
        self.lost = 0
        self._batcher: batchline.Batcher[str, None] = batchline.Batcher(
            ship,
            batch_items_max=batch_items_max,
            linger=linger,
            overflow="drop",
            # Not by logging, which would come back here.
            on_failure=self._count_lost,
            name="log-shipping",
        )

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._batcher.put(self.format(record))
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        if not self._batcher.closed:
            self._batcher.flush(timeout=5)

    def close(self) -> None:
        """`logging.shutdown` calls this when the program ends."""
        self._batcher.close(timeout=5)
        super().close()

    def _count_lost(self, lines: list[str], error: BaseException) -> None:
        self.lost += len(lines)
        print(f"{len(lines)} log lines lost: {error}", file=sys.stderr)


class JsonFormatter(logging.Formatter):
    """One object per line."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"level": record.levelname, "thread": record.threadName, "text": record.getMessage()}
        return json.dumps(fields)


def main(path: Path, threads: int = 4, lines_per_thread: int = 2500) -> tuple[int, ShippingHandler]:
    writes = 0

    def ship(lines: list[str]) -> None:
        """Stands for a request to a log server: one write per batch."""
        nonlocal writes
        writes += 1
        with path.open("a") as file:
            file.write("".join(line + "\n" for line in lines))

    handler = ShippingHandler(ship)
    handler.setFormatter(JsonFormatter())
    log = logging.Logger("shop", logging.INFO)
    log.addHandler(handler)

    def work() -> None:
        for order in range(lines_per_thread):
            log.info("order %d is packed", order)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    handler.close()
    print(f"{threads * lines_per_thread} lines in {writes} writes, {handler.lost} lost")
    return writes, handler


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder) / "shop.log")
