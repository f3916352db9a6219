"""The consistency loss: predict what a teacher predicts."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import precise, weighted_mean


class Consistency(Loss):
    """Squared distance of the predicted probabilities from the known ones.

        L = mean over pixels, weighted by m, of  1/2 sum over classes c of (p_c - s_c / m)^2

    where p = softmax(logits), s are the soft labels and m = sum over classes of s_c, a pixel's weight: 1
    where it is known, 0 where not, less than 1 where a teacher doubts.

    Reads: ``soft``; no gradient flows to it. Scale: in 0..1 for any number of classes; where s is sure a
    Brier score. A mean over the known pixels of the whole batch, weighted; exactly 0 without any.

    >>> from dataclasses import replace
    >>> target = replace(Target.unknown(1, 2, 1, 1), soft=torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1))
    >>> float(Consistency()(torch.zeros(1, 2, 1, 1), target, torch.zeros(1, 3, 1, 1)))
    0.25

    Source: A. Tarvainen and H. Valpola, Mean teachers are better role models, NIPS 2017, its consistency
    cost J. Ours is halved, so that the worst is 1, and leaves out pixels on which the teacher is silent.
    """

    kind: Literal["consistency"] = "consistency"
    reads: ClassVar[frozenset[str]] = frozenset({"soft"})

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        probs = torch.softmax(precise(logits), dim=1)
        soft = target.soft.detach().to(probs.dtype)
        mass = soft.sum(1)
        said = soft / torch.where(mass > 0, mass, 1.0)[:, None]
        return weighted_mean((probs - said).square().sum(1) / 2, mass)
