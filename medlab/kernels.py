"""How the compiled loops of Haar, LBP and GLCM are built and shared out over the processor's cores.

Only the files that hold the loops import this one, and they are imported on first use: numba takes a second to load.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numba


def jit(function: Callable) -> Callable:
    """Compile on the first call, and keep the machine code for the next process where a folder can be written.

    The code waits in `__pycache__` beside the source; in a read-only checkout, in the user's cache folder.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder at all: compile anew in each process
        return numba.njit(nogil=True)(function)


def threads() -> int:
    """As many as there are cores, or as NUMBA_NUM_THREADS says (joblib sets it in its workers)."""
    return numba.config.NUMBA_NUM_THREADS


def share(work: Callable[[int, int], None], n: int, size: int) -> None:
    """Call `work(start, stop)` for blocks of `size` of n items, on all threads: the loops release Python's lock.

    The caller takes blocks too, and its helpers join it when they wake up: a block should take a tenth of a millisecond
    or more. Threads of Python rather than numba's own: those abort the process when two of its threads call them.
    """
    starts = range(0, n, size)
    todo = iter(starts)

    def take() -> None:
        for start in todo:
            work(start, min(start + size, n))

    extra = min(threads(), len(starts)) - 1
    helpers = [_pool(threads(), os.getpid()).submit(take) for _ in range(extra)]
    try:
        take()
    finally:
        for helper in helpers:
            if not helper.cancel():  # one that has not begun is not needed any more
                helper.result()


@lru_cache(maxsize=1)
def _pool(size: int, process: int) -> ThreadPoolExecutor:
    """Kept, since to start threads takes longer than many a call; a forked process has none of its parent's threads."""
    return ThreadPoolExecutor(size)
