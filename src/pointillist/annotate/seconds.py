"""How long the marks take a person: one declared table of unit costs, with their source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from pointillist.core.marks import Box, Centroid, Dense, ExtremePoints, Mark, Points, Scribble, Size, Tag
from pointillist.core.shapes import IGNORE, MaskArray


class Cost(NamedTuple):
    """What one thing costs a person.

    Args:
        seconds: the unit cost.
        source: who measured it, and on what.
    """

    seconds: float
    source: str


_BEARMAN = "Bearman et al. 2016, What's the Point, ECCV, section 4"
_EXTREME = "Papadopoulos et al. 2017, Extreme clicking, ICCV, abstract"
SECONDS: dict[str, Cost] = {
    "absent-class": Cost(1.0, f"{_BEARMAN}: seeing that a class is not in the image, per class"),
    "tag": Cost(1.0, f"{_BEARMAN}: seeing that a class is in the image, per class"),
    "first-click": Cost(2.4, f"{_BEARMAN}: the first click on a class, median on PASCAL VOC"),
    "further-click": Cost(0.9, f"{_BEARMAN}: each further click on that class, median"),
    "scribble": Cost(10.9, f"{_BEARMAN}: one free-form squiggle on a class, median"),
    "extreme-points": Cost(7.0, f"{_EXTREME}: the four clicks on one object, on PASCAL VOC"),
    "box": Cost(35.0, f"{_EXTREME}, after Su et al. 2012: one checked box, drawn by its corners (ILSVRC)"),
    "object-mask": Cost(79.0, f"{_BEARMAN}, after Lin et al. 2014 (COCO): the outline of one object"),
}
"""Seconds by what is drawn. Together they give the published 20.0 (tags), 22.1 (one point per class), 34.9
(squiggles) and 239.7 s (full masks) per image of PASCAL VOC: 20 classes, of which 1.5 are in an image, with
2.8 objects. A mark's cost goes by the mark's kind."""


def seconds_of(marks: Sequence[Mark], truth: MaskArray, absent: int = 0) -> float | None:
    """Estimate how long a person takes to draw the marks; None when nobody has measured that.

    A label map over every known pixel counts as the outlines of all connected foreground objects (8
    neighbours). One with gaps, as ``density`` draws it, is nothing that people do: None, and tables print a
    dash. Nobody has measured how long it takes to guess a size or a centre either.

    Args:
        marks: what was drawn on one image.
        truth: its dense truth, uint8 (H, W), IGNORE where void.
        absent: how many classes the person looked for in vain.

    >>> clicks = (Points(label=0, at=((0, 0),)), Points(label=1, at=((0, 2), (0, 3), (0, 4))))
    >>> seconds_of(clicks, np.array([[0, 0, 1, 1, 1]], np.uint8))
    6.6

    Source: the unit costs of ``SECONDS``. The paper's annotators never clicked on the background; here its
    clicks cost like those of any class, and a click on a disc costs like a click on a pixel.
    """
    denied = {mark.label for mark in marks if isinstance(mark, Tag) and not mark.present}
    # Whoever says that a class is absent has looked for it in vain: that is one second, not two.
    seconds = max(absent, len(denied)) * SECONDS["absent-class"].seconds
    clicked: set[int] = set()
    for mark in marks:
        if isinstance(mark, Size | Centroid):
            return None
        if isinstance(mark, Dense):
            if bool(((mark.to_map() == IGNORE) & (truth != IGNORE)).any()):
                return None
            seconds += _objects(truth) * SECONDS["object-mask"].seconds
        elif isinstance(mark, Points):
            first = bool(mark.at) and mark.label not in clicked
            clicked |= {mark.label} if first else set()
            seconds += first * SECONDS["first-click"].seconds
            seconds += (len(mark.at) - first) * SECONDS["further-click"].seconds
        else:
            seconds += _cost(mark)
    return round(seconds, 3)


def _cost(mark: Scribble | Box | ExtremePoints | Tag) -> float:
    if isinstance(mark, Tag) and not mark.present:
        return 0.0
    return SECONDS[mark.kind].seconds


def _objects(truth: MaskArray) -> int:
    classes = [int(v) for v in np.unique(truth) if v not in (0, IGNORE)]
    return sum(int(ndimage.label(truth == label, np.ones((3, 3)))[1]) for label in classes)
