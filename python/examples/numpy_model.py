"""A model that is fast on many rows at once, behind a method that takes one: `model.classify(row)`.

Run it: python numpy_model.py
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

import batchline

Row = NDArray[np.float64]


class Model:
    """Two layers of made-up weights."""

    def __init__(self, inputs: int = 64, classes: int = 10) -> None:
        random = np.random.default_rng(7)
        self.hidden: NDArray[np.float64] = random.normal(size=(inputs, 256))
        self.output: NDArray[np.float64] = random.normal(size=(256, classes))
        self.matrix_products = 0

    def classes_of(self, rows: Any) -> list[int]:
        """The model itself: any number of rows for the price of two products of matrices."""
        self.matrix_products += 2
        hidden = np.maximum(np.reshape(rows, (len(rows), len(self.hidden))) @ self.hidden, 0)
        best: list[int] = np.argmax(hidden @ self.output, axis=1).tolist()
        return best

    @batchline.batch(batch_items_max=64, linger=0.005)
    def classify(self, rows: list[Row]) -> list[int | Exception]:
        """The class of a row. A row of the wrong length fails alone."""
        wanted = len(self.hidden)
        classes = iter(self.classes_of([row for row in rows if len(row) == wanted]))
        return [next(classes) if len(row) == wanted else ValueError(f"{len(row)} instead of {wanted}") for row in rows]


def main(rows: int = 2000, callers: int = 32) -> tuple[Model, list[int], list[int]]:
    model = Model()
    data = np.random.default_rng(11).normal(size=(rows, 64))
    with ThreadPoolExecutor(callers) as threads:
        one_by_one = list(threads.map(model.classify, data))
    batches = model.classify.stats().batches
    print(f"{rows} calls of classify(row) became {batches} calls of the model, {rows / batches:.1f} rows each")
    at_once = model.classes_of(data)
    print("same answers as all at once:", one_by_one == at_once)
    return model, one_by_one, at_once


if __name__ == "__main__":
    main()
