"""The gated CRF: neighbours of like colour should be given like classes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.disagreement import disagreement, shrunk
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import precise

# Pixels at a time on a CPU: the buffers stay in its cache while every offset passes over them.
BLOCK = 1 << 18


class GatedCrf(Loss):
    """Each pixel pays for neighbours in a window that have its colour but other classes.

        L = 1 / |Omega|  sum over pixels i, sum over j != i in i's window of  k_ij (1 - p_i . p_j)
        k_ij = exp(- |x_i - x_j|^2 / (2 sigma_xy^2) - |I_i - I_j|^2 / (2 sigma_rgb^2))
               + position_weight exp(- |x_i - x_j|^2 / (2 position_sigma^2))

    where p = softmax(logits), x is a pixel's position and I its colour; the window has 2 radius + 1 pixels a
    side, cut at the image's edge.

    Reads: nothing of the target; the images, of any number of channels. Scale: a mean over all pixels of the
    batch, not over the pairs, as in the paper: it grows with the window, up to (2 radius + 1)^2 - 1, so that
    a weight near 0.1 suits the defaults. 0 where every pixel is sure of one class.

    Thin structures shrink: in the window of a vessel's pixel most pixels are background, and those whose
    colour ``sigma_rgb`` does not tell apart outvote it. On a 256 x 256 crop of one DRIVE image, from the true
    mask at 0.9, sixty steps of Adam down the defaults' loss alone left 0.11 of the vessel pixels;
    ``radius=1, sigma_xy=1, sigma_rgb=0.01``, the gentlest of ten settings tried there, left 0.84, and 0.64 of
    those in the thinnest vessels (``tests/losses/test_gated_crf.py``). It shrinks them less, not never.

    Args:
        sigma_xy: distance in pixels at which neighbours matter less.
        sigma_rgb: difference of colour, on [0, 1], that separates pixels.
        radius: half side of the window in pixels, at least stride x scale: else there is no neighbour in it.
        stride: take every stride-th row and column of the window only: stride^2 times faster.
        scale: work on images and probabilities averaged over scale x scale pixels; lengths stay in pixels of
            the full image. Neighbours count stride^2 scale^2 times, so that L stays as large.
        position_weight: weight of a second kernel that ignores colours.
        position_sigma: that kernel's distance in pixels.

    >>> image = torch.tensor([0.0, 0.0, 1.0]).reshape(1, 1, 1, 3)
    >>> logits = torch.tensor([[9.0, -9.0, -9.0], [-9.0, 9.0, 9.0]]).reshape(1, 2, 1, 3)
    >>> loss = GatedCrf()(logits, Target.unknown(1, 2, 1, 3), image)  # The first two pixels differ: 2 k / 3
    >>> round(float(loss), 4), round(2 / 3 * math.exp(-1 / 72), 4)
    (0.6575, 0.6575)

    Source: A. Obukhov et al., Gated CRF Loss for Weakly Supervised Semantic Image Segmentation, 2019 (arXiv
    1906.04651), its energy with the Potts model, section 3, without gates: every pixel takes part. Ours never
    stores the window: the sum is a quadratic form, so one message a pixel, gathered offset by offset, gives
    both value and gradient (``benchmarks/gated_crf.py``).
    """

    kind: Literal["gated-crf"] = "gated-crf"
    reads: ClassVar[frozenset[str]] = frozenset()

    sigma_xy: float = Field(default=6.0, gt=0)
    sigma_rgb: float = Field(default=0.1, gt=0)
    radius: int = Field(default=5, ge=1, le=64)
    stride: int = Field(default=1, ge=1)
    scale: int = Field(default=1, ge=1)
    position_weight: float = Field(default=0.0, ge=0)
    position_sigma: float = Field(default=3.0, gt=0)

    @model_validator(mode="after")
    def _neighbours(self) -> GatedCrf:
        if self.radius < (least := self.stride * self.scale):
            must = f"radius must be at least stride x scale = {least}, not {self.radius}"
            raise ValueError(f"{must}: no neighbour lies in such a window")
        return self

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        probs = torch.softmax(precise(logits), dim=1)
        probs, images = shrunk(probs, self.scale), shrunk(images.to(probs), self.scale)
        share = (self.stride * self.scale) ** 2 / (probs.numel() / probs.shape[1])
        return disagreement(probs, lambda values: _message(values, images, self)) * share


def _message(values: Tensor, images: Tensor, crf: GatedCrf) -> Tensor:
    """Sum k_ij values_j over the window's j, for every i."""
    n, k, h, w = values.shape
    margin = min(crf.radius // crf.scale, max(h, w) - 1)
    colours = _flat(images / (crf.sigma_rgb * math.sqrt(2)), margin)
    spread = _flat(values, margin)
    message = torch.zeros_like(spread)
    length = spread.shape[1] - margin * (w + margin) - margin  # From the last pixel on there are no partners.
    block = BLOCK if values.device.type == "cpu" else length
    buffers = spread.new_empty(2, min(block, length))
    offsets = list(_half_window(margin, crf.stride))
    for start in range(0, length, block):
        stop = min(start + block, length)
        difference, kernel = buffers[:, : stop - start]
        for row, col in offsets:
            shift = row * (w + margin) + col
            one, other = slice(start, stop), slice(start + shift, stop + shift)
            _weigh(colours[:, one], colours[:, other], difference, kernel, crf, row * row + col * col)
            message[:, one].addcmul_(spread[:, other], kernel)
            message[:, other].addcmul_(spread[:, one], kernel)
    return message.view(k, n, h + margin, w + margin)[:, :, :h, :w].movedim(0, 1)


def _weigh(
    one: Tensor, other: Tensor, difference: Tensor, kernel: Tensor, crf: GatedCrf, squared: int
) -> None:
    """Fill ``kernel`` with k between two rows of pixels that lie ``squared`` (a squared length) apart."""
    squared *= crf.scale**2
    kernel.fill_(-squared / (2 * crf.sigma_xy**2))
    for a, b in zip(one, other, strict=True):
        torch.sub(a, b, out=difference)
        kernel.addcmul_(difference, difference, value=-1)
    kernel.exp_()
    if crf.position_weight:
        kernel.add_(crf.position_weight * math.exp(-squared / (2 * crf.position_sigma**2)))


def _half_window(reach: int, stride: int) -> Iterator[tuple[int, int]]:
    """List one of each two opposite offsets."""
    steps = range(-(reach // stride) * stride, reach + 1, stride)
    return ((row, col) for row in steps for col in steps if row > 0 or (row == 0 and col > 0))


def _flat(maps: Float[Tensor, "n c h w"], margin: int) -> Float[Tensor, "c pixels"]:
    """Lay all pixels of a batch in one row, so that every offset of the window is one shift.

    Zeros after each line and each image keep lines apart: what a shift carries past an edge falls on them.
    """
    return F.pad(maps.movedim(1, 0), (0, margin, 0, margin)).flatten(1)
