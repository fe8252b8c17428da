"""Handlers of every shape: what they may return, raise and do."""

from __future__ import annotations

import threading
import time
from collections import deque

import batchline
import pytest


def answer(returned: object, count: int = 2) -> list[object]:
    """What two submitters get when the handler returns this."""
    b = batchline.Batcher(lambda items: returned, batch_items_max=count, linger=60)
    futures = [b.submit(item) for item in range(count)]
    outcomes = [future.exception(timeout=5) or future.result() for future in futures]
    b.close()
    return outcomes


def test_results_may_be_any_sequence() -> None:
    numpy = pytest.importorskip("numpy")
    assert answer(None) == [None, None]
    assert answer([1, 2]) == answer((1, 2)) == answer(deque([1, 2])) == answer(range(1, 3)) == [1, 2]
    assert answer(numpy.array([1.5, 2.5])) == [1.5, 2.5]
    one, two = answer([3, KeyError("x")])
    assert one == 3 and isinstance(two, KeyError)


def test_what_is_no_sequence_of_results_fails_the_batch_clearly() -> None:
    class Endless:
        def __getitem__(self, index: int) -> int:
            return index

    for returned in (5, "ab", b"ab", {0: 1, 1: 2}, (n for n in range(2)), {1, 2}, Endless()):
        for error in answer(returned):
            assert isinstance(error, TypeError) and "allowed: None, or a sequence" in str(error), returned


def test_a_generator_function_as_a_handler_is_a_mistake_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def handler(items: list[int]):
        yield from items

    with batchline.Batcher(handler) as b:
        b.put(1)
    assert "the handler returned generator" in caplog.text


def test_a_handler_may_keep_and_change_its_list() -> None:
    kept: list[list[int]] = []

    def handler(items: list[int]) -> None:
        kept.append(items)
        items.append(99)

    with batchline.Batcher(handler, batch_items_max=2) as b:
        b.put_many([1, 2, 3, 4])
    assert kept == [[1, 2, 99], [3, 4, 99]] and b.stats().done == 4


def test_a_results_list_that_changes_while_it_is_read() -> None:
    results: list[object] = []
    futures = []

    def shorten(future: object) -> None:
        results.clear()

    b = batchline.Batcher(lambda items: results, batch_items_max=3, linger=60)
    results.extend([1, 2, 3])
    for item in range(3):
        future = b.submit(item)
        future.add_done_callback(shorten)
        futures.append(future)
    assert [future.result(timeout=5) for future in futures] == [1, None, None]
    b.close()


def test_a_handler_may_put_into_its_own_and_other_batchers(dispatch: str) -> None:
    done: list[int] = []
    last = batchline.Batcher(done.extend, linger=0.001, dispatch=dispatch)

    def handler(items: list[int]) -> None:
        for item in items:
            last.put(item)
            if item < 50:
                first.put(item + 50)

    first = batchline.Batcher(handler, linger=0.001, batch_items_max=5, dispatch=dispatch)
    first.put_many(range(50))
    end = time.monotonic() + 10
    while first.stats().done < 100 and time.monotonic() < end:
        time.sleep(0.005)
    first.close()
    last.close()
    assert sorted(done) == list(range(100))


def test_a_handler_may_submit_to_another_batcher_and_wait() -> None:
    with batchline.Batcher(lambda items: [item * 2 for item in items], demand=True) as inner:
        with batchline.Batcher(lambda items: [inner.submit(item).result() for item in items], demand=True) as outer:
            assert [outer.submit(item).result(timeout=10) for item in range(10)] == [item * 2 for item in range(10)]


def test_the_last_reference_may_go_inside_the_handler(until) -> None:
    done: list[int] = []
    holder: list[batchline.Batcher] = []

    def handler(items: list[int]) -> None:
        holder.clear()
        done.extend(items)

    holder.append(batchline.Batcher(handler, batch_items_max=1, linger=None))
    holder[0].put(1)
    until(lambda: done == [1])


def test_a_callback_of_a_future_may_use_the_batcher() -> None:
    done: list[int] = []
    b = batchline.Batcher(lambda items: items, linger=0.001)
    again = threading.Event()

    def once_more(future) -> None:
        done.append(future.result())
        if future.result() < 5:
            b.submit(future.result() + 1).add_done_callback(once_more)
        else:
            again.set()

    b.submit(0).add_done_callback(once_more)
    assert again.wait(10)
    b.close()
    assert done == [0, 1, 2, 3, 4, 5]


def test_threads_and_workers_share_the_interpreter_fairly() -> None:
    b = batchline.Batcher(lambda items: [item + 1 for item in items], workers=4, linger=0.0005)
    sums: list[int] = []

    def produce(base: int) -> None:
        sums.append(sum(b.map(range(base, base + 500))))

    threads = [threading.Thread(target=produce, args=(base,)) for base in range(0, 4000, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sums) == sum(range(1, 4001)) and b.close().done == 4000


def test_mixed_puts_and_submits_in_one_batch() -> None:
    told: list[tuple[list[int], BaseException]] = []
    b = batchline.Batcher(
        lambda items: [ValueError(item) if item % 3 == 0 else item for item in items],
        batch_items_max=12,
        linger=60,
        on_failure=lambda items, error: told.append((list(items), error)),
    )
    futures = {}
    for item in range(12):
        if item % 2:
            futures[item] = b.submit(item)
        else:
            b.put(item)
    b.close()
    for item, future in futures.items():
        if item % 3 == 0:
            assert isinstance(future.exception(timeout=0), ValueError)
        else:
            assert future.result(timeout=0) == item
    assert [items for items, _ in told] == [[0], [6]]
    assert b.stats().failed == 4


def test_a_batch_that_fails_tells_only_of_what_nobody_waits_for() -> None:
    told: list[list[int]] = []

    def handler(items: list[int]) -> None:
        raise OSError("away")

    b = batchline.Batcher(handler, linger=60, on_failure=lambda items, error: told.append(list(items)))
    future = b.submit(0)
    b.put_many([1, 2])
    b.close()
    assert told == [[1, 2]] and isinstance(future.exception(timeout=0), OSError)


def test_a_hook_may_call_the_batcher() -> None:
    said: list[BaseException] = []

    def hook(items: list[int], error: BaseException) -> None:
        for call in (b.flush, lambda: b.put("again")):
            try:
                call()
            except batchline.BatchlineError as refused:
                said.append(refused)

    tries: list[int] = []

    def handler(items: list[object]) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("first")

    b = batchline.Batcher(handler, batch_items_max=1, on_failure=hook)
    b.put("x")
    b.flush()
    b.close()
    assert [type(error) for error in said] == [batchline.WouldWait] and len(tries) == 2
