"""Which weights are kept: scored on held-out annotations, so that nobody needs masks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pointillist.core.known import Known
from pointillist.core.shapes import MaskArray
from pointillist.metrics.confusion import confusion_matrix
from pointillist.train.agreement import Agreement, mean_dice
from pointillist.train.device import Device
from pointillist.train.feed import pixels
from pointillist.train.predict import predict_image
from pointillist.train.run import Run
from pointillist.train.supervise import supervised
from pointillist.train.tally import Tally


@dataclass(frozen=True)
class Score:
    """How well weights agree with held-out labels.

    Args:
        dice: of the labelled pixels, pooled, mean over the foreground classes.
        likelihood: mean log p of the true class over the labelled pixels, each class weighing the same; it
            decides between equal Dice values, which few clicks often give.
        masks_dice: likewise on the validation masks, for studies; None: not asked for.
    """

    dice: float
    likelihood: float
    masks_dice: float | None = None

    @property
    def key(self) -> tuple[float, float]:
        """What is compared; a score that is not a number is never the best."""
        return (
            (self.dice, self.likelihood) if np.isfinite([self.dice, self.likelihood]).all() else (-1.0, 0.0)
        )


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
        self.items: list[tuple[torch.Tensor, Known, MaskArray | None]] = []
        for name in names if run.select != "last" else ():
            item = supervised(run, name)
            self.tally.add(item)
            truth = item.sample.truth()
            known = item.known
            if run.select == "masks":
                known = Known.from_labels(truth, self.num_classes)
            if not known.empty:
                self.items.append((pixels(item)[0], known, truth if with_masks else None))

    def __bool__(self) -> bool:
        return bool(self.items)

    def score(self, network: nn.Module) -> Score:
        """Score weights."""
        agreement = Agreement(self.num_classes)
        on_masks = np.zeros((self.num_classes, self.num_classes), dtype=np.int64)
        for image, known, truth in self.items:
            floats = image.float() / 255 if image.dtype == torch.uint8 else image
            probs = predict_image(network, floats.numpy(), self.device)
            agreement.add(probs, known)
            if truth is not None:
                on_masks += confusion_matrix(probs.argmax(0).astype(np.uint8), truth, self.num_classes)
        masks_dice = mean_dice(on_masks) if on_masks.any() else None
        return Score(mean_dice(agreement.matrix), agreement.likelihood(), masks_dice)
