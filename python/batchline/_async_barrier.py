"""Waiting until some batches have their outcomes, whatever comes after them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from ._async_batch import AsyncBatch


async def wait_for_all(batches: Iterable[AsyncBatch[Any]], timeout: float | None) -> bool:
    """Waits for the batches that are unsettled now. False: the time ran out first."""
    pending = list(batches)
    if not pending:
        return True
    left = len(pending)
    over = asyncio.get_running_loop().create_future()

    def one_less() -> None:
        nonlocal left
        left -= 1
        if left == 0 and not over.done():
            over.set_result(None)

    for batch in pending:
        batch.on_settled.append(one_less)
    done, _ = await asyncio.wait([over], timeout=timeout)
    return bool(done)
