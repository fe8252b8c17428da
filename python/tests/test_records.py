"""Records that do not fit, that are dropped, that wait, and formats that numpy does not know."""

from __future__ import annotations

import math
import struct
import threading
import time

import batchline
import pytest

np = pytest.importorskip("numpy")


def polled(dtype: object, **settings: object) -> batchline.Batcher:
    return batchline.Batcher(None, dispatch="poll", dtype=dtype, demand=True, **settings)


def test_a_subarray_is_refused_and_may_be_a_field() -> None:
    with pytest.raises(ValueError, match="subarray.*allowed.*field"):
        polled("(3,)f4")
    b = polled(np.dtype([("values", "f4", (3,))]))
    b.put_many(np.arange(6, dtype="f4").tobytes())
    with b.next_batch() as batch:
        assert batch.items["values"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("dtype", "array"),
    [
        ("u1", np.array([300])),
        ("f4", np.array([1e300])),
        ("i4", np.array([2**40])),
        ("S2", np.array([b"abc"])),
        ("i8", np.array([2**63], dtype="u8")),
    ],
)
def test_arrays_that_could_lose_something_are_refused(dtype: str, array: object) -> None:
    b = polled(dtype)
    with pytest.raises(ValueError) as error:
        b.put_many(array)
    message = str(error.value)
    assert str(array.dtype) in message and str(np.dtype(dtype)) in message and "astype" in message, message
    assert b.stats().accepted == 0
    with np.errstate(over="ignore"):
        assert b.put_many(array.astype(dtype)) == 1


@pytest.mark.parametrize("dtype", ["f4", ">f4", "f2", "c8"])
def test_a_float_beyond_the_dtype_is_refused(dtype: str) -> None:
    b = polled(dtype)
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="does not fit"):
        b.put(1e300)
    b.put(1.5)
    b.put(math.inf)
    with b.next_batch() as batch:
        assert batch.items.tolist() == [1.5, math.inf]


def test_numbers_of_the_other_byte_order_are_checked_too() -> None:
    b = polled(">u2")
    for bad in (1.5, 65536):
        with pytest.raises((TypeError, ValueError)):
            b.put(bad)
    b.put(258)
    with b.next_batch() as batch:
        assert batch.items.tolist() == [258] and batch.items.tobytes() == b"\x01\x02"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda raw: memoryview(bytearray(raw))])
def test_bytes_of_every_kind_are_raw_records(kind: object) -> None:
    b = polled("u4")
    raw = np.arange(3, dtype="u4").tobytes()
    assert b.put_many(kind(raw)) == 3
    b.put(kind(raw[8:]))
    with b.next_batch() as batch:
        assert batch.items.tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize(("dtype", "count"), [("u8", 3000), ("V12", 3000), ("u8", 10)])
@pytest.mark.parametrize("dedup", [None, 60])
def test_dropped_records_are_counted_and_told(dtype: str, count: int, dedup: object) -> None:
    told: list[object] = []

    def hook(items: object, error: BaseException) -> None:
        told.append((items.tobytes(), type(error)))

    b = polled(
        dtype, batch_items_max=2, queue_items_max=4, overflow="drop", on_failure=hook, dedup=dedup
    )
    size = np.dtype(dtype).itemsize
    raw = b"".join(struct.pack("<Q", number).ljust(size, b"\0") for number in range(count))
    assert b.put_many(raw) == 4
    assert told == [(raw[4 * size :], batchline.Dropped)]
    one = b"\xff" * size
    b.put(one)
    b.put_with(b"\xfe" * size, linger=1)
    assert told[1:] == [(one, batchline.Dropped), (b"\xfe" * size, batchline.Dropped)]
    assert b.stats().dropped == count - 2 and b.stats().accepted == 4


def test_put_many_with_a_window_waits_for_room() -> None:
    got: list[int] = []

    def slow(items: object) -> None:
        time.sleep(0.001)
        got.extend(items.tolist())

    with batchline.Batcher(slow, dtype="u8", dedup=60, batch_items_max=10, queue_items_max=20) as b:
        with pytest.raises(batchline.Duplicates) as error:
            b.put_many(np.array([*range(500), 7], dtype="u8"))
    assert error.value.items == [7] and error.value.accepted == 500
    # The duplicate is the only one that was refused.
    assert got == list(range(500)) and b.stats().refused == 1

    b = polled("u8", dedup=60, batch_items_max=2, queue_items_max=4, overflow_timeout=0.01)
    with pytest.raises(batchline.TimedOut) as refused:
        b.put_many(np.arange(9, dtype="u8"))
    assert refused.value.accepted == 4


def test_formats_that_numpy_does_not_know_give_tuples() -> None:
    got: list[object] = []

    def handler(items: list[tuple[int, int]]) -> list[object]:
        got.extend(items)
        return [ValueError("no") if item[0] == 5 else None for item in items]

    told: list[object] = []
    with batchline.Batcher(handler, dtype="<IQ", on_failure=lambda items, error: told.extend(items)) as b:
        b.put((3, 4))
        b.put_many(struct.pack("<IQ", 5, 6))
    assert got == [(3, 4), (5, 6)] and told == [(5, 6)]

    b = polled("<IQ")
    b.put((1, 2))
    with b.next_batch() as batch:
        assert batch[0] == (1, 2) and list(batch) == [(1, 2)]
    b.put((7, 8))
    assert b.close(timeout=0).items == [(7, 8)]


def test_put_with_an_infinite_timeout_waits() -> None:
    b = batchline.Batcher(None, dispatch="poll", batch_items_max=1, queue_items_max=1, overflow="fail")
    b.put(1)
    putter = threading.Thread(target=b.put_with, args=(2,), kwargs={"timeout": math.inf})
    putter.start()
    time.sleep(0.05)
    assert putter.is_alive()
    with b.next_batch():
        pass
    putter.join(10)
    with b.next_batch() as batch:
        assert list(batch) == [2]


def test_put_many_of_an_iterator_puts_each_item_as_it_is_drawn() -> None:
    b = batchline.Batcher(None, dispatch="poll", batch_items_max=4, queue_items_max=4, overflow="fail")
    drawn: list[int] = []

    def numbers() -> object:
        for number in range(100):
            assert b.stats().accepted == number
            drawn.append(number)
            yield number

    with pytest.raises(batchline.Full) as error:
        b.put_many(numbers())
    assert drawn == [0, 1, 2, 3, 4] and error.value.item == 4 and error.value.accepted == 4


@pytest.mark.parametrize(("dtype", "numbers", "fits"), [
    ("u4", [0, 7, 2**32 - 1], True),
    ("u4", [0, 2**32], False),
    ("u4", [-1], False),
    ("u8", [0, 2**62], True),
    ("u8", [-1], False),
    ("i1", [-128, 127], True),
    ("i1", [128], False),
])
def test_whole_numbers_of_another_type_are_taken_if_they_fit(dtype: str, numbers: list[int], fits: bool) -> None:
    np = pytest.importorskip("numpy")
    seen: list[int] = []
    with batchline.Batcher(lambda array: seen.extend(array.tolist()), dtype=dtype, linger=None) as b:
        if fits:
            assert b.put_many(np.array(numbers, dtype="i8")) == len(numbers)
        else:
            with pytest.raises(ValueError, match="does not fit safely"):
                b.put_many(np.array(numbers, dtype="i8"))
    assert seen == (numbers if fits else [])
