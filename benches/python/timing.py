"""How the figures are taken: rounds of all contenders by turns, the cost of the loop itself subtracted."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat


@dataclass(frozen=True)
class Contender:
    """Something that is timed. `prepare` makes what one round calls; `finish` clears up, outside of the time."""

    name: str
    prepare: Callable[[], Callable[[object], object]]
    finish: Callable[[], object] = lambda: None
    argument: object = None
    items_per_call: int = 1


@dataclass(frozen=True)
class Figure:
    """Nanoseconds per item over all rounds."""

    name: str
    median: float
    lowest: float
    highest: float

    def over(self, other: Figure) -> float:
        """How many times faster this one is."""
        return other.median / self.median


def call_ns(call: Callable[[object], object], argument: object, calls: int) -> float:
    """Nanoseconds per turn of a loop that does nothing but this call."""
    turns = repeat(None, calls)
    begin = time.perf_counter_ns()
    for _ in turns:
        call(argument)
    return (time.perf_counter_ns() - begin) / calls


def loop_ns(calls: int) -> float:
    """Nanoseconds per turn of the same loop with an empty body."""
    turns = repeat(None, calls)
    begin = time.perf_counter_ns()
    for _ in turns:
        pass
    return (time.perf_counter_ns() - begin) / calls


def measure(contenders: Sequence[Contender], items: int, rounds: int) -> list[Figure]:
    """Each contender once per round, in turn. Garbage is collected before, and not between: that would empty caches."""
    taken: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for contender in contenders:
                taken[contender.name].append(one_round(contender, items))
    finally:
        gc.enable()
    return [figure(name, values) for name, values in taken.items()]


def one_round(contender: Contender, items: int) -> float:
    calls = max(1, items // contender.items_per_call)
    call = contender.prepare()
    try:
        empty = loop_ns(calls)
        spent = call_ns(call, contender.argument, calls)
    finally:
        contender.finish()
    return (spent - empty) / contender.items_per_call


def figure(name: str, values: Sequence[float]) -> Figure:
    return Figure(name, statistics.median(values), min(values), max(values))
