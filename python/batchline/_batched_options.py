"""What ``@batch`` was told, kept until the first call makes a batcher of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ._async_settings import checked_settings

Overflow = Literal["block", "fail"]
OnFailure = Callable[[list[Any], BaseException], object]


@dataclass
class BatchedOptions:
    """The settings of :func:`batchline.batch`. ``linger`` may change later, by ``set_linger``."""

    batch_items_max: int = 1000
    linger: float | None = 0.01
    workers: int = 1
    queue_items_max: int | None = None
    overflow: Overflow = "block"
    on_failure: OnFailure | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        checked_settings(**vars(self))

    def for_batcher(self, name: str) -> dict[str, Any]:
        """Arguments of :class:`batchline.Batcher`, where a linger of 0 is called demand."""
        arguments = self.for_async_batcher(name)
        if self.linger == 0:
            del arguments["linger"]
            arguments["demand"] = True
        if self.queue_items_max is None:
            del arguments["queue_items_max"]
        return arguments

    def for_async_batcher(self, name: str) -> dict[str, Any]:
        """Arguments of :class:`batchline.AsyncBatcher`."""
        return {**vars(self), "name": self.name or name}
