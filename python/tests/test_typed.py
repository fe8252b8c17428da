"""Batchers of records: dtype."""

from __future__ import annotations

import array
import struct
import sys

import batchline
import pytest

np = pytest.importorskip("numpy")


def through(dtype: object, *puts: object, **settings: object) -> list[object]:
    """The batches that come out when these are put, buffers as many."""
    got: list[object] = []
    with batchline.Batcher(got.append, dtype=dtype, **settings) as b:
        for put in puts:
            b.put_many(put)
    return got


SIZES = "u1 u2 u4 u8 i1 i8 f4 f8 c16 S3 S5 U7 M8[s] ? >u4 V100 V256".split()


@pytest.mark.parametrize("dtype", SIZES)
def test_every_size_of_record_comes_out_as_it_went_in(dtype: str) -> None:
    raw = np.random.default_rng(7).integers(0, 2, 3000 * np.dtype(dtype).itemsize, dtype="u1")
    records = raw.view(dtype) if dtype[0] != "U" else np.array(["abc", "déf"] * 1500, dtype=dtype)
    got = through(dtype, records)
    assert {items.dtype for items in got} == {np.dtype(dtype)}
    assert b"".join(items.tobytes() for items in got) == records.tobytes()


def test_structured_records() -> None:
    dtype = np.dtype([("id", "u4"), ("price", "f8"), ("name", "S7")])
    rows = np.array([(1, 2.5, b"a"), (2, 3.5, b"b")], dtype=dtype)
    with batchline.Batcher(None, dispatch="poll", dtype=dtype, demand=True) as b:
        b.put_many(rows)
        b.put((3, 4.5, b"c"))
        b.put(rows[0])
        with b.next_batch() as batch:
            assert list(batch.items["id"]) == [1, 2, 3, 1] and batch.items["price"][2] == 4.5
            assert len(batch) == 4 and batch[1]["name"] == b"b"


def test_one_by_one_with_checks() -> None:
    got: list[object] = []
    with batchline.Batcher(got.append, dtype="u2", batch_items_max=100) as b:
        b.put(65535)
        b.put(np.uint16(7))
        b.put(b"\x01\x00")
        b.put_with(9, linger=0.5)
        b.try_put(10)
        too_long = b"123"
        for bad, error in ((65536, ValueError), (-1, OverflowError), ("x", TypeError), (too_long, ValueError)):
            with pytest.raises(error):
                b.put(bad)
        with pytest.raises(TypeError, match="no futures"):
            b.submit(1)
    assert [list(items) for items in got] == [[65535, 7, 1, 9, 10]]


def test_buffers_of_every_kind() -> None:
    got = through(
        "u4",
        np.arange(4, dtype="u4")[::2],
        np.arange(6, dtype="u4").reshape(2, 3).T,
        array.array("I", [7, 8]),
        memoryview(array.array("I", [9])),
        [1, 2],
        iter((3,)),
        b"\x05\x00\x00\x00",
        np.array([6], dtype=">u4"),
        np.array([], dtype="u4"),
    )
    assert np.concatenate(got).tolist() == [0, 2, 0, 3, 1, 4, 2, 5, 7, 8, 9, 1, 2, 3, 5, 6]
    with batchline.Batcher(None, dispatch="poll", dtype="u4") as b:
        for bad in (np.array([1.5]), np.array([-1]), b"123", [1.5], ["x"], [2**32], np.array(["x"]), 5):
            with pytest.raises((TypeError, ValueError)):
                b.put_many(bad)
        assert b.stats().accepted == 0


def test_the_array_is_the_handlers_own() -> None:
    kept = through("u8", np.arange(2500, dtype="u8"), batch_items_max=1000)
    more = through("u8", np.zeros(5000, dtype="u8"), batch_items_max=1000)
    assert [len(items) for items in kept] == [1000, 1000, 500]
    assert np.concatenate(kept).tolist() == list(range(2500))
    kept[0][0] = 77
    assert kept[0][0] == 77 and len(more) == 5


def test_a_full_queue_and_a_window_and_bytes() -> None:
    b = batchline.Batcher(None, dispatch="poll", dtype="u8", batch_items_max=2, queue_items_max=4, overflow="fail")
    with pytest.raises(batchline.Full) as error:
        b.put_many(np.arange(10, dtype="u8"))
    assert error.value.accepted == 4 and b.stats().refused == 6
    with pytest.raises(batchline.Full) as error:
        b.put(9)
    assert error.value.item == 9
    assert b.close(timeout=0).items.tolist() == [0, 1, 2, 3]

    b = batchline.Batcher(None, dispatch="poll", dtype="u8", dedup=60)
    with pytest.raises(batchline.Duplicates) as error:
        b.put_many(np.array([1, 2, 1, 3, 2], dtype="u8"))
    assert error.value.items == [1, 2] and error.value.accepted == 3
    with pytest.raises(batchline.Duplicate):
        b.put(3)
    b.close(timeout=0)

    got = through("u8", np.arange(10, dtype="u8"), batch_bytes_max=24)
    assert max(len(items) for items in got) == 3


def test_waiting_for_room(dispatch: str) -> None:
    got: list[object] = []
    with batchline.Batcher(
        got.append, dtype="u4", batch_items_max=10, queue_items_max=20, dispatch=dispatch
    ) as b:
        assert b.put_many(np.arange(5000, dtype="u4")) == 5000
        for item in range(100):
            b.put(item)
    assert np.concatenate(got).tolist() == [*range(5000), *range(100)] and b.stats().refused == 0


def test_failures_and_retries_of_records() -> None:
    told: list[object] = []

    def handler(items: np.ndarray) -> list[object] | None:
        if 13 in items:
            raise ValueError("13")
        return [KeyError(item) if item == 7 else None for item in items]

    with batchline.Batcher(
        handler, dtype="u1", retry=20, on_failure=lambda items, error: told.append([int(item) for item in items])
    ) as b:
        b.put_many(bytes(range(30)))
    assert sorted(told) == [[7], [13]] and b.stats().done == 28


@pytest.mark.parametrize("with_numpy", [True, False])
def test_retries_of_records_see_nothing_of_the_call_that_failed(program, with_numpy: bool) -> None:
    hide = "" if with_numpy else "import sys; sys.modules['numpy'] = None"
    done = program(
        f"""
        {hide}
        import batchline
        seen, told = [], []

        def handler(items):
            before = items.tolist()
            seen.append(before)
            for index in range(len(items)):
                items[index] = 77
            if 13 in before:
                raise ValueError("13")

        def hook(items, error):
            told.append(items.tolist())

        with batchline.Batcher(handler, dtype="u2", retry=20, linger=None, on_failure=hook) as b:
            for record in (0, 1, 13, 3):
                b.put(record)
        print(seen, told)
        """
    )
    assert done.stdout.splitlines() == ["[[0, 1, 13, 3], [0, 1], [13, 3], [13], [3]] [[13]]"], done


def test_formats_of_the_module_struct() -> None:
    with batchline.Batcher(None, dispatch="poll", dtype="<Id", demand=True) as b:
        b.put((3, 4.5))
        b.put_many(struct.pack("<Id", 5, 6.5))
        with b.next_batch() as batch:
            assert batch.items == [(3, 4.5), (5, 6.5)]


def test_without_numpy(program) -> None:
    done = program(
        """
        import sys
        sys.modules["numpy"] = None
        import array, batchline
        for dtype in ("u8", "Q"):
            def handler(items): print(type(items).__name__, items.format, items.tolist())
            with batchline.Batcher(handler, dtype=dtype) as b:
                b.put(1)
                b.put_many(array.array("Q", [2, 3]))
                b.put_many([4])
                try: b.put_many(array.array("d", [1.0]))
                except TypeError as error: print(error)
        for bad in ("nonsense", "300s", 5):
            try: batchline.Batcher(print, dtype=bad)
            except (ValueError, TypeError) as error: print(type(error).__name__)
        """
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("the buffer's format is 'd'") or lines[0].startswith('the buffer\'s format is "d"'), done
    assert lines[1] == lines[3] == "memoryview Q [1, 2, 3, 4]", done
    assert lines[4:] == ["ValueError", "ValueError", "TypeError"], done


def test_object_batchers_take_arrays_as_lists() -> None:
    got: list[list[object]] = []
    with batchline.Batcher(got.append) as b:
        b.put_many(np.arange(3))
        b.put_many(array.array("d", [1.5]))
        b.put_many(np.array([[1, 2], [3, 4]]))
    assert got == [[0, 1, 2, 1.5, [1, 2], [3, 4]]] and all(type(item) is not np.int64 for item in got[0])


def test_sizes_out_of_range_are_refused() -> None:
    for bad in ("V257", "V0", np.dtype([])):
        with pytest.raises(ValueError, match="allowed: 1 to 256"):
            batchline.Batcher(None, dispatch="poll", dtype=bad)
    assert sys.byteorder in ("little", "big")
