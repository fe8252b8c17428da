"""Who gets which outcome: C10 to C15 of the conformance list."""

from __future__ import annotations

import concurrent.futures
import logging
import re
import threading
import time
from concurrent.futures import CancelledError, Future, as_completed, wait

import batchline
import pytest


def odd_is_bad(items: list[int]) -> list[object]:
    return [ValueError(item) if item % 2 else item * 10 for item in items]


@pytest.mark.parametrize("trigger", ["size", "linger", "flush", "close"])
def test_c10_an_error_reaches_every_submitter_of_its_batch_and_no_other(trigger: str, dispatch: str) -> None:
    error = OSError("away")

    def handler(items: list[str]) -> None:
        if "bad" in items:
            raise error

    linger = 0.02 if trigger == "linger" else 60
    b = batchline.Batcher(handler, batch_items_max=2, linger=linger, dispatch=dispatch)
    first = [b.submit("bad"), b.submit("also")] if trigger == "size" else [b.submit("bad")]
    if trigger == "flush":
        b.flush()
    elif trigger == "linger":
        wait(first, timeout=5)
    good = b.submit("good")
    b.close()
    if trigger == "close":
        # Both were in the one batch that the close sealed.
        first.append(good)
    else:
        assert good.result(timeout=5) is None
    assert [future.exception(timeout=5) for future in first] == [error] * len(first)
    assert b.stats().failed == len(first)


def test_c11_a_failure_leaves_a_trace_in_the_log_and_the_counters(caplog: pytest.LogCaptureFixture) -> None:
    def handler(items: list[int]) -> None:
        raise ValueError("no such table")

    with caplog.at_level(logging.ERROR, "batchline"):
        with batchline.Batcher(handler, name="rows") as b:
            b.put_many([1, 2])
    (record,) = caplog.records
    assert "rows" in record.getMessage() and "2 items" in record.getMessage()
    assert record.exc_info and record.exc_info[2] and record.exc_info[2].tb_frame.f_code.co_name == "handler"
    stats = b.stats()
    assert (stats.failed, stats.failed_batches, stats.done) == (2, 1, 0)


def test_c11_the_hook_gets_the_items_and_the_exception() -> None:
    told: list[tuple[list[int], BaseException]] = []
    with batchline.Batcher(odd_is_bad, on_failure=lambda items, error: told.append((items, error))) as b:
        b.put_many([1, 2, 3])
    assert [(items, error.args) for items, error in told] == [([1], (1,)), ([3], (3,))]
    assert (b.stats().failed, b.stats().done) == (2, 1)


def test_c11_a_hook_that_raises_is_told_of_as_well(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: seen.append(told.exc_value))

    def hook(items: list[int], error: BaseException) -> None:
        raise RuntimeError("the hook itself")

    with batchline.Batcher(odd_is_bad, on_failure=hook) as b:
        b.put(1)
    assert [str(error) for error in seen] == ["the hook itself"]


def test_c11_what_a_hook_that_raises_was_told_is_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys, "unraisablehook", lambda told: None)

    def hook(items: list[int], error: BaseException) -> None:
        raise RuntimeError("the hook itself")

    with caplog.at_level(logging.ERROR, "batchline"), batchline.Batcher(odd_is_bad, on_failure=hook, name="h") as b:
        b.put(1)
    (line,) = caplog.records
    assert line.getMessage() == "batcher 'h': 1 items failed: ValueError: 1 (on_failure raised)"
    assert isinstance(line.exc_info[1], ValueError)


def test_c11_an_exception_without_a_text_still_has_its_line(caplog: pytest.LogCaptureFixture) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def handler(items: list[int]) -> None:
        raise Mute

    with caplog.at_level(logging.ERROR, "batchline"), batchline.Batcher(handler, name="m") as b:
        b.put(1)
    (line,) = caplog.records
    assert "batcher 'm': 1 items failed" in line.getMessage() and "Mute" in line.getMessage()


def test_c11_failures_of_a_handler_that_empties_its_list_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    def one_is_bad(items: list[int]) -> list[object]:
        count = len(items)
        items.clear()
        return [ValueError("bad")] + [None] * (count - 1)

    def takes_all(items: list[int]) -> None:
        while items:
            items.pop()
        raise OSError("away")

    def takes_one(items: list[int]) -> None:
        items.pop()
        raise OSError("away")

    for handler, items, count in ((one_is_bad, [], 1), (takes_all, [], 3), (takes_one, [1, 2], 3)):
        for submits in (False, True):
            caplog.clear()
            told: list[tuple[list[int], BaseException]] = []
            with caplog.at_level(logging.ERROR, "batchline"), batchline.Batcher(
                handler, linger=None, on_failure=lambda *failure: told.append(failure)
            ) as b:
                b.put_many([1, 2, 3])
                future = b.submit(object()) if submits else None
            if future and handler is not one_is_bad:
                assert isinstance(future.exception(), OSError)
            # What was taken last is the submitted object.
            known = [1, 2, 3] if submits and handler is takes_one else items
            assert [failed for failed, _ in told] == [known], (handler, submits)
            lines = [line.getMessage() for line in caplog.records]
            assert (known == [1, 2, 3]) == (lines == []), lines
            assert all(f"{count} items failed: " in line and "took items out" in line for line in lines)


def test_c11_many_failures_do_not_drown_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def handler(items: list[int]) -> None:
        raise ValueError("no")

    with caplog.at_level(logging.ERROR, "batchline"):
        with batchline.Batcher(handler, batch_items_max=1) as b:
            b.put_many(range(100))
    assert 10 <= len(caplog.records) < 100
    assert b.stats().failed == 100
    lines = [record.getMessage() for record in caplog.records]
    kept_back = [int(told[1]) for line in lines if (told := re.search(r"(\d+) more failures", line))]
    assert sum("items failed" in line for line in lines) + sum(kept_back) == 100, "each is told of"


def test_c12_a_cancelled_item_never_reaches_the_handler() -> None:
    seen: list[int] = []
    b = batchline.Batcher(seen.extend, linger=60)
    futures = [b.submit(item) for item in range(10)]
    assert all(future.cancel() for future in futures[::2])
    assert futures[0].cancel() and futures[0].cancelled() and futures[0].done()
    b.flush()
    assert seen == [1, 3, 5, 7, 9]
    assert all(future.result(timeout=5) is None for future in futures[1::2])
    with pytest.raises(CancelledError):
        futures[0].result()
    stats = b.stats()
    assert (stats.cancelled, stats.done) == (5, 5)
    b.close()


def test_c12_a_cancellation_that_is_too_late_says_so() -> None:
    started, go = threading.Event(), threading.Event()

    def handler(items: list[int]) -> list[int]:
        started.set()
        go.wait()
        return items

    b = batchline.Batcher(handler, demand=True)
    future = b.submit(7)
    started.wait()
    assert not future.cancel() and future.running() and not future.cancelled()
    go.set()
    assert future.result(timeout=5) == 7 and not future.cancel()
    b.close()


def test_c12_cancellations_race_with_the_handler_and_never_have_two_outcomes() -> None:
    seen: list[int] = []
    b = batchline.Batcher(lambda items: seen.extend(items) or list(items), batch_items_max=7, linger=0.0002)
    futures: list[Future] = []
    cancelled: set[int] = set()
    for item in range(3000):
        futures.append(b.submit(item))
        if item >= 3 and futures[item - 3].cancel():
            cancelled.add(item - 3)
    receipt = b.close()
    assert set(seen) == set(range(3000)) - cancelled and len(seen) == len(set(seen))
    assert receipt.cancelled == len(cancelled) and receipt.done == 3000 - len(cancelled)
    for item, future in enumerate(futures):
        assert future.cancelled() if item in cancelled else future.result(timeout=0) == item


def test_c12_an_expired_item_never_reaches_the_handler() -> None:
    told: list[tuple[list[int], BaseException]] = []
    b = batchline.Batcher(
        None, dispatch="poll", on_failure=lambda items, error: told.append((items, error)), linger=60
    )
    future = b.submit("late", deadline=0.01)
    b.put_with("also late", deadline=0.01)
    kept = b.submit("in time", deadline=60)
    time.sleep(0.05)
    with b.next_batch(timeout=1) as batch:
        assert list(batch) == ["in time"]
    assert isinstance(future.exception(timeout=0), batchline.Expired)
    assert future.exception().item == "late"
    assert kept.result(timeout=0) is None
    assert told[0][0] == ["also late"] and isinstance(told[0][1], batchline.Expired)
    assert b.stats().expired == 2
    b.close()


def test_c13_the_wrong_number_of_results_fails_the_batch_and_names_both_numbers() -> None:
    wrong = True
    b = batchline.Batcher(lambda items: items[1:] if wrong else items, batch_items_max=3, linger=60)
    futures = [b.submit(item) for item in range(3)]
    for future in futures:
        with pytest.raises(ValueError, match="returned 2 results for a batch of 3 items"):
            future.result(timeout=5)
    wrong = False
    assert [future.result(timeout=5) for future in [b.submit(item) for item in range(3)]] == [0, 1, 2]
    b.close()


@pytest.mark.parametrize("count", [2, 7, 64, 1000])
def test_c14_one_bad_item_is_found_within_the_bound(count: int) -> None:
    bad = ValueError("the bad one")
    calls: list[int] = []

    def handler(items: list[int]) -> None:
        calls.append(len(items))
        if count // 3 in items:
            raise bad

    bound = 2 * (count - 1).bit_length()
    b = batchline.Batcher(handler, batch_items_max=count, linger=60, retry=batchline.Retry(bound))
    futures = [b.submit(item) for item in range(count)]
    receipt = b.close()
    assert receipt.done == count - 1 and receipt.failed == 1
    assert futures[count // 3].exception(timeout=0) is bad
    assert len(calls) <= 1 + bound and b.stats().handler_calls == len(calls)


def test_c14_a_spent_budget_fails_what_is_still_whole() -> None:
    def handler(items: list[int]) -> None:
        if 0 in items:
            raise ValueError("bad")

    told: list[list[int]] = []
    with batchline.Batcher(
        handler, batch_items_max=8, retry=2, on_failure=lambda items, error: told.append(list(items))
    ) as b:
        b.put_many(range(8))
    assert told == [[0, 1, 2, 3]] and b.stats().done == 4


def test_c14_retries_get_a_list_of_their_own() -> None:
    def handler(items: list[int]) -> None:
        has_bad = 3 in items
        items.clear()
        if has_bad:
            raise ValueError("bad")

    told: list[list[int]] = []
    with batchline.Batcher(
        handler, batch_items_max=4, retry=10, on_failure=lambda items, error: told.append(list(items))
    ) as b:
        b.put_many(range(4))
    assert told == [[3]]


@pytest.mark.parametrize("how", ["put_with", "overflow_timeout", "with_linger", "submit", "put_many"])
def test_c15_a_blocked_put_honours_its_time_limit(how: str) -> None:
    b = batchline.Batcher(
        None, dispatch="poll", batch_items_max=1, queue_items_max=1, overflow="block", overflow_timeout=0.1
    )
    b.put("first")
    call = {
        "put_with": lambda: b.put_with("second", timeout=0.1),
        "overflow_timeout": lambda: b.put("second"),
        "with_linger": lambda: b.put_with("second", timeout=0.1, linger=1),
        "submit": lambda: b.submit("second"),
        "put_many": lambda: b.put_many(["second"]),
    }[how]
    best = 1.0
    for _ in range(5):
        start = time.monotonic()
        with pytest.raises(batchline.TimedOut) as error:
            call()
        taken = time.monotonic() - start
        assert error.value.item == "second" and taken >= 0.099
        best = min(best, taken)
    assert best < 0.12
    assert b.stats().refused == 5
    b.close(timeout=0)


def test_the_very_exception_reaches_the_submitter_with_its_traceback() -> None:
    def inner() -> None:
        raise LookupError("deep down")

    def handler(items: list[int]) -> None:
        inner()

    with batchline.Batcher(handler, demand=True) as b:
        error = b.submit(1).exception(timeout=5)
    names = []
    traceback = error.__traceback__
    while traceback:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert names[-2:] == ["handler", "inner"]


def test_futures_work_with_wait_as_completed_and_callbacks() -> None:
    go = threading.Event()

    def handler(items: list[int]) -> list[object]:
        go.wait()
        return odd_is_bad(items)

    called: list[Future] = []
    with batchline.Batcher(handler, linger=0.001) as b:
        futures = [b.submit(item) for item in range(20)]
        for future in futures:
            future.add_done_callback(called.append)
        threading.Timer(0.05, go.set).start()
        done, pending = wait(futures, timeout=10)
        assert len(done) == 20 and not pending
        assert set(as_completed(futures, timeout=1)) == set(futures)
        assert futures[2].result() == 20 and isinstance(futures[3].exception(), ValueError)
        cancelled = b.submit(1, linger=60) if False else None
        assert cancelled is None
    assert set(called) == set(futures) and len(called) == 20


def test_a_cancelled_future_ends_a_wait_and_calls_back() -> None:
    called: list[Future] = []
    b = batchline.Batcher(None, dispatch="poll")
    future = b.submit(1)
    future.add_done_callback(called.append)
    threading.Timer(0.05, future.cancel).start()
    done, _ = wait([future], timeout=5)
    assert done == {future} and called == [future]
    b.close(timeout=0)


def test_a_thousand_waiters_in_threads_all_wake() -> None:
    results: list[int] = []
    with batchline.Batcher(lambda items: [item + 1 for item in items], linger=0.001) as b:

        def ask(number: int) -> None:
            for turn in range(50):
                results.append(b.submit(number).result(timeout=20))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == sorted(number + 1 for number in range(20) for _ in range(50))


def test_handed_back_submitters_are_told() -> None:
    b = batchline.Batcher(None, dispatch="poll")
    future = b.submit("mine")
    receipt = b.close(timeout=0)
    assert receipt.items == ["mine"]
    assert isinstance(future.exception(timeout=0), batchline.HandedBack) and future.exception().item == "mine"


def test_map_keeps_order_raises_and_cancels_the_rest() -> None:
    with batchline.Batcher(odd_is_bad, linger=0.001, batch_items_max=4) as b:
        assert list(b.map(range(0, 100, 2))) == [item * 10 for item in range(0, 100, 2)]
        with pytest.raises(ValueError):
            list(b.map([0, 1, 2]))
    slow = batchline.Batcher(None, dispatch="poll")
    with pytest.raises(concurrent.futures.TimeoutError):
        next(slow.map([1], timeout=0.02))
    assert slow.close(timeout=0).cancelled == 1
