"""The loops of lbp.py.

Each takes a block of images, or a band of rows of one, with the rows around it that exist: outside of the block is 0.
Pixels are copied into a flat `band` that has a rim of 0, a pixel `stride` after the one above it: a few rows at a time,
so that they stay in the cache.
"""

import numpy as np

from medlab.kernels import jit

BAND = 2**12  # pixels, or one row if that is longer
LANES = 64  # rows and bands are padded to a multiple of this, so that no loop ends in single pixels


@jit
def codes_of(images, above, up, weight_y, right, weight_x, table, codes):
    """The code of each pixel for any circle; the first row of `codes` is row `above` of the block.

    Point i of row y lies between the rows y + up[i] and the next, with weight_y[i, y] on the next; columns alike.
    The table gives the code of each pattern, one bit a point; where it is empty, the codes are the patterns.
    """
    n, height, width = codes.shape
    points = up.size
    margin = max(0, -up.min(), up.max() + 1, -right.min(), right.max() + 1)
    inner = (width + LANES - 1) // LANES * LANES
    across = np.zeros((points, inner))
    across[:, :width] = weight_x
    # unsigned numbers: numba takes signed ones for possibly negative indices, and then cannot use wide registers
    stride, columns = np.uint64(inner + 2 * margin), range(np.uint64(inner))
    rows = min(height, 1 + BAND // inner)
    band = np.zeros((rows + 2 * margin) * (inner + 2 * margin))
    pattern = np.zeros(inner, np.int32)
    for k in range(n):
        for first in range(0, height, rows):
            last = min(first + rows, height)
            _copy(images[k], above + first - margin, above + last + margin, margin, stride, band)
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
                        _set_bits(bit, band, center, at, stride, across[i], down, pattern)
                for x in range(np.uint64(width)):
                    codes[k, y, x] = table[np.uint64(pattern[x])] if table.size else pattern[x]


@jit
def near_codes_of(images, above, up, weight_y, right, weight_x, table, codes):
    """The same for bytes and eight points at radius 1, in whole numbers of two bytes: many fit into a register."""
    n, height, width = codes.shape
    stride = np.uint64(width + 1)  # the 0 after a row is also the one before the next
    rows = min(height, 1 + BAND // (width + 1))
    padded = (rows * (width + 1) + LANES - 1) // LANES * LANES
    band = np.zeros(padded + 2 * (width + 1) + 2, np.int16)
    patterns = np.zeros(padded, np.int16)
    for k in range(n):
        for first in range(0, height, rows):
            last = min(first + rows, height)
            _copy(images[k], above + first - 1, above + last + 1, 1, stride, band)
            many = _near_patterns(band, stride, patterns) and (patterns > 255).sum() > patterns.size // 8
            for y in range(first, last):
                start = np.uint64((y - first) * (width + 1))
                if many:  # one tie after the other would take longer
                    row = patterns[start : start + np.uint64(width)]
                    row &= np.int16(0b10101010 ^ 255)
                    for i in range(1, 8, 2):
                        at = start + np.uint64(up[i] + 1) * stride + np.uint64(right[i] + 1)
                        center = start + stride + np.uint64(1)
                        _set_bits(np.int16(1 << i), band, center, at, stride, weight_x[i], weight_y[i, y], row)
                for x in range(np.uint64(width)):
                    pattern = patterns[start + x]
                    if pattern > 255:
                        pattern = _untied(pattern, band, start + x, stride, up, weight_y[:, y], right, weight_x[:, x])
                    codes[k, y, x] = table[np.uint64(pattern)]


@jit
def _copy(image, first, last, margin, stride, band):
    """Some rows of an image into the band; rows outside of the image are 0."""
    height, width = image.shape
    for y in range(first, last):
        start = np.uint64(y - first) * stride + np.uint64(margin)
        inside = 0 <= y < height
        for x in range(np.uint64(width)):
            band[start + x] = image[y, x] if inside else 0


@jit
def _near_patterns(band, stride, patterns):
    """The bit of each of eight points, the first on the right; bits 8 to 11: the points between pixels that tie.

    Returns whether there are ties.
    """
    above, here, below = band, band[stride:], band[stride + stride :]
    left, middle, right = np.uint64(0), np.uint64(1), np.uint64(2)
    seen = np.int16(0)
    for x in range(np.uint64(patterns.size)):
        pixel = here[x + middle]
        east, west = np.int16(here[x + right] - pixel), np.int16(here[x + left] - pixel)
        north, south = np.int16(above[x + middle] - pixel), np.int16(below[x + middle] - pixel)
        north_east = _excess(np.int16(above[x + right] - pixel), np.int16(north + east))
        north_west = _excess(np.int16(above[x + left] - pixel), np.int16(north + west))
        south_west = _excess(np.int16(below[x + left] - pixel), np.int16(south + west))
        south_east = _excess(np.int16(below[x + right] - pixel), np.int16(south + east))
        pattern = np.int16(1) if east >= 0 else np.int16(0)
        pattern |= np.int16(2) if north_east >= 0 else np.int16(0)
        pattern |= np.int16(4) if north >= 0 else np.int16(0)
        pattern |= np.int16(8) if north_west >= 0 else np.int16(0)
        pattern |= np.int16(16) if west >= 0 else np.int16(0)
        pattern |= np.int16(32) if south_west >= 0 else np.int16(0)
        pattern |= np.int16(64) if south >= 0 else np.int16(0)
        pattern |= np.int16(128) if south_east >= 0 else np.int16(0)
        pattern |= np.int16(256) if north_east == 0 else np.int16(0)
        pattern |= np.int16(512) if north_west == 0 else np.int16(0)
        pattern |= np.int16(1024) if south_west == 0 else np.int16(0)
        pattern |= np.int16(2048) if south_east == 0 else np.int16(0)
        patterns[x] = pattern
        seen = np.int16(seen | pattern)  # numba would go on in eight bytes
    return seen > 255


@jit
def _excess(corner, sides):
    """A number with the sign of what a point between four pixels has above the pixel in the middle, 0 if nothing.

    The middle is one of the four; `corner` is the excess of the pixel opposite, `sides` that of the other two together.
    The coordinates of the point are 0.70711, so the sign is that of 70711 corner + 29289 sides. That is
    1010 (70 corner + 29 sides) + 11 corner - sides: from 4 or -4 on the bracket decides alone, so cut off there all of
    it fits into 16 bits.
    """
    coarse = np.int16(np.int16(corner * np.int16(70)) + np.int16(sides * np.int16(29)))
    coarse = min(max(coarse, np.int16(-4)), np.int16(4))
    return np.int16(np.int16(coarse * np.int16(1010)) + np.int16(np.int16(corner * np.int16(11)) - sides))


@jit
def _set_bits(bit, band, center, at, stride, across, down, patterns):
    """Set the bit of one point in a row of patterns: where what lies between four pixels is at least the center."""
    one = np.uint64(1)
    for x in range(np.uint64(patterns.size)):
        w = across[x]
        top = (1 - w) * band[at + x] + w * band[at + x + one]
        bottom = (1 - w) * band[at + stride + x] + w * band[at + stride + x + one]
        patterns[x] |= bit if (1 - down) * top + down * bottom >= band[center + x] else bit ^ bit


@jit
def _untied(pattern, band, corner, stride, up, weight_y, right, weight_x):
    """The pattern of a pixel with ties, which the last bit of the interpolation decides; `corner` is up and left of it.

    A tie has the bit of its point set.
    """
    center = band[corner + stride + np.uint64(1)]
    for i in range(1, 8, 2):
        if pattern >> (8 + i // 2) & 1:
            at = corner + np.uint64(up[i] + 1) * stride + np.uint64(right[i] + 1)
            w, down = weight_x[i], weight_y[i]
            top = (1 - w) * band[at] + w * band[at + np.uint64(1)]
            bottom = (1 - w) * band[at + stride] + w * band[at + stride + np.uint64(1)]
            if (1 - down) * top + down * bottom < center:
                pattern ^= 1 << i
    return pattern & 255


@jit
def count(codes, masks, cell_y, cell_x, counts):
    """Add up codes: counts[image, cell_y, cell_x, code]. No masks (length 0): every pixel counts."""
    n, height, width = codes.shape
    for k in range(n):
        for y in range(height):
            for x in range(width):
                if len(masks) == 0 or masks[k, y, x]:
                    counts[k, cell_y[y], cell_x[x], codes[k, y, x]] += 1
