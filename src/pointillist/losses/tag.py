"""The tag loss: classes that are absent are predicted nowhere, those that are present somewhere."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from pointillist.core.shapes import IGNORE, Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.reduction import known_mean, precise


class Tag(Loss):
    """Learn from which classes an image holds, and which it does not.

        L = mean over known (image, class) of  - mean over pixels of log(1 - p_c)      if absent
                                               - log(mean over the surest pixels of p_c)  if present

    where p = softmax(logits), and the surest pixels are a share of the image's, one at least. The background
    is a class like any other.

    Reads: ``tags``. Scale: like a cross-entropy, whatever the size of the image; without a known tag exactly
    0. A tag alone does not say where: sum it with a loss that does.

    Args:
        share: share of an image that every present class surely fills. Larger is smoother, and wrong for
            smaller objects; the least positive number: the single surest pixel.

    >>> from dataclasses import replace
    >>> target = replace(Target.unknown(1, 2, 1, 2), tags=torch.tensor([[255, 0]]))
    >>> logits = torch.zeros(1, 2, 1, 2)
    >>> round(float(Tag()(logits, target, torch.zeros(1, 3, 1, 2))), 4)  # log 2
    0.6931

    Source: A. Bearman et al., What's the point: semantic segmentation with point supervision, ECCV 2016,
    equation 1, which takes the surest pixel of present and absent classes alike. Ours takes a share of the
    pixels for present classes, all pixels for absent ones, where a pixel at a time learns slowly, and one
    mean over both.
    """

    kind: Literal["tag"] = "tag"
    reads: ClassVar[frozenset[str]] = frozenset({"tags"})

    share: float = Field(default=0.001, gt=0, le=1)

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        log_probs = torch.log_softmax(precise(logits), dim=1)
        pixels = log_probs.flatten(2)
        surest = pixels.topk(max(1, round(self.share * pixels.shape[-1]))).values
        present = math.log(surest.shape[-1]) - surest.logsumexp(-1)
        absent = -_log_other(log_probs).mean((2, 3))
        return known_mean(torch.where(target.tags == 1, present, absent), target.tags != IGNORE)


def _log_other(log_probs: Float[Tensor, "n k h w"]) -> Float[Tensor, "n k h w"]:
    """Compute log(1 - p) of every class, finite and with a slope even where p rounds to 1."""
    classes = torch.arange(log_probs.shape[1], device=log_probs.device)[:, None, None]
    # On a CPU max is many times as fast as argmax.
    likeliest = log_probs.max(1, keepdim=True).indices == classes
    others = log_probs.masked_fill(likeliest, torch.finfo(log_probs.dtype).min)
    # Only the likeliest class can have p above 1/2.
    small = log_probs.exp().clamp(max=0.5)
    return torch.where(likeliest, others.logsumexp(1, keepdim=True), torch.log1p(-small))
