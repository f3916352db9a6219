"""What is known about one image: its annotation as arrays, every field with a value that means unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from pointillist.core.annotation import Annotation
from pointillist.core.marks import Box, Centroid, ExtremePoints, Size, Tag
from pointillist.core.raster import outline, to_labels
from pointillist.core.shapes import IGNORE, MaskArray


@dataclass(frozen=True, eq=False)
class Known:
    """One image's share of a `Target`, on the CPU.

    Args:
        labels: label map; unknown: IGNORE.
        tags: class absent 0 / present 1; unknown: IGNORE.
        boxes: class, top, left, bottom, right (half-open), one row for each object.
        sizes: lowest and highest area of each class, in pixels; unknown: (0, inf).
        centroids: for each class the lowest and highest row, then column, of its centre of gravity; unknown:
            (-inf, inf).
        soft: class probabilities, all zeros where unknown; None: unknown all over.
    """

    labels: MaskArray
    tags: UInt8[np.ndarray, " k"]
    boxes: Int64[np.ndarray, "m 5"]
    sizes: Float[np.ndarray, "k 2"]
    centroids: Float[np.ndarray, "k 2 2"]
    soft: Float[np.ndarray, "k h w"] | None = None

    @classmethod
    def nothing(cls, num_classes: int, height: int, width: int) -> Known:
        """Know nothing."""
        return cls(
            labels=np.full((height, width), IGNORE, np.uint8),
            tags=np.full(num_classes, IGNORE, np.uint8),
            boxes=np.empty((0, 5), np.int64),
            sizes=np.tile([0.0, np.inf], (num_classes, 1)),
            centroids=np.tile([-np.inf, np.inf], (num_classes, 2, 1)),
        )

    @classmethod
    def from_labels(cls, labels: MaskArray, num_classes: int) -> Known:
        """Know a label map and nothing else."""
        return replace(cls.nothing(num_classes, *labels.shape), labels=labels)

    @classmethod
    def from_annotation(cls, annotation: Annotation, height: int, width: int) -> Known:
        """Say in arrays of an image's size what an annotation tells, at whatever size it was drawn.

        Besides what the marks say, what follows from them with certainty: a class with a labelled pixel or a
        box is present; one that is absent has no pixel, one that is present, but labelled nowhere, has at
        least one; the objects of a class are no larger than their boxes, and a tight box that touches a
        connected object on all sides holds at least its longer side in pixels (2 less at another size, where
        rounding takes up to one at either end).

        Args:
            annotation: what was drawn.
            height: rows of the image as it is looked at.
            width: its columns.
        """
        known = cls.nothing(len(annotation.classes), height, width)
        labels = to_labels(annotation, height, width)
        scale = np.array([height / annotation.height, width / annotation.width])
        boxes = [
            (mark.label, *outline(mark, scale, (height, width)))
            for mark in annotation.marks
            if isinstance(mark, Box | ExtremePoints)
        ]
        rows = np.array(boxes, np.int64).reshape(-1, 5)
        tags = _tags(annotation, labels, rows)
        unseen = ~replace(known, labels=labels).seen
        sizes = _sizes(annotation, known.sizes, tags, unseen, rows, scale)
        centroids = known.centroids.copy()
        for mark in annotation.marks:
            if isinstance(mark, Centroid):
                ranges = np.array([mark.rows, mark.cols])
                centroids[mark.label] = (ranges + 0.5) * scale[:, None] - 0.5
        return cls(labels, tags, rows, sizes, centroids)

    def over(self, labels: MaskArray) -> MaskArray:
        """Lay the labelled pixels over a label map of the same size: what a person said wins."""
        merged: MaskArray = np.where(self.labels == IGNORE, labels, self.labels)
        return merged

    def denies(self, labels: MaskArray) -> Bool[np.ndarray, "h w"]:
        """Say where a label map shows a class that is absent, or one with boxes that lies in none of them."""
        wrong: np.ndarray = np.isin(labels, np.flatnonzero(self.tags == 0))
        for label in np.unique(self.boxes[:, 0]):
            outside = labels == label
            for _, top, left, bottom, right in self.boxes[self.boxes[:, 0] == label]:
                outside[top:bottom, left:right] = False
            wrong |= outside
        return wrong

    @property
    def seen(self) -> Bool[np.ndarray, " k"]:
        """Of which classes a pixel is labelled."""
        counts: np.ndarray = np.bincount(self.labels.ravel(), minlength=IGNORE + 1)
        return counts[: len(self.tags)] > 0

    @property
    def within(self) -> MaskArray:
        """The labels without those of a box's class on its very edge: extreme points lie there.

        They say where an object ends, as its box does, and are no sample of what is inside.
        """
        if not len(self.boxes):
            return self.labels
        labels = self.labels.copy()
        for label, top, left, bottom, right in self.boxes:
            for edge in (np.s_[(top, bottom - 1), left:right], np.s_[top:bottom, (left, right - 1)]):
                labels[edge] = np.where(labels[edge] == label, np.uint8(IGNORE), labels[edge])
        return labels

    @property
    def holds(self) -> frozenset[str]:
        """The fields of a `Target` that something is known of, as losses name what they read."""
        there = {
            "labels": (self.labels != IGNORE).any(),
            "tags": (self.tags != IGNORE).any(),
            "boxes": len(self.boxes) > 0,
            "sizes": (self.sizes[:, 0] > 0).any() or np.isfinite(self.sizes[:, 1]).any(),
            "centroids": np.isfinite(self.centroids).any(),
            "soft": self.soft is not None,
        }
        return frozenset(name for name, known in there.items() if known)

    @property
    def empty(self) -> bool:
        """Whether nothing at all is known."""
        return not self.holds

    @cached_property
    def of_the_whole(self) -> frozenset[str]:
        """The fields of a `Target` of which something is known that holds only for the whole, upright image.

        A labelled pixel says where a class is that is there, and moves along; what is absent is so in every
        part. Neither counts, nor what follows from them.
        """
        low, high = self.sizes.T
        there = {
            "tags": ((self.tags == 1) & ~self.seen).any(),
            "boxes": len(self.boxes) > 0,
            "sizes": (low > 1).any() or ((high > 0) & np.isfinite(high)).any(),
            "centroids": np.isfinite(self.centroids).any(),
        }
        return frozenset(name for name, known in there.items() if known)


def _tags(annotation: Annotation, labels: MaskArray, boxes: np.ndarray) -> UInt8[np.ndarray, " k"]:
    tags = np.full(len(annotation.classes), IGNORE, np.uint8)
    present = {int(v) for v in np.unique(labels)} | {int(row[0]) for row in boxes}
    if (labels != IGNORE).all():
        tags[:] = 0
    for mark in annotation.marks:
        if isinstance(mark, Tag):
            tags[mark.label] = int(mark.present)
    tags[sorted(present - {IGNORE})] = 1  # What is drawn is there, whatever a tag says.
    return tags


def _sizes(
    annotation: Annotation,
    unknown: np.ndarray,
    tags: np.ndarray,
    unseen: np.ndarray,
    boxes: np.ndarray,
    scale: np.ndarray,
) -> Float[np.ndarray, "k 2"]:
    sizes: np.ndarray = unknown.copy()
    sizes[tags == 0] = 0.0
    # A labelled pixel says more than that there is one: as a range of its own it would dilute the others.
    sizes[(tags == 1) & unseen, 0] = 1.0
    rounded = 2 if (scale != 1).any() else 0
    for label in {int(row[0]) for row in boxes}:
        mine = boxes[boxes[:, 0] == label]
        tall, wide = mine[:, 3] - mine[:, 1], mine[:, 4] - mine[:, 2]
        # Boxes may overlap, so only the largest one's object is certain.
        sizes[label] = max(1, np.maximum(tall, wide).max() - rounded), (tall * wide).sum()
    for mark in annotation.marks:
        if isinstance(mark, Size):
            sizes[mark.label] = np.array([mark.low, mark.high]) * scale.prod()
    return sizes
