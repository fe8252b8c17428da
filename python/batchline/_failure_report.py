"""Where failures go that no awaiter is told of: to the user's hook, or to the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

logger = logging.getLogger("batchline")

OnFailure = Callable[[list[Any], BaseException], object]


def report(name: str, on_failure: OnFailure | None, failures: Sequence[tuple[list[Any], BaseException]]) -> None:
    """Tells of failed items. A hook that raises is logged, with the failure it was called for."""
    for items, error in failures:
        if on_failure is None:
            log_failure(name, items, error)
            continue
        try:
            on_failure(items, error)
        except Exception:
            log_failure(name, items, error)
            logger.exception("%s: the failure hook raised", name)


def log_failure(name: str, items: list[Any], error: BaseException) -> None:
    """One line for the items and the traceback of the error."""
    noun = "item" if len(items) == 1 else "items"
    logger.error("%s: %d %s failed: %s", name, len(items), noun, error, exc_info=error)
