"""Augmentation as tensor operations on a whole batch: one resampling, then contrast, brightness, noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from medlab.arguments import number

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

    def __post_init__(self) -> None:
        number(self.turn, "augment: turn", low=0, high=180, unit="degrees")
        for name in ("shift", "scale", "contrast", "brightness", "gamma", "field", "noise"):
            number(getattr(self, name), f"augment: {name}", low=0, below=1)

    def __call__(self, images: Tensor, *, rng: torch.Generator) -> Tensor:
        """Changed copies of a batch.

        Args:
            images: (n, C, H, W) or (n, C, D, H, W), on the scale of the network (mean about 0, spread about 1).
            rng: Where the draws come from, on the device of the images.
        """
        n, ndim = len(images), images.ndim - 2
        noise = torch.randn(images.shape, generator=rng, device=images.device) if self.noise else None
        if self.turn or self.shift or self.scale or self.flips:
            grid = _grid(self._moves(n, images.shape[:1:-1], rng), images.shape[2:])
            images = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
        each = (-1,) + (1,) * (ndim + 1)
        if self.contrast or self.brightness:
            mean = images.mean(tuple(range(1, images.ndim)), keepdim=True)
            stretch, lift = 1 + _around(self.contrast, n, rng).view(each), _around(self.brightness, n, rng).view(each)
            images = torch.addcmul(mean * (1 - stretch) + lift, images, stretch)
        if self.gamma:
            images = _gamma(images, torch.exp(_around(self.gamma, n, rng)).view(each))
        if self.field:
            images = images + self._field(images, rng) * _share(n, rng).view(each)
        if noise is not None:
            images = torch.addcmul(images, noise, _share(n, rng).view(each) * self.noise)
        return images

    def _moves(self, n: int, sides: Sequence[int], rng: torch.Generator) -> Tensor:
        """(n, ndim, ndim + 1): where each point of the new image is found in the old, in x, y(, z) from -1 to 1."""
        ndim = len(sides)
        turns = [_around(math.radians(self.turn), n, rng) for _ in PLANES[ndim]]
        zoom = torch.exp(_around(math.log1p(self.scale), n, rng))
        mirrored = range(ndim if ndim == 3 else 1) if self.flips else ()
        signs = [(_share(n, rng) < 0.5).float() * 2 - 1 for _ in mirrored]
        shifts = [_around(2 * self.shift, n, rng) for _ in range(ndim)]
        matrix = None
        for angle, (a, b) in zip(turns, PLANES[ndim], strict=True):
            turn = torch.eye(ndim, device=zoom.device).repeat(n, 1, 1)
            turn[:, a, a] = turn[:, b, b] = torch.cos(angle)
            turn[:, a, b] = -torch.sin(angle)
            turn[:, b, a] = torch.sin(angle)
            matrix = turn if matrix is None else turn @ matrix
        sides = torch.tensor(sides, dtype=torch.float32, device=zoom.device)
        matrix = matrix * zoom.view(-1, 1, 1) * (sides / sides[:, None])  # a turn of pixels, whatever the sides
        for axis, sign in enumerate(signs):
            matrix[:, axis] *= sign[:, None]
        return torch.cat([matrix, torch.stack(shifts, 1)[:, :, None]], dim=2)

    def _field(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Normal draws on a grid of 3 points a side, smoothly between them; the same for all channels."""
        ndim = images.ndim - 2
        coarse = torch.randn((len(images), 1) + (3,) * ndim, generator=rng, device=images.device)
        mode = "bicubic" if ndim == 2 else "trilinear"
        return self.field * functional.interpolate(coarse, images.shape[2:], mode=mode, align_corners=False)


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


def _share(n: int, rng: torch.Generator) -> Tensor:
    """(n,) drawn evenly from 0 to 1."""
    return torch.rand(n, generator=rng, device=rng.device)


def _around(largest: float, n: int, rng: torch.Generator) -> Tensor:
    """(n,) drawn evenly from -largest to largest."""
    return (_share(n, rng) * 2 - 1) * largest
