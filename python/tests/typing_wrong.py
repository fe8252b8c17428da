"""What type checkers are to refuse: each line with ``# wrong`` and no other. Never run."""

from __future__ import annotations

import batchline
from batchline import AsyncBatcher


@batchline.batch
def lengths(texts: list[str]) -> list[int]:
    return list(map(len, texts))


@batchline.batch(linger=0)
async def alengths(texts: list[str]) -> list[int]:
    return list(map(len, texts))


class Model:
    """A method, too."""

    @batchline.batch
    def lengths(self, texts: list[str]) -> list[int]:
        return list(map(len, texts))


def further(texts: list[str], language: str, length: int) -> list[int]:
    return [length for _ in texts]


def no_sequence(texts: list[str]) -> int:
    return len(texts)


async def calls(model: Model, batcher: AsyncBatcher[str, int]) -> None:
    lengths(3)  # wrong
    lengths(["text"])  # wrong
    lengths("text").upper()  # wrong
    model.lengths(3)  # wrong
    (await alengths("text")).upper()  # wrong
    lengths.many("text").upper()  # wrong
    batcher.put_nowait(3)  # wrong
    (await batcher.submit("text")).upper()  # wrong
    await batcher.close(timeout="soon")  # wrong
    batchline.batch(further)  # wrong
    batchline.batch(no_sequence)  # wrong
    batchline.batch(batch_size=3)  # wrong
    batchline.batch(overflow="explode")  # wrong
    AsyncBatcher(alengths.__wrapped__, overflow="drop")  # wrong
    batchline.batches(3, 2)  # wrong
