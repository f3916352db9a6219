"""Total variation: the length of the borders that the probabilities draw."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import precise

# Row and column to each of four neighbours (the other four are theirs), and what a difference weighs.
STEPS = (
    (0, 1, math.pi / 8),
    (1, 0, math.pi / 8),
    (1, 1, math.pi / (8 * math.sqrt(2))),
    (1, -1, math.pi / (8 * math.sqrt(2))),
)


class TotalVariation(Loss):
    """The length of the borders between classes, over the number of pixels.

        L = 1 / |Omega|  sum over neighbours i, j of  w_ij a_ij  1/2 sum over c |p_ic - p_jc|

    where p = softmax(logits); neighbours are the eight around a pixel, each pair once; w is pi / 8 for those
    beside each other and pi / (8 sqrt 2) for slanted ones; a_ij = exp(- |I_i - I_j|^2 / (2 sigma_rgb^2))
    where ``sigma_rgb`` is given, otherwise 1.

    Reads: nothing of the target; the images only with ``sigma_rgb``. Scale: a mean over the pixels of the
    batch; for a hard prediction the borders' length in pixels, to 6 % in any direction, over the number of
    pixels. Of all shapes that explain the labels it prefers the shortest border: thin structures shrink.

    Args:
        sigma_rgb: difference of colour, on [0, 1], across which a border is cheap; None: colours
            don't matter.

    >>> logits = torch.tensor([[50.0, 50.0, 0.0, 0.0], [0.0, 0.0, 50.0, 50.0]])[:, None].expand(1, 2, 9, 4)
    >>> loss = TotalVariation()(logits, Target.unknown(1, 2, 9, 4), torch.zeros(1, 3, 9, 4))
    >>> round(float(loss) * 36, 1)  # A border of 9 pixels, of which the image's edge hides a little
    8.0

    Source: L. Rudin, S. Osher and E. Fatemi, Nonlinear total variation based noise removal algorithms,
    Physica D 60, 1992, the integral of |grad p|. Its usual differences to the right and below change under a
    mirror; ours are the weights for eight neighbours of Y. Boykov and V. Kolmogorov, Computing Geodesics and
    Minimal Surfaces via Graph Cuts, ICCV 2003 (Cauchy and Crofton's formula), which are symmetric.
    """

    kind: Literal["total-variation"] = "total-variation"
    reads: ClassVar[frozenset[str]] = frozenset()

    sigma_rgb: float | None = Field(default=None, gt=0)

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        probs = torch.softmax(precise(logits), dim=1)
        return border_length(probs, images.to(probs), self.sigma_rgb)


def border_length(probs: Logits, images: Images, sigma_rgb: float | None = None) -> Scalar:
    """Give the length of the borders over the number of pixels."""
    total = probs.new_zeros(())
    for row, col, weight in STEPS:
        one, other = _pairs(probs, row, col)
        differs = (one - other).abs().sum(1) / 2
        if sigma_rgb is not None:
            a, b = _pairs(images, row, col)
            differs = differs * torch.exp(-(a - b).square().sum(1) / (2 * sigma_rgb**2))
        total = total + weight * differs.sum()
    return total / (probs.numel() / probs.shape[1])


def _pairs(
    maps: Float[Tensor, "n c h w"], row: int, col: int
) -> tuple[Float[Tensor, "n c a b"], Float[Tensor, "n c a b"]]:
    """Cut out all pixels that have a neighbour at (row, col) within the image, and those neighbours."""
    h, w = maps.shape[2:]
    left, right = max(-col, 0), max(col, 0)
    return maps[:, :, : h - row, left : w - right], maps[:, :, row:, right : w - left]
