"""The dense CRF: pixels of like colour, however far apart, should be given like classes."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.disagreement import disagreement, shrunk
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import precise

# Pixels whose kernels to all others are in memory at once.
BLOCK = 1024


class DenseCrf(Loss):
    """The share of like pixels, over all pairs of the image, that are given other classes.

        L = sum over i, j of W_ij (1 - p_i . p_j)  /  sum over i, j of W_ij
        W_ij = exp(- |x_i - x_j|^2 / (2 sigma_xy^2) - |I_i - I_j|^2 / (2 sigma_rgb^2))

    where p = softmax(logits), x is a pixel's position and I its colour; both sums run over all pairs of
    pixels of an image, a pixel with itself included, and L is the mean over images.

    Reads: nothing of the target; the images, of any number of channels. Scale: in 0..1 whatever the image's
    size and the sigmas; 0 where every pixel is sure of one class. Thin structures shrink, as with
    ``GatedCrf``.

    Larger images are averaged down to ``side`` first, and there the sum is exact: no lattice, no compiled
    extension. On PH2 (three images of 128 x 96, against no averaging) half the side is off by at most 3 % in
    value and, relative to the gradient's norm, 5 to 9 % in gradient for soft predictions, 17 to 25 % for hard
    ones, whose borders it cannot place within two pixels; at 3/8 of the side 7 %, 10 to 15 % and 38 to 54 %.

    Args:
        sigma_xy: distance in pixels of the full image at which pairs matter less.
        sigma_rgb: difference of colour, on [0, 1], that separates pixels.
        side: longest side, in pixels, of the images that are compared; time and memory grow with its fourth
            and second power.

    >>> image = torch.tensor([0.0, 0.0, 1.0]).reshape(1, 1, 1, 3)
    >>> logits = torch.tensor([[90.0, -90.0, -90.0], [-90.0, 90.0, 90.0]]).reshape(1, 2, 1, 3)
    >>> loss = DenseCrf()(logits, Target.unknown(1, 2, 1, 3), image)
    >>> round(float(loss), 2)  # Five pairs are alike: three pixels with themselves, and the first two, twice
    0.4

    Source: M. Tang et al., On Regularized Losses for Weakly-supervised CNN Segmentation, ECCV 2018: its dense
    CRF loss, sum over c of p_c^T W (1 - p_c). With classes that sum to 1 that is our numerator, and it
    differs by a constant from the - p_c^T W p_c of the published code, which is negative by design. That
    one also grows with the square of the number of pixels; ours is divided by the sum of W.
    """

    kind: Literal["dense-crf"] = "dense-crf"
    reads: ClassVar[frozenset[str]] = frozenset()

    sigma_xy: float = Field(default=80.0, gt=0)
    sigma_rgb: float = Field(default=0.06, gt=0)
    side: int = Field(default=64, ge=1, le=256)

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        probs = torch.softmax(precise(logits), dim=1)
        factor = math.ceil(max(probs.shape[2:]) / self.side)
        probs, images = shrunk(probs, factor), shrunk(images.to(probs), factor)
        features = self._features(images, factor)
        return disagreement(probs, lambda values: _message(values, features)) / len(probs)

    def _features(self, images: Tensor, factor: int) -> Tensor:
        """Give colour and position, (N, H W, C + 2), in units where W = exp(- |difference|^2)."""
        n, _, h, w = images.shape
        steps = (torch.arange(length, device=images.device) for length in (h, w))
        grid = torch.stack(torch.meshgrid(*steps, indexing="ij")).to(images) * (factor / self.sigma_xy)
        features = torch.cat([images / self.sigma_rgb, grid.expand(n, -1, -1, -1)], 1).flatten(2).mT
        # Near the origin the squares below lose the least.
        return (features - features.mean(1, keepdim=True)) / math.sqrt(2)


def _message(values: Tensor, features: Tensor) -> Tensor:
    """Sum W_ij values_j over all j, divided by the sum of W over the image's pairs."""
    n, k, h, w = values.shape
    columns = torch.cat([values, torch.ones_like(values[:, :1])], 1).flatten(2).mT
    messages = torch.empty_like(columns)
    for image in range(n):
        points = features[image]
        squares = points.square().sum(1)
        for start in range(0, h * w, BLOCK):
            block = slice(start, start + BLOCK)
            kernel = torch.addmm(-squares[None], points[block], points.T, alpha=2)
            kernel.sub_(squares[block, None]).clamp_(max=0).exp_()
            messages[image, block] = kernel @ columns[image]
    totals = messages[..., -1].sum(1)[:, None, None]
    return (messages[..., :k] / totals).mT.reshape(n, k, h, w)
