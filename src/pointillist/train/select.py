"""Which weights are kept: scored on held-out annotations, so that nobody needs masks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.metrics.confusion import confusion_matrix, dice
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
    """

    dice: float
    likelihood: float

    @property
    def key(self) -> tuple[float, float]:
        """What is compared; a score that is not a number is never the best."""
        return (
            (self.dice, self.likelihood) if np.isfinite([self.dice, self.likelihood]).all() else (-1.0, 0.0)
        )


class HeldOut:
    """The validation images with the labels by which weights are chosen, read once.

    Args:
        run: its `select` says which labels: the annotations, or the masks.
        names: the validation images.
        device: where to predict.
    """

    def __init__(self, run: Run, names: Sequence[str], device: Device) -> None:
        self.device, self.num_classes = device, len(run.data.classes)
        self.tally = Tally(run.data.classes)
        self.known: list[tuple[torch.Tensor, MaskArray]] = []
        for name in names if run.select != "last" else ():
            item = supervised(run, name)
            self.tally.add(item)
            truth = item.sample.truth() if run.select == "masks" else item.labels
            if (truth != IGNORE).any():
                self.known.append((pixels(item)[0], truth))

    def __bool__(self) -> bool:
        return bool(self.known)

    def score(self, network: nn.Module) -> Score:
        """Score weights."""
        matrix = np.zeros((self.num_classes, self.num_classes), dtype=np.int64)
        logs = np.zeros(self.num_classes)
        for image, truth in self.known:
            floats = image.float() / 255 if image.dtype == torch.uint8 else image
            probs = predict_image(network, floats.numpy(), self.device)
            matrix += confusion_matrix(probs.argmax(0).astype(np.uint8), truth, self.num_classes)
            for k in np.unique(truth[truth != IGNORE]):
                logs[k] += np.log(np.maximum(probs[k][truth == k], 1e-6)).sum()
        counts = matrix.sum(1)
        likelihood = float(np.mean(logs[counts > 0] / counts[counts > 0]))
        foreground = dice(matrix)[1:]
        known = foreground[np.isfinite(foreground)]
        return Score(float(known.mean()) if len(known) else 0.0, likelihood)
