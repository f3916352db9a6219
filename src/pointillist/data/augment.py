"""Augmentation in batches on the device: images and their label maps move together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64, UInt8
from pydantic import Field
from torch import Tensor

from pointillist.core.config import Config
from pointillist.core.rng import torch_rng
from pointillist.core.shapes import IGNORE

_DRAWS = 9
# Below this share of labelled pixels a map counts as sparse: its clicks are carried over one by one.
_SPARSE = 0.25

Share = Annotated[float, Field(ge=0, le=1)]


class Augmented(NamedTuple):
    """A batch after augmentation.

    Args:
        images: float in [0, 1].
        labels: label maps, int64, IGNORE where unlabelled.
        soft: class probabilities, all zeros where unknown; None when none were given.
        inverses: from an offset (x, y) from the centre before to one after, in pixels; on the host.
    """

    images: Float[Tensor, "n c h w"]
    labels: Int64[Tensor, "n h w"]
    soft: Float[Tensor, "n k h w"] | None
    inverses: Float[Tensor, "n 2 2"]


class Augment(Config):
    """How training images vary; every draw is a function of (seed, epoch, sample, turn).

    Args:
        flip: mirror left-right and up-down, each with probability 1/2.
        quarter_turns: turn by a random multiple of 90 degrees (of 180 where rows and columns differ).
        rotate_degrees: turn by up to this angle, either way.
        scale: zoom by a factor in [1 / (1 + scale), 1 + scale].
        brightness: add up to this much of the range, either way.
        contrast: multiply the distance from mid-grey by a factor in [1 - contrast, 1 + contrast].
        saturation: likewise for the distance from grey; colour images only.
    """

    flip: bool = True
    quarter_turns: bool = True
    rotate_degrees: Annotated[float, Field(ge=0, le=180)] = 15.0
    scale: Share = 0.15
    brightness: Share = 0.1
    contrast: Share = 0.15
    saturation: Share = 0.15

    def draw(self, keys: Sequence[tuple[object, ...]], seed: int) -> Float[Tensor, "n d"]:
        """Draw the random numbers of a batch, one row for each sample's key."""
        rows = [torch.rand(_DRAWS, generator=torch_rng(seed, *key, "augment")) for key in keys]
        return torch.stack(rows)

    def __call__(
        self,
        images: UInt8[Tensor, "n c h w"] | Float[Tensor, "n c h w"],
        labels: UInt8[Tensor, "n h w"],
        draws: Float[Tensor, "n d"],
        size: tuple[int, int] | None = None,
        soft: Float[Tensor, "n k h w"] | None = None,
        upright: Bool[Tensor, " n"] | None = None,
    ) -> Augmented:
        """Transform a batch around its centre; what comes from beyond the image's edge is unlabelled.

        Images are sampled bilinearly (mirrored beyond the edge), label maps at the nearest pixel. In sparse
        maps every labelled pixel is besides carried to its new place, since nearest sampling alone loses
        single clicks.

        Args:
            images: uint8 or float in [0, 1].
            labels: label maps, IGNORE where unlabelled.
            draws: what `draw` gave.
            size: rows and columns of the result; those of the input by default.
            soft: class probabilities to move along.
            upright: which images are only mirrored and turned by quarters, neither askew nor zoomed.
        """
        floats = images.float() / 255 if images.dtype == torch.uint8 else images.float()
        height, width = images.shape[-2:]
        size = size or (height, width)
        matrices = self._matrices(draws, square=size[0] == size[1], upright=upright)
        inverses = torch.linalg.inv(matrices)
        matrices = matrices.to(images.device)
        grid = _grid(matrices, (height, width), size)
        moved = F.grid_sample(floats, grid, "bilinear", "reflection", align_corners=False)
        # Shifted by one so that the sampler's zero padding means unlabelled.
        codes = torch.where(labels == IGNORE, 0, labels.int() + 1).float()[:, None]
        new = F.grid_sample(codes, grid, "nearest", "zeros", align_corners=False)[:, 0].long()
        carried = _carry(codes[:, 0].long(), inverses.to(images.device), size)
        new = torch.where(carried > 0, carried, new)
        return Augmented(
            self._recolour(moved, draws.to(images.device)),
            torch.where(new == 0, IGNORE, new - 1),
            None if soft is None else _move_soft(soft, grid),
            inverses,
        )

    def moved(
        self, maps: Bool[Tensor, "n h w"], draws: Tensor, size: tuple[int, int], upright: Tensor
    ) -> Bool[Tensor, "n _ _"]:
        """Move maps along at the nearest pixel, as a call with the same draws does; False beyond the edge."""
        matrices = self._matrices(draws, square=size[0] == size[1], upright=upright).to(maps.device)
        grid = _grid(matrices, (maps.shape[1], maps.shape[2]), size)
        return F.grid_sample(maps[:, None].float(), grid, "nearest", "zeros", align_corners=False)[:, 0] > 0.5

    def _matrices(self, draws: Tensor, square: bool, upright: Tensor | None) -> Float[Tensor, "n 2 2"]:
        """Output offset (x, y) from the centre -> source offset, in pixels."""
        turns = torch.floor(draws[:, 0] * 4) if square else 2 * torch.floor(draws[:, 0] * 2)
        angle = turns * (math.pi / 2) * self.quarter_turns
        free = torch.ones(len(draws)) if upright is None else (~upright).float()
        angle = angle + free * (draws[:, 1] * 2 - 1) * math.radians(self.rotate_degrees)
        zoom = torch.exp(free * (draws[:, 2] * 2 - 1) * math.log1p(self.scale))
        cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
        rotation = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
        mirror = torch.where(draws[:, 3:5] < 0.5, 1.0, -1.0 if self.flip else 1.0)
        return rotation * mirror[:, None, :]

    def _recolour(self, images: Tensor, draws: Tensor) -> Tensor:
        signed = (draws[:, 5:] * 2 - 1)[:, :, None, None, None]
        if images.shape[1] == 3 and self.saturation:
            grey = images.mean(1, keepdim=True)
            images = grey + (images - grey) * (1 + signed[:, 0] * self.saturation)
        images = (images - 0.5) * (1 + signed[:, 1] * self.contrast) + 0.5
        return (images + signed[:, 2] * self.brightness).clamp(0, 1)


def _grid(matrices: Tensor, source: tuple[int, int], size: tuple[int, int]) -> Float[Tensor, "n h w 2"]:
    """Where each output pixel looks, in the sampler's units: -1 and 1 are the outer edges of the image.

    Written out, since a matrix product may be rounded to 10 bits on a GPU, which moves pixels.
    """
    x = torch.arange(size[1], device=matrices.device) - (size[1] - 1) / 2
    y = (torch.arange(size[0], device=matrices.device) - (size[0] - 1) / 2)[:, None]
    m = matrices[:, :, :, None, None]
    into_x = (m[:, 0, 0] * x + m[:, 0, 1] * y) * (2 / source[1])
    into_y = (m[:, 1, 0] * x + m[:, 1, 1] * y) * (2 / source[0])
    return torch.stack([into_x, into_y], dim=-1)


def _move_soft(soft: Tensor, grid: Tensor) -> Tensor:
    """Sample probabilities; a pixel that came mostly from unknown ones is unknown."""
    moved = F.grid_sample(soft, grid, "bilinear", "zeros", align_corners=False)
    mass = moved.sum(1, keepdim=True)
    return torch.where(mass > 0.5, moved / mass.clamp(min=0.5), 0.0)


def _carry(codes: Tensor, inverses: Tensor, size: tuple[int, int]) -> Tensor:
    """Move every labelled pixel of the sparse maps forward; 0 elsewhere, and all over for dense maps."""
    carried = torch.zeros((len(codes), *size), dtype=torch.int64, device=codes.device)
    sparse = (codes > 0).float().mean((1, 2)) <= _SPARSE
    image, row, col = torch.nonzero(codes * sparse[:, None, None], as_tuple=True)
    height, width = codes.shape[1:]
    x, y, m = col - (width - 1) / 2, row - (height - 1) / 2, inverses[image]
    new_col = torch.round(m[:, 0, 0] * x + m[:, 0, 1] * y + (size[1] - 1) / 2).long()
    new_row = torch.round(m[:, 1, 0] * x + m[:, 1, 1] * y + (size[0] - 1) / 2).long()
    inside = (new_row >= 0) & (new_row < size[0]) & (new_col >= 0) & (new_col < size[1])
    place = ((image * size[0] + new_row) * size[1] + new_col)[inside]
    # The larger class wins where two clicks meet: any fixed rule keeps the result independent of the order.
    flat = carried.view(-1)
    flat.scatter_reduce_(0, place, codes[image, row, col][inside], "amax")
    return carried
