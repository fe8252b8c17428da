"""Where a call comes from, and a future for it, each as cheaply as this Python allows.

Since Python 3.12 the running loop is known at the price of a call, and a future that is told no loop finds it by
itself, faster than one that is told. Before, asking for the loop takes a system call (``getpid``, 100 ns): there the
thread is asked for instead. A second loop on the same thread is then noticed at the next batch, and by asyncio when
the future is awaited.
"""

from __future__ import annotations

import sys
import threading
from asyncio import AbstractEventLoop, Future, _get_running_loop
from collections.abc import Callable
from functools import partial
from typing import Any

whereabouts: Callable[[], object] = _get_running_loop if sys.version_info >= (3, 12) else threading.get_ident


def future_maker(loop: AbstractEventLoop) -> Callable[[], Future[Any]]:
    """Makes futures of this loop, for callers whose whereabouts are known to be there."""
    return Future if sys.version_info >= (3, 12) else partial(Future, loop=loop)
