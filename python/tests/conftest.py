"""What the tests share: a time limit for everything, and programs run as processes of their own."""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import batchline
import pytest

# Where the package under test lies: installed, or beside its sources.
ROOT = Path(batchline.__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def no_test_hangs() -> Iterator[None]:
    """Nothing here takes a minute: a hang ends the run with every thread's stack."""
    faulthandler.dump_traceback_later(60, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits until something is true."""

    def wait(is_true: Callable[[], bool], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < end, "it did not become true in time"
            time.sleep(0.001)

    return wait


@pytest.fixture
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in a fresh interpreter."""

    def run(text: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        # From 3.12 on Python warns of every fork beside threads: what comes of that is what is tested.
        forks = "ignore:This process:DeprecationWarning"
        command = [sys.executable, "-X", "faulthandler", "-W", forks, "-c", textwrap.dedent(text)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)

    return run


@pytest.fixture(params=["thread", "caller"])
def dispatch(request: pytest.FixtureRequest) -> str:
    """Who runs the handler."""
    return request.param
