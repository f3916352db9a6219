"""Where a propagator starts: the seeds of an image, those that follow from its boxes, and a smaller copy."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, MaskArray

MIDDLE = 0.2
"""Share of a box's ellipse that is taken for its object where nobody labelled any of it."""


def seeds_of(known: Known) -> MaskArray:
    """Give the labels, and seeds in every box that has no label of its class inside.

    The outside of all boxes is background already. In a box without a label of its class, the middle fifth
    (by area) of its ellipse is taken for the object: a guess, since the middle of a ring or a crescent is
    not of it. Extreme points lie on the box's very edge, and tell as little of what is inside. Where the
    middles of two classes overlap there is no seed.

    >>> from dataclasses import replace
    >>> known = replace(Known.nothing(2, height=3, width=5), boxes=np.array([[1, 0, 1, 3, 4]]))
    >>> seeds_of(known).tolist()
    [[255, 255, 255, 255, 255], [255, 255, 1, 255, 255], [255, 255, 255, 255, 255]]
    """
    labels, boxes = known.labels, known.boxes[silent_boxes(known)]
    middles = ellipses(boxes, len(known.tags), (labels.shape[0], labels.shape[1]), MIDDLE)
    alone = (middles.sum(0) == 1) & (labels == IGNORE)
    return np.where(alone, middles.argmax(0).astype(np.uint8), labels)


def silent_boxes(known: Known) -> Bool[np.ndarray, " boxes"]:
    """Say in which boxes nothing of their class is labelled."""
    within = known.within
    silent = [not (within[top:bottom, left:right] == c).any() for c, top, left, bottom, right in known.boxes]
    return np.array(silent, dtype=bool)


def ellipses(
    boxes: Int64[np.ndarray, "_ 5"], num_classes: int, size: tuple[int, ...], share: float = 1.0
) -> Bool[np.ndarray, "{num_classes} {size[0]} {size[1]}"]:
    """Fill, class by class, the ellipse that touches each box, or the middle of it.

    Args:
        boxes: class, top, left, bottom, right (half-open).
        num_classes: K.
        size: rows and columns of the image.
        share: of the ellipse's area; at least the pixels at its centre are filled.
    """
    inside = np.zeros((num_classes, *size), dtype=bool)
    rows, cols = np.ogrid[: size[0], : size[1]]
    for label, top, left, bottom, right in boxes:
        # 0.75 reaches the four pixels around a centre that lies between them.
        tall, wide = np.maximum(np.array([bottom - top, right - left]) * np.sqrt(share) / 2, 0.75)
        down, across = (rows - (top + bottom - 1) / 2) / tall, (cols - (left + right - 1) / 2) / wide
        inside[label] |= down**2 + across**2 <= 1
    return inside


def shrunk_seeds(seeds: MaskArray, height: int, width: int) -> UInt8[np.ndarray, "{height} {width}"]:
    """Carry every labelled pixel to its place in a smaller map, where the highest class wins.

    Taking the nearest pixel instead would lose most single clicks; and a click on an object that the filled
    background around a box meets in one pixel is the rarer of the two.

    >>> shrunk_seeds(np.array([[255, 1, 255, 255], [0, 0, 255, 0]], np.uint8), 1, 2).tolist()
    [[1, 0]]
    """
    if seeds.shape == (height, width):
        return seeds
    rows, cols = np.nonzero(seeds != IGNORE)
    highest = np.full((height, width), -1, np.int64)
    # Whole numbers, by the pixels' centres: a mirrored map is carried to the mirrored places.
    at = (2 * rows + 1) * height // (2 * seeds.shape[0]), (2 * cols + 1) * width // (2 * seeds.shape[1])
    np.maximum.at(highest, at, seeds[rows, cols].astype(np.int64))
    return np.where(highest < 0, IGNORE, highest).astype(np.uint8)
