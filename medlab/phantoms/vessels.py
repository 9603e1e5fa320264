"""Branching trees of vessels and airways in the lungs, grown from the hilum and drawn as tubes."""

import numpy as np

from medlab.phantoms import tissue
from medlab.phantoms.tissue import edge, thread

LEAF = 0.72  # radius of the last branches, mm


def grow(rng: np.random.Generator, root: np.ndarray, targets: np.ndarray, *, step: float = 7.0):
    """A tree from `root` that reaches every target: (starts, ends, radii), (n, 3), (n, 3) in mm, and (n,).

    Each target joins the tree where way to it and way back to the root are short; a branch is as thick as the cube
    root of what it feeds. Source of the latter: Murray 1926, Proc Natl Acad Sci 12:207.
    """
    room = len(targets) * 40 + 1
    nodes, length, parent, n = np.empty((room, 3)), np.zeros(room), np.full(room, -1), 1
    nodes[0] = root
    for target in targets[np.argsort(np.linalg.norm(targets - root, axis=1))]:
        away = np.linalg.norm(nodes[:n] - target, axis=1)
        best = int(np.argmin(away + 0.45 * length[:n]))
        pieces = min(int(np.ceil(away[best] / step)), 30)
        start, at = nodes[best].copy(), best
        for k in range(1, pieces + 1):
            jitter = rng.standard_normal(3) * 0.12 * step * (k < pieces)
            nodes[n], parent[n] = start + (target - start) * (k / pieces) + jitter, at
            length[n] = length[at] + np.linalg.norm(nodes[n] - nodes[at])
            at, n = n, n + 1
    fed = np.zeros(n)
    leaf = np.ones(n, bool)
    leaf[parent[1:n]] = False
    fed[leaf] = 1
    for i in range(n - 1, 0, -1):
        fed[parent[i]] += fed[i]
    return nodes[parent[1:n]], nodes[1:n], LEAF * np.cbrt(fed[1:n])


def draw_tube(hu: np.ndarray, axes: list[np.ndarray], start, end, radius: float, value: float) -> None:
    """Lay a straight tube with round ends over `hu`, in place; `axes` are the voxel centres along z, y, x in mm."""
    steps = [a[1] - a[0] for a in axes]
    voxel = float(np.cbrt(np.prod(steps)))
    reach = radius + 1.5 * voxel
    window = []
    for a, p, q, s in zip(axes, start, end, steps, strict=True):
        low = int(np.floor((min(p, q) - reach - a[0]) / s))
        high = int(np.ceil((max(p, q) + reach - a[0]) / s)) + 1
        window.append(slice(max(low, 0), max(min(high, len(a)), 0)))
    part = hu[tuple(window)]
    if not part.size:
        return
    z, y, x = (a[w] - p for a, w, p in zip(axes, window, start, strict=True))
    z, y, x = z[:, None, None], y[:, None], x
    way = np.asarray(end) - start
    t = np.clip((z * way[0] + y * way[1] + x * way[2]) / max(way @ way, 1e-9), 0, 1)
    square = np.square(z - t * way[0]) + np.square(y - t * way[1]) + np.square(x - t * way[2])
    share = thread(square, radius, voxel) if radius < 1.5 * voxel else edge(radius - np.sqrt(square), 1.3 * voxel)
    part += (share * (value - part)).astype(part.dtype)


def draw_airways(hu: np.ndarray, axes: list[np.ndarray], tubes: list[tuple]) -> None:
    """Airways (start, end, radius of the lumen in mm): first all walls, then all lumens, so that branches connect."""
    for start, end, radius in tubes:
        draw_tube(hu, axes, start, end, radius * 1.2 + 0.4, tissue.AIRWAY_WALL)
    for start, end, radius in tubes:
        draw_tube(hu, axes, start, end, radius, tissue.AIRWAY)
