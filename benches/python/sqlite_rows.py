"""Threads that insert rows into SQLite with synchronous=FULL: one by one, and through a Batcher."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import batchline

THREADS = 4


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=60)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, name TEXT, size REAL)")
    return connection


def spread(rows: int, insert: Callable[[tuple[int, str, float]], object]) -> None:
    """Has each thread insert its part."""

    def work(first: int) -> None:
        for number in range(first, rows, THREADS):
            insert((number, "an event", number * 0.5))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def one_by_one(path: Path, rows: int) -> None:
    """A transaction per row: what a program does that must not lose a row."""
    own = threading.local()

    def insert(row: tuple[int, str, float]) -> None:
        if not hasattr(own, "connection"):
            own.connection = connect(path)
        own.connection.execute("INSERT INTO events VALUES (?, ?, ?)", row)

    connect(path).close()
    spread(rows, insert)


def batched(path: Path, rows: int) -> None:
    """A transaction per batch, committed before the batch counts as done."""
    connection = connect(path)

    def store(batch: list[tuple[int, str, float]]) -> None:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO events VALUES (?, ?, ?)", batch)
        connection.execute("COMMIT")

    with batchline.Batcher(store, batch_items_max=5000, linger=0.01) as batcher:
        spread(rows, batcher.put)
    connection.close()


def rows_per_s(way: Callable[[Path, int], None], rows: int) -> float:
    """Rows per second from the first insert until all are on disk; the rows are counted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        begin = time.perf_counter()
        way(path, rows)
        seconds = time.perf_counter() - begin
        (count,) = sqlite3.connect(path).execute("SELECT count(*) FROM events").fetchone()
        if count != rows:
            raise AssertionError(f"{count} of {rows} rows are there")
    return rows / seconds
