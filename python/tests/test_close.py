"""Close, flush and put: C01 to C07 of the conformance list."""

from __future__ import annotations

import gc
import logging
import threading
import time

import batchline
import pytest


def test_c01_a_put_blocked_when_close_begins_gets_its_item_back(until) -> None:
    for _ in range(200):
        b = batchline.Batcher(None, dispatch="poll", batch_items_max=1, queue_items_max=1)
        b.put("first")
        refused: list[object] = []

        def blocked(b=b, refused=refused) -> None:
            try:
                b.put("second")
            except batchline.Closed as error:
                refused.append(error.item)

        thread = threading.Thread(target=blocked)
        thread.start()
        receipt = b.close(timeout=0)
        thread.join()
        handed_back = receipt.items
        assert sorted(handed_back + refused) == ["first", "second"]
        assert receipt.is_balanced()


def test_c01_a_put_that_waits_for_a_while_is_woken_by_the_close(until) -> None:
    b = batchline.Batcher(None, dispatch="poll", batch_items_max=1, queue_items_max=1)
    b.put(1)
    refused: list[batchline.Closed] = []
    ended: list[float] = []

    def blocked() -> None:
        with pytest.raises(batchline.Closed) as error:
            b.put(2)
        refused.append(error.value)
        ended.append(time.monotonic())

    thread = threading.Thread(target=blocked)
    thread.start()
    time.sleep(0.2)
    closed = time.monotonic()
    b.close(timeout=0)
    thread.join()
    assert refused[0].item == 2
    assert ended[0] - closed < 0.5


def test_c02_close_returns_when_no_handler_runs_and_a_second_one_waits() -> None:
    running = threading.Event()
    ended: list[str] = []

    def handler(items: list[int]) -> None:
        running.set()
        time.sleep(0.2)
        ended.append("handler")

    b = batchline.Batcher(handler, batch_items_max=1)
    b.put(1)
    running.wait()
    second = threading.Thread(target=lambda: (b.close(), ended.append("second close")))
    second.start()
    b.close()
    assert ended[0] == "handler"
    second.join()
    assert ended == ["handler", "second close"]


def test_c03_after_close_every_call_says_so() -> None:
    b = batchline.Batcher(lambda items: None)
    b.close()
    for call in (b.flush, lambda: b.put(1), lambda: b.try_put(1), lambda: b.put_many([1]), lambda: b.submit(1)):
        with pytest.raises(batchline.Closed):
            call()
    assert b.closed
    assert b.close().is_balanced()


def test_c03_flush_put_and_close_inside_a_handler(dispatch: str, until) -> None:
    said: list[object] = []

    def handler(items: list[int]) -> None:
        if items != [1]:
            return
        try:
            b.flush()
        except batchline.WouldWait as error:
            said.append(error)
        b.put(2)
        said.append(b.close())

    b = batchline.Batcher(handler, batch_items_max=1, queue_items_max=4, dispatch=dispatch, linger=None)
    b.put(1)
    until(lambda: len(said) == 2)
    receipt = b.close()
    assert isinstance(said[0], batchline.WouldWait)
    assert said[1].timed_out
    assert receipt.accepted == 2 and receipt.done + receipt.handed_back == 2


HOW_TO_PUT = ["put", "put_with", "put_with_timeout", "put_with_linger", "put_with_deadline", "submit"]


@pytest.mark.parametrize("dtype", [None, "B"])
@pytest.mark.parametrize("how", HOW_TO_PUT)
def test_c03_no_put_inside_a_handler_waits_for_itself(dispatch: str, how: str, dtype: str | None, until) -> None:
    if dtype and how == "submit":
        pytest.skip("records have no futures")
    calls = {
        "put": lambda: b.put(2),
        "put_with": lambda: b.put_with(2),
        "put_with_timeout": lambda: b.put_with(2, timeout=60),
        "put_with_linger": lambda: b.put_with(2, linger=1),
        "put_with_deadline": lambda: b.put_with(2, timeout=60, deadline=60),
        "submit": lambda: b.submit(2),
    }
    said: list[object] = []

    def handler(items: list[int]) -> None:
        try:
            calls[how]()
        except batchline.WouldWait as error:
            said.append(error.item)

    settings = {"batch_items_max": 1, "queue_items_max": 1, "dispatch": dispatch, "dtype": dtype}
    b = batchline.Batcher(handler, **settings)
    b.put(1)
    until(lambda: said)
    assert said == [2] and b.stats().refused == 1
    assert b.close().done == 1


def test_c03_a_put_inside_a_handler_does_not_wait_for_itself(until) -> None:
    said: list[BaseException] = []

    def handler(items: list[int]) -> None:
        try:
            for _ in range(10):
                b.put(0)
        except batchline.BatchlineError as error:
            said.append(error)

    b = batchline.Batcher(handler, batch_items_max=1, queue_items_max=2)
    b.put(1)
    until(lambda: len(said) > 0)
    b.close(timeout=5)
    assert any(isinstance(error, batchline.WouldWait) for error in said)


def test_c04_close_with_a_stuck_handler_ends_at_its_time_limit(until) -> None:
    go = threading.Event()
    b = batchline.Batcher(lambda items: go.wait() and None, batch_items_max=2, linger=None)
    b.put_many([1, 2])
    until(lambda: b.stats().in_hand == 2)
    b.put_many([3, 4, 5])
    start = time.monotonic()
    receipt = b.close(timeout=0.2)
    assert 0.15 < time.monotonic() - start < 2
    assert receipt.timed_out and receipt.items == [3, 4, 5] and receipt.still_running == 2
    assert receipt.is_balanced()
    go.set()
    receipt = b.close()
    assert (receipt.done, receipt.handed_back, receipt.items) == (2, 3, [])


def test_c05_flush_overrides_linger_and_is_a_barrier(dispatch: str) -> None:
    done: list[int] = []
    b = batchline.Batcher(done.extend, linger=60, dispatch=dispatch)
    for item in range(100):
        b.put(item)
        b.flush()
        assert done[-1] == item
    b.close()


def test_c05_items_put_during_a_flush_do_not_prolong_it() -> None:
    stop = threading.Event()

    def handler(items: list[int]) -> None:
        time.sleep(0.07)

    b = batchline.Batcher(handler, batch_items_max=10, queue_items_max=40, linger=None)

    def produce() -> None:
        while not stop.is_set():
            b.put(0)

    producer = threading.Thread(target=produce)
    producer.start()
    try:
        for _ in range(2):
            start = time.monotonic()
            b.flush()
            assert time.monotonic() - start < 5
    finally:
        stop.set()
        producer.join()
        b.close()


def test_c05_flush_with_a_time_limit_says_when_it_was_too_short() -> None:
    b = batchline.Batcher(None, dispatch="poll")
    b.put(1)
    for timeout in (0, 0.02, 0.12):
        start = time.monotonic()
        with pytest.raises(batchline.TimedOut):
            b.flush(timeout=timeout)
        assert timeout <= time.monotonic() - start + 0.001 < timeout + 0.5
    assert issubclass(batchline.TimedOut, TimeoutError)
    b.close(timeout=0)


def test_c06_dropping_a_batcher_handles_what_is_queued() -> None:
    done: list[int] = []
    b = batchline.Batcher(done.extend, linger=60)
    b.put_many([1, 2, 3])
    del b
    assert done == [1, 2, 3]


def test_c06_dropping_a_stuck_batcher_tells_of_what_it_gives_up(until) -> None:
    go = threading.Event()
    told: list[tuple[list[int], BaseException]] = []
    started = threading.Event()

    def handler(items: list[int]) -> None:
        started.set()
        go.wait()

    b = batchline.Batcher(
        handler, batch_items_max=1, drop_deadline=0.1, on_failure=lambda items, error: told.append((items, error))
    )
    b.put(1)
    started.wait()
    b.put_many([2, 3])
    threading.Timer(0.5, go.set).start()
    del b
    assert told and told[0][0] == [2, 3] and isinstance(told[0][1], batchline.HandedBack)


def test_c06_a_polled_batcher_tells_of_what_nobody_polled(caplog: pytest.LogCaptureFixture) -> None:
    b = batchline.Batcher(None, dispatch="poll", name="orders")
    b.put_many([1, 2])
    with caplog.at_level(logging.ERROR, "batchline"):
        del b
    assert "orders" in caplog.text and "2 items" in caplog.text and "HandedBack" in caplog.text


def test_c06_leaving_the_block_of_a_polled_batcher_tells_as_well(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "batchline"):
        with batchline.Batcher(None, dispatch="poll", drop_deadline=0.05) as b:
            b.put(1)
    assert "1 items" in caplog.text and "HandedBack" in caplog.text


def test_c07_a_close_under_sustained_traffic_ends(dispatch: str) -> None:
    b = batchline.Batcher(lambda items: None, batch_items_max=10, queue_items_max=100, dispatch=dispatch)
    accepted = [0] * 4

    def produce(who: int) -> None:
        try:
            while True:
                b.put(who)
                accepted[who] += 1
        except batchline.Closed:
            pass

    producers = [threading.Thread(target=produce, args=(who,)) for who in range(4)]
    for producer in producers:
        producer.start()
    time.sleep(0.1)
    receipt = b.close(timeout=20)
    for producer in producers:
        producer.join()
    assert not receipt.timed_out and receipt.accepted == receipt.done == sum(accepted)


def test_leaving_the_block_handles_everything_also_after_an_exception() -> None:
    done: list[int] = []
    with pytest.raises(KeyError):
        with batchline.Batcher(done.extend, linger=60) as b:
            b.put(1)
            raise KeyError("x")
    assert done == [1] and b.closed


def test_a_cycle_through_the_handler_is_collected() -> None:
    class Service:
        def __init__(self) -> None:
            self.done: list[int] = done
            self.batcher = batchline.Batcher(self.handle, linger=60)

        def handle(self, items: list[int]) -> None:
            self.done.extend(items)

    done: list[int] = []
    import weakref

    service = Service()
    service.batcher.put(1)
    gone = weakref.ref(service)
    batcher_gone = weakref.ref(service.batcher)
    del service
    gc.collect()
    assert gone() is None and batcher_gone() is None
    assert done == [1]
