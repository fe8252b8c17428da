"""What a window lets through: C40 to C46 of the conformance list."""

from __future__ import annotations

import os
import threading
import time
import uuid

import batchline
import pytest


def test_c40_a_key_whose_batch_failed_may_be_put_again_and_one_that_succeeded_not() -> None:
    is_bad = True

    def handler(items: list[str]) -> None:
        if is_bad:
            raise OSError("away")

    b = batchline.Batcher(handler, dedup=60, batch_items_max=1, on_failure=lambda items, error: None)
    assert isinstance(b.submit("a").exception(timeout=5), OSError)
    is_bad = False
    assert b.submit("a").result(timeout=5) is None
    with pytest.raises(batchline.Duplicate) as error:
        b.put("a")
    assert error.value.item == "a"
    assert b.stats().duplicates == 1
    b.close()


def test_c40_whoever_learns_of_a_failure_finds_the_key_released() -> None:
    again: list[object] = []

    def hook(items: list[str], error: BaseException) -> None:
        again.append(other.try_put(items[0]))

    def handler(items: list[int]) -> None:
        raise OSError("away")

    b = batchline.Batcher(handler, dedup=60, batch_items_max=1)
    for _ in range(500):
        assert isinstance(b.submit("a").exception(timeout=5), OSError)
    b.close()

    left = 50

    def failing(items: list[int]) -> None:
        nonlocal left
        left -= 1
        if left:
            raise OSError("away")

    other = batchline.Batcher(failing, dedup=60, batch_items_max=1, on_failure=hook)
    other.put("b")
    end = time.monotonic() + 10
    while left and time.monotonic() < end:
        time.sleep(0.001)
    assert len(again) == 49
    other.close()


def test_c40_refused_cancelled_and_handed_back_items_release_their_keys() -> None:
    b = batchline.Batcher(
        None, dispatch="poll", dedup=60, batch_items_max=1, queue_items_max=1, overflow="fail", demand=True
    )
    future = b.submit("cancelled")
    with pytest.raises(batchline.Full):
        b.put("refused")
    assert future.cancel()
    assert b.next_batch(timeout=0) is None
    for key in ("refused", "cancelled"):
        b.put(key)
        b.next_batch(timeout=1).done()
    b.close(timeout=0)


def test_c41_put_many_passes_duplicates_over() -> None:
    done: list[int] = []
    with batchline.Batcher(done.extend, dedup=60) as b:
        with pytest.raises(batchline.Duplicates) as error:
            b.put_many([1, 2, 1, 3, 2, 4])
        assert error.value.items == [1, 2] and error.value.accepted == 4
        assert isinstance(error.value, batchline.Duplicate)
        assert b.put_many([5, 6]) == 2
    assert done == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("bucket", [0.001, 0.01, 0.05])
def test_c42_the_window_is_kept_to_within_a_bucket(bucket: float) -> None:
    window = 0.3
    seen = batchline.Dedup(window, bucket=bucket)
    for key in range(20):
        start = time.monotonic()
        assert seen.is_new(key)
        while (now := time.monotonic()) < start + window + bucket + 0.01 and key == 19:
            is_new = seen.contains(key) is False
            ended = time.monotonic()
            if is_new:
                assert ended >= start + window
            assert not is_new or now <= start + window + bucket + 0.05
            time.sleep(0.002)
    time.sleep(0.05)
    assert seen.is_new(19)


def test_c43_rotation_hides_no_key_and_lets_no_duplicate_in() -> None:
    seen = batchline.Dedup(0.5, bucket=0.01, keys_max=1 << 24)
    end = time.monotonic() + 0.4
    number = 0
    while time.monotonic() < end:
        assert seen.is_new(number)
        number += 1
    start = time.monotonic()
    missing = [key for key in range(number) if key not in seen]
    assert not missing or time.monotonic() - start > 0.05


def test_c44_twenty_batchers_leave_no_thread_and_no_key_behind() -> None:
    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    before = threads()
    for _ in range(20):
        with batchline.Batcher(lambda items: None, workers=4, dedup=60) as b:
            b.put_many(range(100))
    assert threads() == before


def test_c45_a_submitted_duplicate_is_told_at_once() -> None:
    b = batchline.Batcher(None, dispatch="poll", dedup=60)
    first = b.submit("a")
    with pytest.raises(batchline.Duplicate):
        b.submit("a")
    b.close(timeout=0)
    assert isinstance(first.exception(timeout=0), batchline.HandedBack)


def test_keys_are_equal_as_in_python_and_different_as_in_python() -> None:
    identity = uuid.UUID(int=7)
    same = [(1, 1.0), (1, True), (0.5, 0.5), (2**70, float(2**70)), ((1, "a"), (True, "a")), (identity, identity)]
    different = ["1", b"1", 1, 1.5, None, (), ("1",), (b"1",), (1,), ((1,),), ("", "1"), ("1", ""), identity, -1, 2**64]
    for one, other in same:
        seen = batchline.Dedup(60)
        assert one == other and seen.is_new(one) and not seen.is_new(other), one
    seen = batchline.Dedup(60)
    assert all(seen.is_new(key) for key in different)
    assert len(seen) == len(different)
    assert seen.is_new("x" * 1000) and not seen.is_new("x" * 1000) and seen.is_new("x" * 999)


def test_other_keys_are_refused_with_advice() -> None:
    with pytest.raises(TypeError, match="key function"):
        batchline.Dedup(60).is_new(object())
    b = batchline.Batcher(None, dispatch="poll", dedup=batchline.Window(60, key=lambda item: [item]))
    with pytest.raises(TypeError, match="not list"):
        b.put(1)


def test_a_key_is_at_most_64_tuples_deep() -> None:
    key: object = 1
    for _ in range(64):
        key = (key,)
    assert batchline.Dedup(60).is_new(key)
    for _ in range(200_000):
        key = (key,)
    with pytest.raises(ValueError, match="64 levels"):
        batchline.Dedup(60).is_new(key)


def test_a_key_function_that_raises_refuses_the_item() -> None:
    b = batchline.Batcher(None, dispatch="poll", dedup=batchline.Window(60, key=lambda item: item["id"]))
    b.put({"id": 1})
    with pytest.raises(KeyError):
        b.put({})
    with pytest.raises(KeyError):
        b.put_many([{"id": 2}, {}])
    with pytest.raises(batchline.Duplicate):
        b.put({"id": 1, "other": True})
    assert b.close(timeout=0).items == [{"id": 1}, {"id": 2}]


def test_the_cap_refuses_or_forgets() -> None:
    seen = batchline.Dedup(60, keys_max=10)
    assert all(seen.is_new(key) for key in range(10))
    with pytest.raises(batchline.WindowFull) as error:
        seen.is_new("more")
    assert error.value.item == "more"
    seen = batchline.Dedup(60, keys_max=100, at_cap="forget_oldest")
    assert all(seen.is_new(key) for key in range(1000))
    assert len(seen) <= 100 and 999 in seen and seen.stats().forgotten >= 900
    b = batchline.Batcher(None, dispatch="poll", dedup=batchline.Window(60, keys_max=1))
    b.put(1)
    with pytest.raises(batchline.WindowFull):
        b.put(2)
    b.close(timeout=0)


def test_claims_commit_release_and_end_once() -> None:
    seen = batchline.Dedup(60)
    with seen.claim("done"):
        with pytest.raises(batchline.Duplicate):
            seen.claim("done")
    with pytest.raises(OSError):
        with seen.claim("failed"):
            raise OSError
    assert "done" in seen and "failed" not in seen
    claim = seen.claim("by hand")
    claim.release()
    with pytest.raises(RuntimeError):
        claim.commit()
    seen.claim("forgotten")  # dropped at once, and so released
    assert "by hand" not in seen and "forgotten" not in seen
    claim = seen.claim("outlives")
    del seen
    claim.commit()


def test_one_of_many_threads_gets_the_key() -> None:
    seen = batchline.Dedup(60)
    wins: list[int] = []

    def claim() -> None:
        for key in range(500):
            if seen.is_new(key):
                wins.append(key)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == list(range(500))


def test_retries_do_not_lose_their_claim() -> None:
    bad = {3}

    def handler(items: list[int]) -> None:
        if bad & set(items):
            raise ValueError("bad")

    with batchline.Batcher(
        handler, dedup=60, retry=10, batch_items_max=8, linger=60, on_failure=lambda items, error: None
    ) as b:
        b.put_many(range(8))
        b.flush()
        with pytest.raises(batchline.Duplicates) as error:
            b.put_many(range(8))
        assert error.value.items == [0, 1, 2, 4, 5, 6, 7]
