"""Threads insert rows into SQLite, one `put` each; the batcher makes one transaction of a thousand rows.

Run it: python sqlite_bulk_insert.py [FILE]
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

import batchline

Reading = tuple[int, int, float]


def open_database(path: Path) -> sqlite3.Connection:
    """A table whose transactions survive a power cut, which is what makes single inserts slow."""
    # The handler runs on a thread of the batcher, and only there while the batcher is open.
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE IF NOT EXISTS reading (sensor INTEGER, at INTEGER, value REAL)")
    return database


def main(path: Path, sensors: int = 8, readings_per_sensor: int = 5000) -> batchline.Receipt[Reading]:
    database = open_database(path)

    def store(readings: list[Reading]) -> None:
        with database:  # commits, or rolls back when something raises: then the whole batch fails
            database.execute("BEGIN")
            database.executemany("INSERT INTO reading VALUES (?, ?, ?)", readings)

    def sensor(number: int) -> None:
        for at in range(readings_per_sensor):
            batcher.put((number, at, at / 10))

    began_at = time.perf_counter()
    batcher: batchline.Batcher[Reading, None] = batchline.Batcher(store, batch_items_max=1000, linger=0.01)
    threads = [threading.Thread(target=sensor, args=(number,)) for number in range(sensors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receipt = batcher.close()
    seconds = time.perf_counter() - began_at

    [(rows,)] = database.execute("SELECT count(DISTINCT sensor * 1000000 + at) FROM reading")
    database.close()
    print(f"{rows} rows in {batcher.stats().batches} transactions, {rows / seconds:.0f} rows per second")
    print(receipt)
    return receipt


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder) / "readings.db")
