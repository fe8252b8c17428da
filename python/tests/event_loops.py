"""What the asyncio tests share: each runs on every event loop that is installed, asyncio's own and uvloop's."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

try:
    import uvloop
except ImportError:  # not on every platform
    uvloop = None

LIMIT_SECONDS = 30

Runner = Callable[[Coroutine[Any, Any, Any]], Any]


async def limited(main: Coroutine[Any, Any, Any]) -> Any:
    """A test that hangs is a test that fails."""
    return await asyncio.wait_for(main, LIMIT_SECONDS)


def run_on_asyncio(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(limited(main))


def run_on_uvloop(main: Coroutine[Any, Any, Any]) -> Any:
    return uvloop.run(limited(main))


RUNNERS: list[Runner] = [run_on_asyncio] + ([run_on_uvloop] if uvloop else [])


def on_each_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Makes an async test a test per event loop. Fixtures and parameters stay what they are."""

    @pytest.mark.parametrize("run", RUNNERS, ids=lambda run: run.__name__.removeprefix("run_on_"))
    @functools.wraps(test)
    def on_loop(*args: Any, run: Runner, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    # pytest reads the parameters here: those of the test, and the runner.
    import inspect

    own = inspect.signature(test)
    runner = inspect.Parameter("run", inspect.Parameter.KEYWORD_ONLY)
    on_loop.__signature__ = own.replace(parameters=[*own.parameters.values(), runner])  # type: ignore[attr-defined]
    return on_loop


async def until(true: Callable[[], bool]) -> None:
    """Lets the loop turn until something is so."""
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came true")


class Gate:
    """A handler that waits until it is let through."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.seen: list[list[Any]] = []

    async def __call__(self, items: list[Any]) -> list[Any]:
        self.seen.append(items)
        await self.open.wait()
        return items
