"""The counters of all open batchers in the Prometheus text format, and as a collector of ``prometheus_client``.

``METRICS`` is the only list: the text, the collector, their documentation and their tests follow it. The names are
those of the other languages' packages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _live

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

#: Further labels of a line, and its value.
Sample = tuple[dict[str, str], float]


@dataclass(frozen=True)
class Metric:
    """One row of the list: ``samples`` reads its lines off a batcher's statistics; none if it has no such number."""

    name: str
    kind: str
    help: str
    samples: Callable[[Any], list[Sample]]


def one(attribute: str) -> Callable[[Any], list[Sample]]:
    """A line without further labels."""
    return lambda stats: [({}, getattr(stats, attribute))] if hasattr(stats, attribute) else []


def of_window(attribute: str) -> Callable[[Any], list[Sample]]:
    """A line about the deduplication window, if the batcher has one."""
    return lambda stats: one(attribute)(stats.window) if hasattr(stats, "window") else []


def outcomes(stats: Any) -> list[Sample]:
    """A line per outcome."""
    names = ("done", "failed", "cancelled", "expired", "handed_back")
    return [({"outcome": name}, getattr(stats, name)) for name in names]


def reasons(stats: Any) -> list[Sample]:
    """A line per reason of a seal."""
    return [({"reason": reason}, count) for reason, count in stats.batches_by_reason.items()]


def waits(stats: Any) -> list[Sample]:
    """A line per part of an item's way."""
    parts = {
        "admission": "admission_wait",
        "linger": "linger_wait",
        "slot": "slot_wait",
        "handler": "handler_time",
    }
    return [({"part": part}, getattr(stats, name)) for part, name in parts.items() if hasattr(stats, name)]


def sizes(stats: Any) -> list[Sample]:
    """The cumulative lines of the histogram."""
    buckets = getattr(stats, "batch_items_buckets", None)
    if buckets is None:
        return []
    lines: list[Sample] = []
    total = 0
    for place, batches in enumerate(buckets):
        total += batches
        lines.append(({"le": str(2**place)}, total))
    return [*lines, ({"le": "+Inf"}, stats.batches)]


METRICS = (
    Metric("batchline_items_accepted_total", "counter", "Items taken in.", one("accepted")),
    Metric("batchline_items_refused_total", "counter", "Items that stayed with the putter.", one("refused")),
    Metric("batchline_items_dropped_total", "counter", "Items dropped by the overflow choice.", one("dropped")),
    Metric("batchline_items_outcome_total", "counter", "Items by outcome.", outcomes),
    Metric("batchline_batches_total", "counter", "Batches by the reason of their seal.", reasons),
    Metric("batchline_batch_items", "histogram", "Items per batch.", sizes),
    Metric("batchline_batches_failed_total", "counter", "Batches in which an item failed.", one("failed_batches")),
    Metric("batchline_handler_calls_total", "counter", "Calls of the handler.", one("handler_calls")),
    Metric("batchline_handler_panics_total", "counter", "Calls of the handler that panicked.", one("panics")),
    Metric(
        "batchline_wait_seconds_total",
        "counter",
        "Time waited: puts for room (admission), batches for their seal (linger) and for a handler (slot), in the "
        "handler.",
        waits,
    ),
    Metric("batchline_queue_items", "gauge", "Items that wait.", one("queued")),
    Metric("batchline_in_hand_items", "gauge", "Items in handlers.", one("in_hand")),
    Metric("batchline_live_bytes", "gauge", "Weight of the items without an outcome.", one("bytes_live")),
    Metric(
        "batchline_timer_wakeups_total", "counter", "Times a worker or timer woke for what waited.", one("wakeups")
    ),
    Metric(
        "batchline_dedup_duplicates_total",
        "counter",
        "Items whose key was seen within the window.",
        of_window("duplicates"),
    ),
    Metric("batchline_dedup_keys", "gauge", "Keys remembered.", of_window("keys")),
    Metric("batchline_dedup_forgotten_total", "counter", "Keys forgotten early, at the cap.", of_window("forgotten")),
    Metric("batchline_dedup_refused_total", "counter", "Keys refused at the cap.", of_window("refused")),
)


def metrics() -> str:
    """The counters of all open batchers as a page in the Prometheus text format.

    Each batcher has the label ``batcher``, its name; a second one of the same name gets ``#2``. Batchers leave the page
    when they are closed. Times are in seconds. A counter that a kind of batcher does not have has no line. It may be
    called from any thread.

    >>> import batchline
    >>> with batchline.Batcher(lambda items: None, name="orders") as batcher:
    ...     batcher.put("an order")
    ...     batcher.flush()
    ...     page = batchline.metrics()
    >>> 'batchline_items_accepted_total{batcher="orders"} 1' in page
    True
    """
    snapshots = list(named_stats())
    lines: list[str] = []
    for metric in METRICS:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for name, stats in snapshots:
            lines += lines_of(metric, name, stats)
    return "\n".join(lines) + "\n"


def lines_of(metric: Metric, name: str, stats: Any) -> Iterator[str]:
    """One batcher's lines of one metric."""
    samples = metric.samples(stats)
    ending = "_bucket" if metric.kind == "histogram" else ""
    for labels, value in samples:
        yield f"{metric.name}{ending}{label_text({'batcher': name, **labels})} {value}"
    if samples and metric.kind == "histogram":
        own = label_text({"batcher": name})
        yield f"{metric.name}_sum{own} {stats.batch_items_sum}"
        yield f"{metric.name}_count{own} {stats.batches}"


def label_text(labels: dict[str, str]) -> str:
    """Labels in braces, escaped as the text format asks."""
    escapes = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    return "{" + ",".join(f'{name}="{value.translate(escapes)}"' for name, value in labels.items()) + "}"


def named_stats() -> Iterator[tuple[str, Any]]:
    """The open batchers' statistics, by names that are made different, in the order of the names."""
    taken: set[str] = set()
    for name, stats in sorted(_live.all_stats(), key=lambda pair: pair[0]):
        times = 1
        own = name
        while own in taken:
            times += 1
            own = f"{name}#{times}"
        taken.add(own)
        yield own, stats


def prometheus_collector() -> Collector:
    """A collector of the same counters for ``prometheus_client``, which must be installed (``ImportError`` if not).

    It reads the counters at each scrape; the batchers' own paths pay nothing.

    >>> import batchline
    >>> from prometheus_client import CollectorRegistry, generate_latest
    >>> registry = CollectorRegistry()
    >>> registry.register(batchline.prometheus_collector())
    >>> with batchline.Batcher(lambda items: None, name="orders") as batcher:
    ...     batcher.put("an order")
    ...     page = generate_latest(registry).decode()
    >>> 'batchline_items_accepted_total{batcher="orders"} 1.0' in page
    True
    """
    from prometheus_client.registry import Collector

    class BatchlineCollector(Collector):
        """Asked at each scrape."""

        def collect(self) -> Iterable[Any]:
            snapshots = list(named_stats())
            return [family_of(metric, snapshots) for metric in METRICS]

        def describe(self) -> Iterable[Any]:
            return [family_of(metric, []) for metric in METRICS]

    return BatchlineCollector()


def family_of(metric: Metric, snapshots: list[tuple[str, Any]]) -> Any:
    """One metric with all batchers' lines, as ``prometheus_client`` wants it."""
    from prometheus_client.metrics_core import Metric as Family

    family = Family(metric.name.removesuffix("_total"), metric.help, metric.kind)
    for name, stats in snapshots:
        samples = metric.samples(stats)
        ending = "_bucket" if metric.kind == "histogram" else ""
        for labels, value in samples:
            family.add_sample(metric.name + ending, {"batcher": name, **labels}, value)
        if samples and metric.kind == "histogram":
            family.add_sample(metric.name + "_sum", {"batcher": name}, stats.batch_items_sum)
            family.add_sample(metric.name + "_count", {"batcher": name}, stats.batches)
    return family
