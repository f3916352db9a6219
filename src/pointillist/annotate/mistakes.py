"""A person who sometimes gives the wrong class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.mixed import Mixed
from pointillist.annotate.points import PointsAnnotator
from pointillist.core.marks import Box, Dense, ExtremePoints, Mark, Points, Tag
from pointillist.core.shapes import IGNORE, MaskArray

if TYPE_CHECKING:
    from pointillist.annotate import AnyAnnotator


class Mistakes(Annotator):
    """Draw as another annotator does, but give each thing a wrong class with some probability.

    A thing is a click, a whole scribble, box, size or centre, or a pixel of a label map. Its wrong class is
    any other of the K classes, all alike, whether the image has it or not; a box or the extreme points of an
    object get another foreground class, and are forgotten where there is only one. A wrong tag says the
    opposite. Everything stays where it was; with the same seed and name, the mistakes of a lower rate are
    among those of a higher one in the same places.

    Args:
        of: the annotator that knows better; not `mixed`: alone it chooses by a chance of its own.
        rate: the probability of a mistake, 0 to 1.

    Raises:
        InputError: a mixture is to make mistakes.

    >>> truth = np.zeros((4, 4), np.uint8)
    >>> careless = Mistakes(of=PointsAnnotator(negative=3), rate=1)
    >>> [(mark.label, len(mark.at)) for mark in careless.draw(truth, 2, np.random.default_rng(0))]
    [(1, 3)]
    """

    kind: Literal["mistakes"] = "mistakes"
    of: AnyAnnotator = PointsAnnotator()
    rate: Annotated[float, Field(ge=0, le=1)] = 0.05

    @model_validator(mode="after")
    def _as_alone(self) -> Mistakes:
        if isinstance(self.of, Mixed):
            raise ValueError("mistakes may not wrap mixed: let mixed wrap the mistakes of each")
        return self

    @property
    def truthful(self) -> bool:
        """Only one that never errs tells the truth."""
        return self.rate == 0 and self.of.truthful

    def in_words(self) -> str:
        """Say what is drawn, and how often wrongly."""
        return f"{self.of.in_words()}, {self.rate:g} wrong"

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw what ``of`` draws, then mislabel."""
        marks = self.of.draw(truth, num_classes, rng)
        if num_classes < 2:
            return marks
        return tuple(wrong for mark in marks for wrong in self._mislabelled(mark, num_classes, rng))

    def _mislabelled(self, mark: Mark, num_classes: int, rng: np.random.Generator) -> list[Mark]:
        if isinstance(mark, Dense):
            labels = mark.to_map()
            swapped = self._swapped(labels, num_classes, rng)
            return [Dense.from_map(np.where(labels == IGNORE, labels, swapped))]
        if isinstance(mark, Tag):
            wrong = bool(rng.random() < self.rate)
            return [mark.model_copy(update={"present": mark.present != wrong})]
        if isinstance(mark, Box | ExtremePoints):
            return self._misnamed(mark, num_classes, rng)
        if not isinstance(mark, Points):
            label = self._swapped(np.array([mark.label], np.uint8), num_classes, rng)[0]
            return [mark.model_copy(update={"label": int(label)})]
        labels = self._swapped(np.full(len(mark.at), mark.label, np.uint8), num_classes, rng)
        at = np.array(mark.at).reshape(-1, 2)
        return [
            Points(label=int(label), at=tuple(map(tuple, at[labels == label].tolist())), radius=mark.radius)
            for label in np.unique(labels)
        ]

    def _misnamed(self, mark: Box | ExtremePoints, num_classes: int, rng: np.random.Generator) -> list[Mark]:
        if num_classes == 2:
            return [mark] if rng.random() >= self.rate else []
        # The foreground classes 1 .. K - 1, counted from 0: the background has no boxes.
        label = self._swapped(np.array([mark.label - 1], np.uint8), num_classes - 1, rng)[0]
        return [mark.model_copy(update={"label": int(label) + 1})]

    def _swapped(self, labels: np.ndarray, num_classes: int, rng: np.random.Generator) -> np.ndarray:
        wrong = rng.random(labels.shape) < self.rate
        # Adding 1 to K - 1 modulo K reaches every other class and never the same one.
        others = (labels.astype(int) + rng.integers(1, num_classes, labels.shape)) % num_classes
        swapped: np.ndarray = np.where(wrong, others, labels).astype(np.uint8)
        return swapped
