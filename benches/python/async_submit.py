"""What an awaited, batched call costs, with many in flight: AsyncBatcher beside its peers.

    PYTHONPATH=python python benches/python/async_submit.py [--rounds 15] [--in-flight 1000] [--awaits 30]

So many tasks await one submit after another; a batch is as large as there are tasks, and the handler returns what it
got, so batches are full and nothing but the batching is measured. All contenders take turns in each round. The row
`floor` are the same tasks that only yield (`await asyncio.sleep(0)`): asyncio's own part, which is taken off in the
last column. Nanoseconds per awaited item; each contender answers for its own results.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import batchline

Submit = Callable[[int], Awaitable[int]]


class Handler:
    """Returns its items, and counts them."""

    def __init__(self) -> None:
        self.calls = 0
        self.items = 0

    async def __call__(self, items: list[int]) -> list[int]:
        self.calls += 1
        self.items += len(items)
        return items


class FuturePerItem:
    """The plainest batcher by hand: a list of pairs of item and future, a task per full list."""

    def __init__(self, handler: Handler, size: int) -> None:
        self.handler = handler
        self.size = size
        self.loop = asyncio.get_running_loop()
        self.pairs: list[tuple[int, asyncio.Future[int]]] = []
        self.tasks: set[asyncio.Task[None]] = set()

    def submit(self, item: int) -> asyncio.Future[int]:
        future = self.loop.create_future()
        self.pairs.append((item, future))
        if len(self.pairs) >= self.size:
            pairs, self.pairs = self.pairs, []
            task = self.loop.create_task(self.handle(pairs))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return future

    async def handle(self, pairs: list[tuple[int, asyncio.Future[int]]]) -> None:
        results = await self.handler([item for item, _ in pairs])
        for (_, future), result in zip(pairs, results):
            if not future.done():
                future.set_result(result)


class FuturePerItemInCoroutine(FuturePerItem):
    """The same, with the `async def submit` that most people write."""

    async def submit(self, item: int) -> int:  # type: ignore[override]
        return await super().submit(item)


class QueueAndTask:
    """An asyncio.Queue of pairs, and a task that takes what is there."""

    def __init__(self, handler: Handler, size: int) -> None:
        self.handler = handler
        self.size = size
        self.queue: asyncio.Queue[tuple[int, asyncio.Future[int]]] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()
        self.task = self.loop.create_task(self.work())

    async def submit(self, item: int) -> int:
        future = self.loop.create_future()
        self.queue.put_nowait((item, future))
        return await future

    async def work(self) -> None:
        while True:
            pairs = [await self.queue.get()]
            while len(pairs) < self.size and not self.queue.empty():
                pairs.append(self.queue.get_nowait())
            results = await self.handler([item for item, _ in pairs])
            for (_, future), result in zip(pairs, results):
                if not future.done():
                    future.set_result(result)


class EnginePolled:
    """The other way to build AsyncBatcher: the engine in Rust keeps the items, and is polled by the loop."""

    def __init__(self, handler: Handler, size: int) -> None:
        self.handler = handler
        self.size = size
        self.loop = asyncio.get_running_loop()
        self.engine: Any = batchline.Batcher(None, dispatch="poll", batch_items_max=size, linger=None)
        self.put = self.engine.put
        self.waiting = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def submit(self, item: int) -> asyncio.Future[int]:
        future = self.loop.create_future()
        self.put((item, future))
        self.waiting += 1
        if self.waiting >= self.size:
            self.waiting = 0
            task = self.loop.create_task(self.handle())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return future

    async def handle(self) -> None:
        batch = self.engine.next_batch(0)
        results = await self.handler([item for item, _ in batch])
        for (_, future), result in zip(batch, results):
            if not future.done():
                future.set_result(result)
        batch.done()


def batcher(handler: Handler, size: int) -> Submit:
    return batchline.AsyncBatcher(handler, batch_items_max=size, linger=None).submit


def batcher_on_demand(handler: Handler, size: int) -> Submit:
    return batchline.AsyncBatcher(handler, batch_items_max=size, linger=0).submit


def decorated(handler: Handler, size: int) -> Submit:
    async def body(items: list[int]) -> list[int]:
        return await handler(items)

    return batchline.batch(batch_items_max=size, linger=None)(body)


def dataloader(handler: Handler, size: int) -> Submit:
    from aiodataloader import DataLoader

    load: Submit = DataLoader(handler.__call__, max_batch_size=size, cache=False).load
    return load


CONTENDERS: dict[str, Callable[[Handler, int], Submit]] = {
    "batchline AsyncBatcher": batcher,
    "batchline AsyncBatcher, linger=0": batcher_on_demand,
    "batchline @batch": decorated,
    "future per item, by hand": lambda handler, size: FuturePerItem(handler, size).submit,
    "future per item, async def": lambda handler, size: FuturePerItemInCoroutine(handler, size).submit,
    "asyncio.Queue and a task": lambda handler, size: QueueAndTask(handler, size).submit,
    "aiodataloader": dataloader,
    "engine, polled": lambda handler, size: EnginePolled(handler, size).submit,
}
FLOOR = "floor: tasks that yield"


async def user(submit: Submit, awaits: int) -> None:
    for item in range(awaits):
        if await submit(item) != item:
            raise AssertionError("a wrong result")


async def yielder(awaits: int) -> None:
    for _ in range(awaits):
        await asyncio.sleep(0)


async def timed(tasks: list[Coroutine[Any, Any, None]]) -> float:
    """Seconds until all are done; the garbage collector waits meanwhile."""
    gc.collect()
    gc.disable()
    began_at = time.perf_counter()
    await asyncio.gather(*tasks)
    seconds = time.perf_counter() - began_at
    gc.enable()
    return seconds


async def measure(name: str, in_flight: int, awaits: int) -> tuple[float, float]:
    """Nanoseconds per item, and items per batch."""
    if name == FLOOR:
        return await timed([yielder(awaits) for _ in range(in_flight)]) * 1e9 / (in_flight * awaits), 0.0
    handler = Handler()
    submit = CONTENDERS[name](handler, in_flight)
    seconds = await timed([user(submit, awaits) for _ in range(in_flight)])
    assert handler.items == in_flight * awaits
    return seconds * 1e9 / handler.items, handler.items / handler.calls


def run_loop(loop: str, main: Coroutine[Any, Any, Any]) -> Any:
    if loop == "uvloop":
        import uvloop

        return uvloop.run(main)
    return asyncio.run(main)


def table(loop: str, rounds: int, in_flight: int, awaits: int) -> None:
    names = [FLOOR, *CONTENDERS]
    times: dict[str, list[float]] = {name: [] for name in names}
    sizes: dict[str, float] = {}
    for turn in range(rounds):
        # Another first one each time: nobody always runs after the same neighbour.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            nanoseconds, sizes[name] = run_loop(loop, measure(name, in_flight, awaits))
            times[name].append(nanoseconds)
    print(f"\n{loop}, {in_flight} in flight, batches of {in_flight}, {rounds} rounds of {in_flight * awaits} items\n")
    print("| contender | ns per item, best | median | beside AsyncBatcher | beyond the floor | items per batch |")
    print("| --- | --- | --- | --- | --- | --- |")
    ours, floor = times["batchline AsyncBatcher"], min(times[FLOOR])
    for name in names:
        ratio = statistics.median(theirs / our for theirs, our in zip(times[name], ours))
        best, median = min(times[name]), statistics.median(times[name])
        print(f"| {name} | {best:.0f} | {median:.0f} | {ratio:.2f}x | {best - floor:.0f} | {sizes[name]:.0f} |")


def version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--in-flight", type=int, default=1000)
    parser.add_argument("--awaits", type=int, default=30, help="per task")
    parser.add_argument("--loops", nargs="+", default=["asyncio", "uvloop"], choices=["asyncio", "uvloop"])
    arguments = parser.parse_args()
    for package, name in (("aiodataloader", "aiodataloader"), ("uvloop", "uvloop")):
        if version_of(package) == "not installed":
            CONTENDERS.pop(name, None)
            arguments.loops = [loop for loop in arguments.loops if loop != name]
    packages = ", ".join(f"{package} {version_of(package)}" for package in ("aiodataloader", "uvloop"))
    load = os.getloadavg()[0]
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load {load:.2f}"
    print(f"Python {platform.python_version()}, {machine}; {packages}")
    for loop in arguments.loops:
        table(loop, arguments.rounds, arguments.in_flight, arguments.awaits)


if __name__ == "__main__":
    sys.exit(main())
