"""Mumford-Shah: every class has one colour, and borders are short."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import precise
from pointillist.losses.total_variation import border_length


class MumfordShah(Loss):
    """How far colours lie from their class's mean colour, plus the length of the borders.

        L = 1 / |Omega|  sum over c, i of  p_ic |I_i - m_c|^2  +  smoothness TV(p)
        m_c = sum over i of p_ic I_i / sum over i of p_ic, image by image

    where p = softmax(logits), I_i is a pixel's colour and TV the total variation (``TotalVariation``).

    Reads: nothing of the target; the images. Scale: a mean over all pixels of the batch; the first part is
    the variance of colours that the classes don't explain, at most that of the image. A constant image costs
    only its borders; a class that is nowhere costs nothing.

    Args:
        smoothness: weight of the borders' length (the paper's lambda).

    >>> image = torch.tensor([0.0, 0.2, 1.0, 1.0]).reshape(1, 1, 1, 4)
    >>> logits = torch.tensor([[50.0, 50.0, -50.0, -50.0], [-50.0, -50.0, 50.0, 50.0]]).reshape(1, 2, 1, 4)
    >>> loss = MumfordShah(smoothness=0)(logits, Target.unknown(1, 2, 1, 4), image)
    >>> round(float(loss), 4)  # 0 and 0.2 lie 0.1 from their mean: 2 x 0.01 / 4
    0.005

    Source: B. Kim and J. C. Ye, Mumford-Shah Loss Functional for Image Segmentation with Deep Learning, IEEE
    TIP 29, 2019: its loss for piecewise constant images. Ours is a mean, not a sum, over pixels; its border
    term treats mirror images alike; and the mean colours count as constants in the gradient, which is the
    same number, as they minimise the first part.
    """

    kind: Literal["mumford-shah"] = "mumford-shah"
    reads: ClassVar[frozenset[str]] = frozenset()

    smoothness: float = Field(default=0.1, ge=0)

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        probs = torch.softmax(precise(logits), dim=1)
        images = images.to(probs)
        pixels = probs.numel() / probs.shape[1]
        shares, colours = probs.detach()[:, :, None], images[:, None]
        # A class that is nowhere gets a mean all the same: any will do, since nothing is compared with it.
        areas = shares.sum((3, 4)).clamp(min=torch.finfo(probs.dtype).eps)
        means = (shares * colours).sum((3, 4)) / areas
        residuals = (colours - means[..., None, None]).square().sum(2)
        return (probs * residuals).sum() / pixels + self.smoothness * border_length(probs, images)
