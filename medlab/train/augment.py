"""Augmentation as tensor operations on a whole batch: one resampling, then contrast, brightness, noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

PLANES = {2: ((0, 1),), 3: ((1, 2), (0, 2), (0, 1))}  # the planes of a turn, as pairs of x, y(, z)


@dataclass(frozen=True)
class Augment:
    """How much each training image is changed, anew in every epoch; every number is the largest change.

    Args:
        turn: Degrees, in the plane (in volumes: in each of the three planes).
        shift: Share of the side.
        scale: Share of the size; 0 where the size itself is to be learned.
        flips: True mirrors half of the images along x (volumes: along each axis). A mirrored chest has its heart on the
            other side: allow it only where the label does not know left from right.
        contrast: Share by which the spread around the mean is stretched or shrunk.
        brightness: Shift of all values, in units of the spread of the images.
        gamma: Largest exponent, as a logarithm, of the values between the lowest and highest of the image: 0.4 is an
            exponent between 0.67 and 1.49.
        field: Spread of an added field of brightness that changes slowly across the image, in the same units.
        noise: Spread of added noise, in the same units, drawn anew for each image between 0 and this.
        erase: Share of the side of a square (volumes: cube) that is set to 0, the mean, somewhere in the image.
    """

    turn: float = 10
    shift: float = 0.08
    scale: float = 0.1
    flips: bool = False
    contrast: float = 0.2
    brightness: float = 0.2
    gamma: float = 0.0
    field: float = 0.0
    noise: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        for name in ("turn", "shift", "scale", "contrast", "brightness", "gamma", "field", "noise", "erase"):
            value = getattr(self, name)
            if not 0 <= value < (180.1 if name == "turn" else 1):
                until = "to 180 degrees" if name == "turn" else "to below 1"
                raise ValueError(f"augment: {name} must be from 0 {until}, got {value}")

    def __call__(self, images: Tensor, *, rng: torch.Generator, rows: slice | None = None) -> Tensor:
        """Changed copies of a batch.

        Args:
            images: (n, C, H, W) or (n, C, D, H, W), on the scale of the network (mean about 0, spread about 1).
            rng: Where the draws come from, on the device of the images.
            rows: Which rows of `images` to change and return; the draws are made for all, so that each image gets the
                same ones however a batch is shared among processes.
        """
        n, ndim = len(images), images.ndim - 2
        draws = _Draws(n, rng, images.device, rows or slice(None))
        noise = torch.randn(images.shape, generator=rng, device=images.device)[draws.rows] if self.noise else None
        images = images[draws.rows]
        if self.turn or self.shift or self.scale or self.flips:
            grid = _grid(self._moves(draws, images.shape[:1:-1]), images.shape[2:])
            images = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
        each = (-1,) + (1,) * (ndim + 1)
        if self.contrast or self.brightness:
            mean = images.mean(tuple(range(1, images.ndim)), keepdim=True)
            stretch, lift = draws.around(self.contrast).view(each) + 1, draws.around(self.brightness).view(each)
            images = torch.addcmul(mean * (1 - stretch) + lift, images, stretch)
        if self.gamma:
            images = _gamma(images, torch.exp(draws.around(self.gamma)).view(each))
        if self.field:
            images = images + self._field(images, draws) * draws.share().view(each)
        if noise is not None:
            images = torch.addcmul(images, noise, draws.share().view(each) * self.noise)
        return self._erased(images, draws) if self.erase else images

    def _moves(self, draws: "_Draws", sides: Sequence[int]) -> Tensor:
        """(n, ndim, ndim + 1): where each point of the new image is found in the old, in x, y(, z) from -1 to 1."""
        ndim = len(sides)
        turns = [draws.around(math.radians(self.turn)) for _ in PLANES[ndim]]
        zoom = torch.exp(draws.around(math.log1p(self.scale)))
        flips = [draws.sign() if self.flips and (ndim == 3 or axis == 0) else None for axis in range(ndim)]
        shifts = [draws.around(2 * self.shift) for _ in range(ndim)]
        matrix = None
        for angle, (a, b) in zip(turns, PLANES[ndim], strict=True):
            turn = torch.eye(ndim, device=zoom.device).repeat(len(zoom), 1, 1)
            turn[:, a, a] = turn[:, b, b] = torch.cos(angle)
            turn[:, a, b] = -torch.sin(angle)
            turn[:, b, a] = torch.sin(angle)
            matrix = turn if matrix is None else turn @ matrix
        sides = torch.tensor(sides, dtype=torch.float32, device=zoom.device)
        matrix = matrix * zoom.view(-1, 1, 1) * (sides / sides[:, None])  # a turn of pixels, whatever the sides
        for axis, sign in enumerate(flips):
            if sign is not None:
                matrix[:, axis] *= sign[:, None]
        return torch.cat([matrix, torch.stack(shifts, 1)[:, :, None]], dim=2)

    def _field(self, images: Tensor, draws: "_Draws") -> Tensor:
        """Normal draws on a grid of 3 points a side, smoothly between them; the same for all channels."""
        ndim = images.ndim - 2
        coarse = torch.randn((draws.n, 1) + (3,) * ndim, generator=draws.rng, device=images.device)[draws.rows]
        mode = "bicubic" if ndim == 2 else "trilinear"
        return self.field * functional.interpolate(coarse, images.shape[2:], mode=mode, align_corners=False)

    def _erased(self, images: Tensor, draws: "_Draws") -> Tensor:
        inside = torch.ones((), dtype=torch.bool, device=images.device)
        for axis in range(2, images.ndim):
            n = images.shape[axis]
            middle = (draws.share() * n)[:, None]
            near = (torch.arange(n, device=images.device) + 0.5 - middle).abs() < self.erase * n / 2
            shape = [len(images)] + [1] * (images.ndim - 1)
            shape[axis] = n
            inside = inside & near.view(shape)
        return images.masked_fill(inside, 0.0)


def _gamma(images: Tensor, exponents: Tensor) -> Tensor:
    """Each image's values, from its lowest to its highest, bent by an exponent."""
    axes = tuple(range(1, images.ndim))
    low, high = images.amin(axes, keepdim=True), images.amax(axes, keepdim=True)
    span = (high - low).clamp_min(1e-6)
    return low + span * ((images - low) / span).pow(exponents)


def _grid(moves: Tensor, shape: torch.Size) -> Tensor:
    """(n, *shape, ndim): where each pixel is taken from, as `affine_grid`, in one product for the whole batch."""
    n, ndim = moves.shape[:2]
    sides = [(torch.arange(side, device=moves.device) + 0.5) * (2 / side) - 1 for side in shape]
    points = torch.stack([*reversed(torch.meshgrid(*sides, indexing="ij")), torch.ones(shape, device=moves.device)])
    grid = moves.reshape(n * ndim, ndim + 1) @ points.reshape(ndim + 1, -1)
    return grid.view(n, ndim, *shape).movedim(1, -1)


class _Draws:
    """Random numbers for every image of a batch, of which only some rows are wanted."""

    def __init__(self, n: int, rng: torch.Generator, device: torch.device, rows: slice):
        self.n, self.rng, self.device, self.rows = n, rng, device, rows

    def share(self) -> Tensor:
        return torch.rand(self.n, generator=self.rng, device=self.device)[self.rows]

    def around(self, largest: float) -> Tensor:
        return (self.share() * 2 - 1) * largest

    def sign(self) -> Tensor:
        return (self.share() < 0.5).float() * 2 - 1
