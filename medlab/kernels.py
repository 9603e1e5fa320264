"""How the compiled loops of Haar, LBP and GLCM are built and shared out over the processor's cores.

Only the files that hold the loops import this one, and they are imported on first use: numba takes a second to load.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

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

    A block should take milliseconds: a busy machine makes a thread wait that long for its turn. One block needs none.
    Threads of Python rather than numba's own: those abort the process when two of its threads call them at once.
    """
    blocks = [(start, min(start + size, n)) for start in range(0, n, size)]
    if len(blocks) == 1 or threads() == 1:
        for block in blocks:
            work(*block)
        return
    with ThreadPoolExecutor(min(threads(), len(blocks))) as pool:
        list(pool.map(lambda block: work(*block), blocks))
