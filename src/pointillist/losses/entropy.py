"""The entropy loss: make up your mind."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import precise


class Entropy(Loss):
    """Penalise undecided pixels, whatever is decided.

        L = - mean over pixels of  sum over classes c of p_c log p_c  /  log K

    where p = softmax(logits).

    Reads: nothing; it is felt at every pixel of every image. Scale: in 0..1 for any number of classes; 0 for
    one class. Its minima are all sure predictions, wrong ones too: give it a small weight, late.

    >>> logits = torch.zeros(1, 4, 2, 2)
    >>> float(Entropy()(logits, Target.unknown(1, 4, 2, 2), torch.zeros(1, 3, 2, 2)))
    1.0

    Source: Y. Grandvalet and Y. Bengio, Semi-supervised learning by entropy minimization, NIPS 2004, its
    conditional entropy H(Y | X). Ours is divided by log K, and counts labelled pixels too.
    """

    kind: Literal["entropy"] = "entropy"
    reads: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        log_probs = torch.log_softmax(precise(logits), dim=1)
        most = math.log(max(2, logits.shape[1]))
        return -(log_probs.exp() * log_probs).sum(1).mean() / most
