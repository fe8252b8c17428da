"""Random programs against a model: every accepted item has one outcome, order is kept, the numbers add up."""

from __future__ import annotations

import batchline
from hypothesis import given, settings
from hypothesis import strategies as st

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 3)),
        st.tuples(st.just("put_many"), st.integers(0, 30)),
        st.tuples(st.just("submit"), st.integers(1, 5)),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("flush"), st.just(0)),
        st.tuples(st.just("poll"), st.integers(0, 3)),
    ),
    max_size=25,
)


def verdict(item: int) -> object:
    return ValueError(item) if item % 5 == 0 else item * 2


class Program:
    """Runs steps on a batcher, and keeps what must come true."""

    def __init__(self, **options: object) -> None:
        self.seen: list[int] = []
        self.told: list[int] = []
        self.accepted: list[int] = []
        self.futures: dict[int, object] = {}
        self.next = 0
        is_polled = options.get("dispatch") == "poll"
        self.b = batchline.Batcher(
            None if is_polled else self.handle,
            on_failure=lambda items, error: self.told.extend(items),
            **options,
        )
        self.is_polled = is_polled
        self.is_one_by_one = options.get("dispatch") != "caller" and options.get("overflow") != "caller"

    def handle(self, items: list[int]) -> list[object]:
        self.seen.extend(items)
        return [verdict(item) for item in items]

    def fresh(self, count: int) -> list[int]:
        self.next += count
        return list(range(self.next - count, self.next))

    def run(self, step: str, count: int) -> None:
        if step == "put":
            for item in self.fresh(count):
                self.try_to(lambda item=item: self.b.put(item), item)
        elif step == "put_many":
            items = self.fresh(count)
            try:
                assert self.b.put_many(items) == count
                self.accepted.extend(items)
            except batchline.Full as refused:
                self.accepted.extend(items[: refused.accepted])
        elif step == "submit":
            for item in self.fresh(count):
                self.try_to(lambda item=item: self.futures.update({item: self.b.submit(item)}), item)
        elif step == "cancel":
            for item in list(self.futures)[count : count + 1]:
                if self.futures[item].cancel():
                    assert item not in self.seen
        elif step == "flush" and not self.is_polled:
            self.b.flush()
        elif step == "poll" and self.is_polled:
            for _ in range(count):
                self.poll()

    def try_to(self, call, item: int) -> None:
        try:
            call()
            self.accepted.append(item)
        except batchline.Full as refused:
            assert refused.item == item

    def poll(self) -> None:
        batch = self.b.next_batch(timeout=0)
        if batch is not None:
            batch.done(self.handle(list(batch)))

    def check(self) -> None:
        receipt = self.b.close(timeout=0 if self.is_polled else None)
        cancelled = {item for item, future in self.futures.items() if future.cancelled()}
        expected = [item for item in self.accepted if item not in cancelled]
        # Where putting threads handle batches, two may be handled at the same time.
        order = list if self.is_one_by_one else sorted
        assert order(self.seen + receipt.items) == order(expected)
        assert receipt.is_balanced() and self.b.stats().is_balanced()
        assert receipt.accepted == len(self.accepted) and receipt.cancelled == len(cancelled)
        assert receipt.failed == sum(item % 5 == 0 for item in self.seen)
        assert order(self.told) == order(item for item in self.seen if item % 5 == 0 and item not in self.futures)
        for item, future in self.futures.items():
            if item in self.seen:
                outcome = future.exception(timeout=0) or future.result(timeout=0)
                assert repr(outcome) == repr(verdict(item))
            elif item not in cancelled:
                assert isinstance(future.exception(timeout=0), batchline.HandedBack)


@settings(max_examples=150, deadline=None)
@given(
    steps=STEPS,
    batch=st.integers(1, 8),
    batches=st.integers(1, 4),
    dispatch=st.sampled_from(["thread", "caller", "poll"]),
    overflow=st.sampled_from(["fail", "block", "caller"]),
    ordered=st.booleans(),
    retry=st.sampled_from([None, 3]),
)
def test_random_programs_keep_every_promise(
    steps: list[tuple[str, int]],
    batch: int,
    batches: int,
    dispatch: str,
    overflow: str,
    ordered: bool,
    retry: int | None,
) -> None:
    if dispatch == "poll":
        overflow, retry = "fail", None
    program = Program(
        batch_items_max=batch,
        queue_items_max=batch * batches,
        dispatch=dispatch,
        overflow=overflow,
        ordered=ordered,
        retry=retry,
        linger=0.002,
    )
    for step, count in steps:
        program.run(step, count)
    program.check()
