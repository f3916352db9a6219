"""Extreme points: the top-most, left-most, bottom-most and right-most pixel of each object."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.part import Part, foreground, parts
from pointillist.annotate.points import Pixels
from pointillist.core.marks import ExtremePoints, Mark, Tag
from pointillist.core.shapes import MaskArray


class ExtremePointsAnnotator(Annotator):
    """Click on the four extreme pixels of each connected object (8 neighbours) of every foreground class.

    Of several pixels on an extreme row or column it is the middle one. As with ``boxes``, every object is
    clicked on, and classes that the image does not show get a tag that says so.

    Args:
        jitter: an unsteady hand: standard deviation of each click along both axes, in pixels, as far as the
            image goes. Clicks may then miss the object, and its box may cut it.

    >>> truth = np.array([[0, 0, 0, 0], [0, 1, 1, 1], [0, 0, 1, 0]], np.uint8)
    >>> ExtremePointsAnnotator().draw(truth, 2, np.random.default_rng(0))[0].at
    ((1.0, 2.0), (1.0, 1.0), (2.0, 2.0), (1.0, 3.0))

    Source: Papadopoulos et al. 2017 (Extreme clicking, ICCV), whose annotators click on any pixel of each
    extreme side.
    """

    kind: Literal["extreme-points"] = "extreme-points"
    jitter: Pixels = 0.0

    @property
    def truthful(self) -> bool:
        """Whether each click hits its pixel."""
        return not self.jitter

    def in_words(self) -> str:
        """Say how steady the hand is."""
        return "extreme points" + (f" (jitter {self.jitter:g} px)" if self.jitter else "")

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Click on the objects, class by class, then say what is absent."""
        present, absent = foreground(truth, num_classes)
        clicks = [self._clicks(part, truth.shape, rng) for label in present for part in parts(truth, label)]
        return (*clicks, *(Tag(label=label, present=False) for label in absent))

    def _clicks(self, part: Part, size: tuple[int, ...], rng: np.random.Generator) -> ExtremePoints:
        last_row, last_col = part.region.shape[0] - 1, part.region.shape[1] - 1
        at = (
            (0, _middle(part.region[0])),
            (_middle(part.region[:, 0]), 0),
            (last_row, _middle(part.region[-1])),
            (_middle(part.region[:, -1]), last_col),
        )
        moves = np.rint(rng.normal(0, 1, (4, 2)) * self.jitter)
        corner = np.array([part.top, part.left])
        places = np.clip(np.array(at) + corner + moves, 0, np.array(size) - 1).astype(float)
        top, left, bottom, right = (tuple(place) for place in places.tolist())
        return ExtremePoints(label=part.label, at=(top, left, bottom, right))


def _middle(side: np.ndarray) -> int:
    pixels = np.flatnonzero(side)
    return int(pixels[len(pixels) // 2])
