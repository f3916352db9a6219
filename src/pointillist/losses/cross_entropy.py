"""Partial cross-entropy: the cross-entropy of the labelled pixels."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F
from pydantic import Field, model_validator

from pointillist.core.shapes import IGNORE, Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import ClassWeights, precise, weigh, weighted_mean


class CrossEntropy(Loss):
    """Cross-entropy over the labelled pixels; with full masks the ordinary one.

        L = - sum over labelled pixels of w_y log p_y  /  sum over labelled pixels of w_y

    where p = softmax(logits), y is the pixel's label and w its class's weight, 1 by default.

    Reads: ``labels``. Scale: a mean over the *labelled* pixels of the whole batch, so it is as large with
    ten clicks as with full masks, and without any label it is exactly 0.

    Args:
        class_weights: one per class, the background first; None: all equal. The weights divide again (as in
            ``torch.nn.functional.cross_entropy``), so that only their ratios matter.
        positive_weight: weight of every foreground class against the background's 1: short for
            ``class_weights=(1, w, ..., w)`` where the foreground is rare.

    Raises:
        InputError: the number of class weights is not the number of classes.

    >>> import torch
    >>> target = Target.from_labels(torch.tensor([[[1, 255]]]), num_classes=2)
    >>> logits = torch.zeros(1, 2, 1, 2)
    >>> round(float(CrossEntropy()(logits, target, torch.zeros(1, 3, 1, 2))), 4)  # log 2: a coin's toss
    0.6931

    Source: S. W. Hyder's paper on partial cross-entropy with point annotations, its pCE equation,
    -(1 / sum M) sum M y log p. Ours adds the weights, and is 0 where that one divides 0 by 0.
    """

    kind: Literal["cross-entropy"] = "cross-entropy"
    reads: ClassVar[frozenset[str]] = frozenset({"labels"})

    class_weights: ClassWeights | None = None
    positive_weight: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _one_kind_of_weight(self) -> CrossEntropy:
        if self.class_weights is not None and self.positive_weight != 1.0:
            raise ValueError("class_weights and positive_weight exclude each other: give one of them")
        return self

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        num_classes = logits.shape[1]
        weights = self.class_weights
        if self.positive_weight != 1.0:
            weights = (1.0, *[self.positive_weight] * (num_classes - 1))
        # Pixel by pixel, then one sum: the library's own mean is NaN without labels and, on a GPU, unordered.
        costs = F.cross_entropy(precise(logits), target.labels, ignore_index=IGNORE, reduction="none")
        return weighted_mean(costs, weigh(target.labels, weights, num_classes, costs.dtype))
