"""The shape of what handlers return."""

from __future__ import annotations

from typing import Protocol, TypeAlias, TypeVar

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Results(Protocol[R_co]):
    """One result per item, in order: a list, a tuple, a numpy array, anything with a length and an index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> R_co: ...


#: Results of which some may be exceptions, which fail their item. Both classes are named, since mypy takes out of a
#: union what is below them, and pyright only what is exactly one of them.
Answer: TypeAlias = Results[R | Exception | BaseException]
