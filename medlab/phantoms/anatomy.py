"""The chest: skin, fat, muscle, bones, mediastinum, diaphragm, and the lungs with the trees in them.

All lengths in mm from the middle of the chest; x to the patient's left, y to the back, z to the head (LPS). Surfaces
are functions of a point, positive inside, about the depth in mm near the surface.
"""

import numpy as np

from medlab.phantoms import tissue
from medlab.phantoms.tissue import edge, over, thread

_LEAF = 0.72  # radius of the last branches of a tree, mm
_STEP = 7.0  # of a branch between two bends, mm


class Anatomy:
    """One person's chest; every measure is drawn once from `rng`."""

    def __init__(self, rng: np.random.Generator):
        vary = (1 + 0.05 * rng.standard_normal(12).clip(-2, 2)).tolist()  # plain floats keep float32 arrays float32
        self.size = min(max(vary[0], 0.92), 1.06)
        self.fat = 13 * float(np.exp(0.4 * np.clip(rng.standard_normal(), -2, 2)))
        self.width, self.depth_ap = 122 * min(max(vary[1], 0.93), 1.06), 80 * vary[2]
        self.heart = (48 * vary[3], 42 * vary[4], 55 * vary[5])
        self.heart_at = (16 + 4 * rng.standard_normal(), -22.0, -26.0)
        self.dome = -24 + 5 * rng.standard_normal(), -33 + 5 * rng.standard_normal()
        self.rib_phase, self.rib_step = rng.uniform(0, 26), 26 * vary[6]
        self.disc_phase = rng.uniform(0, 24)
        self.aorta = 12.5 * vary[7]
        self.lung = tissue.LUNG + 20 * rng.standard_normal()
        self.gravity = rng.uniform(15, 45)
        self.fissure = np.float32(rng.uniform(-8, 8, 2))
        self.waves = rng.uniform(0, 6.3, 6).tolist()

    def thorax(self, z, y, x):
        """Depth inside the rib cage's inner face."""
        z, y, x = (v / self.size for v in (z, y, x))
        narrow = 1 - 0.10 * (np.maximum(z + 20, 0) / 60) ** 2
        back = np.where(y > 0, np.float32(1), np.float32(0.96))
        across, along = x / (self.width * narrow), y / (self.depth_ap * narrow * back)
        r = np.power(np.power(np.abs(across), 2.3) + np.power(np.abs(along), 2.3) + 1e-6, 1 / 2.3)
        return (1 - r) * (np.hypot(x, y) / r).clip(60, 125) * self.size

    def mediastinum(self, z, y, x):
        """Depth inside what lies between the lungs: heart, great vessels, spine."""
        z, y, x = (v / self.size for v in (z, y, x))
        column = 20 * np.exp(-np.square((y - 12) / 24)) - np.abs(x + 2) + 7 + 3 * np.sin(z / 17 + self.waves[0])
        spine = _ellipse(x, y - 60, 30, 33)
        top = edge(z - 12, 30)
        vessels = _ellipse(x - 5, y + 20, 12 + 22 * top, 12 + 22 * top)
        (cx, cy, cz), (rx, ry, rz) = self.heart_at, self.heart
        level = np.maximum(1 - ((z - cz) / rz) ** 2, 0.02) ** 0.5
        heart = _ellipse(x - cx, y - cy, rx * level, ry * level)
        return _join(_join(column, spine, 8), _join(vessels, heart, 8), 8) * self.size

    def diaphragm(self, z, y, x):
        """Height above the diaphragm: two domes, the right one higher."""
        right, left = self.dome
        bow = np.where(x < 0, right - np.square((x + 60) / 13), left - np.square((x - 62) / 13))
        bow = bow - np.square((y + 5) / 14)
        return 0.75 * (z - np.maximum(bow, -160) - 2 * np.sin(x / 19 + self.waves[1]))

    def lungs(self, z, y, x):
        """Depth inside a lung, the right one where x < 0."""
        ripple = 1.2 * np.sin(z / 7 + x / 23 + self.waves[2]) * np.sin(y / 15 + self.waves[3])
        depth = -_join(-self.thorax(z, y, x), self.mediastinum(z, y, x) + ripple, 5)
        return -_join(-depth, -self.diaphragm(z, y, x), 4)

    def draw_slice(self, z: float, y: np.ndarray, x: np.ndarray, voxel: float) -> tuple[np.ndarray, np.ndarray]:
        """CT numbers of one slice at height `z`, vessels of the lungs left out, and the depth inside the lungs."""
        w, s = 1.3 * voxel, self.size
        level = np.full((1, 1), z, np.float32)  # an array keeps what comes of it float32
        thorax, lungs = self.thorax(level, y, x), self.lungs(level, y, x)
        out = -thorax  # from the inner face of the ribs outwards
        angle = np.arctan2(np.abs(x), y + 1e-6)  # 0 at the spine, pi at the sternum
        hu = np.full(x.shape, tissue.AIR, np.float32)
        meat = 17 + 12 * np.exp(-np.square((angle - 0.9) / 0.45)) + 7 * np.exp(-np.square((angle - 2.4) / 0.35))
        skin = meat + self.fat * (1 + 0.25 * np.cos(2 * angle) + 0.08 * np.sin(5 * angle + self.waves[4]))
        over(hu, edge(skin - out, w), tissue.FAT)
        over(hu, edge(skin - out, w) * edge(out - skin + 2, w), 30.0)
        fascia = 0.75 + 0.25 * np.sin(out / 2.2 + 3 * angle + np.sin(4 * angle))
        over(hu, edge(meat - out, w), tissue.MUSCLE - 70 * (1 - fascia) * (out > 9))
        self._bones(hu, z, y, x, out, angle, w)
        over(hu, edge(thorax, w), tissue.FAT + 10)
        middle = slice(*np.searchsorted(x[0], [-80 * s, 80 * s]))  # columns that hold the mediastinum and the spine
        inner = hu[:, middle], z, y[:, middle] / s, x[:, middle] / s, w
        self._middle(*inner)
        below = -self.diaphragm(level, y, x)
        liver_or_spleen = np.where(x < 0, np.float32(tissue.LIVER), np.float32(tissue.MUSCLE - 8))
        over(hu, edge(below, w) * edge(thorax - 1, w), liver_or_spleen)
        self._spine(*inner)
        over(hu, edge(lungs, w), self.lung + self.gravity * (y / 80))
        return hu, lungs

    def fissures(self, z, y, x):
        """Distance to the nearest fissure in mm: an oblique one in each lung, a horizontal one in the right."""
        bow = 5 * np.sin(x / 24 + self.waves[5]) + 2 * np.sin(y / 13)
        oblique = (z - 0.85 * y - np.where(x < 0, *self.fissure) - bow) / 1.31
        flat = np.where((x < 0) & (oblique > 0), z + 4 - 0.12 * y - 0.7 * bow, 99.0)
        return np.minimum(np.abs(oblique), np.abs(flat))

    def _bones(self, hu, z, y, x, out, angle, w):
        drop = 62 * (1 - np.cos(angle)) / 2 * np.where(angle > 2.3, 1 - 0.5 * (angle - 2.3), 1)
        height = np.mod(z + drop + self.rib_phase, self.rib_step) - self.rib_step / 2
        r = np.sqrt(np.square((out - 6) / 4.2) + np.square(height / 6.5))
        bone = edge((1 - r) * 4.2, w) * (np.abs(x) > 15)
        front = edge(angle - 2.45, 0.15)
        over(hu, bone, (1 - front) * 620 + front * tissue.CARTILAGE)
        over(hu, bone * edge((0.62 - r) * 4.2, w), (1 - front) * tissue.TRABECULAR + front * tissue.CARTILAGE)
        _bone(hu, _ellipse(x, y + self.depth_ap * self.size * 0.96 + 8, 19, 6.5), w, 1.2)  # breastbone
        side = np.abs(x) - 92 * self.size
        u, v = side * 0.72 + (y - 62) * -0.69, side * 0.69 + (y - 62) * 0.72  # the shoulder blade, from above
        blade = _ellipse(u, v - 9, 30, 2.6) if z > -15 else np.full_like(x, -9)
        over(hu, edge(blade, w) * (out > 12), 420.0)

    def _middle(self, hu, z, y, x, w):
        (cx, cy, cz), (rx, ry, rz) = self.heart_at, self.heart
        level = 1 - ((z / self.size - cz) / rz) ** 2
        if level > 0.05:
            over(hu, edge(_ellipse(x - cx, y - cy, (rx - 3) * level**0.5, (ry - 3) * level**0.5), w), tissue.BLOOD)
        over(hu, edge(_ellipse(x - 17, y - 36, self.aorta, self.aorta), w), tissue.BLOOD)  # descending aorta
        over(hu, edge(_ellipse(x - 1, y - 30, 8, 5), w), 30.0)  # oesophagus
        if z > 0:
            high = float(edge(z - 3, 6))
            over(hu, edge(_ellipse(x + 12, y + 26, 15, 15), w) * high, tissue.BLOOD)  # ascending aorta
            over(hu, edge(_ellipse(x + 27, y + 6, 8, 9), w) * high, tissue.BLOOD)  # superior vena cava
            trunk = edge(_ellipse(x - 14, y + 24, 13, 13), w) * high * float(edge(26 - z, 8))
            over(hu, trunk, tissue.BLOOD)  # of the pulmonary arteries
        if z > 22:
            arch = _ellipse(0.8 * (x - 5) - 0.6 * (y - 5), 0.6 * (x - 5) + 0.8 * (y - 5), 12.5, 36)
            over(hu, edge(arch, w) * float(edge(z - 27, 6)) * float(edge(44 - z, 6)), tissue.BLOOD)  # aortic arch

    def _spine(self, hu, z, y, x, w):
        over(hu, edge(_ellipse(x, y - 72, 40, 26), w), tissue.MUSCLE)
        phase = (z + self.disc_phase) % 24.0
        over(hu, edge(_ellipse(x, y - 53, 17, 14), w), 90.0)  # disc
        if phase > 4:
            body = _ellipse(x, y - 53, 17 - 2 * float(np.sin((phase - 4) / 20 * np.pi)), 14)
            _bone(hu, body, w, 1.3, shell=500.0 if min(phase - 4, 24 - phase) > 1.5 else 450.0)
        ring = 3.0 - np.abs(np.hypot(x / 1.1, y - 74) - 11)
        over(hu, edge(ring, w), 450.0)
        if phase > 12:
            over(hu, edge(_ellipse(np.abs(x) - 23, y - 77 - 0.15 * np.abs(x), 14, 4.5), w), 380.0)
        over(hu, edge(_ellipse(x, y - 92, 3, 9), w), 380.0)
        over(hu, edge(_ellipse(x, y - 74, 8.5, 7.5), w), 25.0)  # canal


def grow(rng: np.random.Generator, root: np.ndarray, targets: np.ndarray):
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
        pieces = min(int(np.ceil(away[best] / _STEP)), 30)
        start, at = nodes[best].copy(), best
        for k in range(1, pieces + 1):
            jitter = rng.standard_normal(3) * 0.12 * _STEP * (k < pieces)
            nodes[n], parent[n] = start + (target - start) * (k / pieces) + jitter, at
            length[n] = length[at] + np.linalg.norm(nodes[n] - nodes[at])
            at, n = n, n + 1
    fed = np.zeros(n)
    leaf = np.ones(n, bool)
    leaf[parent[1:n]] = False
    fed[leaf] = 1
    for i in range(n - 1, 0, -1):
        fed[parent[i]] += fed[i]
    return nodes[parent[1:n]], nodes[1:n], _LEAF * np.cbrt(fed[1:n])


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


def _ellipse(x, y, rx, ry):
    r = np.sqrt(np.square(x / rx) + np.square(y / ry)) + 1e-6
    return (1 - r) * (min(rx, ry) if isinstance(rx, float | int) else np.minimum(rx, ry))


def _bone(hu, depth, w, shell_mm, shell=650.0):
    over(hu, edge(depth, w), shell)
    over(hu, edge(depth - shell_mm, w), tissue.TRABECULAR)


def _join(a, b, soft):
    """Union of two surfaces, the crease between them rounded over `soft` mm."""
    h = np.maximum(soft - np.abs(a - b), 0) / soft
    return np.maximum(a, b) + h * h * soft / 4
