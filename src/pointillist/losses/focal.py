"""The focal loss: cross-entropy that fades where the prediction is already right."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field

from pointillist.core.shapes import IGNORE, Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import ClassWeights, precise, weigh, weighted_mean


class Focal(Loss):
    """Cross-entropy over the labelled pixels, each scaled down by how right it is already.

        L = - sum over labelled pixels of w_y (1 - p_y)^gamma log p_y  /  sum over labelled pixels of w_y

    where p = softmax(logits), y is the pixel's label and w its class's weight, 1 by default.

    Reads: ``labels``. Scale: a mean over the labelled pixels of the whole batch, at most the cross-entropy;
    without any label exactly 0.

    Args:
        gamma: how fast right pixels fade; 0: the cross-entropy.
        class_weights: one per class, the background first (the paper's alpha); None: all equal.

    Raises:
        InputError: the number of class weights is not the number of classes.

    >>> target = Target.from_labels(torch.tensor([[[1]]]), num_classes=2)
    >>> logits = torch.zeros(1, 2, 1, 1)
    >>> round(float(Focal(gamma=2)(logits, target, torch.zeros(1, 3, 1, 1))), 4)  # log 2 / 4
    0.1733

    Source: T.-Y. Lin et al., Focal loss for dense object detection, ICCV 2017, equation 5. Ours has a softmax
    over K classes in place of a sigmoid, and divides by the labelled pixels' weights, not by the objects.
    """

    kind: Literal["focal"] = "focal"
    reads: ClassVar[frozenset[str]] = frozenset({"labels"})

    gamma: float = Field(default=2.0, ge=0)
    class_weights: ClassWeights | None = None

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        costs = F.cross_entropy(precise(logits), target.labels, ignore_index=IGNORE, reduction="none")
        # 1 - p, but never 0, where its power has an infinite slope for gamma < 1.
        wrong = -torch.expm1(-costs)
        faded = costs * wrong.clamp(min=torch.finfo(costs.dtype).tiny) ** self.gamma
        return weighted_mean(faded, weigh(target.labels, self.class_weights, logits.shape[1], costs.dtype))
