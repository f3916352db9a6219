"""The connected objects of an image's foreground, class by class: what people box and outline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pointillist.annotate.place import objects
from pointillist.core.shapes import IGNORE, MaskArray, RegionArray


@dataclass(frozen=True, eq=False)
class Part:
    """One connected object (8 neighbours), cut out along its box.

    Args:
        label: its class.
        top: its first row in the image.
        left: its first column in the image.
        region: where it is within its box; other objects in the box are False.
    """

    label: int
    top: int
    left: int
    region: RegionArray

    @property
    def bottom(self) -> int:
        """The row after its last."""
        return self.top + int(self.region.shape[0])

    @property
    def right(self) -> int:
        """The column after its last."""
        return self.left + int(self.region.shape[1])


def parts(truth: MaskArray, label: int) -> Iterator[Part]:
    """Give the objects of one class, the largest first.

    >>> [part.region.shape for part in parts(np.array([[1, 0, 2, 0, 2, 2]], np.uint8), 2)]
    [(1, 2), (1, 1)]
    """
    numbers = objects(truth == label)
    boxes = ndimage.find_objects(numbers)
    sizes = np.bincount(numbers.ravel(), minlength=len(boxes) + 1)[1:]
    for at in np.argsort(-sizes, kind="stable"):
        rows, cols = boxes[at]
        yield Part(label, int(rows.start), int(cols.start), numbers[rows, cols] == at + 1)


def foreground(truth: MaskArray, num_classes: int) -> tuple[list[int], list[int]]:
    """List the foreground classes that the image shows and those that it does not; none where all is void.

    >>> foreground(np.array([[0, 2, 255]], np.uint8), 4)
    ([2], [1, 3])
    """
    counts = np.bincount(truth.ravel(), minlength=IGNORE + 1)
    if not counts[:IGNORE].any():
        return [], []
    present = [label for label in range(1, num_classes) if counts[label]]
    return present, [label for label in range(1, num_classes) if not counts[label]]
