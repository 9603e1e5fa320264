"""A nodule: its shape, an ellipsoid with bumps (lobulation) and spikes (spiculation), and what it consists of."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from medlab.phantoms import tissue
from medlab.phantoms.tissue import edge, over, thread


class Shape:
    """The body and the spikes of one nodule, drawn from its attributes.

    Sphericity sets the axes, lobulation the bumps, spiculation number and length of the spikes; a large nodule is the
    more ragged at the rim, the less its margin and sphericity and the more its spiculation. Sphericity 5, lobulation
    1, spiculation 1 and margin 5 give an exact ball. The body has the volume of a ball of `diameter_mm` whatever its
    shape; the spikes come on top.
    """

    def __init__(self, rng: np.random.Generator, attributes: Mapping[str, Any]):
        a = attributes
        self.radius = a["diameter_mm"] / 2
        axes = directions(rng, 1)[0], *directions(rng, 2)
        self.axes = np.linalg.qr(np.array(axes).T)[0].T.astype(np.float32)
        self.large = float(edge(self.radius - 3.8, 3.2))  # 0 up to 4.4 mm in diameter, 1 from 10.8 mm
        long = 1 + (0.38 + 0.27 * self.large) * (5 - a["sphericity"]) * rng.uniform(0.7, 1.3)
        flat = long ** rng.uniform(-0.3, 0.8)
        stretch = np.array([long, flat, 1.0])
        self.stretch = (stretch / np.prod(stretch) ** (1 / 3)).astype(np.float32)

        rough = 0.17 * np.tanh(0.7 * (5 - a["margin"])) + 0.2 * np.tanh(0.6 * (5 - a["sphericity"]))
        rough *= min(0.8 + 0.12 * self.radius, 2.2)
        large = directions(rng, 6), 0.24 * (a["lobulation"] - 1) * rng.uniform(0.5, 1, 6), rng.uniform(4, 9, 6)
        n = 8 + int(self.radius)  # bumps of about the same mm, more of them on a large nodule
        small = directions(rng, n), rough * rng.uniform(-0.9, 1, n), rng.uniform(3, 10 + 2 * self.radius, n)
        self.bumps, self.height, self.focus = (np.float32(np.concatenate(pair)) for pair in zip(large, small))
        poor = (5 - a["margin"]) + 0.7 * (a["spiculation"] - 1) + 0.7 * (5 - a["sphericity"])
        self.ragged = self.large * float(np.tanh(0.33 * poor)) * rng.uniform(0.5, 1)  # 0 a smooth rim .. 1
        self.waves = np.float32(directions(rng, 8) * rng.uniform(0.3, 1.2, (8, 1)))
        self.phases = np.float32(rng.uniform(0, 6.3, (8, 1)))
        # short waves are low, or a large rim looks like a saw
        self.crests = np.float32(0.65 * self.ragged * np.minimum(1.2, 0.55 / np.linalg.norm(self.waves, axis=1)))
        self.scale = 1.0
        profile = self.profile(ball())
        self.scale = float(np.mean(profile**3) ** (-1 / 3))
        self.reach = self.radius * float(profile.max()) * self.scale * float(self.stretch.max()) * 1.1

        degree = a["spiculation"] - 1
        n = int(np.round((4 + 11 * degree) * rng.uniform(0.7, 1.3))) if degree >= 0.3 else 0
        self.spikes = np.float32(directions(rng, n))
        self.bend = np.float32(cross(self.spikes, directions(rng, n)) * 0.02)
        self.length = (2.5 + 0.35 * self.radius) * (0.7 + 0.25 * degree) * np.exp(rng.uniform(-1.2, 0.4, n))
        self.thick = rng.uniform(0.6, 1.4, n) * (0.7 + 0.08 * self.radius)
        self.extent = self.reach + (float(self.length.max()) + 1 if n else 0)

    def profile(self, unit: np.ndarray) -> np.ndarray:
        """Radius over the mean radius in directions `unit`, (3, n), before the axes are stretched."""
        if not self.height.any():
            return np.full(unit.shape[1], self.scale, np.float32)
        near = self.bumps @ unit
        near -= 1
        near *= self.focus[:, None]
        np.exp(near, out=near)
        return self.scale * np.maximum(1 + self.height @ near, 0.3)

    def depth(self, points: np.ndarray) -> np.ndarray:
        """How deep `points`, (3, n) in mm from the centre, lie inside the body, mm; negative outside."""
        q = (self.axes @ points) / self.stretch[:, None]
        r = np.sqrt(np.einsum("in,in->n", q, q)) + 1e-6
        steep = np.sqrt(np.einsum("in,in->n", q / self.stretch[:, None], q / self.stretch[:, None])) / r
        depth = (self.radius * self.profile(q / r) - r) / np.maximum(steep, 1e-3)
        if self.ragged:  # fringes and notches of some mm, at the rim only
            rim = np.flatnonzero(np.abs(depth) < 4)
            depth[rim] += self.crests @ np.sin(self.waves @ points[:, rim] + self.phases)
        return depth

    def spiked(self, points: np.ndarray, voxel: float) -> np.ndarray:
        """Part of each voxel of `voxel` mm at `points` that spikes fill."""
        share = np.zeros(points.shape[1], np.float32)
        square = np.einsum("in,in->n", points, points)
        for way, bend, length, thick in zip(self.spikes, self.bend, self.length.tolist(), self.thick.tolist()):
            foot = self.radius * 0.7
            along = way @ points
            tip = self.reach / 1.1 + length
            on = np.flatnonzero((along > foot) & (along < tip) & (square - along**2 < 9 + (0.05 * tip) ** 2))
            t = along[on]
            away = points[:, on] - way[:, None] * t - bend[:, None] * (t - foot) ** 2
            taper = thick * np.clip((tip - t) / (tip - foot), 0.25, 1)
            share[on] = np.maximum(share[on], thread(np.einsum("in,in->n", away, away), taper, voxel))
        return share

    def filled(self, points: np.ndarray, *, voxel: float, margin: float) -> tuple[np.ndarray, np.ndarray]:
        """Depth in the body in mm, and part of each voxel that the nodule fills: partial volume and soft margin."""
        depth = self.depth(points)
        soft = (0.8 * np.sqrt(5 - margin) + 0.12 * (5 - margin) ** 1.3) * min(1.0, self.radius / 3)
        share = edge(depth, float(np.hypot(1.2 * voxel, 2 * soft))).astype(np.float32)
        return depth, np.maximum(share, self.spiked(points, voxel)) if len(self.spikes) else share


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
        self.waves = np.float32(directions(rng, 7) * rng.uniform(0.25, 1.8, (7, 1)))
        self.phases = np.float32(rng.uniform(0, 6.3, (7, 1)))
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
            free = np.clip((self.solid - here) / (self.solid - tissue.LUNG), 0, 1.2)
            here += share * (1 - part) * ((self.glass + 55 * ripple - tissue.LUNG) * free)
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


def directions(rng: np.random.Generator, n: int) -> np.ndarray:
    """`n` directions, (n, 3), any as likely as any other."""
    v = rng.standard_normal((n, 3))
    return v / np.maximum(np.sqrt(np.einsum("ni,ni->n", v, v)), 1e-9)[:, None]


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product along the last axis, of length 3; `np.cross` takes ten times as long for one vector."""
    return a[..., [1, 2, 0]] * b[..., [2, 0, 1]] - a[..., [2, 0, 1]] * b[..., [1, 2, 0]]


@cache
def ball(n: int = 400) -> np.ndarray:
    """Directions spread evenly over the sphere, (3, n), on a spiral."""
    i = np.arange(n) + 0.5
    z, turn = 1 - 2 * i / n, np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - z**2)
    return np.array([z, r * np.cos(turn), r * np.sin(turn)], np.float32)
