"""The examples: each runs as a program, and does what it says."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import batchline
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))


def load(name: str) -> ModuleType:
    """The example as a module, its main not called."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_four() -> None:
    assert NAMES == ["log_shipping", "numpy_model", "sqlite_bulk_insert", "web_lookups"]


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_as_a_program(name: str) -> None:
    if name == "numpy_model":
        pytest.importorskip("numpy")
    package = str(Path(batchline.__file__).parents[1])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout and not done.stderr, done.stderr


def test_every_row_is_in_the_table_once(tmp_path: Path) -> None:
    path = tmp_path / "readings.db"
    receipt = load("sqlite_bulk_insert").main(path, sensors=4, readings_per_sensor=1000)
    assert receipt.done == receipt.accepted == 4000
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT sensor, count(*), count(DISTINCT at) FROM reading GROUP BY sensor").fetchall()
    database.close()
    assert rows == [(sensor, 1000, 1000) for sensor in range(4)]


def test_requests_share_queries_and_each_gets_its_own_answer() -> None:
    answers, queries = asyncio.run(load("web_lookups").main(users=50, requests=80))
    assert answers == [f"200 user {id}" for id in range(50)] + ["404 no such user"] * 30
    assert queries < 40


def test_the_model_answers_rows_as_it_answers_tables() -> None:
    numpy: Any = pytest.importorskip("numpy")
    model, one_by_one, at_once = load("numpy_model").main(rows=500, callers=16)
    assert one_by_one == at_once
    assert model.classify.stats().batches < 250
    with pytest.raises(ValueError, match="instead of 64"):
        model.classify(numpy.zeros(3))


def test_every_line_is_shipped_and_few_writes_are_made(tmp_path: Path) -> None:
    path = tmp_path / "shop.log"
    writes, handler = load("log_shipping").main(path, threads=3, lines_per_thread=1000)
    texts = Counter(json.loads(line)["text"] for line in path.read_text().splitlines())
    assert texts == Counter({f"order {order} is packed": 3 for order in range(1000)})
    assert handler.lost == 0 and writes < 300


def test_lines_that_cannot_be_shipped_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    def ship(lines: list[str]) -> None:
        raise ConnectionError("the log server is down")

    handler = load("log_shipping").ShippingHandler(ship)
    log = logging.Logger("shop")
    log.addHandler(handler)
    log.error("one")
    log.error("two")
    handler.close()
    assert handler.lost == 2
    assert "log lines lost: the log server is down" in capsys.readouterr().err
