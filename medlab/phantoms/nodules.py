"""One lung nodule in a cube of lung: picture, mask, attributes, readers' opinions and truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from medlab import arguments
from medlab.phantoms.attributes import p_malignant, sample_attributes, sample_ratings
from medlab.phantoms.scanner import Scanner, blur, noise, sample_scanner
from medlab.phantoms.scene import Scene


@dataclass(frozen=True)
class Nodule:
    """A nodule whose truth is known.

    Attributes:
        image: CT in HU, int16, (z, y, x).
        mask: Voxels at least half filled by the nodule, bool, the same shape.
        box: Tight around the mask, (z0, y0, x0, z1, y1, x1), half open; in voxels of `image` (of the chest in a chest).
        spacing: (z, y, x) in mm.
        attributes: diameter_mm, spiculation, lobulation, margin, sphericity, texture, calcification, position.
        ratings: Opinion on malignancy, 1 to 5, one a reader.
        p_malignant: Probability of malignancy by the stated model.
        malignant: 1 or 0, drawn from it.
    """

    image: np.ndarray
    mask: np.ndarray
    box: tuple[int, ...]
    spacing: tuple[float, float, float]
    attributes: dict[str, Any]
    ratings: np.ndarray
    p_malignant: float
    malignant: int


def nodule(
    seed: int,
    *,
    shape: tuple[int, int, int] = (32, 32, 32),
    spacing: tuple[float, float, float] = (1, 1, 1),
    scanner: Scanner | None = None,
    **attributes: Any,
) -> Nodule:
    """One nodule in a cube of lung; the seed decides everything.

    Args:
        seed: 0 or above. Seeds that differ by one have nothing in common.
        shape: Voxels (z, y, x), each 4 or more.
        spacing: Voxel size (z, y, x) in mm, each 0.2 to 10.
        scanner: How it is scanned; drawn from a mix as in LIDC where left out, whatever the label.
        **attributes: Those of `sample_attributes` that are wanted; the others are drawn.

    Returns:
        A `Nodule`. Its centre lies up to 1 mm from the middle of the picture, drawn without regard to the label.

    Raises:
        ValueError: If an attribute is unknown or out of range, or shape, spacing or seed make no picture.

    >>> found = nodule(3, diameter_mm=9, texture=5)
    >>> found.image.shape, found.attributes["diameter_mm"], len(found.ratings) >= 3
    ((32, 32, 32), 9, True)
    """
    check_grid(seed, shape, spacing)
    rng = np.random.default_rng([seed, 1])
    attributes = sample_attributes(rng, **attributes)
    truth = drawn_truth(rng, attributes)
    rng = np.random.default_rng([seed, 2])  # from here on nothing knows the label
    scanner = scanner or sample_scanner(rng)
    scene = Scene(rng, attributes, half_mm=0.5 * max(n * s for n, s in zip(shape, spacing, strict=True)))
    shift = rng.uniform(-1, 1, 3) * np.minimum(1, np.array(shape) * spacing / 16)
    image, mask = scan(scene, grid(shape, spacing, shift), shape, spacing, scanner, rng)
    return Nodule(image, mask, tight_box(mask), tuple(map(float, spacing)), attributes, *truth)


def drawn_truth(rng: np.random.Generator, attributes: dict[str, Any]) -> tuple[np.ndarray, float, int]:
    """Ratings, p_malignant and malignant for these attributes; the ratings do not know whether it is malignant."""
    p = p_malignant(attributes)
    return sample_ratings(rng, p), p, int(rng.random() < p)


def scan(scene: Scene, points: np.ndarray, shape: tuple, spacing: tuple, scanner: Scanner, rng, **change: float):
    """Image in HU, int16, and mask of one scan of a scene on a grid of voxel centres `points`, (3, n) in mm.

    `change` is what happened to the scene since it was drawn: growth and stretch as in `Scene.tissue`.
    """
    fine = tuple(int(np.ceil(s / 1.25 - 1e-6)) for s in spacing)  # points a voxel, 1.25 mm apart or nearer
    if max(fine) == 1:
        hu, filled = scene.tissue(points, shape, spacing, rng, **change)
    else:
        hu, filled = _supersampled(scene, points, shape, spacing, rng, change, fine)
    mask = filled >= 0.5
    hu = blur(hu, scanner, spacing) + noise(rng, shape, spacing, scanner)
    return np.clip(np.round(hu), -1024, 3071).astype(np.int16), mask


def grid(shape: tuple, spacing: tuple, shift: np.ndarray) -> np.ndarray:
    """Voxel centres in mm from a point `shift` mm off the middle of the grid, (3, n), float32."""
    axes = [(np.arange(n) - (n - 1) / 2) * s - d for n, s, d in zip(shape, spacing, shift, strict=True)]
    return points_at(axes)


def points_at(axes: list[np.ndarray]) -> np.ndarray:
    """Points of a grid with these coordinates along z, y, x: (3, n), float32."""
    return np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1).astype(np.float32)


def tight_box(mask: np.ndarray) -> tuple[int, ...]:
    """Box around a mask, (z0, y0, x0, z1, y1, x1), half open; all 0 where it is empty."""
    if not mask.any():
        return (0,) * 6
    spans = arguments.box(mask)
    return (*(span.start for span in spans), *(span.stop for span in spans))


def check_grid(seed: int, shape: tuple, spacing: tuple) -> None:
    """Raise ValueError where seed, shape or spacing make no picture."""
    arguments.whole(seed, "seed")
    if len(shape) != 3 or any(int(n) != n or n < 4 for n in shape):
        raise ValueError(f"shape must be three whole numbers (z, y, x), each 4 or more, got {shape!r}")
    if len(spacing) != 3 or not all(0.2 <= s <= 10 for s in spacing):
        raise ValueError(f"spacing must be three sizes in mm (z, y, x), each 0.2 to 10, got {spacing!r}")


def _supersampled(scene: Scene, points: np.ndarray, shape: tuple, spacing: tuple, rng, change: dict, fine: tuple):
    """The scene on a finer grid, averaged to the voxels: partial volume where voxels are large."""
    many = tuple(n * f for n, f in zip(shape, fine, strict=True))
    small = tuple(s / f for s, f in zip(spacing, fine, strict=True))
    first = points.reshape(3, *shape)[:, 0, 0, 0]
    axes = [p + (np.arange(n) - (f - 1) / 2) * s for p, n, f, s in zip(first, many, fine, small, strict=True)]
    hu, filled = scene.tissue(points_at(axes), many, small, rng, **change)
    split = tuple(k for n, f in zip(shape, fine, strict=True) for k in (n, f))
    return hu.reshape(split).mean((1, 3, 5)), filled.reshape(split).mean((1, 3, 5))
