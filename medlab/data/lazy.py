"""A sequence whose items are made when they are asked for: files read one by one, phantoms drawn one by one."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np


class Lazy(Sequence):
    """Items made one at a time and not kept, so that memory does not grow with their number.

    Args:
        make: Gives item `i`; a module-level function or an object, so that worker processes can receive it.
        index: Which items of `make`, in which order; a number stands for all from 0.

    An integer gives an item, anything else that NumPy takes as an index gives a shorter `Lazy`. `np.asarray` makes one
    array of all, where their sizes agree.

    >>> squares = Lazy(lambda i: np.full((2, 2), i * i), 10)
    >>> squares[3].tolist(), len(squares[::2]), np.asarray(squares[2:5]).shape
    ([[9, 9], [9, 9]], 5, (3, 2, 2))
    """

    def __init__(self, make: Callable[[int], Any], index: int | np.ndarray):
        self.make = make
        self.index = np.arange(index) if isinstance(index, (int, np.integer)) else np.asarray(index)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, which):
        if isinstance(which, (int, np.integer)) and not isinstance(which, (bool, np.bool_)):
            return self.make(int(self.index[which]))
        return Lazy(self.make, self.index[which])

    def __iter__(self) -> Iterator:
        return (self.make(int(i)) for i in self.index)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if not len(self):
            return np.empty(0, dtype or np.float32)
        first = np.asarray(self[0])
        found = np.empty((len(self), *first.shape), dtype or first.dtype)
        for i, item in enumerate(self):
            item = np.asarray(item)
            if item.shape != first.shape:
                raise ValueError(
                    f"image {i} is {item.shape} and image 0 is {first.shape}: no single array holds both; "
                    f"take them one by one, or cut them alike with data.crops"
                )
            if dtype is None and not np.can_cast(item.dtype, found.dtype, "same_kind"):
                found = found.astype(np.result_type(found, item))
            found[i] = item
        return found

    def __repr__(self) -> str:
        return f"{len(self):,} items, made when asked for"
