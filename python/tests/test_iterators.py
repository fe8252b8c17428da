"""``batches``: chunks without a thread, and with a time limit through one."""

from __future__ import annotations

import gc
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from batchline import batches


class Refusal(Exception):
    """What sources of these tests raise."""


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "batchline-reader"]


def until_no_reader() -> None:
    for _ in range(2000):
        if not readers():
            return
        time.sleep(0.001)
    raise AssertionError("a reading thread was left behind")


LINGERS = [None, 30]


@pytest.mark.parametrize("linger", LINGERS)
@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 1000])
def test_all_items_in_order_and_only_the_last_list_is_shorter(linger: Any, length: int) -> None:
    lists = list(batches(range(length), 3, linger))
    assert [item for each in lists for item in each] == list(range(length))
    assert all(len(each) == 3 for each in lists[:-1]) and all(lists)
    until_no_reader()


def test_without_a_linger_nothing_is_read_ahead_and_no_thread_is_started() -> None:
    source = iter(range(10))
    chunks = batches(source, 4)
    assert next(chunks) == [0, 1, 2, 3]
    assert next(source) == 4
    assert not readers()


@pytest.mark.parametrize("linger", LINGERS)
def test_an_exception_comes_after_the_items_before_it(linger: Any) -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise Refusal

    lists = batches(source(), 3, linger)
    assert [next(lists), next(lists)] == [[0, 1, 2], [3, 4]]
    with pytest.raises(Refusal):
        next(lists)
    with pytest.raises(StopIteration):
        next(lists)
    until_no_reader()


def test_a_list_comes_when_its_first_item_has_lingered() -> None:
    release = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        yield 2
        release.wait(10)
        yield 3

    lists = batches(source(), 100, linger=0.05)
    began_at = time.monotonic()
    assert next(lists) == [1, 2]
    assert 0.045 <= time.monotonic() - began_at < 5
    release.set()
    assert list(lists) == [[3]]
    until_no_reader()


def test_a_linger_of_nothing_gives_what_is_there() -> None:
    lists = list(batches(range(1000), 10, linger=0))
    assert [item for each in lists for item in each] == list(range(1000))
    assert max(map(len, lists)) <= 10


def test_the_thread_reads_at_most_two_lists_ahead() -> None:
    read = 0

    def source() -> Iterator[int]:
        nonlocal read
        for read in itertools.count(1):
            yield read

    lists = batches(source(), 5, linger=30)
    assert next(lists) == [1, 2, 3, 4, 5]
    time.sleep(0.05)
    assert read <= 5 + 10 + 1  # taken, waiting, and the one that waits for room
    lists.close()
    until_no_reader()


@pytest.mark.parametrize("how", ["close", "drop", "break"])
def test_leaving_stops_the_thread(how: str) -> None:
    lists = batches(itertools.count(), 5, linger=30)
    for first in lists:
        assert first == [0, 1, 2, 3, 4]
        break
    if how == "close":
        lists.close()
    else:
        del lists
        gc.collect()
    until_no_reader()


def test_a_thread_in_the_source_stops_at_its_next_item() -> None:
    release = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        release.wait(10)
        yield 2
        raise AssertionError("read on")

    lists = batches(source(), 100, linger=0.001)
    assert next(lists) == [1]
    began_at = time.monotonic()
    lists.close()
    assert time.monotonic() - began_at < 1, "closing waited for the source"
    release.set()
    until_no_reader()


def test_nothing_is_started_before_the_first_next() -> None:
    lists = batches(itertools.count(), 5, linger=1)
    assert not readers()
    lists.close()


@pytest.mark.parametrize("n", [0, -1])
def test_nonsense_is_refused_at_once(n: int) -> None:
    with pytest.raises(ValueError, match="n is"):
        batches([], n)


def test_wrong_types_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match="n must be an int"):
        batches([], 2.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not iterable"):
        batches(3, 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="linger"):
        batches([], 2, linger=-1)


def test_items_before_an_interrupt_of_the_source_are_given() -> None:
    def source() -> object:
        yield 1
        yield 2
        raise KeyboardInterrupt

    given = batches(source(), 10)
    assert next(given) == [1, 2]
    with pytest.raises(KeyboardInterrupt):
        next(given)
