"""Corrections: clicks where a prediction is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator
from scipy import ndimage

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.mixed import Mixed
from pointillist.annotate.part import parts
from pointillist.annotate.points import PointsAnnotator
from pointillist.core.errors import InputError
from pointillist.core.marks import Mark, Points
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.data.mask import read_mask
from pointillist.data.resample import resample_mask

if TYPE_CHECKING:
    from pointillist.annotate import AnyAnnotator


class Click(NamedTuple):
    """One click.

    Args:
        label: the class that was clicked.
        row: of the pixel.
        col: of the pixel.
    """

    label: int
    row: int
    col: int


def next_clicks(truth: MaskArray, prediction: MaskArray, count: int) -> tuple[Click, ...]:
    """Say where a person clicks next to correct a prediction.

    A mistake is a connected region (8 neighbours) of one true class where the prediction says one other
    class. The clicks go to the largest mistakes, one each, at the pixel farthest from the mistake's outline
    (the image's edge counts as one); of several the first in reading order.

    Args:
        truth: class indices, IGNORE where void: nothing is wrong there.
        prediction: class indices of the same size.
        count: how many; fewer when there are not so many mistakes.

    >>> next_clicks(np.array([[0, 0, 1, 1, 1]], np.uint8), np.array([[1, 0, 0, 0, 0]], np.uint8), 1)
    (Click(label=1, row=0, col=2),)

    Source: the centre of the largest mistake, the usual way to simulate interactive segmentation (Xu et al.
    2016; Sofiiuk et al. 2022, RITM, section 3). There each click is followed by a new prediction; ask for
    one click at a time to do so. Asked for several, each click is taken to correct its whole mistake.
    """
    wrong = (truth != prediction) & (truth != IGNORE)
    # One number for each pair of classes, so that a region has one truth and one prediction.
    pairs = truth.astype(np.int64) * 256 + prediction
    mistakes = []
    for pair in np.unique(pairs[wrong]):
        own = (wrong & (pairs == pair)).astype(np.uint8)
        mistakes += [(int(part.region.sum()), int(pair) // 256, part) for part in parts(own, 1)]
    mistakes.sort(key=lambda mistake: -mistake[0])
    clicks = []
    for _, label, part in mistakes[:count]:
        depth = ndimage.distance_transform_edt(np.pad(part.region, 1))[1:-1, 1:-1]
        row, col = np.unravel_index(int(depth.argmax()), depth.shape)
        clicks.append(Click(label, part.top + int(row), part.left + int(col)))
    return tuple(clicks)


class Corrections(Annotator):
    """Draw as another annotator does, then click where a prediction was wrong: a second round.

    The predictions come from files, as ``pointillist predict`` writes them, so that each round is a run of
    its own: train on the first clicks, predict the training and the validation images, train on the clicks
    and corrections. With the same seed the first round's marks are those that `of` draws alone.

    Args:
        predictions: a folder of each sample's label map ``<name>.png``, with class indices; one of
            another size is resampled by its nearest pixels.
        clicks: on each image, one on each of the largest mistakes; see ``next_clicks``.
        of: the annotator of the first round; not `mixed`: alone it chooses by a chance of its own.

    Raises:
        InputError: the first round is mixed; an image has no prediction, or one of another shape; or the
            corrections lie within another annotator than `mixed`, which alone tells them their image's name.
    """

    kind: Literal["corrections"] = "corrections"
    predictions: Path
    clicks: Annotated[int, Field(ge=1, le=1_000_000)] = 5
    of: AnyAnnotator = PointsAnnotator()

    @model_validator(mode="after")
    def _first_as_alone(self) -> Corrections:
        if isinstance(self.of, Mixed):
            raise ValueError("corrections may not wrap mixed: let mixed wrap the corrections of each")
        return self

    @property
    def truthful(self) -> bool:
        """Corrections tell the truth; whether all does is up to the first round."""
        return self.of.truthful

    def in_words(self) -> str:
        """Say what the first round draws, and how many corrections follow."""
        return f"{self.of.in_words()} and {self.clicks} corrections"

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Refuse: a prediction belongs to a named image."""
        must = "corrections must be the outermost annotator"
        raise InputError(must, "another one around them", "Let them wrap that one: their field `of`.")

    def marks_on(self, sample: Sample, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw the first round's marks, then the corrections, in the order in which they are clicked."""
        first = self.of.draw(sample.truth(), num_classes, rng)
        prediction = self._prediction(sample, num_classes)
        clicks = next_clicks(sample.truth(), prediction, self.clicks)
        return (*first, *(Points(label=c.label, at=((float(c.row), float(c.col)),)) for c in clicks))

    def _prediction(self, sample: Sample, num_classes: int) -> MaskArray:
        path = self.predictions / f"{sample.name}.png"
        prediction = read_mask(path, {label: label for label in range(num_classes)})
        rows, cols = prediction.shape
        # Predictions have the file's size, samples the run's: rounding may change a side by a pixel.
        if abs(rows * sample.width - cols * sample.height) > max(rows, cols):
            must = "a prediction must have its image's shape, at whatever size"
            found = f"{rows} x {cols} for an image of {sample.height} x {sample.width} pixels"
            raise InputError(must, found, "Predict this image again.", path)
        return resample_mask(prediction, (sample.height, sample.width))
