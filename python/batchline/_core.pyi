"""The types of batchline._core. The words are in the docstrings of the module itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Generic, Literal, NoReturn, SupportsIndex, TypeVar, final, overload

from .errors import BatchlineError as BatchlineError
from .errors import Closed as Closed
from .errors import Dropped as Dropped
from .errors import Duplicate as Duplicate
from .errors import Duplicates as Duplicates
from .errors import Expired as Expired
from .errors import Forked as Forked
from .errors import Full as Full
from .errors import HandedBack as HandedBack
from .errors import TimedOut as TimedOut
from .errors import TooLarge as TooLarge
from .errors import WindowFull as WindowFull
from .errors import WouldWait as WouldWait
from .options import Retry, Window

_T = TypeVar("_T")
_R = TypeVar("_R")

__version__: str

@final
class Batcher(Generic[_T, _R]):
    # The handler's list holds what is put; of records (dtype) it is an array, whose items are numbers or rows.
    @overload
    def __new__(
        cls,
        handler: Callable[[list[_T]], Sequence[_R | BaseException]],
        *,
        batch_items_max: int = 1000,
        batch_bytes_max: int | None = None,
        weigher: Callable[[_T], int] | None = None,
        linger: float | None = 0.01,
        tick: float | None = None,
        workers: int = 1,
        queue_items_max: int | None = None,
        queue_bytes_max: int | None = None,
        overflow: Literal["block", "fail", "drop", "caller"] = "block",
        overflow_timeout: float | None = None,
        dispatch: Literal["thread", "caller"] = "thread",
        ordered: bool = False,
        demand: bool = False,
        dedup: float | Window | None = None,
        retry: int | Retry | None = None,
        on_failure: Callable[[list[_T], BaseException], object] | None = None,
        name: str | None = None,
        drop_deadline: float = 5.0,
        dtype: None = None,
    ) -> Batcher[_T, _R]: ...
    @overload
    def __new__(
        cls,
        handler: Callable[[list[_T]], None],
        *,
        batch_items_max: int = 1000,
        batch_bytes_max: int | None = None,
        weigher: Callable[[_T], int] | None = None,
        linger: float | None = 0.01,
        tick: float | None = None,
        workers: int = 1,
        queue_items_max: int | None = None,
        queue_bytes_max: int | None = None,
        overflow: Literal["block", "fail", "drop", "caller"] = "block",
        overflow_timeout: float | None = None,
        dispatch: Literal["thread", "caller"] = "thread",
        ordered: bool = False,
        demand: bool = False,
        dedup: float | Window | None = None,
        retry: int | Retry | None = None,
        on_failure: Callable[[list[_T], BaseException], object] | None = None,
        name: str | None = None,
        drop_deadline: float = 5.0,
        dtype: None = None,
    ) -> Batcher[_T, None]: ...
    @overload
    def __new__(
        cls,
        handler: None,
        *,
        batch_items_max: int = 1000,
        batch_bytes_max: int | None = None,
        weigher: Callable[[Any], int] | None = None,
        linger: float | None = 0.01,
        tick: float | None = None,
        workers: int = 1,
        queue_items_max: int | None = None,
        queue_bytes_max: int | None = None,
        overflow: Literal["block", "fail", "drop"] = "block",
        overflow_timeout: float | None = None,
        dispatch: Literal["poll"],
        ordered: bool = False,
        demand: bool = False,
        dedup: float | Window | None = None,
        retry: None = None,
        on_failure: Callable[[list[Any], BaseException], object] | None = None,
        name: str | None = None,
        drop_deadline: float = 5.0,
        dtype: object = None,
    ) -> Batcher[Any, Any]: ...
    @overload
    def __new__(
        cls,
        handler: Callable[[Any], object],
        *,
        batch_items_max: int = 1000,
        batch_bytes_max: int | None = None,
        weigher: None = None,
        linger: float | None = 0.01,
        tick: float | None = None,
        workers: int = 1,
        queue_items_max: int | None = None,
        queue_bytes_max: int | None = None,
        overflow: Literal["block", "fail", "drop", "caller"] = "block",
        overflow_timeout: float | None = None,
        dispatch: Literal["thread", "caller"] = "thread",
        ordered: bool = False,
        demand: bool = False,
        dedup: float | Window | None = None,
        retry: int | Retry | None = None,
        on_failure: Callable[[Any, BaseException], object] | None = None,
        name: str | None = None,
        drop_deadline: float = 5.0,
        dtype: object,
    ) -> Batcher[Any, None]: ...
    @property
    def closed(self) -> bool: ...
    @property
    def name(self) -> str: ...
    def put(self, item: _T, /) -> None: ...
    def try_put(self, item: _T, /) -> None: ...
    def put_with(
        self,
        item: _T,
        /,
        *,
        timeout: float | None = None,
        linger: float | None = None,
        deadline: float | None = None,
    ) -> None: ...
    def put_many(self, items: Iterable[_T], /) -> int: ...
    def submit(self, item: _T, /, *, linger: float | None = None, deadline: float | None = None) -> Future[_R]: ...
    def map(self, items: Iterable[_T], /, *, timeout: float | None = None) -> Iterator[_R]: ...
    def flush(self, timeout: float | None = None) -> None: ...
    def close(self, timeout: float | None = None) -> Receipt[_T]: ...
    def stats(self) -> Stats: ...
    def set_linger(self, linger: float, /) -> None: ...
    def set_tick(self, tick: float | None, /) -> None: ...
    def next_batch(self, timeout: float | None = None) -> Batch[_T, _R] | None: ...
    def __enter__(self) -> Batcher[_T, _R]: ...
    def __exit__(
        self,
        _class: type[BaseException] | None,
        _exception: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> bool: ...
    def __reduce__(self) -> NoReturn: ...
    def __del__(self) -> None: ...

@final
class Batch(Sequence[_T], Generic[_T, _R]):
    @property
    def reason(self) -> Literal["size", "bytes", "linger", "demand", "tick", "flush", "close"]: ...
    @property
    def items(self) -> Any: ...
    def done(self, results: Sequence[_R | BaseException] | None = None) -> None: ...
    def fail(self, exception: BaseException) -> None: ...
    def index(self, value: object, /, *limits: SupportsIndex) -> int: ...
    def count(self, value: object, /) -> int: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _T: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[_T]: ...
    def __iter__(self) -> Iterator[_T]: ...
    def __enter__(self) -> Batch[_T, _R]: ...
    def __exit__(
        self,
        _class: type[BaseException] | None,
        _exception: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> bool: ...
    def __reduce__(self) -> NoReturn: ...

@final
class Receipt(Generic[_T]):
    @property
    def accepted(self) -> int: ...
    @property
    def done(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def cancelled(self) -> int: ...
    @property
    def expired(self) -> int: ...
    @property
    def handed_back(self) -> int: ...
    @property
    def still_running(self) -> int: ...
    @property
    def items(self) -> list[_T]: ...
    @property
    def timed_out(self) -> bool: ...
    def is_balanced(self) -> bool: ...

@final
class Stats:
    @property
    def accepted(self) -> int: ...
    @property
    def refused(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def joined(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def done(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def cancelled(self) -> int: ...
    @property
    def expired(self) -> int: ...
    @property
    def handed_back(self) -> int: ...
    @property
    def live(self) -> int: ...
    @property
    def queued(self) -> int: ...
    @property
    def in_hand(self) -> int: ...
    @property
    def bytes_live(self) -> int: ...
    @property
    def batches(self) -> int: ...
    @property
    def batches_by_reason(self) -> dict[str, int]: ...
    @property
    def batch_items_peak(self) -> int: ...
    @property
    def handler_calls(self) -> int: ...
    @property
    def failed_batches(self) -> int: ...
    @property
    def panics(self) -> int: ...
    @property
    def wakeups(self) -> int: ...
    @property
    def slabs(self) -> int: ...
    @property
    def lanes(self) -> int: ...
    def is_balanced(self) -> bool: ...

@final
class Dedup:
    def __new__(
        cls,
        seconds: float,
        *,
        bucket: float | None = None,
        keys_max: int | None = None,
        at_cap: Literal["refuse", "forget_oldest"] = "refuse",
    ) -> Dedup: ...
    def is_new(self, key: object, /) -> bool: ...
    def claim(self, key: object, /) -> Claim: ...
    def forget(self, key: object, /) -> bool: ...
    def contains(self, key: object, /) -> bool: ...
    def clear(self) -> None: ...
    def stats(self) -> WindowStats: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __reduce__(self) -> NoReturn: ...

@final
class Claim:
    def commit(self) -> None: ...
    def release(self) -> None: ...
    def __enter__(self) -> Claim: ...
    def __exit__(
        self,
        class_: type[BaseException] | None,
        _exception: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> bool: ...

@final
class WindowStats:
    @property
    def keys(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def forgotten(self) -> int: ...
    @property
    def refused(self) -> int: ...
    @property
    def filter_rejections(self) -> int: ...
    @property
    def filter_false_positives(self) -> int: ...
    @property
    def bytes(self) -> int: ...

def _live_stats() -> list[tuple[str, Stats, WindowStats | None]]: ...
