"""What type checkers are to infer of ``@batch``. Read by mypy and pyright in test_typing.py, never run."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from typing_extensions import assert_type

import batchline
from batchline import AsyncBatched, AsyncReceipt, AsyncStats, Batched, Stats


class Vec:
    """Something that is computed for a text."""


@batchline.batch
def bare(texts: list[str]) -> list[Vec]:
    return [Vec() for _ in texts]


@batchline.batch(batch_items_max=64, linger=0.005)
def embed(texts: list[str]) -> list[Vec]:
    return [Vec() for _ in texts]


@batchline.batch(workers=2, overflow="fail", on_failure=lambda items, error: None)
def as_tuple(texts: Sequence[str]) -> tuple[int, ...]:
    return tuple(map(len, texts))


@batchline.batch
def nothing(texts: list[str]) -> None:
    """Returns nothing, so its callers get None."""


@batchline.batch
def mixed(texts: list[str]) -> list[int | Exception]:
    return [ValueError(text) if not text else len(text) for text in texts]


@batchline.batch
async def aembed(texts: list[str]) -> list[Vec]:
    return [Vec() for _ in texts]


@batchline.batch(linger=0)
async def anothing(texts: list[str]) -> None:
    """Returns nothing, so its callers get None."""


@batchline.batch(linger=0)
async def amixed(texts: list[str]) -> list[int | BaseException]:
    return list(map(len, texts))


class Model:
    """Methods of all kinds."""

    @batchline.batch
    def embed(self, texts: list[str]) -> list[Vec]:
        return [Vec() for _ in texts]

    @batchline.batch(linger=0)
    async def aembed(self, texts: list[str]) -> list[Vec]:
        return [Vec() for _ in texts]

    @batchline.batch
    def nothing(self, texts: list[str]) -> None:
        """Returns nothing, so its callers get None."""

    @batchline.batch(linger=0.001)
    @classmethod
    def of_class(cls, texts: list[str]) -> list[int]:
        return list(map(len, texts))

    @batchline.batch
    @classmethod
    async def aof_class(cls, texts: list[str]) -> list[int]:
        return list(map(len, texts))

    @batchline.batch(linger=0.001)
    @staticmethod
    def static(texts: list[str]) -> list[int]:
        return list(map(len, texts))


class Special(Model):
    """A subclass sees the same."""


def functions() -> None:
    assert_type(bare, Batched[str, Vec])
    assert_type(bare("text"), Vec)
    assert_type(embed("text"), Vec)
    assert_type(as_tuple("text"), int)
    assert_type(nothing("text"), None)
    assert_type(mixed("text"), int)
    assert_type(embed.many(["text"]), list[Vec])
    assert_type(embed.stats(), Stats)
    assert_type(embed.batcher, batchline.Batcher[str, Vec])
    embed.set_linger(0.01)
    embed.close(timeout=5)


async def async_functions() -> None:
    assert_type(aembed, AsyncBatched[str, Vec])
    assert_type(await aembed("text"), Vec)
    assert_type(await anothing("text"), None)
    assert_type(await amixed("text"), int)
    assert_type(await aembed.many(["text"]), list[Vec])
    assert_type(aembed.stats(), AsyncStats)
    assert_type(await aembed.close(), AsyncReceipt[str])
    assert_type(await aembed.batcher.submit("text"), Vec)


async def methods(model: Model, special: Special) -> None:
    assert_type(model.embed, Batched[str, Vec])
    assert_type(model.embed("text"), Vec)
    assert_type(special.embed("text"), Vec)
    assert_type(Model.embed(model, "text"), Vec)
    assert_type(await model.aembed("text"), Vec)
    assert_type(await Model.aembed(model, "text"), Vec)
    assert_type(model.nothing("text"), None)
    assert_type(Model.of_class("text"), int)
    assert_type(model.of_class("text"), int)
    assert_type(Special.of_class("text"), int)
    assert_type(await Model.aof_class("text"), int)
    assert_type(Model.static("text"), int)
    assert_type(model.static("text"), int)


def applied_by_hand() -> None:
    def further(texts: list[str], language: str) -> list[int]:
        return list(map(len, texts))

    partial = functools.partial(further, language="en")
    assert_type(batchline.batch(partial)("text"), int)
