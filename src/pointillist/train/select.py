"""Which weights are kept: scored on held-out annotations, so that nobody needs masks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from pointillist.annotate import Full
from pointillist.core.known import Known
from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import IGNORE, MaskArray, RegionArray
from pointillist.train.agreement import Agreement
from pointillist.train.device import Device
from pointillist.train.feed import pixels
from pointillist.train.predict import predict_image
from pointillist.train.run import Run
from pointillist.train.supervise import Supervised, supervised
from pointillist.train.tally import Tally

CLEARLY = 0.1
"""So much more mean log p of held-out clicks is no chance: on DRIVE, 20+20 clicks, it rises by .3 in all."""
PER_HELD_OUT, MOST_LEARNT = 4, 100
"""Training images that are looked at for the line's sake: what a few more epochs' scores cost."""


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

    def told(self) -> dict[str, float | int]:
        """Give what is recorded of it."""
        record: dict[str, float | int] = {
            "held_out/dice": self.dice,
            "held_out/likelihood": self.likelihood,
            "held_out/offset": self.offset,
        }
        if self.masks_dice is not None and self.masks_best is not None:
            record |= {"masks/dice": self.masks_dice, "masks/best": self.masks_best}
        return record

    def keeps_up(self, best: Score) -> bool:
        """Whether these weights, which have learnt for longer, are to be preferred to the best so far."""
        return self.key >= best.key or self.key[0] > best.key[0] - self.slack or self.tells_more(best)

    def tells_more(self, other: Score) -> bool:
        """Whether these weights tell the labelled pixels apart so clearly better that estimates don't matter.

        What few clicks on thin things estimate may be off by .05 either way, most of all of a network that
        is not sure of anything yet.
        """
        return bool(self.slack and self.key[0] > 0 and self.likelihood > other.likelihood + CLEARLY)


def _with_mask(run: Run, item: Supervised) -> Supervised:
    """Give a sample as if its mask had been drawn, with what that costs."""
    known = Known.from_labels(item.sample.truth(), len(run.data.classes))
    drawn = None if item.sample.mask is None else Full().annotate(item.sample, run.data.classes, run.seed)
    return replace(item, known=known, annotation=drawn, bounds_alone=False)


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
            truth = item.sample.truth()
            if run.select == "masks":
                item = _with_mask(run, item)
            self.tally.add(item)
            known = item.known
            if not known.empty:
                shown = truth if with_masks and (truth != IGNORE).any() else None
                self.items.append(_Item(pixels(item)[0], known, item.region, shown))

    def __bool__(self) -> bool:
        return bool(self.items)

    def score(self, network: nn.Module) -> Score:
        """Score weights."""
        return _score(*self._look(network))

    def judge(self, network: nn.Module, run: Run) -> Judged:
        """Look at the chosen weights once more.

        Args:
            network: without an offset.
            run: whose training images are looked at, four for each held-out one and 100 at most.
        """
        agreement, on_masks = self._look(network)
        return Judged(agreement.without_each(), self._draw_line(network, run, agreement, on_masks))

    def _draw_line(
        self, network: nn.Module, run: Run, agreement: Agreement, on_masks: Agreement | None
    ) -> Score | None:
        """Draw the line anew, by labels that the weights have learnt, too.

        Of a hundred held-out clicks hardly one lies on the two in a hundred background pixels that a network
        takes for objects. It has learnt more than these, and a short training does not learn them by heart
        (toy-scatter, 5+5 clicks, partial cross-entropy: 1.6 % of the learnt clicks on background are wrong,
        and 1.8 % of all its pixels).

        Returns:
            the score with the new offset; None: the line stays where held-out annotations drew it, because
            more than few labels are known of them, or the learnt ones are known by heart.
        """
        if not agreement.by_few:
            return None
        learnt = Agreement(self.num_classes, len(self.items))
        for item in _annotated(run, min(PER_HELD_OUT * len(self.items), MOST_LEARNT)):
            learnt.add(self._predict(network, pixels(item)[0]), item.known, item.region)
        both = agreement.with_learnt(learnt)
        return None if both is None else _score(both, on_masks)

    def _look(self, network: nn.Module) -> tuple[Agreement, Agreement | None]:
        agreement, on_masks = (Agreement(self.num_classes, len(self.items)) for _ in range(2))
        for image, known, region, truth in self.items:
            probs = self._predict(network, image)
            agreement.add(probs, known, region)
            if truth is not None:
                on_masks.add(probs, Known.from_labels(truth, self.num_classes), region)
        return agreement, on_masks if any(item.truth is not None for item in self.items) else None

    def _predict(self, network: nn.Module, image: torch.Tensor) -> Float[np.ndarray, "k h w"]:
        floats = image.float() / 255 if image.dtype == torch.uint8 else image
        return predict_image(network, floats.numpy(), self.device)


class Judged(NamedTuple):
    """What held-out annotations say of the chosen weights.

    Args:
        without_each: the Dice without each part of the images (see `Agreement.without_each`).
        line: the score where learnt labels draw the line, too; None: it stays.
    """

    without_each: list[float]
    line: Score | None


def _score(agreement: Agreement, on_masks: Agreement | None) -> Score:
    dice, offset = agreement.best()
    score = Score(dice, agreement.likelihood(), offset, agreement.slack)
    if on_masks is None:
        return score
    return replace(score, masks_dice=on_masks.at(offset), masks_best=on_masks.at(on_masks.best()[1]))


def _annotated(run: Run, most: int) -> Iterator[Supervised]:
    """Read some of the annotated training images, in an order of their own."""
    names = run.data.names("train")
    order = (names[place] for place in numpy_rng(run.seed, "line").permutation(len(names)))
    items = (supervised(run, name) for name in order)
    return islice((item for item in items if not item.bare), most)


class _Item(NamedTuple):
    image: torch.Tensor
    known: Known
    region: RegionArray | None
    truth: MaskArray | None
