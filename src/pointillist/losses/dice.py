"""The soft Dice loss: the overlap of the predicted probabilities with the labels."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from pointillist.core.shapes import IGNORE, Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import of_all, precise


class Dice(Loss):
    """One minus the soft Dice score over the labelled pixels, the mean of the foreground classes.

        L = 1 - mean over classes c of  2 sum p_c y_c / (sum p_c + sum y_c)

    where p = softmax(logits), y is 0 or 1, both sums run over the labelled pixels of the whole batch, and c
    over the foreground classes that have a labelled pixel there.

    Reads: ``labels``. Scale: in 0..1 whatever the number of pixels; for a hard prediction one minus the Dice
    metric. Pooled over the batch, since the Dice of one small image with two clicks is mostly noise. A class
    that no labelled pixel has would score 0 whatever is predicted, a constant without a gradient: it is
    left out, and with no foreground label at all the loss is exactly 0. So false positives on a batch of
    background alone are free here: sum it with a cross-entropy.

    >>> target = Target.from_labels(torch.tensor([[[0, 1, 255]]]), num_classes=2)
    >>> logits = torch.tensor([[[[9.0, -9.0, 0.0]], [[-9.0, 9.0, 0.0]]]])
    >>> round(float(Dice()(logits, target, torch.zeros(1, 3, 1, 3))), 4)
    0.0

    Source: F. Milletari et al., V-Net, 3DV 2016, section 3. Ours has plain sums in the denominator, not
    squares, takes K classes by a softmax, and has no smoothing term, with which the loss would depend on
    the number of pixels. C. Sudre et al., DLMIA 2017, also count the background as a class; we do not.
    """

    kind: Literal["dice"] = "dice"
    reads: ClassVar[frozenset[str]] = frozenset({"labels"})

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        probs = torch.softmax(precise(logits), dim=1)[:, 1:]
        labels = target.labels[:, None]
        classes = torch.arange(1, logits.shape[1], device=labels.device)
        truth = labels == classes[:, None, None]
        pixels = (0, 2, 3)
        overlap = of_all((probs * truth).sum(pixels))
        predicted = of_all((probs * (labels != IGNORE)).sum(pixels))
        actual = of_all(truth.sum(pixels))
        present = (actual > 0).to(probs.dtype)
        # Where a class is present its denominator is at least 1; elsewhere the 1 stands for anything but 0.
        scores = 2 * overlap / torch.where(actual > 0, predicted + actual, 1.0)
        return ((1 - scores) * present).sum() / present.sum().clamp(min=1)
