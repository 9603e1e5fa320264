"""A chest CT with nodules in its lungs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import find_objects

from medlab import arguments
from medlab.phantoms import tissue
from medlab.phantoms.anatomy import Anatomy, draw_tube, grow
from medlab.phantoms.attributes import sample_attributes
from medlab.phantoms.nodules import Nodule, check_grid, drawn_truth, points_at
from medlab.phantoms.scanner import Scanner, blur, noise
from medlab.phantoms.scene import Substance, grain
from medlab.phantoms.shape import Shape
from medlab.phantoms.tissue import edge


@dataclass(frozen=True)
class Chest:
    """A chest CT whose truth is known.

    Attributes:
        image: HU, int16, (z, y, x); z to the head, y to the back, x to the patient's left.
        lungs: Both lungs with their vessels and nodules, bool.
        labels: uint8 or uint16: 0 no nodule, i + 1 where `nodules[i]` is.
        boxes: Tight around each nodule, (n, 6), (z0, y0, x0, z1, y1, x1), half open.
        nodules: One `Nodule` each: `image` and `mask` are cut out at its box, `box` is in voxels of the chest.
        spacing: (z, y, x) in mm.
        scanner: How it was scanned.
    """

    image: np.ndarray
    lungs: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    nodules: list[Nodule]
    spacing: tuple[float, float, float]
    scanner: Scanner


def chest_ct(
    seed: int,
    *,
    n_nodules: int = 20,
    shape: tuple[int, int, int] = (64, 256, 256),
    spacing: tuple[float, float, float] = (1.25, 1.3, 1.3),
    **scanner: Any,
) -> Chest:
    """One chest, 80 mm of it from the heart to the aortic arch by default, with nodules in the lungs.

    With the default spacing a nodule of 5 mm spans 4 slices. Nodules lie wholly in the field and in the lungs, do not
    touch each other, and are juxta-pleural and juxta-vascular where their attributes say so. Where one finds no room,
    another one is drawn: with many nodules large ones become rarer.

    Args:
        seed: 0 or above; decides everything.
        n_nodules: 0 or more; 60 fit as a rule.
        shape: Voxels (z, y, x).
        spacing: Voxel size (z, y, x) in mm.
        **scanner: Fields of `Scanner`: dose, kernel, thickness_mm.

    Raises:
        ValueError: If an argument is out of range, or no room is left for so many nodules.
    """
    check_grid(seed, shape, spacing)
    n_nodules = arguments.whole(n_nodules, "n_nodules")
    for name in scanner:
        arguments.choice(name, "a scanner setting", Scanner.__dataclass_fields__)
    machine = Scanner(**scanner)
    rng = np.random.default_rng([seed, 11])
    body = Anatomy(rng)
    axes = [((np.arange(n) - (n - 1) / 2) * s).astype(np.float32) for n, s in zip(shape, spacing, strict=True)]
    hu, depth = _draw_body(body, axes, float(np.sqrt(spacing[1] * spacing[2])))
    lungs = depth > 0
    trees = _draw_trees(rng, body, axes, hu)
    fine = (11 + 12 * rng.random()) * grain(rng, shape, spacing)
    np.multiply(fine, lungs, out=fine)
    hu += fine
    labels = np.zeros(shape, np.uint8 if n_nodules < 256 else np.uint16)
    facts = _place_all(np.random.default_rng([seed, 12]), n_nodules, body, axes, hu, depth, labels, trees)
    hu = blur(hu, machine, spacing)
    hu += noise(rng, shape, spacing, machine)
    image = np.clip(np.rint(hu, out=hu), -1024, 3071).astype(np.int16)
    nodules, spacing = [], tuple(map(float, spacing))
    for number, (cut, (attributes, truth)) in enumerate(zip(find_objects(labels), facts), start=1):
        box = (*(span.start for span in cut), *(span.stop for span in cut))
        nodules.append(Nodule(image[cut], labels[cut] == number, box, spacing, attributes, *truth))
    boxes = np.array([n.box for n in nodules], int).reshape(-1, 6)
    return Chest(image, lungs, labels, boxes, nodules, spacing, machine)


def _draw_body(body: Anatomy, axes: list[np.ndarray], voxel: float) -> tuple[np.ndarray, np.ndarray]:
    """CT numbers and depth in the lungs, slice by slice."""
    hu = np.empty([len(a) for a in axes], np.float32)
    depth = np.empty_like(hu)
    y, x = np.meshgrid(axes[1], axes[2], indexing="ij")
    for i, z in enumerate(axes[0]):
        hu[i], depth[i] = body.draw_slice(float(z), y, x, voxel)
        near = np.exp(-0.5 * np.square(body.fissures(float(z), y, x) / (0.45 + 0.3 * voxel)))
        hu[i] += 170 * near / max(voxel, 0.7) * edge(depth[i] - 1, 2.0)
    return hu, depth


def _draw_trees(rng: np.random.Generator, body: Anatomy, axes: list[np.ndarray], hu: np.ndarray) -> np.ndarray:
    """Draw arteries, veins and airways; returns points on small vessels, (n, 3)."""
    reach = float(axes[0][-1]) + 15
    points = []
    air = [((70.0, 24, 0), (14.0, 22, 0), 8.0)]
    for side in (-1, 1):
        hilum = np.array([-2.0, 12, 40 * side]) + rng.uniform(-3, 3, 3)
        draw_tube(hu, axes, (4.0, -8.0, 12.0 * side), hilum, 8.0, tissue.BLOOD)
        air.append(((14.0, 22, 0), tuple(hilum + np.array([0, 9, -6 * side])), 6.0))
        for artery in (True, False):
            root = hilum if artery else hilum + np.array([-9, -6, -3 * side])
            p = rng.uniform([-reach, -85, 12], [reach, 85, 135], (1800, 3)) * [1, 1, side]
            p = p[body.lungs(*p.T) > 2.5][:260]
            starts, ends, radii = grow(rng, root, p)
            for start, end, radius in zip(starts, ends, radii, strict=True):
                draw_tube(hu, axes, start, end, radius, tissue.BLOOD)
            small = (radii < 1.6) & (np.abs(ends[:, 0]) < axes[0][-1])
            points.append(ends[small])
            if artery:
                beside = np.array([0.3, 1.0, 0.2 * side])
                for start, end, radius in zip(starts, ends, radii, strict=True):
                    if radius > 1.15:
                        air.append((start + beside * 2.1 * radius, end + beside * 2.1 * radius, 0.85 * radius))
    for start, end, radius in air:
        draw_tube(hu, axes, start, end, radius * 1.2 + 0.4, tissue.AIRWAY_WALL)
    for start, end, radius in air:  # after all walls, so that branches connect
        draw_tube(hu, axes, start, end, radius, tissue.AIRWAY)
    return np.concatenate(points)


def _place_all(rng, n, body, axes, hu, depth, labels, trees) -> list[tuple]:
    """Draw n nodules into `hu` and `labels`: attributes and truth of each."""
    taken, facts = np.empty((0, 4)), []
    for i in range(n):
        for _ in range(40):
            attributes = sample_attributes(rng)
            truth = drawn_truth(rng, attributes)
            shape, substance = Shape(rng, attributes), Substance(rng, attributes)
            centre = _room(rng, attributes["position"], shape, body, axes, taken, trees)
            if centre is not None and _draw_nodule(shape, substance, centre, axes, hu, depth, labels, i + 1):
                break
        else:
            raise ValueError(f"n_nodules={n}: no room in these lungs after {i}; ask for fewer, or for a larger shape")
        taken = np.vstack([taken, [*centre, shape.extent]])
        facts.append((attributes, truth))
    return facts


def _room(rng, position, shape: Shape, body: Anatomy, axes, taken: np.ndarray, trees: np.ndarray) -> np.ndarray | None:
    """A centre where the nodule lies as its position says, clear of others and of the field's edge; None if none."""
    if position == "juxta-vascular" and len(trees):
        p = trees[rng.integers(len(trees), size=400)] + rng.uniform(0.5, 0.9) * shape.radius * _unit(rng, 400)
    else:
        ends = [np.maximum(np.abs(a[-1]), 1) for a in axes]
        p = rng.uniform([-e for e in ends], ends, (3000, 3))
    inside = body.lungs(*p.T)
    if position == "juxta-pleural":
        good = np.abs(inside - 0.75 * shape.radius) < 0.2 * shape.radius
        good &= body.thorax(*p.T) < shape.radius * 1.2  # the chest wall, not the mediastinum
    else:
        good = inside > shape.reach + 2
    for column, axis in zip(p.T, axes, strict=True):
        good &= np.abs(column) < axis[-1] - shape.extent - 1
    for *centre, extent in taken:
        good &= np.linalg.norm(p - centre, axis=1) > extent + shape.extent + 3
    hits = np.flatnonzero(good)
    return p[hits[0]] if len(hits) else None


def _draw_nodule(shape, substance, centre, axes, hu, depth, labels, number) -> bool:
    """Draw one nodule into the grid; False, and nothing drawn, where no voxel is half filled."""
    reach = shape.extent + 2
    window = tuple(slice(*np.searchsorted(a, [c - reach, c + reach])) for a, c in zip(axes, centre))
    points = points_at([a[w] - np.float32(c) for a, w, c in zip(axes, window, centre)])
    part = hu[window]
    voxel = float(np.cbrt(np.prod([a[1] - a[0] for a in axes])))
    drawn = part.ravel().copy()
    filled = substance.draw(drawn, shape, points, voxel).reshape(part.shape)
    mask = (filled >= 0.5) & (depth[window] > 0)
    if not mask.any():
        return False
    part += edge(depth[window], 1.3 * voxel) * (drawn.reshape(part.shape) - part)
    labels[window][mask] = number
    return True


def _unit(rng: np.random.Generator, n: int) -> np.ndarray:
    v = rng.standard_normal((n, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)
