"""Threads that are in Python code below the module's while the interpreter ends. Before 3.14 Python ends such a thread
by unwinding its stack; the process must end in order all the same."""

from __future__ import annotations

import pytest

# Each leaves a thread that asks for the GIL twice per millisecond, below a call of the module's.
BUSY = """
import batchline, threading, time

def busy(*_):
    while True:
        time.sleep(0.0005)

class Busy:
    __del__ = busy

def slowly():
    while True:
        time.sleep(0.0005)
        yield 1

def daemon(act):
    threading.Thread(target=act, daemon=True).start()

def batcher(handler=lambda items: None, **settings):
    return batchline.Batcher(handler, linger=0.001, drop_deadline=0.1, **settings)

"""

WAYS = {
    "handler": "b = batcher(busy); b.put(1)",
    "on_failure": "b = batcher(lambda items: 1 / 0, on_failure=busy); b.put(1)",
    "logging": "import logging\n"
    "logging.getLogger('batchline').addFilter(busy)\n"
    "b = batcher(lambda items: 1 / 0); b.put(1)",
    "future_callback": "b = batcher(lambda items: time.sleep(0.05))\n"
    "b.submit(1).add_done_callback(busy)",
    "finaliser_of_an_item": "b = batcher(); b.put(Busy())",
    "length_of_the_results": "class Results:\n"
    "    __getitem__ = __len__ = busy\n"
    "b = batcher(lambda items: Results()); b.put(1)",
    "weigher": "b = batcher(batch_bytes_max=10, weigher=busy)\n"
    "daemon(lambda: b.put(1))",
    "key": "b = batcher(dedup=batchline.Window(60, key=busy))\n"
    "daemon(lambda: b.submit(1))",
    "put_many": "b = batcher(); daemon(lambda: b.put_many(slowly()))",
    "put_many_records": "b = batcher(dtype='B'); daemon(lambda: b.put_many(slowly()))",
    "map": "b = batcher(); daemon(lambda: list(b.map(slowly())))",
    "results_of_a_polled_batch": "b = batcher(None, dispatch='poll', on_failure=busy)\n"
    "b.put(1); batch = b.next_batch()\n"
    "daemon(lambda: batch.fail(ValueError()))",
}


@pytest.mark.parametrize("way", WAYS)
def test_c73_a_thread_that_python_ends_does_not_take_the_process_down(program, way: str) -> None:
    # What takes a while to go keeps the interpreter ending, so that the thread asks for the GIL meanwhile.
    lasting = "\nclass Lasting:\n    def __del__(self, sleep=time.sleep): sleep(0.1)\nlasting = Lasting()\n"
    done = program(BUSY + WAYS[way] + "\ntime.sleep(0.15)" + lasting + "print('end', flush=True)")
    assert done.returncode == 0 and done.stdout == "end\n", done
