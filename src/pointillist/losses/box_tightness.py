"""The box loss: a class touches all sides of its boxes, fills a share of them and is nowhere else."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from pydantic import Field, model_validator
from torch import Tensor

from pointillist.core.shapes import Images, Logits, Scalar
from pointillist.core.target import Target
from pointillist.losses.loss import Loss
from pointillist.losses.penalty import AnyPenalty, Quadratic, off_range, root
from pointillist.losses.reduction import known_mean, precise

Share = Annotated[float, Field(ge=0, le=1)]


class BoxTightness(Loss):
    """Penalise an empty strip of a box, a box filled too little or too much, and its class outside of boxes.

        L = mean over boxes of  [ mean over strips s of P(1 - sum over s of p_c / w)
                                  + P(sqrt(lowest) - sqrt(f)) + P(sqrt(f) - sqrt(highest)) ]
            + mean over (image, class) with a box of  P(sqrt(o))

    where p = softmax(logits), c is the box's class, a strip is any w adjacent rows or columns across the box
    (the whole box, if it is narrower), f the mean of p_c in the box, o the mean over the image of p_c where
    no box of c is, and P the penalty. A tight box of a connected object has at least one pixel of it on
    every line, so w in every strip.

    Reads: ``boxes``; a class with a box in an image is taken to have all its objects there boxed. Scale:
    every part of the quadratic penalty is in 0..1 whatever the sizes of boxes and images; rows and columns
    weigh half each. Without a box it is exactly 0.

    Args:
        width_px: w; the larger, the looser the boxes may be drawn.
        fill: lowest and highest share of a box that its object fills; (0, 1): unknown. Lesions of PH2 fill
            0.51 to 0.98 of theirs, 0.72 in the middle; vessels of DRIVE 0.03 to 0.62, 0.1 in the middle. A
            box that is one pixel wide or high has no highest share: its object touches all of its lines.
        penalty: `Quadratic`, or a `LogBarrier`, which costs something where all is well too.

    Raises:
        InputError: the lowest fill is above the highest.

    >>> from dataclasses import replace
    >>> target = replace(Target.unknown(1, 2, 2, 2), boxes=torch.tensor([[[1, 0, 0, 2, 2]]]))
    >>> surely_none = torch.tensor([50.0, -50.0]).reshape(1, 2, 1, 1).expand(1, 2, 2, 2)
    >>> round(float(BoxTightness(fill=(0.25, 1))(surely_none, target, torch.zeros(1, 3, 2, 2))), 4)
    1.25

    Source: H. Kervadec et al., Bounding boxes for weakly supervised segmentation: global constraints get
    close to full supervision, MIDL 2020: its tightness prior (V. Lempitsky et al., ICCV 2009), emptiness
    outside, and bounds on the size. Ours takes every strip, not a tiling from one corner, so that a mirrored
    image costs the same; bounds each box's fill, not the image's; and divides, where that one counts pixels.
    """

    kind: Literal["box-tightness"] = "box-tightness"
    reads: ClassVar[frozenset[str]] = frozenset({"boxes"})

    width_px: int = Field(default=5, ge=1)
    fill: tuple[Share, Share] = (0.3, 0.9)
    penalty: AnyPenalty = Quadratic()

    @model_validator(mode="after")
    def _lowest_first(self) -> BoxTightness:
        if self.fill[0] > self.fill[1]:
            raise ValueError("fill must be the lowest share, then the highest")
        return self

    def __call__(self, logits: Logits, target: Target, images: Images) -> Scalar:
        """Compute the loss."""
        # Half precision would do for the masks, but not for sums of probabilities.
        with torch.autocast(logits.device.type, enabled=False):
            probs = torch.softmax(precise(logits), dim=1)
            label, top, left, bottom, right = target.boxes.unbind(-1)
            rows, cols = _between(top, bottom, probs.shape[2]), _between(left, right, probs.shape[3])
            tall, wide = rows.sum(-1), cols.sum(-1)
            classes = torch.arange(probs.shape[1], device=label.device)
            mine = (label[..., None] == classes) & (tall * wide > 0)[..., None]
            known = mine.any(-1)
            across_rows = _profile(probs, rows, cols, mine)
            across_cols = _profile(probs.mT, cols, rows, mine)
            strips = self._shortage(across_rows, top, tall) + self._shortage(across_cols, left, wide)
            filled = root(across_rows.sum(-1) / (tall * wide).clamp(min=1))
            lowest, highest = (torch.full_like(filled, math.sqrt(share)) for share in self.fill)
            # The object of a box that is one pixel wide is all of it, whatever share others fill.
            highest = highest.where(torch.minimum(tall, wide) > 1, 1.0)
            misfilled, _ = off_range(self.penalty, filled, lowest, highest, most=1.0)
            astray = self.penalty(root((probs * ~_covered(rows, cols, mine)).mean((2, 3))))
            return known_mean(strips / 2 + misfilled, known) + known_mean(astray, mine.any(1))

    def _shortage(
        self, profile: Float[Tensor, "n m length"], first: Int64[Tensor, "n m"], count: Int64[Tensor, "n m"]
    ) -> Float[Tensor, "n m"]:
        """Average the penalty over a box's strips, given the sums of its lines."""
        sums = F.pad(profile, (0, self.width_px - 1)).unfold(-1, self.width_px, 1).sum(-1)
        width = count.clamp(min=1, max=self.width_px)
        start = torch.arange(profile.shape[-1], device=profile.device)
        first = first.clamp(min=0)
        whole = (start >= first[..., None]) & (start <= (first + (count - width).clamp(min=0))[..., None])
        costs = torch.where(whole, self.penalty(1 - sums / width[..., None]), 0.0)
        return costs.sum(-1) / whole.sum(-1).clamp(min=1)


def _between(first: Int64[Tensor, "n m"], end: Int64[Tensor, "n m"], length: int) -> Bool[Tensor, "n m _"]:
    places = torch.arange(length, device=first.device)
    return (places >= first[..., None]) & (places < end[..., None])


def _profile(
    probs: Float[Tensor, "n k h w"],
    rows: Bool[Tensor, "n m h"],
    cols: Bool[Tensor, "n m w"],
    mine: Bool[Tensor, "n m k"],
) -> Float[Tensor, "n m h"]:
    """Sum a box's class along each of its rows; a product of matrices, since N x M x H x W does not fit."""
    every_class = probs @ cols.to(probs.dtype).mT[:, None]
    own = (every_class * mine.permute(0, 2, 1)[:, :, None]).sum(1)
    return own.mT * rows


def _covered(
    rows: Bool[Tensor, "n m h"], cols: Bool[Tensor, "n m w"], mine: Bool[Tensor, "n m k"]
) -> Bool[Tensor, "n k h w"]:
    """Say where a class has a box."""
    own_rows = mine.permute(0, 2, 1)[..., None] & rows[:, None]
    return (own_rows.mT.float() @ cols[:, None].float()) > 0
