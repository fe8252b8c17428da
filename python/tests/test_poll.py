"""Batches that the user's own threads take and settle."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence

import batchline
import pytest


def polled(**settings: object) -> batchline.Batcher:
    return batchline.Batcher(None, dispatch="poll", demand=True, **settings)


def test_a_batch_is_a_sequence() -> None:
    b = polled()
    b.put_many("abcd")
    batch = b.next_batch()
    assert len(batch) == 4 and list(batch) == list("abcd") and batch[1:3] == ["b", "c"] and batch[-1] == "d"
    assert batch.items == list("abcd") and "b" in batch and "4 items" in repr(batch)
    assert isinstance(batch, Sequence) and batch.index("c") == 2 and batch.index("c", 1, 3) == 2
    assert batch.count("d") == 1 and list(reversed(batch)) == list("dcba")
    with pytest.raises(IndexError):
        batch[4]
    batch.done()
    assert b.close().done == 4


def test_a_batch_is_settled_once() -> None:
    b = polled()
    b.put(1)
    batch = b.next_batch()
    batch.done()
    for call in (batch.done, lambda: batch.fail(ValueError())):
        with pytest.raises(RuntimeError, match="settled before"):
            call()
    with batch:
        pass
    b.close()


def test_results_go_to_submitters() -> None:
    b = polled()
    futures = [b.submit(item) for item in range(3)]
    b.next_batch().done([10, KeyError("mine"), 12])
    assert futures[0].result(timeout=0) == 10 and futures[2].result(timeout=0) == 12
    assert isinstance(futures[1].exception(timeout=0), KeyError)
    assert (b.stats().done, b.stats().failed) == (2, 1)
    b.close()


def test_the_wrong_number_of_results_is_raised_and_fails_the_batch() -> None:
    b = polled()
    future = b.submit(1)
    with pytest.raises(ValueError, match="returned 2 results for a batch of 1 items"):
        b.next_batch().done([1, 2])
    assert isinstance(future.exception(timeout=0), ValueError)
    b.close()


def test_failing_and_raising_fail_every_item() -> None:
    told: list[tuple[list[int], BaseException]] = []
    b = polled(on_failure=lambda items, error: told.append((list(items), error)))
    error = OSError("away")
    future = b.submit(1)
    b.next_batch().fail(error)
    assert future.exception(timeout=0) is error
    b.put_many([2, 3])
    with pytest.raises(KeyError):
        with b.next_batch():
            raise KeyError("inside")
    assert told[0][0] == [2, 3] and isinstance(told[0][1], KeyError)
    assert b.stats().failed == 3
    with pytest.raises(TypeError):
        b.put(4) or b.next_batch().fail("text")
    b.close()


def test_a_batch_that_is_dropped_has_failed_and_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    b = polled()
    future = b.submit(1)
    b.put(2)
    with caplog.at_level(logging.ERROR, "batchline"):
        b.next_batch()
    assert "dropped before it was settled" in caplog.text and b.stats().failed == 2
    assert "dropped before" in str(future.exception(timeout=0))
    b.close()


def test_closed_and_drained_is_said_to_every_poller() -> None:
    b = polled()
    ends: list[str] = []

    def poll() -> None:
        try:
            while True:
                batch = b.next_batch()
                batch.done()
        except batchline.Closed:
            ends.append("closed")

    pollers = [threading.Thread(target=poll) for _ in range(4)]
    for poller in pollers:
        poller.start()
    b.put_many(range(1000))
    receipt = b.close(timeout=10)
    for poller in pollers:
        poller.join(10)
    assert ends == ["closed"] * 4 and receipt.done == 1000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_c73_a_forked_child_settles_no_batch_of_its_parents(program) -> None:
    done = program(
        """
        import batchline, os
        told = []
        b = batchline.Batcher(None, dispatch="poll", demand=True, on_failure=lambda *failure: print(failure))
        b.put(1)
        with b.next_batch() as batch:
            child = os.fork()
            if child == 0:
                for settle in (batch.done, lambda: batch.done([1]), lambda: batch.fail(ValueError())):
                    try:
                        settle()
                    except batchline.Forked as error:
                        print("forked", flush=True)
        if child == 0:
            os._exit(0)
        print(os.waitpid(child, 0)[1], b.close().done)
        """
    )
    assert done.returncode == 0 and done.stderr == "", done
    assert done.stdout.splitlines() == ["forked"] * 3 + ["0 1"], done


def test_next_batch_is_for_polled_batchers() -> None:
    with batchline.Batcher(lambda items: None) as b:
        with pytest.raises(TypeError, match="dispatch=\"poll\""):
            b.next_batch()


def test_a_batch_outlives_its_batcher() -> None:
    b = polled()
    b.put_many([1, 2])
    batch = b.next_batch()
    del b
    assert list(batch) == [1, 2]
    batch.done()
