"""Stored numbers to what they mean: slope × stored + intercept, in the smallest type that holds it exactly."""

import numpy as np


def rescale(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Apply a linear rule, as DICOM and NIfTI headers give it.

    Returns:
        With slope 1 and whole numbers: int16, else int32, else int64 (float64 beyond). Otherwise float32.

    Source: DICOM PS3.3 C.11.1, NIfTI-1 scl_slope and scl_inter. Taught in: notebook 01.

    >>> rescale(np.array([0, 4095], dtype=np.uint16), 1, -1024)
    array([-1024,  3071], dtype=int16)
    """
    if slope != 1 or not float(intercept).is_integer() or stored.dtype.kind not in "iu":
        return (stored * np.float64(slope) + intercept).astype(np.float32)
    shift = int(intercept)
    ends = [int(stored.min()), int(stored.max())]
    needed = [shift, *ends, *(end + shift for end in ends)]  # before, after and between: nothing may wrap around
    for kind in (np.int16, np.int32, np.int64):
        if np.iinfo(kind).min <= min(needed) and max(needed) <= np.iinfo(kind).max:
            values = stored.astype(kind)
            values += kind(shift)
            return values
    return stored.astype(np.float64) + shift
