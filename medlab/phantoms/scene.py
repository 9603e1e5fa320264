"""The piece of lung around one nodule: vessels, chest wall, fine texture; it can be scanned more than once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from medlab.phantoms import tissue
from medlab.phantoms.shape import Shape, cross, directions
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
        self.attributes = dict(attributes)
        self.shape = Shape(rng, attributes)
        self.substance = Substance(rng, attributes)
        large = self.shape.large
        self.lung = tissue.LUNG + 25 * rng.standard_normal()
        self.grain = rng.uniform(20, 44)
        self.warp = (
            np.float32(directions(rng, 3) * rng.uniform(0.15, 0.4, (3, 1))),
            np.float32(rng.uniform(0, 6.3, (3, 1))),
        )
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
        wall = (
            self.wall.draw(np.zeros(points.shape[1], np.float32), self._bent(points, 1.0), voxel) if self.wall else 0.0
        )
        return nodule * (1 - wall), wall + 0 * nodule

    def _bent(self, points: np.ndarray, stretch: float) -> np.ndarray:
        """Points moved along smooth waves, which bend vessels and wall."""
        (waves, phases), points = self.warp, points / np.float32(stretch)
        return points + 1.1 * np.sin(waves @ points + phases)


class Substance:
    """What a nodule consists of: ground glass, a solid core, calcium; drawn by texture and calcification."""

    def __init__(self, rng: np.random.Generator, attributes: Mapping[str, Any]):
        self.texture, self.margin = attributes["texture"], attributes["margin"]
        self.pattern = int(attributes["calcification"])
        self.solid = tissue.SOLID + 22 * rng.standard_normal()
        # small nodules are seldom wholly solid
        self.solid -= 60 * float(np.exp(-(attributes["diameter_mm"] - 4) / 3)) * rng.uniform(0, 2) * (self.margin < 5)
        self.glass = tissue.GROUND_GLASS + 45 * rng.standard_normal()
        self.calcium = tissue.CALCIUM * float(np.exp(0.45 * rng.standard_normal()))
        self.waves, self.phases = (
            np.float32(directions(rng, 7) * rng.uniform(0.25, 1.8, (7, 1))),
            np.float32(rng.uniform(0, 6.3, (7, 1))),
        )
        self.off = np.float32(directions(rng, 1)[0] * rng.uniform(0, 0.25))
        smooth = self.margin == 5 and attributes["sphericity"] == 5
        large = float(edge(attributes["diameter_mm"] - 10, 4.0)) * (self.pattern == 6 and not smooth)
        self.cavity = rng.uniform(0.3, 0.6) * (rng.random() < 0.06 * large)  # its radius over the nodule's
        self.bronchi = np.float32(directions(rng, 3) * (rng.random() < 0.15 * large)), rng.uniform(0.5, 0.9, 3)
        self.grains = np.float32(directions(rng, 7) * rng.uniform(0.1, 0.7, (7, 1)))

    def draw(self, hu: np.ndarray, shape: Shape, points: np.ndarray, voxel: float, growth: float = 1.0):
        """Lay the nodule over `hu`, flat, in place; returns the part of each voxel that it fills."""
        filled = np.zeros(len(hu), np.float32)
        extent = growth * (shape.extent + 2 + shape.ragged)
        near = np.flatnonzero((np.abs(points) < extent).all(0))
        if not len(near):
            return filled
        local = points[:, near] / np.float32(growth)
        depth, share = shape.filled(local, voxel=voxel / growth, margin=self.margin)
        ripple = np.sin(self.waves @ local + self.phases).sum(0) / 2
        radius, here = shape.radius, hu[near]
        if shape.ragged:  # denser lung around it
            haze = 130 * shape.ragged * np.exp(np.minimum(depth, 0) / 1.6) * np.clip(1 + 0.7 * ripple, 0, 2)
            here += haze * np.clip((self.solid - here) / (self.solid - tissue.LUNG), 0, 1)
        part = 1.0
        if self.texture < 4.5:  # part of it is ground glass, which adds to the lung and veils the vessels in it
            core = ((self.texture - 1) / 4) ** 0.8 - 0.08  # of the radius
            away = np.linalg.norm(local - (self.off * radius)[:, None], axis=0) / radius
            part = edge((core - away + 0.16 * ripple) * radius, 1.2 + 0.25 * radius) if core > 0.05 else 0.0
            veil = (self.glass + 55 * ripple - tissue.LUNG) * np.clip(
                (self.solid - here) / (self.solid - tissue.LUNG), 0, 1.2
            )
            here += share * (1 - part) * veil
        over(here, share * part, self.solid + 12 * ripple)
        self._air(here, local, depth, ripple, radius)
        hu[near] = here + share * self._calcified(local, depth, radius)
        filled[near] = share
        return filled

    def _air(self, here: np.ndarray, local: np.ndarray, depth: np.ndarray, ripple: np.ndarray, radius: float) -> None:
        """Lay the cavity and the air-filled bronchi, if there are any, over `here`."""
        if self.cavity:
            r = np.linalg.norm(local - (self.off * radius)[:, None], axis=0)
            over(here, edge(np.minimum((self.cavity + 0.05 * ripple) * radius - r, depth - 2), 1.5), tissue.AIRWAY)
        ways, wide = self.bronchi
        for way, foot, w in zip(ways, self.grains[:3], wide, strict=True):
            if way.any():
                away = local - (foot * radius)[:, None]
                square = np.einsum("in,in->n", away, away) - (way @ away) ** 2
                over(here, thread(square, w, 1.0) * edge(depth - 1, 2.0), tissue.AIRWAY)

    def _calcified(self, local: np.ndarray, depth: np.ndarray, radius: float) -> np.ndarray | float:
        if self.pattern == 6:
            return 0.0
        middle = (self.off * radius)[:, None]
        r = np.linalg.norm(local - middle * (1.6 if self.pattern == 4 else 0.3), axis=0)
        if self.pattern == 1:  # popcorn: several grains
            part = sum(thread(np.sum((local - (g * radius)[:, None]) ** 2, 0), 0.2 * radius, 0.5) for g in self.grains)
        elif self.pattern == 2:  # laminated: shells
            part = edge(depth, 1.0) * (0.5 + 0.5 * np.cos(2 * np.pi * depth / max(2.0, 0.45 * radius)))
        elif self.pattern == 3:  # the whole nodule
            part = edge(depth - 0.1 * radius, 1.5)
        else:  # 5 central, 4 off the centre
            part = edge((0.5 if self.pattern == 5 else 0.3) * radius - r, 1.0)
        return self.calcium * np.minimum(part, 1)


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
        d = np.float32(self.bow) - np.sqrt(
            np.sum((points + (self.out * np.float32(self.bow - self.gap))[:, None]) ** 2, 0)
        )
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
