"""Exit, fork, signals, pickling, interpreters: C73 of the conformance list. Most run in processes of their own."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import sys
import threading
import time

import batchline
import pytest

BLOCKED = {
    "put": "b.put('x')",
    "put_with": "b.put_with('x', timeout=60)",
    "put_with_linger": "b.put_with('x', timeout=60, linger=1)",
    "put_many": "b.put_many(['x', 'y'])",
    "submit": "b.submit('x')",
    "flush": "b.flush()",
    "flush_with_limit": "b.flush(timeout=60)",
    "close": "b.close()",
    "next_batch": "b.next_batch(); b.next_batch(); b.next_batch()",
    "map": "list(batchline.Batcher(None, dispatch='poll').map([1]))",
}


@pytest.mark.parametrize("call", BLOCKED)
def test_c73_ctrl_c_works_while_blocked_and_loses_nothing(program, call: str) -> None:
    done = program(
        f"""
        import batchline, os, signal, threading, time
        b = batchline.Batcher(None, dispatch="poll", batch_items_max=1, queue_items_max=2)
        b.put("a"); b.put("b")
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        start = time.monotonic()
        try:
            {BLOCKED[call]}
        except KeyboardInterrupt:
            print("interrupted", time.monotonic() - start < 2)
        receipt = b.close(timeout=0)
        left = receipt.items
        while b.stats().queued:
            left.extend(b.next_batch(timeout=0))
        print(receipt.accepted, receipt.is_balanced(), sorted(left))
        """
    )
    first, second = done.stdout.splitlines()
    assert first == "interrupted True", done
    assert second == ("2 True []" if call == "next_batch" else "2 True ['a', 'b']"), done


def test_c73_an_interrupted_close_goes_on_and_the_next_one_has_its_items(program) -> None:
    done = program(
        """
        import batchline, os, signal, threading, time
        go = threading.Event()
        b = batchline.Batcher(lambda items: go.wait() and None, batch_items_max=1, queue_items_max=10)
        b.put_many(range(5))
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            b.close(timeout=0.6)
        except KeyboardInterrupt:
            print("interrupted")
        time.sleep(0.8)
        go.set()
        receipt = b.close()
        print(receipt.items, receipt.done, receipt.is_balanced())
        """
    )
    assert done.stdout.splitlines() == ["interrupted", "[1, 2, 3, 4] 1 True"], done


def test_c73_two_interrupted_closes_lose_nothing(program) -> None:
    done = program(
        """
        import batchline, signal, threading, time
        go = threading.Event()
        b = batchline.Batcher(lambda items: go.wait() and None, batch_items_max=1, queue_items_max=10, linger=None)
        b.put_many(range(4))
        future = b.submit(99)

        class Stop(Exception): pass

        def stop(*_): raise Stop

        signal.signal(signal.SIGALRM, stop)
        for _ in range(2):
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            try:
                b.close(timeout=0.5)
            except Stop:
                print("interrupted")
        time.sleep(1)
        receipt = b.close(timeout=0.1)
        print(receipt.items, receipt.handed_back, type(future.exception(0)).__name__)
        go.set()
        """
    )
    assert done.stdout.splitlines() == ["interrupted"] * 2 + ["[1, 2, 3, 99] 4 HandedBack"], done


def test_c73_an_interrupted_put_lets_go_of_its_item(program) -> None:
    done = program(
        """
        import batchline, gc, signal, weakref

        class Thing: pass

        def stop(*_): raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, stop)
        full = batchline.Batcher(None, dispatch="poll", batch_items_max=1, queue_items_max=1)
        full.put(0)
        for put in (full.put, full.submit, lambda thing: full.put_many([thing])):
            thing = Thing()
            seen = weakref.ref(thing)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            try:
                put(thing)
            except KeyboardInterrupt:
                pass
            del thing
            gc.collect()
            print(seen() is None)
        told = []
        other = batchline.Batcher(
            None, dispatch="poll", batch_items_max=1, queue_items_max=1, overflow="drop",
            on_failure=lambda items, error: told.append(items),
        )
        other.put("a"); other.put("b")
        print(told)
        """
    )
    assert done.stdout.splitlines() == ["True"] * 3 + ["[['b']]"], done


def leave(items: list[object]) -> None:
    raise KeyboardInterrupt("from the handler")


def test_c73_what_escapes_while_a_batcher_is_dropped_reaches_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: seen.append(told.exc_value))
    b = batchline.Batcher(leave, dispatch="caller", linger=None, on_failure=lambda items, error: None)
    b.put(1)
    del b
    assert [type(error) for error in seen] == [KeyboardInterrupt]
    with batchline.Batcher(lambda items: None, linger=None) as other:
        other.put(2)
        other.flush()


@pytest.mark.parametrize("end", ["close", "with"])
def test_c73_what_escapes_leaves_a_close_on_the_main_thread(end: str) -> None:
    b = batchline.Batcher(leave, dispatch="caller", linger=None, on_failure=lambda items, error: None)
    b.put(1)
    with pytest.raises(KeyboardInterrupt, match="from the handler"):
        if end == "with":
            with b:
                pass
        else:
            b.close()
    assert b.close().failed == 1


def test_c73_ctrl_c_in_a_handler_that_a_put_runs_leaves_the_put(dispatch: str) -> None:
    def handler(items: list[str]) -> None:
        raise KeyboardInterrupt

    told: list[BaseException] = []
    b = batchline.Batcher(
        handler, dispatch=dispatch, batch_items_max=1, on_failure=lambda items, error: told.append(error)
    )
    if dispatch == "caller":
        with pytest.raises(KeyboardInterrupt):
            b.put("x")
        with pytest.raises(KeyboardInterrupt):
            b.put_many(["y"])
    else:
        b.put_many(["x", "y"])
    b.close()
    assert [type(error) for error in told] == [KeyboardInterrupt] * 2 and b.stats().failed == 2


def test_a_handler_that_exits_fails_its_batch_and_ends_nothing() -> None:
    with batchline.Batcher(lambda items: sys.exit(3), demand=True) as b:
        assert isinstance(b.submit(1).exception(timeout=5), SystemExit)
        assert isinstance(b.submit(2).exception(timeout=5), SystemExit)


EXITS = {
    "forgotten": "b = batchline.Batcher(handler, linger=60); b.put_many([1, 2, 3])",
    "in_a_cycle": "b = batchline.Batcher(handler, linger=60); b.put_many([1, 2, 3]); x = [b]; x.append(x); del b",
    "caller": "b = batchline.Batcher(handler, linger=60, dispatch='caller'); b.put_many([1, 2, 3])",
    "demand": "b = batchline.Batcher(handler, demand=True); b.put_many([1, 2, 3])",
    "submitted": "b = batchline.Batcher(handler, linger=60); f = [b.submit(i) for i in (1, 2, 3)]",
    "daemon_putting": """
b = batchline.Batcher(handler, linger=60)
b.put_many([1, 2, 3])
def put():
    try:
        while True: other.put(0)
    except batchline.Closed: pass
other = batchline.Batcher(lambda items: None)
threading.Thread(target=put, daemon=True).start()
""",
}


@pytest.mark.parametrize("how", EXITS)
def test_c73_a_live_batcher_is_closed_in_order_at_exit(program, how: str) -> None:
    done = program(
        "import batchline, sys, threading\n"
        "def handler(items):\n"
        "    print('handled', items, flush=True)\n" + EXITS[how]
    )
    assert done.returncode == 0 and done.stderr == "", done
    if how == "demand":
        assert sum(line.count(",") + 1 for line in done.stdout.splitlines()) == 3
    else:
        assert done.stdout.strip() == "handled [1, 2, 3]", done


@pytest.mark.parametrize("busy", ["time.sleep(60)", "[None for _ in iter(int, 1)]", "lock.acquire()"])
def test_c73_a_stuck_handler_does_not_keep_the_program(program, busy: str) -> None:
    start = time.monotonic()
    done = program(
        f"""
        import batchline, threading, time
        lock = threading.Lock(); lock.acquire()
        def handler(items):
            started.set()
            {busy}
        started = threading.Event()
        b = batchline.Batcher(handler, batch_items_max=1, drop_deadline=0.3)
        b.put_many([1, 2])
        started.wait()
        print("end", flush=True)
        """
    )
    assert done.returncode == 0 and done.stdout == "end\n", done
    assert "1 items failed: HandedBack" in done.stderr
    assert time.monotonic() - start < 10


def test_c73_a_stuck_handler_that_wakes_while_the_interpreter_ends(program) -> None:
    for delay in (0.30, 0.31, 0.32, 0.35):
        done = program(
            f"""
            import batchline, threading, time
            class Slow:
                def __del__(self): time.sleep(0.1)
            def handler(items):
                started.set()
                time.sleep({delay})
                return [i for i in items]
            started = threading.Event()
            b = batchline.Batcher(handler, batch_items_max=1, drop_deadline=0.3)
            f = b.submit(1)
            started.wait()
            slow = Slow()
            """
        )
        assert done.returncode == 0, done


def test_c73_several_stuck_batchers_cost_one_drop_deadline(program) -> None:
    start = time.monotonic()
    done = program(
        """
        import batchline, time
        def handler(items): time.sleep(60)
        stuck = [batchline.Batcher(handler, batch_items_max=1, drop_deadline=1.0) for _ in range(8)]
        for b in stuck:
            b.put(1)
        time.sleep(0.2)
        """
    )
    assert done.returncode == 0 and time.monotonic() - start < 6, done


def test_c73_unraisable_things_at_exit(program) -> None:
    done = program(
        """
        import atexit, batchline
        @atexit.register
        def late():
            try:
                late_one.put(1)
            except batchline.Closed:
                print("closed")
            b = batchline.Batcher(print, linger=60)
            b.put("made late")
        late_one = batchline.Batcher(print)
        """
    )
    assert done.returncode == 0 and "made late" in done.stdout, done


FORKED = """
import batchline, os, sys
{before}
child = os.fork()
if child == 0:
    calls = [lambda: b.put(1), lambda: b.try_put(1), lambda: b.put_many([1]), lambda: b.put_with(1, linger=1),
             lambda: b.submit(1), lambda: b.flush(), lambda: b.close(), lambda: b.stats(), lambda: b.next_batch(0),
             lambda: b.set_linger(1), lambda: b.closed, lambda: b.map([1])]
    for call in calls:
        try:
            call()
        except batchline.Forked:
            continue
        print("no error"); os._exit(1)
    assert "of the parent process" in repr(b)
    with batchline.Batcher(lambda items: print("child", items, flush=True)) as own:
        own.put(2)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
with b: pass
print("parent", b.stats().done, flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize(
    "before",
    [
        "b = batchline.Batcher(lambda items: None, linger=60); b.put(1)",
        "b = batchline.Batcher(lambda items: None, linger=60, dispatch='caller'); b.put(1)",
        "b = batchline.Batcher(lambda items: None, linger=60, dtype='B'); b.put(1)",
        "b = batchline.Batcher(lambda items: None, linger=60, ordered=True, workers=4); b.put(1)",
        "b = batchline.Batcher(lambda items: [1], linger=60); f = b.submit(1)",
    ],
)
def test_c73_a_forked_child_gets_a_clear_error_and_neither_joins_nor_hangs(program, before: str) -> None:
    done = program(FORKED.format(before=before))
    assert done.returncode == 0 and done.stderr == "", done
    assert done.stdout.splitlines() == ["child [2]", "parent 1"], done


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_c73_a_fork_in_the_middle_of_traffic(program) -> None:
    done = program(
        """
        import batchline, os, threading, sys
        b = batchline.Batcher(lambda items: None, batch_items_max=10, workers=2)
        stop = threading.Event()
        def put():
            while not stop.is_set(): b.put(0)
        threads = [threading.Thread(target=put) for _ in range(2)]
        for thread in threads: thread.start()
        for _ in range(20):
            child = os.fork()
            if child == 0:
                try:
                    b.put(1)
                except batchline.Forked:
                    own = batchline.Batcher(lambda items: None)
                    own.put(1)
                    own.close()
                    os._exit(0)
                os._exit(1)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        for thread in threads: thread.join()
        receipt = b.close()
        assert receipt.accepted == receipt.done
        print("good")
        """
    )
    assert done.stdout == "good\n" and done.returncode == 0, done


def test_pickling_and_copying_are_refused_clearly() -> None:
    b = batchline.Batcher(None, dispatch="poll", demand=True)
    b.put(1)
    batch = b.next_batch()
    for thing in (b, batch, batchline.Dedup(60)):
        for refused in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled"):
                refused(thing)
    batch.done()


ERRORS = [cls for cls in vars(batchline.errors).values() if isinstance(cls, type) and issubclass(cls, Exception)]


@pytest.mark.parametrize("cls", ERRORS)
def test_errors_can_be_pickled_with_what_they_carry(cls: type[batchline.BatchlineError]) -> None:
    error = cls("why", items=[1], accepted=3) if cls is batchline.Duplicates else cls("why", item={"a": 1}, accepted=3)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls and str(again) == "why" and vars(again) == vars(error)


def test_the_class_is_final_generic_and_weakly_referenced() -> None:
    import weakref

    assert batchline.Batcher[int, str]
    with pytest.raises(TypeError):
        type("Mine", (batchline.Batcher,), {})
    b = batchline.Batcher(None, dispatch="poll", name="mine")
    assert weakref.ref(b)() is b and b.name == "mine" and "mine" in repr(b)
    assert b.put.__name__ == "put" and "METH" not in (b.put.__doc__ or "")
    with pytest.raises(TypeError):
        b.put()
    with pytest.raises(TypeError):
        b.put(1, 2)


def test_subinterpreters_are_refused_clearly(program) -> None:
    done = program(
        """
        import batchline
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            import _interpreters as interpreters
        inner = interpreters.create()
        try:
            # Newer Pythons return what was raised.
            told = interpreters.run_string(inner, "import sys; import batchline")
            print(told and told.formatted)
        except Exception as error:
            print(type(error).__name__, error)
        """
    )
    assert "ImportError" in done.stdout and "subinterpreter" in done.stdout, done
    assert done.returncode == 0, done


@pytest.mark.skipif(sys.platform != "linux", reason="reads the threads from /proc")
def test_signals_do_not_wake_what_they_should_not(until) -> None:
    got: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: got.append(1))
    try:
        b = batchline.Batcher(None, dispatch="poll")
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        start = time.monotonic()
        assert b.next_batch(timeout=0.4) is None
        assert got == [1] and time.monotonic() - start >= 0.39
    finally:
        signal.signal(signal.SIGUSR1, before)
