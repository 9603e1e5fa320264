"""The loops of lbp.py."""

import numpy as np

from medlab.kernels import jit

BAND = 32  # rows whose pixels are held as floats at a time: they stay in the cache
LANES = 16  # rows are padded to a multiple of this, so that no loop ends in single pixels


@jit
def code_of(pattern, points, method):
    """The code of a pattern, one bit a point; methods as numbered in `lbp.LBP_METHODS`."""
    if method == 0:
        return pattern
    if method == 1:  # the smallest number that turning the circle can give
        smallest = turned = pattern
        for _ in range(points - 1):
            turned = (turned >> 1) | ((turned & 1) << (points - 1))
            smallest = min(smallest, turned)
        return smallest
    ones, changes, first_one, first_zero = 0, 0, -1, -1
    for i in range(points):
        bit = (pattern >> i) & 1
        ones += bit
        if i > 0:
            changes += bit ^ ((pattern >> (i - 1)) & 1)
        if bit == 1 and first_one == -1:
            first_one = i
        if bit == 0 and first_zero == -1:
            first_zero = i
    if method == 2:
        return ones if changes <= 2 else points + 1
    if changes > 2:
        return points * (points - 1) + 2
    if ones == 0:
        return 0
    if ones == points:
        return points * (points - 1) + 1
    turns = ones - first_zero if first_one == 0 else points - first_one
    return 1 + (ones - 1) * points + turns


@jit
def code_table(points, method):
    """The code of each of the 2^points patterns."""
    table = np.empty(2**points, np.int32)
    for pattern in range(2**points):
        table[pattern] = code_of(pattern, points, method)
    return table


@jit
def codes_of(images, up, weight_y, right, weight_x, table, method, codes):
    """The code of each pixel.

    Point i of row y lies between the rows y + up[i] and the next, with weight_y[i, y] on the next; columns alike.
    The table may be empty; codes are then worked out pixel by pixel.
    """
    n, height, width = images.shape
    points = up.size
    margin = 0
    for i in range(points):
        margin = max(margin, -up[i], up[i] + 1, -right[i], right[i] + 1)
    inner = (width + LANES - 1) // LANES * LANES
    across = np.zeros((points, inner))
    for i in range(points):
        for x in range(width):
            across[i, x] = weight_x[i, x]
    # unsigned numbers: numba takes signed ones for possibly negative indices, and then cannot use wide registers
    stride, one, columns = np.uint64(inner + 2 * margin), np.uint64(1), range(np.uint64(inner))
    band = np.zeros((min(BAND, height) + 2 * margin) * (inner + 2 * margin))
    pattern = np.zeros(inner, np.int32)
    for k in range(n):
        for first in range(0, height, BAND):
            last = min(first + BAND, height)
            for y in range(first - margin, last + margin):
                row = np.uint64((y - first + margin) * (inner + 2 * margin) + margin)
                inside = 0 <= y < height
                for x in range(np.uint64(width)):
                    band[row + x] = images[k, y, x] if inside else 0
            for y in range(first, last):
                center = np.uint64((y - first + margin) * (inner + 2 * margin) + margin)
                for x in columns:
                    pattern[x] = 0
                for i in range(points):
                    at = np.uint64((y - first + margin + up[i]) * (inner + 2 * margin) + margin + right[i])
                    bit, down = np.int32(1) << np.int32(i), weight_y[i, y]
                    if down == 0 and across[i, 0] == 0:  # on a pixel
                        for x in columns:
                            pattern[x] |= bit if band[at + x] >= band[center + x] else np.int32(0)
                    else:
                        for x in columns:
                            w = across[i, x]
                            top = (1 - w) * band[at + x] + w * band[at + x + one]
                            bottom = (1 - w) * band[at + stride + x] + w * band[at + stride + x + one]
                            value = (1 - down) * top + down * bottom
                            pattern[x] |= bit if value >= band[center + x] else np.int32(0)
                if table.size:
                    for x in range(np.uint64(width)):
                        codes[k, y, x] = table[np.uint64(pattern[x])]
                else:
                    for x in range(np.uint64(width)):
                        codes[k, y, x] = code_of(pattern[x], points, method)


@jit
def count(codes, masks, cell_y, cell_x, counts):
    """Add up codes: counts[image, cell_y, cell_x, code]. No masks (length 0): every pixel counts."""
    n, height, width = codes.shape
    for k in range(n):
        for y in range(height):
            for x in range(width):
                if len(masks) == 0 or masks[k, y, x]:
                    counts[k, cell_y[y], cell_x[x], codes[k, y, x]] += 1
