"""``metrics()`` and the collector: every line, names and escapes, and that closed batchers leave."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

import batchline
from batchline.metrics import METRICS

LINE = re.compile(r'^(?P<name>[a-z_]+)\{(?P<labels>([a-z]+="(\\.|[^"\\])*",?)+)\} (?P<value>-?[0-9.e+-]+)$')


def page_of_async(name: str) -> str:
    async def main() -> str:
        async with batchline.AsyncBatcher(lambda items: None, batch_items_max=2, linger=None, name=name) as batcher:
            for item in range(5):
                batcher.put_nowait(item)
            await batcher.flush()
            batcher.put_nowait(5)
            return batchline.metrics()

    return asyncio.run(main())


def test_the_page_has_every_counter_of_an_async_batcher() -> None:
    page = page_of_async('a "b"\\\n')
    own = r'batcher="a \"b\"\\\n"'
    for line in [
        f"batchline_items_accepted_total{{{own}}} 6",
        f'batchline_items_outcome_total{{{own},outcome="done"}} 5',
        f'batchline_items_outcome_total{{{own},outcome="handed_back"}} 0',
        f'batchline_batches_total{{{own},reason="size"}} 2',
        f'batchline_batches_total{{{own},reason="flush"}} 1',
        f'batchline_batch_items_bucket{{{own},le="1"}} 1',
        f'batchline_batch_items_bucket{{{own},le="2"}} 3',
        f'batchline_batch_items_bucket{{{own},le="+Inf"}} 3',
        f"batchline_batch_items_sum{{{own}}} 5",
        f"batchline_batch_items_count{{{own}}} 3",
        f"batchline_handler_calls_total{{{own}}} 3",
        f"batchline_queue_items{{{own}}} 1",
        f"batchline_in_hand_items{{{own}}} 0",
    ]:
        assert line + "\n" in page, f"{line} is missing in\n{page}"
    assert f'batchline_wait_seconds_total{{{own},part="handler"}} ' in page


def test_a_closed_async_batcher_leaves_the_page_at_once() -> None:
    async def main() -> None:
        batcher: batchline.AsyncBatcher[int, None] = batchline.AsyncBatcher(lambda items: None, name="short-lived")
        assert 'batcher="short-lived"' in batchline.metrics()
        await batcher.close()
        assert "short-lived" not in batchline.metrics()

    asyncio.run(main())


def test_each_line_has_the_format_and_each_metric_its_head() -> None:
    lines = page_of_async("orders").splitlines()
    heads = [line for line in lines if line.startswith("#")]
    assert len(heads) == 2 * len(METRICS)
    for line in lines:
        assert line.startswith(("# HELP batchline_", "# TYPE batchline_")) or LINE.match(line), line


def test_the_engines_batchers_are_on_the_page_while_they_are_open() -> None:
    with batchline.Batcher(lambda items: None, name="engine's", linger=None) as first:
        with batchline.Batcher(lambda items: None, name="engine's", dedup=60) as second:
            first.put_many([1, 2, 3])
            second.put(1)
            with pytest.raises(batchline.Duplicate):
                second.put(1)
            first.flush()
            second.flush()
            page = batchline.metrics()
    for name, accepted in (("engine's", 3), ("engine's#2", 1)):
        assert page.count(f'batchline_items_accepted_total{{batcher="{name}"}} ') == 1, page
    accepted = re.findall(r'items_accepted_total\{batcher="engine\'s(?:#2)?"\} (\d)', page)
    assert sorted(accepted) == ["1", "3"]
    assert re.search(r'batchline_dedup_duplicates_total\{batcher="engine\'s(#2)?"\} 1\n', page)
    assert re.search(r'batchline_dedup_keys\{batcher="engine\'s(#2)?"\} 1\n', page)
    assert "engine's" not in batchline.metrics(), "closed batchers are still on the page"


def test_the_names_are_those_of_the_other_languages() -> None:
    go = Path(__file__).parents[2] / "go" / "metrics.go"
    if not go.exists():
        pytest.skip("the Go package is not in this tree")
    in_go = re.findall(r'\{"(batchline_[a-z_]+)", "([a-z]+)"', go.read_text())
    assert len(in_go) > 10
    assert [(metric.name, metric.kind) for metric in METRICS] == in_go


def test_every_metric_is_in_the_guide() -> None:
    guide = Path(__file__).parents[2] / "docs" / "guide" / "python.md"
    if not guide.exists():
        pytest.skip("the guide is not in this tree")
    text = guide.read_text()
    for metric in METRICS:
        assert f"`{metric.name}`" in text, metric.name


def test_the_collector_says_the_same_as_the_page() -> None:
    client = pytest.importorskip("prometheus_client")
    registry = client.CollectorRegistry()
    registry.register(batchline.prometheus_collector())
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(batchline.prometheus_collector())
    with batchline.Batcher(lambda items: None, name="orders") as batcher:
        batcher.put_many(range(10))
        batcher.flush()
        page, scraped = batchline.metrics(), client.generate_latest(registry).decode()

    def samples(text: str) -> dict[tuple[str, str], float]:
        families = client.parser.text_string_to_metric_families(text)
        return {
            (sample.name, str(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    import prometheus_client.parser  # noqa: F401

    assert samples(page) == samples(scraped)
    assert samples(page)[("batchline_items_accepted_total", "[('batcher', 'orders')]")] == 10
