"""The loops of glcm.py."""

import numpy as np

from medlab.kernels import jit

# The entry of levels i and j stands at (i << 8) | j: shifts instead of divisions, and room for 256 levels.


@jit
def properties_of(images, masks, steps, symmetric, with_entropy, out, pairs):
    """All properties of the matrix of each image and step, into out[image, property, step].

    The order of the properties is that of `glcm.GLCM_PROPERTIES`. A step is (rows down, columns right). Without masks
    (length 0) every pixel counts. `pairs` gets the number of pairs behind each matrix.
    """
    n, height, width = images.shape
    counts = np.zeros(2**16, np.int32)
    # a patch fills a small part of the matrix: only the entries that it touches are looked at again
    touched = np.empty(min(counts.size, height * width) + 1, np.int32)
    for k in range(n):
        for s in range(len(steps)):
            down, right = steps[s, 0], steps[s, 1]
            total, used = 0, 0
            for y in range(max(0, -down), min(height, height - down)):
                for x in range(max(0, -right), min(width, width - right)):
                    if len(masks) and not (masks[k, y, x] and masks[k, y + down, x + right]):
                        continue
                    entry = (np.uint64(images[k, y, x]) << np.uint64(8)) | np.uint64(images[k, y + down, x + right])
                    touched[used] = entry
                    used += counts[entry] == 0
                    counts[entry] += 1
                    total += 1
            pairs[k, s] = total
            if total:
                _reduce(counts, touched[:used], total, symmetric, with_entropy, out[k, :, s])
            for t in range(used):
                counts[touched[t]] = 0


@jit
def _reduce(counts, touched, total, symmetric, with_entropy, out):
    """Properties of one matrix, from its entries above 0.

    Each pair is counted in one order only. What a symmetric matrix adds is the mean q of an entry and its mirror image:
    the sum over the symmetric matrix of q · f, for f the same in both, is the sum of p · f.
    """
    sum_i, sum_j = 0, 0
    for entry in touched:
        sum_i += (entry >> 8) * counts[entry]
        sum_j += (entry & 255) * counts[entry]
    mean_i, mean_j = sum_i / total, sum_j / total
    if symmetric:
        mean_i = mean_j = (sum_i + sum_j) / (2 * total)
    contrast = dissimilarity = homogeneity = asm = variance_i = variance_j = covariance = entropy = 0.0
    for entry in touched:
        i, j = entry >> 8, entry & 255
        p = q = counts[entry] / total
        if symmetric:
            q = (counts[entry] + counts[(j << 8) | i]) / (2 * total)
        contrast += p * (i - j) ** 2
        dissimilarity += p * abs(i - j)
        homogeneity += p / (1 + (i - j) ** 2)
        asm += p * q
        variance_i += p * (i - mean_i) ** 2
        variance_j += p * (j - mean_j) ** 2
        covariance += p * (i - mean_i) * (j - mean_j)
        if with_entropy:
            entropy -= p * np.log(q)
    if symmetric:
        variance_i = variance_j = (variance_i + variance_j) / 2
    spread = np.sqrt(variance_i) * np.sqrt(variance_j)
    out[0], out[1], out[2], out[3], out[4] = contrast, dissimilarity, homogeneity, asm, np.sqrt(asm)
    out[5] = covariance / spread if spread > 0 else 1.0
    out[6], out[7], out[8], out[9] = mean_i, variance_i, np.sqrt(variance_i), entropy
