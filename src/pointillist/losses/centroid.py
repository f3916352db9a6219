"""The centroid loss: the centre of gravity of a class stays where it is known to be."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.penalty import AnyPenalty, Quadratic, off_range
from pointillist.losses.reduction import known_mean, precise


class Centroid(Loss):
    """Penalise a class whose predicted centre of gravity is off the range that is known of it.

        L = mean over known (image, class) of  sum over axes of  P((low - m) / s) + P((m - high) / s)
        m = sum over pixels of p_c x  /  sum over pixels of p_c

    where p = softmax(logits), x is a pixel's row or column, s = sqrt(H W) the image's side and P the penalty.
    A bound that no prediction can break (low <= 0, high >= the last row or column) counts nothing.

    Reads: ``centroids``. Scale: distances in units of the image's side; the quadratic penalty is at most 2
    in a square image of any size. Without a known centroid it is exactly 0.

    Args:
        penalty: `Quadratic`, or a `LogBarrier`, which costs something inside the range too.

    >>> from dataclasses import replace
    >>> target = Target.unknown(1, 2, 4, 4)
    >>> target = replace(target, centroids=torch.tensor([[0.0, 0.5], [0.0, 9.0]]).expand(1, 2, 2, 2))
    >>> float(Centroid()(torch.zeros(1, 2, 4, 4), target, torch.zeros(1, 3, 4, 4)))  # row 1.5: 1 of 4 below
    0.0625

    Source: H. Kervadec et al., Beyond pixel-wise supervision for segmentation, MIDL 2021, its centroid
    descriptor, a ratio of shape moments. Ours is 0 within the bounds, has no added epsilon in the
    denominator (the weights p / sum p are a softmax over the pixels of log p, finite and with a useful slope
    however little of the class is predicted), and measures in shares of the image's side.
    """

    kind: Literal["centroid"] = "centroid"
    reads: ClassVar[frozenset[str]] = frozenset({"centroids"})

    penalty: AnyPenalty = Quadratic()

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        log_probs = torch.log_softmax(precise(logits), dim=1)
        mass = log_probs.flatten(2).softmax(-1).reshape(log_probs.shape)
        side = math.sqrt(logits.shape[2] * logits.shape[3])
        bounds = target.centroids.to(mass.dtype) / side
        costs, known = [], []
        for axis, profile in enumerate((mass.sum(3), mass.sum(2))):
            low, high = bounds[:, :, axis].unbind(-1)
            most = (profile.shape[-1] - 1) / side
            cost, told = off_range(self.penalty, _centre(profile) / side, low, high, most)
            costs.append(cost)
            known.append(told)
        return known_mean(costs[0] + costs[1], known[0] | known[1])


def _centre(profile: Float[Tensor, "n k length"]) -> Float[Tensor, "n k"]:
    places = torch.arange(profile.shape[-1], dtype=profile.dtype, device=profile.device)
    return (profile * places).sum(-1)
