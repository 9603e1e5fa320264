"""The piece of lung around one nodule: vessels, chest wall, fine texture; it can be scanned more than once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from medlab.phantoms import tissue
from medlab.phantoms.shape import Shape, Substance, cross, directions
from medlab.phantoms.tissue import edge, over, thread

STEPS = np.linspace(0, 1, 25)[:, None]


class Scene:
    """One nodule in its surroundings, in mm from the nodule's centre, order (z, y, x). Nothing of it knows the label.

    Args:
        rng: Draws the nodule's shape and all around it.
        attributes: As `sample_attributes` gives them.
        half_mm: How far around the nodule something is to be seen.
    """

    def __init__(self, rng: np.random.Generator, attributes: Mapping[str, Any], *, half_mm: float):
        self.shape = Shape(rng, attributes)
        self.substance = Substance(rng, attributes)
        large = self.shape.large
        self.lung = tissue.LUNG + 25 * rng.standard_normal()
        self.grain = rng.uniform(20, 44)
        self.waves = np.float32(directions(rng, 3) * rng.uniform(0.15, 0.4, (3, 1)))
        self.phases = np.float32(rng.uniform(0, 6.3, (3, 1)))
        radius, position = self.shape.radius, attributes["position"]
        wall = rng.random() < 0.65
        gap = radius * rng.uniform(0.55, 0.95) if position == "juxta-pleural" else radius * 1.15 + rng.uniform(0.5, 9)
        self.wall = Wall(rng, gap) if wall or position == "juxta-pleural" else None
        pulled = rng.random() < 0.5 * self.shape.ragged and position != "juxta-pleural"
        self.vessels = []
        for _ in range(rng.poisson(4 + 8 * (half_mm / 16) ** 2)):
            self.vessels += _vessels(rng, self.shape.reach + 0.5, half_mm)
        smooth = attributes["margin"] == 5 and attributes["sphericity"] == 5
        for _ in range(0 if smooth else rng.poisson(0.4 + radius / 3 + 4 * large)):  # strands, whatever the label
            self.vessels.append(_strand(rng, directions(rng, 1)[0], radius, large, rng.uniform(3, 14)))
        if self.wall is not None and pulled:  # a tag to the pleura, which it draws in
            self.wall.dent = rng.uniform(0.2, 0.7) * (gap - radius)
            self.vessels.append(_strand(rng, self.wall.out, radius, large, gap))
        for _ in range(1 + rng.poisson(radius / 5) if position == "juxta-vascular" else 0):
            self.vessels += _vessels(rng, 0.0, half_mm, touch=radius)
        for _ in range(0 if smooth else rng.poisson(2 * large)):  # vessels that run into it or past it
            self.vessels += _vessels(rng, 0.0, half_mm, touch=radius * rng.uniform(0.8, 2.4))

    def tissue(
        self, points: np.ndarray, shape: tuple, spacing: tuple, rng: np.random.Generator, *, growth=1.0, stretch=1.0
    ):
        """CT numbers before the scanner and the part that the nodule fills, at voxel centres `points`, (3, n) in mm.

        `growth` enlarges the nodule, every length by that factor; `stretch` the surroundings, as a breath does, from
        the nodule's centre; `rng` draws the grain of the lung only.
        """
        voxel = float(np.cbrt(np.prod(spacing)))
        hu = self.lung + self.grain * grain(rng, shape, spacing).ravel()
        bent = self._bent(points, stretch)
        square, planes = np.einsum("in,in->n", bent, bent), points[0, :: len(hu) // shape[0]] / stretch
        for vessel in self.vessels:
            _draw(hu, vessel, bent, square, voxel, planes)
        filled = self.substance.draw(hu, self.shape, points, voxel, growth)
        if self.wall is not None:
            inside = self.wall.draw(hu, bent, voxel)
            filled *= inside < 0.5
        return hu.reshape(shape), filled.reshape(shape)

    def parts(self, points: np.ndarray, voxel: float) -> tuple[np.ndarray, np.ndarray]:
        """Part of each voxel that the nodule fills, and that the chest wall fills: what PET and MR are drawn from."""
        _, nodule = self.shape.filled(points, voxel=voxel, margin=self.substance.margin)
        wall = np.zeros_like(nodule)
        if self.wall:
            wall = self.wall.draw(np.zeros_like(nodule), self._bent(points, 1.0), voxel)
        return nodule * (1 - wall), wall

    def _bent(self, points: np.ndarray, stretch: float) -> np.ndarray:
        """Points moved along smooth waves, which bend vessels and wall."""
        points = points / np.float32(stretch)
        return points + 1.1 * np.sin(self.waves @ points + self.phases)


class Wall:
    """Chest wall at one side: pleura, muscle between ribs, fat, and a rib or two."""

    def __init__(self, rng: np.random.Generator, gap: float):
        self.out = directions(rng, 1)[0] * [0.35, 1, 1]
        self.out = np.float32(self.out / np.linalg.norm(self.out))
        self.bow = rng.uniform(70, 160)
        self.gap, self.dent = gap, 0.0  # dent: how far the nodule draws the pleura in, mm
        self.fat = rng.uniform(2, 8), rng.uniform(0, 3.5)
        ring = cross(self.out, np.array([1.0, 0, 0]))
        self.along = ring / np.linalg.norm(ring) + 0.4 * np.array([rng.standard_normal(), 0, 0])
        self.along = np.float32(self.along / np.linalg.norm(self.along))
        self.rib = rng.uniform(-14, 14), rng.uniform(3.5, 5), rng.uniform(5.5, 7.5), rng.uniform(20, 28)

    def draw(self, hu: np.ndarray, points: np.ndarray, voxel: float) -> np.ndarray:
        """Lay the wall over `hu`, flat, in place; returns the part of each voxel that it fills."""
        from_middle = points + (self.out * np.float32(self.bow - self.gap))[:, None]  # of the arch
        d = np.float32(self.bow) - np.sqrt(np.sum(from_middle**2, 0))
        if self.dent:
            aside = np.einsum("in,in->n", points, points) - (self.out @ points) ** 2
            d -= self.dent * np.exp(aside * np.float32(-1 / 30))
        share = np.zeros(len(hu), np.float32)
        on = np.flatnonzero(d < 1)
        if not len(on):
            return share
        t, p = -d[on], points[:, on].astype(np.float32)
        share[on] = edge(t, 1.2 * voxel)
        inner = np.full(len(on), tissue.MUSCLE, np.float32)
        start, thick = self.fat
        over(inner, edge(t - start, 1.5) * edge(start + thick - t, 1.5), tissue.FAT)
        at, half_t, half_h, step = self.rib
        up = cross(self.out, self.along)
        h = (up @ p - at + step / 2) % step - step / 2
        r = np.sqrt(((t - 5.5) / half_t) ** 2 + (h / half_h) ** 2)
        over(inner, edge((1 - r) * half_t, 1.0), 550.0)
        over(inner, edge((0.62 - r) * half_t, 1.0), tissue.TRABECULAR)
        hu[on] += share[on] * (inner - hu[on])
        return share


def grain(rng: np.random.Generator, shape: tuple, spacing: tuple) -> np.ndarray:
    """Texture of lung below what vessels are drawn for: unit variance, correlated over about 1.5 mm."""
    field = rng.standard_normal(shape, dtype=np.float32)
    sigma = [min(0.8 / s, 3.0) for s in spacing]
    field = gaussian_filter(field, sigma, mode="wrap", truncate=2.5)
    field *= np.float32(np.sqrt(np.prod([max(1.0, 2 * np.sqrt(np.pi) * s) for s in sigma])))
    return np.sinh(0.8 * field) * 0.9 + 0.25 * np.square(field) - 0.25


def _strand(rng: np.random.Generator, way: np.ndarray, radius: float, large: float, length: float) -> tuple:
    """A bent strand outwards from the nodule along `way`, ever thinner; in the form of `_vessels`."""
    bend = cross(way, directions(rng, 1)[0]) * 0.015
    thick = rng.uniform(0.35, 0.7 + 0.35 * large) * (1 + 0.04 * radius)
    end = 1.2 * radius + length
    zero = np.zeros(3, np.float32)
    return np.float32(way), zero, np.float32(bend), thick, radius * 0.5, end, large * 0.7 / end


def _vessels(rng: np.random.Generator, away: float, half: float, touch: float | None = None) -> list[tuple]:
    """A bent vessel and its branches, `away` mm or more from the centre.

    Each is (way, foot, bend, radius, start, end, taper).
    """
    way = directions(rng, 1)[0]
    side = cross(way, directions(rng, 1)[0])
    side /= np.sqrt(side @ side)
    radius = float(np.clip(np.exp(np.log(0.65) + 0.5 * rng.standard_normal()), 0.3, 2.6))
    far = half * 1.2 * np.sqrt(rng.random())
    foot = side * (away + radius + max(0.0, far - away))
    if touch is not None:
        radius = rng.uniform(0.6, 1.3) * (0.8 + 0.04 * touch)
        foot = side * touch * rng.uniform(0.4, 0.95)
    bend = side * rng.uniform(0, 0.012)
    start = rng.uniform(-half, half * 0.3) if rng.random() < 0.5 else -np.inf
    tubes = [(way, foot, bend, radius, start, np.inf, 0.012)]
    for _ in range(rng.integers(0, 3)):
        at = rng.uniform(-0.7, 0.7) * half
        turn = way + directions(rng, 1)[0] * 0.9
        turn /= np.sqrt(turn @ turn)
        origin = foot + way * at + bend * at**2
        along = float(origin @ turn)
        aside = origin - along * turn
        if at > start and (along > 0 or aside @ aside > away**2):
            thin = radius * rng.uniform(0.5, 0.85)
            tubes.append((turn, aside, 0 * bend, thin, along, np.inf, 0.012))
    return [(*(v.astype(np.float32) for v in tube[:3]), *tube[3:]) for tube in tubes]


def _draw(hu, vessel: tuple, points: np.ndarray, square: np.ndarray, voxel: float, planes: np.ndarray) -> None:
    """Lay one tube over `hu`, flat; `square` is |points|², `planes` the height of each slice of the grid."""
    _, foot, bend, radius, start, end, slope = vessel
    first, last = max(start, -60), min(end, 60)
    t = first + (last - first) * STEPS
    course = vessel[0] * t + foot + bend * t * t
    seen = course[np.abs(course).max(1) < np.abs(points[:, 0]).max() + 8, 0]
    if not len(seen):
        return
    reach = 2 * radius + 2 * voxel + 4.5  # the waves move points by 1.1 mm, and the course is known every 5 mm or less
    slices = np.searchsorted(planes, [seen.min() - reach, seen.max() + reach])
    part = slice(*(slices * (len(hu) // len(planes))))
    bends = bend.any()
    along, near, *bent = np.stack(vessel[: 2 + bends]) @ points[:, part]
    t2 = along * along
    # |p - foot - bend t²|² less the part along the tube; bend and foot are at right angles to it
    near *= -2
    near += square[part]
    near -= t2
    near += foot @ foot
    if bends:
        bent = bent[0]
        bent *= -2
        bent += (bend @ bend) * t2
        bent += 2 * (bend @ foot)
        bent *= t2
        near += bent
    on = np.flatnonzero(near < (2 * radius + 2 * voxel) ** 2)
    on = on[(along[on] > start) & (along[on] < end)]
    taper = radius * np.clip(1 - slope * along[on], 0.3, 1.5)
    seen = hu[part]
    seen[on] += thread(near[on], taper, voxel) * (tissue.BLOOD - seen[on])
