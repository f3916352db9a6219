"""Which weights are kept: scored on held-out annotations, so that nobody needs masks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, MaskArray, RegionArray
from pointillist.train.agreement import Agreement
from pointillist.train.device import Device
from pointillist.train.feed import pixels
from pointillist.train.predict import predict_image
from pointillist.train.run import Run
from pointillist.train.supervise import supervised
from pointillist.train.tally import Tally

CLEARLY = 0.1
"""So much more mean log p of held-out clicks is no chance: on DRIVE, 20+20 clicks, it rises by .3 in all."""


@dataclass(frozen=True)
class Score:
    """How well weights agree with held-out labels.

    Args:
        dice: estimated from what is known, mean over the foreground classes (see `Agreement`).
        likelihood: mean log p of the true class over the labelled pixels, each class weighing the same; it
            decides between equal Dice values, which few clicks often give.
        offset: of the background's logit, at which it is best.
        slack: weights that have learnt for longer are preferred unless their Dice is so much lower.
        masks_dice: on the validation masks, at that offset, for studies; None: not asked for.
        masks_best: on the validation masks, at the offset that they would choose.
    """

    dice: float
    likelihood: float
    offset: float = 0.0
    slack: float = 0.0
    masks_dice: float | None = None
    masks_best: float | None = None

    @property
    def key(self) -> tuple[float, float]:
        """What is compared; a score that is not a number is never the best."""
        return (
            (self.dice, self.likelihood) if np.isfinite([self.dice, self.likelihood]).all() else (-1.0, 0.0)
        )

    def keeps_up(self, best: Score) -> bool:
        """Whether these weights, which have learnt for longer, are to be preferred to the best so far."""
        return self.key >= best.key or self.key[0] > best.key[0] - self.slack or self.tells_more(best)

    def tells_more(self, other: Score) -> bool:
        """Whether these weights tell the labelled pixels apart so clearly better that estimates don't matter.

        What few clicks on thin things estimate may be off by .05 either way, most of all of a network that
        is not sure of anything yet.
        """
        return bool(self.slack and self.key[0] > 0 and self.likelihood > other.likelihood + CLEARLY)


class HeldOut:
    """The validation images with what their annotations tell, by which weights are chosen; read once.

    Args:
        run: its `select` says what is known of them: the annotations, or the masks.
        names: the validation images.
        device: where to predict.
        with_masks: score on the masks too; never to choose by.
    """

    def __init__(self, run: Run, names: Sequence[str], device: Device, with_masks: bool = False) -> None:
        self.device, self.num_classes = device, len(run.data.classes)
        self.tally = Tally(run.data.classes)
        self.items: list[_Item] = []
        for name in names if run.select != "last" else ():
            item = supervised(run, name)
            self.tally.add(item)
            truth = item.sample.truth()
            known = item.known
            if run.select == "masks":
                known = Known.from_labels(truth, self.num_classes)
            if not known.empty:
                shown = truth if with_masks and (truth != IGNORE).any() else None
                self.items.append(_Item(pixels(item)[0], known, item.sample.region, shown))

    def __bool__(self) -> bool:
        return bool(self.items)

    def score(self, network: nn.Module) -> Score:
        """Score weights."""
        agreement, on_masks = (Agreement(self.num_classes, len(self.items)) for _ in range(2))
        for image, known, region, truth in self.items:
            floats = image.float() / 255 if image.dtype == torch.uint8 else image
            probs = predict_image(network, floats.numpy(), self.device)
            agreement.add(probs, known, region)
            if truth is not None:
                on_masks.add(probs, Known.from_labels(truth, self.num_classes), region)
        dice, offset = agreement.best()
        score = Score(dice, agreement.likelihood(), offset, agreement.slack)
        if not any(item.truth is not None for item in self.items):
            return score
        best = on_masks.at(on_masks.best()[1])
        return replace(score, masks_dice=on_masks.at(offset), masks_best=best)


class _Item(NamedTuple):
    image: torch.Tensor
    known: Known
    region: RegionArray | None
    truth: MaskArray | None
