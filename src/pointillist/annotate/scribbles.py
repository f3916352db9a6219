"""Scribbles: free-hand lines inside each object, along its middle or its contour."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field
from scipy import ndimage

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.part import Part, parts
from pointillist.annotate.skeleton import Line, along_contour, corners, middle
from pointillist.core.marks import Mark, Scribble
from pointillist.core.shapes import MaskArray, RegionArray

INSET_PX = 3.0
"""A scribble along the contour keeps its edge so far inside, or half as far as the object is deep."""


class Scribbles(Annotator):
    """Draw one line into each connected object (8 neighbours) of every class, the largest objects first.

    The line stays within its object, also at its full width: ends where the pen does not fit are left off,
    and where the object is too thin elsewhere, the whole line is drawn with a thinner pen, down to one pixel.

    - ``inside``: along the longest way through the object's skeleton;
    - ``contour``: parallel to the longest of the object's contours, a little inside; the image's edge is no
      contour. Objects too thin for that get a line ``inside``.

    Args:
        place: where the line goes.
        length: which share of that way is drawn, a stretch chosen by chance; 1: all of it.
        width: of the pen, in pixels.
        background: whether the background is scribbled on too.
        objects: at most so many lines for each class.

    >>> truth = np.zeros((5, 9), np.uint8)
    >>> truth[1:4, 1:8] = 1
    >>> Scribbles(background=False, length=1).draw(truth, 2, np.random.default_rng(0))[0].path
    ((2.0, 5.0), (2.0, 2.0))

    Source: scribbles as weak labels, Lin et al. 2016 (ScribbleSup, CVPR); the two kinds, interior and
    boundary, are those of Gotkowski et al. 2024 (ScribbleBench, arXiv 2403.12834). Theirs are smooth random
    curves; ours follow the skeleton or the contour to the pixel, so that each pixel tells the truth.
    """

    kind: Literal["scribbles"] = "scribbles"
    place: Literal["inside", "contour"] = "inside"
    length: Annotated[float, Field(gt=0, le=1)] = 0.5
    width: Annotated[float, Field(ge=1, le=10_000)] = 3.0
    background: bool = True
    objects: Annotated[int, Field(ge=1, le=1_000_000)] = 10

    def in_words(self) -> str:
        """Say where the lines go, how long they are, and all that is not as usual about them."""
        unusual = [f"{self.length:g} of the way", f"{self.width:g} px"]
        unusual += [] if self.background else ["no background"]
        unusual += [f"at most {self.objects} a class"] if self.objects != 10 else []
        where = "scribbles" if self.place == "inside" else "contour scribbles"
        return f"{where} ({', '.join(unusual)})"

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw the lines, class by class."""
        marks: list[Mark] = []
        for label in range(0 if self.background else 1, num_classes):
            if (truth == label).any():
                room = _room(truth == label)
                for _, part in zip(range(self.objects), parts(truth, label), strict=False):
                    marks.append(self._scribble(part, room, rng))
        return tuple(marks)

    def _scribble(self, part: Part, room: np.ndarray, rng: np.random.Generator) -> Scribble:
        line = self._trimmed(self._line(part, room), room)
        count = max(1, round(self.length * len(line)))
        start = int(rng.integers(len(line) - count + 1))
        line = line[start : start + count]
        # Squared distances are whole, so the widest pen that ends before d has radius^2 = d^2 - 1.
        widest = 2 * np.sqrt(np.rint(room[tuple(line.T)].min() ** 2) - 1) + 1
        width = self.width if self.width <= widest else float(np.floor(widest))
        path = tuple((float(row), float(col)) for row, col in corners(line).tolist())
        return Scribble(label=part.label, path=path, width=width)

    def _trimmed(self, line: Line, room: np.ndarray) -> Line:
        """Leave off the ends, in corners mostly, where the pen does not fit; but never most of the line."""
        roomy = np.flatnonzero(room[tuple(line.T)] > (self.width - 1) / 2)
        if not len(roomy) or 2 * (roomy[-1] + 1 - roomy[0]) < len(line):
            return line
        trimmed: Line = line[roomy[0] : roomy[-1] + 1]
        return trimmed

    def _line(self, part: Part, room: np.ndarray) -> Line:
        if self.place == "contour" and (along := self._contour(part, room)) is not None:
            return along
        line: Line = middle(part.region) + np.array([part.top, part.left])
        return line

    def _contour(self, part: Part, room: np.ndarray) -> Line | None:
        # One pixel more on every side shows where the object ends, except at the image's edge.
        top, left = max(part.top - 1, 0), max(part.left - 1, 0)
        cut = room[top : part.bottom + 1, left : part.right + 1]
        own = np.zeros(cut.shape, dtype=bool)
        rows, cols = part.region.shape
        own[part.top - top :, part.left - left :][:rows, :cols] = part.region
        depth = np.where(own, cut, 0.0)
        level = min(INSET_PX + (self.width - 1) / 2, float(depth.max()) / 2)
        line = along_contour(depth, level) if level > 1 else None
        return None if line is None else np.add(line, [top, left])


def _room(region: RegionArray) -> Float[np.ndarray, "h w"]:
    """Give each pixel's distance to the next one that is not of the class.

    What lies beyond the image's edge cannot be drawn on, so it does not count.
    """
    if region.all():
        return np.full(region.shape, float(sum(region.shape)))
    return ndimage.distance_transform_edt(region)
