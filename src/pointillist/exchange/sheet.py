"""A sheet: what another tool's file draws on one image, until it is an annotation of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int16

from pointillist.core.annotation import Annotation
from pointillist.core.marks import Box, Dense, ExtremePoints, Mark, Points, Scribble, Tag
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.exchange.polygon import fill

Rest = Literal["background", "unlabelled"]
"""What the pixels are that no mark covers."""
OUTSIDE = "outside their image"
UNLABELLED = "unlabelled, and no areas"
_UNTOUCHED = -1


class Sheet:
    """What is drawn on one image: areas fill a label map, later ones over earlier ones; the rest are vectors.

    Places are ours: (row, col), an integer is a pixel's centre, the image reaches from -0.5 to height - 0.5.
    A label of IGNORE makes an area unlabelled; nothing else can be drawn with it.

    Args:
        name: the image's.
        height: its rows, upright.
        width: its columns.
        drawn: counts what is drawn, by noun.
        skipped: counts what is not, by reason.
    """

    def __init__(
        self, name: str, height: int, width: int, drawn: Counter[str], skipped: Counter[str]
    ) -> None:
        self.name, self.height, self.width = name, height, width
        self._drawn, self._skipped = drawn, skipped
        self._labels: Int16[np.ndarray, "h w"] | None = None
        self._marks: list[Mark] = []
        self._points: dict[tuple[int, float], list[tuple[float, float]]] = {}

    def point(self, label: int, row: float, col: float, radius: float = 0.0) -> None:
        """Put a click; one outside the image is skipped."""
        if label == IGNORE:
            self._skipped[f"points {UNLABELLED}"] += 1
        elif not self._holds(row, col):
            self._skipped[f"points {OUTSIDE}"] += 1
        else:
            self._points.setdefault((label, radius), []).append((row, col))
            self._drawn["points"] += 1

    def points(self, label: int, places: Sequence[tuple[float, float]], radius: float = 0.0) -> None:
        """Put clicks that are one mark; those outside the image are skipped."""
        if label == IGNORE:
            self._skipped[f"points {UNLABELLED}"] += len(places)
            return
        inside = tuple(place for place in places if self._holds(*place))
        if len(inside) < len(places):
            self._skipped[f"points {OUTSIDE}"] += len(places) - len(inside)
        if inside:
            self._marks.append(Points(label=label, at=inside, radius=radius))
            self._drawn["points"] += len(inside)

    def line(self, label: int, path: Float[np.ndarray, "_ 2"], width: float = 1.0) -> None:
        """Draw a line; corners outside the image are moved to its border, a line of such alone is skipped."""
        low, high = -0.5, np.array([self.height, self.width]) - 0.5
        if label == IGNORE:
            self._skipped[f"lines {UNLABELLED}"] += 1
            return
        if (path.min(0) > high).any() or (path.max(0) < low).any():
            self._skipped[f"lines {OUTSIDE}"] += 1
            return
        corners = [(float(row), float(col)) for row, col in np.clip(path, low, high)]
        self._marks.append(Scribble(label=label, path=tuple(corners), width=width))
        self._drawn["lines"] += 1

    def box(self, label: int, top: float, left: float, bottom: float, right: float) -> None:
        """Draw a box by its edges: it holds the pixels whose centre it holds, at least one.

        Around the background, or around what is unlabelled, a box is an area: no object is in it.
        """
        if label in (0, IGNORE):
            self.area(label, [np.array([[top, left], [top, right], [bottom, right], [bottom, left]])])
            return
        (top, bottom), (left, right) = sorted((top, bottom)), sorted((left, right))
        first = np.ceil(np.clip([top, left], -0.5, (self.height, self.width))).astype(int)
        last = np.ceil(np.clip([bottom, right], -0.5, (self.height, self.width))).astype(int)
        last = np.minimum(np.maximum(last, first + 1), (self.height, self.width))
        if (last <= first).any() or bottom <= -0.5 or right <= -0.5:
            self._skipped[f"boxes {OUTSIDE}"] += 1
            return
        sides = (int(side) for side in (*first, *last))
        self._marks.append(
            Box(**dict(zip(("top", "left", "bottom", "right"), sides, strict=True), label=label))
        )
        self._drawn["boxes"] += 1

    def extremes(self, label: int, ends: Sequence[tuple[float, float]]) -> None:
        """Put the top-most, left-most, bottom-most and right-most place of one object."""
        if label in (0, IGNORE) or not all(self._holds(*end) for end in ends):
            self._skipped[f"extreme points {OUTSIDE} or of no object"] += 1
            return
        top, left, bottom, right = ends
        self._marks.append(ExtremePoints(label=label, at=(top, left, bottom, right)))
        self._drawn["extreme points"] += 1

    def area(self, label: int, rings: Sequence[Float[np.ndarray, "_ 2"]]) -> None:
        """Fill an area of one polygon; a ring within a ring is a hole."""
        window = fill(rings, self.height, self.width)
        self.pixels(label, window.inside, window.top, window.left)

    def ellipse(self, label: int, centre: tuple[float, float], radii: tuple[float, float]) -> None:
        """Fill an upright ellipse of (rows, cols) radii: the pixels whose centre it holds."""
        ends = [
            (max(0, int(np.ceil(max(at - reach, -1)))), min(size, int(np.floor(min(at + reach, size))) + 1))
            for at, reach, size in zip(centre, radii, (self.height, self.width), strict=True)
        ]
        (top, bottom), (left, right) = ends
        rows, cols = np.arange(top, max(top, bottom)), np.arange(left, max(left, right))
        down = ((rows - centre[0]) / max(radii[0], 1e-9)) ** 2
        across = ((cols - centre[1]) / max(radii[1], 1e-9)) ** 2
        self.pixels(label, down[:, None] + across[None, :] <= 1, top, left)

    def pixels(self, label: int, inside: Bool[np.ndarray, "_ _"], top: int = 0, left: int = 0) -> None:
        """Fill the pixels of a part of the image; what lies outside the image is cut off."""
        rows, cols = max(0, -top), max(0, -left)
        cut = inside[rows : max(0, self.height - top), cols : max(0, self.width - left)]
        if not cut.any():
            self._skipped["areas that hold no pixel's centre"] += 1
            return
        labels = self._map()
        place = labels[top + rows :, left + cols :][: cut.shape[0], : cut.shape[1]]
        place[cut] = label
        self._drawn["areas"] += 1

    def whole(self, labels: MaskArray) -> None:
        """Lay a label map over all; its unlabelled pixels leave what is there."""
        np.copyto(self._map(), labels, where=labels != IGNORE)
        self._drawn["label maps"] += 1

    def tag(self, label: int, present: bool) -> None:
        """Say whether the image shows a class."""
        if label == IGNORE:
            self._skipped[f"tags {UNLABELLED}"] += 1
            return
        self._marks.append(Tag(label=label, present=present))
        self._drawn["tags"] += 1

    def to_annotation(self, classes: tuple[str, ...], rest: Rest) -> Annotation:
        """Give the annotation: areas first, then what was drawn in its order, clicks last, so that they hold.

        Args:
            classes: names, background first.
            rest: what pixels are that no area covers.
        """
        marks: list[Mark] = []
        labels = np.where(self._map() == _UNTOUCHED, 0 if rest == "background" else IGNORE, self._map())
        if (labels != IGNORE).any():
            marks.append(Dense.from_map(labels.astype(np.uint8)))
        marks += self._marks
        marks += [
            Points(label=label, at=tuple(places), radius=radius)
            for (label, radius), places in self._points.items()
        ]
        return Annotation(
            name=self.name, height=self.height, width=self.width, classes=classes, marks=tuple(marks)
        )

    def _map(self) -> Int16[np.ndarray, "h w"]:
        if self._labels is None:
            self._labels = np.full((self.height, self.width), _UNTOUCHED, np.int16)
        return self._labels

    def _holds(self, row: float, col: float) -> bool:
        return -0.5 <= row <= self.height - 0.5 and -0.5 <= col <= self.width - 0.5
