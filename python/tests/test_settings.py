"""Settings that are refused: the message names the setting, the value and what is allowed."""

from __future__ import annotations

import functools
import math

import batchline
import pytest


@pytest.mark.parametrize(
    ("setting", "value", "error", "allowed"),
    [
        ("batch_items_max", 2**70, ValueError, "1 to 16777216"),
        ("batch_items_max", 1.5, TypeError, "a whole number"),
        ("batch_items_max", True, TypeError, "a whole number"),
        ("workers", 2**70, ValueError, "1 to 1024"),
        ("queue_items_max", -(2**70), ValueError, "batch_items_max to 1099511627776"),
        ("queue_bytes_max", "x", TypeError, "a whole number"),
        ("linger", "x", TypeError, "seconds as a number, or None"),
        ("tick", "x", TypeError, "seconds as a number, or None"),
        ("drop_deadline", None, TypeError, "seconds as a number"),
        ("overflow", None, TypeError, '"block", "fail", "drop" or "caller"'),
        ("dispatch", 1, TypeError, '"thread", "caller" or "poll"'),
        ("name", 3, TypeError, "a str, or None"),
        ("dedup", "x", TypeError, "seconds, or a batchline.Window"),
        ("dedup", True, TypeError, "seconds, or a batchline.Window"),
        ("retry", True, TypeError, "a number of calls from 0 on, or a batchline.Retry"),
        ("retry", "x", TypeError, "a number of calls from 0 on, or a batchline.Retry"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, value: object, error: type, allowed: str) -> None:
    with pytest.raises(error) as refused:
        batchline.Batcher(lambda items: None, **{setting: value})
    message = str(refused.value)
    assert setting in message and repr(value) in message and f"allowed: {allowed}" in message, message


def test_an_async_handler_is_refused() -> None:
    async def handler(items: list[int]) -> None: ...

    class Called:
        async def __call__(self, items: list[int]) -> None: ...

    for given in (handler, functools.partial(handler), Called()):
        with pytest.raises(TypeError, match="handler.*AsyncBatcher"):
            batchline.Batcher(given)


def test_an_unknown_argument_of_the_decorator_is_named() -> None:
    with pytest.raises(TypeError, match=r"^batch\(\) got an unexpected keyword argument 'foo'$"):
        batchline.batch(foo=1)


def test_the_timeout_of_map() -> None:
    with batchline.Batcher(lambda items: items, demand=True) as b:
        assert list(b.map(range(3), timeout=math.inf)) == [0, 1, 2]
        assert list(b.map(range(3), timeout=1e300)) == [0, 1, 2]
        with pytest.raises(ValueError, match="timeout is nan"):
            b.map(range(3), timeout=math.nan)
        assert b.stats().accepted == 6
