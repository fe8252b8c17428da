"""When a batch is sealed, and what waiting costs: C30 to C35 of the conformance list."""

from __future__ import annotations

import threading
import time

import batchline
import pytest


def test_c30_a_shorter_linger_pulls_the_batch_forward() -> None:
    best = 1.0
    for _ in range(10):
        done = threading.Event()
        b = batchline.Batcher(lambda items: done.set(), linger=0.4)
        b.put("waits")
        start = time.monotonic()
        b.put_with("hurries", linger=0.001)
        assert done.wait(5)
        best = min(best, time.monotonic() - start)
        b.close()
    assert best < 0.02


def test_c31_changing_the_linger_takes_effect_on_open_batches() -> None:
    done = threading.Event()
    b = batchline.Batcher(lambda items: done.set(), linger=60)
    b.put(1)
    assert not done.wait(0.05)
    b.set_linger(0.001)
    assert done.wait(5)
    done.clear()
    b.set_linger(60)
    b.put(2)
    assert not done.wait(0.1)
    b.close()


def test_c31_changing_the_tick_takes_effect() -> None:
    done = threading.Event()
    b = batchline.Batcher(lambda items: done.set(), linger=None, tick=60)
    b.put(1)
    assert not done.wait(0.05)
    b.set_tick(0.005)
    assert done.wait(5)
    b.set_tick(None)
    time.sleep(0.02)
    done.clear()
    b.put(2)
    assert not done.wait(0.1)
    with pytest.raises(ValueError, match="tick is"):
        b.set_tick(1e-9)
    b.close()


def test_c33_an_idle_batcher_uses_no_cpu() -> None:
    b = batchline.Batcher(lambda items: None, workers=2, linger=0.001)
    b.put(1)
    b.flush()
    time.sleep(0.1)
    wakeups = b.stats().wakeups
    time.sleep(1)
    assert b.stats().wakeups == wakeups
    b.close()


def test_c34_a_lone_item_in_demand_mode_waits_for_no_timer() -> None:
    b = batchline.Batcher(lambda items: items, demand=True)
    best = 1.0
    for _ in range(20):
        start = time.monotonic()
        assert b.submit(1).result(timeout=5) == 1
        best = min(best, time.monotonic() - start)
    assert best < 0.005
    b.close()


def test_c35_sustained_traffic_starves_nobody() -> None:
    stop = threading.Event()
    b = batchline.Batcher(lambda items: list(items), batch_items_max=50, queue_items_max=200, linger=0.001)

    def produce() -> None:
        while not stop.is_set():
            b.put(0)

    producer = threading.Thread(target=produce)
    producer.start()
    try:
        for _ in range(20):
            assert b.submit("other lane").result(timeout=10) == "other lane"
            b.flush(timeout=10)
    finally:
        stop.set()
        producer.join()
    assert not b.close(timeout=10).timed_out


def test_items_of_a_thread_stay_in_order_and_ordered_keeps_one_for_all() -> None:
    for ordered in (False, True):
        done: list[tuple[int, int]] = []
        b = batchline.Batcher(done.extend, batch_items_max=16, ordered=ordered, linger=0.001)

        def produce(who: int, b=b) -> None:
            for number in range(2000):
                b.put((who, number))

        threads = [threading.Thread(target=produce, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        b.close()
        assert len(done) == 8000
        for who in range(4):
            assert [number for other, number in done if other == who] == list(range(2000))


def test_reasons_are_counted() -> None:
    b = batchline.Batcher(lambda items: None, batch_items_max=2, linger=None)
    b.put_many([1, 2])
    b.put(3)
    b.flush()
    b.put(4)
    b.close()
    reasons = b.stats().batches_by_reason
    assert (reasons["size"], reasons["linger"]) == (1, 0) and sum(reasons.values()) == b.stats().batches == 3
