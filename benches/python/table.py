"""The figures of the Python package beside what people use today: `python benches/python/table.py`.

Times are nanoseconds per item, the median of the rounds with the lowest and the highest; every contender has its turn in
every round, and the cost of the empty loop is subtracted. Ratios are of medians of the same run.
"""

from __future__ import annotations

import argparse
import os
import platform
import queue
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import batchline
import sqlite_rows
from rivals import LockedBatcher
from timing import Contender, Figure, measure

MANY = 1000


def nothing(_: object) -> None:
    """A handler that costs nothing."""


class Kept:
    """Something to put into that is emptied between the rounds, so that its memory is there already."""

    def __init__(self, put: Callable[[Any], object], empty: Callable[[], object]) -> None:
        self.put = put
        self.empty = empty

    def contender(self, name: str, argument: object, items_per_call: int = 1) -> Contender:
        return Contender(name, lambda: self.put, self.empty, argument, items_per_call)


def polled(items: int, **options: Any) -> batchline.Batcher[Any, Any]:
    """A batcher that nobody takes from while the clock runs."""
    return batchline.Batcher(
        None, dispatch="poll", linger=None, batch_items_max=MANY, queue_items_max=2 * items, **options
    )


def take_all(batcher: batchline.Batcher[Any, Any]) -> None:
    while batcher.stats().queued:
        batch = batcher.next_batch(0)
        if batch is None:
            # The last batch is not full: a flush seals it, which ends when it is done.
            flusher = threading.Thread(target=batcher.flush)
            flusher.start()
            batch = batcher.next_batch()
            assert batch is not None
            batch.done()
            flusher.join()
        else:
            batch.done()


def putting(name: str, items: int) -> list[Contender]:
    """Puts of one object, kept and not taken: the cost of the call."""
    item = object()
    batcher = polled(items)
    simple: queue.SimpleQueue[object] = queue.SimpleQueue()
    full: queue.Queue[object] = queue.Queue()
    locked = LockedBatcher(nothing, MANY)

    def empty_simple() -> None:
        while not simple.empty():
            simple.get()

    return [
        Kept(batcher.put, lambda: take_all(batcher)).contender(name, item),
        Kept(simple.put, empty_simple).contender("SimpleQueue.put", item),
        Kept(locked.put, locked.flush).contender("pure-Python batcher with a lock", item),
        Kept(full.put, full.queue.clear).contender("queue.Queue.put", item),
    ]


def many(items: int) -> list[Contender]:
    """Puts of a thousand: a list of objects, and an array of numbers into a batcher of numbers."""
    objects = [object() for _ in range(MANY)]
    batcher = polled(items)
    contenders = [
        Kept(batcher.put_many, lambda: take_all(batcher)).contender("put_many of a list", objects, MANY)
    ]
    try:
        import numpy
    except ImportError:
        print("numpy is not installed: no figure for arrays", file=sys.stderr)
        return contenders
    array = numpy.arange(MANY, dtype=numpy.uint64)
    typed = polled(items, dtype="u8")
    kept = Kept(typed.put_many, lambda: take_all(typed))
    return [*contenders, kept.contender("put_many of a u64 array", array, MANY)]


def delivery_us(rounds: int, batches: int) -> list[float]:
    """Microseconds from the end of one call of the handler to the beginning of the next, while batches of 1000 wait:
    per round the mean over all of them."""
    objects = [object() for _ in range(MANY)]
    found = []
    for _ in range(rounds):
        calls: list[tuple[int, int]] = []

        def handler(items: list[object], calls: list[tuple[int, int]] = calls) -> None:
            begin = time.perf_counter_ns()
            assert len(items) == MANY
            calls.append((begin, time.perf_counter_ns()))

        options: dict[str, Any] = {"batch_items_max": MANY, "linger": None, "queue_items_max": 4 * MANY * batches}
        with batchline.Batcher(handler, **options) as batcher:
            for _ in range(batches):
                batcher.put_many(objects)
            last_put = time.perf_counter_ns()
            batcher.flush()
        waiting = [call for call in calls if call[0] > last_put]
        gaps = [after[0] - before[1] for before, after in zip(waiting, waiting[1:])]
        if len(gaps) >= batches // 10:
            found.append(statistics.mean(gaps) / 1000)
    return found


def say(figure: Figure, against: Figure | None = None) -> None:
    ratio = f"{against.over(figure):7.2f}x" if against else ""
    print(f"{figure.name:<36}{figure.median:10.2f}{figure.lowest:10.2f}..{figure.highest:<10.2f}{ratio}")


def goal(what: str, wanted: str, measured: str, reached: bool) -> None:
    print(f"{what:<62}{wanted:>14}{measured:>14}   {'reached' if reached else 'NOT reached'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--single-rows", type=int, default=2_000, help="rows of the one-by-one inserts, which are slow")
    asked = parser.parse_args()
    print(f"Python {platform.python_version()}, batchline {batchline.__version__}, {os.cpu_count()} processors")
    puts = measure(putting("Batcher.put", asked.items), asked.items, asked.rounds)
    lots = measure(many(asked.items), asked.items, asked.rounds)
    print(f"\n{'ns per item':<36}{'median':>10}{'lowest':>10}..{'highest':<10}{'Batcher.put is faster':>8}")
    for figure in puts:
        say(figure, puts[0] if figure is not puts[0] else None)
    for figure in lots:
        say(figure)
    handed = delivery_us(asked.rounds, 1000)
    delivered = statistics.median(handed)
    print(f"\ndelivery of a batch of 1000: {delivered:.2f} us ({min(handed):.2f}..{max(handed):.2f})")
    singles = statistics.median(sqlite_rows.rows_per_s(sqlite_rows.one_by_one, asked.single_rows) for _ in range(3))
    batches = statistics.median(sqlite_rows.rows_per_s(sqlite_rows.batched, asked.rows) for _ in range(3))
    print(f"SQLite, synchronous=FULL, 4 threads: {singles:,.0f} rows/s one by one, {batches:,.0f} through Batcher\n")
    tell_goals(puts, lots, delivered, batches / singles)


def tell_goals(puts: Sequence[Figure], lots: Sequence[Figure], delivered: float, rows: float) -> None:
    put, simple, locked, full = puts
    goal("put(obj)", "20 ns", f"{put.median:.1f} ns", put.median <= 20)
    goal("put(obj) over SimpleQueue.put", "1x", f"{put.over(simple):.2f}x", put.over(simple) >= 1)
    goal("put(obj) over a pure-Python batcher with a lock", "8x", f"{put.over(locked):.1f}x", put.over(locked) >= 8)
    goal("put(obj) over queue.Queue.put", "25x", f"{put.over(full):.1f}x", put.over(full) >= 25)
    for figure, most in zip(lots, (2.0, 1.0)):
        goal(f"{figure.name}, per item", f"{most:.0f} ns", f"{figure.median:.2f} ns", figure.median <= most)
    goal("delivery per batch of 1000, beyond the handler", "2 us", f"{delivered:.2f} us", delivered <= 2)
    goal("rows into SQLite over one-by-one inserts", "40x", f"{rows:.0f}x", rows >= 40)


if __name__ == "__main__":
    main()
