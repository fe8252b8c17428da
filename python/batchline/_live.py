"""The batchers that are open, for those who export their counters: the engine's, and those on event loops."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

from . import _core

_lock = threading.Lock()
_live: weakref.WeakSet[Any] = weakref.WeakSet()


class WindowedStats:
    """A batcher's statistics, with those of its deduplication window as ``window``."""

    def __init__(self, stats: Any, window: Any) -> None:
        self._stats = stats
        self.window = window

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stats, name)


def add(batcher: Any) -> None:
    """A batcher on an event loop was made."""
    with _lock:
        _live.add(batcher)


def remove(batcher: Any) -> None:
    """It is closed."""
    with _lock:
        _live.discard(batcher)


def all_stats() -> list[tuple[str, Any]]:
    """Names and statistics of those that are open now, in no order."""
    with _lock:
        on_loops = list(_live)
    pairs: list[tuple[str, Any]] = [(batcher.name, batcher.stats()) for batcher in on_loops]
    for name, stats, window in _core._live_stats():
        pairs.append((name, stats if window is None else WindowedStats(stats, window)))
    return pairs


def _start_anew() -> None:
    """In a forked child: the parent's batchers are not its own, and the lock may be held by nobody there."""
    global _lock, _live
    _lock = threading.Lock()
    _live = weakref.WeakSet()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
