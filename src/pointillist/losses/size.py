"""The size loss: the predicted area of a class stays in the range that is known of it."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.penalty import AnyPenalty, Quadratic, off_range, root
from pointillist.losses.reduction import known_mean, precise


class Size(Loss):
    """Penalise a class whose predicted area is below the lowest or above the highest that is known.

        L = mean over known (image, class) of  P(sqrt(a / A) - sqrt(V / A)) + P(sqrt(V / A) - sqrt(b / A))

    where p = softmax(logits), V = sum over pixels of p_c, a and b are the bounds, A is the image's area and P
    the penalty. A bound that no prediction can break (a = 0, b >= A) counts nothing.

    Reads: ``sizes``. Scale: lengths, not areas, are compared: sqrt(V / A) is the side of a square of area V
    in units of the image's side. The quadratic penalty is in 0..1 at any image size and its gradient by p
    is (1 - sqrt(b / V)) / A a pixel above the bound: 1 / A at most, as a mean over pixels has, for small
    objects and for absent ones (b = 0: the mean of p) too. Without a known size it is exactly 0.

    Args:
        penalty: `Quadratic`, or a `LogBarrier`, which costs something inside the range too.

    >>> from dataclasses import replace
    >>> target = Target.unknown(1, 2, 2, 2)
    >>> target = replace(target, sizes=torch.tensor([[[0.0, torch.inf], [0.0, 1.0]]]))
    >>> surely_all = torch.tensor([-50.0, 50.0]).reshape(1, 2, 1, 1).expand(1, 2, 2, 2)
    >>> float(Size()(surely_all, target, torch.zeros(1, 3, 2, 2)))  # 4 pixels, 1 at most: (1 - 1/2)^2
    0.25

    Source: H. Kervadec et al., Constrained-CNN losses for weakly supervised segmentation, Medical Image
    Analysis 2019, its penalty C(V) on size bounds. That one squares the excess in pixels; divided by the
    image's area it grows with the image, by its square it is nearly 0 for small objects, and by the bound
    it explodes for them; the square roots do none of these.
    """

    kind: Literal["size"] = "size"
    reads: ClassVar[frozenset[str]] = frozenset({"sizes"})

    penalty: AnyPenalty = Quadratic()

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        probs = torch.softmax(precise(logits), dim=1)
        side = root(probs.mean((2, 3)))
        low, high = (target.sizes.to(probs.dtype) / (logits.shape[2] * logits.shape[3])).sqrt().unbind(-1)
        return known_mean(*off_range(self.penalty, side, low, high, most=1.0))
