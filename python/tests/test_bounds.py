"""What may be held at most: C20 to C25 of the conformance list."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import batchline
import pytest


def test_c20_the_bound_counts_items_not_groups(until) -> None:
    b = batchline.Batcher(None, dispatch="poll", batch_items_max=100, queue_items_max=1000, overflow="fail")
    with pytest.raises(batchline.Full) as error:
        b.put_many(iter(range(10_000_000)))
    assert error.value.accepted == b.stats().accepted <= 1000
    assert error.value.item == error.value.accepted
    b.close(timeout=0)


def test_c20_put_many_waits_for_room_and_keeps_order(dispatch: str) -> None:
    done: list[int] = []

    def handler(items: list[int]) -> None:
        assert b.stats().live <= 1000
        done.extend(items)

    b = batchline.Batcher(handler, batch_items_max=100, queue_items_max=1000, dispatch=dispatch)
    assert b.put_many(range(100_000)) == 100_000
    receipt = b.close()
    assert done == list(range(100_000)) and receipt.done == 100_000
    assert b.stats().refused == 0


def test_c20_bytes_are_bounded_too() -> None:
    b = batchline.Batcher(
        None, dispatch="poll", batch_bytes_max=10, queue_bytes_max=30, overflow="fail", batch_items_max=100
    )
    with pytest.raises(batchline.Full) as error:
        b.put_many(["four"] * 100)
    assert error.value.accepted <= 7 and b.stats().bytes_live <= 30
    b.close(timeout=0)


def test_c21_no_more_handlers_than_workers() -> None:
    lock = threading.Lock()
    now, peak = 0, 0

    def handler(items: list[int]) -> None:
        nonlocal now, peak
        with lock:
            now += 1
            peak = max(peak, now)
        time.sleep(0.001)
        with lock:
            now -= 1

    b = batchline.Batcher(handler, batch_items_max=2, workers=3, queue_items_max=64)
    producers = [threading.Thread(target=b.put_many, args=(range(20),)) for _ in range(200)]
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    receipt = b.close()
    assert peak <= 3 and receipt.done == 4000


def test_c22_a_batch_never_exceeds_its_bounds(dispatch: str) -> None:
    sizes: list[tuple[int, int]] = []
    b = batchline.Batcher(
        lambda items: sizes.append((len(items), sum(map(len, items)))),
        batch_items_max=7,
        batch_bytes_max=50,
        dispatch=dispatch,
        linger=0.001,
    )
    words = ["x" * (number % 23) for number in range(3000)]
    b.put_many(words[:1500])
    for word in words[1500:]:
        b.put(word)
    b.flush()
    b.put_many(words[:100])
    b.close()
    assert sum(count for count, _ in sizes) == 3100
    assert max(count for count, _ in sizes) <= 7 and max(weight for _, weight in sizes) <= 50


def test_c22_an_item_that_is_too_large_is_refused_clearly() -> None:
    b = batchline.Batcher(None, dispatch="poll", batch_bytes_max=10, weigher=lambda item: item["weight"])
    with pytest.raises(batchline.TooLarge, match="weighs 11 bytes, and at most 10 are allowed") as error:
        b.put({"weight": 11})
    assert error.value.item == {"weight": 11}
    b.put({"weight": 10})
    with pytest.raises(batchline.TooLarge) as error:
        b.put_many([{"weight": 1}, {"weight": 99}, {"weight": 1}])
    assert error.value.accepted == 1
    b.close(timeout=0)


def test_a_weigher_that_raises_refuses_the_item() -> None:
    b = batchline.Batcher(None, dispatch="poll", batch_bytes_max=10)
    with pytest.raises(TypeError):
        b.put(5)
    with pytest.raises(ValueError, match="the weigher returned -1"):
        batchline.Batcher(None, dispatch="poll", batch_bytes_max=10, weigher=lambda item: -1).put(1)
    assert b.stats().accepted == 0


NONSENSE = [
    ({"batch_items_max": 0}, "batch_items_max is 0; allowed: 1 to 16777216"),
    ({"batch_items_max": -5}, "batch_items_max is -5"),
    ({"queue_items_max": 10, "batch_items_max": 20}, "queue_items_max is 10; allowed: 20 to"),
    ({"workers": 0}, "workers is 0; allowed: 1 to 1024"),
    ({"linger": -1.0}, "linger is -1"),
    ({"linger": float("nan")}, "linger is NaN"),
    ({"linger": 1e9}, "linger is"),
    ({"tick": 1e-9}, "tick is"),
    ({"demand": True, "linger": 1.0}, "linger is set"),
    ({"demand": True, "tick": 1.0}, "tick is set"),
    ({"overflow": "wait"}, "overflow is \"wait\"; allowed: \"block\""),
    ({"overflow": "fail", "overflow_timeout": 1}, "overflow_timeout is set"),
    ({"dispatch": "loop"}, "dispatch is \"loop\"; allowed: \"thread\""),
    ({"dispatch": "caller", "workers": 2}, "workers is 2"),
    ({"batch_bytes_max": 0}, "batch_bytes_max is 0"),
    ({"weigher": len}, "weigher is set"),
    ({"retry": -1}, "retry is -1"),
    ({"dedup": 0}, "dedup is 0"),
    ({"dedup": batchline.Window(1, keys_max=0)}, "keys_max is 0"),
    ({"dedup": batchline.Window(1, bucket=2)}, "bucket is 2"),
    ({"drop_deadline": -1}, "drop_deadline is -1"),
    ({"name": "a\0b"}, "name is \"a\\0b\"; allowed: text without"),
    ({"dtype": "O"}, "objects"),
    ({"dtype": "u8", "weigher": len, "batch_bytes_max": 9}, "weigher is set"),
]


@pytest.mark.parametrize(("settings", "text"), NONSENSE, ids=lambda value: str(value)[:40])
def test_c23_nonsense_is_refused_with_the_name_and_what_is_allowed(settings: dict, text: str) -> None:
    with pytest.raises(ValueError) as error:
        batchline.Batcher(lambda items: None, **settings)
    assert text in str(error.value)


def test_c23_wrong_types_are_refused_too() -> None:
    for settings in ({"weigher": 3, "batch_bytes_max": 5}, {"on_failure": 3}, {"dispatch": "poll"}):
        with pytest.raises(TypeError):
            batchline.Batcher(lambda items: None, **settings)
    with pytest.raises(TypeError, match="handler is None"):
        batchline.Batcher(None)
    with pytest.raises(TypeError, match="allowed: a callable"):
        batchline.Batcher(5)


def test_c24_batches_of_one_never_wait_for_the_linger() -> None:
    done: list[int] = []
    b = batchline.Batcher(done.append, batch_items_max=1, linger=60)
    start = time.monotonic()
    b.submit(1).result(timeout=10)
    assert time.monotonic() - start < 5
    b.close()


class Thing:
    """Something to see the end of."""


def test_c25_handled_items_are_let_go_of_at_once() -> None:
    b = batchline.Batcher(lambda items: None, batch_items_max=10, linger=60)
    things = [Thing() for _ in range(25)]
    gone = [weakref.ref(thing) for thing in things]
    b.put_many(things)
    b.put(Thing())
    things.clear()
    b.flush()
    assert not any(ref() for ref in gone)
    b.close()


def test_c25_failed_cancelled_and_expired_items_are_let_go_of() -> None:
    def handler(items: list[Thing]) -> None:
        raise ValueError("no")

    b = batchline.Batcher(handler, linger=60, on_failure=lambda items, error: None, retry=4, batch_items_max=8)
    refs = []
    for index in range(8):
        thing = Thing()
        refs.append(weakref.ref(thing))
        if index % 3 == 0:
            b.put(thing)
        elif index % 3 == 1:
            b.submit(thing).cancel()
        else:
            b.put_with(thing, deadline=0)
        del thing
    b.close()
    gc.collect()
    assert not any(ref() for ref in refs)


def test_c25_references_are_exact() -> None:
    import sys

    marker = object()
    before = sys.getrefcount(marker)
    b = batchline.Batcher(None, dispatch="poll", batch_items_max=4, queue_items_max=8, overflow="drop")
    for _ in range(20):
        b.put(marker)
    with pytest.raises(batchline.Full):
        b.try_put(marker)
    b.put_many([marker] * 10)
    b.put_many((marker,) * 10)
    while (batch := b.next_batch(timeout=0)) is not None:
        batch.done()
        del batch
    b.put(marker)
    with pytest.raises(batchline.Full):
        b.put_many(marker for _ in range(100)) and b.try_put(marker)
    receipt = b.close(timeout=0)
    del receipt, b
    gc.collect()
    assert sys.getrefcount(marker) == before


def test_c25_references_are_exact_on_the_fast_path() -> None:
    import sys

    marker = object()
    before = sys.getrefcount(marker)
    b = batchline.Batcher(None, dispatch="poll", batch_items_max=1000)
    for _ in range(2500):
        b.put(marker)
    assert sys.getrefcount(marker) == before + 2500
    batch = b.next_batch(timeout=0)
    assert len(batch) == 1000 and sys.getrefcount(marker) == before + 2500
    batch.done()
    del batch
    assert sys.getrefcount(marker) == before + 1500
    assert b.close(timeout=0).items == [marker] * 1500
    assert sys.getrefcount(marker) == before


def test_overflow_drop_counts_and_tells() -> None:
    told: list[tuple[list[int], BaseException]] = []
    b = batchline.Batcher(
        None,
        dispatch="poll",
        batch_items_max=1,
        queue_items_max=2,
        overflow="drop",
        on_failure=lambda items, error: told.append((items, error)),
    )
    for item in range(5):
        b.put(item)
    assert [items for items, _ in told] == [[2], [3], [4]] and isinstance(told[0][1], batchline.Dropped)
    assert (b.stats().accepted, b.stats().dropped) == (2, 3)
    assert b.put_many([5, 6]) == 0
    assert told[-1][0] == [5, 6]
    with pytest.raises(batchline.Full):
        b.submit(9)
    b.close(timeout=0)


@pytest.mark.parametrize("how", ["put", "put_with", "put_many", "submit"])
def test_overflow_caller_lends_a_hand(how: str) -> None:
    seen: set[str] = set()
    done: list[int] = []

    def handler(items: list[int]) -> None:
        seen.add(threading.current_thread().name)
        done.extend(items)
        time.sleep(0.001)

    b = batchline.Batcher(handler, batch_items_max=4, queue_items_max=8, overflow="caller")
    if how == "put_many":
        assert b.put_many(range(200)) == 200
    else:
        call = {"put": b.put, "put_with": lambda item: b.put_with(item, linger=0.01), "submit": b.submit}[how]
        for item in range(200):
            call(item)
    assert b.close().done == 200 and sorted(done) == list(range(200))
    assert threading.main_thread().name in seen


def test_a_list_that_changes_while_put_many_waits() -> None:
    done: list[int] = []
    items = list(range(5000))

    def handler(batch: list[int]) -> None:
        del items[2000:]
        done.extend(batch)

    b = batchline.Batcher(handler, batch_items_max=10, queue_items_max=20)
    accepted = b.put_many(items)
    b.close()
    assert accepted == len(done) and done == list(range(accepted)) and 1024 <= accepted <= 5000
