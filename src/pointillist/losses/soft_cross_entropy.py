"""Soft cross-entropy: the cross-entropy against class probabilities."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import of_all, precise


class SoftCrossEntropy(Loss):
    """Cross-entropy of the prediction with soft labels; with sure ones the ordinary one.

        L = - sum over pixels and classes c of s_c log p_c  /  sum over pixels and classes of s_c

    where p = softmax(logits) and s are the soft labels.

    Reads: ``soft``; no gradient flows to it. Scale: a mean over the known pixels of the whole batch, weighted
    by the sum of their labels, so that probabilities scaled down by a teacher's doubt count less; exactly 0
    without any. Its least value is the entropy of the labels, 0 only where they are sure.

    >>> from dataclasses import replace
    >>> target = replace(Target.unknown(1, 2, 1, 1), soft=torch.tensor([0.3, 0.7]).reshape(1, 2, 1, 1))
    >>> round(float(SoftCrossEntropy()(torch.zeros(1, 2, 1, 1), target, torch.zeros(1, 3, 1, 1))), 4)
    0.6931

    Source: G. Hinton et al., Distilling the knowledge in a neural network, 2015, the cross-entropy with soft
    targets of section 2, at temperature 1. Ours is over the pixels whose labels are known.
    """

    kind: Literal["soft-cross-entropy"] = "soft-cross-entropy"
    reads: ClassVar[frozenset[str]] = frozenset({"soft"})

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        log_probs = torch.log_softmax(precise(logits), dim=1)
        soft = target.soft.detach().to(log_probs.dtype)
        mass = of_all(soft.sum())
        return -of_all((soft * log_probs).sum()) / torch.where(mass > 0, mass, 1.0)
